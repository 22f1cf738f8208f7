"""QueryLineage for tests: lineage saved as it is, and requests about it, whole or in pages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from consumers.api.operations.query_lineage import query_lineage
from consumers.api.request import Request, Response
from consumers.api.service import Service
from store import resources as table
from store.database import Store, Transaction
from store.lineage import Lineage
from store.save import save
from tests.support.events import ACCOUNT, PARTITION, REGION


def holding(store: Store, *parts: Lineage) -> Store:
    """The store with all of this lineage saved, each part by a resource of its own."""

    def write(tx: Transaction) -> None:
        claimed = table.claim(tx, {f"{PARTITION}training-job/{number}": "training-job" for number in range(len(parts))})
        save(tx, dict(zip((row.id for row in claimed.values()), parts, strict=True)))

    store.write(write)
    return store


def queried(store: Store, start: str | Sequence[str] = (), **members: Any) -> Response:
    """The response of QueryLineage to a request with these members."""
    starts = [start] if isinstance(start, str) else list(start)
    unused: Any = None  # it neither writes nor reads descriptions
    request = Request(
        operation="QueryLineage",
        input={**({"StartArns": starts} if starts else {}), **members},
        region=REGION,
        account=ACCOUNT,
        arn_prefix=PARTITION,
    )
    response = query_lineage(Service(store, unused, unused), request)
    assert {"Vertices", "Edges"} <= response.keys()  # the SageMaker SDK reads both
    return response


def in_pages(store: Store, start: str | Sequence[str], size: int, **members: Any) -> Response:
    """The pages of a response, put together again: an edge comes no earlier than both of its ends."""
    vertices: list[Any] = []
    edges: list[Any] = []
    token: dict[str, str] = {}
    while True:
        page = queried(store, start, MaxResults=size, **members, **token)
        assert len(page["Vertices"]) <= size
        assert page["Vertices"] or not token
        vertices += page["Vertices"]
        edges += page["Edges"]
        seen = {vertex["Arn"] for vertex in vertices}
        assert all({edge["SourceArn"], edge["DestinationArn"]} <= seen for edge in page["Edges"])
        if page["NextToken"] is None:
            return {"Vertices": vertices, "Edges": edges}
        assert len(page["Vertices"]) == size
        token = {"NextToken": page["NextToken"]}
