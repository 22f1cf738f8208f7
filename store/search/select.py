"""Pages of entities of which an expression is true, in an order: what Search reads from the tables.

There are two ways. Where a filter that has to be true leaves few entities, all of these are read and sorted. Else the
order is followed, by an index where there is one, until the page is full, and what is found is counted apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, FromClause, Null, Select, bindparam, exists, func, literal, null, select

from store import bulk, paging
from store.database import Transaction
from store.paging import PageKey, SortColumn
from store.search.columns import Column
from store.search.compiler import Compiler, Driver, Query
from store.search.expression import Part, SortKey, SortOrder, ValueType, in_order, precedes, segments
from store.tables import entity, metric, parameter, tag

COUNTED = 10_000
"""So many are counted; whether there are more is not worth a client's time."""


class Results(msgspec.Struct, frozen=True):
    """A page of what was found.

    Attributes:
        total: How many there are on all pages, counted up to `COUNTED`, and one if there are more.
        ids: The ids of the entities on this page, in order.
        next: The key of the last of them, which is a `SortKey`; None if there are no more.
    """

    total: int
    ids: tuple[int, ...]
    next: PageKey | None


def select_page(tx: Transaction, query: Query, order: SortOrder, *, size: int, after: SortKey | None = None) -> Results:
    """A page of what is searched for.

    Args:
        tx: To read in.
        query: What is searched for.
        order: How it is sorted.
        size: How many at most.
        after: The key of the page before, or None for the first page.
    """
    search = _Search(tx, query, order)
    driver = search.compiler.driver()
    few = search.compiler.few(driver) if driver is not None else None
    if driver is not None and few is not None:
        found = search.among(few, driver.exact)
        rest = [row for row in found if after is None or precedes(after, row[1], order)]
        return _results(len(found), rest[: size + 1], size)
    # Where no index has the order, all that may be found is sorted.
    rest = list(search.following(None if search.has_index() else driver, after, size + 1))
    whole = after is None and len(rest) <= size
    return _results(len(rest) if whole else search.count(driver), rest, size)


Row = tuple[int, SortKey]
"""An entity's id, and its key in the order."""


def _results(total: int, rows: Sequence[Row], size: int) -> Results:
    page = paging.page(rows, size, lambda row: row[1])
    return Results(total, tuple(number for number, _ in page.rows), page.next)


class _Search:
    """The statements of one search."""

    def __init__(self, tx: Transaction, query: Query, order: SortOrder) -> None:
        self.connection, self.query, self.order = tx.connection, query, order
        self.compiler = Compiler(tx.connection, query)

    def among(self, ids: Sequence[int], known: Part | None) -> list[Row]:
        """All that is found among some ids, of which a part of the expression is known to be true, in order."""
        if not ids:
            return []
        # The ids themselves: a database takes the statement for them for more than it gives.
        among = bulk.among(self.connection, entity.c.id, ids)
        true = self.compiler.true(self.query.expression, known)
        wanted = select(entity.c.id, entity.c.key, *self._values()).where(among, self.compiler.scope, true)
        found: list[Row] = []
        for id_, key, *values in self.connection.execute(wanted):
            segment = next((place for place, value in enumerate(values) if value is not None), len(values))
            found.append((id_, (segment, values[segment] if segment < len(values) else None, key)))
        return in_order(found, self.order, lambda row: row[1])

    def has_index(self) -> bool:
        """True if an index is in this order."""
        by, compiler = self.order.by, self.compiler
        if not by.within:
            column = compiler.columns.get(by.field)
        elif by.element is not None and by.within in compiler.collections:
            column = compiler.collections[by.within].fields.get(by.field)
        else:
            return False
        return column is None or column.sorted  # what nothing has is sorted by keys alone

    def following(self, driver: Driver | None, after: SortKey | None, size: int) -> Iterator[Row]:
        """What comes after a key, in order, among the ids of a driver if one is given."""
        begin = after[0] if after else 0
        for segment, kind in enumerate(segments(self.order.by.kind)):
            if segment < begin or size <= 0:
                continue
            statement = self._segment(driver, segment, kind, after if after and segment == begin else None, size)
            if statement is not None:
                for id_, key, value in self.connection.execute(statement):
                    size -= 1
                    yield id_, (segment, value, key)

    def count(self, driver: Driver | None) -> int:
        """How many there are, up to `COUNTED` and one."""
        found = select(literal(1)).select_from(entity).where(self.compiler.found(driver)).limit(COUNTED + 1)
        return self.connection.scalar(select(func.count()).select_from(found.subquery())) or 0

    def _segment(
        self, driver: Driver | None, segment: int, kind: ValueType | None, after: SortKey | None, size: int
    ) -> Select[Any] | None:
        """What comes after a key in one segment of the order; None if nothing has such a property."""
        by, compiler = self.order.by, self.compiler
        collection = compiler.collections.get(by.within)
        values = self._values()
        source: FromClause = entity
        conditions = [compiler.found(driver)]
        if kind is None:
            wanted = select(entity.c.id, entity.c.key, null()).where(*conditions, *(one.is_(None) for one in values))
            return paging.statement(wanted, [SortColumn(entity.c.key)], after[2:] if after else None, size)
        if isinstance(values[segment], Null):
            return None
        if (
            driver is None
            and collection
            and collection.owner is not None
            and collection.name is not None
            and by.element is not None
        ):
            # From the element to what has it: the index of elements is in this order.
            value = _parts(collection.fields.get(by.field), by.kind)[segment]
            source = collection.rows.join(entity, entity.c.id == collection.owner)
            conditions += [collection.name == by.element, value.is_not(None)]
        else:
            value = values[segment]
            conditions += [*(one.is_(None) for one in values[:segment]), value.is_not(None)]
            if driver is None:
                conditions.append(compiler.has_type)
        wanted = select(entity.c.id, entity.c.key, value).select_from(source).where(*conditions)
        order = [SortColumn(value, self.order.ascending), SortColumn(entity.c.key)]
        return paging.statement(wanted, order, after[1:] if after else None, size)

    def _values(self) -> list[ColumnElement[Any]]:
        """What entities are sorted by, for each segment but the last; NULL where an entity lacks it."""
        by, compiler = self.order.by, self.compiler
        if not by.within:
            return _parts(compiler.columns.get(by.field), by.kind)
        collection = compiler.collections.get(by.within)
        if collection is None:
            return _parts(None, by.kind)
        values: list[ColumnElement[Any]] = []
        for value in _parts(collection.fields.get(by.field), by.kind):
            least = select(func.min(value)).select_from(collection.rows)
            if by.element is not None and collection.name is not None:
                least = least.where(collection.name == by.element)
            if collection.owner is not None:
                least = least.where(collection.owner == entity.c.id)
            values.append(least.correlate(entity).scalar_subquery())
        return values


def _parts(column: Column | None, kind: ValueType) -> list[ColumnElement[Any]]:
    """A column for each segment of an order by it but the last."""
    if column is None:
        return [null() for segment in segments(kind) if segment]
    if column.text is not None:
        return [column.value, column.text]
    return [column.key if column.sorted and column.key is not None else column.value]


def user_names(tx: Transaction, query: Query) -> dict[str, list[str]]:
    """The names that users gave to tags, parameters and metrics of what is searched: by collection, each sorted."""
    tables = {"Tags": tag}
    if query.lineage_type == "TrialComponent":
        tables |= {"Parameters": parameter, "Metrics": metric}
    scope = Compiler(tx.connection, query).scope
    found = {}
    for within, table in tables.items():
        every = bulk.distinct(tx.connection, table.c.name)
        owned = exists().where(table.c.name == bindparam("name"), table.c.entity_id == entity.c.id, scope)
        found[within] = [name for name in every if tx.connection.scalar(select(owned), {"name": name})]
    return found
