"""What operations answer about a resource that does not exist, as clients look for it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError

from consumers.api import service_model
from consumers.api.missing import ANSWERS, missing
from consumers.api.operations import answered
from consumers.api.operations.resources import OPERATIONS as OF_RESOURCES
from ingest.aws_errors import Missing, failure
from tests.support.api_server import PARTITION, Api, refused

EXECUTION = f"{PARTITION}pipeline/no/execution/aaaaaaaaaaaa"
PIPELINE = f"ResourceNotFound: Pipeline '{PARTITION}pipeline/no' does not exist."
NO_EXECUTION = f"ResourceNotFound: Pipeline execution '{EXECUTION}' does not exist."
NO_TUNING_JOB = "ResourceNotFound: Amazon SageMaker can't find a tuning job called No. Type another name."
NO_JOB = "ValidationException: Could not find requested job with name: No"

SENTENCES = {
    "DescribeTrainingJob": ("TrainingJobName", "No", "ValidationException: Requested resource not found."),
    "DescribeProcessingJob": ("ProcessingJobName", "No", NO_JOB),
    "DescribeTransformJob": ("TransformJobName", "No", NO_JOB),
    "DescribeHyperParameterTuningJob": ("HyperParameterTuningJobName", "No", NO_TUNING_JOB),
    "ListTrainingJobsForHyperParameterTuningJob": ("HyperParameterTuningJobName", "No", NO_TUNING_JOB),
    "DescribeFeatureGroup": (
        "FeatureGroupName",
        "No",
        "ResourceNotFound: Resource Not Found: Amazon SageMaker can't find a FeatureGroup with name No",
    ),
    "DescribeModel": ("ModelName", "No", f'ValidationException: Could not find model "{PARTITION}model/no".'),
    "DescribeEndpoint": (
        "EndpointName",
        "No",
        f'ValidationException: Could not find endpoint "{PARTITION}endpoint/no".',
    ),
    "DescribeEndpointConfig": (
        "EndpointConfigName",
        "No",
        f'ValidationException: Could not find endpoint configuration "{PARTITION}endpoint-config/no".',
    ),
    "DescribeModelPackage": (
        "ModelPackageName",
        "No",
        f"ValidationException: ModelPackage {PARTITION}model-package/no does not exist.",
    ),
    "DescribeModelPackageGroup": (
        "ModelPackageGroupName",
        "No",
        f"ValidationException: ModelPackageGroup {PARTITION}model-package-group/no does not exist.",
    ),
    "DescribePipeline": ("PipelineName", "No", PIPELINE),
    "ListPipelineExecutions": ("PipelineName", "No", PIPELINE),
    "DescribePipelineExecution": ("PipelineExecutionArn", EXECUTION, NO_EXECUTION),
    "DescribePipelineDefinitionForExecution": ("PipelineExecutionArn", EXECUTION, NO_EXECUTION),
    "ListPipelineExecutionSteps": ("PipelineExecutionArn", EXECUTION, NO_EXECUTION),
    "ListPipelineParametersForExecution": ("PipelineExecutionArn", EXECUTION, NO_EXECUTION),
}


@pytest.mark.parametrize("operation", SENTENCES)
def test_what_does_not_exist_is_refused_as_sagemaker_refuses_it(api: Api, operation: str) -> None:
    member, name, sentence = SENTENCES[operation]

    assert refused(getattr(api.sagemaker, xform_name(operation)), **{member: name}) == sentence


def test_every_answer_that_is_given_is_tested() -> None:
    assert SENTENCES.keys() == ANSWERS.keys() & OF_RESOURCES.keys()


def test_a_waiter_takes_what_does_not_exist_for_deleted(api: Api) -> None:
    api.sagemaker.get_waiter("endpoint_deleted").wait(EndpointName="No", WaiterConfig={"MaxAttempts": 1})


def test_every_answer_is_of_an_operation_that_is_answered() -> None:
    assert ANSWERS.keys() <= answered().keys()


def test_every_answer_has_a_row_of_evidence() -> None:
    rows = re.findall(r'<a id="([\w-]+)">', (Path(__file__).parents[1] / "docs" / "evidence.md").read_text())

    assert {one.source for one in ANSWERS.values()} <= {f"evidence.md#{row}" for row in rows}


@pytest.mark.parametrize(
    ("operation", "sentence"),
    [
        ("DescribeLabelingJob", "ResourceNotFound: Labeling Job 'No' does not exist."),
        ("DescribeInferenceComponent", "ValidationException: Inference Component 'No' does not exist."),
    ],
)
def test_an_answer_that_is_not_known_has_the_error_that_the_model_declares(operation: str, sentence: str) -> None:
    refusal = missing(operation, f"{PARTITION}some-kind/No")

    assert f"{refusal.code}: {refusal}" == sentence


@pytest.mark.parametrize(
    "operation", [name for name in service_model.names("sagemaker") if name.startswith("Describe")]
)
def test_what_sagemaker_answers_is_read_as_missing_when_we_are_the_client(operation: str) -> None:
    refusal = missing(operation, f"{PARTITION}some-kind/no")
    why = ClientError({"Error": {"Code": refusal.code, "Message": str(refusal)}}, operation)

    assert isinstance(failure(why, "it", ""), Missing)
