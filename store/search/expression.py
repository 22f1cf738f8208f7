"""What a search asks: filters of properties by SageMaker's names, joined by And and Or.

Two ways of asking understand these: `store.search.select` over what the tables hold, and
`consumers.api.record_filter` over records.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from typing import TypeVar

import msgspec

T = TypeVar("T")


class ValueType(StrEnum):
    """What a property's values are, and so how they compare."""

    TEXT = "text"
    """By code point, in their case."""
    NAME = "name"
    """Names and ARNs: as texts, without the case of ASCII's letters."""
    NUMBER = "number"
    TIME = "time"
    """In epoch milliseconds."""
    EITHER = "either"
    """A number or a text; numbers come before texts."""
    WHOLE = "whole"
    """A structure: it is there, or is not."""


class Operator(StrEnum):
    """How a property is compared with a value; SageMaker's words."""

    EQUALS = "Equals"
    NOT_EQUALS = "NotEquals"
    GREATER = "GreaterThan"
    AT_LEAST = "GreaterThanOrEqualTo"
    LESS = "LessThan"
    AT_MOST = "LessThanOrEqualTo"
    CONTAINS = "Contains"
    EXISTS = "Exists"
    NOT_EXISTS = "NotExists"
    IN = "In"


ORDERED = frozenset({Operator.GREATER, Operator.AT_LEAST, Operator.LESS, Operator.AT_MOST})
"""What only numbers and times can be asked."""


class Property(msgspec.Struct, frozen=True):
    """A property of a resource, or of the elements of one of its collections.

    Attributes:
        field: Its name, with dots, in the resource or in an element; empty for an element itself.
        kind: What its values are.
        within: The name of the collection, with dots; empty if it is in none.
        element: Which element's; None: of any.
    """

    field: str
    kind: ValueType
    within: str = ""
    element: str | None = None


Value = str | float


class Filter(msgspec.Struct, frozen=True):
    """That a property compares so; what does not have it meets `NotExists` and nothing else.

    Attributes:
        property: Which.
        operator: How.
        values: With what: any of these will do, and for `NotEquals` none may be. Names are in lower case, times in
            epoch milliseconds; empty where an operator needs none.
    """

    property: Property
    operator: Operator
    values: tuple[Value, ...] = ()


class Nested(msgspec.Struct, frozen=True):
    """That one element of a collection meets all filters, which are about its fields."""

    within: str
    filters: tuple[Filter, ...]


class Expression(msgspec.Struct, frozen=True):
    """That all parts are true, or, if `every` is False, any of them."""

    parts: tuple[Filter | Nested | Expression, ...] = ()
    every: bool = True


class Order(msgspec.Struct, frozen=True):
    """By which property, and which way; what lacks it comes last either way, and of equals the lesser ARN first."""

    by: Property
    ascending: bool = False


Position = tuple[int, Value | None, str]
"""A place in an order: which run of it (see `runs`), the value there, and the ARN in lower case."""


def runs(kind: ValueType) -> Iterator[ValueType | None]:
    """What an order by such a property consists of, one after the other; None: what does not have it."""
    if kind is ValueType.EITHER:
        yield from (ValueType.NUMBER, ValueType.TEXT)
    else:
        yield kind
    yield None


_LOWER = str.maketrans({chr(letter): chr(letter + 32) for letter in range(ord("A"), ord("Z") + 1)})
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


def folded(text: str) -> str:
    """A text with ASCII's letters in lower case, as both databases see to it."""
    return text.translate(_LOWER)


def read(value: Value) -> float | None:
    """The number that a value is or reads as; None if it is none, or greater than any."""
    if isinstance(value, str) and not _NUMBER.fullmatch(value):
        return None
    number = float(value)
    return number if math.isfinite(number) else None


def precedes(first: Position, second: Position, order: Order) -> bool:
    """True if the first position comes before the second."""
    (run, value, key), (other_run, other, other_key) = first, second
    if run != other_run or value == other:
        return (run, key) < (other_run, other_key)
    return bool(value < other) is order.ascending  # type: ignore[operator]  # one run holds values of one kind


def in_order(positions: Iterable[T], order: Order, position: Callable[[T], Position]) -> list[T]:
    """What has positions, sorted."""
    by_key = sorted(positions, key=lambda one: position(one)[2])
    by_value = sorted(by_key, key=lambda one: _comparable(position(one)[1]), reverse=not order.ascending)
    return sorted(by_value, key=lambda one: position(one)[0])


def _comparable(value: Value | None) -> tuple[bool, float, str]:
    return (True, 0.0, value) if isinstance(value, str) else (False, value or 0.0, "")
