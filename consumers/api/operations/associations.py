"""Associations between entities: added, deleted and listed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from consumers.api import page_tokens, preconditions
from consumers.api.client_writes import StoreView
from consumers.api.errors import Invalid, NotFound
from consumers.api.operations.entity_lists import PAGE
from consumers.api.request import Request, Response
from consumers.api.service import Operation, Service
from store import associations
from store.associations import AssociationFilter, Link
from store.entity_records import EntityRecord, find

_OF_EXPERIMENTS = ("Experiment", "Trial", "TrialComponent")
_SORTED_BY = {
    "SourceArn": "source",
    "DestinationArn": "destination",
    "SourceType": "source_type",
    "DestinationType": "destination_type",
    "CreationTime": "since",
}


def add_association(service: Service, request: Request) -> Response:
    """Link two entities, created by clients or derived."""
    ends = (request.input["SourceArn"], request.input["DestinationArn"])

    def guard(view: StoreView) -> Mapping[str, Any]:
        source, destination = (_end(view, arn) for arn in ends)
        if source.lineage_type in _OF_EXPERIMENTS and destination.lineage_type in _OF_EXPERIMENTS:
            raise Invalid(
                f"An association cannot be between two experiment entities ({ends[0]} and {ends[1]}): one end must be "
                "an artifact, an action or a context"
            )
        if associations.between(view.transaction, source.id, destination.id) or view.is_linked_by_client(*ends):
            raise Invalid(f"Association between source ({ends[0]}) and destination ({ends[1]}) already exists.")
        artifacts = [one for one in (source, destination) if one.lineage_type == "Artifact"]
        return {"ArtifactSources": {one.arn: preconditions.artifact_source(one)["Source"] for one in artifacts}}

    service.writer.write(request, ends[0], request.input, guard)
    return {"SourceArn": ends[0], "DestinationArn": ends[1]}


def delete_association(service: Service, request: Request) -> Response:
    """Delete an association that a client has added."""
    ends = (request.input["SourceArn"], request.input["DestinationArn"])

    def guard(view: StoreView) -> Mapping[str, Any]:
        tx = view.transaction
        source, destination = (find(tx, arn) for arn in ends)
        if source is None or destination is None or not associations.between(tx, source.id, destination.id):
            raise NotFound(f"Association between source ({ends[0]}) and destination ({ends[1]}) does not exist.")
        if not view.is_linked_by_client(*ends):
            raise Invalid(
                f"The association between {ends[0]} and {ends[1]} is derived from events, and would be derived again: "
                "only what a client has added can be deleted"
            )
        return {}

    service.writer.write(request, ends[0], request.input, guard)
    return {"SourceArn": ends[0], "DestinationArn": ends[1]}


def list_associations(service: Service, request: Request) -> Response:
    """List associations."""
    members = request.input
    wanted = AssociationFilter(
        source=members.get("SourceArn"),
        destination=members.get("DestinationArn"),
        source_type=members.get("SourceType"),
        destination_type=members.get("DestinationType"),
        type=members.get("AssociationType"),
        since=members.get("CreatedAfter"),
        until=members.get("CreatedBefore"),
    )
    sort_by = _SORTED_BY[members.get("SortBy", "CreationTime")]
    page = associations.page(
        service.store,
        wanted,
        sort_by,
        ascending=members.get("SortOrder") == "Ascending",
        size=members.get("MaxResults", PAGE),
        after=page_tokens.page_key(request, (int if sort_by == "since" else str, int, int)),
    )
    return {
        "AssociationSummaries": [_summary(one) for one in page.rows],
        "NextToken": page_tokens.token(request, page.next) if page.next else None,
    }


def _end(view: StoreView, arn: str) -> EntityRecord:
    found = find(view.transaction, arn)
    if found is None:
        raise NotFound(f"Lineage entity '{arn}' does not exist.")
    return found


def _summary(one: Link) -> Mapping[str, Any]:
    return {
        "SourceArn": one.source,
        "DestinationArn": one.destination,
        "SourceType": one.source_type or None,
        "DestinationType": one.destination_type or None,
        "AssociationType": one.type or None,
        "SourceName": one.source_name or None,
        "DestinationName": one.destination_name or None,
        "CreationTime": one.since,
    }


OPERATIONS: Mapping[str, Operation] = {
    "AddAssociation": Operation(
        add_association, writes=True, differs="Without AssociationType the type is AssociatedWith."
    ),
    "DeleteAssociation": Operation(
        delete_association, writes=True, differs="What events would derive again cannot be deleted."
    ),
    "ListAssociations": Operation(
        list_associations, differs="CreatedBy is left out. Those of all accounts and regions are listed."
    ),
}
"""The operations on associations."""
