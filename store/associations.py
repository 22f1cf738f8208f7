"""Associations in lists, each pair once for all resources that have it: those of SageMaker and those of clients."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, FromClause, Select, and_, bindparam, case, exists, func, or_, select, tuple_

from store import bulk, paging
from store.database import Store, Transaction
from store.lineage import MADE_BY_HAND, TrialComponent, query_type
from store.paging import Page, PageKey, SortColumn
from store.tables import association, entity


class Link(msgspec.Struct, frozen=True):
    """An association, with its ends.

    Attributes:
        source: An ARN.
        destination: Likewise.
        type: How they are linked.
        since: Since when, in epoch milliseconds.
        source_type: The source's type, as ListAssociations has it: `DataSet`, `SageMakerTrainingJob` ...
        destination_type: Likewise.
        source_name: Its name, or empty.
        destination_name: Likewise.
    """

    source: str
    destination: str
    type: str
    since: int
    source_type: str
    destination_type: str
    source_name: str
    destination_name: str


class AssociationFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which associations a list is of: those that meet every one of these that is not None.

    Attributes:
        source: From this ARN.
        destination: To this ARN.
        source_type: From entities of this type, in either spelling of a job's.
        destination_type: Likewise.
        type: Of this type.
        since: Since then or later, in epoch milliseconds.
        until: Since then or earlier.
    """

    source: str | None = None
    destination: str | None = None
    source_type: str | None = None
    destination_type: str | None = None
    type: str | None = None
    since: int | None = None
    until: int | None = None


def page(
    store: Store, wanted: AssociationFilter, sort_by: str, *, ascending: bool, size: int, after: PageKey | None = None
) -> Page[Link]:
    """A page of a list of associations.

    Args:
        store: Where.
        wanted: Which associations.
        sort_by: `source`, `destination`, `source_type`, `destination_type` or `since`.
        ascending: The least or oldest first.
        size: How many at most.
        after: The key of the page before, or None for the first page.
    """
    given = {name: value for name in wanted.__struct_fields__ if (value := getattr(wanted, name)) is not None}
    statement = _page(frozenset(given), sort_by, ascending, after is not None)
    for name in _ARNS & given.keys():
        given[name] = given[name].lower()
    for name in _TYPES & given.keys():
        given |= zip((name, f"{name}_too"), _spellings(given[name]), strict=True)
    parameters = {**given, **dict(zip(_KEY, after or (), strict=False)), "size": size + 1}
    rows = store.read(lambda tx: bulk.read(tx.connection, statement, parameters).fetchall())
    found = paging.page(rows, size, lambda row: _key(row, sort_by))
    return Page([Link(*row[:8]) for row in found.rows], found.next)


def _key(row: Sequence[Any], sort_by: str) -> PageKey:
    """The key of a row: what it is sorted by, ARNs without their case; and the ids of its ends."""
    value, ends = row[_SORTED[sort_by]], row[8:]
    ends = ends[::-1] if sort_by.startswith("destination") else ends
    return (value.lower() if sort_by in _ARNS else value, *ends)


_KEY = ("last_value", "last_id", "last_other_id")
"""The parameters that hold the key of the page before."""
_SORTED = {name: place for place, name in enumerate(Link.__struct_fields__)}
_ARNS = frozenset({"source", "destination"})
_TYPES = frozenset({"source_type", "destination_type"})


@lru_cache(maxsize=256)
def _page(given: frozenset[str], sort_by: str, ascending: bool, further: bool) -> Select[Any]:
    """The statement for a page; it is made once for all requests of a form, since that takes longer than to execute it.

    Args:
        given: Which attributes of `AssociationFilter` are not None.
        sort_by: As `page`.
        ascending: Likewise.
        further: Whether there was a page before.
    """
    source, destination, row = entity.alias("source"), entity.alias("destination"), association.alias("pair")
    columns: dict[str, ColumnElement[Any]] = {
        "source": source.c.arn,
        "destination": destination.c.arn,
        "type": _type_of_pair(row),
        "since": row.c.since,
        "source_type": _type(source),
        "destination_type": _type(destination),
    }
    # The key of an entity is its ARN in lower case, and has an index.
    sorted_by = {**columns, "source": source.c.key, "destination": destination.c.key}[sort_by]
    ends = [row.c.source_id, row.c.destination_id]
    # Those of the end that is sorted by come first: they are read in this order, each by its own index.
    order = (sorted_by, *(reversed(ends) if sort_by.startswith("destination") else ends))
    found = (
        select(*columns.values(), source.c.name, destination.c.name, row.c.source_id, row.c.destination_id)
        .select_from(row)
        .join(source, source.c.id == row.c.source_id)
        .join(destination, destination.c.id == row.c.destination_id)
        .where(row.c.inferred == 0, _is_first(row))
    )
    for column, name in zip(ends, ("source", "destination"), strict=True):
        if name in given:
            found = found.where(column == select(entity.c.id).where(entity.c.key == bindparam(name)).scalar_subquery())
    for name in _TYPES & given:
        found = found.where(columns[name].in_([bindparam(name), bindparam(f"{name}_too")]))
    if "type" in given:
        found = found.where(columns["type"] == bindparam("type"))
    if "since" in given:
        found = found.where(row.c.since >= bindparam("since"))
    if "until" in given:
        found = found.where(row.c.since <= bindparam("until"))
    after = [bindparam(name, type_=column.type) for name, column in zip(_KEY, order, strict=True)] if further else None
    if after:  # also by itself: columns of several tables have no index together
        found = found.where(sorted_by >= after[0] if ascending else sorted_by <= after[0])
    if sort_by in _ARNS:  # every ARN lies between these; but without such bounds, SQLite reads and sorts all rows
        found = found.where(sorted_by > "", sorted_by < "~")
    return paging.statement(found, [SortColumn(column, ascending) for column in order], after, bindparam("size"))


def _is_first(row: FromClause) -> ColumnElement[bool]:
    """True of one row of each pair, that of the resource which has had the association for longest.

    So rows can be read in the order of an index, and a page costs the same however many there are.
    """
    other = association.alias()
    return ~exists().where(
        _of_pair(other, row), tuple_(other.c.since, other.c.resource_id) < tuple_(row.c.since, row.c.resource_id)
    )


def _type_of_pair(row: FromClause) -> ColumnElement[str]:
    """The type of the association of a pair, also where several resources have it."""
    other = association.alias()
    return select(func.min(other.c.type)).where(_of_pair(other, row)).scalar_subquery()


def _of_pair(other: FromClause, row: FromClause) -> ColumnElement[bool]:
    """True of the rows that SageMaker would have of the pair of a row."""
    return and_(
        other.c.source_id == row.c.source_id, other.c.destination_id == row.c.destination_id, other.c.inferred == 0
    )


def _type(end: FromClause) -> ColumnElement[str]:
    """The type of an end, as ListAssociations has it."""
    by_hand = and_(end.c.lineage_type == TrialComponent.lineage_type, end.c.type == "")
    return case((by_hand, MADE_BY_HAND), else_=end.c.type)


def _spellings(type_: str) -> tuple[str, str]:
    """The spellings of a type in entities: a job's has two."""
    return type_, f"SageMaker{type_}" if query_type(type_) == type_ and type_.endswith("Job") else type_


def between(tx: Transaction, source: int, destination: int) -> bool:
    """True if SageMaker would have an association between two entities, given by their ids."""
    ends = {"source": source, "destination": destination}
    return bulk.read(tx.connection, _BETWEEN, ends).fetchone() is not None


_BETWEEN = (
    select(association.c.source_id)
    .where(
        association.c.source_id == bindparam("source"),
        association.c.destination_id == bindparam("destination"),
        association.c.inferred == 0,
    )
    .limit(1)
)


def of(tx: Transaction, number: int) -> list[tuple[str, str]]:
    """The ARNs of both ends of each association that SageMaker would have of an entity, given by its id."""
    source, destination = entity.alias(), entity.alias()
    wanted = (
        select(source.c.arn, destination.c.arn)
        .distinct()
        .join(source, source.c.id == association.c.source_id)
        .join(destination, destination.c.id == association.c.destination_id)
        .where(
            or_(association.c.source_id == number, association.c.destination_id == number), association.c.inferred == 0
        )
        .order_by(source.c.arn, destination.c.arn)
    )
    return [(begin, end) for begin, end in tx.connection.execute(wanted)]
