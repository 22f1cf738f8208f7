"""The metrics service: points are put one by one, and read as series."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Any

from consumers.api import preconditions
from consumers.api.client_writes import StoreView
from consumers.api.errors import NotFound
from consumers.api.request import Request, Response
from consumers.api.service import Operation, Service
from store import entity_records, metric_points
from store.database import Transaction
from store.entity_records import EntityRecord
from store.lineage import CLIENT
from store.metric_points import NO_STEP

MOST = 10_000
"""The most values in one series of a response."""
_PERIODS = {"OneMinute": 60_000, "FiveMinute": 300_000, "OneHour": 3_600_000}
"""Milliseconds."""


def batch_put_metrics(service: Service, request: Request) -> Response:
    """Put points of metrics of a trial component."""
    data = request.input["MetricData"]
    arn = request.arn("experiment-trial-component", request.input["TrialComponentName"])

    def guard(view: StoreView) -> Mapping[str, Any]:
        found = preconditions.existing(view, arn, "TrialComponent")
        created = view.created_by_client(arn)
        return {**preconditions.own_arn(found), **({} if created is None else {"CreationTime": created})}

    try:
        # Clients send whole seconds: of the points of one second, the one that was put last is the last.
        service.writer.write(request, arn, {"MetricData": data, "Put": time.time_ns() // 1000}, guard)
    except NotFound:
        return {"Errors": [{"Code": "VALIDATION_ERROR", "MetricIndex": index} for index in range(len(data))]}
    return {}


def batch_get_metrics(service: Service, request: Request) -> Response:
    """Read series of metrics, by periods of time or by iteration."""

    def read(tx: Transaction) -> list[Mapping[str, Any]]:
        return [_series(tx, query) for query in request.input["MetricQueries"]]

    return {"MetricQueryResults": service.store.read(read)}


def _series(tx: Transaction, query: Mapping[str, Any]) -> Mapping[str, Any]:
    component = _component(tx, query["ResourceArn"])
    if component is None:
        return _failed(f"There is no trial component of {query['ResourceArn']}.")
    incarnation = component.created // 1000 if component.weight == CLIENT else None
    period, axis = query["Period"], query["XAxisType"]
    if (period == "IterationNumber") != (axis == "IterationNumber"):
        return _failed("Period and XAxisType must both be IterationNumber, or neither.")
    by_step = axis == "IterationNumber"
    first, last = query.get("Start", -math.inf), query.get("End", math.inf)  # in the units of the axis
    grouped: dict[int, list[float]] = {}
    for when, step, value in metric_points.series(tx, component.arn.lower(), query["MetricName"], incarnation):
        if by_step and step != NO_STEP and first <= step <= last:
            grouped.setdefault(step, []).append(value)
        elif not by_step and first <= when / 1000 <= last:
            grouped.setdefault(when - when % _PERIODS[period], []).append(value)
    axis_values = sorted(grouped)[:MOST]
    return {
        "Status": "Complete" if len(axis_values) == len(grouped) else "Truncated",
        "XAxisValues": [at if by_step else at // 1000 for at in axis_values],
        "MetricValues": [_STATISTICS[query["MetricStat"]](grouped[at]) for at in axis_values],
    }


_STATISTICS: Mapping[str, Any] = {
    "Min": min,
    "Max": max,
    "Avg": lambda values: metric_points.spread(values)[0],
    "Count": len,
    "StdDev": lambda values: metric_points.spread(values)[1],
    "Last": lambda values: values[-1],
}


def _component(tx: Transaction, arn: str) -> EntityRecord | None:
    """The trial component with this ARN, or the one of the job with this ARN."""
    found = [entity_records.find(tx, arn), *entity_records.standing_for(tx, arn)]
    return next((one for one in found if one and one.lineage_type == "TrialComponent"), None)


def _failed(why: str) -> Mapping[str, Any]:
    return {"Status": "ValidationError", "Message": why, "XAxisValues": [], "MetricValues": []}


OPERATIONS: Mapping[str, Operation] = {
    "BatchPutMetrics": Operation(batch_put_metrics, writes=True),
    "BatchGetMetrics": Operation(
        batch_get_metrics, differs="Final metrics of jobs are not series: only points that clients put are read."
    ),
}
"""The operations of the metrics service."""
