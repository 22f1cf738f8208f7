"""Contexts and actions: created, described, changed, deleted and listed by their names."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

from consumers.api import preconditions
from consumers.api.client_writes import StoreView
from consumers.api.entity_views import VIEWS
from consumers.api.errors import NotFound
from consumers.api.operations.entity_lists import entity_page
from consumers.api.request import Request, Response
from consumers.api.service import Operation, Service
from store import entity_records


class NamedEntity(NamedTuple):
    """A type of entity that is identified by a name.

    Attributes:
        lineage_type: Its lineage type, which operations and their members begin with: `Context`.
        part: What comes before the name in its ARNs: `context`.
    """

    lineage_type: str
    part: str

    def arn(self, request: Request) -> str:
        """The ARN of the entity that a request names."""
        return request.arn(self.part, request.input[f"{self.lineage_type}Name"])


CONTEXT, ACTION = NamedEntity("Context", "context"), NamedEntity("Action", "action")


def create(entity: NamedEntity, service: Service, request: Request) -> Response:
    """Create one with a new name."""
    arn, name = entity.arn(request), request.input[f"{entity.lineage_type}Name"]

    def guard(view: StoreView) -> Mapping[str, Any]:
        preconditions.check_absent(view, arn, f"{entity.lineage_type} with name ({name})")
        return {}

    return service.writer.write(request, arn, {**request.input, f"{entity.lineage_type}Arn": arn}, guard)


def describe(entity: NamedEntity, service: Service, request: Request) -> Response:
    """Describe one."""
    arn = entity.arn(request)
    found = service.store.read(lambda tx: entity_records.find(tx, arn))
    if found is None or found.lineage_type != entity.lineage_type:
        raise NotFound(f"{preconditions.NAMES[entity.lineage_type]} '{arn}' does not exist.")
    return VIEWS[entity.lineage_type](found)


def update(entity: NamedEntity, service: Service, request: Request) -> Response:
    """Change one."""
    arn, name = entity.arn(request), f"{entity.lineage_type}Name"
    changes = {member: value for member, value in request.input.items() if member != name}  # its case may differ

    def guard(view: StoreView) -> Mapping[str, Any]:
        return preconditions.check_changeable(view, preconditions.existing(view, arn, entity.lineage_type))

    return service.writer.write(request, arn, changes, guard)


def delete(entity: NamedEntity, service: Service, request: Request) -> Response:
    """Delete one that has no associations."""
    arn = entity.arn(request)

    def guard(view: StoreView) -> Mapping[str, Any]:
        found = preconditions.existing(view, arn, entity.lineage_type)
        return preconditions.check_deletable_alone(view, found, arn)

    return service.writer.write(request, arn, {}, guard)


def list_all(entity: NamedEntity, service: Service, request: Request) -> Response:
    """List them."""
    return entity_page(
        service,
        request,
        entity.lineage_type,
        f"{entity.lineage_type}Summaries",
        VIEWS[entity.lineage_type],
        source_uri=request.input.get("SourceUri"),
        type=request.input.get(f"{entity.lineage_type}Type"),
    )


DERIVED = "What is derived has the values that its events report, and can be neither changed nor deleted."
"""How operations on entities differ from AWS's."""


def _operations(entity: NamedEntity) -> Mapping[str, Operation]:
    name = entity.lineage_type
    return {
        f"Create{name}": Operation(partial(create, entity), writes=True),
        f"Describe{name}": Operation(partial(describe, entity)),
        f"Update{name}": Operation(partial(update, entity), writes=True, differs=DERIVED),
        f"Delete{name}": Operation(partial(delete, entity), writes=True, differs=DERIVED),
        f"List{name}s": Operation(partial(list_all, entity)),
    }


OPERATIONS: Mapping[str, Operation] = {**_operations(CONTEXT), **_operations(ACTION)}
"""The operations on contexts and actions."""
