"""Monitoring schedules, as DescribeMonitoringSchedule shows them: the fields of their events are not documented."""

from __future__ import annotations

import msgspec

from consumers.shapes.reading import Name, Shape, Tags, Time, Uri


class MonitoringResource(Shape, frozen=True):
    """A file in S3."""

    s3_uri: Uri | None = None


class BaselineConfig(Shape, frozen=True):
    """What is compared with."""

    constraints_resource: MonitoringResource = MonitoringResource()
    statistics_resource: MonitoringResource = MonitoringResource()


class EndpointInput(Shape, frozen=True):
    """An endpoint that is monitored."""

    endpoint_name: Name | None = None


class BatchTransformInput(Shape, frozen=True):
    """Data that transform jobs captured."""

    data_captured_destination_s3_uri: Uri | None = None


class MonitoringInput(Shape, frozen=True):
    """What is monitored."""

    endpoint_input: EndpointInput = EndpointInput()
    batch_transform_input: BatchTransformInput = BatchTransformInput()


class MonitoringOutput(Shape, frozen=True):
    """Where a run puts what it found."""

    s3_output: MonitoringResource = msgspec.field(name="S3Output", default=MonitoringResource())


class MonitoringOutputConfig(Shape, frozen=True):
    """The outputs of a schedule."""

    monitoring_outputs: list[MonitoringOutput] = []


class MonitoringJobDefinition(Shape, frozen=True):
    """What each run of a schedule does."""

    baseline_config: BaselineConfig = BaselineConfig()
    monitoring_inputs: list[MonitoringInput] = []
    monitoring_output_config: MonitoringOutputConfig = MonitoringOutputConfig()


class MonitoringScheduleConfig(Shape, frozen=True):
    """What a schedule does: told here, or in a definition of its own that is named."""

    monitoring_job_definition: MonitoringJobDefinition = MonitoringJobDefinition()
    monitoring_job_definition_name: Name | None = None
    monitoring_type: str | None = None


class MonitoringExecution(Shape, frozen=True):
    """A run of a schedule: a processing job."""

    processing_job_arn: Uri | None = None


class MonitoringSchedule(Shape, frozen=True):
    """A monitoring schedule."""

    monitoring_schedule_name: Name | None = None
    monitoring_schedule_arn: Uri | None = None
    monitoring_schedule_status: str | None = None
    monitoring_type: str | None = None
    monitoring_schedule_config: MonitoringScheduleConfig = MonitoringScheduleConfig()
    endpoint_name: Name | None = None
    last_monitoring_execution_summary: MonitoringExecution = MonitoringExecution()
    tags: Tags = None
    creation_time: Time | None = None
    last_modified_time: Time | None = None
