"""Entities one by one and in lists, with all that the store has of each."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, and_, bindparam, func, or_, select

from store import bulk, paging
from store.database import Store, Transaction
from store.lineage import Measured
from store.paging import Page, PageKey, SortColumn
from store.tables import association, entity, membership, metric, parameter, resource, tag
from store.tables import mention as mentions


class EntityRecord(msgspec.Struct, frozen=True):
    """An entity, with all that its row has.

    Attributes:
        id: Its number in the store.
        arn: Its ARN.
        lineage_type: `Artifact`, `TrialComponent`, `Context`, `Action`, `Trial` or `Experiment`.
        type: ArtifactType, ContextType, ActionType, or the SourceType of a trial component.
        name: Its name, or empty.
        source_uri: What it stands for.
        status: Of what it stands for, or empty.
        created: When it was created, in epoch milliseconds.
        modified: When it was changed last, or 0.
        weight: What the description weighs that the row was made from (`store.lineage`).
        document: The attributes that have no column of their own, by the names of `store.lineage`.
    """

    id: int
    arn: str
    lineage_type: str
    type: str
    name: str
    source_uri: str
    status: str
    created: int
    modified: int
    weight: int
    document: Mapping[str, Any]


class Parts(msgspec.Struct, frozen=True):
    """What other tables have of entities, by their ids; an entity without any has no entry.

    Attributes:
        parameters: Name -> (string, number).
        metrics: Name -> what was measured.
        tags: Key -> value.
        parents: (name of a trial, name of its experiment or None), for trial components.
    """

    parameters: Mapping[int, dict[str, tuple[str | None, float | None]]]
    metrics: Mapping[int, dict[str, Measured]]
    tags: Mapping[int, dict[str, str]]
    parents: Mapping[int, list[tuple[str, str | None]]]


_PLAIN = ("id", "arn", "lineage_type", "type", "name", "source_uri", "status", "created", "modified", "weight")
COLUMNS = tuple(entity.c[name] for name in (*_PLAIN, "document"))
"""The columns of an `EntityRecord`, in its order."""


def record_of(row: Sequence[Any]) -> EntityRecord:
    """The entity of a row of `COLUMNS`."""
    values = [*row]
    values[-1] = msgspec.json.decode(values[-1]) if values[-1] != "{}" else {}
    return EntityRecord(*values)


def find(tx: Transaction, arn: str) -> EntityRecord | None:
    """The entity of an ARN, whatever its case, or None."""
    row = bulk.read(tx.connection, _BY_KEY, {"key": arn.lower()}).fetchone()
    return record_of(row) if row else None


_BY_KEY = select(*COLUMNS).where(entity.c.key == bindparam("key"))


def at(tx: Transaction, partition: str, source_uri: str) -> list[EntityRecord]:
    """The artifacts at an address.

    Args:
        tx: To read in.
        partition: What their ARNs begin with, in lower case.
        source_uri: The address.
    """
    found = [record_of(row) for row in bulk.read(tx.connection, _AT, {"source_uri": source_uri})]
    return [one for one in found if one.lineage_type == "Artifact" and one.arn.lower().startswith(partition)]


_AT = select(*COLUMNS).where(entity.c.source_uri == bindparam("source_uri"))


def standing_for(tx: Transaction, source: str) -> list[EntityRecord]:
    """The entities that stand for an address or an ARN."""
    wanted = select(*COLUMNS).where(entity.c.source_uri.in_(sorted({source, source.lower()})))
    return [record_of(row) for row in tx.connection.execute(wanted)]


def by_ids(tx: Transaction, numbers: Sequence[int]) -> list[EntityRecord]:
    """The entities of these ids, in this order."""
    if not numbers:
        return []
    found = {row[0]: record_of(row) for row in _some(tx.connection, _entities, numbers)}
    return [found[number] for number in numbers if number in found]


def within(partition: str) -> ColumnElement[bool]:
    """That an entity's ARN begins with this."""
    return and_(entity.c.key >= partition, entity.c.key < partition[:-1] + chr(ord(partition[-1]) + 1))


def parts(
    tx: Transaction, numbers: Collection[int], *, parents: bool = False, measured: bool = True, tagged: bool = True
) -> Parts:
    """What other tables have of entities.

    Args:
        tx: To read in.
        numbers: Their ids.
        parents: Whether to read in which trials and experiments trial components are.
        measured: Whether to read parameters and metrics.
        tagged: Whether to read tags.
    """
    connection = tx.connection
    parameters: dict[int, dict[str, tuple[str | None, float | None]]] = {}
    metrics: dict[int, dict[str, Measured]] = {}
    tags: dict[int, dict[str, str]] = {}
    if tagged:
        for number, name, value in _some(connection, _tags, numbers):
            tags.setdefault(number, {})[name] = value
    if measured:
        for number, name, string, value in _some(connection, _parameters, numbers):
            parameters.setdefault(number, {})[name] = (string, value)
        for number, name, *values in _some(connection, _metrics, numbers):
            metrics.setdefault(number, {})[name] = Measured(*values)
    found: dict[int, list[tuple[str, str | None]]] = {}
    if parents:
        for number, trial, experiment in _some(connection, _parents, numbers):
            found.setdefault(number, []).append((trial, experiment))
    return Parts(parameters, metrics, tags, found)


Made = Callable[[str], Select[Any]]
"""Makes a statement about some entities, whose ids it calls `numbers`, for a dialect; once, since that takes longer
than most answers do."""


def _some(connection: Connection, made: Made, numbers: Collection[int]) -> bulk.Rows:
    dialect = connection.dialect.name
    return bulk.read(connection, made(dialect), {"numbers": bulk.many(dialect, numbers)})


@lru_cache(maxsize=2)
def _entities(dialect: str) -> Select[Any]:
    return select(*COLUMNS).where(bulk.among_named(dialect, entity.c.id, "numbers"))


@lru_cache(maxsize=2)
def _tags(dialect: str) -> Select[Any]:
    return _beside(dialect, tag)


@lru_cache(maxsize=2)
def _parameters(dialect: str) -> Select[Any]:
    return _beside(dialect, parameter)


@lru_cache(maxsize=2)
def _metrics(dialect: str) -> Select[Any]:
    return _beside(dialect, metric)


def _beside(dialect: str, table: Any) -> Select[Any]:
    return select(table).where(bulk.among_named(dialect, table.c.entity_id, "numbers")).order_by(table.c.name)


@lru_cache(maxsize=2)
def _parents(dialect: str) -> Select[Any]:
    """Where trial components belong: id, trial, experiment or NULL, by name."""
    trial, upper, top = entity.alias(), membership.alias(), entity.alias()
    return (
        select(membership.c.child_id, trial.c.name, top.c.name)
        .distinct()
        .join(trial, trial.c.id == membership.c.parent_id)
        .outerjoin(upper, upper.c.child_id == trial.c.id)
        .outerjoin(top, top.c.id == upper.c.parent_id)
        .where(bulk.among_named(dialect, membership.c.child_id, "numbers"), trial.c.lineage_type == "Trial")
        .order_by(trial.c.name, top.c.name)
    )


# --------------------------------------------------------------------------------------------------------------- lists


class EntityFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which entities a list is of: those that meet every one of these that is not None.

    Attributes:
        lineage_type: Of this one.
        partition: With ARNs that begin with this, in lower case.
        source_uri: Standing for exactly this.
        source_arn: Standing for what has this ARN, whatever its case.
        type: Of this type.
        since: Created then or later, in epoch milliseconds.
        until: Created then or earlier.
        inside: In the experiment or the trial of this id, directly or in one of its trials.
        holding: In which the entity of this id is.
    """

    lineage_type: str
    partition: str
    source_uri: str | None = None
    source_arn: str | None = None
    type: str | None = None
    since: int | None = None
    until: int | None = None
    inside: int | None = None
    holding: int | None = None


class EntityOrder(NamedTuple):
    """How a list is sorted: by name or by the time of creation; equals by id, which is the order of appearance."""

    by_name: bool
    ascending: bool


def page(
    store: Store, wanted: EntityFilter, order: EntityOrder, *, size: int, after: PageKey | None = None
) -> Page[EntityRecord]:
    """A page of a list of entities.

    Args:
        store: Where.
        wanted: Which entities.
        order: How the list is sorted.
        size: How many at most.
        after: The key of the page before, or None for the first page.
    """
    column = entity.c.name if order.by_name else entity.c.created
    statement = paging.statement(
        select(*COLUMNS).where(*_conditions(wanted)),
        [SortColumn(column, order.ascending), SortColumn(entity.c.id, order.ascending)],
        after,
        size + 1,
    )
    rows = store.read(lambda tx: tx.connection.execute(statement).all())
    return paging.page(
        [record_of(row) for row in rows], size, lambda one: (one.name if order.by_name else one.created, one.id)
    )


def _conditions(wanted: EntityFilter) -> list[ColumnElement[bool]]:
    few = any(one is not None for one in (wanted.source_uri, wanted.source_arn, wanted.inside, wanted.holding))
    lineage_type = bulk.unindexed(entity.c.lineage_type) if few else entity.c.lineage_type
    conditions = [lineage_type == wanted.lineage_type, within(wanted.partition)]
    if wanted.source_uri is not None:
        conditions.append(entity.c.source_uri == wanted.source_uri)
    if wanted.source_arn is not None:
        spellings = {wanted.source_arn, wanted.source_arn.lower()}
        conditions.append(entity.c.source_uri.in_(sorted(spellings)))
    if wanted.type is not None:
        conditions.append(entity.c.type == wanted.type)
    if wanted.since is not None:
        conditions.append(entity.c.created >= wanted.since)
    if wanted.until is not None:
        conditions.append(entity.c.created <= wanted.until)
    if wanted.inside is not None:
        direct = select(membership.c.child_id).where(membership.c.parent_id == wanted.inside)
        below = select(membership.c.child_id).where(membership.c.parent_id.in_(direct))
        conditions.append(or_(entity.c.id.in_(direct), entity.c.id.in_(below)))
    if wanted.holding is not None:
        conditions.append(
            entity.c.id.in_(select(membership.c.parent_id).where(membership.c.child_id == wanted.holding))
        )
    return conditions


def span(store: Store, partition: str) -> tuple[int, int] | None:
    """When the first entity of an account and region was created, and when the newest was; None if there is none."""
    wanted = select(func.min(entity.c.created), func.max(entity.c.created)).where(within(partition))
    first, last = store.read(lambda tx: tx.connection.execute(wanted).one())
    return None if first is None else (first, last)


# --------------------------------------------------------------------------------------------- what belongs to them


def resources_describing(tx: Transaction, number: int) -> list[str]:
    """The keys of the resources that more than mention an entity: from these it would be derived again."""
    wanted = (
        select(resource.c.key)
        .join(mentions, mentions.c.resource_id == resource.c.id)
        .where(mentions.c.entity_id == number, mentions.c.weight > 0)
        .order_by(mentions.c.weight.desc(), resource.c.key)
    )
    return list(tx.connection.scalars(wanted))


def children(tx: Transaction, number: int) -> int:
    """The number of trials in an experiment, or of trial components in a trial."""
    counted = select(func.count(membership.c.child_id.distinct())).where(membership.c.parent_id == number)
    return tx.connection.scalar(counted) or 0


def parents(tx: Transaction, number: int) -> int:
    """The number of trials that a trial component is in."""
    counted = select(func.count(membership.c.parent_id.distinct())).where(membership.c.child_id == number)
    return tx.connection.scalar(counted) or 0


def experiment_of(tx: Transaction, number: int) -> str | None:
    """The name of the experiment that a trial is in; of several the first by name."""
    wanted = (
        select(entity.c.name)
        .join(membership, membership.c.parent_id == entity.c.id)
        .where(membership.c.child_id == number, entity.c.lineage_type == "Experiment")
        .order_by(entity.c.name)
    )
    return tx.connection.scalar(wanted.limit(1))


def experiments_of(tx: Transaction, trials: Collection[int]) -> dict[int, str]:
    """The names of the experiments that trials are in, by the trials' ids: of several the first."""
    wanted = (
        select(membership.c.child_id, entity.c.name)
        .join(entity, entity.c.id == membership.c.parent_id)
        .where(bulk.among(tx.connection, membership.c.child_id, trials), entity.c.lineage_type == "Experiment")
        .order_by(entity.c.key.desc())
    )
    return dict(map(tuple, tx.connection.execute(wanted))) if trials else {}


def inside(tx: Transaction, trials: Collection[int]) -> dict[int, list[EntityRecord]]:
    """The trial components in trials, by the trials' ids and by name."""
    wanted = (
        select(membership.c.parent_id, *COLUMNS)
        .distinct()
        .join(entity, entity.c.id == membership.c.child_id)
        .where(bulk.among(tx.connection, membership.c.parent_id, trials), entity.c.lineage_type == "TrialComponent")
        .order_by(membership.c.parent_id, entity.c.arn)
    )
    found: dict[int, list[EntityRecord]] = {}
    if trials:
        for parent, *row in tx.connection.execute(wanted):
            found.setdefault(parent, []).append(record_of(row))
    return found


def is_inside(tx: Transaction, parent: int, child: int) -> bool:
    """True if one entity is directly in another."""
    wanted = select(membership.c.child_id).where(membership.c.parent_id == parent, membership.c.child_id == child)
    return tx.connection.scalar(wanted.limit(1)) is not None


def links(tx: Transaction, number: int) -> int:
    """The number of associations of an entity that SageMaker would have."""
    ends = or_(association.c.source_id == number, association.c.destination_id == number)
    counted = select(func.count()).select_from(
        select(association.c.source_id, association.c.destination_id)
        .distinct()
        .where(ends, association.c.inferred == 0)
        .subquery()
    )
    return tx.connection.scalar(counted) or 0
