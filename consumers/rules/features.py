"""Feature groups."""

from __future__ import annotations

from consumers import shapes
from consumers.resource import Lookup, Resource
from store.lineage import OWN, Association, AssociationType, Context, Lineage, artifact, entity_name


def feature_group(group: Resource[shapes.FeatureGroup], _: Lookup) -> Lineage:
    """A feature group is a context, and its offline store a data set in it.

    Source: ours (DESIGN 5): AWS makes no entity for a feature group itself.
    """
    detail = group.detail
    name = entity_name(group.named(detail.feature_group_name), str(group.created // 1000), "aws-feature-group")
    context = Context(
        arn=f"{group.partition}context/{name}",
        type="FeatureGroup",
        name=name,
        source_uri=group.arn,
        status=detail.feature_group_status or "",
        description=detail.description or "",
        created=group.created,
        modified=group.modified,
        ended=group.modified if (detail.feature_group_status or "").lower() == "deleting" else group.replaced,
        tags=group.tags,
        weight=OWN,
    )
    uri = detail.offline_store_config.s3_storage_config.s3_uri
    if not uri:
        return Lineage((context,))
    store = artifact(group.partition, "DataSet", uri, group.created)
    return Lineage(
        (context, store), (Association(store.arn, context.arn, AssociationType.ASSOCIATED_WITH, group.created),)
    )
