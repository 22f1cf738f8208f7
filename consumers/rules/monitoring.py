"""Monitoring schedules."""

from __future__ import annotations

from collections.abc import Iterator

from consumers import shapes
from consumers.kind import ResourceKind
from consumers.observe.observation import kind_of
from consumers.resources.types import DescribeRequest, Lookup, Resource
from consumers.rules.deployment import endpoint_context
from consumers.rules.jobs import component_of
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


def monitoring_schedule(schedule: Resource[shapes.MonitoringSchedule], lookup: Lookup) -> Lineage:
    """A schedule is a context: endpoints and baselines lead to it, and it to its runs and what they wrote.

    Source: ours: no lineage entity is documented for it (CAPTURE B1); its runs are processing jobs.
    """
    context = _context(schedule)
    definition = schedule.detail.monitoring_schedule_config.monitoring_job_definition
    baseline = definition.baseline_config
    read = [
        baseline.constraints_resource.s3_uri,
        baseline.statistics_resource.s3_uri,
        *(told.batch_transform_input.data_captured_destination_s3_uri for told in definition.monitoring_inputs),
    ]
    written = [told.s3_output.s3_uri for told in definition.monitoring_output_config.monitoring_outputs]
    found: list[tuple[Entity, Entity, AssociationType, Entity]] = []  # whom a link is with, and the link
    for uri in dict.fromkeys(filter(None, read)):
        one = artifact(schedule.partition, "DataSet", uri, schedule.created)
        found.append((one, one, AssociationType.CONTRIBUTED_TO, context))
    for uri in dict.fromkeys(filter(None, written)):
        one = artifact(schedule.partition, "DataSet", uri, schedule.created)
        found.append((one, context, AssociationType.PRODUCED, one))
    for key in _endpoint_keys(schedule):
        if endpoint := lookup(key, shapes.Endpoint, schedule.created):
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


def monitoring_schedule_refers(schedule: Resource[shapes.MonitoringSchedule]) -> Iterator[str]:
    """A schedule reads its endpoints, and the processing jobs that were its runs."""
    yield from _endpoint_keys(schedule)
    yield from _run_keys(schedule)


def monitoring_schedule_asks(schedule: Resource[shapes.MonitoringSchedule], _: Lookup) -> Iterator[DescribeRequest]:
    """A schedule asks what it monitors, when nobody tells."""
    detail = schedule.detail
    told = detail.monitoring_schedule_config != shapes.MonitoringScheduleConfig() or detail.endpoint_name
    if not told:
        yield from schedule.asked("DescribeMonitoringSchedule", detail.monitoring_schedule_name)


def _context(schedule: Resource[shapes.MonitoringSchedule]) -> Context:
    detail = schedule.detail
    config = detail.monitoring_schedule_config
    name = entity_name(
        schedule.named(detail.monitoring_schedule_name), str(schedule.created // 1000), "aws-monitoring-schedule"
    )
    status = detail.monitoring_schedule_status or ""
    properties = {
        "Status": status,
        "MonitoringType": detail.monitoring_type or config.monitoring_type,
        "MonitoringJobDefinitionName": config.monitoring_job_definition_name,
    }
    return Context(
        arn=f"{schedule.partition}context/{name}",
        type="MonitoringSchedule",
        name=name,
        source_uri=schedule.arn,
        status=status,
        created=schedule.created,
        modified=schedule.modified,
        ended=schedule.deleted or schedule.replaced,
        properties={key: value for key, value in properties.items() if value},
        tags=schedule.tags,
        weight=OWNER,
    )


def _endpoint_keys(schedule: Resource[shapes.MonitoringSchedule]) -> Iterator[str]:
    detail = schedule.detail
    inputs = detail.monitoring_schedule_config.monitoring_job_definition.monitoring_inputs
    names = [detail.endpoint_name, *(told.endpoint_input.endpoint_name for told in inputs)]
    yield from dict.fromkeys(schedule.sibling(ResourceKind.ENDPOINT, name) for name in names if name)


def _runs(schedule: Resource[shapes.MonitoringSchedule], lookup: Lookup) -> Iterator[TrialComponent]:
    """The trial components of the processing jobs that were its runs, as far as anyone speaks of those."""
    for key in _run_keys(schedule):
        if job := lookup(key, shapes.ProcessingJob):
            name = job.named(job.detail.processing_job_name)
            yield component_of(ResourceKind.PROCESSING_JOB, job.arn, name, job.created, MENTIONED)


def _run_keys(schedule: Resource[shapes.MonitoringSchedule]) -> Iterator[str]:
    told = dict.fromkeys(change.values[0].lower() for change in schedule.changes)
    yield from (key for key in told if kind_of(key) == ResourceKind.PROCESSING_JOB)
