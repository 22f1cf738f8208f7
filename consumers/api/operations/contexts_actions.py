"""Contexts and actions: made, described, changed, deleted and listed by their names."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

from consumers.api import preconditions
from consumers.api.client_writes import StoreView
from consumers.api.entity_views import RECORDS
from consumers.api.errors import NotFound
from consumers.api.operations.entity_lists import entries
from consumers.api.request import Request, Response
from consumers.api.service import Operation, Service
from store import entity_records


class Sort(NamedTuple):
    """A sort of entity that has a name: its lineage type, as it is called in operations, and as in ARNs."""

    lineage_type: str
    part: str


CONTEXT, ACTION = Sort("Context", "context"), Sort("Action", "action")


def create(sort: Sort, service: Service, request: Request) -> Response:
    """Make one of a new name."""
    name = request.input[f"{sort.lineage_type}Name"]
    arn = request.arn(sort.part, name)

    def guard(view: StoreView) -> Mapping[str, Any]:
        preconditions.absent(view, arn, f"{sort.lineage_type} with name ({name})")
        return {}

    return service.writer.write(request, arn, {**request.input, f"{sort.lineage_type}Arn": arn}, guard)


def describe(sort: Sort, service: Service, request: Request) -> Response:
    """Describe one."""
    arn = request.arn(sort.part, request.input[f"{sort.lineage_type}Name"])
    found = service.store.read(lambda tx: entity_records.find(tx, arn))
    if found is None or found.lineage_type != sort.lineage_type:
        raise NotFound(f"{preconditions.WORDS[sort.lineage_type]} '{arn}' does not exist.")
    return RECORDS[sort.lineage_type](found)


def update(sort: Sort, service: Service, request: Request) -> Response:
    """Change what is told of one."""
    named = f"{sort.lineage_type}Name"
    arn = request.arn(sort.part, request.input[named])
    news = {name: value for name, value in request.input.items() if name != named}  # which may be in another case

    def guard(view: StoreView) -> Mapping[str, Any]:
        return preconditions.changeable(view, preconditions.present(view, arn, sort.lineage_type))

    return service.writer.write(request, arn, news, guard)


def delete(sort: Sort, service: Service, request: Request) -> Response:
    """Delete one that has no associations."""
    arn = request.arn(sort.part, request.input[f"{sort.lineage_type}Name"])

    def guard(view: StoreView) -> Mapping[str, Any]:
        return preconditions.deletable_alone(view, preconditions.present(view, arn, sort.lineage_type), arn)

    return service.writer.write(request, arn, {}, guard)


def list_all(sort: Sort, service: Service, request: Request) -> Response:
    """List them."""
    told = request.input
    return entries(
        service,
        request,
        sort.lineage_type,
        f"{sort.lineage_type}Summaries",
        RECORDS[sort.lineage_type],
        source_uri=told.get("SourceUri"),
        type=told.get(f"{sort.lineage_type}Type"),
    )


_DERIVED = "What events derive says what they tell, and is neither changed nor deleted."


def _rows(sort: Sort) -> Mapping[str, Operation]:
    name = sort.lineage_type
    return {
        f"Create{name}": Operation(partial(create, sort), writes=True),
        f"Describe{name}": Operation(partial(describe, sort)),
        f"Update{name}": Operation(partial(update, sort), writes=True, differs=_DERIVED),
        f"Delete{name}": Operation(partial(delete, sort), writes=True, differs=_DERIVED),
        f"List{name}s": Operation(partial(list_all, sort)),
    }


OPERATIONS: Mapping[str, Operation] = {**_rows(CONTEXT), **_rows(ACTION)}
"""How contexts and actions are asked for."""
