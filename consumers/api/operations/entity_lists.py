"""Lists of entities, page by page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from consumers.api import page_tokens
from consumers.api.entity_views import Record
from consumers.api.request import Request, Response
from consumers.api.service import Service
from store import entity_records
from store.entity_records import Described, EntityFilter, EntityOrder

PAGE = 10
"""Entries on a page, where a client does not say how many (API 3)."""


def entries(
    service: Service,
    request: Request,
    lineage_type: str,
    member: str,
    record: Callable[[Described], Record],
    **more: Any,
) -> Response:
    """A page of entities.

    Args:
        service: Where they are.
        request: The request: `Created*`, `Sort*`, `MaxResults`, `NextToken`.
        lineage_type: Of which sort they are.
        member: Of the answer, that holds them.
        record: How each is told.
        more: Further conditions of `store.entity_records.EntityFilter`.
    """
    told = request.input
    wanted = EntityFilter(
        lineage_type=lineage_type,
        partition=request.arn_prefix,
        since=told.get("CreatedAfter"),
        until=told.get("CreatedBefore"),
        **more,
    )
    order = EntityOrder(by_name=told.get("SortBy") == "Name", ascending=told.get("SortOrder") == "Ascending")
    page = entity_records.page(
        service.store,
        wanted,
        order,
        size=told.get("MaxResults", PAGE),
        after=page_tokens.page_key(request, (str if order.by_name else int, int)),
    )
    return {
        member: [record(one) for one in page.rows],
        "NextToken": page_tokens.token(request, page.next) if page.next else None,
    }
