"""Answers shaped by the service's model: what clients can read, and nothing else.

Operations tell all they know, in the words of SageMaker; descriptions come as events told them. What the model does not
know, what is None and what is of another type than the model says is left out: no answer is better for a complaint.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec

from consumers.api import times
from consumers.api.service_model import operation

if TYPE_CHECKING:
    from botocore.model import Shape

Shaper = Callable[[Any], Any]
"""Gives a value as it goes out, or None if it cannot go out."""

_encode = msgspec.json.Encoder().encode


def encoded(name: str, answer: Mapping[str, Any]) -> bytes:
    """The body of an operation's answer: JSON of what its output shape knows, times in epoch seconds.

    Args:
        name: Of the operation.
        answer: By SageMaker's names; times in epoch milliseconds, or as events tell them.
    """
    shape = operation(name).output_shape
    return _encode(shaped(shape, answer)) if shape else b"{}"


def shaped(shape: Shape, value: Any) -> Any:
    """A value as it goes out, or None if it is not what the shape says."""
    return _shaper(shape)(value)


@cache
def _shaper(shape: Shape) -> Shaper:
    return _KINDS[shape.type_name](shape)


def _structure(shape: Shape) -> Shaper:
    members = {name: _shaper(member) for name, member in shape.members.items()}
    only_one = shape.is_tagged_union

    def shaper(value: Any) -> Any:
        if type(value) is not dict and not isinstance(value, Mapping):  # the latter is slow to say yes
            return None
        said = {}
        for name, told in value.items():
            if told is not None and name in members and (inner := members[name](told)) is not None:
                said[name] = inner
        return None if only_one and len(said) != 1 else said  # clients refuse such a union, and all around it

    return shaper


def _list(shape: Shape) -> Shaper:
    element = _shaper(shape.member)

    def shaper(value: Any) -> Any:
        if not isinstance(value, list | tuple):
            return None
        return [inner for told in value if (inner := element(told)) is not None]

    return shaper


def _map(shape: Shape) -> Shaper:
    name, entry = _shaper(shape.key), _shaper(shape.value)

    def shaper(value: Any) -> Any:
        if type(value) is not dict and not isinstance(value, Mapping):
            return None
        said = {}
        for key, told in value.items():
            if (inner := entry(told)) is not None and name(key) is not None:
                said[key] = inner
        return said

    return shaper


def _text(value: Any) -> str | None:
    if type(value) is str and value.isascii():  # as nearly all are
        return value
    if not isinstance(value, str):
        return None
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:  # half of a pair of surrogates, which no bytes can say
            return None
    return value


_WHOLE = re.compile(r"([+-]?[0-9]{1,19})(?:\.0*)?")


def _whole(value: Any) -> int | None:
    if isinstance(value, str) and (digits := _WHOLE.fullmatch(value)):
        value = int(digits[1])
    elif isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if type(value) is int and -(2**63) <= value < 2**63 else None


def _number(value: Any) -> float | None:
    if type(value) is float and -math.inf < value < math.inf:
        return value
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _boolean(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


_SECONDS = 100_000_000_000
"""What events tell below this is in seconds, as `ingest.event` reads them: milliseconds would be before 1973."""


def _time(value: Any) -> int | float | None:
    if type(value) is int:
        return times.seconds(value)
    if isinstance(value, str):
        time = times.from_text(value)
        if time is not None:
            return times.seconds(time)
    number = _number(value)
    if number is None:
        return None
    time = times.from_seconds(number if abs(number) < _SECONDS else number / 1000)
    return None if time is None else times.seconds(time)


_KINDS: dict[str, Callable[[Shape], Shaper]] = {
    "structure": _structure,
    "list": _list,
    "map": _map,
    "string": lambda _: _text,
    "integer": lambda _: _whole,
    "long": lambda _: _whole,
    "float": lambda _: _number,
    "double": lambda _: _number,
    "boolean": lambda _: _boolean,
    "timestamp": lambda _: _time,
}
