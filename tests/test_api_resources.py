"""Reads of what events told, by SageMaker's operations: what goes out, as a client reads it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

import pytest
from botocore.parsers import create_parser
from hypothesis import given, settings

from consumers.api import validator
from consumers.api.client_writes import ClientWriter
from consumers.api.errors import Invalid, NotFound, Refusal
from consumers.api.operations.resources import OPERATIONS
from consumers.api.request import Request
from consumers.api.resource_views import Descriptions
from consumers.api.serializer import encoded
from consumers.api.service import Service
from consumers.api.service_model import operation
from store.database import Store
from tests.support.account import generated
from tests.support.account.made import Account, moment
from tests.support.events import ACCOUNT, NOON, PARTITION, REGION, abalone, call, case_events, event
from tests.support.laws import scaled
from tests.support.stores import emptied, fed, settlements, sqlite_store
from tests.support.worlds import worlds

Ask = Callable[..., Any]


def asking(store: Store, partition: str = PARTITION) -> Ask:
    """Asks as a client does, and reads the answer as botocore does."""
    service = Service(store, cast(ClientWriter, None), Descriptions(store))

    def ask(name: str, **members: Any) -> Any:
        asked = Request(name, validator.checked(operation(name).input_shape, members), REGION, ACCOUNT, partition)
        body = encoded(name, OPERATIONS[name].run(service, asked))
        told = create_parser("json").parse(
            {"body": body, "headers": {}, "status_code": 200}, operation(name).output_shape
        )
        told.pop("ResponseMetadata")
        return told

    return ask


@pytest.fixture
def ask(store: Store) -> Ask:
    """Asks a store with the cases' events."""
    for name in ("endpoint_update", "feature_group", "package_in_full", "unversioned_package"):
        fed(store, case_events(name))
    for name in ("pipeline_retried_and_cached", "tuning_job_and_its_list", "transform_job"):
        fed(store, case_events(name))
    return asking(store)


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Account, Store]]:
    """An account with some of everything, and a store that knows what its events told."""
    made = generated(1)
    with sqlite_store(tmp_path_factory.mktemp("told") / "account.db") as store:
        yield made, fed(store, [*made.events(), *made.answered()], 100)


# ------------------------------------------------------------------------------------------------------------- describe


def test_what_sagemaker_answered_is_answered_again(account: tuple[Account, Store]) -> None:
    made, store = account
    ask = asking(store)
    seen = set()
    for one in made.made:
        for name, request, response in one.answers:
            if name in OPERATIONS and not name.startswith("List"):
                seen.add(name)
                assert ask(name, **request) == {key: told for key, told in response.items() if told != ""}, one.arn
    described = {name for name in OPERATIONS if name.startswith("Describe")}
    assert described - seen == {"DescribePipelineDefinitionForExecution"}


def test_steps_are_answered_again_the_newest_first(account: tuple[Account, Store]) -> None:
    made, store = account
    ask = asking(store)
    told = [
        (request, response["PipelineExecutionSteps"])
        for one in made.made
        for name, request, response in one.answers
        if name == "ListPipelineExecutionSteps"
    ]
    assert len(told) == 3
    for request, steps in told:
        newest_first = sorted(steps, key=lambda step: step["StartTime"], reverse=True)
        answered = ask("ListPipelineExecutionSteps", **request)
        assert [without_cached(step) for step in answered["PipelineExecutionSteps"]] == [
            without_cached(step) for step in newest_first
        ]
        upwards = ask("ListPipelineExecutionSteps", **request, SortOrder="Ascending")
        assert upwards["PipelineExecutionSteps"] == answered["PipelineExecutionSteps"][::-1]


def without_cached(step: Mapping[str, Any]) -> dict[str, Any]:
    """A step, without what it took over from an earlier execution."""
    return {name: told for name, told in step.items() if name != "Metadata" or "CacheHitResult" not in step}


@pytest.mark.parametrize(
    ("name", "request_", "error", "message"),
    [
        ("DescribeTrainingJob", {"TrainingJobName": "no"}, NotFound, "Requested resource not found."),
        ("DescribeProcessingJob", {"ProcessingJobName": "no"}, NotFound, "Requested resource not found."),
        ("DescribeTransformJob", {"TransformJobName": "no"}, NotFound, "Requested resource not found."),
        (
            "DescribeHyperParameterTuningJob",
            {"HyperParameterTuningJobName": "no"},
            NotFound,
            "Requested resource not found.",
        ),
        (
            "ListTrainingJobsForHyperParameterTuningJob",
            {"HyperParameterTuningJobName": "no"},
            NotFound,
            "Requested resource not found.",
        ),
        ("DescribeFeatureGroup", {"FeatureGroupName": "no"}, NotFound, "can't find a FeatureGroup with name no"),
        ("DescribeModel", {"ModelName": "no"}, Invalid, f'Could not find model "{PARTITION}model/no".'),
        ("DescribeEndpoint", {"EndpointName": "no"}, Invalid, f'Could not find endpoint "{PARTITION}endpoint/no".'),
        (
            "DescribeEndpointConfig",
            {"EndpointConfigName": "no"},
            Invalid,
            f'Could not find endpoint configuration "{PARTITION}endpoint-config/no".',
        ),
        (
            "DescribeModelPackage",
            {"ModelPackageName": "ChurnModels"},  # a group's name is no version's
            Invalid,
            f"ModelPackage {PARTITION}model-package/ChurnModels does not exist.",
        ),
        (
            "DescribeModelPackageGroup",
            {"ModelPackageGroupName": "no"},
            Invalid,
            f"ModelPackageGroup {PARTITION}model-package-group/no does not exist.",
        ),
        ("DescribePipeline", {"PipelineName": "no"}, NotFound, f"Pipeline '{PARTITION}pipeline/no' does not exist."),
        ("ListPipelineExecutions", {"PipelineName": "no"}, NotFound, "does not exist."),
        *(
            (name, {"PipelineExecutionArn": f"{PARTITION}pipeline/no/execution/aaaaaaaaaaaa"}, NotFound, "not exist.")
            for name in (
                "DescribePipelineExecution",
                "ListPipelineExecutionSteps",
                "ListPipelineParametersForExecution",
                "DescribePipelineDefinitionForExecution",
            )
        ),
    ],
)
def test_what_nobody_knows_is_refused_as_sagemaker_does(
    account: tuple[Account, Store], name: str, request_: dict[str, str], error: type[Refusal], message: str
) -> None:
    with pytest.raises(error) as refused:
        asking(account[1])(name, **request_)

    assert type(refused.value) is error
    assert refused.value.message.endswith(message)


def test_several_packages_are_described_at_once_and_those_that_are_none_are_named(ask: Ask) -> None:
    known, other = f"{PARTITION}model-package/churnmodels/1", f"{PARTITION}model-package/churnmodels/2"

    told = ask("BatchDescribeModelPackage", ModelPackageArnList=[known, other])

    assert list(told["ModelPackageSummaries"]) == [known]
    assert told["ModelPackageSummaries"][known]["ModelPackageGroupName"] == "ChurnModels"
    assert told["BatchDescribeModelPackageErrorMap"] == {
        other: {"ErrorCode": "ValidationException", "ErrorResponse": f"ModelPackage {other} does not exist."}
    }


def test_pipelines_may_be_asked_for_by_their_arns(ask: Ask) -> None:
    by_arn = ask("DescribePipeline", PipelineName=f"{PARTITION}pipeline/Churn-Flow")

    assert by_arn == ask("DescribePipeline", PipelineName="CHURN-FLOW")
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
    ask = asking(account[1])
    for name, member in SUMMARIES.items():
        more = {"ModelPackageType": "Both"} if name == "ListModelPackages" else {}
        whole = ask(name, MaxResults=100, **more)
        assert whole.keys() == {member}
        assert whole[member], name
        assert glued(ask, name, member, MaxResults=1, **more) == whole[member]


def test_pages_have_ten_where_nobody_says_how_many(store: Store) -> None:
    fed(store, [event("Model State Change", {"ModelName": f"m-{number}"}) for number in range(12)])
    ask = asking(store)

    first = ask("ListModels")
    rest = ask("ListModels", NextToken=first["NextToken"])

    assert (len(first["Models"]), len(rest["Models"])) == (10, 2)
    assert first["Models"] + rest["Models"] == ask("ListModels", MaxResults=100)["Models"]


def test_summaries_have_all_that_must_be_in_them(account: tuple[Account, Store]) -> None:
    ask = asking(account[1])
    for name, member in SUMMARIES.items():
        required = operation(name).output_shape.members[member].member.required_members
        for told in ask(name, MaxResults=100)[member]:
            assert set(required) <= told.keys(), name


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
    with sqlite_store(tmp_path_factory.mktemp("told") / "worlds.db") as store:
        yield store


@pytest.mark.law
@settings(max_examples=scaled(60))
@given(worlds)
def test_whatever_is_listed_is_described_as_made_at_the_same_time(emptied_store: Store, world: list[bytes]) -> None:
    store = emptied(emptied_store)
    settlements(store, world)
    ask = asking(store)
    for name, member in SUMMARIES.items():
        more = {"ModelPackageType": "Both"} if name == "ListModelPackages" else {}
        describe, key = DESCRIBED[name]
        for told in ask(name, MaxResults=100, **more)[member]:
            asked = {"ModelPackageName" if key == "ModelPackageArn" else key: told[key]}
            described = ask(describe, **asked)
            assert {each: described[each] for each in told if each in described} == {
                each: value for each, value in told.items() if each in described
            }
            assert "CreationTime" in described
            if name == "ListPipelines":
                for one in ask("ListPipelineExecutions", **asked, MaxResults=100)["PipelineExecutionSummaries"]:
                    arn = {"PipelineExecutionArn": one["PipelineExecutionArn"]}
                    assert ask("DescribePipelineExecution", **arn)["CreationTime"] == one["StartTime"]
                    steps = ask("ListPipelineExecutionSteps", **arn)["PipelineExecutionSteps"]
                    assert all("Metadata" in step for step in steps)
            if name == "ListHyperParameterTuningJobs":
                assert "TrainingJobSummaries" in ask("ListTrainingJobsForHyperParameterTuningJob", **asked)


def glued(ask: Ask, name: str, member: str, **members: Any) -> list[Any]:
    """All pages of a list."""
    found: list[Any] = []
    page = ask(name, **members)
    while True:
        found += page[member]
        if "NextToken" not in page:
            return found
        page = ask(name, **members, NextToken=page["NextToken"])


def training(name: str, created: int, **more: Any) -> bytes:
    told = {"TrainingJobName": name, "TrainingJobStatus": "Completed", "CreationTime": created}
    return event("Training Job State Change", {**told, "LastModifiedTime": created, **more}, time=created)


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

    told = asking(store)("ListTrainingJobs", **request_)

    assert [one["TrainingJobName"] for one in told["TrainingJobSummaries"]] == names


def test_what_is_elsewhere_is_not_listed(ask: Ask, store: Store) -> None:
    assert ask("ListModels")["Models"]
    assert asking(store, PARTITION.replace("us-east-1", "eu-west-1"))("ListModels") == {"Models": []}


def test_packages_are_listed_by_their_group_their_type_and_what_was_decided(ask: Ask) -> None:
    def arns(**members: str) -> list[str]:
        told = ask("ListModelPackages", **members)["ModelPackageSummaryList"]
        return [one["ModelPackageArn"].rpartition("model-package/")[2] for one in told]

    assert arns() == ["standalone"]
    assert arns(ModelPackageType="Versioned") == ["churnmodels/1"]
    assert sorted(arns(ModelPackageType="Both")) == ["churnmodels/1", "standalone"]
    assert arns(ModelPackageGroupName="ChurnModels") == ["churnmodels/1"]
    assert arns(ModelPackageGroupName=f"{PARTITION}model-package-group/churnmodels") == ["churnmodels/1"]
    assert arns(ModelPackageGroupName="Churn") == []
    assert arns(ModelPackageGroupName="ChurnModels", ModelPackageType="Unversioned") == []
    approval = ask("DescribeModelPackage", ModelPackageName=f"{PARTITION}model-package/churnmodels/1")
    others = {"Approved", "Rejected", "PendingManualApproval"} - {approval["ModelApprovalStatus"]}
    assert arns(ModelPackageGroupName="ChurnModels", ModelApprovalStatus=approval["ModelApprovalStatus"])
    assert not any(arns(ModelPackageGroupName="ChurnModels", ModelApprovalStatus=other) for other in others)


def test_tuning_jobs_and_their_training_jobs_are_listed_with_what_they_reached(ask: Ask) -> None:
    (tuning,) = ask("ListHyperParameterTuningJobs")["HyperParameterTuningJobSummaries"]
    name = tuning["HyperParameterTuningJobName"]
    assert (tuning["Strategy"], tuning["ResourceLimits"]["MaxNumberOfTrainingJobs"]) == ("Bayesian", 2)

    def reached(**members: str) -> list[tuple[str, float | None]]:
        listed = ask("ListTrainingJobsForHyperParameterTuningJob", HyperParameterTuningJobName=name, **members)
        return [
            (one["TrainingJobName"][-12:-9], one["FinalHyperParameterTuningJobObjectiveMetric"].get("Value"))
            for one in listed["TrainingJobSummaries"]
        ]

    assert reached() == [("001", 0.91), ("002", 0.88), ("003", None)]
    assert reached(SortOrder="Descending") == reached()[::-1]
    assert reached(SortBy="FinalObjectiveMetricValue") == [("002", 0.88), ("001", 0.91)]
    assert reached(StatusEquals="Failed") == []


def test_executions_are_listed_by_their_pipeline_and_have_steps_and_parameters(ask: Ask) -> None:
    listed = ask("ListPipelineExecutions", PipelineName="Churn-Flow")["PipelineExecutionSummaries"]
    arns = [one["PipelineExecutionArn"] for one in listed]
    assert [arn.rpartition("/")[2] for arn in arns] == ["ccc333ddd444", "aaa111bbb222"]
    assert all(one["StartTime"] for one in listed)

    by_arn = ask("ListPipelineExecutions", PipelineName="Churn-Flow", SortBy="PipelineExecutionArn", MaxResults=1)
    assert [one["PipelineExecutionArn"] for one in by_arn["PipelineExecutionSummaries"]] == arns[:1]

    parameters = ask("ListPipelineParametersForExecution", PipelineExecutionArn=arns[1], MaxResults=1)
    assert parameters["PipelineParameters"][0].keys() == {"Name", "Value"}


def test_pipelines_are_listed_by_the_beginning_of_their_names(store: Store) -> None:
    for name in ("Churn-Flow", "churn-other", "prices"):
        fed(store, [call("CreatePipeline", {"pipelineName": name}, {"pipelineArn": f"{PARTITION}pipeline/{name}"})])
    ask = asking(store)

    told = ask("ListPipelines", PipelineNamePrefix="churn", SortBy="Name", SortOrder="Ascending")

    assert [one["PipelineName"] for one in told["PipelineSummaries"]] == ["Churn-Flow", "churn-other"]


def test_the_steps_of_a_real_run_name_what_they_made(store: Store) -> None:
    fed(store, abalone())
    ask = asking(store, "arn:aws:sagemaker:us-west-2:000000000000:")
    (pipeline,) = ask("ListPipelines")["PipelineSummaries"]
    (run,) = ask("ListPipelineExecutions", PipelineName=pipeline["PipelineName"])["PipelineExecutionSummaries"]

    steps = ask("ListPipelineExecutionSteps", PipelineExecutionArn=run["PipelineExecutionArn"])

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
    package = ask("DescribeModelPackage", ModelPackageName=register["Metadata"]["RegisterModel"]["Arn"])
    assert package["ModelPackageStatus"] == "Completed"


def test_a_step_that_made_nothing_has_empty_metadata(store: Store) -> None:
    execution = f"{PARTITION}pipeline/flow/execution/aaaaaaaaaaaa"
    told = {"pipelineExecutionArn": execution, "stepName": "Train", "currentStepStatus": "Executing"}
    fed(store, [event("Model Building Pipeline Execution Step Status Change", told)])

    (step,) = asking(store)("ListPipelineExecutionSteps", PipelineExecutionArn=execution)["PipelineExecutionSteps"]

    assert step == {"StepName": "Train", "StepStatus": "Executing", "Metadata": {}}


def test_the_definition_of_an_execution_is_told_unless_the_pipeline_was_changed_since(store: Store) -> None:
    execution = f"{PARTITION}pipeline/flow/execution/aaaaaaaaaaaa"
    asked = {"pipelineName": "Flow", "pipelineDefinition": '{"Version": "2020-12-01"}'}
    began = {"pipelineExecutionArn": execution, "executionStartTime": NOON + 5000}
    fed(store, [call("CreatePipeline", asked, {"pipelineArn": f"{PARTITION}pipeline/flow"})])
    fed(store, [event("Model Building Pipeline Execution Status Change", began, time=NOON + 5000)])
    ask = asking(store)

    assert ask("DescribePipelineDefinitionForExecution", PipelineExecutionArn=execution) == {
        "PipelineDefinition": '{"Version": "2020-12-01"}',
        "CreationTime": moment(NOON),
    }

    fed(store, [call("UpdatePipeline", {**asked, "pipelineDefinition": "{}"}, time=NOON + 9000)])
    with pytest.raises(NotFound, match="changed since"):
        ask("DescribePipelineDefinitionForExecution", PipelineExecutionArn=execution)
