"""Artifacts: made, described, changed, deleted and listed. An artifact is its source."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from consumers.api import entity_views, preconditions
from consumers.api.client_writes import StoreView
from consumers.api.errors import Invalid, NotFound
from consumers.api.operations.entity_lists import entries
from consumers.api.request import Request, Response
from consumers.api.service import Operation, Service
from store import entity_records
from store.lineage import MENTIONED, artifact


def create_artifact(service: Service, request: Request) -> Response:
    """Make an artifact; there is one at most of a source."""
    source = request.input["Source"]
    made = artifact(request.arn_prefix, "", source["SourceUri"], 0, source_types=_types(source))

    def guard(view: StoreView) -> Mapping[str, Any]:
        preconditions.absent(view, made.arn, f"Artifact with source URI ({made.source_uri})")
        for other in entity_records.at(view.transaction, request.arn_prefix, made.source_uri):
            # Where both tell what they are beside their address, they are two versions of what lies there.
            same = not (made.source_types and other.document.get("source_types"))
            if same and other.weight > MENTIONED:
                raise Invalid(f"Artifact with source URI ({made.source_uri}) already exists: {other.arn}")
        return {}

    return service.writer.write(request, made.arn, {**request.input, "ArtifactArn": made.arn}, guard)


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
        return preconditions.changeable(view, preconditions.present(view, arn, "Artifact"))

    return service.writer.write(request, arn, request.input, guard)


def delete_artifact(service: Service, request: Request) -> Response:
    """Delete an artifact that has no associations."""
    told = request.input
    if "ArtifactArn" not in told and "Source" not in told:
        raise Invalid("Either ArtifactArn or Source must be specified.")
    arn = told.get("ArtifactArn") or _arn_of(service, request)

    def guard(view: StoreView) -> Mapping[str, Any]:
        return preconditions.deletable_alone(view, preconditions.present(view, arn, "Artifact"), arn)

    return service.writer.write(request, arn, {}, guard)


def list_artifacts(service: Service, request: Request) -> Response:
    """List artifacts."""
    told = request.input
    return entries(
        service,
        request,
        "Artifact",
        "ArtifactSummaries",
        entity_views.artifact,
        source_uri=told.get("SourceUri"),
        type=told.get("ArtifactType"),
    )


def _types(source: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((one["SourceIdType"], one["Value"]) for one in source.get("SourceTypes") or ()))


def _arn_of(service: Service, request: Request) -> str:
    """The ARN of the artifact of a source: of the very same, or else of the only one at its address."""
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
        differs="An artifact's ARN is a digest of its source, so that derived and made artifacts are the same.",
    ),
    "DescribeArtifact": Operation(describe_artifact),
    "UpdateArtifact": Operation(update_artifact, writes=True),
    "DeleteArtifact": Operation(delete_artifact, writes=True, differs="What events would derive again is not deleted."),
    "ListArtifacts": Operation(list_artifacts),
}
"""How artifacts are asked for."""
