"""SageMaker's Describe and List operations on resources, as a client reads their responses."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

import pytest
from botocore.parsers import create_parser
from hypothesis import given, settings

from consumers.api import validator
from consumers.api.client_writes import ClientWriter
from consumers.api.errors import NotFound
from consumers.api.operations.resources import OPERATIONS
from consumers.api.request import Request
from consumers.api.resource_views import Descriptions
from consumers.api.serializer import encoded
from consumers.api.service import Service
from consumers.api.service_model import operation
from store.database import Store
from tests.support.account import generated
from tests.support.account.made import Account, moment
from tests.support.events import ACCOUNT, NOON, PARTITION, REGION, abalone, answer, call, case_events, event
from tests.support.laws import scaled
from tests.support.stores import emptied, fed, settlements, sqlite_store
from tests.support.worlds import worlds

Send = Callable[..., Any]


def client(store: Store, partition: str = PARTITION) -> Send:
    """Calls operations as a client does, and reads responses as botocore does."""
    service = Service(store, cast(ClientWriter, None), Descriptions(store))

    def send(name: str, **members: Any) -> Any:
        request = Request(name, validator.checked(operation(name).input_shape, members), REGION, ACCOUNT, partition)
        body = encoded(name, OPERATIONS[name].run(service, request))
        response = create_parser("json").parse(
            {"body": body, "headers": {}, "status_code": 200}, operation(name).output_shape
        )
        response.pop("ResponseMetadata")
        return response

    return send


@pytest.fixture
def send(store: Store) -> Send:
    """Asks a store with the cases' events."""
    for name in ("endpoint_update", "feature_group", "package_in_full", "unversioned_package"):
        fed(store, case_events(name))
    for name in ("pipeline_retried_and_cached", "tuning_job_and_its_list", "transform_job"):
        fed(store, case_events(name))
    return client(store)


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Account, Store]]:
    """An account with some of everything, and a store with its events."""
    made = generated(1)
    with sqlite_store(tmp_path_factory.mktemp("resources") / "account.db") as store:
        yield made, fed(store, [*made.events(), *made.answered()], 100)


# ------------------------------------------------------------------------------------------------------------- describe


def test_recorded_descriptions_are_returned_as_sagemaker_returned_them(account: tuple[Account, Store]) -> None:
    made, store = account
    send = client(store)
    seen = set()
    for one in made.made:
        for name, request, response in one.answers:
            if name in OPERATIONS and not name.startswith("List"):
                seen.add(name)
                assert without_empty(send(name, **request)) == without_empty(response), one.arn
    described = {name for name in OPERATIONS if name.startswith("Describe")}
    assert described - seen == {"DescribePipelineDefinitionForExecution"}


def test_a_group_that_only_its_packages_report_is_completed(store: Store) -> None:
    fed(store, abalone())
    send = client(store, "arn:aws:sagemaker:us-west-2:000000000000:")

    [listed] = send("ListModelPackageGroups")["ModelPackageGroupSummaryList"]
    described = send("DescribeModelPackageGroup", ModelPackageGroupName=listed["ModelPackageGroupName"])

    assert listed["ModelPackageGroupStatus"] == described["ModelPackageGroupStatus"] == "Completed"


def test_a_group_has_the_status_that_is_reported(store: Store) -> None:
    arn = f"{PARTITION}model-package-group/prices"
    fed(store, [call("CreateModelPackageGroup", {"modelPackageGroupName": "prices"}, {"modelPackageGroupArn": arn})])
    failed = {"ModelPackageGroupName": "prices", "ModelPackageGroupArn": arn, "ModelPackageGroupStatus": "Failed"}
    fed(store, [answer("DescribeModelPackageGroup", failed, arn=arn)])

    assert (
        client(store)("DescribeModelPackageGroup", ModelPackageGroupName="prices")["ModelPackageGroupStatus"]
        == "Failed"
    )


def without_empty(response: Mapping[str, Any]) -> dict[str, Any]:
    """A response without the texts that stand for nothing."""
    return {name: value for name, value in response.items() if value != ""}


def test_recorded_steps_are_returned_the_newest_first(account: tuple[Account, Store]) -> None:
    made, store = account
    send = client(store)
    recorded = [
        (request, response["PipelineExecutionSteps"])
        for one in made.made
        for name, request, response in one.answers
        if name == "ListPipelineExecutionSteps"
    ]
    assert len(recorded) == 3
    for request, steps in recorded:
        newest_first = sorted(steps, key=lambda step: step["StartTime"], reverse=True)
        downwards = send("ListPipelineExecutionSteps", **request)
        assert [without_cached(step) for step in downwards["PipelineExecutionSteps"]] == [
            without_cached(step) for step in newest_first
        ]
        upwards = send("ListPipelineExecutionSteps", **request, SortOrder="Ascending")
        assert upwards["PipelineExecutionSteps"] == downwards["PipelineExecutionSteps"][::-1]


def without_cached(step: Mapping[str, Any]) -> dict[str, Any]:
    """A step, without what it took over from an earlier execution."""
    return {name: value for name, value in step.items() if name != "Metadata" or "CacheHitResult" not in step}


def test_several_packages_are_described_at_once_and_missing_ones_are_named(send: Send) -> None:
    known, other = f"{PARTITION}model-package/churnmodels/1", f"{PARTITION}model-package/churnmodels/2"

    response = send("BatchDescribeModelPackage", ModelPackageArnList=[known, other])

    assert list(response["ModelPackageSummaries"]) == [known]
    assert response["ModelPackageSummaries"][known]["ModelPackageGroupName"] == "ChurnModels"
    assert response["BatchDescribeModelPackageErrorMap"] == {
        other: {"ErrorCode": "ValidationException", "ErrorResponse": f"ModelPackage {other} does not exist."}
    }


def test_pipelines_may_be_described_by_their_arns(send: Send) -> None:
    by_arn = send("DescribePipeline", PipelineName=f"{PARTITION}pipeline/Churn-Flow")

    assert by_arn == send("DescribePipeline", PipelineName="CHURN-FLOW")
    assert by_arn["PipelineName"] == "Churn-Flow"


# ---------------------------------------------------------------------------------------------------------------- lists


SUMMARIES = {
    "ListTrainingJobs": "TrainingJobSummaries",
    "ListProcessingJobs": "ProcessingJobSummaries",
    "ListTransformJobs": "TransformJobSummaries",
    "ListHyperParameterTuningJobs": "HyperParameterTuningJobSummaries",
    "ListFeatureGroups": "FeatureGroupSummaries",
    "ListModels": "Models",
    "ListModelPackages": "ModelPackageSummaryList",
    "ListModelPackageGroups": "ModelPackageGroupSummaryList",
    "ListEndpoints": "Endpoints",
    "ListEndpointConfigs": "EndpointConfigs",
    "ListPipelines": "PipelineSummaries",
}


def test_every_list_is_paged(account: tuple[Account, Store]) -> None:
    send = client(account[1])
    for name, member in SUMMARIES.items():
        more = {"ModelPackageType": "Both"} if name == "ListModelPackages" else {}
        whole = send(name, MaxResults=100, **more)
        assert whole.keys() == {member}
        assert whole[member], name
        assert glued(send, name, member, MaxResults=1, **more) == whole[member]


def test_pages_have_ten_entries_by_default(store: Store) -> None:
    fed(store, [event("Model State Change", {"ModelName": f"m-{number}"}) for number in range(12)])
    send = client(store)

    first = send("ListModels")
    rest = send("ListModels", NextToken=first["NextToken"])

    assert (len(first["Models"]), len(rest["Models"])) == (10, 2)
    assert first["Models"] + rest["Models"] == send("ListModels", MaxResults=100)["Models"]


def test_summaries_have_all_that_must_be_in_them(account: tuple[Account, Store]) -> None:
    send = client(account[1])
    for name, member in SUMMARIES.items():
        required = operation(name).output_shape.members[member].member.required_members
        for entry in send(name, MaxResults=100)[member]:
            assert set(required) <= entry.keys(), name


DESCRIBED = {
    "ListTrainingJobs": ("DescribeTrainingJob", "TrainingJobName"),
    "ListProcessingJobs": ("DescribeProcessingJob", "ProcessingJobName"),
    "ListTransformJobs": ("DescribeTransformJob", "TransformJobName"),
    "ListHyperParameterTuningJobs": ("DescribeHyperParameterTuningJob", "HyperParameterTuningJobName"),
    "ListFeatureGroups": ("DescribeFeatureGroup", "FeatureGroupName"),
    "ListModels": ("DescribeModel", "ModelName"),
    "ListModelPackages": ("DescribeModelPackage", "ModelPackageArn"),
    "ListModelPackageGroups": ("DescribeModelPackageGroup", "ModelPackageGroupName"),
    "ListEndpoints": ("DescribeEndpoint", "EndpointName"),
    "ListEndpointConfigs": ("DescribeEndpointConfig", "EndpointConfigName"),
    "ListPipelines": ("DescribePipeline", "PipelineName"),
}
"""How what a list names is described, and by which member of its summaries."""


@pytest.fixture(scope="module")
def emptied_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store that each example empties."""
    with sqlite_store(tmp_path_factory.mktemp("resources") / "worlds.db") as store:
        yield store


@pytest.mark.law
@settings(max_examples=scaled(60))
@given(worlds)
def test_lists_and_descriptions_agree(emptied_store: Store, world: list[bytes]) -> None:
    store = emptied(emptied_store)
    settlements(store, world)
    send = client(store)
    for name, member in SUMMARIES.items():
        more = {"ModelPackageType": "Both"} if name == "ListModelPackages" else {}
        describe, key = DESCRIBED[name]
        for entry in send(name, MaxResults=100, **more)[member]:
            named = {"ModelPackageName" if key == "ModelPackageArn" else key: entry[key]}
            described = send(describe, **named)
            assert {each: described[each] for each in entry if each in described} == {
                each: value for each, value in entry.items() if each in described
            }
            assert "CreationTime" in described
            if name == "ListPipelines":
                for one in send("ListPipelineExecutions", **named, MaxResults=100)["PipelineExecutionSummaries"]:
                    arn = {"PipelineExecutionArn": one["PipelineExecutionArn"]}
                    assert send("DescribePipelineExecution", **arn)["CreationTime"] == one["StartTime"]
                    steps = send("ListPipelineExecutionSteps", **arn)["PipelineExecutionSteps"]
                    assert all("Metadata" in step for step in steps)
            if name == "ListHyperParameterTuningJobs":
                assert "TrainingJobSummaries" in send("ListTrainingJobsForHyperParameterTuningJob", **named)


def glued(send: Send, name: str, member: str, **members: Any) -> list[Any]:
    """All pages of a list."""
    found: list[Any] = []
    page = send(name, **members)
    while True:
        found += page[member]
        if "NextToken" not in page:
            return found
        page = send(name, **members, NextToken=page["NextToken"])


def training(name: str, created: int, **more: Any) -> bytes:
    detail = {"TrainingJobName": name, "TrainingJobStatus": "Completed", "CreationTime": created}
    return event("Training Job State Change", {**detail, "LastModifiedTime": created, **more}, time=created)


@pytest.mark.parametrize(
    ("request_", "names"),
    [
        ({}, ["b", "A", "c"]),
        ({"SortOrder": "Descending"}, ["c", "A", "b"]),
        ({"SortBy": "Name"}, ["A", "b", "c"]),
        ({"SortBy": "Status"}, ["A", "c", "b"]),
        ({"NameContains": "B"}, ["b"]),
        ({"StatusEquals": "InProgress"}, ["b"]),
        ({"CreationTimeAfter": NOON / 1000 + 1}, ["A", "c"]),
        ({"CreationTimeBefore": NOON / 1000 + 1.5}, ["b", "A"]),
        ({"LastModifiedTimeAfter": NOON / 1000 + 3}, ["b"]),
        ({"LastModifiedTimeBefore": NOON / 1000 + 1}, ["A"]),
        ({"WarmPoolStatusEquals": "Available"}, ["c"]),
        ({"TrainingPlanArnEquals": f"{PARTITION}training-plan/p"}, ["A"]),
    ],
)
def test_training_jobs_are_filtered_and_sorted(store: Store, request_: dict[str, Any], names: list[str]) -> None:
    plan = {"ResourceConfig": {"TrainingPlanArn": f"{PARTITION}training-plan/p"}}
    warm = {"WarmPoolStatus": {"Status": "Available"}}
    late = {"LastModifiedTime": NOON + 3000, "TrainingJobStatus": "InProgress"}
    fed(store, [training("b", NOON, **late), training("A", NOON + 1000, **plan), training("c", NOON + 2000, **warm)])

    response = client(store)("ListTrainingJobs", **request_)

    assert [one["TrainingJobName"] for one in response["TrainingJobSummaries"]] == names


def test_resources_of_other_accounts_and_regions_are_not_listed(send: Send, store: Store) -> None:
    assert send("ListModels")["Models"]
    assert client(store, PARTITION.replace("us-east-1", "eu-west-1"))("ListModels") == {"Models": []}


def test_packages_are_listed_by_group_type_and_approval(send: Send) -> None:
    def arns(**members: str) -> list[str]:
        response = send("ListModelPackages", **members)["ModelPackageSummaryList"]
        return [one["ModelPackageArn"].rpartition("model-package/")[2] for one in response]

    assert arns() == ["standalone"]
    assert arns(ModelPackageType="Versioned") == ["churnmodels/1"]
    assert sorted(arns(ModelPackageType="Both")) == ["churnmodels/1", "standalone"]
    assert arns(ModelPackageGroupName="ChurnModels") == ["churnmodels/1"]
    assert arns(ModelPackageGroupName=f"{PARTITION}model-package-group/churnmodels") == ["churnmodels/1"]
    assert arns(ModelPackageGroupName="Churn") == []
    assert arns(ModelPackageGroupName="ChurnModels", ModelPackageType="Unversioned") == []
    approval = send("DescribeModelPackage", ModelPackageName=f"{PARTITION}model-package/churnmodels/1")
    others = {"Approved", "Rejected", "PendingManualApproval"} - {approval["ModelApprovalStatus"]}
    assert arns(ModelPackageGroupName="ChurnModels", ModelApprovalStatus=approval["ModelApprovalStatus"])
    assert not any(arns(ModelPackageGroupName="ChurnModels", ModelApprovalStatus=other) for other in others)


def test_tuning_jobs_and_their_training_jobs_are_listed_with_what_they_reached(send: Send) -> None:
    (tuning,) = send("ListHyperParameterTuningJobs")["HyperParameterTuningJobSummaries"]
    name = tuning["HyperParameterTuningJobName"]
    assert (tuning["Strategy"], tuning["ResourceLimits"]["MaxNumberOfTrainingJobs"]) == ("Bayesian", 2)

    def reached(**members: str) -> list[tuple[str, float | None]]:
        listed = send("ListTrainingJobsForHyperParameterTuningJob", HyperParameterTuningJobName=name, **members)
        return [
            (one["TrainingJobName"][-12:-9], one["FinalHyperParameterTuningJobObjectiveMetric"].get("Value"))
            for one in listed["TrainingJobSummaries"]
        ]

    assert reached() == [("001", 0.91), ("002", 0.88), ("003", None)]
    assert reached(SortOrder="Descending") == reached()[::-1]
    assert reached(SortBy="FinalObjectiveMetricValue") == [("002", 0.88), ("001", 0.91)]
    assert reached(StatusEquals="Failed") == []


def test_executions_are_listed_by_their_pipeline_and_have_steps_and_parameters(send: Send) -> None:
    listed = send("ListPipelineExecutions", PipelineName="Churn-Flow")["PipelineExecutionSummaries"]
    arns = [one["PipelineExecutionArn"] for one in listed]
    assert [arn.rpartition("/")[2] for arn in arns] == ["ccc333ddd444", "aaa111bbb222"]
    assert all(one["StartTime"] for one in listed)

    by_arn = send("ListPipelineExecutions", PipelineName="Churn-Flow", SortBy="PipelineExecutionArn", MaxResults=1)
    assert [one["PipelineExecutionArn"] for one in by_arn["PipelineExecutionSummaries"]] == arns[:1]

    parameters = send("ListPipelineParametersForExecution", PipelineExecutionArn=arns[1], MaxResults=1)
    assert parameters["PipelineParameters"][0].keys() == {"Name", "Value"}


def test_pipelines_are_listed_by_the_beginning_of_their_names(store: Store) -> None:
    for name in ("Churn-Flow", "churn-other", "prices"):
        fed(store, [call("CreatePipeline", {"pipelineName": name}, {"pipelineArn": f"{PARTITION}pipeline/{name}"})])
    send = client(store)

    response = send("ListPipelines", PipelineNamePrefix="churn", SortBy="Name", SortOrder="Ascending")

    assert [one["PipelineName"] for one in response["PipelineSummaries"]] == ["Churn-Flow", "churn-other"]


def test_the_steps_of_a_real_run_name_what_they_created(store: Store) -> None:
    fed(store, abalone())
    send = client(store, "arn:aws:sagemaker:us-west-2:000000000000:")
    (pipeline,) = send("ListPipelines")["PipelineSummaries"]
    (run,) = send("ListPipelineExecutions", PipelineName=pipeline["PipelineName"])["PipelineExecutionSummaries"]

    steps = send("ListPipelineExecutionSteps", PipelineExecutionArn=run["PipelineExecutionArn"])

    made = {step["StepName"]: next(iter(step["Metadata"])) for step in steps["PipelineExecutionSteps"]}
    assert made == {
        "AbaloneTransform": "TransformJob",
        "AbaloneCreateModel-CreateModel": "Model",
        "AbaloneRegisterModel-RegisterModel": "RegisterModel",
        "AbaloneMSECond": "Condition",
        "AbaloneEval": "ProcessingJob",
        "AbaloneTrain": "TrainingJob",
        "AbaloneProcess": "ProcessingJob",
    }
    assert list(made) == [step["StepName"] for step in steps["PipelineExecutionSteps"]]
    (register,) = [step for step in steps["PipelineExecutionSteps"] if "RegisterModel" in step["Metadata"]]
    package = send("DescribeModelPackage", ModelPackageName=register["Metadata"]["RegisterModel"]["Arn"])
    assert package["ModelPackageStatus"] == "Completed"


def test_a_step_that_created_nothing_has_empty_metadata(store: Store) -> None:
    execution = f"{PARTITION}pipeline/flow/execution/aaaaaaaaaaaa"
    detail = {"pipelineExecutionArn": execution, "stepName": "Train", "currentStepStatus": "Executing"}
    fed(store, [event("Model Building Pipeline Execution Step Status Change", detail)])

    (step,) = client(store)("ListPipelineExecutionSteps", PipelineExecutionArn=execution)["PipelineExecutionSteps"]

    assert step == {"StepName": "Train", "StepStatus": "Executing", "Metadata": {}}


def test_keys_of_maps_in_a_steps_metadata_come_back_as_their_user_spelled_them(store: Store) -> None:
    fed(store, case_events("lineage_step_keys"))
    prefix = "arn:aws:sagemaker:us-west-2:111122223333:"
    execution = f"{prefix}pipeline/abalone/execution/lineagestep1"

    (step,) = client(store, prefix)("ListPipelineExecutionSteps", PipelineExecutionArn=execution)[
        "PipelineExecutionSteps"
    ]

    lineage = step["Metadata"]["Lineage"]
    assert lineage["ActionArns"] == {"trainAction": f"{prefix}action/train-action"}
    assert lineage["ArtifactArns"] == {"rawData": f"{prefix}artifact/{'0' * 32}", "RAW": f"{prefix}artifact/{'1' * 32}"}


def test_the_definition_of_an_execution_is_described_unless_the_pipeline_was_changed_since(store: Store) -> None:
    execution = f"{PARTITION}pipeline/flow/execution/aaaaaaaaaaaa"
    members = {"pipelineName": "Flow", "pipelineDefinition": '{"Version": "2020-12-01"}'}
    began = {"pipelineExecutionArn": execution, "executionStartTime": NOON + 5000}
    fed(store, [call("CreatePipeline", members, {"pipelineArn": f"{PARTITION}pipeline/flow"})])
    fed(store, [event("Model Building Pipeline Execution Status Change", began, time=NOON + 5000)])
    send = client(store)

    assert send("DescribePipelineDefinitionForExecution", PipelineExecutionArn=execution) == {
        "PipelineDefinition": '{"Version": "2020-12-01"}',
        "CreationTime": moment(NOON),
    }

    fed(store, [call("UpdatePipeline", {**members, "pipelineDefinition": "{}"}, time=NOON + 9000)])
    with pytest.raises(NotFound, match="changed since"):
        send("DescribePipelineDefinitionForExecution", PipelineExecutionArn=execution)
