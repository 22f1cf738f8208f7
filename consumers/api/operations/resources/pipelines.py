"""Pipelines, their executions and their steps, as events told them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from consumers.api.errors import NotFound
from consumers.api.operations.resources.paging import cut, described, listed, listing, upwards
from consumers.api.request import Request, Response
from consumers.api.service import Operation, Service

PIPELINE, EXECUTION = "pipeline", "pipeline-execution"
_DIFFERS = "A pipeline that no news told of is known by its executions: by its ARN, its name and a time."


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
    """List the steps of an execution, with what each made; the newest first."""
    arn = request.input.get("PipelineExecutionArn", "")
    steps = service.descriptions.steps(arn)
    if not steps:
        _execution(service, arn)
    placed = [((step["CreationTime"], str(step.get("StepName", ""))), step) for step in steps]
    return cut(request, "PipelineExecutionSteps", placed, ascending=upwards(request))


def list_pipeline_parameters_for_execution(service: Service, request: Request) -> Response:
    """List what an execution was started with, by name."""
    told = _execution(service, request.input["PipelineExecutionArn"]).get("PipelineParameters")
    parameters = [one for one in told if isinstance(one, Mapping)] if isinstance(told, list) else []
    placed = [((str(one.get("Name", "")),), one) for one in parameters]
    return cut(request, "PipelineParameters", placed, ascending=True)


def describe_pipeline_definition_for_execution(service: Service, request: Request) -> Response:
    """Describe the definition that an execution ran by, where it was told."""
    execution = _execution(service, request.input["PipelineExecutionArn"])
    pipeline = _pipeline(service, execution["PipelineArn"])
    changed = pipeline["LastModifiedTime"]
    if "PipelineDefinition" not in pipeline or changed > execution["CreationTime"]:
        raise NotFound(
            f"The definition that pipeline execution '{execution['PipelineExecutionArn']}' ran by is not known: "
            "none was told, or the pipeline has been changed since"
        )
    return {"PipelineDefinition": pipeline["PipelineDefinition"], "CreationTime": changed}


def _pipeline(service: Service, arn: str) -> Mapping[str, Any]:
    return described(service, arn, NotFound(f"Pipeline '{arn}' does not exist."))


def _execution(service: Service, arn: str) -> Mapping[str, Any]:
    return described(service, arn, NotFound(f"Pipeline execution '{arn}' does not exist."))


def _summary(execution: Mapping[str, Any]) -> Mapping[str, Any]:
    """An execution, by the names that lists have for it."""
    reason = execution.get("FailureReason")
    return {**execution, "StartTime": execution["CreationTime"], "PipelineExecutionFailureReason": reason}


OPERATIONS: Mapping[str, Operation] = {
    "DescribePipeline": Operation(describe_pipeline, differs=f"{_DIFFERS} PipelineVersionId is not looked at."),
    "ListPipelines": Operation(list_pipelines, differs=_DIFFERS),
    "ListPipelineExecutions": Operation(list_pipeline_executions, differs="Those of a deleted pipeline stay."),
    "DescribePipelineExecution": Operation(describe_pipeline_execution),
    "ListPipelineExecutionSteps": Operation(list_pipeline_execution_steps),
    "ListPipelineParametersForExecution": Operation(list_pipeline_parameters_for_execution),
    "DescribePipelineDefinitionForExecution": Operation(
        describe_pipeline_definition_for_execution,
        differs="Told only where the pipeline has not been changed since the execution began.",
    ),
}
