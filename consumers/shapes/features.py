"""Feature groups, as events tell them."""

from __future__ import annotations

import msgspec

from consumers.shapes.reading import Name, Shape, Tags, Time, Uri


class S3StorageConfig(Shape, frozen=True):
    """Where an offline store keeps its data."""

    s3_uri: Uri | None = None


class OfflineStoreConfig(Shape, frozen=True):
    """The offline store of a feature group."""

    s3_storage_config: S3StorageConfig = msgspec.field(name="S3StorageConfig", default=S3StorageConfig())


class FeatureGroup(Shape, frozen=True):
    """A feature group, as DescribeFeatureGroup shows it."""

    feature_group_name: Name | None = None
    feature_group_arn: Uri | None = None
    feature_group_status: str | None = None
    description: str | None = None
    offline_store_config: OfflineStoreConfig = OfflineStoreConfig()
    tags: Tags = None
    creation_time: Time | None = None
    last_modified_time: Time | None = None
