"""Trial components that clients make, and what clients add to the trial component of a job."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import wraps
from typing import TypeVar

import msgspec

from consumers.arns import account_prefix, name_in
from consumers.kind import TRIAL_COMPONENT, ResourceKind
from consumers.resources.calls import creates, deletes, updates
from consumers.resources.client_entities import AUTOMATIC_NAME
from consumers.resources.client_experiments import Origin
from consumers.resources.descriptions import TAGS, described
from consumers.resources.fields import Fields, MetadataProperties, Name, Number, Tags, Time, Uri, instant_or_none
from consumers.resources.job_component import SUFFIXES, JobFields, component_of
from consumers.resources.types import Lookup, Resource, ResourceType
from ingest.sagemaker_operations import ListOperation
from store.lineage import (
    CLIENT,
    MENTIONED,
    NAME_LIMIT,
    OWNER,
    REPORTED,
    Entity,
    Lineage,
    Measured,
    TrialComponent,
    entity_name,
)

J = TypeVar("J", bound=JobFields)


class ComponentStatus(Fields, frozen=True):
    """How a trial component went."""

    primary_status: str | None = None
    message: str | None = None


class ParameterValue(Fields, frozen=True):
    """A parameter: a string or a number."""

    string_value: str | None = None
    number_value: Number | None = None


class ArtifactValue(Fields, frozen=True):
    """An input or an output of a trial component."""

    media_type: Name | None = None
    value: Uri | None = None


class MetricSummary(Fields, frozen=True):
    """A metric of a trial component."""

    metric_name: Name = ""
    last: Number | None = None
    time_stamp: Time | None = None
    min: Number | None = None
    max: Number | None = None
    avg: Number | None = None
    std_dev: Number | None = None
    count: int | None = None


class ClientTrialComponent(Fields, frozen=True):
    """A trial component, as DescribeTrialComponent shows it."""

    trial_component_arn: Uri | None = None
    trial_component_name: Name | None = None
    display_name: Name | None = None
    source: Origin = Origin()
    status: ComponentStatus = ComponentStatus()
    start_time: Time | None = None
    end_time: Time | None = None
    parameters: dict[Name, ParameterValue | None] = {}
    input_artifacts: dict[Name, ArtifactValue | None] = {}
    output_artifacts: dict[Name, ArtifactValue | None] = {}
    metrics: list[MetricSummary] = []
    metadata_properties: MetadataProperties = MetadataProperties()
    tags: Tags = None
    creation_time: Time | None = None
    last_modified_time: Time | None = None


def _component_lineage(made: Resource[ClientTrialComponent], lookup: Lookup) -> Lineage:
    """A trial component that a client made; that of a job is derived from the job (`amended`), once that is known."""
    if made.gone:
        return Lineage()
    return Lineage((component_of_job(made.arn, lookup) or _component(made),))


def _component_references(made: Resource[ClientTrialComponent]) -> Iterator[str]:
    """A trial component references the job that it may stand for."""
    if job := job_of(made.arn):
        yield job[1]


def amended(rule: Callable[[Resource[J], Lookup], Lineage]) -> Callable[[Resource[J], Lookup], Lineage]:
    """The rule of a job to whose trial component a client may have added."""

    @wraps(rule)
    def lineage(job: Resource[J], lookup: Lookup) -> Lineage:
        own = rule(job, lookup)
        made = lookup(_component_key(job), ClientTrialComponent)
        if made is None or made.gone:
            return own
        return msgspec.structs.replace(own, entities=tuple(_amended(one, made) for one in own.entities))

    return lineage


def amended_references(references: Callable[[Resource[J]], Iterable[str]]) -> Callable[[Resource[J]], Iterable[str]]:
    """What such a job references: all that its rule looks up, and its trial component as clients describe it."""

    def with_component(job: Resource[J]) -> Iterator[str]:
        yield from references(job)
        yield _component_key(job)

    return with_component


def _component_key(job: Resource[JobFields]) -> str:
    name = entity_name(job.tail, SUFFIXES[job.kind][0]).lower()
    return f"{job.arn_prefix}{TRIAL_COMPONENT}/{name}"


def _amended(one: Entity, made: Resource[ClientTrialComponent]) -> Entity:
    if not isinstance(one, TrialComponent) or one.weight != OWNER:
        return one
    theirs = _component(made)
    return msgspec.structs.replace(
        one,
        display_name=theirs.display_name or one.display_name,
        modified=max(theirs.modified or 0, one.modified or 0),
        parameters=one.parameters | theirs.parameters,
        metrics=theirs.metrics | one.metrics,
        inputs=one.inputs | theirs.inputs,
        outputs=one.outputs | theirs.outputs,
        metadata=one.metadata | theirs.metadata,
        tags=one.tags | theirs.tags,
    )


def _component(made: Resource[ClientTrialComponent]) -> TrialComponent:
    detail = made.detail
    return TrialComponent(
        arn=made.arn,
        type=detail.source.source_type or "",
        name=made.name,
        source_uri=detail.source.source_arn or "",
        display_name=detail.display_name or "",
        status=detail.status.primary_status or "",
        message=detail.status.message or "",
        created=made.created,
        started=instant_or_none(detail.start_time),
        ended=instant_or_none(detail.end_time),
        modified=made.modified,
        parameters={
            key: (value.string_value, _finite(value.number_value))
            for key, value in detail.parameters.items()
            if value and (value.string_value is not None or _finite(value.number_value) is not None)
        },
        metrics={
            metric.metric_name: _measured(metric, last)
            for metric in detail.metrics
            if metric.metric_name and (last := _finite(metric.last)) is not None
        }
        | made.measured,
        inputs=_values(detail.input_artifacts),
        outputs=_values(detail.output_artifacts),
        metadata=detail.metadata_properties.as_map(),
        tags=made.tags,
        # A name that was cut short does not say which job it is of.
        weight=REPORTED if len(made.name) >= NAME_LIMIT and AUTOMATIC_NAME.search(made.name) else CLIENT,
    )


def job_of(component_arn: str) -> tuple[ResourceKind, str] | None:
    """The job that a trial component stands for, by its name: its kind and its key."""
    name = name_in(component_arn).lower()
    for kind, (suffix, _) in SUFFIXES.items():
        if name.endswith(f"-{suffix}") and len(name) < NAME_LIMIT:
            return kind, f"{account_prefix(component_arn)}{kind}/{name.removesuffix(f'-{suffix}')}"
    return None


def component_of_job(component_arn: str, lookup: Lookup) -> TrialComponent | None:
    """The trial component of a job that is known."""
    found = job_of(component_arn)
    job = lookup(found[1], msgspec.Struct) if found else None
    return component_of(found[0], job.arn, job.tail, job.created, MENTIONED) if found and job else None


def _values(artifacts: Mapping[str, ArtifactValue | None]) -> dict[str, tuple[str, str]]:
    return {name: (one.media_type or "", one.value) for name, one in artifacts.items() if one and one.value}


def _measured(metric: MetricSummary, last: float) -> Measured:
    time = instant_or_none(metric.time_stamp)
    if (metric.count or 1) == 1:
        return Measured(last, time)
    low, high, mean, deviation = map(_finite, (metric.min, metric.max, metric.avg, metric.std_dev))
    return Measured(last, time, low, high, mean, deviation, metric.count)


def _finite(number: float | None) -> float | None:
    return number if number is not None and math.isfinite(number) else None


TYPE = ResourceType(
    kind=TRIAL_COMPONENT,
    name="trial component",
    mark="documented",
    fields=ClientTrialComponent,
    lineage=_component_lineage,
    references=_component_references,
    arn_field="trial_component_arn",
    name_field="trial_component_name",
    calls={
        "CreateTrialComponent": creates(),
        "UpdateTrialComponent": updates("Parameters", "InputArtifacts", "OutputArtifacts"),
        "DeleteTrialComponent": deletes(),
    },
    described_by=described("TrialComponent"),
    further_descriptions=(TAGS,),
    listed_by=ListOperation(
        "ListTrialComponents",
        "TrialComponentSummaries",
        "TrialComponentArn",
        "TrialComponentName",
        after="CreatedAfter",
    ),
)
