"""Training, processing and transform jobs: one trial component each, its inputs and its outputs."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping

from consumers import shapes
from consumers.known import Kind
from consumers.resource import Lookup, Resource, instant, partition
from consumers.rules.experiments import experiment, part_of, trial
from consumers.rules.registry import model_sources
from consumers.shapes import ResourceConfig
from ingest.event import Malformed
from store.lineage import (
    HEARSAY,
    OWN,
    Artifact,
    Association,
    AssociationType,
    Entity,
    Lineage,
    Membership,
    TrialComponent,
    artifact,
    entity_name,
)

SUFFIXES = {
    Kind.TRAINING_JOB: ("aws-training-job", "SageMakerTrainingJob"),
    Kind.PROCESSING_JOB: ("aws-processing-job", "SageMakerProcessingJob"),
    Kind.TRANSFORM_JOB: ("aws-transform-job", "SageMakerTransformJob"),
}
"""The end of a trial component's name, and its SourceType (CAPTURE B1: observed; transform's suffix plausible)."""

AnyJob = Resource[shapes.TrainingJob] | Resource[shapes.ProcessingJob] | Resource[shapes.TransformJob]
Job = shapes.TrainingJob | shapes.ProcessingJob | shapes.TransformJob


def training_job(job: Resource[shapes.TrainingJob], _: Lookup) -> Lineage:
    """A training job turns its channels and its image into a model.

    Source: CAPTURE B1 and B2, observed (channels, image, model, parameters); checkpoint documented; TensorBoard and
    debugger outputs plausible.
    """
    detail = job.detail
    channels = {channel.channel_name: channel for channel in detail.input_data_config}
    image = detail.algorithm_specification.training_image
    model = detail.model_artifacts.s3_model_artifacts
    debug = detail.debug_hook_config.s3_output_path
    board = detail.tensor_board_output_config.s3_output_path
    checkpoint = detail.checkpoint_config.s3_uri
    inputs = {name: (channel.content_type or "", channel_uri(channel)) for name, channel in channels.items()}
    component = _component(
        job,
        name=detail.training_job_name,
        status=detail.training_job_status,
        secondary=detail.secondary_status,
        started=detail.training_start_time,
        ended=detail.training_end_time,
        parameters={**_machine(image, detail.resource_config), **_parameters(detail.hyper_parameters)},
        metrics={
            metric.metric_name: (metric.value, _measured(metric.timestamp))
            for metric in detail.final_metric_data_list
            if metric.metric_name and metric.value is not None and math.isfinite(metric.value)
        },
        inputs={name: told for name, told in inputs.items() if told[1]},
        outputs=_named({"SageMaker.ModelArtifact": model, "SageMaker.DebugHookOutput": debug}),
    )
    return _run(
        job,
        component,
        contributed=_artifacts(job, Image=[image], DataSet=map(channel_uri, detail.input_data_config)),
        produced=_artifacts(job, Model=[model], Checkpoint=[checkpoint], TensorBoard=[board], DebugHook=[debug]),
    )


def processing_job(job: Resource[shapes.ProcessingJob], _: Lookup) -> Lineage:
    """A processing job turns its inputs (its program among them) and its image into its outputs.

    Source: CAPTURE B1, observed; query inputs and feature store outputs plausible.
    """
    detail = job.detail
    image = detail.app_specification.image_uri
    inputs = [(told.input_name, _processing_input(told)) for told in detail.processing_inputs]
    outputs = [
        (told.output_name, told.s3_output.s3_uri or _feature_group(job, told))
        for told in detail.processing_output_config.outputs
    ]
    component = _component(
        job,
        name=detail.processing_job_name,
        status=detail.processing_job_status,
        started=detail.processing_start_time,
        ended=detail.processing_end_time,
        parameters=_machine(image, detail.processing_resources.cluster_config),
        inputs=_named(dict(inputs)),
        outputs=_named(dict(outputs)),
    )
    return _run(
        job,
        component,
        contributed=_artifacts(job, Image=[image], DataSet=[uri for _, uri in inputs]),
        produced=_artifacts(job, DataSet=[uri for _, uri in outputs]),
    )


def transform_job(job: Resource[shapes.TransformJob], lookup: Lookup) -> Lineage:
    """A transform job turns its input, its model's data and its model's image into its output.

    Source: CAPTURE B1, observed.
    """
    detail = job.detail
    uri = detail.transform_input.data_source.s3_data_source.s3_uri
    output = detail.transform_output.s3_output_path
    model = lookup(job.sibling(Kind.MODEL, detail.model_name), shapes.Model, job.created) if detail.model_name else None
    sources = model_sources(model, lookup, job.partition, job.created) if model else []
    image = next((found.source_uri for found in sources if found.type == "Image"), None)
    component = _component(
        job,
        name=detail.transform_job_name,
        status=detail.transform_job_status,
        started=detail.transform_start_time,
        ended=detail.transform_end_time,
        parameters=_machine(image, detail.transform_resources),
        inputs=_named({"SageMaker.TransformInput": uri}, detail.transform_input.content_type or ""),
        outputs=_named({"SageMaker.TransformOutput": output}),
    )
    return _run(
        job,
        component,
        contributed=[*sources, *_artifacts(job, DataSet=[uri])],
        produced=_artifacts(job, DataSet=[output]),
    )


def transform_job_refers(job: Resource[shapes.TransformJob]) -> Iterator[str]:
    """A transform job reads its model."""
    if job.detail.model_name:
        yield job.sibling(Kind.MODEL, job.detail.model_name)


def component_of(kind: Kind, arn: str, name: str, created: int, weight: int) -> TrialComponent:
    """The trial component of a job, as far as its name tells."""
    suffix, source_type = SUFFIXES[kind]
    whole = entity_name(name, suffix)
    return TrialComponent(
        arn=f"{partition(arn)}experiment-trial-component/{whole.lower()}",
        type=source_type,
        name=whole,
        source_uri=arn,
        created=created,
        weight=weight,
    )


def channel_uri(channel: shapes.Channel) -> str:
    """Where a channel's data is: an S3 URI as given, or a folder of a file system; empty when nothing tells."""
    source = channel.data_source
    folder = source.file_system_data_source
    if folder.file_system_id:
        return f"{folder.file_system_id}:{folder.directory_path or '/'}"
    return source.s3_data_source.s3_uri or ""


def _processing_input(told: shapes.ProcessingInput) -> str | None:
    athena = told.dataset_definition.athena_dataset_definition
    redshift = told.dataset_definition.redshift_dataset_definition
    if athena:
        return f"athena://{athena.get('Catalog', '')}/{athena.get('Database', '')}"
    if redshift:
        return f"redshift://{redshift.get('ClusterId', '')}/{redshift.get('Database', '')}"
    return told.s3_input.s3_uri


def _feature_group(job: Resource[shapes.ProcessingJob], told: shapes.ProcessingOutput) -> str | None:
    name = told.feature_store_output.feature_group_name
    return job.sibling(Kind.FEATURE_GROUP, name) if name else None


def _component(
    job: AnyJob,
    *,
    name: str | None,
    status: str | None,
    started: shapes.Time | None,
    ended: shapes.Time | None,
    parameters: dict[str, tuple[str | None, float | None]],
    inputs: dict[str, tuple[str, str]],
    outputs: dict[str, tuple[str, str]],
    secondary: str | None = None,
    metrics: dict[str, tuple[float, int | None]] | None = None,
) -> TrialComponent:
    detail = job.detail
    bare = component_of(job.kind, job.arn, job.named(name), job.created, OWN)
    config = detail.experiment_config
    return TrialComponent(
        arn=bare.arn,
        type=bare.type,
        name=bare.name,
        source_uri=bare.source_uri,
        created=bare.created,
        weight=bare.weight,
        display_name=config.trial_component_display_name or bare.name,
        status=status or "",
        # Observed word for word (CAPTURE B2), for jobs that have a secondary status.
        message=f"Status: {status}, secondary status: {secondary or status}, "
        f"failure reason: {detail.failure_reason or ''}."
        if status
        else "",
        started=instant(started),
        ended=instant(ended),
        modified=job.modified,
        parameters=parameters,
        metrics=metrics or {},
        inputs=inputs,
        outputs=outputs,
        tags=job.tags,
    )


def _run(
    job: AnyJob,
    component: TrialComponent,
    *,
    contributed: Iterable[Artifact],
    produced: Iterable[Artifact],
) -> Lineage:
    """A run, what contributed to it and what it produced, in the trial that it is a part of."""
    contributed, produced = list(contributed), list(produced)
    entities: list[Entity] = [component, *contributed, *produced]
    associations = [
        *(Association(a.arn, component.arn, AssociationType.CONTRIBUTED_TO, job.created) for a in contributed),
        *(Association(component.arn, a.arn, AssociationType.PRODUCED, job.created) for a in produced),
    ]
    memberships: list[Membership] = []
    tags = component.tags
    for experiment_name, trial_name in part_of(job.detail.experiment_config, tags):
        parent = experiment(job.partition, experiment_name, job.created, HEARSAY) if experiment_name else None
        child = trial(job.partition, trial_name, job.created, HEARSAY) if trial_name else None
        if parent:
            entities.append(parent)
        if child:
            entities.append(child)
            memberships.append(Membership(child.arn, component.arn))
        if parent and child:
            memberships.append(Membership(parent.arn, child.arn))
    return Lineage(tuple(entities), tuple(associations), tuple(memberships))


def _artifacts(
    job: AnyJob,
    **uris: Iterable[str | None],
) -> list[Artifact]:
    """An artifact for each address, by type."""
    return [
        artifact(job.partition, type_, uri, job.created)
        for type_, given in uris.items()
        for uri in dict.fromkeys(given)
        if uri
    ]


def _measured(told: shapes.Time | None) -> int | None:
    """When a metric was measured; nothing depends on it, so one that cannot be read is as one that is not told."""
    try:
        return instant(told)
    except Malformed:
        return None


def _named(uris: Mapping[str, str | None], media_type: str = "") -> dict[str, tuple[str, str]]:
    return {name: (media_type, uri) for name, uri in uris.items() if uri}


def _machine(image: str | None, config: ResourceConfig) -> dict[str, tuple[str | None, float | None]]:
    """The parameters that every automatic trial component has (CAPTURE B2, observed)."""
    told: dict[str, tuple[str | None, float | None]] = {}
    if image:
        told["SageMaker.ImageUri"] = (image, None)
    if config.instance_count is not None and math.isfinite(config.instance_count):
        told["SageMaker.InstanceCount"] = (None, config.instance_count)
    if config.instance_type:
        told["SageMaker.InstanceType"] = (config.instance_type, None)
    if config.volume_size is not None and math.isfinite(config.volume_size):
        told["SageMaker.VolumeSizeInGB"] = (None, config.volume_size)
    return told


_NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*", re.ASCII)


def _parameters(told: Mapping[str, str | None]) -> dict[str, tuple[str | None, float | None]]:
    """Hyperparameters: the string as given, and the number too when it reads as one (CAPTURE B2, observed)."""
    return {name: (value, _number(value)) for name, value in told.items() if value is not None}


def _number(value: str) -> float | None:
    if not _NUMBER.fullmatch(value):
        return None
    number = float(value)
    return number if math.isfinite(number) else None
