"""Where the offline store of a feature group keeps its data."""

from __future__ import annotations

import pytest

from consumers.kind import FEATURE_GROUP
from consumers.resources.feature_group import (
    DataCatalogConfig,
    FeatureGroup,
    OfflineStoreConfig,
    S3StorageConfig,
    store_uri,
)
from consumers.resources.types import Resource
from tests.support.events import ACCOUNT, NOON, PARTITION, REGION

OWN = f"s3://store/features/{ACCOUNT}/sagemaker/{REGION}/offline-store/Orders-1772438400/data"


@pytest.mark.parametrize(
    ("shared", "resolved", "table", "uri"),
    [
        ("s3://store/features", OWN, "Orders-1772438400", OWN),
        ("s3://store/features", None, "Orders-1772438400", OWN),
        ("s3://store/features/", None, "Orders-1772438400", OWN),
        ("s3://store/features", None, "orders", "s3://store/features"),
        ("s3://store/features", None, "theirs", "s3://store/features"),
        ("s3://store/features", None, None, "s3://store/features"),
        (None, None, "Orders-1772438400", None),
        (None, None, None, None),
    ],
)
def test_a_group_has_a_folder_of_its_own_where_its_description_or_its_table_says_which(
    shared: str | None, resolved: str | None, table: str | None, uri: str | None
) -> None:
    config = OfflineStoreConfig(S3StorageConfig(shared, resolved), DataCatalogConfig(table))
    detail = FeatureGroup(feature_group_name="orders", offline_store_config=config)
    arn = f"{PARTITION}feature-group/orders"

    assert store_uri(Resource(FEATURE_GROUP, arn, "orders", detail, created=NOON, modified=NOON)) == uri
