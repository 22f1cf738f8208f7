"""Feature groups, and the jobs that read and write them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from consumers import shapes
from consumers.resources.types import DescribeRequest, Lookup, Resource
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


def feature_group(group: Resource[shapes.FeatureGroup], _: Lookup) -> Lineage:
    """A feature group is a context, and its offline store a data set in it, which what reads the group reads.

    Source: ours (DESIGN 5): AWS makes no entity for a feature group itself.
    """
    detail = group.detail
    status = detail.feature_group_status or ""
    bare = group_context(group, OWNER)
    context = Context(
        arn=bare.arn,
        type=bare.type,
        name=bare.name,
        source_uri=bare.source_uri,
        status=status,
        description=detail.description or "",
        created=group.created,
        modified=group.modified,
        ended=group.deleted or (group.modified if status.lower() == "deleting" else group.replaced),
        tags=group.tags,
        weight=OWNER,
    )
    uri = detail.offline_store_config.s3_storage_config.s3_uri
    if not uri:
        return Lineage((context,))
    store = artifact(group.partition, "DataSet", uri, group.created)
    return Lineage(
        (context, store),
        (
            Association(store.arn, context.arn, AssociationType.ASSOCIATED_WITH, group.created),
            Association(context.arn, store.arn, AssociationType.CONTRIBUTED_TO, group.created, inferred=True),
        ),
    )


def group_context(group: Resource[shapes.FeatureGroup], weight: int) -> Context:
    """The context of a feature group, as far as its name tells."""
    name = entity_name(group.named(group.detail.feature_group_name), str(group.created // 1000), "aws-feature-group")
    return Context(
        arn=f"{group.partition}context/{name}",
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


def links_with_groups(lookup: Lookup, inputs: Iterable[Artifact], outputs: Iterable[Artifact], created: int) -> Lineage:
    """What reads a feature group by its ARN reads what went into the group; what writes it writes into the group.

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
        group = lookup(key, shapes.FeatureGroup, created) if key else None
        if group is None:
            continue
        context = group_context(group, REPORTED)
        entities += [one, context]
        associations.append(
            Association(context.arn, one.arn, AssociationType.CONTRIBUTED_TO, created, inferred=True)
            if read
            else Association(one.arn, context.arn, AssociationType.ASSOCIATED_WITH, created, inferred=True)
        )
    return Lineage(tuple(entities), tuple(associations))


def groups_to_ask_about(lookup: Lookup, arns: Iterable[str]) -> Iterator[DescribeRequest]:
    """A group that nothing is known of has no context to link with."""
    for arn in arns:
        if lookup(arn.lower(), shapes.FeatureGroup) is None:
            yield DescribeRequest(arn, "DescribeFeatureGroup")
