"""Model packages, their approvals and their life cycle."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from consumers.arns import account_prefix, kind_of, parse_arn
from consumers.kind import ARTIFACT, MODEL, MODEL_PACKAGE, MODEL_PACKAGE_GROUP
from consumers.resources.calls import creates, deletes, updates
from consumers.resources.client_entities import ClientArtifact, mentioned_artifact
from consumers.resources.descriptions import Description
from consumers.resources.experiments import PIPELINE_TAG
from consumers.resources.fields import Fields, MetadataProperties, Name, Tags, Time, Uri, texts, whole_number
from consumers.resources.model import Container, Model, container_artifacts, model_sources, package_artifact
from consumers.resources.model_package_group import ModelPackageGroup, group_context
from consumers.resources.types import DescribeRequest, Envelope, Lookup, Resource, ResourceType, Turn, turns
from consumers.state import Incarnation, ResourceState, stamp, unplaced_observation
from ingest.sagemaker_operations import OLDEST_FIRST, ListOperation, called_by_arn
from store.lineage import (
    OWNER,
    REPORTED,
    Action,
    Artifact,
    Association,
    AssociationType,
    Entity,
    Lineage,
    artifact,
    entity_name,
)


class InferenceSpecification(Fields, frozen=True):
    """How a model package is served."""

    containers: list[Container] = []


class SourceAlgorithm(Fields, frozen=True):
    """An algorithm that a model package was made from."""

    algorithm_name: Uri | None = None
    model_data_url: Uri | None = None


class SourceAlgorithmSpecification(Fields, frozen=True):
    """The algorithms that a model package was made from."""

    source_algorithms: list[SourceAlgorithm] = []


class Report(Fields, frozen=True):
    """A file about a model: what was measured, or what is to be compared with."""

    s3_uri: Uri | None = None


Reports = dict[str, dict[str, Report | None] | None]
"""ModelMetrics or DriftCheckBaselines: what of (Bias, ModelQuality ...) -> which (Statistics, Constraints ...)."""


class ModelLifeCycle(Fields, frozen=True):
    """How far a model package has come on its way into use."""

    stage: str | None = None
    stage_status: str | None = None
    stage_description: str | None = None


class ModelPackage(Fields, frozen=True):
    """A model package, as DescribeModelPackage shows it."""

    model_package_group_name: Name | None = None
    model_package_version: int | float | str | None = None
    model_package_name: Uri | None = None
    model_package_arn: Uri | None = None
    model_package_status: str | None = None
    model_approval_status: str | None = None
    approval_description: str | None = None
    inference_specification: InferenceSpecification = InferenceSpecification()
    additional_inference_specifications: list[InferenceSpecification] = []
    source_algorithm_specification: SourceAlgorithmSpecification = SourceAlgorithmSpecification()
    source_uri: Uri | None = None
    model_metrics: Reports = {}
    drift_check_baselines: Reports = {}
    model_life_cycle: ModelLifeCycle = ModelLifeCycle()
    customer_metadata_properties: dict[str, str | None] = {}
    metadata_properties: MetadataProperties = MetadataProperties()
    updated_model_package_fields: list[str] | None = None
    tags: Tags = None
    creation_time: Time | None = None
    last_modified_time: Time | None = None


def lineage(package: Resource[ModelPackage], lookup: Lookup) -> Lineage:
    """A model package is made of its containers' data and images, belongs to its group, and is approved or not.

    Source: evidence.md#package (data, image and group observed; algorithms documented); evidence.md#approval. Ours, and
    so inferred: further inference specifications, reports and baselines contributed to it, it is derived from its
    SourceUri, and each turn of its life cycle is an action.
    """
    detail = package.detail
    since = package.created
    properties = {name: value or "" for name, value in detail.customer_metadata_properties.items()}
    came_from = _came_from(package)
    itself = artifact(
        package.arn_prefix, "Model", package.arn, since, came_from, properties, source_types=package.source_types
    )
    parts: list[Artifact] = []
    for container in detail.inference_specification.containers:
        parts += container_artifacts(container, package.arn_prefix, since)
    for algorithm in detail.source_algorithm_specification.source_algorithms:
        data, name = algorithm.model_data_url, algorithm.algorithm_name
        parts += [artifact(package.arn_prefix, "Model", data, since)] if data else []
        parts += [artifact(package.arn_prefix, "DataSet", name, since)] if name else []
    contributed, derived = AssociationType.CONTRIBUTED_TO, AssociationType.DERIVED_FROM
    links = [
        *((part, contributed, False) for part in parts),
        *((part, contributed, True) for part in _parts_of_ours(package)),
        *((source, derived, True) for source in _made_from(package, lookup)),
    ]
    links = [link for link in links if link[0].arn != itself.arn]
    # One from each artifact, the first: SageMaker's own rather than ours, and a contribution rather than a derivation.
    strongest = {link[0].arn: link for link in reversed(links)}
    approvals, stages = _approvals(package), _stages(package)
    entities: list[Entity] = [itself, *(link[0] for link in links), *approvals, *stages]
    associations = [
        *(Association(one.arn, itself.arn, type_, since, inferred=ours) for one, type_, ours in strongest.values()),
        *(Association(one.arn, itself.arn, contributed, one.created, one.ended) for one in approvals),
        *(Association(one.arn, itself.arn, contributed, one.created, one.ended, inferred=True) for one in stages),
    ]
    group_key = _group_key(package)
    group = lookup(group_key, ModelPackageGroup, package.created) if group_key else None
    if group:
        context = group_context(group, REPORTED)
        entities.append(context)
        associations.append(Association(itself.arn, context.arn, AssociationType.ASSOCIATED_WITH, since))
    return Lineage(tuple(entities), tuple(associations))


def references(package: Resource[ModelPackage]) -> Iterator[str]:
    """A model package references its group, and the model, package or artifact that it was made from."""
    if key := _group_key(package):
        yield key
    source = (package.detail.source_uri or "").lower()
    if kind_of(source) in (MODEL, MODEL_PACKAGE, ARTIFACT):
        yield source


def missing(package: Resource[ModelPackage], lookup: Lookup) -> Iterator[DescribeRequest]:
    """Its description, while it is unknown what it is made of; and that of the model or artifact it was made from."""
    detail = package.detail
    if package.gone:
        return
    parts = detail.inference_specification.containers or detail.source_algorithm_specification.source_algorithms
    if not parts and not detail.source_uri:
        yield DescribeRequest(package.arn, "DescribeModelPackage")
    source = detail.source_uri or ""
    if kind_of(source) and account_prefix(source) == package.arn_prefix:
        if kind_of(source) == MODEL and lookup(source.lower(), Model, package.created) is None:
            yield DescribeRequest(source, "DescribeModel")
        if kind_of(source) == ARTIFACT and lookup(source.lower(), ClientArtifact) is None:
            yield DescribeRequest(source, "DescribeArtifact")


def _parts_of_ours(package: Resource[ModelPackage]) -> Iterator[Artifact]:
    """The containers of further inference specifications, and the reports and baselines that were registered."""
    detail = package.detail
    for specification in detail.additional_inference_specifications:
        for container in specification.containers:
            yield from container_artifacts(container, package.arn_prefix, package.created)
    for reports in (detail.model_metrics, detail.drift_check_baselines):
        for of in reports.values():
            for report in (of or {}).values():
                if report and report.s3_uri:
                    yield artifact(package.arn_prefix, "DataSet", report.s3_uri, package.created)


def _made_from(package: Resource[ModelPackage], lookup: Lookup) -> list[Artifact]:
    """What SourceUri stands for: the artifacts of a package or a model, an artifact itself, or an address."""
    uri, since = package.detail.source_uri, package.created
    if not uri:
        return []
    if kind_of(uri) == ARTIFACT:
        made = lookup(uri.lower(), ClientArtifact)
        named = mentioned_artifact(made) if made else None
        return [named] if named else []
    if kind_of(uri) == MODEL_PACKAGE:
        return [package_artifact(uri.lower(), lookup, package.arn_prefix, since, at=since)]
    model = lookup(uri.lower(), Model, since) if kind_of(uri) == MODEL else None
    sources = model_sources(model, lookup, package.arn_prefix, since) if model else []
    return sources or [artifact(package.arn_prefix, "Model", uri, since)]


def _approvals(package: Resource[ModelPackage]) -> list[Action]:
    """An action for each change of the approval status. The old ones stay, ended by the next (evidence.md#approval)."""
    return [
        _action(
            package,
            turn,
            "Approval",
            (*turn.value, str(turn.since // 1000), "aws-model-package"),
            {"ModelApprovalStatus": turn.value[0]},
            package.detail.approval_description,
        )
        for turn in _turns(package, slice(0, 1))
    ]


def _stages(package: Resource[ModelPackage]) -> list[Action]:
    """An action for each stage of the life cycle and each status in it, as for approvals.

    Source: ours. What AWS captures of ModelLifeCycle is not known; an action keeps who stood where, and when.
    """
    return [
        _action(
            package,
            turn,
            "ModelLifeCycle",
            (*turn.value, str(turn.since // 1000), "aws-model-life-cycle"),
            texts(dict(zip(("Stage", "StageStatus"), turn.value, strict=True))),
            package.detail.model_life_cycle.stage_description,
        )
        for turn in _turns(package, slice(1, 3))
    ]


def _turns(package: Resource[ModelPackage], which: slice) -> list[Turn[tuple[str, ...]]]:
    """The history of some of the tracked values."""
    history = ((change.time, values) for change in package.changes if any(values := change.values[which]))
    return turns(history, package.deleted or package.replaced)


def _action(
    package: Resource[ModelPackage],
    turn: Turn[tuple[str, ...]],
    type_: str,
    name: Iterable[str],
    properties: dict[str, str],
    description: str | None,
) -> Action:
    """A turn of a package's history as an action; `description` is of the last turn."""
    group, _, version = package.tail.rpartition("/")
    whole = entity_name(*((group.lower(), version) if group else (version.lower(),)), *name)
    last = turn.until in (None, package.deleted, package.replaced)
    return Action(
        arn=f"{package.arn_prefix}action/{whole}",
        type=type_,
        name=whole,
        source_uri=package.arn,
        status="Completed",
        description=(description or "") if last else "",
        created=turn.since,
        ended=turn.until,
        properties=_generated_by(package) | properties,
        weight=OWNER,
    )


def _came_from(package: Resource[ModelPackage]) -> dict[str, str]:
    """Where a package came from: a step that registers one tags it with its execution.

    Source: evidence.md#package-step, plausible.
    """
    execution = package.tags.get(PIPELINE_TAG)
    return ({"GeneratedBy": execution} if execution else {}) | package.detail.metadata_properties.as_map()


def _generated_by(package: Resource[ModelPackage]) -> dict[str, str]:
    made = _came_from(package).get("GeneratedBy")
    return {"PipelineExecutionArn": made} if made else {}


def _group_key(package: Resource[ModelPackage]) -> str | None:
    group, _, _ = package.tail.rpartition("/")
    return package.key_beside(MODEL_PACKAGE_GROUP, group) if group else None


def _tracked(package: ModelPackage) -> tuple[str, ...]:
    """The approval status; and the stage of the life cycle with its status, where there is one."""
    approval = package.model_approval_status or ""
    stage = package.model_life_cycle
    if stage.stage or stage.stage_status:
        return (approval, stage.stage or "", stage.stage_status or "")
    return (approval,) if approval else ()


def _group(arn: str, package: ModelPackage, time: int) -> tuple[ResourceState, ...]:
    """A versioned package says that its group exists: no event does (evidence.md#package-group)."""
    group = group_of(arn)
    if group is None:
        return ()
    name = package.model_package_group_name
    fields = {"ModelPackageGroupName": msgspec.Raw(msgspec.json.encode(name))} if name else {}
    stamped = stamp(time, 0)
    digest, unplaced = unplaced_observation(
        fields, stamped, None, Incarnation({field: (stamped, value) for field, value in fields.items()})
    )
    return (ResourceState(MODEL_PACKAGE_GROUP, group, earliest=time, unplaced={digest: unplaced}),)


def group_of(package_arn: str) -> str | None:
    """The ARN of the group that a versioned package is in, or None for a package without versions."""
    parts = parse_arn(package_arn)
    if parts is None or "/" not in parts.name:
        return None
    return f"{parts.prefix}{MODEL_PACKAGE_GROUP}/{parts.name.rpartition('/')[0]}"


def _identity(package: ModelPackage, envelope: Envelope) -> str | None:
    for arn in (package.model_package_arn, package.model_package_name, *envelope.resources):
        if arn and kind_of(arn) == MODEL_PACKAGE:
            return arn
    name = package.model_package_name
    if package.model_package_group_name and package.model_package_version:
        version = whole_number(package.model_package_version, "ModelPackageVersion")
        name = f"{package.model_package_group_name}/{version}"
    return envelope.arn(f"{MODEL_PACKAGE}/{name.lower()}") if name else None


# A package in a group has the tags of the group, and no name of its own. Without a type, only those outside of groups
# are listed.
TYPE = ResourceType(
    kind=MODEL_PACKAGE,
    name="model package",
    mark="observed",
    version=4,
    passes_on=True,
    fields=ModelPackage,
    lineage=lineage,
    references=references,
    missing=missing,
    arn_field="model_package_arn",
    name_field="model_package_name",
    identity=_identity,
    status_fields=("model_package_status", "model_approval_status"),
    clock_fields=("last_modified_time",),
    tracked=_tracked,
    also=_group,
    events=("SageMaker Model Package State Change",),
    calls={
        "CreateModelPackage": creates(),
        "UpdateModelPackage": updates("CustomerMetadataProperties"),
        "DeleteModelPackage": deletes(),
    },
    described_by=Description(called_by_arn("DescribeModelPackage", "ModelPackageName", "ModelPackageArn")),
    listed_by=ListOperation(
        "ListModelPackages",
        "ModelPackageSummaryList",
        "ModelPackageArn",
        parameters={**OLDEST_FIRST, "ModelPackageType": "Both"},
    ),
)
