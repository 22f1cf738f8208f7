"""Pipeline executions for people: found by ARN, id or pipeline; steps in the order of time with all their details."""

from __future__ import annotations

import json
from typing import Any

import pytest

from consumers.pipeline_executions import Execution, Step, execution
from store.database import Store
from store.graph.resolve import executions
from tests.support.cli import Headwater
from tests.support.events import HERE, PARTITION, answer, case_events, event
from tests.support.stores import fed

PIPELINE = f"{PARTITION}pipeline/churn-flow"
MONDAY, TUESDAY = f"{PIPELINE}/execution/aaa111bbb222", f"{PIPELINE}/execution/ccc333ddd444"
ADA = "arn:aws:sts::111122223333:assumed-role/data-science/ada"
FIRST, SECOND = f"{PARTITION}training-job/flow-train-1", f"{PARTITION}training-job/flow-train-2"
BEGUN = 1_772_438_400_000
DAY = 86_400_000
WEST = "arn:aws:sagemaker:us-west-2:111122223333:"
ABALONE = f"{WEST}pipeline/abalone/execution"
RETRIED = 1_718_003_600_000
EXECUTION = "Model Building Pipeline Execution Status Change"
STEP = "Model Building Pipeline Execution Step Status Change"


def step(name: str, type_: str, status: str, started: int | None, ended: int | None, **more: Any) -> Step:
    others: dict[str, Any] = {"attempts": None, "made": "", "earlier": (), "cached_from": "", "reused_from": ""}
    whole = {**others, "details": {}, "failure": "", "earlier_failure": "", **more}
    return Step(name, type_, status, started, ended, **whole)


def test_an_execution_has_its_parameters_and_its_steps_in_the_order_of_time(store: Store) -> None:
    fed(store, case_events("pipeline_retried_and_cached"))

    assert execution(store, MONDAY) == Execution(
        arn=MONDAY,
        pipeline="churn-flow",
        name="Monday",
        description="",
        status="Succeeded",
        started=BEGUN + 1_000,
        ended=BEGUN + 320_000,
        started_by=ADA,
        failure="",
        parameters={"InputUri": "s3://churn/raw", "epochs": "3"},
        steps=(
            step(
                "Train",
                "Training",
                "Succeeded",
                BEGUN + 110_000,
                BEGUN + 301_000,
                attempts=2,
                made=SECOND,
                earlier=(FIRST,),
            ),
            step("train", "Condition", "Succeeded", BEGUN + 305_000, BEGUN + 306_000, details={"outcome": "True"}),
        ),
    )


def test_a_step_found_in_the_cache_names_the_earlier_executions_job(store: Store) -> None:
    fed(store, case_events("pipeline_retried_and_cached"))

    found = execution(store, TUESDAY)

    assert found is not None
    assert found.steps == (
        step(
            "Train", "Training", "Succeeded", BEGUN + DAY + 5_000, BEGUN + DAY + 6_000, made=SECOND, cached_from=MONDAY
        ),
        step(
            "Publish",
            "Fail",
            "Failed",
            BEGUN + DAY + 8_000,
            BEGUN + DAY + 9_000,
            details={"errorMessage": "not good enough"},
            failure="not good enough",
        ),
    )


def test_a_step_that_was_not_selected_names_the_job_that_it_took_over(store: Store) -> None:
    fed(store, case_events("selective_execution"))

    found = execution(store, f"{ABALONE}/newexec00001")

    assert found is not None
    assert [(one.name, one.made.rpartition("/")[2], one.reused_from) for one in found.steps] == [
        ("Prep", "pipelines-srcexec00001-prep-bbbbbbbbbb", f"{ABALONE}/srcexec00001"),
        ("Train", "pipelines-srcexec00001-train-aaaaaaaaaa", f"{ABALONE}/srcexec00001"),
        ("Eval", "pipelines-newexec00001-eval-cccccccccc", ""),
    ]


def test_an_execution_that_was_retried_shows_the_state_it_is_in(store: Store) -> None:
    fed(store, case_events("pipeline_retried"))

    found = execution(store, f"{ABALONE}/retryexec001")

    assert found is not None
    assert (found.status, found.started, found.ended, found.failure) == ("Executing", RETRIED - 3_600_000, None, "")
    assert found.steps[1] == step(
        "Train",
        "Training",
        "Executing",
        RETRIED + 2_000,
        None,
        attempts=2,
        made=f"{WEST}training-job/pipelines-retryexec001-train-bbbbbbbbbb",
        earlier=(f"{WEST}training-job/pipelines-retryexec001-train-aaaaaaaaaa",),
        earlier_failure="ClientError: oops",
    )


def test_an_execution_of_which_only_the_retry_is_recorded_runs(store: Store) -> None:
    fed(store, case_events("pipeline_stopped_and_retried_by_call"))

    found = execution(store, MONDAY)

    assert found is not None
    assert (found.status, found.ended) == ("Executing", None)


def test_a_failed_step_that_is_found_in_the_cache_when_it_is_retried_took_over_that_result(store: Store) -> None:
    fed(store, case_events("pipeline_retried_and_found_in_the_cache"))

    found = execution(store, MONDAY)

    assert found is not None
    [train] = found.steps
    assert (train.made, train.earlier, train.cached_from) == (
        f"{PARTITION}training-job/flow-train-0",
        (FIRST,),
        TUESDAY,
    )
    assert (train.failure, train.earlier_failure) == ("", "no capacity")


def test_an_execution_that_failed_again_has_no_reason_of_the_first_time(store: Store) -> None:
    def of(status: str, previous: str, minute: int, **more: object) -> bytes:
        detail = {"pipelineExecutionArn": MONDAY, "executionStartTime": BEGUN, **more}
        statuses = {"currentPipelineExecutionStatus": status, "previousPipelineExecutionStatus": previous}
        return event(EXECUTION, {**detail, **statuses}, time=BEGUN + minute * 60_000)

    ends = [{"executionEndTime": BEGUN + minute * 60_000} for minute in (5, 65)]
    failed = of("Failed", "Executing", 5, **ends[0], failureReason="no capacity")
    fed(store, [failed, of("Executing", "Failed", 60), of("Failed", "Executing", 65, **ends[1])])

    found = execution(store, MONDAY)

    assert found is not None
    assert (found.status, found.ended, found.failure) == ("Failed", BEGUN + 65 * 60_000, "")


def test_an_execution_whose_end_came_without_a_status_runs_again(store: Store) -> None:
    end = {"executionEndTime": BEGUN + 60_000, "failureReason": "no capacity"}
    retried = {"currentPipelineExecutionStatus": "Executing", "executionStartTime": BEGUN + 120_000}
    fed(store, [event(EXECUTION, {"pipelineExecutionArn": MONDAY, **one}) for one in (end, retried)])

    found = execution(store, MONDAY)

    assert found is not None
    assert (found.status, found.ended, found.failure) == ("Executing", None, "")


def test_a_step_that_runs_again_has_what_its_new_attempt_reports(store: Store) -> None:
    def of(status: str, previous: str, minute: int, **more: object) -> bytes:
        statuses = {"currentStepStatus": status, "previousStepStatus": previous}
        return event(
            STEP,
            {"pipelineExecutionArn": MONDAY, "stepName": "Train", **statuses, **more},
            time=BEGUN + minute * 60_000,
        )

    failed = of("Failed", "Executing", 5, stepStartTime=BEGUN, stepEndTime=BEGUN + 300_000, attemptCount=2,
                failureReason="no capacity")  # fmt: skip
    fed(store, [failed, of("Executing", "Failed", 60)])
    before = execution(store, MONDAY)
    # Envelopes have whole seconds: the attempt begins after the time of the event that reports it.
    metadata = {"trainingJob": {"arn": SECOND}}
    fed(store, [of("Starting", "Failed", 60, stepStartTime=BEGUN + 60 * 60_000 + 500, metadata=metadata)])
    after = execution(store, MONDAY)

    assert before is not None
    assert before.steps == (step("Train", "", "Executing", BEGUN, None, attempts=3, earlier_failure="no capacity"),)
    assert after is not None
    assert [(one.made, one.ended, one.attempts) for one in after.steps] == [(SECOND, None, 3)]


def test_steps_that_name_each_other_as_their_cache_made_nothing(store: Store) -> None:
    fed(
        store,
        [
            event(
                STEP,
                {
                    "pipelineExecutionArn": itself,
                    "stepName": "Train",
                    "stepEndTime": BEGUN,
                    "cacheHitResult": {"sourcePipelineExecutionArn": other},
                },
            )
            for itself, other in ((MONDAY, TUESDAY), (TUESDAY, MONDAY))
        ],
    )

    found = execution(store, MONDAY)

    assert found is not None
    assert [(one.name, one.made, one.cached_from) for one in found.steps] == [("Train", "", TUESDAY)]


def test_descriptions_report_the_same_as_events(store: Store) -> None:
    fed(store, case_events("pipeline_described"))

    found = execution(store, MONDAY)

    assert found is not None
    assert (found.status, found.ended, found.failure) == (
        "Failed",
        BEGUN + 320_000,
        "Step failure: One or multiple steps failed.",
    )
    assert {one.name: (one.type, one.attempts, one.details) for one in found.steps} == {
        "Train": ("Training", 2, {}),
        "Bias": ("ClarifyCheck", 1, {"checkType": "DATA_BIAS", "skipCheck": "false"}),
        "Notify": ("Lambda", None, {"statusCode": "200"}),
        "Crunch": (
            "EMR",
            None,
            {"clusterId": "j-1", "stepId": "s-1", "stepName": "crunch", "logFilePath": "s3://churn/logs"},
        ),
    }


@pytest.mark.parametrize(
    ("ref", "found"),
    [
        (MONDAY, [MONDAY]),
        (MONDAY.upper().replace("ARN:AWS", "arn:aws"), [MONDAY]),
        ("aaa111bbb222", [MONDAY]),
        (f"{PARTITION}experiment-trial/aaa111bbb222", [MONDAY]),
        ("Churn-Flow", [TUESDAY]),
        ("churn-FLOW", [TUESDAY]),
        (PIPELINE, [TUESDAY]),
        ("churn", []),
        ("", []),
    ],
)
def test_an_execution_is_meant_by_its_arn_its_id_or_its_pipeline_s_name(
    ref: str, found: list[str], store: Store
) -> None:
    fed(store, case_events("pipeline_retried_and_cached"))

    assert executions(store, ref) == found


def test_an_id_that_two_executions_share_means_both(store: Store) -> None:
    elsewhere = [body.replace(b"111122223333", b"444455556666") for body in case_events("pipeline_without_its_steps")]
    fed(store, [*case_events("pipeline_without_its_steps"), *elsewhere])

    assert executions(store, "aaa111bbb222") == [MONDAY, MONDAY.replace("111122223333", "444455556666")]


def test_the_command_prints_an_execution(headwater: Headwater) -> None:
    headwater("replay", HERE / "cases" / "pipeline_retried_and_cached" / "events.jsonl")

    said = headwater("pipeline", "churn-flow")
    shown = headwater("pipeline", "churn-flow", "--json")

    assert (said.code, [line.split() for line in said.out.splitlines()[4:5]]) == (
        0,
        [["Train", "Training", "Succeeded", "2026-03-03", "08:00:05", "1", "seconds", "training-job/flow-train-2"]],
    )
    assert (shown.code, [one["name"] for one in json.loads(shown.out)["steps"]]) == (0, ["Train", "Publish"])


def test_the_command_prints_keys_of_users_maps_as_they_are(headwater: Headwater) -> None:
    headwater("replay", HERE / "cases" / "lineage_step_keys" / "events.jsonl")
    prefix = "arn:aws:sagemaker:us-west-2:111122223333:"

    shown = json.loads(headwater("pipeline", "lineagestep1", "--json").out)

    details = shown["steps"][0]["details"]
    assert details["actionArns.trainAction"] == f"{prefix}action/train-action"
    assert details["artifactArns.rawData"] == f"{prefix}artifact/{'0' * 32}"
    assert details["artifactArns.RAW"] == f"{prefix}artifact/{'1' * 32}"


def test_maps_of_a_step_may_share_keys_and_pairs_may_be_keys(store: Store) -> None:
    maps = {"ActionArns": {"one": "a"}, "ContextArns": {"one": "c"}, "ArtifactArns": {"name": "n", "value": "v"}}
    steps = [{"StepName": "Record", "StepStatus": "Succeeded", "Metadata": {"Lineage": maps}}]
    fed(store, [answer("ListPipelineExecutionSteps", {"PipelineExecutionSteps": steps}, arn=MONDAY)])

    found = execution(store, MONDAY)

    assert found is not None
    assert found.steps[0].details == {
        "actionArns.one": "a",
        "contextArns.one": "c",
        "artifactArns.name": "n",
        "artifactArns.value": "v",
    }


def test_the_command_says_what_it_does_not_know(headwater: Headwater) -> None:
    headwater("replay", HERE / "cases" / "pipeline_retried_and_cached" / "events.jsonl")

    said = headwater("pipeline", "churn")

    assert (said.code, said.out) == (1, "")
    assert "the store has no execution 'churn'" in said.err
