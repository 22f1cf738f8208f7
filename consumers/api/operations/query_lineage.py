"""QueryLineage: what is linked to something (API 4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from consumers.api import page_tokens
from consumers.api.errors import Invalid, NotFound
from consumers.api.request import Request, Response
from consumers.api.service import Operation, Service
from store.graph.lineage import LIMIT
from store.graph.query_lineage import (
    EVERYTHING,
    Filters,
    NoStart,
    NoVertex,
    Page,
    Position,
    Way,
    reach,
    select_entities,
)
from store.lineage import query_type

DEPTH = 10
"""How many associations are followed, unless told otherwise; AWS follows no more."""

SIZE = 1000
"""Vertices in an answer, unless fewer are asked for: the SageMaker SDK does not ask for a second page."""


def query_lineage(service: Service, request: Request) -> Response:
    """Tell what is linked to the starts; without any, all entities that are as the filters say."""
    told = request.input
    starts, filters = told.get("StartArns") or (), _filters(told.get("Filters") or {})
    size = min(told.get("MaxResults", SIZE), SIZE)
    if size < 1:
        raise Invalid("MaxResults has to be 1 or more.")
    token = page_tokens.page_key(request, (int, str))
    after = Position(*token) if token else None
    if not starts:
        if filters == EVERYTHING:
            raise Invalid("Say where to begin in StartArns, or which entities are wanted in Filters.")
        return _answer(request, select_entities(service.store, filters, size=size, after=after))
    try:
        page = reach(
            service.store,
            starts,
            Way(told.get("Direction", Way.BOTH)),
            filters,
            depth=told.get("MaxDepth", DEPTH),
            edges=told.get("IncludeEdges", False),
            size=size,
            after=after,
        )
    except NoStart as why:
        raise NotFound(str(why)) from None
    except NoVertex as why:
        raise Invalid(str(why)) from None
    return _answer(request, page)


def _filters(told: Mapping[str, Any]) -> Filters:
    return Filters(
        types=frozenset(map(query_type, told.get("Types", ()))),
        lineage_types=frozenset(told.get("LineageTypes", ())),
        created=(told.get("CreatedAfter"), told.get("CreatedBefore")),
        modified=(told.get("ModifiedAfter"), told.get("ModifiedBefore")),
        properties=frozenset(told.get("Properties", {}).items()),
    )


def _answer(request: Request, page: Page) -> Response:
    return {
        "Vertices": [
            {"Arn": vertex.arn, "Type": vertex.type or None, "LineageType": vertex.lineage_type}
            for vertex in page.vertices
        ],
        "Edges": [
            {"SourceArn": edge.source, "DestinationArn": edge.destination, "AssociationType": edge.type or None}
            for edge in page.edges
        ],
        "NextToken": page_tokens.token(request, page.last) if page.last else None,
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
"""How lineage is asked for."""
