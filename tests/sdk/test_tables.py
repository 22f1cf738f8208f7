"""The tables that AWS printed of a real run, printed again by the same class of the SDK from Headwater."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.sdk.clients import EXECUTION, sdk

PRINTED = json.loads((Path(__file__).parent.parent / "cases" / "abalone" / "parity.json").read_text())["steps"]
STEPS = {step["step"]: step for step in PRINTED}
PARTITION = "arn:aws:sagemaker:us-west-2:000000000000:"
PACKAGE = f"{PARTITION}model-package/abalonemodelpackagegroupname/1"


class Row(NamedTuple):
    """A line of a table."""

    name: str
    direction: str
    type: str
    association: str
    lineage_type: str


def printed(step: str) -> list[Row]:
    """What AWS printed: the SDK itself cuts long names, the notebook those of actions and contexts."""
    rows = [
        Row(row["name"], row["direction"], row["type"], row["association"], row["lineage_type"])
        for row in STEPS[step]["rows"]
    ]
    return sorted(
        row._replace(name=f"{row.name[:5]}...{row.name[-40:]}")
        if row.lineage_type == "artifact" and len(row.name) > 48
        else row
        for row in rows
    )


def rows(table: Any) -> list[Row]:
    """A table of the SDK; names of actions and contexts are cut where AWS's table cut them."""
    beginnings = [
        row["name"] for step in PRINTED for row in step["rows"] if row["lineage_type"] in ("action", "context")
    ]
    lines = [Row(*line) for line in table.itertuples(index=False)]
    return sorted(
        row._replace(name=next((name for name in beginnings if row.name.startswith(name)), row.name)) for row in lines
    )


@pytest.fixture
def visualizer(abalone: Any) -> Any:
    return sdk("lineage.visualizer").LineageTableVisualizer(abalone)


@pytest.mark.parametrize("step", STEPS)
def test_the_table_of_a_step_is_the_one_that_aws_printed(step: str, abalone: Any, visualizer: Any) -> None:
    response = abalone.sagemaker_client.list_pipeline_execution_steps(PipelineExecutionArn=EXECUTION)
    steps = {one["StepName"]: one for one in response["PipelineExecutionSteps"]}

    table = visualizer.show(pipeline_execution_step=steps[step])

    if STEPS[step]["rows"]:
        assert rows(table) == printed(step)
    else:
        assert table is None


def test_a_run_has_the_steps_that_aws_printed_and_no_others(abalone: Any) -> None:
    response = abalone.sagemaker_client.list_pipeline_execution_steps(PipelineExecutionArn=EXECUTION)

    assert sorted(step["StepName"] for step in response["PipelineExecutionSteps"]) == sorted(STEPS)


@pytest.mark.parametrize(
    ("step", "arguments"),
    [
        ("AbaloneTrain", {"training_job_name": "pipelines-d84ewltjmxhe-AbaloneTrain-3kYZvpYx11"}),
        ("AbaloneTrain", {"training_job_name": "pipelines-d84ewltjmxhe-abalonetrain-3kyzvpyx11"}),
        ("AbaloneProcess", {"processing_job_name": "pipelines-d84ewltjmxhe-AbaloneProcess-aLX6e7utl3"}),
        (
            "AbaloneTransform",
            {"trial_component_name": "pipelines-d84ewltjmxhe-AbaloneTransform-Hjf5Dpst8n-aws-transform-job"},
        ),
        ("AbaloneRegisterModel-RegisterModel", {"model_package_arn": PACKAGE}),
    ],
)
def test_a_table_is_the_same_whichever_argument_names_its_step(
    step: str, arguments: dict[str, str], visualizer: Any
) -> None:
    assert rows(visualizer.show(**arguments)) == printed(step)


def test_an_endpoint_has_a_table(session: Any) -> None:
    endpoint = "arn:aws:sagemaker:us-east-1:111122223333:endpoint/churn-live"

    table = sdk("lineage.visualizer").LineageTableVisualizer(session).show(endpoint_arn=endpoint)

    assert rows(table) == [
        Row("churn-live-503cedf7-aws-endpoint", "Input", "ModelDeployment", "AssociatedWith", "action")
    ]
