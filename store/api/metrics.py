"""The metrics service: points put one by one, and read again as series."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Mapping
from typing import Any

from store import entities, measurements
from store.api import guards
from store.api.asked import Answer, Asked, Row, Service, Writing
from store.api.errors import NotFound
from store.database import Transaction
from store.measurements import NO_STEP

MOST = 10_000
"""Values in one series of an answer."""
_PERIODS = {"OneMinute": 60_000, "FiveMinute": 300_000, "OneHour": 3_600_000}
"""Milliseconds."""


def put(service: Service, asked: Asked) -> Answer:
    """Put points of metrics of a trial component."""
    data = asked.input["MetricData"]
    arn = asked.arn("experiment-trial-component", asked.input["TrialComponentName"])

    def guard(writing: Writing) -> Mapping[str, Any]:
        found = guards.present(writing, arn, "TrialComponent")
        created = writing.made(arn)
        return {**guards.itself(found), **({} if created is None else {"CreationTime": created})}

    try:
        # Clients tell whole seconds: of points of the same second the one that was put last is the last.
        service.writer.write(asked, arn, {"MetricData": data, "Put": time.time_ns() // 1000}, guard)
    except NotFound:
        return {"Errors": [{"Code": "VALIDATION_ERROR", "MetricIndex": place} for place in range(len(data))]}
    return {}


def get(service: Service, asked: Asked) -> Answer:
    """Read series of metrics, in periods of time or by iteration."""

    def look(tx: Transaction) -> list[Mapping[str, Any]]:
        return [_series(tx, query) for query in asked.input["MetricQueries"]]

    return {"MetricQueryResults": service.store.read(look)}


def _series(tx: Transaction, query: Mapping[str, Any]) -> Mapping[str, Any]:
    component = _component(tx, query["ResourceArn"])
    if component is None:
        return _failed(f"No trial component is known by {query['ResourceArn']}.")
    period, axis = query["Period"], query["XAxisType"]
    if (period == "IterationNumber") != (axis == "IterationNumber"):
        return _failed("Period and XAxisType must both be IterationNumber, or neither.")
    points = [
        (step if axis == "IterationNumber" else when - when % _PERIODS[period], value)
        for when, step, value in measurements.series(tx, component, query["MetricName"])
        if query.get("Start", 0) <= (step if axis == "IterationNumber" else when) <= query.get("End", math.inf)
        and not (axis == "IterationNumber" and step == NO_STEP)
    ]
    grouped: dict[int, list[float]] = {}
    for place, value in points:
        grouped.setdefault(place, []).append(value)
    shown = sorted(grouped)[:MOST]
    return {
        "Status": "Complete" if len(shown) == len(grouped) else "Truncated",
        "XAxisValues": [place if axis == "IterationNumber" else place // 1000 for place in shown],
        "MetricValues": [_STATISTICS[query["MetricStat"]](grouped[place]) for place in shown],
    }


def _mean(values: list[float]) -> float:
    return math.fsum(values) / len(values)


def _deviation(values: list[float]) -> float:
    mean = _mean(values)
    return math.sqrt(math.fsum((value - mean) ** 2 for value in values) / len(values))


_STATISTICS: Mapping[str, Any] = {
    "Min": min,
    "Max": max,
    "Avg": _mean,
    "Count": len,
    "StdDev": _deviation,
    "Last": lambda values: values[-1],
}


def _component(tx: Transaction, arn: str) -> str | None:
    """The key of the trial component of an ARN: its own, or that of the job it stands for."""
    if entities.find(tx, arn):
        return arn.lower()
    return next(iter(_standing_for(tx, arn)), None)


def _standing_for(tx: Transaction, arn: str) -> Iterable[str]:
    return (one.arn.lower() for one in entities.standing_for(tx, arn) if one.lineage_type == "TrialComponent")


def _failed(why: str) -> Mapping[str, Any]:
    return {"Status": "ValidationError", "Message": why, "XAxisValues": [], "MetricValues": []}


OPERATIONS: Mapping[str, Row] = {
    "BatchPutMetrics": Row(put, writes=True),
    "BatchGetMetrics": Row(get, differs="Final metrics of jobs are no series: only what was put is read."),
}
"""How metrics are asked for."""
