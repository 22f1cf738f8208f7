"""Responses in the shapes of the service model: what clients can read, and nothing else.

Operations return all that they have, by SageMaker's names, with values as events report them. What the model does not
have, what is None and what has another type than in the model is left out, since an error would help no client.
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
from consumers.resources.fields import plain_status

if TYPE_CHECKING:
    from botocore.model import Shape

Shaper = Callable[[Any], Any]
"""Returns a value as clients read it, or None if they cannot."""

_encode = msgspec.json.Encoder().encode


def encoded(name: str, response: Mapping[str, Any]) -> bytes:
    """The body of an operation's response: JSON of the members of its output shape, times in epoch seconds.

    Args:
        name: The name of the operation.
        response: By SageMaker's names; times in epoch milliseconds, or as events report them.
    """
    shape = operation(name).output_shape
    return _encode(shaped(shape, response)) if shape else b"{}"


def shaped(shape: Shape, value: Any) -> Any:
    """A value as clients read it, or None if it does not have the shape."""
    return _shaper(shape)(value)


@cache
def _shaper(shape: Shape) -> Shaper:
    return _KINDS[shape.type_name](shape)


def _structure(shape: Shape) -> Shaper:
    members = {name: _shaper(member) for name, member in shape.members.items()}
    only_one = shape.is_tagged_union
    required = {name: empty for name in shape.required_members if (empty := _empty(shape.members[name])) is not None}
    details = _details(shape)

    def shaper(value: Any) -> Any:
        if type(value) is not dict and not isinstance(value, Mapping):  # the latter is slow to say yes
            return None
        shaped = {}
        for name, member in value.items():
            if member is not None and name in members and (inner := members[name](member)) is not None:
                shaped[name] = inner
        for name, (other, values) in details.items():
            if name not in shaped and shaped.get(other) in values:
                shaped[name] = shaped[other]
        for name, empty in required.items():
            if name not in shaped:
                shaped[name] = empty
        return None if only_one and len(shaped) != 1 else shaped  # clients refuse the whole response otherwise

    return shaper


_FIRST = ("pending", "creating", "inprogress", "starting", "initializing", "created")
"""Statuses of what was just made, in their plain spelling; the one to take first where a kind has several of them."""


def _details(shape: Shape) -> Mapping[str, tuple[str, frozenset[str]]]:
    """The required statuses of a structure that say more of another one, each with that one and its own values.

    Where only the other one is reported, both have its value if they can: a job that is Completed is not also Pending.
    """
    statuses = [name for name in shape.required_members if name.endswith("Status")]
    return {
        name: (other, frozenset(shape.members[name].enum))
        for name in statuses
        for other in statuses
        if "Secondary" in name and "Secondary" not in other
    }


def _empty(shape: Shape) -> Any:
    """What stands for a required member of which nothing is known: clients read required members without looking.

    A text, a list or a structure is empty; a status is that of something just made. None for all others: a number, a
    time or a choice would say what nobody knows.
    """
    match shape.type_name:
        case "string" if not shape.enum:
            return ""
        case "string" if shape.name.endswith("Status"):
            spelled = {plain_status(status): status for status in shape.enum}
            return next((spelled[status] for status in _FIRST if status in spelled), None)
        case "list":
            return []
        case "map":
            return {}
        case "structure":
            return _shaper(shape)({})
    return None


def _list(shape: Shape) -> Shaper:
    element = _shaper(shape.member)

    def shaper(value: Any) -> Any:
        if not isinstance(value, list | tuple):
            return None
        return [inner for one in value if (inner := element(one)) is not None]

    return shaper


def _map(shape: Shape) -> Shaper:
    name, entry = _shaper(shape.key), _shaper(shape.value)

    def shaper(value: Any) -> Any:
        if type(value) is not dict and not isinstance(value, Mapping):
            return None
        shaped = {}
        for key, one in value.items():
            if (inner := entry(one)) is not None and name(key) is not None:
                shaped[key] = inner
        return shaped

    return shaper


def _text(value: Any) -> str | None:
    if type(value) is str and value.isascii():  # as nearly all texts are
        return value
    if not isinstance(value, str):
        return None
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:  # half of a pair of surrogates, which UTF-8 cannot encode
            return None
    return value


def _string(shape: Shape) -> Shaper:
    """Texts of a shape; one of a set of values is spelled as the model spells it: CREATED for an image, not Created."""
    spelled = {plain_status(value): value for value in shape.enum}
    if not spelled:
        return _text

    def shaper(value: Any) -> str | None:
        text = _text(value)
        return text and spelled.get(plain_status(text), text)

    return shaper


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
"""Times of events below this are in seconds, as in `ingest.event`: as milliseconds they would be before 1973."""


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
    "string": _string,
    "integer": lambda _: _whole,
    "long": lambda _: _whole,
    "float": lambda _: _number,
    "double": lambda _: _number,
    "boolean": lambda _: _boolean,
    "timestamp": lambda _: _time,
}
