"""Model package groups."""

from __future__ import annotations

from collections.abc import Iterator

from consumers.kind import MODEL_PACKAGE_GROUP
from consumers.resources.calls import creates, deletes
from consumers.resources.descriptions import TAGS, described
from consumers.resources.fields import Fields, Name, Tags, Time, Uri
from consumers.resources.types import DescribeRequest, Lookup, Resource, ResourceType
from ingest.sagemaker_operations import ListOperation
from store.lineage import OWNER, Context, Lineage, entity_name


class ModelPackageGroup(Fields, frozen=True):
    """A model package group, as its packages, calls and DescribeModelPackageGroup report it."""

    model_package_group_name: Name | None = None
    model_package_group_arn: Uri | None = None
    model_package_group_status: str | None = None
    model_package_group_description: str | None = None
    tags: Tags = None
    creation_time: Time | None = None


def lineage(group: Resource[ModelPackageGroup], _: Lookup) -> Lineage:
    """A model package group is a context (evidence.md#package-group)."""
    return Lineage((group_context(group, OWNER),))


def missing(group: Resource[ModelPackageGroup], _: Lookup) -> Iterator[DescribeRequest]:
    """Its description, for its creation, which names its context: no event has it."""
    if group.detail.creation_time is None:
        yield from group.describe("DescribeModelPackageGroup")


def group_context(group: Resource[ModelPackageGroup], weight: int) -> Context:
    """The context of a group: named by its creation in epoch seconds, or its earliest package's."""
    name = entity_name(group.name, str(group.created // 1000), "aws-model-package-group")
    return Context(
        arn=f"{group.arn_prefix}context/{name}",
        type="ModelGroup",
        name=name,
        source_uri=group.arn,
        description=group.detail.model_package_group_description or "",
        created=group.created,
        ended=group.deleted,
        tags=group.tags,
        weight=weight,
    )


TYPE = ResourceType(
    kind=MODEL_PACKAGE_GROUP,
    name="model package group",
    mark="observed",
    version=2,
    fields=ModelPackageGroup,
    lineage=lineage,
    missing=missing,
    arn_field="model_package_group_arn",
    name_field="model_package_group_name",
    status_fields=("model_package_group_status",),
    clock_fields=("creation_time",),
    calls={"CreateModelPackageGroup": creates(), "DeleteModelPackageGroup": deletes()},
    described_by=described("ModelPackageGroup"),
    further_descriptions=(TAGS,),
    listed_by=ListOperation(
        "ListModelPackageGroups", "ModelPackageGroupSummaryList", "ModelPackageGroupArn", "ModelPackageGroupName"
    ),
)
