"""Monitoring schedules; the fields of their events are not documented."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from consumers.arns import kind_of
from consumers.kind import ENDPOINT, PROCESSING_JOB, ResourceKind
from consumers.resources.calls import Rewrite, creates, deletes, updates
from consumers.resources.descriptions import TAGS, described
from consumers.resources.endpoint import Endpoint, endpoint_context
from consumers.resources.fields import Fields, Name, Tags, Time, Uri, texts
from consumers.resources.job_component import component_of
from consumers.resources.processing_job import ProcessingJob
from consumers.resources.types import DescribeRequest, Lookup, Resource, ResourceType
from ingest.sagemaker_operations import ListOperation
from store.lineage import (
    MENTIONED,
    OWNER,
    REPORTED,
    Association,
    AssociationType,
    Context,
    Entity,
    Lineage,
    TrialComponent,
    artifact,
    entity_name,
)

MONITORING_SCHEDULE = ResourceKind("monitoring-schedule")


class MonitoringResource(Fields, frozen=True):
    """A file in S3."""

    s3_uri: Uri | None = None


class BaselineConfig(Fields, frozen=True):
    """What is compared with."""

    constraints_resource: MonitoringResource = MonitoringResource()
    statistics_resource: MonitoringResource = MonitoringResource()


class EndpointInput(Fields, frozen=True):
    """An endpoint that is monitored."""

    endpoint_name: Name | None = None


class BatchTransformInput(Fields, frozen=True):
    """Data that transform jobs captured."""

    data_captured_destination_s3_uri: Uri | None = None


class MonitoringInput(Fields, frozen=True):
    """What is monitored."""

    endpoint_input: EndpointInput = EndpointInput()
    batch_transform_input: BatchTransformInput = BatchTransformInput()


class MonitoringOutput(Fields, frozen=True):
    """Where a run puts what it found."""

    s3_output: MonitoringResource = msgspec.field(name="S3Output", default=MonitoringResource())


class MonitoringOutputConfig(Fields, frozen=True):
    """The outputs of a schedule."""

    monitoring_outputs: list[MonitoringOutput] = []


class MonitoringJobDefinition(Fields, frozen=True):
    """What each run of a schedule does."""

    baseline_config: BaselineConfig = BaselineConfig()
    monitoring_inputs: list[MonitoringInput] = []
    monitoring_output_config: MonitoringOutputConfig = MonitoringOutputConfig()


class MonitoringScheduleConfig(Fields, frozen=True):
    """What a schedule does: said here, or in a job definition that is named here."""

    monitoring_job_definition: MonitoringJobDefinition = MonitoringJobDefinition()
    monitoring_job_definition_name: Name | None = None
    monitoring_type: str | None = None


class MonitoringExecution(Fields, frozen=True):
    """A run of a schedule: a processing job."""

    processing_job_arn: Uri | None = None


class MonitoringSchedule(Fields, frozen=True):
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


def lineage(schedule: Resource[MonitoringSchedule], lookup: Lookup) -> Lineage:
    """A schedule is a context: endpoints and baselines lead to it, and it to its runs and what they wrote.

    Source: ours: no lineage entity is documented for it; its runs are processing jobs (evidence.md#no-entity).
    """
    context = _context(schedule)
    definition = schedule.detail.monitoring_schedule_config.monitoring_job_definition
    baseline = definition.baseline_config
    read = [
        baseline.constraints_resource.s3_uri,
        baseline.statistics_resource.s3_uri,
        *(one.batch_transform_input.data_captured_destination_s3_uri for one in definition.monitoring_inputs),
    ]
    written = [one.s3_output.s3_uri for one in definition.monitoring_output_config.monitoring_outputs]
    found: list[tuple[Entity, Entity, AssociationType, Entity]] = []  # the other end of a link, and the link
    for uri in dict.fromkeys(filter(None, read)):
        one = artifact(schedule.arn_prefix, "DataSet", uri, schedule.created)
        found.append((one, one, AssociationType.CONTRIBUTED_TO, context))
    for uri in dict.fromkeys(filter(None, written)):
        one = artifact(schedule.arn_prefix, "DataSet", uri, schedule.created)
        found.append((one, context, AssociationType.PRODUCED, one))
    for key in _endpoint_keys(schedule):
        if endpoint := lookup(key, Endpoint, schedule.created):
            other = endpoint_context(endpoint, REPORTED)
            found.append((other, other, AssociationType.ASSOCIATED_WITH, context))
    associations = [
        Association(source.arn, destination.arn, type_, schedule.created, context.ended, inferred=True)
        for _, source, type_, destination in found
    ]
    runs = list(_runs(schedule, lookup))
    associations += [
        Association(context.arn, run.arn, AssociationType.ASSOCIATED_WITH, run.created, inferred=True) for run in runs
    ]
    return Lineage((context, *(one for one, _, _, _ in found), *runs), tuple(associations))


def references(schedule: Resource[MonitoringSchedule]) -> Iterator[str]:
    """A schedule references its endpoints, and the processing jobs that were its runs."""
    yield from _endpoint_keys(schedule)
    yield from _run_keys(schedule)


def missing(schedule: Resource[MonitoringSchedule], _: Lookup) -> Iterator[DescribeRequest]:
    """Its description, while it is unknown what it monitors."""
    detail = schedule.detail
    if detail.monitoring_schedule_config == MonitoringScheduleConfig() and not detail.endpoint_name:
        yield from schedule.describe("DescribeMonitoringSchedule")


def _context(schedule: Resource[MonitoringSchedule]) -> Context:
    detail = schedule.detail
    config = detail.monitoring_schedule_config
    name = entity_name(schedule.name, str(schedule.created // 1000), "aws-monitoring-schedule")
    status = detail.monitoring_schedule_status or ""
    properties = {
        "Status": status,
        "MonitoringType": detail.monitoring_type or config.monitoring_type,
        "MonitoringJobDefinitionName": config.monitoring_job_definition_name,
    }
    return Context(
        arn=f"{schedule.arn_prefix}context/{name}",
        type="MonitoringSchedule",
        name=name,
        source_uri=schedule.arn,
        status=status,
        created=schedule.created,
        modified=schedule.modified,
        ended=schedule.deleted or schedule.replaced,
        properties=texts(properties),
        tags=schedule.tags,
        weight=OWNER,
    )


def _endpoint_keys(schedule: Resource[MonitoringSchedule]) -> Iterator[str]:
    detail = schedule.detail
    inputs = detail.monitoring_schedule_config.monitoring_job_definition.monitoring_inputs
    names = [detail.endpoint_name, *(one.endpoint_input.endpoint_name for one in inputs)]
    yield from dict.fromkeys(schedule.key_beside(ENDPOINT, name) for name in names if name)


def _runs(schedule: Resource[MonitoringSchedule], lookup: Lookup) -> Iterator[TrialComponent]:
    """The trial components of the processing jobs that were its runs, as far as these are known."""
    for key in _run_keys(schedule):
        if job := lookup(key, ProcessingJob):
            yield component_of(PROCESSING_JOB, job.arn, job.name, job.created, MENTIONED)


def _run_keys(schedule: Resource[MonitoringSchedule]) -> Iterator[str]:
    jobs = dict.fromkeys(change.values[0].lower() for change in schedule.changes)
    yield from (key for key in jobs if kind_of(key) == PROCESSING_JOB)


def _tracked(schedule: MonitoringSchedule) -> tuple[str, ...]:
    return (schedule.last_monitoring_execution_summary.processing_job_arn or "",)


def _with_status(status: str) -> Rewrite:
    return lambda parameters: {**parameters, "MonitoringScheduleStatus": status}


TYPE = ResourceType(
    kind=MONITORING_SCHEDULE,
    name="monitoring schedule",
    mark="ours",
    fields=MonitoringSchedule,
    lineage=lineage,
    references=references,
    missing=missing,
    arn_field="monitoring_schedule_arn",
    name_field="monitoring_schedule_name",
    status_fields=("monitoring_schedule_status",),
    clock_fields=("last_modified_time",),
    tracked=_tracked,
    events=("SageMaker Monitoring Schedule State Change",),
    calls={
        "CreateMonitoringSchedule": creates(),
        "UpdateMonitoringSchedule": updates(),
        "StartMonitoringSchedule": updates(rewrite=_with_status("Scheduled")),
        "StopMonitoringSchedule": updates(rewrite=_with_status("Stopped")),
        "DeleteMonitoringSchedule": deletes(),
    },
    described_by=described("MonitoringSchedule"),
    further_descriptions=(TAGS,),
    listed_by=ListOperation(
        "ListMonitoringSchedules", "MonitoringScheduleSummaries", "MonitoringScheduleArn", "MonitoringScheduleName"
    ),
)
