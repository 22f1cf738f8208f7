"""What clients measured, point by point, and what follows from all points of a metric."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import NamedTuple

from sqlalchemy import bindparam, func, select

from store import bulk
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
    bulk.insert(transaction.connection, measurement, sorted(set(points)), "ignore")


def statistics(transaction: Transaction, component: str) -> dict[int, dict[str, Measured]]:
    """What was measured of a trial component (its ARN in lower case): life -> metric -> statistics.

    The last point is the one of the latest time, then of the highest step, then the one that was put last: clients
    tell whole seconds. The mean does not depend on the order of points, as their sum is exact.
    """
    found: dict[int, dict[str, list[tuple[int, float]]]] = {}
    for life, name, time, value in bulk.read(transaction.connection, _POINTS, {"component": component}):
        found.setdefault(life, {}).setdefault(name, []).append((time, value))
    return {life: {name: _measured(series) for name, series in named.items()} for life, named in found.items()}


_POINTS = (
    select(measurement.c.life, measurement.c.name, measurement.c.time, measurement.c.value)
    .where(measurement.c.component == bindparam("component"))
    .order_by(*_IN_ORDER)
)


def _measured(series: list[tuple[int, float]]) -> Measured:
    time, last = series[-1]
    if len(series) == 1:
        return Measured(last, time)
    values = [value for _, value in series]
    mean, deviation = spread(values)
    return Measured(last, time, min(values), max(values), mean, deviation, len(values))


def spread(values: Sequence[float]) -> tuple[float, float]:
    """The mean of some values and their standard deviation, of all of them; finite, as the values are."""
    # Sums and squares of the largest floats are none: a power of two is taken out, which costs no digit.
    power = math.frexp(max(map(abs, values)))[1]
    scaled = [math.ldexp(value, -power) for value in values]
    low, high = min(scaled), max(scaled)
    mean = min(max(math.fsum(scaled) / len(scaled), low), high)  # rounding must not lead beyond what there is
    deviation = math.sqrt(math.fsum((value - mean) ** 2 for value in scaled) / len(scaled))
    return math.ldexp(mean, power), math.ldexp(min(deviation, (high - low) / 2), power)


def series(
    transaction: Transaction, component: str, name: str, life: int | None = None
) -> list[tuple[int, int, float]]:
    """The points of a metric of a trial component: (time, step, value), in the order of time.

    Args:
        transaction: To read in.
        component: Its ARN in lower case.
        name: Of the metric.
        life: When a client made it, in epoch seconds; None for the newest life of which there are points.
    """
    of_it = measurement.c.component == component
    if life is None:
        its_life = measurement.c.life == select(func.max(measurement.c.life)).where(of_it).scalar_subquery()
    else:
        its_life = measurement.c.life == life
    wanted = (
        select(measurement.c.time, measurement.c.step, measurement.c.value)
        .where(of_it, its_life, measurement.c.name == name)
        .order_by(*_IN_ORDER)
    )
    return [(time, step, value) for time, step, value in transaction.connection.execute(wanted)]
