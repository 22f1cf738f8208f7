"""What a search looks for: filters of properties by SageMaker's names, joined by And and Or.

Search and `headwater runs --where` share this language. `text_form` reads what people write on the command line,
`consumers.api.operations.search` reads requests; `compiler` turns expressions into SQL over tables, and
`consumers.api.record_filter` evaluates them over records, with the same meaning.
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
    """By code point, with case."""
    NAME = "name"
    """Names and ARNs: as texts, without the case of ASCII's letters."""
    NUMBER = "number"
    TIME = "time"
    """In epoch milliseconds."""
    EITHER = "either"
    """A number or a text; numbers come before texts."""
    WHOLE = "whole"
    """A structure: it exists or does not."""


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
"""Operators that are about an order; SageMaker has them for numbers and times only."""


class Property(msgspec.Struct, frozen=True):
    """A property of a resource, or of the elements of one of its collections.

    Attributes:
        field: Its name, with dots, in the resource or in an element; empty for an element itself.
        kind: What its values are.
        within: The name of the collection, with dots; empty if it is in none.
        element: The name of the element; None: of any element.
    """

    field: str
    kind: ValueType
    within: str = ""
    element: str | None = None


Value = str | float


class Filter(msgspec.Struct, frozen=True):
    """A comparison of a property; what lacks the property meets `NotExists` and nothing else.

    Attributes:
        property: Which property.
        operator: How it is compared.
        values: With what: one of these suffices, and for `NotEquals` none may be equal. Texts compare with texts and
            numbers with numbers. Names are in lower case, times in epoch milliseconds; empty where an operator needs
            none.
    """

    property: Property
    operator: Operator
    values: tuple[Value, ...] = ()


class Nested(msgspec.Struct, frozen=True):
    """One element of a collection meets all filters, which are about its fields."""

    within: str
    filters: tuple[Filter, ...]


class Expression(msgspec.Struct, frozen=True):
    """All parts are true, or, if `every` is False, at least one of them is."""

    parts: tuple[Filter | Nested | Expression, ...] = ()
    every: bool = True


Part = Filter | Nested | Expression
"""A part of an expression, or all of it."""


def filters_of(part: Part) -> Iterator[Filter]:
    """All filters of an expression, those of its sub-expressions among them."""
    if isinstance(part, Filter):
        yield part
    elif isinstance(part, Nested):
        yield from part.filters
    else:
        for inner in part.parts:
            yield from filters_of(inner)


# ---------------------------------------------------------------------------------------------------------------- order


class SortOrder(msgspec.Struct, frozen=True):
    """By which property, and which way; what lacks it comes last either way, and equals are in the order of ARNs."""

    by: Property
    ascending: bool = False


SortKey = tuple[int, Value | None, str]
"""What is compared to sort: the segment of the order (see `segments`), the value in it, and the ARN in lower case.

That of the last result of a page is the page's key.
"""


def segments(kind: ValueType) -> Iterator[ValueType | None]:
    """What an order by such a property consists of, one after the other; None: what lacks the property."""
    if kind is ValueType.EITHER:
        yield from (ValueType.NUMBER, ValueType.TEXT)
    else:
        yield kind
    yield None


def precedes(first: SortKey, second: SortKey, order: SortOrder) -> bool:
    """True if the first comes before the second."""
    (segment, value, key), (other_segment, other, other_key) = first, second
    if segment != other_segment or value == other:
        return (segment, key) < (other_segment, other_key)
    return bool(value < other) is order.ascending  # type: ignore[operator]  # one segment has values of one kind


def in_order(rows: Iterable[T], order: SortOrder, key: Callable[[T], SortKey]) -> list[T]:
    """Rows in an order, which have keys."""
    by_arn = sorted(rows, key=lambda row: key(row)[2])
    by_value = sorted(by_arn, key=lambda row: _comparable(key(row)[1]), reverse=not order.ascending)
    return sorted(by_value, key=lambda row: key(row)[0])


def _comparable(value: Value | None) -> tuple[bool, float, str]:
    return (True, 0.0, value) if isinstance(value, str) else (False, value or 0.0, "")


# --------------------------------------------------------------------------------------------------------------- values

_LOWER = str.maketrans({chr(letter): chr(letter + 32) for letter in range(ord("A"), ord("Z") + 1)})
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


def folded(text: str) -> str:
    """A text with ASCII's letters in lower case, as both databases make it."""
    return text.translate(_LOWER)


def as_number(value: Value) -> float | None:
    """The number that a value is or reads as; None if it is none, or infinite."""
    if isinstance(value, str) and not _NUMBER.fullmatch(value):
        return None
    number = float(value)
    return number if math.isfinite(number) else None
