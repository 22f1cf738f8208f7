"""Every partition of AWS: what a call names without an ARN is what events name by theirs, and the API finds it."""

from __future__ import annotations

from pathlib import Path

import pytest
from botocore.loaders import create_loader

from consumers.api.app import Settings
from store.resources import with_prefix
from tests.support.api_server import client, refused, served
from tests.support.events import case_events
from tests.support.stores import fed, sqlite_store

REGIONS = {
    one["id"]: [region for region in one["regions"] if not region.startswith("aws-")][-1]
    for one in create_loader().load_data("partitions")["partitions"]
}
"""A region of each partition."""
each_partition = pytest.mark.parametrize(("partition", "region"), REGIONS.items())


def events_in(partition: str, region: str) -> list[bytes]:
    """The events of the case, as another partition would send them."""
    return [
        body.replace(b"aws-eusc", partition.encode()).replace(b"eusc-de-east-1", region.encode())
        for body in case_events("european_sovereign_cloud_partition")
    ]


@each_partition
@pytest.mark.parametrize("turn", [1, -1], ids=["in order", "backwards"])
def test_calls_that_name_a_resource_without_its_arn_are_about_it(
    turn: int, partition: str, region: str, tmp_path: Path
) -> None:
    store = fed(sqlite_store(tmp_path / "store.db"), events_in(partition, region)[::turn])
    endpoint = f"arn:{partition}:sagemaker:{region}:111122223333:endpoint/ep-x"

    assert store.read(lambda tx: [row.key for row in with_prefix(tx, "arn:") if row.kind == "endpoint"]) == [endpoint]
    with served(store, Settings("111122223333", region)) as api:
        sagemaker = client("sagemaker", api.url, region_name=region)
        assert "Could not find" in refused(sagemaker.describe_endpoint, EndpointName="ep-x")
        assert sagemaker.list_endpoints()["Endpoints"] == []
        assert sagemaker.list_model_package_groups()["ModelPackageGroupSummaryList"] == []
        [job] = sagemaker.list_training_jobs()["TrainingJobSummaries"]
        assert job["TrainingJobArn"] == f"arn:{partition}:sagemaker:{region}:111122223333:training-job/train-x"
        artifacts = [one["ArtifactArn"] for one in sagemaker.list_artifacts()["ArtifactSummaries"]]
        assert {arn.rpartition(":")[0] for arn in artifacts} == {endpoint.rpartition(":")[0]}
    store.close()
