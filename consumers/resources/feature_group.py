"""Feature groups, and the jobs that read and write them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from consumers.kind import FEATURE_GROUP
from consumers.resources.calls import creates, deletes
from consumers.resources.descriptions import TAGS, described
from consumers.resources.fields import Fields, Name, Tags, Time, Uri
from consumers.resources.types import DescribeRequest, Lookup, Resource, ResourceType
from ingest.sagemaker_operations import ListOperation
from store.lineage import (
    OWNER,
    REPORTED,
    Artifact,
    Association,
    AssociationType,
    Context,
    Entity,
    Lineage,
    artifact,
    entity_name,
)


class S3StorageConfig(Fields, frozen=True):
    """Where an offline store keeps its data: a place that groups may share, and the group's own in it."""

    s3_uri: Uri | None = None
    resolved_output_s3_uri: Uri | None = None


class DataCatalogConfig(Fields, frozen=True):
    """The table of an offline store."""

    table_name: Name | None = None


class OfflineStoreConfig(Fields, frozen=True):
    """The offline store of a feature group."""

    s3_storage_config: S3StorageConfig = msgspec.field(name="S3StorageConfig", default=S3StorageConfig())
    data_catalog_config: DataCatalogConfig = DataCatalogConfig()


class FeatureGroup(Fields, frozen=True):
    """A feature group, as DescribeFeatureGroup shows it."""

    feature_group_name: Name | None = None
    feature_group_arn: Uri | None = None
    feature_group_status: str | None = None
    description: str | None = None
    offline_store_config: OfflineStoreConfig = OfflineStoreConfig()
    tags: Tags = None
    creation_time: Time | None = None
    last_modified_time: Time | None = None


def lineage(group: Resource[FeatureGroup], _: Lookup) -> Lineage:
    """A feature group is a context, and its offline store is a data set in it, which jobs read through the group.

    Source: ours: AWS makes no entity for a feature group itself (evidence.md#no-entity).
    """
    detail = group.detail
    status = detail.feature_group_status or ""
    context = msgspec.structs.replace(
        feature_group_context(group, OWNER),
        status=status,
        description=detail.description or "",
        modified=group.modified,
        ended=group.deleted or (group.modified if status.lower() == "deleting" else group.replaced),
        tags=group.tags,
    )
    uri = store_uri(group)
    if not uri:
        return Lineage((context,))
    store = artifact(group.arn_prefix, "DataSet", uri, group.created)
    return Lineage(
        (context, store),
        (
            Association(store.arn, context.arn, AssociationType.ASSOCIATED_WITH, group.created),
            Association(context.arn, store.arn, AssociationType.CONTRIBUTED_TO, group.created, inferred=True),
        ),
    )


def store_uri(group: Resource[FeatureGroup]) -> str | None:
    """Where the offline store of a group keeps its data, as exactly as is known; None if it has no such store.

    Groups may share an S3Uri; each has a folder of its own in it, which has the name of its table.

    Source: evidence.md#offline-store, documented.
    """
    config = group.detail.offline_store_config
    shared = config.s3_storage_config.s3_uri
    table = config.data_catalog_config.table_name or ""
    if config.s3_storage_config.resolved_output_s3_uri or not shared:
        return config.s3_storage_config.resolved_output_s3_uri
    if not table.lower().startswith(f"{group.name.lower()}-"):  # a table that was there before: its folder is unknown
        return shared
    _, _, _, region, account, _ = group.arn.split(":", 5)
    return f"{shared.removesuffix('/')}/{account}/sagemaker/{region}/offline-store/{table}/data"


def feature_group_context(group: Resource[FeatureGroup], weight: int) -> Context:
    """The context of a feature group, as far as its name says."""
    name = entity_name(group.name, str(group.created // 1000), "aws-feature-group")
    return Context(
        arn=f"{group.arn_prefix}context/{name}",
        type="FeatureGroup",
        name=name,
        source_uri=group.arn,
        created=group.created,
        weight=weight,
    )


def group_key(uri: str) -> str | None:
    """The key of the feature group whose ARN an address is, or None: ARNs spell a name's case in several ways."""
    if uri[:4].lower() != "arn:":
        return None
    key = uri.lower()
    return key if ":feature-group/" in key else None


def in_their_time(lookup: Lookup, artifacts: Iterable[Artifact], created: int) -> list[Artifact]:
    """Artifacts of jobs, where those of feature groups stand for the incarnation that existed when the job was made.

    Args:
        lookup: To the groups.
        artifacts: What a job reads or writes.
        created: When the job was made.
    """
    found = []
    for one in artifacts:
        key = group_key(one.source_uri)
        group = lookup(key, FeatureGroup, created) if key else None
        if group and group.again:
            prefix = one.arn.partition("artifact/")[0]
            one = artifact(prefix, one.type, one.source_uri, one.created, source_types=group.source_types)
        found.append(one)
    return found


def links_with_groups(lookup: Lookup, inputs: Iterable[Artifact], outputs: Iterable[Artifact], created: int) -> Lineage:
    """A job that reads a feature group by its ARN reads what went into the group; one that writes it writes into it.

    Args:
        lookup: To the groups.
        inputs: What a job reads.
        outputs: What it writes.
        created: When the job was made.

    Source: ours.
    """
    entities: list[Entity] = []
    associations: list[Association] = []
    for one, read in (*((one, True) for one in inputs), *((one, False) for one in outputs)):
        key = group_key(one.source_uri)
        group = lookup(key, FeatureGroup, created) if key else None
        if group is None:
            continue
        context = feature_group_context(group, REPORTED)
        entities += [one, context]
        associations.append(
            Association(context.arn, one.arn, AssociationType.CONTRIBUTED_TO, created, inferred=True)
            if read
            else Association(one.arn, context.arn, AssociationType.ASSOCIATED_WITH, created, inferred=True)
        )
    return Lineage(tuple(entities), tuple(associations))


def missing_groups(lookup: Lookup, arns: Iterable[str]) -> Iterator[DescribeRequest]:
    """A group that nothing is known of has no context to link with."""
    for arn in arns:
        if lookup(arn.lower(), FeatureGroup) is None:
            yield DescribeRequest(arn, "DescribeFeatureGroup")


TYPE = ResourceType(
    kind=FEATURE_GROUP,
    name="feature group",
    mark="ours",
    version=3,
    fields=FeatureGroup,
    lineage=lineage,
    arn_field="feature_group_arn",
    name_field="feature_group_name",
    status_fields=("feature_group_status",),
    events=("SageMaker Feature Group State Change",),
    calls={"CreateFeatureGroup": creates(), "DeleteFeatureGroup": deletes()},
    described_by=described("FeatureGroup"),
    further_descriptions=(TAGS,),
    listed_by=ListOperation("ListFeatureGroups", "FeatureGroupSummaries", "FeatureGroupArn", "FeatureGroupName"),
)
