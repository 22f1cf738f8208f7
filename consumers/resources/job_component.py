"""What training, processing and transform jobs share: one trial component each, its inputs and its outputs."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping

import msgspec

from consumers.arns import account_prefix
from consumers.kind import PROCESSING_JOB, TRAINING_JOB, TRANSFORM_JOB, ResourceKind
from consumers.resources.experiments import PIPELINE_TAG, ExperimentConfig, experiment, made_in, part_of, trial
from consumers.resources.feature_group import in_their_time, links_with_groups
from consumers.resources.fields import Fields, MetadataProperties, Number, Tags, Time, Uri, instant
from consumers.resources.job_provenance import family, metadata_of, tagged_makers
from consumers.resources.types import Lookup, Resource
from store.lineage import (
    MENTIONED,
    OWNER,
    Artifact,
    Association,
    AssociationType,
    Entity,
    Lineage,
    Measured,
    Membership,
    TrialComponent,
    artifact,
    entity_name,
)

Environment = dict[str, str | None]
"""Environment variables of a container."""


class InstanceGroup(Fields, frozen=True):
    """Machines of one type, among those of a job."""

    instance_type: str | None = None
    instance_count: Number | None = None


class ResourceConfig(Fields, frozen=True):
    """The machines of a job."""

    instance_type: str | None = None
    instance_count: Number | None = None
    instance_groups: list[InstanceGroup] = []
    volume_size: Number | None = msgspec.field(name="VolumeSizeInGB", default=None)


class JobFields(Fields, frozen=True):
    """The fields that all jobs have."""

    auto_ml_job_arn: Uri | None = msgspec.field(name="AutoMLJobArn", default=None)
    failure_reason: str | None = None
    environment: Environment = {}
    experiment_config: ExperimentConfig = ExperimentConfig()
    metadata_properties: MetadataProperties = MetadataProperties()
    tags: Tags = None
    creation_time: Time | None = None
    last_modified_time: Time | None = None

    @property
    def maker_arns(self) -> tuple[str | None, ...]:
        """The ARNs of the tuning or AutoML job that made it."""
        return (self.auto_ml_job_arn,)


SUFFIXES = {
    TRAINING_JOB: ("aws-training-job", "SageMakerTrainingJob"),
    PROCESSING_JOB: ("aws-processing-job", "SageMakerProcessingJob"),
    TRANSFORM_JOB: ("aws-transform-job", "SageMakerTransformJob"),
}
"""The end of a trial component's name, and its SourceType.

Source: evidence.md#training-job, evidence.md#processing-job, observed; evidence.md#transform-job, plausible."""


def component_of(kind: ResourceKind, arn: str, name: str, created: int, weight: int) -> TrialComponent:
    """The trial component of a job, as far as its name says."""
    suffix, source_type = SUFFIXES[kind]
    whole = entity_name(name, suffix)
    return TrialComponent(
        arn=f"{account_prefix(arn)}experiment-trial-component/{whole.lower()}",
        type=source_type,
        name=whole,
        source_uri=arn,
        created=created,
        weight=weight,
    )


def job_component(
    job: Resource[JobFields],
    parts: Collection[tuple[str, str]],
    *,
    status: str | None,
    started: Time | None,
    ended: Time | None,
    parameters: dict[str, tuple[str | None, float | None]],
    inputs: dict[str, tuple[str, str]],
    outputs: dict[str, tuple[str, str]],
    image: str | None,
    script: str = "",
    maker: str | None = None,
    secondary: str | None = None,
    metrics: dict[str, Measured] | None = None,
    billable: float | None = None,
) -> TrialComponent:
    """The trial component of a job, with all that the job says of it."""
    detail = job.detail
    bare = component_of(job.kind, job.arn, job.name, job.created, OWNER)
    config = detail.experiment_config
    return msgspec.structs.replace(
        bare,
        family="" if parts else family(job.name, image, script),
        display_name=config.trial_component_display_name or config.run_name or bare.name,
        status=status or "",
        # Observed word for word for jobs that have a secondary status: evidence.md#trial-component.
        message=f"Status: {status}, secondary status: {secondary or status}, "
        f"failure reason: {detail.failure_reason or ''}."
        if status
        else "",
        started=instant(started),
        ended=instant(ended),
        modified=job.modified,
        billable_seconds=round(billable) if billable is not None and math.isfinite(billable) else None,
        parameters=parameters,
        metrics=metrics or {},
        inputs=inputs,
        outputs=outputs,
        metadata=metadata_of(
            detail.metadata_properties,
            job.tags,
            detail.environment,
            (job.tags.get(PIPELINE_TAG), *makers_of(job), maker),
        ),
        tags=job.tags,
    )


def experiments_of(job: Resource[JobFields]) -> list[tuple[str, str]]:
    """The (experiment, trial) that a job is in."""
    return list(part_of(job.detail.experiment_config, job.tags, job.name, makers_of(job)))


def makers_of(job: Resource[JobFields]) -> list[str]:
    """ARNs of what made a job: its tuning job, its AutoML job, what is named in its tags (plausible)."""
    return [*filter(None, job.detail.maker_arns), *(arn for arn in tagged_makers(job.tags) if made_in(arn))]


def lineage_of_run(
    job: Resource[JobFields],
    lookup: Lookup,
    component: TrialComponent,
    parts: Iterable[tuple[str, str]],
    *,
    contributed: Iterable[Artifact],
    produced: Iterable[Artifact],
    inferred_contributed: Iterable[Artifact] = (),
    inferred_produced: Iterable[Artifact] = (),
) -> Lineage:
    """A run, what contributed to it and what it produced, in the trial that it is a part of."""
    contributed = in_their_time(lookup, contributed, job.created)
    produced = in_their_time(lookup, produced, job.created)
    linked = [
        *((one, True, False) for one in contributed),
        *((one, False, False) for one in produced),
        *((one, True, True) for one in inferred_contributed),
        *((one, False, True) for one in inferred_produced),
    ]
    entities: list[Entity] = [component, *(one for one, _, _ in linked)]
    associations = [
        Association(one.arn, component.arn, AssociationType.CONTRIBUTED_TO, job.created, inferred=inferred)
        if read
        else Association(component.arn, one.arn, AssociationType.PRODUCED, job.created, inferred=inferred)
        for one, read, inferred in linked
    ]
    memberships: list[Membership] = []
    for experiment_name, trial_name in parts:
        parent = experiment(job.arn_prefix, experiment_name, job.created, MENTIONED) if experiment_name else None
        child = trial(job.arn_prefix, trial_name, job.created, MENTIONED) if trial_name else None
        if parent:
            entities.append(parent)
        if child:
            entities.append(child)
            memberships.append(Membership(child.arn, component.arn))
        if parent and child:
            memberships.append(Membership(parent.arn, child.arn))
    run = Lineage(tuple(entities), tuple(associations), tuple(memberships))
    return run | links_with_groups(lookup, contributed, produced, job.created)


def artifacts_of(
    job: Resource[JobFields],
    **uris: Iterable[str | None],
) -> list[Artifact]:
    """An artifact for each address, by type."""
    return [
        artifact(job.arn_prefix, type_, uri, job.created)
        for type_, given in uris.items()
        for uri in dict.fromkeys(given)
        if uri
    ]


def named_uris(uris: Mapping[str, str | None], media_type: str = "") -> dict[str, tuple[str, str]]:
    """The inputs or outputs of a trial component, by name: (media type, URI)."""
    return {name: (media_type, uri) for name, uri in uris.items() if uri}


def machine_parameters(image: str | None, config: ResourceConfig) -> dict[str, tuple[str | None, float | None]]:
    """The parameters that every automatic trial component has (evidence.md#trial-component)."""
    parameters: dict[str, tuple[str | None, float | None]] = {}
    if image:
        parameters["SageMaker.ImageUri"] = (image, None)
    if (count := instance_count(config)) is not None:
        parameters["SageMaker.InstanceCount"] = (None, count)
    types = [config.instance_type, *(group.instance_type for group in config.instance_groups)]
    if together := ",".join(dict.fromkeys(filter(None, types))):
        parameters["SageMaker.InstanceType"] = (together, None)
    if config.volume_size is not None and math.isfinite(config.volume_size):
        parameters["SageMaker.VolumeSizeInGB"] = (None, config.volume_size)
    return parameters


def instance_count(config: ResourceConfig) -> float | None:
    """How many machines a job has, of whatever types."""
    counts = [config.instance_count, *(group.instance_count for group in config.instance_groups)]
    finite = [count for count in counts if count is not None and math.isfinite(count)]
    return sum(finite) if finite else None


def is_finished(status: str | None) -> bool:
    """True of the status of a job that runs no more."""
    return (status or "").lower() in ("completed", "failed", "stopped")
