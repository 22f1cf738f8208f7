"""Lists of entities, page by page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from store import entities
from store.api import pages
from store.api.asked import Answer, Asked, Service
from store.api.records import Record
from store.entities import Described, Order, Place, Wanted

PAGE = 10
"""Entries on a page, where a client does not say how many (API 3)."""


def entries(
    service: Service,
    asked: Asked,
    lineage_type: str,
    member: str,
    record: Callable[[Described], Record],
    **more: Any,
) -> Answer:
    """A page of entities.

    Args:
        service: Where they are.
        asked: The request: `Created*`, `Sort*`, `MaxResults`, `NextToken`.
        lineage_type: Of which sort they are.
        member: Of the answer, that holds them.
        record: How each is told.
        more: Further conditions of `store.entities.Wanted`.
    """
    told = asked.input
    wanted = Wanted(
        lineage_type=lineage_type,
        partition=asked.partition,
        since=told.get("CreatedAfter"),
        until=told.get("CreatedBefore"),
        **more,
    )
    order = Order(by_name=told.get("SortBy") == "Name", ascending=told.get("SortOrder") == "Ascending")
    after = pages.begin(asked)
    found, last = entities.page(
        service.store, wanted, order, size=told.get("MaxResults", PAGE), after=Place(*after) if after else None
    )
    return {member: [record(one) for one in found], "NextToken": pages.token(asked, last) if last else None}
