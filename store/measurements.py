"""What clients measured, point by point, and what follows from all points of a metric."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import NamedTuple

from sqlalchemy import func, select

from store import rows
from store.database import Transaction
from store.lineage import Measured
from store.tables import measurement

NO_STEP = -1
"""The step of a point of which none was told."""


class Point(NamedTuple):
    """One measurement.

    Attributes:
        component: The ARN of a trial component in lower case.
        life: When a client made the component, in epoch seconds; 0 where none did.
        name: Of the metric.
        time: When it was measured, in epoch milliseconds.
        step: At which step, or `NO_STEP`.
        put: When it was told, in epoch microseconds.
        place: Among those that were told with it.
        value: What was measured.
    """

    component: str
    life: int
    name: str
    time: int
    step: int
    put: int
    place: int
    value: float


_IN_ORDER = tuple(measurement.c[name] for name in ("life", "name", "time", "step", "put", "place"))


def keep(transaction: Transaction, points: Collection[Point]) -> None:
    """Put points where they are not yet."""
    rows.insert(transaction.connection, measurement, sorted(set(points)), "ignore")


def statistics(transaction: Transaction, component: str) -> dict[int, dict[str, Measured]]:
    """What was measured of a trial component (its ARN in lower case): life -> metric -> statistics.

    The last point is the one of the latest time, then of the highest step, then the one that was put last: clients
    tell whole seconds. The mean does not depend on the order of points, as their sum is exact.
    """
    columns = (measurement.c.life, measurement.c.name, measurement.c.time, measurement.c.value)
    wanted = select(*columns).where(measurement.c.component == component).order_by(*_IN_ORDER)
    found: dict[int, dict[str, list[tuple[int, float]]]] = {}
    for life, name, time, value in transaction.connection.execute(wanted):
        found.setdefault(life, {}).setdefault(name, []).append((time, value))
    return {life: {name: _measured(series) for name, series in named.items()} for life, named in found.items()}


def _measured(series: list[tuple[int, float]]) -> Measured:
    time, last = series[-1]
    if len(series) == 1:
        return Measured(last, time)
    values = [value for _, value in series]
    mean = math.fsum(values) / len(values)
    deviation = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / len(values))
    return Measured(last, time, min(values), max(values), mean, deviation, len(values))


def series(transaction: Transaction, component: str, name: str) -> list[tuple[int, int, float]]:
    """The points of a metric of a trial component in its newest life: (time, step, value), in the order of time."""
    columns = (measurement.c.time, measurement.c.step, measurement.c.value)
    newest = select(func.max(measurement.c.life)).where(measurement.c.component == component).scalar_subquery()
    wanted = (
        select(*columns)
        .where(measurement.c.component == component, measurement.c.life == newest, measurement.c.name == name)
        .order_by(*_IN_ORDER)
    )
    return [(time, step, value) for time, step, value in transaction.connection.execute(wanted)]
