"""ARNs are read and built in one place, in every partition of AWS."""

from __future__ import annotations

import json

import pytest
from botocore.loaders import create_loader

from consumers.arns import (
    PARTITIONS,
    Arn,
    account_prefix,
    aws_partition,
    build_arn,
    kind_of,
    name_in,
    parse_arn,
    with_case,
)
from consumers.kind import ENDPOINT, MODEL_PACKAGE, PIPELINE, PIPELINE_EXECUTION
from consumers.observe import observe
from ingest.event import decode
from tests.support.events import ACCOUNT, NOON, PARTITION, event

BOTOCORE = create_loader().load_data("partitions")["partitions"]
REGIONS = {region: one["id"] for one in BOTOCORE for region in one["regions"] if not region.startswith("aws-")}
UNKNOWN = {
    "eu-west-9": "aws",
    "xx-north-1": "aws",
    "cn-south-1": "aws-cn",
    "us-gov-central-1": "aws-us-gov",
    "us-isob-north-2": "aws-iso-b",
    "eusc-fr-west-1": "aws-eusc",
    "US-ISO-East-1": "aws-iso",
}
"""Regions that botocore does not list."""


def test_the_partitions_are_those_of_botocore() -> None:
    assert {one["id"]: one["regionRegex"].strip("^$") for one in BOTOCORE} == PARTITIONS


@pytest.mark.parametrize(("region", "partition"), (REGIONS | UNKNOWN).items())
def test_a_region_is_in_its_partition(region: str, partition: str) -> None:
    assert aws_partition(region) == partition
    assert build_arn(region, ACCOUNT, "model/m") == f"arn:{partition}:sagemaker:{region}:{ACCOUNT}:model/m"


@pytest.mark.parametrize(("region", "partition"), (REGIONS | UNKNOWN).items())
def test_a_resource_that_an_event_names_without_its_arn_is_in_the_partition_of_its_region(
    region: str, partition: str
) -> None:
    body = json.loads(event("Endpoint State Change", {"EndpointName": "Shop", "LastModifiedTime": NOON}))

    [state] = observe(decode(json.dumps(body | {"region": region}).encode()))

    assert state.arn == f"arn:{partition}:sagemaker:{region}:{ACCOUNT}:endpoint/shop"


@pytest.mark.parametrize(("region", "account"), [("", ACCOUNT), ("us-east-1", ""), ("us-east-1", "12345")])
def test_an_arn_takes_an_account_and_a_region(region: str, account: str) -> None:
    assert build_arn(region, account, "model/m") is None


@pytest.mark.parametrize(
    ("spelled", "name"), [("Shop", "Shop"), ("SHOP", "SHOP"), ("Other", "shop"), ("", "shop"), (None, "shop")]
)
def test_a_name_has_the_case_in_which_it_is_spelled_elsewhere(spelled: str | None, name: str) -> None:
    assert with_case(name_in(f"{PARTITION}endpoint/shop"), spelled) == name


def test_an_arn_comes_apart_into_what_precedes_the_name_and_the_name() -> None:
    arn = f"{PARTITION}Model-Package/Group/3"

    assert parse_arn(arn) == Arn(PARTITION, "model-package", "Group/3")
    assert account_prefix(arn) == PARTITION
    assert name_in(arn) == "Group/3"


@pytest.mark.parametrize(
    ("arn", "kind"),
    [
        (f"{PARTITION}ENDPOINT/Shop", ENDPOINT),
        (f"{PARTITION}model-package/group/3", MODEL_PACKAGE),
        (f"{PARTITION}pipeline/abalone", PIPELINE),
        (f"{PARTITION}pipeline/abalone/execution/0123456789ab", PIPELINE_EXECUTION),
        ("s3://bucket/model.tar.gz", None),
        ("arn:aws:s3:::bucket/model.tar.gz", None),
        ("shop", None),
    ],
)
def test_an_arn_says_what_kind_of_resource_it_names(arn: str, kind: str | None) -> None:
    assert kind_of(arn) == kind
