"""Metrics that clients reported, point by point, and the statistics of all points of a metric."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import NamedTuple

from sqlalchemy import bindparam, func, select

from store import bulk
from store.database import Transaction
from store.lineage import Measured
from store.tables import metric_point

NO_STEP = -1
"""The step of a point that was reported without one."""


class Point(NamedTuple):
    """One measurement.

    Attributes:
        component: The ARN of a trial component in lower case.
        incarnation: When a client made the component, in epoch seconds; 0 where none did.
        name: Of the metric.
        time: When it was measured, in epoch milliseconds.
        step: At which step, or `NO_STEP`.
        reported: When it was reported, in epoch microseconds.
        ordinal: Its place in that report.
        value: What was measured.
    """

    component: str
    incarnation: int
    name: str
    time: int
    step: int
    reported: int
    ordinal: int
    value: float


_IN_ORDER = tuple(metric_point.c[name] for name in ("incarnation", "name", "time", "step", "reported", "ordinal"))


def add(transaction: Transaction, points: Collection[Point]) -> None:
    """Add points that are not there yet."""
    bulk.insert(transaction.connection, metric_point, sorted(set(points)), "ignore")


def statistics(transaction: Transaction, component: str) -> dict[int, dict[str, Measured]]:
    """The metrics of a trial component (its ARN in lower case): incarnation -> metric -> statistics.

    The last point is the one of the latest time, then of the highest step, then the one that was reported last:
    clients report times in whole seconds. The mean does not depend on the order of points, as their sum is exact.
    """
    found: dict[int, dict[str, list[tuple[int, float]]]] = {}
    for incarnation, name, time, value in bulk.read(transaction.connection, _POINTS, {"component": component}):
        found.setdefault(incarnation, {}).setdefault(name, []).append((time, value))
    return {
        incarnation: {name: _measured(series) for name, series in by_name.items()}
        for incarnation, by_name in found.items()
    }


_POINTS = (
    select(metric_point.c.incarnation, metric_point.c.name, metric_point.c.time, metric_point.c.value)
    .where(metric_point.c.component == bindparam("component"))
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
    """The mean of some values, and their standard deviation as a whole population; finite, as the values are."""
    # Sums and squares of the largest floats overflow: a power of two is taken out, which costs no digit.
    power = math.frexp(max(map(abs, values)))[1]
    scaled = [math.ldexp(value, -power) for value in values]
    low, high = min(scaled), max(scaled)
    mean = min(max(math.fsum(scaled) / len(scaled), low), high)  # rounding must not lead beyond the values
    deviation = math.sqrt(math.fsum((value - mean) ** 2 for value in scaled) / len(scaled))
    return math.ldexp(mean, power), math.ldexp(min(deviation, (high - low) / 2), power)


def series(
    transaction: Transaction, component: str, name: str, incarnation: int | None = None
) -> list[tuple[int, int, float]]:
    """The points of a metric of a trial component: (time, step, value), in the order of time.

    Args:
        transaction: To read in.
        component: Its ARN in lower case.
        name: Of the metric.
        incarnation: When a client made it, in epoch seconds; None for the newest incarnation that has points.
    """
    of_it = metric_point.c.component == component
    if incarnation is None:
        newest = select(func.max(metric_point.c.incarnation)).where(of_it).scalar_subquery()
        of_incarnation = metric_point.c.incarnation == newest
    else:
        of_incarnation = metric_point.c.incarnation == incarnation
    points = (
        select(metric_point.c.time, metric_point.c.step, metric_point.c.value)
        .where(of_it, of_incarnation, metric_point.c.name == name)
        .order_by(*_IN_ORDER)
    )
    return [(time, step, value) for time, step, value in transaction.connection.execute(points)]
