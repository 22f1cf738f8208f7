"""Lists of entities, page by page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from consumers.api import page_tokens
from consumers.api.entity_views import EntityView
from consumers.api.request import Request, Response
from consumers.api.service import Service
from store import entity_records
from store.entity_records import EntityFilter, EntityOrder, EntityRecord

PAGE = 10
"""Entries on a page without MaxResults (evidence.md#page-size)."""


def entity_page(
    service: Service,
    request: Request,
    lineage_type: str,
    member: str,
    describe: Callable[[EntityRecord], EntityView],
    **conditions: Any,
) -> Response:
    """A page of entities.

    Args:
        service: What operations work with.
        request: The request: `Created*`, `Sort*`, `MaxResults`, `NextToken`.
        lineage_type: The lineage type of the entities.
        member: The member of the response that holds them.
        describe: Describes one of them.
        conditions: Further conditions of `store.entity_records.EntityFilter`.
    """
    members = request.input
    wanted = EntityFilter(
        lineage_type=lineage_type,
        partition=request.arn_prefix,
        since=members.get("CreatedAfter"),
        until=members.get("CreatedBefore"),
        **conditions,
    )
    order = EntityOrder(by_name=members.get("SortBy") == "Name", ascending=members.get("SortOrder") == "Ascending")
    page = entity_records.page(
        service.store,
        wanted,
        order,
        size=members.get("MaxResults", PAGE),
        after=page_tokens.page_key(request, (str if order.by_name else int, int)),
    )
    return {
        member: [describe(one) for one in page.rows],
        "NextToken": page_tokens.token(request, page.next) if page.next else None,
    }
