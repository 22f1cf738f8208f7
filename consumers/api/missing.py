"""What SageMaker answers about a resource that does not exist: kinds differ in the code and in the sentence.

Clients look for both: Airflow takes a ValidationException for a job's name being free, Terraform and the Kubernetes
controllers look for words in the message.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from consumers.api import service_model
from consumers.api.errors import Invalid, NotFound, Refusal


class Answer(NamedTuple):
    """What an operation answers about what does not exist.

    Attributes:
        error: Its code.
        sentence: Its message; `{arn}` and `{name}` stand for what the request names.
        source: The row of docs/evidence.md that says so.
    """

    error: type[Refusal]
    sentence: str
    source: str


_REQUESTED = "Requested resource not found."
_JOB = Answer(Invalid, "Could not find requested job with name: {name}", "evidence.md#missing-run")
_TUNING = Answer(
    NotFound,
    "Amazon SageMaker can't find a tuning job called {name}. Type another name.",
    "evidence.md#missing-tuning-job",
)
_AUTOML = Answer(NotFound, "Amazon SageMaker can't find an AutoML job called {name}.", "evidence.md#missing-automl-job")
_PIPELINE = Answer(NotFound, "Pipeline '{arn}' does not exist.", "evidence.md#missing-pipeline")
_EXECUTION = Answer(NotFound, "Pipeline execution '{arn}' does not exist.", "evidence.md#missing-pipeline")

ANSWERS: Mapping[str, Answer] = {
    "DescribeTrainingJob": Answer(Invalid, _REQUESTED, "evidence.md#missing-training-job"),
    "DescribeProcessingJob": _JOB,
    "DescribeTransformJob": _JOB,
    "DescribeHyperParameterTuningJob": _TUNING,
    "ListTrainingJobsForHyperParameterTuningJob": _TUNING,
    "DescribeAutoMLJob": _AUTOML,
    "DescribeAutoMLJobV2": _AUTOML,
    "DescribeModel": Answer(Invalid, 'Could not find model "{arn}".', "evidence.md#missing-model"),
    "DescribeEndpoint": Answer(Invalid, 'Could not find endpoint "{arn}".', "evidence.md#missing-model"),
    "DescribeEndpointConfig": Answer(
        Invalid, 'Could not find endpoint configuration "{arn}".', "evidence.md#missing-model"
    ),
    "DescribeModelPackage": Answer(Invalid, "ModelPackage {arn} does not exist.", "evidence.md#missing-package"),
    "DescribeModelPackageGroup": Answer(
        Invalid, "ModelPackageGroup {arn} does not exist.", "evidence.md#missing-package"
    ),
    "DescribeFeatureGroup": Answer(
        NotFound,
        "Resource Not Found: Amazon SageMaker can't find a FeatureGroup with name {name}",
        "evidence.md#missing-feature-group",
    ),
    "DescribePipeline": _PIPELINE,
    "ListPipelineExecutions": _PIPELINE,
    "DescribePipelineExecution": _EXECUTION,
    "DescribePipelineDefinitionForExecution": _EXECUTION,
    "ListPipelineExecutionSteps": _EXECUTION,
    "ListPipelineParametersForExecution": _EXECUTION,
    "DescribeNotebookInstance": Answer(Invalid, "RecordNotFound", "evidence.md#missing-notebook"),
    "DescribeNotebookInstanceLifecycleConfig": Answer(
        Invalid, 'Unable to describe Notebook Instance Lifecycle Config "{arn}".', "evidence.md#missing-notebook"
    ),
    "DescribeCodeRepository": Answer(Invalid, "Cannot find CodeRepository: {arn}", "evidence.md#missing-other"),
    "DescribeDevice": Answer(Invalid, "No device with name {name}", "evidence.md#missing-other"),
    "DescribeDeviceFleet": Answer(Invalid, "No devicefleet with name {name}", "evidence.md#missing-other"),
    "DescribeWorkforce": Answer(Invalid, "No workforce found with name {name}", "evidence.md#missing-other"),
    "DescribeWorkteam": Answer(Invalid, "The work team {name} does not exist.", "evidence.md#missing-other"),
    "DescribeProject": Answer(Invalid, "Project {name} does not exist.", "evidence.md#missing-other"),
}
"""The answers that are known; all others are as `answer` says."""


def answer(operation: str) -> Answer:
    """What an operation answers about what does not exist.

    An operation that is not in `ANSWERS` has the error that SageMaker's model declares for it: ResourceNotFound, or
    none, which is a ValidationException (evidence.md#missing-declared).
    """
    known = ANSWERS.get(operation)
    if known is not None:
        return known
    declared = {shape.name for shape in service_model.operation(operation).error_shapes}
    what = " ".join(re.findall(r"[A-Z]+[a-z\d]*", operation)[1:])
    error = NotFound if NotFound.code in declared else Invalid
    return Answer(error, f"{what} '{{name}}' does not exist.", "evidence.md#missing-declared")


def missing(operation: str, arn: str) -> Refusal:
    """The refusal of an operation whose resource does not exist.

    Args:
        operation: The operation that describes the resource.
        arn: The resource. Its name is what follows the last slash, with its case; SageMaker's ARNs have lower case.
    """
    error, sentence, _ = answer(operation)
    return error(sentence.format(arn=arn.lower(), name=arn.rpartition("/")[2]))
