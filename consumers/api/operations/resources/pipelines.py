"""Pipelines, their executions and their steps: described and listed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from consumers.api.errors import NotFound
from consumers.api.missing import missing
from consumers.api.operations.resources.paging import described, is_ascending, listed, listing, page_of
from consumers.api.request import Request, Response
from consumers.api.service import Operation, Service

PIPELINE, EXECUTION = "pipeline", "pipeline-execution"
_DIFFERS = "A pipeline that only its executions mention has no more than its ARN, its name and a time."


def describe_pipeline(service: Service, request: Request) -> Response:
    """Describe a pipeline."""
    return _pipeline(service, request.arn(PIPELINE, request.input["PipelineName"]))


def list_pipelines(service: Service, request: Request) -> Response:
    """List pipelines."""
    below = request.arn(PIPELINE, "") + request.input.get("PipelineNamePrefix", "")
    return listed(service, request, "PipelineSummaries", listing(request, PIPELINE, below=below))


def list_pipeline_executions(service: Service, request: Request) -> Response:
    """List the executions of a pipeline."""
    arn = request.arn(PIPELINE, request.input["PipelineName"])
    answer = listed(
        service, request, "PipelineExecutionSummaries", listing(request, EXECUTION, below=f"{arn}/execution/")
    )
    found = answer["PipelineExecutionSummaries"]
    if not found and "NextToken" not in request.input:
        _pipeline(service, arn)
    return {**answer, "PipelineExecutionSummaries": [_summary(one) for one in found]}


def describe_pipeline_execution(service: Service, request: Request) -> Response:
    """Describe an execution of a pipeline."""
    return _execution(service, request.input["PipelineExecutionArn"])


def list_pipeline_execution_steps(service: Service, request: Request) -> Response:
    """List the steps of an execution, with what each created; the newest first."""
    arn = request.input.get("PipelineExecutionArn", "")
    steps = service.descriptions.steps(arn)
    if not steps:
        _execution(service, arn)
    keyed = [((step["CreationTime"], str(step.get("StepName", ""))), step) for step in steps]
    return page_of(request, "PipelineExecutionSteps", keyed, ascending=is_ascending(request))


def list_pipeline_parameters_for_execution(service: Service, request: Request) -> Response:
    """List the parameters that an execution was started with, by name."""
    value = _execution(service, request.input["PipelineExecutionArn"]).get("PipelineParameters")
    parameters = [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []
    keyed = [((str(one.get("Name", "")),), one) for one in parameters]
    return page_of(request, "PipelineParameters", keyed, ascending=True)


def describe_pipeline_definition_for_execution(service: Service, request: Request) -> Response:
    """Describe the definition that an execution ran by, where it is recorded."""
    execution = _execution(service, request.input["PipelineExecutionArn"])
    pipeline = _pipeline(service, execution["PipelineArn"])
    changed = pipeline["LastModifiedTime"]
    if "PipelineDefinition" not in pipeline or changed > execution["CreationTime"]:
        raise NotFound(
            f"The definition that pipeline execution '{execution['PipelineExecutionArn']}' ran by is not recorded: "
            "no event had it, or the pipeline has been changed since"
        )
    return {"PipelineDefinition": pipeline["PipelineDefinition"], "CreationTime": changed}


def _pipeline(service: Service, arn: str) -> Mapping[str, Any]:
    return described(service, arn, missing("DescribePipeline", arn))


def _execution(service: Service, arn: str) -> Mapping[str, Any]:
    return described(service, arn, missing("DescribePipelineExecution", arn))


def _summary(execution: Mapping[str, Any]) -> Mapping[str, Any]:
    """An execution, with the names that lists have for its members."""
    reason = execution.get("FailureReason")
    return {**execution, "StartTime": execution["CreationTime"], "PipelineExecutionFailureReason": reason}


OPERATIONS: Mapping[str, Operation] = {
    "DescribePipeline": Operation(
        describe_pipeline, differs=f"{_DIFFERS} PipelineVersionId is refused.", unused={"PipelineVersionId": ""}
    ),
    "ListPipelines": Operation(list_pipelines, differs=_DIFFERS),
    "ListPipelineExecutions": Operation(list_pipeline_executions, differs="Those of a deleted pipeline stay."),
    "DescribePipelineExecution": Operation(describe_pipeline_execution),
    "ListPipelineExecutionSteps": Operation(list_pipeline_execution_steps),
    "ListPipelineParametersForExecution": Operation(list_pipeline_parameters_for_execution),
    "DescribePipelineDefinitionForExecution": Operation(
        describe_pipeline_definition_for_execution,
        differs="Found only where the pipeline has not been changed since the execution began.",
    ),
}
