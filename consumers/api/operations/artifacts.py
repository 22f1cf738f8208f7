"""Artifacts: created, described, changed, deleted and listed. The source of an artifact is its identity."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from consumers.api import entity_views, preconditions
from consumers.api.client_writes import StoreView
from consumers.api.errors import Invalid, NotFound
from consumers.api.operations.entity_lists import entity_page
from consumers.api.request import Request, Response
from consumers.api.service import Operation, Service
from store import entity_records
from store.lineage import MENTIONED, artifact


def create_artifact(service: Service, request: Request) -> Response:
    """Create an artifact; a source has at most one."""
    source = request.input["Source"]
    new = artifact(request.arn_prefix, "", source["SourceUri"], 0, source_types=_types(source))

    def guard(view: StoreView) -> Mapping[str, Any]:
        preconditions.check_absent(view, new.arn, f"Artifact with source URI ({new.source_uri})")
        for other in entity_records.at(view.transaction, request.arn_prefix, new.source_uri):
            # Where both have source types, they are two versions of the object at this address.
            same = not (new.source_types and other.document.get("source_types"))
            if same and other.weight > MENTIONED:
                raise Invalid(f"Artifact with source URI ({new.source_uri}) already exists: {other.arn}")
        return {}

    return service.writer.write(request, new.arn, {**request.input, "ArtifactArn": new.arn}, guard)


def describe_artifact(service: Service, request: Request) -> Response:
    """Describe an artifact."""
    arn = request.input["ArtifactArn"]
    found = service.store.read(lambda tx: entity_records.find(tx, arn))
    if found is None or found.lineage_type != "Artifact":
        raise NotFound(f"Artifact '{arn}' does not exist.")
    return entity_views.artifact(found)


def update_artifact(service: Service, request: Request) -> Response:
    """Change an artifact's name and properties."""
    arn = request.input["ArtifactArn"]

    def guard(view: StoreView) -> Mapping[str, Any]:
        return preconditions.check_changeable(view, preconditions.existing(view, arn, "Artifact"))

    return service.writer.write(request, arn, request.input, guard)


def delete_artifact(service: Service, request: Request) -> Response:
    """Delete an artifact that has no associations."""
    members = request.input
    if "ArtifactArn" not in members and "Source" not in members:
        raise Invalid("Either ArtifactArn or Source must be specified.")
    arn = members.get("ArtifactArn") or _arn_of_source(service, request)

    def guard(view: StoreView) -> Mapping[str, Any]:
        return preconditions.check_deletable_alone(view, preconditions.existing(view, arn, "Artifact"), arn)

    return service.writer.write(request, arn, {}, guard)


def list_artifacts(service: Service, request: Request) -> Response:
    """List artifacts."""
    return entity_page(
        service,
        request,
        "Artifact",
        "ArtifactSummaries",
        entity_views.artifact,
        source_uri=request.input.get("SourceUri"),
        type=request.input.get("ArtifactType"),
    )


def _types(source: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((one["SourceIdType"], one["Value"]) for one in source.get("SourceTypes") or ()))


def _arn_of_source(service: Service, request: Request) -> str:
    """The ARN of the artifact with this source, or else of the only one with its URI."""
    source = request.input["Source"]
    exact = artifact(request.arn_prefix, "", source["SourceUri"], 0, source_types=_types(source)).arn
    found = service.store.read(lambda tx: entity_records.at(tx, request.arn_prefix, source["SourceUri"]))
    if len(found) == 1 and not source.get("SourceTypes"):
        return found[0].arn
    return exact


OPERATIONS: Mapping[str, Operation] = {
    "CreateArtifact": Operation(
        create_artifact,
        writes=True,
        differs="An artifact's ARN is a digest of its source, so that derived and created artifacts are the same.",
    ),
    "DescribeArtifact": Operation(describe_artifact),
    "UpdateArtifact": Operation(update_artifact, writes=True),
    "DeleteArtifact": Operation(
        delete_artifact, writes=True, differs="What events would derive again cannot be deleted."
    ),
    "ListArtifacts": Operation(list_artifacts),
}
"""The operations on artifacts."""
