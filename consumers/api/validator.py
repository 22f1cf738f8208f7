"""Requests checked against the service's model, by one validator for all operations.

A shape is compiled into functions once; a request then passes through them and comes out as operations take it:
without nulls and without members that the model does not know, times in epoch milliseconds, doubles as floats.
Refusals are worded as AWS words them, since people search for such sentences and programs match them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

import regex

from consumers.api import times
from consumers.api.errors import Invalid, Unreadable
from consumers.api.service_model import UNLIMITED

if TYPE_CHECKING:
    from botocore.model import Shape

MOST = 10
"""How many violations one refusal tells: with more, the rest is not looked at."""

DEEPEST = 100
"""How many members, elements and entries may lie within one another, where a shape contains itself."""

_SHOWN = 100
"""How many characters of a value are quoted."""

_PATIENCE = 0.1
"""How many seconds a pattern may take: a thousand times what any takes for a text that is meant to match."""

Path = tuple["Path", str | int, str] | None
"""Where in a request: what it lies in, the name, key or position there, and what AWS writes behind that."""

Violation = tuple[Path, Any, str]
"""Where, which value, and the constraint that it violates."""

Check = Callable[[Any, Path, list[Violation]], Any]
"""Gives a value as operations take it; adds to the list what is wrong with it."""


def checked(shape: Shape, value: Any, *, limits: bool = True) -> Any:
    """A value as operations take it.

    Args:
        shape: What it has to be, from `model.operation`.
        value: JSON, decoded.
        limits: False if the greatest values and lengths of `model.UNLIMITED` shall not hold.

    Raises:
        Invalid: It violates constraints of the model; the message tells all of them, up to `MOST`.
        Unreadable: Something in it is of another type than the model says.
    """
    found: list[Violation] = []
    taken = _compiled(shape, limits)(value, None, found)
    if found:
        raise _invalid(found)
    return taken


@cache
def _compiled(shape: Shape, limits: bool) -> Check:
    return _Compiler(limits).check(shape)


class _Compiler:
    """Makes the checks of a shape and of all that it contains."""

    def __init__(self, limits: bool) -> None:
        self.limits = limits
        self.made: dict[str, Check] = {}
        self.underway: set[str] = set()

    def check(self, shape: Shape) -> Check:
        """The check of a shape."""
        name = shape.name
        if name in self.underway:
            return self._again(name)
        if name not in self.made:
            self.underway.add(name)
            self.made[name] = _KINDS[shape.type_name](self, shape)
            self.underway.remove(name)
        return self.made[name]

    def bounds(self, shape: Shape, least: float = -math.inf, greatest: float = math.inf) -> tuple[float, float]:
        """Between what a length or a value has to be."""
        limited = self.limits or shape.name not in UNLIMITED
        return shape.metadata.get("min", least), shape.metadata.get("max", greatest) if limited else greatest

    def _again(self, name: str) -> Check:
        def check(value: Any, path: Path, found: list[Violation]) -> Any:
            if _depth(path) > DEEPEST:
                return _violated(found, path, value, f"Member must not lie deeper than {DEEPEST} levels")
            return self.made[name](value, path, found)

        return check


def _structure(compiler: _Compiler, shape: Shape) -> Check:
    members = {name: (_spelling(name), compiler.check(member)) for name, member in shape.members.items()}
    required = [(name, _spelling(name)) for name in shape.required_members]
    alternatives = [spelled for spelled, _ in members.values()] if shape.is_tagged_union else []

    def check(value: Any, path: Path, found: list[Violation]) -> Any:
        if not isinstance(value, dict):
            raise _mismatch(path, "an object", value)
        taken = {}
        for name, told in value.items():
            if told is not None and (member := members.get(name)):
                taken[name] = member[1](told, (path, member[0], ""), found)
        for name, spelled in required:
            if name not in taken:
                _violated(found, (path, spelled, ""), None, "Member must not be null")
        if alternatives and len(taken) != 1:
            _violated(found, path, value, f"Member must have exactly one of: [{', '.join(alternatives)}]")
        return taken

    return check


def _list(compiler: _Compiler, shape: Shape) -> Check:
    element = compiler.check(shape.member)
    least, most = compiler.bounds(shape)

    def check(value: Any, path: Path, found: list[Violation]) -> Any:
        if not isinstance(value, list):
            raise _mismatch(path, "a list", value)
        if not least <= len(value) <= most:
            return _violated(found, path, value, _length(len(value), least, most))
        return [element(told, (path, position, ".member"), found) for position, told in enumerate(value, 1)]

    return check


def _map(compiler: _Compiler, shape: Shape) -> Check:
    name, entry = compiler.check(shape.key), compiler.check(shape.value)
    least, most = compiler.bounds(shape)

    def check(value: Any, path: Path, found: list[Violation]) -> Any:
        if not isinstance(value, dict):
            raise _mismatch(path, "an object", value)
        if not least <= len(value) <= most:
            return _violated(found, path, value, _length(len(value), least, most))
        taken = {}
        of_keys: list[Violation] = []
        for key, told in value.items():
            taken[name(key, path, of_keys)] = entry(told, (path, key, ".member"), found)
        for _, key, constraint in of_keys:
            _violated(found, path, key, f"Map keys must satisfy constraint: [{constraint}]")
        return taken

    return check


def _string(compiler: _Compiler, shape: Shape) -> Check:
    least, most = compiler.bounds(shape)
    values = shape.enum
    known = frozenset(values)
    pattern = pattern_of(shape)
    matches = matching(pattern) if pattern else None

    def check(value: Any, path: Path, found: list[Violation]) -> Any:
        if not isinstance(value, str):
            raise _mismatch(path, "a string", value)
        if not least <= len(value) <= most:
            _violated(found, path, value, _length(len(value), least, most))
        elif known and value not in known:
            _violated(found, path, value, f"Member must satisfy enum value set: [{', '.join(values)}]")
        elif "\0" in value:
            _violated(found, path, value, "Member must not contain the character NUL, which no database keeps")
        elif not (value.isascii() or _encodable(value)):
            _violated(found, path, value, "Member must not contain half of a pair of surrogates: it is no text")
        elif matches and not matches(value):
            told = shape.metadata["pattern"]
            _violated(found, path, value, f"Member must satisfy regular expression pattern: {told}")
        return value

    return check


def _whole(bits: int) -> Callable[[_Compiler, Shape], Check]:
    def kind(compiler: _Compiler, shape: Shape) -> Check:
        least, greatest = compiler.bounds(shape, -(2 ** (bits - 1)), 2 ** (bits - 1) - 1)

        def check(value: Any, path: Path, found: list[Violation]) -> Any:
            if type(value) is float and value.is_integer():
                value = int(value)
            if type(value) is not int:  # True is an integer to Python, and none to AWS
                raise _mismatch(path, "a whole number", value)
            if not least <= value <= greatest:
                _violated(found, path, value, _range(value, least, greatest))
            return value

        return check

    return kind


def _number(compiler: _Compiler, shape: Shape) -> Check:
    least, greatest = compiler.bounds(shape)

    def check(value: Any, path: Path, found: list[Violation]) -> Any:
        if isinstance(value, bool) or not (isinstance(value, int | float) or value in ("NaN", "Infinity", "-Infinity")):
            raise _mismatch(path, "a number", value)
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            _violated(found, path, value, "Member must be a finite number")
        elif not least <= number <= greatest:
            _violated(found, path, value, _range(number, least, greatest))
        return number

    return check


def _boolean(_compiler: _Compiler, _shape: Shape) -> Check:
    def check(value: Any, path: Path, _found: list[Violation]) -> Any:
        if not isinstance(value, bool):
            raise _mismatch(path, "true or false", value)
        return value

    return check


def _timestamp(_compiler: _Compiler, _shape: Shape) -> Check:
    def check(value: Any, path: Path, found: list[Violation]) -> Any:
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise _mismatch(path, "a time", value)
        time = times.from_text(value) if isinstance(value, str) else times.from_seconds(value)
        if time is None:
            _violated(found, path, value, "Member must be a time: epoch seconds or ISO 8601, of the years 1 to 9999")
        return time

    return check


_KINDS: dict[str, Callable[[_Compiler, Shape], Check]] = {
    "structure": _structure,
    "list": _list,
    "map": _map,
    "string": _string,
    "integer": _whole(32),
    "long": _whole(64),
    "float": _number,
    "double": _number,
    "boolean": _boolean,
    "timestamp": _timestamp,
}
"""All that the models of both services use: there are no blobs among them."""


_REPEATED = re.compile(r"\)[*+{]")
_PAIR = re.compile(r"\\u(D[89AB][0-9A-F]{2})\\u(D[C-F][0-9A-F]{2})", re.IGNORECASE)


def pattern_of(shape: Shape) -> regex.Pattern[str] | None:
    r"""What a string has to match from its beginning to its end, if it has to.

    The model's patterns are Java's: `\w` and `\d` are ASCII there, and far characters are written in two halves.
    """
    told = shape.metadata.get("pattern")
    return _pattern(told) if told else None


@cache
def _pattern(told: str) -> regex.Pattern[str]:
    whole = _PAIR.sub(_joined, told)
    lines = regex.DOTALL if told == ".*" else 0  # any text at all: the message of a failure has lines
    return regex.compile(whole, flags=lines | (regex.UNICODE if r"\p" in told else regex.ASCII))


def matching(pattern: regex.Pattern[str]) -> Callable[[str], Any]:
    """Tells whether all of a text matches.

    Where a group is repeated, a text may be made for which a pattern looks for years. Only there patience ends, since
    to look at the clock takes five times as long as most matches.
    """
    at_once: Callable[[str], Any] = pattern.fullmatch
    if not _REPEATED.search(pattern.pattern):
        return at_once

    def match(text: str) -> Any:
        try:
            # Where other threads may run meanwhile, waiting for them is counted, and what does match is refused.
            return pattern.fullmatch(text, timeout=_PATIENCE, concurrent=False)
        except TimeoutError:
            return None

    return match


def _joined(pair: re.Match[str]) -> str:
    return rf"\U{0x10000 + ((int(pair[1], 16) & 0x3FF) << 10) + (int(pair[2], 16) & 0x3FF):08X}"


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _length(length: int, least: float, most: float) -> str:
    bound, much = (least, "greater") if length < least else (most, "less")
    return f"Member must have length {much} than or equal to {bound}"


def _range(value: float, least: float, greatest: float) -> str:
    bound, much = (least, "greater") if value < least else (greatest, "less")
    return f"Member must have value {much} than or equal to {bound}"


def _violated(found: list[Violation], path: Path, value: Any, constraint: str) -> None:
    found.append((path, value, constraint))
    if len(found) == MOST:
        raise _invalid(found)


def _invalid(found: list[Violation]) -> Invalid:
    told = "; ".join(
        f"Value {_quoted(value)} at '{_place(path)}' failed to satisfy constraint: {constraint}"
        for path, value, constraint in found
    )
    return Invalid(f"{len(found)} validation error{'s' * (len(found) > 1)} detected: {told}")


def _mismatch(path: Path, expected: str, value: Any) -> Unreadable:
    return Unreadable(f"{_place(path) or 'The request'}: expected {expected}, got {_sort(value)}")


def _spelling(name: str) -> str:
    """A member's name as AWS tells it: `artifactName` for ArtifactName."""
    return name[:1].lower() + name[1:]


def _place(path: Path) -> str:
    steps = []
    while path:
        path, step, behind = path
        steps.append(f"{_shown(str(step))}{behind}")
    return ".".join(reversed(steps))


def _depth(path: Path) -> int:
    depth = 0
    while path:
        path, depth = path[0], depth + 1
    return depth


def _sort(value: Any) -> str:
    if value is None:
        return "null"
    names = {bool: "a boolean", int: "a number", float: "a number", str: "a string", list: "a list", dict: "an object"}
    return names[type(value)]


def _quoted(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, list | dict):
        empty = "[]" if isinstance(value, list) else "{}"
        return f"'{empty[0]}{len(value)} members{empty[1]}'" if value else f"'{empty}'"
    if isinstance(value, int) and value.bit_length() > 64:
        return "'a number of more than 64 bits'"
    return f"'{_shown(str(value))}'"


def _shown(text: str) -> str:
    """A text for people: not long, and nothing in it that a terminal or a log would obey."""
    cut = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
    return "".join(one if one.isprintable() else f"\\u{ord(one):04x}" for one in cut)
