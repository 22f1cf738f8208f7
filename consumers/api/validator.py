"""Requests checked against the service model, by one validator for all operations.

A shape is compiled into functions once; they return a request as operations take it: without nulls and without members
that the model does not have, times in epoch milliseconds, doubles as floats. Errors have AWS's wording, since people
search for such sentences and programs match them.
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
"""The most violations in one error; the rest of the request is then not checked."""

DEEPEST = 100
"""How deep members, elements and entries may be nested, where a shape contains itself."""

_SHOWN = 100
"""How many characters of a value are quoted."""

_SECONDS = 0.1
"""How many seconds a pattern may take: a thousand times what any takes for a text that matches."""

Path = tuple["Path", str | int, str] | None
"""A place in a request: the path of its parent, the name, key or position there, and what AWS writes after that."""

Violation = tuple[Path, Any, str]
"""The path, the value, and the constraint that it violates."""

Check = Callable[[Any, Path, list[Violation]], Any]
"""Returns a value as operations take it, and adds its violations to the list."""


def checked(shape: Shape, value: Any, *, limits: bool = True) -> Any:
    """A value as operations take it.

    Args:
        shape: The shape that it must have, from `service_model.operation`.
        value: Decoded JSON.
        limits: False to lift the greatest values and lengths of `service_model.UNLIMITED`.

    Raises:
        Invalid: It violates constraints of the model; the message has all of them, up to `MOST`.
        Unreadable: Part of it has another type than in the model.
    """
    violations: list[Violation] = []
    taken = _compiled(shape, limits)(value, None, violations)
    if violations:
        raise _invalid(violations)
    return taken


@cache
def _compiled(shape: Shape, limits: bool) -> Check:
    return _Compiler(limits).check(shape)


class _Compiler:
    """Compiles the checks of a shape and of all that it contains."""

    def __init__(self, limits: bool) -> None:
        self.limits = limits
        self.checks: dict[str, Check] = {}
        self.open: set[str] = set()

    def check(self, shape: Shape) -> Check:
        """The check of a shape."""
        name = shape.name
        if name in self.open:
            return self._recursive(name)
        if name not in self.checks:
            self.open.add(name)
            self.checks[name] = _KINDS[shape.type_name](self, shape)
            self.open.remove(name)
        return self.checks[name]

    def bounds(self, shape: Shape, least: float = -math.inf, greatest: float = math.inf) -> tuple[float, float]:
        """The least and the greatest length or value."""
        limited = self.limits or shape.name not in UNLIMITED
        return shape.metadata.get("min", least), shape.metadata.get("max", greatest) if limited else greatest

    def _recursive(self, name: str) -> Check:
        def check(value: Any, path: Path, violations: list[Violation]) -> Any:
            if _depth(path) > DEEPEST:
                return _violated(violations, path, value, f"Member must not lie deeper than {DEEPEST} levels")
            return self.checks[name](value, path, violations)

        return check


def _structure(compiler: _Compiler, shape: Shape) -> Check:
    members = {name: (_spelling(name), compiler.check(member)) for name, member in shape.members.items()}
    required = [(name, _spelling(name)) for name in shape.required_members]
    alternatives = [spelled for spelled, _ in members.values()] if shape.is_tagged_union else []

    def check(value: Any, path: Path, violations: list[Violation]) -> Any:
        if not isinstance(value, dict):
            raise _mismatch(path, "an object", value)
        taken = {}
        for name, given in value.items():
            if given is not None and (member := members.get(name)):
                taken[name] = member[1](given, (path, member[0], ""), violations)
        for name, spelled in required:
            if name not in taken:
                _violated(violations, (path, spelled, ""), None, "Member must not be null")
        if alternatives and len(taken) != 1:
            _violated(violations, path, value, f"Member must have exactly one of: [{', '.join(alternatives)}]")
        return taken

    return check


def _list(compiler: _Compiler, shape: Shape) -> Check:
    element = compiler.check(shape.member)
    least, most = compiler.bounds(shape)

    def check(value: Any, path: Path, violations: list[Violation]) -> Any:
        if not isinstance(value, list):
            raise _mismatch(path, "a list", value)
        if not least <= len(value) <= most:
            return _violated(violations, path, value, _length(len(value), least, most))
        return [element(one, (path, position, ".member"), violations) for position, one in enumerate(value, 1)]

    return check


def _map(compiler: _Compiler, shape: Shape) -> Check:
    name, entry = compiler.check(shape.key), compiler.check(shape.value)
    least, most = compiler.bounds(shape)

    def check(value: Any, path: Path, violations: list[Violation]) -> Any:
        if not isinstance(value, dict):
            raise _mismatch(path, "an object", value)
        if not least <= len(value) <= most:
            return _violated(violations, path, value, _length(len(value), least, most))
        taken = {}
        of_keys: list[Violation] = []
        for key, one in value.items():
            taken[name(key, path, of_keys)] = entry(one, (path, key, ".member"), violations)
        for _, key, constraint in of_keys:
            _violated(violations, path, key, f"Map keys must satisfy constraint: [{constraint}]")
        return taken

    return check


def _string(compiler: _Compiler, shape: Shape) -> Check:
    least, most = compiler.bounds(shape)
    values = shape.enum
    allowed = frozenset(values)
    pattern = pattern_of(shape)
    matches = matcher(pattern) if pattern else None

    def check(value: Any, path: Path, violations: list[Violation]) -> Any:
        if not isinstance(value, str):
            raise _mismatch(path, "a string", value)
        if not least <= len(value) <= most:
            _violated(violations, path, value, _length(len(value), least, most))
        elif allowed and value not in allowed:
            _violated(violations, path, value, f"Member must satisfy enum value set: [{', '.join(values)}]")
        elif "\0" in value:
            _violated(
                violations, path, value, "Member must not contain the character NUL, which databases cannot store"
            )
        elif not (value.isascii() or _encodable(value)):
            _violated(violations, path, value, "Member must not contain half of a pair of surrogates: it is not text")
        elif matches and not matches(value):
            written = shape.metadata["pattern"]
            _violated(violations, path, value, f"Member must satisfy regular expression pattern: {written}")
        return value

    return check


def _whole(bits: int) -> Callable[[_Compiler, Shape], Check]:
    def kind(compiler: _Compiler, shape: Shape) -> Check:
        least, greatest = compiler.bounds(shape, -(2 ** (bits - 1)), 2 ** (bits - 1) - 1)

        def check(value: Any, path: Path, violations: list[Violation]) -> Any:
            if type(value) is float and value.is_integer():
                value = int(value)
            if type(value) is not int:  # True is an integer in Python, and not in AWS
                raise _mismatch(path, "a whole number", value)
            if not least <= value <= greatest:
                _violated(violations, path, value, _range(value, least, greatest))
            return value

        return check

    return kind


def _number(compiler: _Compiler, shape: Shape) -> Check:
    least, greatest = compiler.bounds(shape)

    def check(value: Any, path: Path, violations: list[Violation]) -> Any:
        if isinstance(value, bool) or not (isinstance(value, int | float) or value in ("NaN", "Infinity", "-Infinity")):
            raise _mismatch(path, "a number", value)
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            _violated(violations, path, value, "Member must be a finite number")
        elif not least <= number <= greatest:
            _violated(violations, path, value, _range(number, least, greatest))
        return number

    return check


def _boolean(_compiler: _Compiler, _shape: Shape) -> Check:
    def check(value: Any, path: Path, _violations: list[Violation]) -> Any:
        if not isinstance(value, bool):
            raise _mismatch(path, "true or false", value)
        return value

    return check


def _timestamp(_compiler: _Compiler, _shape: Shape) -> Check:
    def check(value: Any, path: Path, violations: list[Violation]) -> Any:
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise _mismatch(path, "a time", value)
        time = times.from_text(value) if isinstance(value, str) else times.from_seconds(value)
        if time is None:
            _violated(
                violations, path, value, "Member must be a time: epoch seconds or ISO 8601, of the years 1 to 9999"
            )
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
"""All types that the models of both services use; there are no blobs among them."""


_REPEATED = re.compile(r"\)[*+{]")
_PAIR = re.compile(r"\\u(D[89AB][0-9A-F]{2})\\u(D[C-F][0-9A-F]{2})", re.IGNORECASE)


def pattern_of(shape: Shape) -> regex.Pattern[str] | None:
    r"""The pattern that a whole string must match, or None.

    The model's patterns are Java's: `\w` and `\d` are ASCII there, and characters above U+FFFF are surrogate pairs.
    """
    written = shape.metadata.get("pattern")
    return _pattern(written) if written else None


@cache
def _pattern(written: str) -> regex.Pattern[str]:
    pattern = _PAIR.sub(_joined, written)
    lines = regex.DOTALL if written == ".*" else 0  # any text at all: the message of a failure has lines
    return regex.compile(pattern, flags=lines | (regex.UNICODE if r"\p" in written else regex.ASCII))


def matcher(pattern: regex.Pattern[str]) -> Callable[[str], Any]:
    """A function that is true of texts that match as a whole.

    Where a pattern repeats a group, it may take years for a text that is made for that. Only there the time is limited,
    since reading the clock takes five times as long as most matches.
    """
    unlimited: Callable[[str], Any] = pattern.fullmatch
    if not _REPEATED.search(pattern.pattern):
        return unlimited

    def match(text: str) -> Any:
        try:
            # If other threads ran meanwhile, their time would count, and texts that match would be refused.
            return pattern.fullmatch(text, timeout=_SECONDS, concurrent=False)
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


def _violated(violations: list[Violation], path: Path, value: Any, constraint: str) -> None:
    violations.append((path, value, constraint))
    if len(violations) == MOST:
        raise _invalid(violations)


def _invalid(violations: list[Violation]) -> Invalid:
    listed = "; ".join(
        f"Value {_quoted(value)} at '{_place(path)}' failed to satisfy constraint: {constraint}"
        for path, value, constraint in violations
    )
    return Invalid(f"{len(violations)} validation error{'s' * (len(violations) > 1)} detected: {listed}")


def _mismatch(path: Path, expected: str, value: Any) -> Unreadable:
    return Unreadable(f"{_place(path) or 'The request'}: expected {expected}, got {_json_type(value)}")


def _spelling(name: str) -> str:
    """A member's name as AWS writes it in errors: `artifactName` for ArtifactName."""
    return name[:1].lower() + name[1:]


def _place(path: Path) -> str:
    steps = []
    while path:
        path, step, suffix = path
        steps.append(f"{_shown(str(step))}{suffix}")
    return ".".join(reversed(steps))


def _depth(path: Path) -> int:
    depth = 0
    while path:
        path, depth = path[0], depth + 1
    return depth


def _json_type(value: Any) -> str:
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
    """A text for people: short, and without characters that control terminals or logs."""
    cut = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
    return "".join(one if one.isprintable() else f"\\u{ord(one):04x}" for one in cut)
