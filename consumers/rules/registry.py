"""Models, model packages, their groups and approvals."""

from __future__ import annotations

from collections.abc import Iterator

from consumers import shapes
from consumers.known import Kind
from consumers.resource import Lookup, Resource
from store.lineage import (
    OWN,
    TOLD,
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
            yield model.sibling(Kind.MODEL_PACKAGE, container.model_package_name)


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
            key = model.sibling(Kind.MODEL_PACKAGE, container.model_package_name)
            package = lookup(key, shapes.ModelPackage)
            found.append(artifact(partition, "Model", package.arn if package else key, since))
        else:
            found += container_artifacts(container, partition, since)
    return list({one.arn: one for one in found}.values())


def container_artifacts(container: shapes.Container, partition: str, since: int) -> list[Artifact]:
    """The model data and the image of a container."""
    data = container.model_data_url or container.model_data_source.s3_data_source.s3_uri
    told = (("Model", data), ("Image", container.image))
    return [artifact(partition, type_, uri, since) for type_, uri in told if uri]


def model_package(package: Resource[shapes.ModelPackage], lookup: Lookup) -> Lineage:
    """A model package is made of its containers' data and images, belongs to its group, and is approved or not.

    Source: CAPTURE B1, observed (data, image, group, approvals); algorithms documented.
    """
    detail = package.detail
    since = package.created
    itself = artifact(package.partition, "Model", package.arn, since, metadata(detail.metadata_properties))
    parts: list[Artifact] = []
    for container in detail.inference_specification.containers:
        parts += container_artifacts(container, package.partition, since)
    for algorithm in detail.source_algorithm_specification.source_algorithms:
        data, name = algorithm.model_data_url, algorithm.algorithm_name
        parts += [artifact(package.partition, "Model", data, since)] if data else []
        parts += [artifact(package.partition, "DataSet", name, since)] if name else []
    parts = list({one.arn: one for one in parts if one.arn != itself.arn}.values())
    approvals = _approvals(package)
    entities: list[Entity] = [itself, *parts, *approvals]
    associations = [
        *(Association(part.arn, itself.arn, AssociationType.CONTRIBUTED_TO, since) for part in parts),
        *(
            Association(approval.arn, itself.arn, AssociationType.CONTRIBUTED_TO, approval.created, approval.ended)
            for approval in approvals
        ),
    ]
    group_key = _group_key(package)
    group = lookup(group_key, shapes.ModelPackageGroup, package.created) if group_key else None
    if group:
        context = group_context(group, TOLD)
        entities.append(context)
        associations.append(Association(itself.arn, context.arn, AssociationType.ASSOCIATED_WITH, since))
    return Lineage(tuple(entities), tuple(associations))


def model_package_refers(package: Resource[shapes.ModelPackage]) -> Iterator[str]:
    """A model package reads its group."""
    if key := _group_key(package):
        yield key


def model_package_group(group: Resource[shapes.ModelPackageGroup], _: Lookup) -> Lineage:
    """A model package group is a context (CAPTURE B1, observed)."""
    return Lineage((group_context(group, OWN),))


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
        created=group.created,
        weight=weight,
    )


def _approvals(package: Resource[shapes.ModelPackage]) -> list[Action]:
    """An action for each change of the approval status. The old ones stay, ended by the next (CAPTURE B1: BOOK)."""
    turns = [
        change
        for position, change in enumerate(package.changes)
        if position == 0 or change.values != package.changes[position - 1].values
    ]
    group, _, version = package.tail.rpartition("/")
    actions = []
    for position, turn in enumerate(turns):
        (status,) = turn.values
        name = entity_name(
            *((group.lower(), version) if group else (version.lower(),)),
            status,
            str(turn.time // 1000),
            "aws-model-package",
        )
        last = position == len(turns) - 1
        actions.append(
            Action(
                arn=f"{package.partition}action/{name}",
                type="Approval",
                name=name,
                source_uri=package.arn,
                status="Completed",
                description=(package.detail.approval_description or "") if last else "",
                created=turn.time,
                ended=None if last else turns[position + 1].time,
                properties=_generated_by(package.detail) | {"ModelApprovalStatus": status},
                weight=OWN,
            )
        )
    return actions


def metadata(told: shapes.MetadataProperties) -> dict[str, str]:
    """Where something came from, with SageMaker's names, as far as it is told."""
    found = {
        "CommitId": told.commit_id,
        "GeneratedBy": told.generated_by,
        "ProjectId": told.project_id,
        "Repository": told.repository,
    }
    return {name: value for name, value in found.items() if value}


def _generated_by(detail: shapes.ModelPackage) -> dict[str, str]:
    made = detail.metadata_properties.generated_by
    return {"PipelineExecutionArn": made} if made else {}


def _group_key(package: Resource[shapes.ModelPackage]) -> str | None:
    group, _, _ = package.tail.rpartition("/")
    return package.sibling(Kind.MODEL_PACKAGE_GROUP, group) if group else None


def _containers(detail: shapes.Model) -> list[shapes.Container]:
    return [detail.primary_container, *detail.containers]
