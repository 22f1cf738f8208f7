"""Keyset pagination: a page begins after the key of the last row of the page before it.

So rows that come or go between two pages shift nothing, and a late page costs no more than the first one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

from sqlalchemy import ColumnElement, Select, and_, literal, or_, tuple_
from sqlalchemy.types import NullType

Row = TypeVar("Row")

PageKey = tuple[str | int | float | None, ...]
"""The key of a row: its values in the columns that a list is sorted by. Together they are unique."""


class Page(NamedTuple, Generic[Row]):
    """Some rows of a list, in its order, and the key of the last of them; None if there are no more."""

    rows: Sequence[Row]
    next: PageKey | None


class SortColumn(NamedTuple):
    """One of the columns that a list is sorted by; none of its values is NULL."""

    column: ColumnElement[Any]
    ascending: bool = True


def statement(
    select: Select[Any],
    order: Sequence[SortColumn],
    after: Sequence[str | int | float | ColumnElement[Any] | None] | None,
    limit: int | ColumnElement[int],
) -> Select[Any]:
    """The statement that reads rows of a list, in its order.

    Args:
        select: All rows of the list.
        order: What it is sorted by, the most significant column first.
        after: The key of the row after which to begin, as values or as parameters; None for the beginning.
        limit: How many rows at most: one more than a page has, for `page` to see whether there are more.
    """
    if after is not None:
        select = select.where(follows(order, after))
    return select.order_by(*(one.column.asc() if one.ascending else one.column.desc() for one in order)).limit(limit)


def follows(
    order: Sequence[SortColumn], key: Sequence[str | int | float | ColumnElement[Any] | None]
) -> ColumnElement[bool]:
    """The condition that a row comes after the row of a key."""
    values = [_value(value, one.column) for one, value in zip(order, key, strict=True)]
    (first, ascending), *rest = order
    if all(one.ascending is ascending for one in rest):
        row, last = tuple_(*(one.column for one in order)), tuple_(*values)
        return row > last if ascending else row < last
    # The first column by itself, too: an index finds where to begin by it.
    reached = first >= values[0] if ascending else first <= values[0]
    beyond = first > values[0] if ascending else first < values[0]
    return and_(reached, or_(beyond, follows(rest, values[1:])))


def _value(value: str | int | float | ColumnElement[Any] | None, column: ColumnElement[Any]) -> ColumnElement[Any]:
    if isinstance(value, ColumnElement):
        return value
    return literal(value, None if isinstance(column.type, NullType) else column.type)


def page(rows: Sequence[Row], size: int, key: Callable[[Row], PageKey]) -> Page[Row]:
    """A page of rows.

    Args:
        rows: In order, one more than `size` if there are more than that.
        size: How many the page has at most.
        key: The key of a row.
    """
    shown = rows[:size]
    return Page(shown, key(shown[-1]) if len(rows) > size else None)
