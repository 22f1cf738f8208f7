"""Pipelines, their executions and their steps. Events spell the last two in lowerCamel, and so do we."""

from __future__ import annotations

from typing import Any

import msgspec

from consumers.shapes.reading import Name, Number, Shape, Tags, Time, Uri


class Pipeline(Shape, frozen=True):
    """A pipeline, as DescribePipeline shows it."""

    pipeline_arn: Uri | None = None
    pipeline_name: Name | None = None
    pipeline_display_name: Name | None = None
    pipeline_description: str | None = None
    tags: Tags = None
    creation_time: Time | None = None
    last_modified_time: Time | None = None


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
    failure_reason: str | None = None
    pipeline_parameters: list[PipelineParameter] = []
    steps: dict[str, Any] = {}
    creation_time: Time | None = None
    execution_start_time: Time | None = None
    execution_end_time: Time | None = None
    last_modified_time: Time | None = None


class StepResource(msgspec.Struct, frozen=True, gc=False):
    """What a step made."""

    arn: Uri | None = None


class CheckedResource(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """The processing job of a quality or a Clarify check."""

    check_job_arn: Uri | None = None


class StepMetadata(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """What a step made, under a key that names its kind."""

    processing_job: StepResource = StepResource()
    training_job: StepResource = StepResource()
    transform_job: StepResource = StepResource()
    tuning_job: StepResource = StepResource()
    auto_ml_job: StepResource = msgspec.field(name="autoMLJob", default=StepResource())
    quality_check: CheckedResource = CheckedResource()
    clarify_check: CheckedResource = CheckedResource()

    @property
    def jobs(self) -> tuple[str, ...]:
        """The ARNs of the jobs that it ran."""
        told = (
            self.processing_job.arn,
            self.training_job.arn,
            self.transform_job.arn,
            self.tuning_job.arn,
            self.auto_ml_job.arn,
            self.quality_check.check_job_arn,
            self.clarify_check.check_job_arn,
        )
        return tuple(filter(None, told))


class CacheHit(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """The earlier execution whose step did not have to be run again."""

    source_pipeline_execution_arn: Uri | None = None


class PipelineStep(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """A step of an execution, as events and ListPipelineExecutionSteps show it."""

    pipeline_arn: Uri | None = None
    pipeline_execution_arn: Uri | None = None
    step_name: Name | None = None
    step_type: str | None = None
    current_step_status: str | None = None
    metadata: StepMetadata = StepMetadata()
    cache_hit_result: CacheHit = CacheHit()
    attempt_count: Number | None = None
    failure_reason: str | None = None
    step_start_time: Time | None = None
    step_end_time: Time | None = None
