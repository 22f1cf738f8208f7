"""Lineage groups: one for each account and region, created with its first entity, and not shared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from consumers.api.entity_views import group_arn
from consumers.api.errors import NotFound
from consumers.api.request import Request, Response
from consumers.api.service import Operation, Service
from store import entity_records
from store.lineage import GROUP


def describe_group(service: Service, request: Request) -> Response:
    """Describe the lineage group."""
    return _group(service, request)


def list_groups(service: Service, request: Request) -> Response:
    """List the lineage group."""
    try:
        group = _group(service, request)
    except NotFound:
        return {"LineageGroupSummaries": []}
    since, until = request.input.get("CreatedAfter"), request.input.get("CreatedBefore")
    created = group["CreationTime"]
    inside = (since is None or created >= since) and (until is None or created <= until)
    return {"LineageGroupSummaries": [group] if inside else []}


def group_policy(service: Service, request: Request) -> Response:
    """Read the policy of the lineage group, which has none."""
    _group(service, request)
    raise NotFound(f"Lineage group '{group_arn(request.arn_prefix)}' has no resource policy: it is not shared.")


def _group(service: Service, request: Request) -> Mapping[str, Any]:
    name = request.input.get("LineageGroupName", GROUP)
    arn = group_arn(request.arn_prefix)
    times = entity_records.span(service.store, request.arn_prefix) if name in (GROUP, arn) else None
    if times is None:
        raise NotFound(f"Lineage group '{name}' does not exist.")
    return {
        "LineageGroupName": GROUP,
        "LineageGroupArn": arn,
        "DisplayName": GROUP,
        "CreationTime": times[0],
        "LastModifiedTime": times[0],
    }


OPERATIONS: Mapping[str, Operation] = {
    "DescribeLineageGroup": Operation(describe_group),
    "ListLineageGroups": Operation(list_groups),
    "GetLineageGroupPolicy": Operation(group_policy, differs="Lineage is shared with no other account."),
}
"""The operations on lineage groups."""
