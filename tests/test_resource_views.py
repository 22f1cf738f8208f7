"""Resources as SageMaker's Describe operations return them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from consumers.api.resource_views import Descriptions
from store.database import Store
from store.paging import PageKey
from store.resource_pages import Listing, SortBy, Span
from tests.support.events import NOON, PARTITION, answer, call, case_events, event
from tests.support.laws import scaled
from tests.support.stores import emptied, fed

JOB = f"{PARTITION}training-job/Churn"
ADA = "arn:aws:sts::111122223333:assumed-role/data-science/ada"
WEST = "arn:aws:sagemaker:us-west-2:111122223333:"


def training(name: str = "Churn", created: int = NOON, status: str = "Completed", **more: Any) -> bytes:
    description = {
        "TrainingJobName": name,
        "TrainingJobStatus": status,
        "CreationTime": created,
        "LastModifiedTime": created,
    }
    return event("Training Job State Change", description | more, time=created)


def described(store: Store, arn: str) -> Any:
    return Descriptions(store).describe(arn)


# --------------------------------------------------------------------------------------------------------- one resource


def test_a_description_has_the_newest_of_each_field_an_arn_the_name_with_its_case_and_times(store: Store) -> None:
    under_way = training(status="InProgress", HyperParameters={"eta": "0.1"}, ExperimentConfig={"RunName": "r"})
    over = training(LastModifiedTime=NOON + 5000, Tags={"team": "crm"})
    fed(store, [under_way, over])

    assert described(store, JOB.upper().replace("ARN:AWS", "arn:aws")) == {
        "TrainingJobArn": JOB.lower(),
        "TrainingJobName": "Churn",
        "TrainingJobStatus": "Completed",
        "HyperParameters": {"eta": "0.1"},
        "ExperimentConfig": {"RunName": "r"},
        "CreationTime": NOON,
        "LastModifiedTime": NOON + 5000,
        "Tags": [{"Key": "team", "Value": "crm"}],
    }


def test_unknown_and_deleted_resources_have_no_description(store: Store) -> None:
    endpoint = f"{PARTITION}endpoint/churn-live"
    events = case_events("endpoint_by_calls")
    fed(store, events[:-1])
    assert described(store, endpoint)["EndpointStatus"] == "InService"

    fed(store, events[-1:])

    assert described(store, endpoint) is None
    assert Descriptions(store).tags(endpoint) is None
    assert described(store, f"{PARTITION}endpoint/other") is None


def test_a_resource_that_was_created_again_is_described_as_it_is_now(store: Store) -> None:
    fed(store, [training(HyperParameters={"eta": "0.1"}), training(created=NOON + 60_000, status="InProgress")])

    description = described(store, JOB)

    assert (description["CreationTime"], description["TrainingJobStatus"]) == (NOON + 60_000, "InProgress")
    assert "HyperParameters" not in description


def test_statuses_of_endpoints_are_spelled_as_in_descriptions(store: Store) -> None:
    arn = f"{PARTITION}endpoint/live"
    for status, spelled in [("IN_SERVICE", "InService"), ("UPDATE_ROLLBACK_FAILED", "UpdateRollbackFailed")]:
        time = NOON + len(status) * 1000
        description = {"EndpointName": "Live", "EndpointStatus": status, "CreationTime": NOON, "LastModifiedTime": time}
        fed(store, [event("Endpoint State Change", description, time=time)])
        assert described(store, arn)["EndpointStatus"] == spelled
        assert [row["EndpointName"] for row in listed(store, Listing("endpoint", arn[:-4], status=spelled))] == ["Live"]


def test_an_update_that_is_over_is_not_pending(store: Store) -> None:
    *before, over = case_events("endpoint_update")
    arn = f"{PARTITION}endpoint/churn-live"

    fed(store, before)
    assert described(store, arn)["PendingDeploymentSummary"]["EndpointConfigName"] == "Two"
    fed(store, [over])
    assert "PendingDeploymentSummary" not in described(store, arn)
    assert described(store, arn)["EndpointConfigName"] == "Two"


def test_why_something_failed_goes_when_it_no_longer_is_so(store: Store) -> None:
    execution = f"{PARTITION}pipeline/flow/execution/aaa"
    description = {
        "pipelineExecutionArn": execution,
        "currentPipelineExecutionStatus": "Failed",
        "failureReason": "a step",
    }
    fed(store, [event("Model Building Pipeline Execution Status Change", description)])
    assert described(store, execution)["FailureReason"] == "a step"

    still = {name: value for name, value in description.items() if name != "failureReason"}
    fed(store, [event("Model Building Pipeline Execution Status Change", still, time=NOON + 500)])
    assert described(store, execution)["FailureReason"] == "a step"

    again = {"pipelineExecutionArn": execution, "currentPipelineExecutionStatus": "Executing"}
    fed(store, [event("Model Building Pipeline Execution Status Change", again, time=NOON + 1000)])

    assert "FailureReason" not in described(store, execution)


def test_executions_are_described_with_the_names_of_the_api(store: Store) -> None:
    fed(store, case_events("pipeline_retried_and_cached"))
    arn = f"{PARTITION}pipeline/churn-flow/execution/aaa111bbb222"

    description = described(store, arn)

    assert description["PipelineExecutionArn"] == arn
    assert description["PipelineArn"] == f"{PARTITION}pipeline/churn-flow"
    assert description["PipelineExecutionStatus"] == "Succeeded"
    assert description["PipelineExecutionDisplayName"] == "Monday"
    assert description["CreatedBy"] == {"IamIdentity": {"Arn": ADA}}
    assert description["PipelineParameters"][0].keys() == {"Name", "Value"}
    assert "Steps" not in description


def test_versions_of_packages_have_their_group_and_number(store: Store) -> None:
    versioned = {"ModelPackageArn": f"{PARTITION}model-package/prices/3", "ModelPackageStatus": "Completed"}
    fed(store, [event("Model Package State Change", versioned), *case_events("unversioned_package")])

    version = described(store, f"{PARTITION}model-package/prices/3")
    alone = described(store, f"{PARTITION}model-package/standalone")

    assert (version["ModelPackageGroupName"], version["ModelPackageVersion"]) == ("prices", 3)
    assert version["ModelPackageName"] is None
    assert alone["ModelPackageName"] == "Standalone"
    assert not {"ModelPackageGroupName", "ModelPackageVersion"} & alone.keys()


def test_tags_are_as_they_are_now(store: Store) -> None:
    fed(store, [training(Tags={"team": "crm", "old": "1"})])
    asked = {"resourceArn": JOB.lower(), "tags": [{"key": "team", "value": "ads"}]}
    fed(store, [call("AddTags", asked, time=NOON + 1000)])
    fed(store, [call("DeleteTags", {"resourceArn": JOB.lower(), "tagKeys": ["old"]}, time=NOON + 2000)])

    assert Descriptions(store).tags(JOB) == {"team": "ads"}


def test_several_are_described_at_once(store: Store) -> None:
    fed(store, [training("One"), training("Two")])
    arns = [f"{PARTITION}training-job/{name}" for name in ("One", "Two", "Three")]

    description = Descriptions(store).describe_all(arns)

    assert {key: one["TrainingJobName"] for key, one in description.items()} == {
        arns[0].lower(): "One",
        arns[1].lower(): "Two",
    }


def test_what_rules_do_not_read_may_be_anything(store: Store) -> None:
    definition = {"StaticHyperParameters": 5, "TuningObjective": {"MetricName": [1]}}
    tuning = {"HyperParameterTuningJobName": "Search", "TrainingJobDefinition": definition, "CreationTime": NOON}
    model = {"ModelName": "Odd", "LastModifiedTime": "yesterday", "CreatedBy": 5, "InferenceExecutionConfig": {"": [0]}}
    fed(
        store,
        [
            event("HyperParameter Tuning Job State Change", tuning),
            training(TuningJobArn=f"{PARTITION}hyper-parameter-tuning-job/search"),
            event("Model State Change", model).replace(b'{"": [0]}', b"1e999"),
        ],
    )

    description = described(store, f"{PARTITION}model/odd")

    assert (description["ModelName"], description["LastModifiedTime"]) == ("Odd", NOON)
    assert "InferenceExecutionConfig" not in description
    [job] = Descriptions(store).tuned(f"{PARTITION}hyper-parameter-tuning-job/search")
    assert job["TrainingJobName"] == "Churn"


# ------------------------------------------------------------------------------------------------------------ pipelines


def test_a_mentioned_pipeline_is_described_from_its_executions(store: Store) -> None:
    began = {"pipelineExecutionArn": f"{PARTITION}pipeline/flow/execution/aaa", "executionStartTime": NOON}
    fed(store, [event("Model Building Pipeline Execution Status Change", began)])
    arn = f"{PARTITION}pipeline/flow"
    bare = {
        "PipelineArn": arn,
        "PipelineName": "flow",
        "CreationTime": NOON,
        "LastModifiedTime": NOON,
        "Tags": [],
    }

    assert described(store, arn) == bare
    assert listed(store, Listing("pipeline", f"{PARTITION}pipeline/")) == [bare]

    fed(store, [call("CreatePipeline", {"pipelineName": "Flow"}, {"pipelineArn": arn}, time=NOON - 5000)])
    assert [one["PipelineName"] for one in listed(store, Listing("pipeline", f"{PARTITION}pipeline/"))] == ["Flow"]

    fed(store, [call("DeletePipeline", {"pipelineName": "Flow"}, {"pipelineArn": arn}, time=NOON + 5000)])
    assert described(store, arn) is None
    assert listed(store, Listing("pipeline", f"{PARTITION}pipeline/")) == []


def test_steps_have_what_they_created_or_what_the_earlier_execution_created(store: Store) -> None:
    fed(store, case_events("pipeline_retried_and_cached"))

    steps = Descriptions(store).steps(f"{PARTITION}pipeline/churn-flow/execution/ccc333ddd444")

    assert {step["StepName"]: (step["StepStatus"], step["Metadata"]) for step in steps} == {
        "Train": ("Succeeded", {"TrainingJob": {"Arn": f"{PARTITION}training-job/flow-train-2"}}),
        "Publish": ("Failed", {"Fail": {"ErrorMessage": "not good enough"}}),
    }
    assert Descriptions(store).steps(f"{PARTITION}pipeline/churn-flow/execution/none") == []


def test_steps_that_were_not_selected_have_what_the_earlier_execution_created(store: Store) -> None:
    fed(store, case_events("selective_execution"))

    steps = Descriptions(store).steps(f"{WEST}pipeline/abalone/execution/newexec00001")

    assert {step["StepName"]: step["Metadata"] for step in steps} == {
        "Prep": {"ProcessingJob": {"Arn": f"{WEST}processing-job/pipelines-srcexec00001-prep-bbbbbbbbbb"}},
        "Train": {"TrainingJob": {"Arn": f"{WEST}training-job/pipelines-srcexec00001-train-aaaaaaaaaa"}},
        "Eval": {"ProcessingJob": {"Arn": f"{WEST}processing-job/pipelines-newexec00001-eval-cccccccccc"}},
    }


def test_what_an_earlier_attempt_reported_is_not_described_as_the_newest_attempts(store: Store) -> None:
    fed(store, case_events("pipeline_retried"))
    arn = f"{WEST}pipeline/abalone/execution/retryexec001"

    execution = Descriptions(store).describe(arn)
    [train] = [step for step in Descriptions(store).steps(arn) if step["StepName"] == "Train"]

    assert execution is not None
    assert execution["PipelineExecutionStatus"] == "Executing"
    assert (train["StepStatus"], train["StartTime"]) == ("Executing", "2024-06-10T07:13:22Z")
    assert not {"EndTime", "FailureReason"} & train.keys()


def test_steps_that_took_over_each_others_results_come_to_an_end(store: Store) -> None:
    arns = [f"{PARTITION}pipeline/flow/execution/{name}" for name in ("aaa", "bbb")]
    fed(
        store,
        [
            event(
                "Model Building Pipeline Execution Step Status Change",
                {
                    "pipelineExecutionArn": one,
                    "stepName": "Train",
                    "currentStepStatus": "Succeeded",
                    "cacheHitResult": {"sourcePipelineExecutionArn": other},
                },
            )
            for one, other in (arns, arns[::-1])
        ],
    )

    assert [step["Metadata"] for step in Descriptions(store).steps(arns[0])] == [{}]


def test_types_of_steps_are_spelled_as_sagemaker_does(store: Store) -> None:
    fed(store, case_events("pipeline_described"))

    steps = Descriptions(store).steps(f"{PARTITION}pipeline/churn-flow/execution/aaa111bbb222")

    assert {step["StepName"]: list(step["Metadata"]) for step in steps} == {
        "Train": ["TrainingJob"],
        "Bias": ["ClarifyCheck"],
        "Notify": ["Lambda"],
        "Crunch": ["EMR"],
    }


# ---------------------------------------------------------------------------------------------------------------- lists


def listed(store: Store, listing: Listing, size: int = 100) -> list[Any]:
    """All of a list, page by page."""
    found: list[Any] = []
    after: PageKey | None = None
    while page := Descriptions(store).page(listing, after, size):
        found += [description for _, description in page]
        after = page[-1][0]
    return found


def names(store: Store, size: int = 100, **more: Any) -> list[str]:
    wanted = Listing("training-job", f"{PARTITION}training-job/", **more)
    return [one["TrainingJobName"] for one in listed(store, wanted, size)]


def test_lists_are_filtered(store: Store) -> None:
    fed(store, [training("Aa", NOON, "Failed"), training("b_b", NOON + 1), training("Cc", NOON + 2, "InProgress")])
    fed(store, [training("Aa", NOON, LastModifiedTime=NOON + 9), event("Model State Change", {"ModelName": "Aa"})])

    assert names(store) == ["Cc", "b_b", "Aa"]
    assert names(store, contains="A") == ["Aa"]
    assert names(store, contains="_") == ["b_b"]
    assert names(store, contains="%") == []
    assert names(store, status="Completed") == ["b_b", "Aa"]
    assert names(store, created=Span(NOON + 1, NOON + 1)) == ["b_b"]
    assert names(store, created=Span(first=NOON + 1)) == ["Cc", "b_b"]
    assert names(store, modified=Span(first=NOON + 9)) == ["Aa"]
    assert names(store, modified=Span(last=NOON + 8)) == ["Cc", "b_b"]
    assert listed(store, Listing("training-job", PARTITION.replace("us-", "eu-") + "training-job/")) == []


def test_lists_are_filtered_by_fields_that_have_no_column(store: Store) -> None:
    fed(store, [training(f"Job-{number}", NOON + number, HyperParameters={"n": str(number)}) for number in range(40)])
    wanted = Listing("training-job", f"{PARTITION}training-job/", ascending=True)

    def odd(job: Any) -> bool:
        return int(job["HyperParameters"]["n"]) % 13 == 12

    first = Descriptions(store).page(wanted, None, 2, odd)
    rest = Descriptions(store).page(wanted, first[-1][0], 2, odd)

    assert [[description["TrainingJobName"] for _, description in page] for page in (first, rest)] == [
        ["Job-12", "Job-25"],
        ["Job-38"],
    ]


def test_all_resources_of_a_type_are_listed_by_name(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("consumers.api.resource_views.PAGE", 2)
    fed(store, [training(name) for name in ("E", "d", "C", "b", "A")])

    found = [one["TrainingJobName"] for one in Descriptions(store).all_of("training-job", PARTITION)]

    assert found == ["A", "b", "C", "d", "E"]


def test_all_executions_are_listed_and_none_of_their_steps(store: Store) -> None:
    fed(store, case_events("pipeline_retried_and_cached"))

    found = [one["PipelineExecutionArn"] for one in Descriptions(store).all_of("pipeline-execution", PARTITION)]

    assert found == [f"{PARTITION}pipeline/churn-flow/execution/{name}" for name in ("aaa111bbb222", "ccc333ddd444")]


JOBS = st.lists(
    st.tuples(
        st.sampled_from(["a", "B", "b-a", "C_c", "d%", "dd"]),
        st.integers(0, 3),
        st.sampled_from(["InProgress", "Completed", "Failed"]),
    ),
    unique_by=lambda job: job[0].lower(),
)


@pytest.mark.law
@settings(max_examples=scaled(40), suppress_health_check=list(HealthCheck))  # each empties the store
@given(
    JOBS,
    JOBS,
    st.integers(1, 3),
    st.sampled_from(SortBy),
    st.booleans(),
    st.booleans(),
    st.sampled_from(["", "d", "a"]),
)
def test_pages_glued_are_the_whole_whatever_comes_between_them(
    store: Store,
    before: list[tuple[str, int, str]],
    between: list[tuple[str, int, str]],
    size: int,
    sort_by: SortBy,
    ascending: bool,
    near: bool,
    contains: str,
) -> None:
    emptied(store)
    before = [(f"x-{name}", at, status) for name, at, status in before]
    between = [(f"y-{name}", at, status) for name, at, status in between]
    description = {name: (NOON + at, status) for name, at, status in before + between}
    fed(store, [training(name, NOON + at, status) for name, at, status in before])
    wanted = Listing(
        "training-job", f"{PARTITION}training-job/", contains, sort_by=sort_by, ascending=ascending, near=near
    )

    first = Descriptions(store).page(wanted, None, size)
    fed(store, [training(name, NOON + at, status) for name, at, status in between])
    rest, after = [], first[-1][0] if first else None
    while page := Descriptions(store).page(wanted, after, size):
        rest += page
        after = page[-1][0]

    def key(name: str) -> tuple[Any, ...]:
        created, status = description[name]
        return {SortBy.CREATED: (created,), SortBy.STATUS: (status,), SortBy.NAME: ()}[sort_by] + (name.lower(),)

    def ordered(chosen: list[tuple[str, int, str]]) -> list[str]:
        names = [name for name, _, _ in chosen if contains in name.lower()]
        return sorted(names, key=key, reverse=not ascending)

    seen = [one["TrainingJobName"] for _, one in first]
    assert seen == ordered(before)[:size]
    later = [name for name in ordered(before + between) if not seen or (key(name) > key(seen[-1])) == ascending]
    assert [one["TrainingJobName"] for _, one in rest] == [name for name in later if name not in seen]


def test_the_training_jobs_of_a_tuning_job_are_those_it_lists_and_those_that_say_so(store: Store) -> None:
    fed(store, case_events("tuning_job_and_its_list"))
    tuning = f"{PARTITION}hyper-parameter-tuning-job/search-260302-1000"
    unlisted = training(
        "Own",
        TuningJobArn=tuning,
        HyperParameters={"eta": "0.3", "_tuning_objective_metric": "validation:auc"},
        FinalMetricDataList=[{"MetricName": "validation:auc", "Value": 0.5, "Timestamp": NOON}],
    )
    fed(store, [unlisted])

    found = {one["TrainingJobName"]: one for one in Descriptions(store).tuned(tuning)}

    assert found["Own"]["TunedHyperParameters"] == {"eta": "0.3"}
    assert found["Own"]["FinalHyperParameterTuningJobObjectiveMetric"] == {
        "Type": "Maximize",
        "MetricName": "validation:auc",
        "Value": 0.5,
    }
    assert found["Search-260302-1000-001-3f2a9c01"]["TunedHyperParameters"] == {"eta": "0.1"}
    assert {one["TuningJobName"] for one in found.values()} == {"Search-260302-1000"}
    assert Descriptions(store).tuned(f"{PARTITION}hyper-parameter-tuning-job/none") == []


def test_the_user_who_changed_a_resource_is_described(store: Store) -> None:
    arn = f"{PARTITION}pipeline/flow"
    by = {"IamIdentity": {"Arn": ADA, "PrincipalId": "AROA"}, "UserProfileName": "ada"}
    description = {
        "PipelineArn": arn,
        "PipelineName": "Flow",
        "CreationTime": NOON,
        "LastModifiedTime": NOON,
        "CreatedBy": by,
    }
    fed(store, [answer("DescribePipeline", description, arn=arn)])
    lin = "arn:aws:iam::111122223333:user/lin"
    fed(store, [call("UpdatePipeline", {"pipelineName": "Flow"}, {"pipelineArn": arn}, time=NOON + 5000, who=lin)])

    found = described(store, arn)

    assert found["CreatedBy"] == by
    assert found["LastModifiedBy"] == {"IamIdentity": {"Arn": lin}}
    assert (found["CreationTime"], found["LastModifiedTime"]) == (NOON, NOON + 5000)
