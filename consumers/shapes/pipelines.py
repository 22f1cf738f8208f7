"""Pipeline executions and their steps, as events tell them: their keys are lowerCamel."""

from __future__ import annotations

import msgspec

from consumers.shapes.reading import Name, Time, Uri


class PipelineExecution(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """An execution of a pipeline."""

    pipeline_arn: Uri | None = None
    pipeline_execution_arn: Uri | None = None
    pipeline_execution_display_name: Name | None = None
    current_pipeline_execution_status: str | None = None
    execution_start_time: Time | None = None
    execution_end_time: Time | None = None


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
    quality_check: CheckedResource = CheckedResource()
    clarify_check: CheckedResource = CheckedResource()


class PipelineStep(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """A step of an execution."""

    pipeline_arn: Uri | None = None
    pipeline_execution_arn: Uri | None = None
    step_name: Name | None = None
    step_type: str | None = None
    current_step_status: str | None = None
    metadata: StepMetadata = StepMetadata()
    step_start_time: Time | None = None
    step_end_time: Time | None = None
