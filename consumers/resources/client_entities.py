"""Artifacts, contexts and actions that clients make.

SageMaker makes entities of the same kinds for its jobs, endpoints, packages and pipelines. The resource types of those
derive them; what clients add to them is read there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import msgspec

from consumers.arns import kind_of
from consumers.kind import ACTION, ARTIFACT, CONTEXT
from consumers.resources.calls import creates, deletes, updates
from consumers.resources.descriptions import Description, described
from consumers.resources.fields import Fields, MetadataProperties, Name, Tags, Time, Uri
from consumers.resources.types import DescribeRequest, Envelope, Lookup, Resource, ResourceType
from ingest.sagemaker_operations import called_by_arn
from store.lineage import CLIENT, MENTIONED, REPORTED, Action, Artifact, Context, Lineage, artifact


class SourceType(Fields, frozen=True):
    """Another name of an artifact's source."""

    source_id_type: Name = ""
    value: Name = ""


class Source(Fields, frozen=True):
    """What an artifact, a context or an action stands for."""

    source_uri: Uri | None = None
    source_types: list[SourceType] = []
    source_type: str | None = None
    source_id: str | None = None


class ClientArtifact(Fields, frozen=True):
    """An artifact, as DescribeArtifact shows it."""

    artifact_arn: Uri | None = None
    artifact_name: Name | None = None
    artifact_type: Name | None = None
    source: Source = Source()
    properties: dict[Name, str | None] = {}
    metadata_properties: MetadataProperties = MetadataProperties()
    tags: Tags = None
    creation_time: Time | None = None
    last_modified_time: Time | None = None


class ClientContext(Fields, frozen=True):
    """A context, as DescribeContext shows it."""

    context_arn: Uri | None = None
    context_name: Name | None = None
    context_type: Name | None = None
    source: Source = Source()
    description: str | None = None
    properties: dict[Name, str | None] = {}
    tags: Tags = None
    creation_time: Time | None = None
    last_modified_time: Time | None = None


class ClientAction(Fields, frozen=True):
    """An action, as DescribeAction shows it."""

    action_arn: Uri | None = None
    action_name: Name | None = None
    action_type: Name | None = None
    source: Source = Source()
    description: str | None = None
    status: str | None = None
    properties: dict[Name, str | None] = {}
    metadata_properties: MetadataProperties = MetadataProperties()
    tags: Tags = None
    creation_time: Time | None = None
    last_modified_time: Time | None = None


def mentioned_artifact(made: Resource[ClientArtifact]) -> Artifact | None:
    """The artifact with an ARN of SageMaker's: it is identified by its source; None without a known source."""
    detail = made.detail
    if not detail.source.source_uri:
        return None
    types = tuple(sorted((one.source_id_type, one.value) for one in detail.source.source_types))
    found = artifact(
        made.arn_prefix, detail.artifact_type or "", detail.source.source_uri, made.created, source_types=types
    )
    return msgspec.structs.replace(found, weight=MENTIONED)


def _client_artifact(made: Resource[ClientArtifact]) -> Artifact | None:
    """The artifact that a client made, with all that the client says of it; None without a known source."""
    bare = mentioned_artifact(made)
    if bare is None:
        return None
    detail = made.detail
    return msgspec.structs.replace(
        bare,
        name=detail.artifact_name or "",
        modified=made.modified if made.modified > made.created else None,
        properties=_texts(detail.properties),
        metadata=detail.metadata_properties.as_map(),
        tags=made.tags,
        weight=CLIENT,
    )


def _artifact_lineage(made: Resource[ClientArtifact], _: Lookup) -> Lineage:
    """An artifact is identified by its source, so it is the one that jobs mention; its type is what its maker says.

    Source: evidence.md#one-artifact, documented.
    """
    # A client that adds an association to what a job made says what that is, and nothing else of it.
    if made.gone:
        return Lineage()
    one = _client_artifact(made) if made.detail.artifact_type else mentioned_artifact(made)
    return Lineage((one,)) if one else Lineage()


def _artifact_missing(made: Resource[ClientArtifact], _: Lookup) -> Iterator[DescribeRequest]:
    """Its description, while its source is unknown: without one it is no artifact."""
    if not made.gone and not made.detail.source.source_uri:
        yield DescribeRequest(made.arn, "DescribeArtifact")


def _context_lineage(made: Resource[ClientContext], _: Lookup) -> Lineage:
    """A context that a client made."""
    if made.gone:
        return Lineage()
    detail = made.detail
    return Lineage(
        (
            Context(
                arn=made.arn,
                type=detail.context_type or "",
                name=made.name,
                source_uri=detail.source.source_uri or "",
                source_type=detail.source.source_type or "",
                source_id=detail.source.source_id or "",
                description=detail.description or "",
                created=made.created,
                modified=made.modified,
                properties=_texts(detail.properties),
                tags=made.tags,
                weight=weight_of(made.name),
            ),
        )
    )


def _action_lineage(made: Resource[ClientAction], _: Lookup) -> Lineage:
    """An action that a client made."""
    if made.gone:
        return Lineage()
    detail = made.detail
    return Lineage(
        (
            Action(
                arn=made.arn,
                type=detail.action_type or "",
                name=made.name,
                source_uri=detail.source.source_uri or "",
                source_type=detail.source.source_type or "",
                source_id=detail.source.source_id or "",
                status=detail.status or "",
                description=detail.description or "",
                created=made.created,
                modified=made.modified,
                properties=_texts(detail.properties),
                metadata=detail.metadata_properties.as_map(),
                tags=made.tags,
                weight=weight_of(made.name),
            ),
        )
    )


def weight_of(name: str) -> int:
    """What a client's word weighs: less than that of the resource which SageMaker made the entity for."""
    return REPORTED if AUTOMATIC_NAME.search(name) else CLIENT


AUTOMATIC_NAME = re.compile(r"-aws-[a-z-]+$", re.IGNORECASE)
"""The ends of the names that SageMaker gives to what it makes (evidence.md#entity-names)."""


def _texts(values: Mapping[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in values.items() if value is not None}


def _artifact_identity(made: ClientArtifact, envelope: Envelope) -> str | None:
    for arn in (made.artifact_arn, *envelope.resources):
        if arn and kind_of(arn) == ARTIFACT:
            return arn
    # SageMaker's own ARN differs: how its digest is computed is not public (evidence.md#artifact-id).
    uri, prefix = made.source.source_uri, envelope.arn("")
    return artifact(prefix, "", uri, 0).arn if uri and prefix else None


def is_known(key: str, lookup: Lookup) -> bool:
    """True if anything is known of a resource."""
    return lookup(key, msgspec.Struct) is not None


def is_gone(key: str, lookup: Lookup) -> bool:
    """True of a resource that was deleted, or replaced by another of its name."""
    made = lookup(key, msgspec.Struct)
    return made is not None and made.gone


ARTIFACT_TYPE = ResourceType(
    kind=ARTIFACT,
    name="artifact",
    mark="documented",
    version=2,
    fields=ClientArtifact,
    lineage=_artifact_lineage,
    missing=_artifact_missing,
    arn_field="artifact_arn",
    name_field="artifact_name",
    identity=_artifact_identity,
    calls={"CreateArtifact": creates(), "UpdateArtifact": updates("Properties"), "DeleteArtifact": deletes()},
    described_by=Description(called_by_arn("DescribeArtifact", "ArtifactArn", "ArtifactArn")),
)
CONTEXT_TYPE = ResourceType(
    kind=CONTEXT,
    name="context",
    mark="documented",
    version=2,
    fields=ClientContext,
    lineage=_context_lineage,
    arn_field="context_arn",
    name_field="context_name",
    calls={"CreateContext": creates(), "UpdateContext": updates("Properties"), "DeleteContext": deletes()},
    described_by=described("Context"),
)
ACTION_TYPE = ResourceType(
    kind=ACTION,
    name="action",
    mark="documented",
    version=2,
    fields=ClientAction,
    lineage=_action_lineage,
    arn_field="action_arn",
    name_field="action_name",
    calls={"CreateAction": creates(), "UpdateAction": updates("Properties"), "DeleteAction": deletes()},
    described_by=described("Action"),
)
