"""Associations in lists, each pair once, whoever speaks of it; those that SageMaker captures or clients add."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec
from sqlalchemy import ColumnElement, FromClause, and_, func, literal, or_, select

from store.database import Store, Transaction
from store.lineage import TrialComponent
from store.query import query_type
from store.tables import association, entity

MADE_BY_HAND = "SageMakerExperimentTrialComponent"
"""The type of a trial component that stands for no job, as an end of associations (API 4)."""


class Link(msgspec.Struct, frozen=True):
    """An association, with what is known of its ends.

    Attributes:
        source: An ARN.
        destination: Likewise.
        type: How they are linked.
        since: Since when, in epoch milliseconds.
        source_type: What the source is, as ListAssociations says it: `DataSet`, `SageMakerTrainingJob` ...
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


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which associations a list is of: those that are as every one of these says that is not None.

    Attributes:
        source: From this ARN.
        destination: To this ARN.
        source_type: From what is of this type, in either spelling of a job's.
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


class Place(NamedTuple):
    """Where an association is in a list: what is sorted by, and the ids of its ends."""

    value: str | int
    source_id: int
    destination_id: int


def page(
    store: Store, wanted: Wanted, sort_by: str, *, ascending: bool, size: int, after: Place | None = None
) -> tuple[list[Link], Place | None]:
    """Some of a list.

    Args:
        store: Where.
        wanted: Which associations.
        sort_by: `source`, `destination`, `source_type`, `destination_type` or `since`.
        ascending: The least or oldest first.
        size: How many at most.
        after: Where the page before ended.

    Returns:
        The associations, and where the last one is if there are more.
    """
    source, destination = entity.alias("source"), entity.alias("destination")
    ends = [association.c.source_id, association.c.destination_id]
    pairs = (
        select(*ends, func.min(association.c.type).label("type"), func.min(association.c.since).label("since"))
        .where(association.c.inferred == 0)
        .group_by(*ends)
    )
    for column, arn in zip(ends, (wanted.source, wanted.destination), strict=True):
        if arn is not None:
            pairs = pairs.where(column == select(entity.c.id).where(entity.c.key == arn.lower()).scalar_subquery())
    pair = pairs.subquery()
    columns: dict[str, ColumnElement[Any]] = {
        "source": source.c.arn,
        "destination": destination.c.arn,
        "source_type": source.c.type,
        "destination_type": destination.c.type,
        "since": pair.c.since,
    }
    sort = columns[sort_by]
    told = (source.c.lineage_type, destination.c.lineage_type)
    names = (source.c.name, destination.c.name)
    found = (
        select(*columns.values(), pair.c.type, *names, *told, pair.c.source_id, pair.c.destination_id)
        .join(source, source.c.id == pair.c.source_id)
        .join(destination, destination.c.id == pair.c.destination_id)
    )
    if wanted.source_type is not None:
        found = found.where(_is_of(source, wanted.source_type))
    if wanted.destination_type is not None:
        found = found.where(_is_of(destination, wanted.destination_type))
    if wanted.type is not None:
        found = found.where(pair.c.type == wanted.type)
    if wanted.since is not None:
        found = found.where(pair.c.since >= wanted.since)
    if wanted.until is not None:
        found = found.where(pair.c.since <= wanted.until)
    order = (sort, pair.c.source_id, pair.c.destination_id)
    if after is not None:
        found = found.where(_beyond(order, after, ascending))
    ways = [column.asc() if ascending else column.desc() for column in order]

    def look(tx: Transaction) -> tuple[list[Link], Place | None]:
        some = tx.connection.execute(found.order_by(*ways).limit(size + 1)).all()
        shown = [_link(row) for row in some[:size]]
        if len(some) <= size:
            return shown, None
        last = some[size - 1]
        return shown, Place(last[list(columns).index(sort_by)], last[-2], last[-1])

    return store.read(look)


def _is_of(end: FromClause, type_: str) -> ColumnElement[bool]:
    """That an end is of a type; a trial component's is told in two spellings."""
    if type_ in (MADE_BY_HAND, query_type(MADE_BY_HAND)):
        return and_(end.c.lineage_type == TrialComponent.lineage_type, end.c.type == literal(""))
    if type_.endswith("Job") and not type_.startswith("SageMaker"):
        return end.c.type.in_((type_, f"SageMaker{type_}"))
    return end.c.type.in_((type_,))


def _beyond(order: tuple[ColumnElement[Any], ...], after: Place, ascending: bool) -> ColumnElement[bool]:
    """That a row comes behind a place."""
    ways: list[ColumnElement[bool]] = []
    same: list[ColumnElement[bool]] = []
    for column, value in zip(order, after, strict=True):
        ways.append(and_(*same, column > value if ascending else column < value))
        same.append(column == value)
    return or_(*ways)


def _link(row: Any) -> Link:
    source, destination, source_type, destination_type, since, type_, source_name, destination_name, *told = row
    if not source_type and told[0] == TrialComponent.lineage_type:
        source_type = MADE_BY_HAND
    if not destination_type and told[1] == TrialComponent.lineage_type:
        destination_type = MADE_BY_HAND
    return Link(source, destination, type_, since, source_type, destination_type, source_name, destination_name)


def between(tx: Transaction, source: int, destination: int) -> bool:
    """True if SageMaker would know an association between two entities, by their ids."""
    wanted = select(association.c.source_id).where(
        association.c.source_id == source, association.c.destination_id == destination, association.c.inferred == 0
    )
    return tx.connection.scalar(wanted.limit(1)) is not None


def of(tx: Transaction, number: int) -> list[tuple[str, str]]:
    """The ARNs of both ends of each association that SageMaker would know of an entity, by its id."""
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
