"""Asking SageMaker: moto's server where it has the operation, the fake where it lacks it or never fails."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from aiobotocore.config import AioConfig

from consumers.kind import ARTIFACT, ASSOCIATION, IMAGE_VERSION, MODEL_PACKAGE, PIPELINE, PIPELINE_EXECUTION
from consumers.resources import DESCRIBE_OPERATIONS, RESOURCE_TYPES
from consumers.resources.kept import KEPT_KINDS
from ingest.aws_errors import Denied, Missing, Unsupported
from ingest.delivery import Refused, Unavailable
from ingest.event import decode
from ingest.sagemaker import Elsewhere, SageMaker
from tests.support.aws import ACCOUNT, REGION, ROLE, arn_of
from tests.support.sagemaker import (
    LIST_OPERATIONS,
    NOW,
    FakeSageMaker,
    Fault,
    at,
    labeling_jobs,
    response_in,
    service,
    wrong,
)

FAST = 1000.0


EXECUTION = arn_of("pipeline/abalone/execution/0123456789ab")
NAMES = {
    MODEL_PACKAGE: "a-group/12",
    PIPELINE_EXECUTION: "abalone/execution/0123456789ab",
    IMAGE_VERSION: "an-image/3",
    ARTIFACT: "0123456789abcdef0123456789abcdef",
    ASSOCIATION: "0123456789abcdef0123456789abcdef",
    "domain": "d-0123456789ab",
    "user-profile": "d-0123456789ab/a-name",
    "space": "d-0123456789ab/a-name",
    "app": "d-0123456789ab/a-name/JupyterLab/default",
    "partner-app": "app-0123456789AB",
    "job": "AgentRFT/a-name",
    "workteam": "private-crowd/a-name",
    **dict.fromkeys(("cluster", "cluster-scheduler-config", "compute-quota"), "0123456789ab"),
}
"""Names of resources; others can be called anything."""
PARTS = {PIPELINE_EXECUTION: PIPELINE, ASSOCIATION: ARTIFACT}
"""What their ARNs say before the name, where that is not their kind."""
ABOUT = {
    operation.name: f"{PARTS.get(kind, kind)}/{NAMES.get(kind, 'a-name')}"
    for kind, one in RESOURCE_TYPES.items()
    for description in one.descriptions
    for operation in (description.operation, description.operation.older)
    if operation
}
"""A resource for each operation to be asked about."""


@asynccontextmanager
async def sagemaker_at(url: str | None = None, **more: Any) -> AsyncIterator[SageMaker]:
    client = SageMaker(**{"per_second": FAST, "now": lambda: NOW, "endpoint_url": url, **more})
    try:
        yield client
    finally:
        await client.aclose()


@pytest.mark.parametrize("operation", DESCRIBE_OPERATIONS)
def test_a_request_is_one_that_sagemaker_takes(operation: str) -> None:
    model = service().operation_model(operation)
    arn = arn_of(ABOUT[operation])
    request = DESCRIBE_OPERATIONS[operation].parameters(arn, ABOUT[operation].partition("/")[2])
    assert wrong(model.input_shape, request) == ""
    for name, value in request.items():
        rules = model.input_shape.members[name].metadata
        assert re.fullmatch(rules.get("pattern", ".*"), str(value)), f"{value} does not fit {name}"
        assert len(str(value)) <= rules.get("max", 2048)


@pytest.mark.parametrize("operation", [name for name, one in DESCRIBE_OPERATIONS.items() if one.subject])
def test_an_answer_names_its_subject_where_we_look_for_it(operation: str) -> None:
    shape = service().operation_model(operation).output_shape
    for step in DESCRIBE_OPERATIONS[operation].subject:
        shape = shape.member.members[step] if shape.type_name == "list" else shape.members[step]
    assert shape.type_name == "string"


@pytest.mark.parametrize("operation", LIST_OPERATIONS)
def test_a_list_is_requested_and_read_as_sagemaker_has_it(operation: str) -> None:
    model, how = service().operation_model(operation), LIST_OPERATIONS[operation]
    within = dict.fromkeys(model.input_shape.required_members, "a-name")
    request = {**how.parameters, **within, how.after: NOW, "MaxResults": 100}
    item = model.output_shape.members[how.items].member
    assert wrong(model.input_shape, request) == ""
    assert {*filter(None, (how.arn, how.item_name, how.created))} <= set(item.members)
    for name in ("SortBy", "SortOrder"):
        assert how.parameters[name] in model.input_shape.members[name].enum


def training_job(name: str, region: str = REGION) -> str:
    """The ARN of one that was made in moto's server."""
    client = boto3.client("sagemaker", region_name=region)
    answer = client.create_training_job(
        TrainingJobName=name,
        AlgorithmSpecification={"TrainingImage": "an.image/xgboost:1", "TrainingInputMode": "File"},
        RoleArn=ROLE,
        OutputDataConfig={"S3OutputPath": "s3://bucket/models"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 30},
        StoppingCondition={"MaxRuntimeInSeconds": 3600},
        HyperParameters={"max_depth": "5"},
        Tags=[{"Key": "team", "Value": "abalone"}],
    )
    return str(answer["TrainingJobArn"])


async def test_an_answer_is_an_event_of_our_own(aws: str) -> None:
    arn = training_job("Abalone-Train")
    async with sagemaker_at() as sagemaker:
        answer = await sagemaker.describe(DESCRIBE_OPERATIONS["DescribeTrainingJob"], arn)
        again = await sagemaker.describe(DESCRIBE_OPERATIONS["DescribeTrainingJob"], arn)
    event = json.loads(answer)
    described = boto3.client("sagemaker").describe_training_job(TrainingJobName="Abalone-Train")
    response = event["detail"].pop("Response")
    assert event == {
        "version": "0",
        "id": event["id"],
        "detail-type": "Headwater Description",
        "source": "headwater",
        "account": ACCOUNT,
        "time": "2024-05-17T12:00:00.250Z",
        "region": REGION,
        "resources": [arn],
        "detail": {"Operation": "DescribeTrainingJob"},
    }
    assert set(response) == set(described) - {"ResponseMetadata"}
    assert datetime.fromisoformat(response["CreationTime"]) == described["CreationTime"]
    assert re.fullmatch(r"[\dT:-]+\.\d{3}Z", response["CreationTime"])
    assert response["HyperParameters"] == {"max_depth": "5"}
    assert decode(answer).kind == "Headwater Description"
    assert answer == again


async def test_the_same_said_at_another_time_or_of_another_resource_has_another_id(sagemaker: FakeSageMaker) -> None:
    one, other = arn_of("pipeline/one"), arn_of("pipeline/other")
    for arn in (one, other):
        sagemaker.answers("ListTags", {"Tags": []}, ResourceArn=arn)
    later = iter((NOW, NOW, datetime(2024, 5, 18, tzinfo=UTC)))
    async with sagemaker_at(now=lambda: next(later)) as asked:
        answers = [await asked.describe(DESCRIBE_OPERATIONS["ListTags"], arn) for arn in (one, other, one)]
    assert len({json.loads(answer)["id"] for answer in answers}) == 3


async def test_a_resource_is_described_in_its_own_region(aws: str) -> None:
    arn = training_job("abroad", "eu-west-1")
    async with sagemaker_at(region=REGION) as sagemaker:
        assert (
            response_in(await sagemaker.describe(DESCRIBE_OPERATIONS["DescribeTrainingJob"], arn))["TrainingJobArn"]
            == arn
        )


async def test_the_name_with_its_case_is_used_where_it_is_known(aws: str) -> None:
    arn = training_job("CamelCase")
    async with sagemaker_at() as sagemaker:
        answer = await sagemaker.describe(DESCRIBE_OPERATIONS["DescribeTrainingJob"], arn.lower(), "CamelCase")
        assert json.loads(answer)["resources"] == [arn.lower()]
        with pytest.raises(Missing):
            await sagemaker.describe(DESCRIBE_OPERATIONS["DescribeTrainingJob"], arn.lower())


async def test_all_pages_of_an_answer_are_one(sagemaker: FakeSageMaker) -> None:
    tags = [{"Key": str(number), "Value": "x"} for number in range(7)]
    sagemaker.answers("ListTags", {"Tags": tags}, ResourceArn=arn_of("pipeline/abalone"))
    sagemaker.page_size = 3
    async with sagemaker_at() as asked:
        assert response_in(await asked.describe(DESCRIBE_OPERATIONS["ListTags"], arn_of("pipeline/abalone"))) == {
            "Tags": tags
        }
    assert sagemaker.calls == {"ListTags": 3}


async def test_numbers_that_are_none_and_times_of_any_zone_become_what_json_has(sagemaker: FakeSageMaker) -> None:
    job = {
        "TrainingJobName": "a-job",
        "TrainingJobArn": arn_of("training-job/a-job"),
        "TrainingStartTime": at(0.5),
        "TrainingJobStatus": "Completed",
        "CreationTime": at(0),
        "ObjectiveStatus": "Succeeded",
        "TunedHyperParameters": {},
        "FinalHyperParameterTuningJobObjectiveMetric": {"MetricName": "loss", "Value": float("nan")},
    }
    arn = arn_of("hyper-parameter-tuning-job/a-tuning")
    operation = "ListTrainingJobsForHyperParameterTuningJob"
    sagemaker.answers(operation, {"TrainingJobSummaries": [job]}, HyperParameterTuningJobName="a-tuning")
    async with sagemaker_at() as asked:
        [answer] = response_in(await asked.describe(DESCRIBE_OPERATIONS[operation], arn))["TrainingJobSummaries"]
    assert answer == job | {
        "CreationTime": "2023-11-14T22:13:20.000Z",
        "TrainingStartTime": "2023-11-14T22:13:20.500Z",
        "FinalHyperParameterTuningJobObjectiveMetric": {"MetricName": "loss", "Value": None},
    }


# moto answers a page of HTML for these when there is no such resource, or has no such operation
BEYOND_MOTO = {
    "DescribeLabelingJob",
    "DescribeAutoMLJob",
    "DescribeInferenceComponent",
    "DescribeMonitoringSchedule",
    "DescribeFeatureGroup",
    "DescribeExperiment",
    "DescribeImage",
    "DescribeImageVersion",
    "DescribeArtifact",
    "DescribeContext",
    "DescribeAction",
    *(f"Describe{one.stem}" for one in KEPT_KINDS),
}


@pytest.mark.parametrize("server", ["aws", "sagemaker"])
async def test_what_is_not_there_is_missing(server: str, request: pytest.FixtureRequest) -> None:
    request.getfixturevalue(server)
    async with sagemaker_at() as asked:
        for operation in DESCRIBE_OPERATIONS:
            if operation.startswith("List") or (operation in BEYOND_MOTO) is (server == "aws"):
                continue
            arn = arn_of(ABOUT[operation])
            with pytest.raises(Missing) as why:
                await asked.describe(DESCRIBE_OPERATIONS[operation], arn)
            assert str(why.value) == f"{arn} does not exist, or is not this account's"


async def test_another_account_s_resource_of_the_same_name_is_not_taken_for_it(aws: str) -> None:
    ours = training_job("twin")
    theirs = arn_of("training-job/twin", account="999999999999")
    async with sagemaker_at() as sagemaker:
        with pytest.raises(Elsewhere) as why:
            await sagemaker.describe(DESCRIBE_OPERATIONS["DescribeTrainingJob"], theirs)
    assert str(why.value) == f"{theirs} belongs to another account: this role sees {ours} under its name"


async def test_a_list_about_another_account_s_job_is_not_taken_for_it(sagemaker: FakeSageMaker) -> None:
    operation = "ListTrialComponents"
    component = {"TrialComponentArn": arn_of("experiment-trial-component/c"), "TrialComponentName": "c"}
    sagemaker.answers(operation, {"TrialComponentSummaries": [component]}, TrialName="a-trial")
    async with sagemaker_at() as asked:
        assert response_in(await asked.describe(DESCRIBE_OPERATIONS[operation], arn_of("experiment-trial/a-trial")))[
            "TrialComponentSummaries"
        ]
        with pytest.raises(Elsewhere):
            await asked.describe(
                DESCRIBE_OPERATIONS[operation], arn_of("experiment-trial/a-trial", account="999999999999")
            )


async def test_a_refusal_names_the_permission_that_is_missing(sagemaker: FakeSageMaker) -> None:
    sagemaker.fault("deny")
    arn = arn_of("labeling-job/a-job")
    async with sagemaker_at() as asked:
        with pytest.raises(Denied) as why:
            await asked.describe(DESCRIBE_OPERATIONS["DescribeLabelingJob"], arn)
        with pytest.raises(Denied) as of_list:
            await anext(asked.list_resources(LIST_OPERATIONS["ListLabelingJobs"]))
    assert str(why.value) == f"not allowed to read {arn}: give this role sagemaker:DescribeLabelingJob"
    assert why.value.permission == "sagemaker:DescribeLabelingJob"
    assert of_list.value.permission == "sagemaker:ListLabelingJobs"


async def test_moto_s_refusal_is_one_too(as_nobody: None) -> None:
    async with sagemaker_at() as sagemaker:
        with pytest.raises(Denied, match="give this role sagemaker:DescribeModel"):
            await sagemaker.describe(DESCRIBE_OPERATIONS["DescribeModel"], arn_of("model/a-model"))


@pytest.mark.parametrize("fault", ["throttle", "fail", "hang up"])
async def test_no_response_is_a_reason_to_try_again(sagemaker: FakeSageMaker, fault: Fault) -> None:
    arn = arn_of("pipeline/abalone")
    sagemaker.answers("ListTags", {"Tags": []}, ResourceArn=arn)
    sagemaker.fault(fault, times=1)
    async with sagemaker_at() as asked:
        with pytest.raises(Unavailable, match="AWS did not answer"):
            await asked.describe(DESCRIBE_OPERATIONS["ListTags"], arn)
        assert response_in(await asked.describe(DESCRIBE_OPERATIONS["ListTags"], arn)) == {"Tags": []}


async def test_nobody_listening_is_no_answer(moto_server: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    async with sagemaker_at(f"http://127.0.0.1:{port}") as asked:
        with pytest.raises(Unavailable, match="AWS did not answer"):
            await asked.describe(DESCRIBE_OPERATIONS["DescribeModel"], arn_of("model/a-model"))


async def test_a_throttle_is_waited_out(sagemaker: FakeSageMaker) -> None:
    arn = arn_of("pipeline/abalone")
    sagemaker.answers("ListTags", {"Tags": []}, ResourceArn=arn)
    sagemaker.fault("throttle", times=2)
    async with sagemaker_at(config=AioConfig(retries={"mode": "adaptive", "total_max_attempts": 3})) as asked:
        assert response_in(await asked.describe(DESCRIBE_OPERATIONS["ListTags"], arn)) == {"Tags": []}
    assert sagemaker.calls == {"ListTags": 3}


@pytest.mark.parametrize("server", ["aws", "sagemaker"])
async def test_a_server_that_lacks_an_operation_is_distinguished_from_one_that_fails(
    server: str, request: pytest.FixtureRequest
) -> None:
    found = request.getfixturevalue(server)
    if isinstance(found, FakeSageMaker):
        found.fault("unknown")
    async with sagemaker_at() as asked:
        with pytest.raises(Unsupported, match="this server has no operation DescribeLabelingJob"):
            await asked.describe(DESCRIBE_OPERATIONS["DescribeLabelingJob"], arn_of("labeling-job/a-job"))
        with pytest.raises(Unsupported, match="this server has no operation ListLabelingJobs"):
            await anext(asked.list_resources(LIST_OPERATIONS["ListLabelingJobs"]))


async def test_credentials_that_aws_does_not_know_are_refused_for_good(moto_server: str) -> None:
    async with sagemaker_at(credentials={"aws_access_key_id": "", "aws_secret_access_key": ""}) as asked:
        with pytest.raises(Refused):
            await asked.describe(DESCRIBE_OPERATIONS["DescribeModel"], arn_of("model/a-model"))


async def test_what_has_no_arn_of_sagemaker_is_not_described(moto_server: str) -> None:
    async with sagemaker_at() as asked:
        with pytest.raises(Refused, match="DescribeModel cannot be called about a-model"):
            await asked.describe(DESCRIBE_OPERATIONS["DescribeModel"], "a-model")


AUTOML = {
    "AutoMLJobName": "a-job",
    "AutoMLJobArn": arn_of("automl-job/a-job"),
    "InputDataConfig": [
        {
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://b/train"}},
            "TargetAttributeName": "rings",
        }
    ],
    "OutputDataConfig": {"S3OutputPath": "s3://b/out"},
    "RoleArn": ROLE,
    "CreationTime": at(0),
    "LastModifiedTime": at(9),
    "AutoMLJobStatus": "Completed",
    "AutoMLJobSecondaryStatus": "Completed",
}


@pytest.mark.parametrize("without", [True, False])
async def test_an_automl_job_of_the_first_version_is_described_as_such(sagemaker: FakeSageMaker, without: bool) -> None:
    sagemaker.answers("DescribeAutoMLJob", AUTOML, AutoMLJobName="a-job")
    if without:
        sagemaker.fault("unknown", "DescribeAutoMLJobV2")
    async with sagemaker_at() as asked:
        event = json.loads(await asked.describe(DESCRIBE_OPERATIONS["DescribeAutoMLJobV2"], arn_of("automl-job/a-job")))
        with pytest.raises(Missing):
            await asked.describe(DESCRIBE_OPERATIONS["DescribeAutoMLJobV2"], arn_of("automl-job/other"))
    assert event["detail"]["Operation"] == "DescribeAutoMLJob"
    assert event["detail"]["Response"]["InputDataConfig"] == AUTOML["InputDataConfig"]


async def test_each_operation_has_a_pace_of_its_own(sagemaker: FakeSageMaker) -> None:
    arn = arn_of("pipeline/abalone")
    sagemaker.answers("ListTags", {"Tags": []}, ResourceArn=arn)
    sagemaker.answers("DescribePipeline", {"PipelineArn": arn}, PipelineName="abalone")
    asked_for = [*["ListTags"] * 8, *["DescribePipeline"] * 8]
    async with sagemaker_at(per_second=20) as asked:
        began = time.monotonic()
        await asyncio.gather(*(asked.describe(DESCRIBE_OPERATIONS[name], arn) for name in asked_for))
        took = time.monotonic() - began
    assert took >= 7 / 20 * 0.9
    assert "DescribePipeline" in [
        operation for operation, _ in sagemaker.requests[:4]
    ]  # it did not wait for the others


async def test_no_more_calls_are_under_way_than_allowed(sagemaker: FakeSageMaker) -> None:
    arn = arn_of("pipeline/abalone")
    sagemaker.answers("ListTags", {"Tags": []}, ResourceArn=arn)
    sagemaker.delay = 0.02
    async with sagemaker_at(concurrency=3, config=AioConfig(max_pool_connections=50)) as asked:
        await asyncio.gather(*(asked.describe(DESCRIBE_OPERATIONS["ListTags"], arn) for _ in range(12)))
    assert sagemaker.busiest == 3


def test_by_default_a_few_calls_a_second_are_made() -> None:
    model, tags = DESCRIBE_OPERATIONS["DescribeModel"], DESCRIBE_OPERATIONS["ListTags"]
    members, models = DESCRIBE_OPERATIONS["ListTrialComponents"], LIST_OPERATIONS["ListModels"]
    assert [SageMaker().per_second(operation) for operation in (model, tags, members, models)] == [5, 5, 2, 2]
    assert SageMaker(per_second=0.5).per_second(model) == 0.5


async def test_a_list_comes_page_by_page_the_oldest_first(sagemaker: FakeSageMaker) -> None:
    jobs = labeling_jobs(sagemaker, 5)
    sagemaker.page_size = 2
    async with sagemaker_at() as asked:
        pages = [page async for page in asked.list_resources(LIST_OPERATIONS["ListLabelingJobs"], REGION)]
        assert [list(page.resources) for page in pages] == [jobs[:2], jobs[2:4], jobs[4:]]
        assert [bool(page.next_token) for page in pages] == [True, True, False]
        rest = [
            page
            async for page in asked.list_resources(LIST_OPERATIONS["ListLabelingJobs"], start_token=pages[0].next_token)
        ]
        assert rest == pages[1:]
        late = [page async for page in asked.list_resources(LIST_OPERATIONS["ListLabelingJobs"], since=at(2.5))]
        assert [list(page.resources) for page in late] == [jobs[3:]]


async def test_what_moto_lists_can_be_described(aws: str) -> None:
    arns = [training_job(name) for name in ("Abalone-1", "Abalone-2")]
    async with sagemaker_at() as asked:
        [page] = [page async for page in asked.list_resources(LIST_OPERATIONS["ListTrainingJobs"])]
        assert [(one.arn, one.name) for one in page.resources] == list(
            zip(arns, ("Abalone-1", "Abalone-2"), strict=True)
        )
        for one in page.resources:
            assert (
                response_in(await asked.describe(DESCRIBE_OPERATIONS["DescribeTrainingJob"], one.arn, one.name))[
                    "TrainingJobArn"
                ]
                == one.arn
            )
            assert response_in(await asked.describe(DESCRIBE_OPERATIONS["ListTags"], one.arn))["Tags"] == [
                {"Key": "team", "Value": "abalone"}
            ]


async def test_what_a_server_does_not_leave_out_is_left_out_all_the_same(aws: str) -> None:
    boto3.client("sagemaker").create_model(ModelName="old", ExecutionRoleArn=ROLE)  # moto lists models of any age
    tomorrow = datetime.fromtimestamp(time.time() + 86_400, UTC)
    async with sagemaker_at() as asked:
        assert [
            list(page.resources) async for page in asked.list_resources(LIST_OPERATIONS["ListModels"], since=tomorrow)
        ] == [[]]


def test_the_fake_does_not_answer_what_sagemaker_could_not(sagemaker: FakeSageMaker) -> None:
    with pytest.raises(AssertionError, match="could not answer that: Missing required parameter"):
        sagemaker.answers("DescribeTrainingJob", {"TrainingJobName": "a-job"}, TrainingJobName="a-job")
    client = boto3.client("sagemaker")
    client.meta.events.register("before-call", lambda params, **_: params.update(body=b'{"MaxResults": "many"}'))
    with pytest.raises(client.exceptions.ClientError, match="Invalid type for parameter MaxResults"):
        client.list_models()
