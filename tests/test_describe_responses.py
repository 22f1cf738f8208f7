"""SageMaker's responses to describe requests, as states: the resource types say how each is read."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from consumers.kind import AUTOML_JOB, MEMBERSHIP, PIPELINE_EXECUTION, PIPELINE_STEP, TRIAL_COMPONENT
from consumers.observe import handled_labels, label, observe
from consumers.state import ResourceState, incarnations, modified
from ingest.event import Malformed, decode
from tests.support.events import NOON, PARTITION, answer

EXECUTION = f"{PARTITION}pipeline/abalone/execution/0123456789ab"
TRIAL = f"{PARTITION}experiment-trial/try"


def observed(operation: str, response: dict[str, Any], arn: str) -> tuple[ResourceState, ...]:
    return observe(decode(answer(operation, response, arn=arn)))


def fields(state: ResourceState) -> dict[str, Any]:
    _, incarnation = incarnations(state)[-1]
    return {name: msgspec.json.decode(value) for name, (_, value) in incarnation.fields.items()}


def test_a_description_without_the_time_of_a_change_is_as_old_as_the_resource() -> None:
    arn = f"{PARTITION}endpoint/shop"

    [state] = observed("DescribeEndpoint", {"EndpointArn": arn, "CreationTime": NOON - 60_000}, arn)

    [(_, incarnation)] = incarnations(state)
    assert modified(incarnation) == NOON - 60_000


def test_an_execution_is_read_with_the_names_of_its_events() -> None:
    response = {"PipelineExecutionArn": EXECUTION, "PipelineExecutionStatus": "Executing", "CreatedBy": {"A": 1}}

    [state] = observed("DescribePipelineExecution", response, EXECUTION)

    assert (state.kind, state.arn) == (PIPELINE_EXECUTION, EXECUTION)
    assert fields(state) == {
        "pipelineExecutionArn": EXECUTION,
        "currentPipelineExecutionStatus": "Executing",
        "CreatedBy": {"A": 1},
    }


def test_each_step_of_an_execution_is_a_resource_and_says_that_it_is_one_of_its_steps() -> None:
    steps = [{"StepName": "train", "StepStatus": "Succeeded"}, {"StepName": "check", "StepStatus": "Executing"}]

    states = observed("ListPipelineExecutionSteps", {"PipelineExecutionSteps": steps}, EXECUTION)

    assert [state.kind for state in states] == [PIPELINE_STEP, PIPELINE_EXECUTION] * 2
    assert [fields(state)["currentStepStatus"] for state in states[::2]] == ["Succeeded", "Executing"]


def test_the_members_of_a_trial_are_trial_components_and_memberships() -> None:
    component = {"TrialComponentArn": f"{PARTITION}experiment-trial-component/run", "TrialComponentName": "run"}

    states = observed("ListTrialComponents", {"TrialComponentSummaries": [component]}, TRIAL)

    assert [state.kind for state in states] == [MEMBERSHIP, TRIAL_COMPONENT]


def test_the_older_operation_describes_the_same_resource() -> None:
    arn = f"{PARTITION}automl-job/search"
    older, newer = (
        observed(operation, {"AutoMLJobArn": arn, "AutoMLJobStatus": "Completed"}, arn)
        for operation in ("DescribeAutoMLJob", "DescribeAutoMLJobV2")
    )

    assert older == newer
    assert [state.kind for state in newer] == [AUTOML_JOB]


@pytest.mark.parametrize(
    ("arn", "count"),
    [
        (f"{PARTITION}model/m", 1),
        (EXECUTION, 1),
        (f"{PARTITION}hub-content/hub/model/m", 0),
        ("arn:aws:s3:::bucket", 0),
    ],
)
def test_tags_are_of_a_resource_of_any_known_type(arn: str, count: int) -> None:
    assert len(observed("ListTags", {"Tags": [{"Key": "team", "Value": "crm"}]}, arn)) == count


@pytest.mark.parametrize("operation", ["DescribePipelineDefinitionForExecution", "DescribeTomorrow"])
def test_a_description_that_no_lineage_follows_from_is_kept(operation: str) -> None:
    event = decode(answer(operation, {"PipelineDefinition": "{}"}, arn=EXECUTION))

    assert observe(event) == ()
    assert label(event) == f"Headwater Description: {operation}"
    assert label(event) not in handled_labels()


@pytest.mark.parametrize("steps", ["train", ["train"], {"StepName": "train"}])
def test_a_list_that_is_none_is_malformed(steps: Any) -> None:
    with pytest.raises(Malformed, match="PipelineExecutionSteps cannot be read"):
        observed("ListPipelineExecutionSteps", {"PipelineExecutionSteps": steps}, EXECUTION)
