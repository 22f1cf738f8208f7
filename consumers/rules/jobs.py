"""Training, processing and transform jobs: one trial component each, its inputs and its outputs."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Iterator, Mapping

from consumers import shapes
from consumers.kind import ResourceKind
from consumers.resources.types import DescribeRequest, Lookup, Resource, instant, partition
from consumers.rules.experiments import PIPELINE_TAG, experiment, made_in, part_of, trial
from consumers.rules.features import groups_to_ask_about, links_with_groups
from consumers.rules.inputs import (
    channel_group,
    channel_uri,
    findings,
    processing_groups,
    processing_input,
    processing_output,
)
from consumers.rules.origins import family, metadata_of, program, repository, tagged_makers
from consumers.rules.registry import model_sources
from consumers.shapes import ResourceConfig
from ingest.event import Malformed
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

SUFFIXES = {
    ResourceKind.TRAINING_JOB: ("aws-training-job", "SageMakerTrainingJob"),
    ResourceKind.PROCESSING_JOB: ("aws-processing-job", "SageMakerProcessingJob"),
    ResourceKind.TRANSFORM_JOB: ("aws-transform-job", "SageMakerTransformJob"),
}
"""The end of a trial component's name, and its SourceType (CAPTURE B1: observed; transform's suffix plausible)."""

AnyJob = Resource[shapes.TrainingJob] | Resource[shapes.ProcessingJob] | Resource[shapes.TransformJob]
Job = shapes.TrainingJob | shapes.ProcessingJob | shapes.TransformJob


def training_job(job: Resource[shapes.TrainingJob], lookup: Lookup) -> Lineage:
    """A training job turns its channels and its image into a model.

    Source: CAPTURE B1 and B2, observed (channels, image, model, parameters); checkpoint documented; TensorBoard and
    debugger outputs plausible. Ours, and marked as inferred: its source code, its algorithm, the packages it goes from
    and into, the outputs of debugger rules.
    """
    detail = job.detail
    channels = {channel.channel_name: channel for channel in detail.input_data_config}
    image = detail.algorithm_specification.training_image
    model = detail.model_artifacts.s3_model_artifacts
    debug = detail.debug_hook_config.s3_output_path
    board = detail.tensor_board_output_config.s3_output_path
    checkpoint = detail.checkpoint_config.s3_uri
    inputs = {name: (channel.content_type or "", channel_uri(channel)) for name, channel in channels.items()}
    code = program(detail.hyper_parameters, detail.environment, detail.algorithm_specification.container_entrypoint, {})
    instances = _count(detail.resource_config)
    parts = _parts(job, detail.training_job_name)
    component = _component(
        job,
        parts,
        name=detail.training_job_name,
        status=detail.training_job_status,
        secondary=detail.secondary_status,
        started=detail.training_start_time,
        ended=detail.training_end_time,
        parameters={**_machine(image, detail.resource_config), **_parameters(detail.hyper_parameters)},
        metrics={
            metric.metric_name: Measured(metric.value, _measured(metric.timestamp))
            for metric in detail.final_metric_data_list
            if metric.metric_name and metric.value is not None and math.isfinite(metric.value)
        },
        inputs={name: told for name, told in inputs.items() if told[1]},
        outputs=_named({"SageMaker.ModelArtifact": model, "SageMaker.DebugHookOutput": debug}),
        image=image or detail.algorithm_specification.algorithm_name,
        script=code.script,
        maker=detail.labeling_job_arn,
        billable=detail.billable_time and detail.billable_time * (instances or 1),
    )
    return _run(
        job,
        lookup,
        component,
        parts,
        contributed=_artifacts(job, Image=[image], DataSet=map(channel_uri, detail.input_data_config)),
        produced=_artifacts(job, Model=[model], Checkpoint=[checkpoint], TensorBoard=[board], DebugHook=[debug]),
        inferred_contributed=_artifacts(
            job,
            DataSet=[code.directory, detail.algorithm_specification.algorithm_name],
            Model=[detail.model_package_config.source_model_package_arn],
        ),
        inferred_produced=_artifacts(
            job,
            Model=[detail.output_model_package_arn],
            DebugHook=[rule.s3_output_path for rule in detail.debug_rule_configurations],
        ),
    )


def training_job_refers(job: Resource[shapes.TrainingJob]) -> Iterator[str]:
    """A training job reads the feature groups that its channels name."""
    yield from (arn.lower() for arn in _channel_groups(job))


def _channel_groups(job: Resource[shapes.TrainingJob]) -> Iterator[str]:
    yield from filter(None, map(channel_group, job.detail.input_data_config))


def training_job_asks(job: Resource[shapes.TrainingJob], lookup: Lookup) -> Iterator[DescribeRequest]:
    """Its description, where news leave out what it is or what it made; and what it reads.

    A job that ended without a model is asked about only if it completed, and uploads one.
    """
    detail = job.detail
    told = (
        detail.algorithm_specification.training_image
        or detail.algorithm_specification.algorithm_name
        or detail.input_data_config
        or detail.output_model_package_arn
    )
    model = detail.model_artifacts.s3_model_artifacts or detail.output_model_package_arn or detail.disable_model_upload
    if not told or (_is(detail.training_job_status, "completed") and not model):
        yield from job.asked("DescribeTrainingJob", detail.training_job_name)
    yield from groups_to_ask_about(lookup, _channel_groups(job))


def processing_job(job: Resource[shapes.ProcessingJob], lookup: Lookup) -> Lineage:
    """A processing job turns its inputs (its program among them) and its image into its outputs.

    Source: CAPTURE B1, observed; query inputs and feature store outputs plausible. Ours, and marked as inferred: its
    source code, and the files that checks of Clarify and Model Monitor leave in their outputs.
    """
    detail = job.detail
    image = detail.app_specification.image_uri
    read = [(told.input_name, processing_input(job.partition, told, job.created)) for told in detail.processing_inputs]
    inputs = {name: one.source_uri for name, one in read if one}
    outputs = [(told.output_name, processing_output(job, told)) for told in detail.processing_output_config.outputs]
    code = program({}, detail.environment, detail.app_specification.container_entrypoint, inputs)
    parts = _parts(job, detail.processing_job_name)
    component = _component(
        job,
        parts,
        name=detail.processing_job_name,
        status=detail.processing_job_status,
        started=detail.processing_start_time,
        ended=detail.processing_end_time,
        parameters=_machine(image, detail.processing_resources.cluster_config),
        inputs=_named(inputs),
        outputs=_named(dict(outputs)),
        image=image,
        script=code.script,
        maker=detail.monitoring_schedule_arn,
    )
    return _run(
        job,
        lookup,
        component,
        parts,
        contributed=[*_artifacts(job, Image=[image]), *{one.arn: one for _, one in read if one}.values()],
        produced=_artifacts(job, DataSet=[uri for _, uri in outputs]),
        inferred_contributed=_artifacts(job, DataSet=[code.directory]),
        inferred_produced=_artifacts(job, DataSet=findings(job, repository(image or ""))),
    )


def processing_job_refers(job: Resource[shapes.ProcessingJob]) -> Iterator[str]:
    """A processing job reads the feature groups that it reads from and writes to."""
    yield from (arn.lower() for arn in processing_groups(job))


def processing_job_asks(job: Resource[shapes.ProcessingJob], lookup: Lookup) -> Iterator[DescribeRequest]:
    """Its description, where news leave out what it is; and the groups it reads and writes."""
    detail = job.detail
    if not (detail.app_specification.image_uri or detail.processing_inputs or detail.processing_output_config.outputs):
        yield from job.asked("DescribeProcessingJob", detail.processing_job_name)
    yield from groups_to_ask_about(lookup, processing_groups(job))


def transform_job(job: Resource[shapes.TransformJob], lookup: Lookup) -> Lineage:
    """A transform job turns its input, its model's data and its model's image into its output.

    Source: CAPTURE B1, observed. What it captures of its data is ours, and marked as inferred.
    """
    detail = job.detail
    uri = detail.transform_input.data_source.s3_data_source.s3_uri
    output = detail.transform_output.s3_output_path
    model = (
        lookup(job.sibling(ResourceKind.MODEL, detail.model_name), shapes.Model, job.created)
        if detail.model_name
        else None
    )
    sources = model_sources(model, lookup, job.partition, job.created) if model else []
    image = next((found.source_uri for found in sources if found.type == "Image"), None)
    parts = _parts(job, detail.transform_job_name)
    component = _component(
        job,
        parts,
        name=detail.transform_job_name,
        status=detail.transform_job_status,
        started=detail.transform_start_time,
        ended=detail.transform_end_time,
        parameters=_machine(image, detail.transform_resources),
        inputs=_named({"SageMaker.TransformInput": uri}, detail.transform_input.content_type or ""),
        outputs=_named({"SageMaker.TransformOutput": output}),
        image=image,
        maker=detail.labeling_job_arn,
    )
    return _run(
        job,
        lookup,
        component,
        parts,
        contributed=[*sources, *_artifacts(job, DataSet=[uri])],
        produced=_artifacts(job, DataSet=[output]),
        inferred_produced=_artifacts(job, DataSet=[detail.data_capture_config.destination_s3_uri]),
    )


def transform_job_refers(job: Resource[shapes.TransformJob]) -> Iterator[str]:
    """A transform job reads its model."""
    if job.detail.model_name:
        yield job.sibling(ResourceKind.MODEL, job.detail.model_name)


def transform_job_asks(job: Resource[shapes.TransformJob], lookup: Lookup) -> Iterator[DescribeRequest]:
    """Its description, where news leave out what it is; and its model's, when nothing is known of that."""
    detail = job.detail
    if not (detail.model_name or detail.transform_input.data_source.s3_data_source.s3_uri):
        yield from job.asked("DescribeTransformJob", detail.transform_job_name)
    for key in transform_job_refers(job):
        if lookup(key, shapes.Model) is None:
            yield DescribeRequest(f"{job.partition}{ResourceKind.MODEL}/{detail.model_name}", "DescribeModel")


def component_of(kind: ResourceKind, arn: str, name: str, created: int, weight: int) -> TrialComponent:
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


def _component(
    job: AnyJob,
    parts: Collection[tuple[str, str]],
    *,
    name: str | None,
    status: str | None,
    started: shapes.Time | None,
    ended: shapes.Time | None,
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
    detail = job.detail
    bare = component_of(job.kind, job.arn, job.named(name), job.created, OWNER)
    config = detail.experiment_config
    return TrialComponent(
        arn=bare.arn,
        type=bare.type,
        name=bare.name,
        source_uri=bare.source_uri,
        created=bare.created,
        weight=bare.weight,
        family="" if parts else family(job.named(name), image, script),
        display_name=config.trial_component_display_name or config.run_name or bare.name,
        status=status or "",
        # Observed word for word (CAPTURE B2), for jobs that have a secondary status.
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
            (job.tags.get(PIPELINE_TAG), *_makers(job), maker),
        ),
        tags=job.tags,
    )


def _parts(job: AnyJob, name: str | None) -> list[tuple[str, str]]:
    """The (experiment, trial) that a job is in."""
    return list(part_of(job.detail.experiment_config, job.tags, job.named(name), _makers(job)))


def _makers(job: AnyJob) -> list[str]:
    """ARNs of what made a job: its tuning job, its AutoML job, what is named in its tags (plausible)."""
    detail = job.detail
    tuning = detail.tuning_job_arn if isinstance(detail, shapes.TrainingJob) else None
    told = (arn for arn in (tuning, detail.auto_ml_job_arn) if arn)
    return [*told, *(arn for arn in tagged_makers(job.tags) if made_in(arn))]


def _run(
    job: AnyJob,
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
    contributed, produced = list(contributed), list(produced)
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
        parent = experiment(job.partition, experiment_name, job.created, MENTIONED) if experiment_name else None
        child = trial(job.partition, trial_name, job.created, MENTIONED) if trial_name else None
        if parent:
            entities.append(parent)
        if child:
            entities.append(child)
            memberships.append(Membership(child.arn, component.arn))
        if parent and child:
            memberships.append(Membership(parent.arn, child.arn))
    run = Lineage(tuple(entities), tuple(associations), tuple(memberships))
    return run | links_with_groups(lookup, contributed, produced, job.created)


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
    if (count := _count(config)) is not None:
        told["SageMaker.InstanceCount"] = (None, count)
    types = [config.instance_type, *(group.instance_type for group in config.instance_groups)]
    if together := ",".join(dict.fromkeys(filter(None, types))):
        told["SageMaker.InstanceType"] = (together, None)
    if config.volume_size is not None and math.isfinite(config.volume_size):
        told["SageMaker.VolumeSizeInGB"] = (None, config.volume_size)
    return told


def _count(config: ResourceConfig) -> float | None:
    """How many machines a job has, of whatever types."""
    counts = [config.instance_count, *(group.instance_count for group in config.instance_groups)]
    told = [count for count in counts if count is not None and math.isfinite(count)]
    return sum(told) if told else None


def _is(status: str | None, wanted: str) -> bool:
    return (status or "").lower() == wanted


_NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*", re.ASCII)


def _parameters(told: Mapping[str, str | None]) -> dict[str, tuple[str | None, float | None]]:
    """Hyperparameters: the string as given, and the number too when it reads as one (CAPTURE B2, observed)."""
    return {name: (value, _number(value)) for name, value in told.items() if value is not None}


def _number(value: str) -> float | None:
    if not _NUMBER.fullmatch(value):
        return None
    number = float(value)
    return number if math.isfinite(number) else None
