"""Models, model packages, their groups and approvals."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import msgspec

from consumers import shapes
from consumers.kind import ResourceKind
from consumers.observe.observation import kind_of
from consumers.resources.types import DescribeRequest, Lookup, Resource, partition
from consumers.rules.experiments import PIPELINE_TAG
from store.lineage import (
    MENTIONED,
    OWNER,
    REPORTED,
    Action,
    Artifact,
    Association,
    AssociationType,
    Context,
    Entity,
    Lineage,
    artifact,
    entity_name,
)


def model(_model: Resource[shapes.Model], _: Lookup) -> Lineage:
    """A model has no entity of its own: it resolves names for others (CAPTURE B1, observed)."""
    return Lineage()


def model_refers(model: Resource[shapes.Model]) -> Iterator[str]:
    """A model made from packages reads them."""
    for container in _containers(model.detail):
        if container.model_package_name:
            yield model.sibling(ResourceKind.MODEL_PACKAGE, container.model_package_name)


def model_asks(model: Resource[shapes.Model], lookup: Lookup) -> Iterator[DescribeRequest]:
    """A model whose containers nobody told asks for them, and for a package of its account that nobody speaks of."""
    if model.deleted or model.replaced:
        return
    if not any(map(_says_something, _containers(model.detail))):
        yield from model.asked("DescribeModel", model.detail.model_name)
    for container in _containers(model.detail):
        if name := container.model_package_name:
            arn = model.beside(ResourceKind.MODEL_PACKAGE, name)
            ours = kind_of(arn) == ResourceKind.MODEL_PACKAGE and partition(arn) == model.partition
            if ours and lookup(arn.lower(), shapes.ModelPackage) is None:
                yield DescribeRequest(arn, "DescribeModelPackage")


def model_sources(model: Resource[shapes.Model], lookup: Lookup, partition: str, since: int) -> list[Artifact]:
    """What a model is made of: its package, else its data and its image (CAPTURE B1: BOOK row 14, ABAL).

    Args:
        model: Of any life.
        lookup: To its packages.
        partition: Where the artifacts are.
        since: When they came to be used.
    """
    found: list[Artifact] = []
    for container in _containers(model.detail):
        if container.model_package_name:
            key = model.sibling(ResourceKind.MODEL_PACKAGE, container.model_package_name)
            found.append(package_artifact(key, lookup, partition, since))
        else:
            found += container_artifacts(container, partition, since)
    return list({one.arn: one for one in found}.values())


def package_artifact(key: str, lookup: Lookup, partition: str, since: int) -> Artifact:
    """The artifact of a model package, as another resource speaks of it.

    Args:
        key: The package's ARN in lower case.
        lookup: To the package: its own spelling of its ARN is the artifact's source.
        partition: Where the artifact is.
        since: When it came to be spoken of.
    """
    package = lookup(key, shapes.ModelPackage)
    return artifact(partition, "Model", package.arn if package else key, since)


def container_artifacts(container: shapes.Container, partition: str, since: int) -> list[Artifact]:
    """The model data and the image of a container, and what more data it has (plausible)."""
    told = [("Model", _data(container)), ("Image", container.image)]
    told += [("Model", more.s3_data_source.s3_uri) for more in container.additional_model_data_sources]
    return [artifact(partition, type_, uri, since) for type_, uri in told if uri]


def _data(container: shapes.Container) -> str | None:
    return container.model_data_url or container.model_data_source.s3_data_source.s3_uri


def _says_something(container: shapes.Container) -> bool:
    return bool(container.image or container.model_package_name or _data(container))


def model_package(package: Resource[shapes.ModelPackage], lookup: Lookup) -> Lineage:
    """A model package is made of its containers' data and images, belongs to its group, and is approved or not.

    Source: CAPTURE B1, observed (data, image, group, approvals); algorithms documented. Ours, and so inferred: further
    inference specifications, reports and baselines contributed to it, it is derived from its SourceUri, and each turn
    of its life cycle is an action.
    """
    detail = package.detail
    since = package.created
    properties = {name: value or "" for name, value in detail.customer_metadata_properties.items()}
    came_from = _came_from(package)
    itself = artifact(package.partition, "Model", package.arn, since, came_from, properties)
    parts: list[Artifact] = []
    for container in detail.inference_specification.containers:
        parts += container_artifacts(container, package.partition, since)
    for algorithm in detail.source_algorithm_specification.source_algorithms:
        data, name = algorithm.model_data_url, algorithm.algorithm_name
        parts += [artifact(package.partition, "Model", data, since)] if data else []
        parts += [artifact(package.partition, "DataSet", name, since)] if name else []
    contributed, derived = AssociationType.CONTRIBUTED_TO, AssociationType.DERIVED_FROM
    links = [
        *((part, contributed, False) for part in parts),
        *((part, contributed, True) for part in _parts_of_ours(package)),
        *((source, derived, True) for source in _made_from(package, lookup)),
    ]
    links = [link for link in links if link[0].arn != itself.arn]
    approvals, stages = _approvals(package), _stages(package)
    entities: list[Entity] = [itself, *(link[0] for link in links), *approvals, *stages]
    associations = [
        *(Association(one.arn, itself.arn, type_, since, inferred=ours) for one, type_, ours in _strongest(links)),
        *(Association(one.arn, itself.arn, contributed, one.created, one.ended) for one in approvals),
        *(Association(one.arn, itself.arn, contributed, one.created, one.ended, inferred=True) for one in stages),
    ]
    group_key = _group_key(package)
    group = lookup(group_key, shapes.ModelPackageGroup, package.created) if group_key else None
    if group:
        context = group_context(group, REPORTED)
        entities.append(context)
        associations.append(Association(itself.arn, context.arn, AssociationType.ASSOCIATED_WITH, since))
    return Lineage(tuple(entities), tuple(associations))


def model_package_refers(package: Resource[shapes.ModelPackage]) -> Iterator[str]:
    """A model package reads its group, and the model, package or artifact that it was made from."""
    if key := _group_key(package):
        yield key
    source = (package.detail.source_uri or "").lower()
    if kind_of(source) in (ResourceKind.MODEL, ResourceKind.MODEL_PACKAGE, ResourceKind.ARTIFACT):
        yield source


def model_package_asks(package: Resource[shapes.ModelPackage], lookup: Lookup) -> Iterator[DescribeRequest]:
    """A package that nobody told what it is made of asks, and for the model or artifact that it was made from."""
    detail = package.detail
    if package.deleted or package.replaced:
        return
    told = detail.inference_specification.containers or detail.source_algorithm_specification.source_algorithms
    if not told and not detail.source_uri:
        yield DescribeRequest(package.arn, "DescribeModelPackage")
    source = detail.source_uri or ""
    if kind_of(source) and partition(source) == package.partition:
        if kind_of(source) == ResourceKind.MODEL and lookup(source.lower(), shapes.Model, package.created) is None:
            yield DescribeRequest(source, "DescribeModel")
        if kind_of(source) == ResourceKind.ARTIFACT and lookup(source.lower(), shapes.Artifact) is None:
            yield DescribeRequest(source, "DescribeArtifact")


def model_package_group(group: Resource[shapes.ModelPackageGroup], _: Lookup) -> Lineage:
    """A model package group is a context (CAPTURE B1, observed)."""
    return Lineage((group_context(group, OWNER),))


def model_package_group_asks(group: Resource[shapes.ModelPackageGroup], _: Lookup) -> Iterator[DescribeRequest]:
    """A group asks for its creation, which names its context: no event tells it."""
    if group.detail.creation_time is None:
        yield from group.asked("DescribeModelPackageGroup", group.detail.model_package_group_name)


def group_context(group: Resource[shapes.ModelPackageGroup], weight: int) -> Context:
    """The context of a group: named by its creation in epoch seconds, its earliest package's when nobody tells."""
    name = entity_name(
        group.named(group.detail.model_package_group_name), str(group.created // 1000), "aws-model-package-group"
    )
    return Context(
        arn=f"{group.partition}context/{name}",
        type="ModelGroup",
        name=name,
        source_uri=group.arn,
        description=group.detail.model_package_group_description or "",
        created=group.created,
        ended=group.deleted,
        tags=group.tags,
        weight=weight,
    )


def _parts_of_ours(package: Resource[shapes.ModelPackage]) -> Iterator[Artifact]:
    """The containers of further inference specifications, and the reports and baselines that were registered."""
    detail = package.detail
    for specification in detail.additional_inference_specifications:
        for container in specification.containers:
            yield from container_artifacts(container, package.partition, package.created)
    for reports in (detail.model_metrics, detail.drift_check_baselines):
        for of in reports.values():
            for report in (of or {}).values():
                if report and report.s3_uri:
                    yield artifact(package.partition, "DataSet", report.s3_uri, package.created)


def artifact_of(made: Resource[shapes.Artifact]) -> Artifact | None:
    """The artifact that SageMaker's ARN of one names, in passing: it is known by its source; None if nobody tells."""
    detail = made.detail
    if not detail.source.source_uri:
        return None
    types = tuple(sorted((told.source_id_type, told.value) for told in detail.source.source_types))
    found = artifact(
        made.partition, detail.artifact_type or "", detail.source.source_uri, made.created, source_types=types
    )
    return msgspec.structs.replace(found, weight=MENTIONED)


def _made_from(package: Resource[shapes.ModelPackage], lookup: Lookup) -> list[Artifact]:
    """What SourceUri stands for: the artifacts of a package or a model, an artifact itself, or an address."""
    uri, since = package.detail.source_uri, package.created
    if not uri:
        return []
    if kind_of(uri) == ResourceKind.ARTIFACT:
        made = lookup(uri.lower(), shapes.Artifact)
        named = artifact_of(made) if made else None
        return [named] if named else []
    if kind_of(uri) == ResourceKind.MODEL_PACKAGE:
        return [package_artifact(uri.lower(), lookup, package.partition, since)]
    model = lookup(uri.lower(), shapes.Model, since) if kind_of(uri) == ResourceKind.MODEL else None
    sources = model_sources(model, lookup, package.partition, since) if model else []
    return sources or [artifact(package.partition, "Model", uri, since)]


_Link = tuple[Artifact, AssociationType, bool]


def _strongest(links: Iterable[_Link]) -> Iterable[_Link]:
    """One link from each artifact: SageMaker's own rather than ours, and a contribution rather than a derivation."""
    found: dict[str, _Link] = {}
    for link in links:
        mine = found.get(link[0].arn)
        if mine is None or (link[2], link[1]) < (mine[2], mine[1]):
            found[link[0].arn] = link
    return found.values()


def _approvals(package: Resource[shapes.ModelPackage]) -> list[Action]:
    """An action for each change of the approval status. The old ones stay, ended by the next (CAPTURE B1: BOOK)."""
    return [
        _action(
            package,
            turn,
            "Approval",
            (*turn.values, str(turn.since // 1000), "aws-model-package"),
            {"ModelApprovalStatus": turn.values[0]},
            package.detail.approval_description,
        )
        for turn in _turns(package, slice(0, 1))
    ]


def _stages(package: Resource[shapes.ModelPackage]) -> list[Action]:
    """An action for each stage of the life cycle and each status in it, as for approvals.

    Source: ours. What AWS captures of ModelLifeCycle is not known; an action keeps who stood where, and when.
    """
    return [
        _action(
            package,
            turn,
            "ModelLifeCycle",
            (*turn.values, str(turn.since // 1000), "aws-model-life-cycle"),
            {name: value for name, value in zip(("Stage", "StageStatus"), turn.values, strict=True) if value},
            package.detail.model_life_cycle.stage_description,
        )
        for turn in _turns(package, slice(1, 3))
    ]


class _Turn(NamedTuple):
    """What some of the tracked values were, from when, until when (None: they still are)."""

    values: tuple[str, ...]
    since: int
    until: int | None


def _turns(package: Resource[shapes.ModelPackage], which: slice) -> list[_Turn]:
    """The history of some of the tracked values; what is told again is no change."""
    told = [(change.time, values) for change in package.changes if any(values := change.values[which])]
    told = [one for position, one in enumerate(told) if position == 0 or one[1] != told[position - 1][1]]
    end = package.deleted or package.replaced
    untils = [*(time for time, _ in told[1:]), end]
    return [_Turn(values, time, until) for (time, values), until in zip(told, untils, strict=False)]


def _action(
    package: Resource[shapes.ModelPackage],
    turn: _Turn,
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
        arn=f"{package.partition}action/{whole}",
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


def metadata(told: shapes.MetadataProperties) -> dict[str, str]:
    """Where something came from, with SageMaker's names, as far as it is told."""
    found = {
        "CommitId": told.commit_id,
        "GeneratedBy": told.generated_by,
        "ProjectId": told.project_id,
        "Repository": told.repository,
    }
    return {name: value for name, value in found.items() if value}


def _came_from(package: Resource[shapes.ModelPackage]) -> dict[str, str]:
    """Where a package came from; a step that registers one tags it with its execution (CAPTURE B1: plausible)."""
    execution = package.tags.get(PIPELINE_TAG)
    return ({"GeneratedBy": execution} if execution else {}) | metadata(package.detail.metadata_properties)


def _generated_by(package: Resource[shapes.ModelPackage]) -> dict[str, str]:
    made = _came_from(package).get("GeneratedBy")
    return {"PipelineExecutionArn": made} if made else {}


def _group_key(package: Resource[shapes.ModelPackage]) -> str | None:
    group, _, _ = package.tail.rpartition("/")
    return package.sibling(ResourceKind.MODEL_PACKAGE_GROUP, group) if group else None


def _containers(detail: shapes.Model) -> list[shapes.Container]:
    return [detail.primary_container, *detail.containers]
