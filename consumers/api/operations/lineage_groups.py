"""Lineage groups: one for an account and region, made with its first entity, and shared with nobody."""

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
    return _the_group(service, request)


def list_groups(service: Service, request: Request) -> Response:
    """List the lineage group."""
    told = request.input
    try:
        group = _the_group(service, request)
    except NotFound:
        return {"LineageGroupSummaries": []}
    since, until = told.get("CreatedAfter"), told.get("CreatedBefore")
    created = group["CreationTime"]
    inside = (since is None or created >= since) and (until is None or created <= until)
    return {"LineageGroupSummaries": [group] if inside else []}


def group_policy(service: Service, request: Request) -> Response:
    """Tell with whom the lineage group is shared: with nobody."""
    _the_group(service, request)
    raise NotFound(f"Lineage group '{group_arn(request.arn_prefix)}' has no resource policy: it is shared with nobody.")


def _the_group(service: Service, request: Request) -> Mapping[str, Any]:
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
"""How lineage groups are asked for."""
