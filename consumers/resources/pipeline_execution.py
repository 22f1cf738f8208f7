"""Executions of pipelines: each a trial. Their events spell names in lowerCamel, and so do we."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from consumers.arns import kind_of
from consumers.kind import PIPELINE, PIPELINE_EXECUTION, PIPELINE_STEP
from consumers.resources.attempts import FINISHED, Attempt, began_after_end, is_resumed
from consumers.resources.calls import JsonObject, Rewrite, creates, updates
from consumers.resources.descriptions import Described, Description, items
from consumers.resources.experiments import experiment, pipeline_names, trial
from consumers.resources.fields import Name, Time, Uri, instant, texts
from consumers.resources.spelling import lower_camel
from consumers.resources.types import DescribeRequest, Envelope, Lookup, Resource, ResourceType
from consumers.state import Incarnation, moment
from ingest.sagemaker_operations import ListOperation, called_by_arn
from store.lineage import REPORTED, Lineage, Membership


class PipelineParameter(msgspec.Struct, frozen=True, gc=False):
    """A parameter that an execution was started with."""

    name: Name = ""
    value: str | None = None


class PipelineExecution(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """An execution of a pipeline, as events and DescribePipelineExecution show it.

    Attributes:
        steps: The names of the steps that are known.
    """

    pipeline_arn: Uri | None = None
    pipeline_execution_arn: Uri | None = None
    pipeline_execution_display_name: Name | None = None
    pipeline_execution_description: str | None = None
    current_pipeline_execution_status: str | None = None
    previous_pipeline_execution_status: str | None = None
    failure_reason: str | None = None
    pipeline_parameters: list[PipelineParameter] = []
    steps: dict[str, Any] = {}
    creation_time: Time | None = None
    execution_start_time: Time | None = None
    execution_end_time: Time | None = None
    last_modified_time: Time | None = None


def lineage(execution: Resource[PipelineExecution], _: Lookup) -> Lineage:
    """An execution is a trial in the experiment of its pipeline; what it was started with are the trial's properties.

    Source: evidence.md#pipeline, documented; the properties are ours.
    """
    names = pipeline_names(execution.arn)
    if names is None:
        return Lineage()
    detail = execution.detail
    began = instant(detail.execution_start_time)
    created = began or execution.created
    pipeline_arn = detail.pipeline_arn or execution.arn.partition("/execution/")[0]
    parent = experiment(execution.arn_prefix, names[0], created, REPORTED, pipeline_arn)
    child = msgspec.structs.replace(
        trial(execution.arn_prefix, names[1], created, REPORTED, execution.arn),
        display_name=detail.pipeline_execution_display_name or "",
        status=detail.current_pipeline_execution_status or "",
        started=began,
        ended=execution_end(detail),
        modified=execution.modified,
        properties={
            **{one.name: one.value for one in detail.pipeline_parameters if one.name and one.value is not None},
            **texts(
                {
                    "SageMaker.FailureReason": detail.failure_reason,
                    "SageMaker.PipelineExecutionDescription": detail.pipeline_execution_description,
                }
            ),
        },
        created_by=execution.created_by,
        modified_by=execution.modified_by,
    )
    return Lineage((parent, child), (), (Membership(parent.arn, child.arn),))


def missing(execution: Resource[PipelineExecution], _: Lookup) -> Iterator[DescribeRequest]:
    """The steps of a finished execution, while none of them is known."""
    if execution.detail.current_pipeline_execution_status in FINISHED and not execution.detail.steps:
        yield DescribeRequest(execution.arn, "ListPipelineExecutionSteps")


def execution_end(detail: PipelineExecution) -> int | None:
    """When an execution ended: its description says only when it last changed."""
    over = detail.current_pipeline_execution_status in FINISHED
    return instant(detail.execution_end_time) or (instant(detail.last_modified_time) if over else None)


def execution_arn(execution_arn: str | None, envelope: Envelope) -> str | None:
    """The ARN of an execution: the one in its fields, or one beside them."""
    return next(
        (arn for arn in (execution_arn, *envelope.resources) if arn and kind_of(arn) == PIPELINE_EXECUTION), None
    )


def _is_resumed(execution: PipelineExecution) -> bool:
    return is_resumed(execution.current_pipeline_execution_status, execution.previous_pipeline_execution_status)


def _tracked(execution: PipelineExecution) -> tuple[str, ...]:
    return (execution.current_pipeline_execution_status or "",)


def _attempt_began(incarnation: Incarnation) -> int:
    """The last time that an execution went on after an end."""
    began, finished = 0, False
    for stamped, (status,) in incarnation.changes:
        if finished and status not in FINISHED:
            began = moment(stamped)
        finished = status in FINISHED
    return max(began, began_after_end(incarnation, "currentPipelineExecutionStatus", "executionEndTime"))


def _becomes(status: str) -> Rewrite:
    """A call after which an execution is in a status."""
    return lambda parameters: {**lower_camel(parameters), "currentPipelineExecutionStatus": status}


def _identity(execution: PipelineExecution, envelope: Envelope) -> str | None:
    return execution_arn(execution.pipeline_execution_arn, envelope)


def _described(response: JsonObject, _: tuple[str, ...]) -> Iterator[Described]:
    """DescribePipelineExecution, with the names of the events."""
    fields = dict(response)
    people = {name: fields.pop(name, None) for name in ("CreatedBy", "LastModifiedBy")}
    status = fields.pop("PipelineExecutionStatus", None)
    yield Described(PIPELINE_EXECUTION, {**lower_camel(fields), **people, "currentPipelineExecutionStatus": status})


def _parameters(response: JsonObject, _: tuple[str, ...]) -> Iterator[Described]:
    """The parameters that an execution was started with, and what others are by default."""
    yield Described(PIPELINE_EXECUTION, lower_camel(response))


def _steps(response: JsonObject, _: tuple[str, ...]) -> Iterator[Described]:
    """The steps of an execution, with the names of their events."""
    names = {"currentStepStatus": "StepStatus", "stepStartTime": "StartTime", "stepEndTime": "EndTime"}
    for item in items(response, "PipelineExecutionSteps"):
        fields = dict(item)
        renamed = {ours: fields.pop(theirs, None) for ours, theirs in names.items()}
        yield Described(PIPELINE_STEP, {**lower_camel(fields), **renamed})


TYPE = ResourceType(
    kind=PIPELINE_EXECUTION,
    name="pipeline execution",
    mark="documented",
    version=3,
    fields=PipelineExecution,
    lineage=lineage,
    missing=missing,
    arn_field="pipeline_execution_arn",
    identity=_identity,
    status_fields=("current_pipeline_execution_status",),
    clock_fields=("execution_end_time", "last_modified_time", "execution_start_time", "creation_time"),
    created_field=None,
    began_field="execution_start_time",
    tracked=_tracked,
    resumed=_is_resumed,
    attempt=Attempt(("executionEndTime", "failureReason"), _attempt_began),
    events=("SageMaker Model Building Pipeline Execution Status Change",),
    calls={
        "StartPipelineExecution": creates(lower_camel),
        "UpdatePipelineExecution": updates(rewrite=lower_camel),
        "StopPipelineExecution": updates(rewrite=_becomes("Stopping")),
        "RetryPipelineExecution": updates(rewrite=_becomes("Executing")),
    },
    described_by=Description(
        called_by_arn("DescribePipelineExecution", "PipelineExecutionArn", "PipelineExecutionArn"), _described
    ),
    further_descriptions=(
        Description(called_by_arn("ListPipelineExecutionSteps", "PipelineExecutionArn"), _steps),
        Description(called_by_arn("ListPipelineParametersForExecution", "PipelineExecutionArn"), _parameters),
        Description(called_by_arn("DescribePipelineDefinitionForExecution", "PipelineExecutionArn"), observed=False),
    ),
    listed_by=ListOperation(
        "ListPipelineExecutions",
        "PipelineExecutionSummaries",
        "PipelineExecutionArn",
        created="StartTime",
        after="CreatedAfter",
        within="PipelineName",
    ),
    listed_within=PIPELINE,
)
