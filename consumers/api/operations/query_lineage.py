"""QueryLineage: all that is linked with an entity. Source: evidence.md#query-lineage."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from consumers.api import page_tokens
from consumers.api.errors import Invalid, NotFound
from consumers.api.request import Request, Response
from consumers.api.service import Operation, Service
from store.graph.query_lineage import (
    EVERYTHING,
    Filters,
    LineagePage,
    StartOutsideGraph,
    UnknownStart,
    linked_entities,
    matching_entities,
)
from store.graph.traversal import LIMIT, Direction
from store.lineage import query_type

DEPTH = 10
"""How many associations are followed, unless the request says otherwise; AWS follows no more."""

SIZE = 1000
"""Vertices in an answer, unless fewer are requested: the SageMaker SDK does not request a second page."""


def query_lineage(service: Service, request: Request) -> Response:
    """Answer what is linked to the starts; without any, all entities that meet the filters."""
    given = request.input
    starts, filters = given.get("StartArns") or (), _filters(given.get("Filters") or {})
    size = min(given.get("MaxResults", SIZE), SIZE)
    if size < 1:
        raise Invalid("MaxResults has to be 1 or more.")
    after = page_tokens.page_key(request, (int, str))
    if not starts:
        if filters == EVERYTHING:
            raise Invalid("Say where to begin in StartArns, or which entities are wanted in Filters.")
        return _response(request, matching_entities(service.store, filters, size=size, after=after))
    try:
        page = linked_entities(
            service.store,
            starts,
            Direction(given.get("Direction", Direction.BOTH).lower()),
            filters,
            depth=given.get("MaxDepth", DEPTH),
            edges=given.get("IncludeEdges", False),
            size=size,
            after=after,
        )
    except UnknownStart as why:
        raise NotFound(str(why)) from None
    except StartOutsideGraph as why:
        raise Invalid(str(why)) from None
    return _response(request, page)


def _filters(given: Mapping[str, Any]) -> Filters:
    return Filters(
        types=frozenset(map(query_type, given.get("Types", ()))),
        lineage_types=frozenset(given.get("LineageTypes", ())),
        created=(given.get("CreatedAfter"), given.get("CreatedBefore")),
        modified=(given.get("ModifiedAfter"), given.get("ModifiedBefore")),
        properties=frozenset(given.get("Properties", {}).items()),
    )


def _response(request: Request, page: LineagePage) -> Response:
    return {
        "Vertices": [
            {"Arn": vertex.arn, "Type": vertex.type or None, "LineageType": vertex.lineage_type}
            for vertex in page.vertices
        ],
        "Edges": [
            {"SourceArn": edge.source, "DestinationArn": edge.destination, "AssociationType": edge.type or None}
            for edge in page.edges
        ],
        "NextToken": page_tokens.token(request, page.next) if page.next else None,
    }


OPERATIONS: Mapping[str, Operation] = {
    "QueryLineage": Operation(
        query_lineage,
        differs=(
            "Starts may be ARNs of what entities stand for (jobs, endpoints, packages) and source URIs. Without "
            f"MaxResults an answer has up to {SIZE:,} vertices. A walk ends at {LIMIT:,}."
        ),
    ),
}
"""The operation on lineage."""
