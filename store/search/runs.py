"""Runs by what is true of them: where they belong, their parameters and metrics, status, tags and time."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, and_, distinct, exists, func, literal, select

from store import bulk
from store.database import Store, Transaction
from store.search.compiler import Compiler, Query
from store.search.expression import Expression, Filter, Nested, Operator, Part, filters_of
from store.search.text_form import CREATED, BadCondition
from store.tables import entity, membership, metric, parameter


class Unknown(Exception):
    """No experiment, trial, family, parameter or metric has this name; the message names similar ones."""


class Run(msgspec.Struct, frozen=True):
    """A trial component: one run of a job, or what a client tracked.

    Attributes:
        arn: Its ARN.
        name: Its name.
        display_name: Its name for people.
        status: Its status, in SageMaker's words.
        created: When it was created, in epoch milliseconds; likewise `started` and `ended`, or None.
        started: When it started.
        ended: When it ended.
        duration: Seconds from its start to its end, or None.
        billable_seconds: The seconds that are paid for, or None.
        instance_type: The type of instance that it ran on, or empty.
        instance_count: The number of these, or None.
        parameters: Name -> a number where it reads as one, else the text.
        metrics: Name -> the last value.
        experiments: Names of the experiments it is in.
        trials: Names of the trials it is in.
        family: The name of the family of runs that were made in the same way; empty if it is in a trial.
        family_inferred: True if it has a family: Headwater concludes that grouping.
    """

    arn: str
    name: str
    display_name: str
    status: str
    created: int
    started: int | None
    ended: int | None
    duration: float | None
    billable_seconds: int | None
    instance_type: str
    instance_count: int | None
    parameters: Mapping[str, str | float]
    metrics: Mapping[str, float]
    experiments: tuple[str, ...]
    trials: tuple[str, ...]
    family: str
    family_inferred: bool


class RunList(msgspec.Struct, frozen=True):
    """Runs in a requested order, and how many there are without the limit."""

    total: int
    runs: tuple[Run, ...]


class Group(msgspec.Struct, frozen=True):
    """An experiment, or a family of runs that are in none.

    Attributes:
        name: Of the experiment, or of the family.
        arn: Of the experiment, or empty.
        trials: How many the experiment has.
        runs: How many are in it.
        inferred: True of a family: Headwater concludes that grouping.
    """

    name: str
    arn: str
    trials: int
    runs: int
    inferred: bool


def runs(
    store: Store,
    group: str | None = None,
    conditions: Collection[Expression] = (),
    *,
    sort_by: str = CREATED,
    ascending: bool = False,
    limit: int = 20,
) -> RunList:
    """Runs of which all conditions are true.

    Args:
        store: Where.
        group: The name or ARN of an experiment or a trial, or the name of a family; None for all runs.
        conditions: What is true of them, as `store.search.text_form.parse` reads it.
        sort_by: `created`, or the name of a metric or a parameter; runs that lack it are left out then.
        ascending: The least first instead of the greatest; of equals the one whose ARN is less.
        limit: How many at most.

    Raises:
        Unknown: No experiment, trial or family, or no parameter or metric has such a name.
        BadCondition: What a condition names cannot be compared so.
    """

    def look(tx: Transaction) -> RunList:
        connection = tx.connection
        wanted = select(entity).where(_is_run())
        if group is not None:
            wanted = wanted.where(_within(connection, group))
        if conditions:
            parts = tuple(_possible(connection, one) for one in conditions)
            wanted = wanted.where(_true(connection, parts))
        wanted, order = _sorted(connection, wanted, sort_by)
        total = connection.scalar(wanted.with_only_columns(func.count(), maintain_column_froms=True)) or 0
        columns = [column.asc().nulls_last() if ascending else column.desc().nulls_last() for column in order]
        rows = connection.execute(wanted.order_by(*columns, entity.c.key).limit(limit)).all()
        return RunList(total, _runs(connection, rows))

    return store.read(look)


def names_in(expression: Expression) -> Iterator[str]:
    """The names of parameters and metrics in an expression."""
    for one in filters_of(expression):
        if one.property.within in ("Parameters", "Metrics") and one.property.element is not None:
            yield one.property.element


def groups(store: Store) -> list[Group]:
    """Experiments, then the families of runs that are in none, both by name."""

    def look(tx: Transaction) -> list[Group]:
        connection = tx.connection
        experiments = connection.execute(
            select(entity.c.id, entity.c.name, entity.c.arn)
            .where(entity.c.lineage_type == literal("Experiment", literal_execute=True))
            .order_by(entity.c.name, entity.c.key)
        ).all()
        inner = membership.alias()
        counted = connection.execute(
            select(
                membership.c.parent_id,
                func.count(distinct(membership.c.child_id)),
                func.count(distinct(inner.c.child_id)),
            )
            .outerjoin(inner, inner.c.parent_id == membership.c.child_id)
            .where(bulk.among(connection, membership.c.parent_id, [row.id for row in experiments]))
            .group_by(membership.c.parent_id)
        )
        counts = {number: (trials, within) for number, trials, within in counted}
        families = connection.execute(
            select(entity.c.family, func.count())
            .where(_in_family(), _is_run())
            .group_by(entity.c.family)
            .order_by(entity.c.family)
        )
        return [
            *(Group(row.name, row.arn, *counts.get(row.id, (0, 0)), False) for row in experiments),
            *(Group(family, "", 0, number, True) for family, number in families),
        ]

    return store.read(look)


def _is_run() -> ColumnElement[bool]:
    # A literal, and not a parameter, as below: the index is of runs only.
    return entity.c.lineage_type == literal("TrialComponent", literal_execute=True)


def _in_family() -> ColumnElement[bool]:
    return and_(
        entity.c.family != literal("", literal_execute=True), ~exists().where(membership.c.child_id == entity.c.id)
    )


def _within(connection: Connection, group: str) -> ColumnElement[bool]:
    """That a run is in an experiment or a trial, or of a family."""
    parent = entity.alias()
    named = and_(parent.c.name != literal("", literal_execute=True), parent.c.name == group)
    found: dict[str, list[int]] = {}
    for matches in (named, parent.c.key == group.lower()):
        meant = select(parent.c.lineage_type, parent.c.id).where(
            matches, parent.c.lineage_type.in_(("Experiment", "Trial"))
        )
        for lineage_type, number in connection.execute(meant):
            found.setdefault(lineage_type, []).append(number)
    if found:
        tops = found.get("Experiment") or found["Trial"]
        # Not in one statement: PostgreSQL expects much of what is recursive, and would read all memberships.
        inside: set[int] = set()
        ahead = set(tops)
        while ahead:
            held = select(membership.c.child_id).where(bulk.among(connection, membership.c.parent_id, ahead))
            ahead = set(connection.scalars(held)) - inside
            inside |= ahead
        return bulk.among(connection, entity.c.id, inside)
    family = and_(entity.c.family == group, _in_family())
    if group and connection.scalar(select(entity.c.id).where(family, _is_run()).limit(1)) is not None:
        return family
    parents = select(entity.c.name).where(entity.c.id.in_(select(membership.c.parent_id)))
    families = select(entity.c.family).where(entity.c.family != literal("", literal_execute=True)).distinct()
    known = {*connection.scalars(parents), *connection.scalars(families)}
    raise Unknown(f"no experiment, trial or family is called {group!r}{_similar(group, known)}")


def _true(connection: Connection, conditions: tuple[Expression, ...]) -> ColumnElement[bool]:
    """The condition that some conditions are true of a run."""
    compiler = Compiler(connection, Query("TrialComponent", expression=Expression(conditions)))
    driver = compiler.driver()
    if driver is not None and driver.many and len(conditions) > 1:
        # Even the fewest are many: to list what meets each condition takes less than to look for it at each run.
        return and_(*(_true(connection, (one,)) for one in conditions))
    # A comparison of what a run has once needs no statement of its own: its index serves as it is.
    by_itself = driver is not None and isinstance(driver.exact, Filter) and not driver.exact.property.within
    return compiler.found(None if by_itself else driver)


def _possible(connection: Connection, condition: Expression) -> Expression:
    """A condition without comparisons that no run can meet, since no run has such a parameter or metric.

    Raises:
        Unknown: No parameter or metric has the name.
        BadCondition: It compares a metric with a text, or contains with a number.
    """
    for one in filters_of(condition):
        if one.operator is Operator.CONTAINS and not all(isinstance(value, str) for value in one.values):
            raise BadCondition(f"{one.property.element or CREATED} cannot contain a number: give a text")
    within = {one.property.within for one in filters_of(condition)}
    tables = {name: _tables(connection, name) for name in dict.fromkeys(names_in(condition))}
    for name, found in tables.items():
        if parameter not in found and "Metrics" not in within:
            raise BadCondition(f"{name} is a metric: compare it with a number")
    if condition.every:
        return condition
    return Expression(tuple(part for part in condition.parts if not _is_impossible(part, tables)), every=False)


def _is_impossible(part: Part, tables: Mapping[str, Collection[Any]]) -> bool:
    if isinstance(part, Expression):
        return (any if part.every else all)(_is_impossible(one, tables) for one in part.parts)
    if isinstance(part, Nested) or part.operator is Operator.NOT_EXISTS or part.property.element is None:
        return False
    table = {"Parameters": parameter, "Metrics": metric}.get(part.property.within)
    return table is not None and table not in tables[part.property.element]


def _sorted(connection: Connection, wanted: Select[Any], name: str) -> tuple[Select[Any], Sequence[ColumnElement[Any]]]:
    """The statement, and the columns that it is to be sorted by."""
    if name == CREATED:
        return wanted, [entity.c.created]
    if metric in _tables(connection, name):
        joined = wanted.join(metric, and_(metric.c.entity_id == entity.c.id, metric.c.name == name))
        return joined, [metric.c.value]
    joined = wanted.join(parameter, and_(parameter.c.entity_id == entity.c.id, parameter.c.name == name))
    return joined, [parameter.c.number, parameter.c.string]


def _tables(connection: Connection, name: str) -> list[Any]:
    """Those of parameters and metrics in which a name is.

    Raises:
        Unknown: It is in none.
    """
    found = [
        table
        for table in (parameter, metric)
        if connection.scalar(select(func.min(table.c.name)).where(table.c.name >= name))
        == name  # one step in the index
    ]
    if not found:
        known = {*bulk.distinct(connection, parameter.c.name), *bulk.distinct(connection, metric.c.name)}
        raise Unknown(f"no parameter or metric is called {name!r}{_similar(name, known)}")
    return found


def _similar(name: str, known: Collection[str]) -> str:
    words = {one.lower(): one for one in sorted(known)}
    parts = [one for low, one in words.items() if name.lower() in low]
    similar = dict.fromkeys([*(words[low] for low in difflib.get_close_matches(name.lower(), words, 3, 0.5)), *parts])
    if similar:
        return f"; did you mean {' or '.join(list(similar)[:3])}?"
    some = sorted(known)[:5]
    return (
        f"; there are {', '.join(some)}{' ...' if len(known) > len(some) else ''}" if some else ": there are none yet"
    )


class _Document(msgspec.Struct, frozen=True):
    """What a run's document contains, as far as `Run` has it."""

    display_name: str = ""
    started: int | None = None
    ended: int | None = None
    billable_seconds: int | None = None


def _runs(connection: Connection, found: Sequence[Any]) -> tuple[Run, ...]:
    numbers = [row.id for row in found]
    parameters: dict[int, dict[str, str | float]] = {}
    metrics: dict[int, dict[str, float]] = {}
    for row in connection.execute(_details(connection, parameter, numbers)):
        parameters.setdefault(row.entity_id, {})[row.name] = row.number if row.number is not None else row.string
    for row in connection.execute(_details(connection, metric, numbers)):
        metrics.setdefault(row.entity_id, {})[row.name] = row.value
    trials = _parents(connection, numbers)
    experiments = _parents(connection, {number for parents in trials.values() for number in parents})
    runs = []
    for row in found:
        document = msgspec.json.decode(row.document, type=_Document)
        own = parameters.get(row.id, {})
        count = own.get("SageMaker.InstanceCount")
        within = trials.get(row.id, {})
        lasted = None if document.started is None or document.ended is None else document.ended - document.started
        runs.append(
            Run(
                arn=row.arn,
                name=row.name,
                display_name=document.display_name or row.name,
                status=row.status,
                created=row.created,
                started=document.started,
                ended=document.ended,
                duration=None if lasted is None else lasted / 1000,
                billable_seconds=document.billable_seconds,
                instance_type=str(own.get("SageMaker.InstanceType", "")),
                instance_count=int(count) if isinstance(count, float) else None,
                parameters=own,
                metrics=metrics.get(row.id, {}),
                experiments=tuple(sorted({name for one in within for name in experiments.get(one, {}).values()})),
                trials=tuple(sorted(set(within.values()))),
                family="" if within else row.family,
                family_inferred=bool(row.family) and not within,
            )
        )
    return tuple(runs)


def _details(connection: Connection, table: Any, numbers: Collection[int]) -> Select[Any]:
    return (
        select(table)
        .where(bulk.among(connection, table.c.entity_id, numbers))
        .order_by(table.c.entity_id, table.c.name)
    )


def _parents(connection: Connection, numbers: Collection[int]) -> dict[int, dict[int, str]]:
    """What some entities are in: id -> id and name of each."""
    found: dict[int, dict[int, str]] = {}
    if numbers:
        wanted = (
            select(membership.c.child_id, entity.c.id, entity.c.name)
            .join(entity, entity.c.id == membership.c.parent_id)
            .where(bulk.among(connection, membership.c.child_id, numbers))
        )
        for child, number, name in connection.execute(wanted):
            found.setdefault(child, {})[number] = name
    return found
