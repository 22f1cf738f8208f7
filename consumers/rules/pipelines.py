"""Pipelines, their executions and their steps: an experiment, a trial, and the jobs in it."""

from __future__ import annotations

from collections.abc import Iterator

from consumers import shapes
from consumers.kind import ResourceKind
from consumers.observe.observation import kind_of
from consumers.resources.types import DescribeRequest, Lookup, Resource, instant, partition
from consumers.rules.entities import gone
from consumers.rules.experiments import experiment, pipeline_names, trial
from consumers.rules.jobs import Job, component_of
from consumers.rules.tuning import candidates, tuned
from consumers.tellings import step_arn
from store.lineage import MENTIONED, OWNER, REPORTED, Experiment, Lineage, Membership, Trial, TrialComponent

OVER = frozenset({"Succeeded", "Failed", "Stopped", "CompletedWithFailures"})
"""How executions and steps end."""


def pipeline(pipeline: Resource[shapes.Pipeline], lookup: Lookup) -> Lineage:
    """A pipeline is an experiment, which stays when the pipeline is deleted; clients may add to it.

    Source: CAPTURE B1, documented: PEXP, EXPI.
    """
    detail = pipeline.detail
    name = pipeline.named(detail.pipeline_name)
    bare = experiment(pipeline.partition, name, pipeline.created, OWNER, pipeline.arn)
    made = lookup(bare.key, shapes.Experiment)
    theirs = None if made is None or gone(made) else made
    return Lineage(
        (
            Experiment(
                arn=bare.arn,
                type=bare.type,
                name=name,
                source_uri=pipeline.arn,
                display_name=(theirs and theirs.detail.display_name) or detail.pipeline_display_name or "",
                description=(theirs and theirs.detail.description) or detail.pipeline_description or "",
                created=pipeline.created,
                modified=pipeline.modified,
                ended=pipeline.deleted or pipeline.replaced,
                tags=pipeline.tags | (theirs.tags if theirs else {}),
                weight=OWNER,
            ),
        )
    )


def pipeline_refers(pipeline: Resource[shapes.Pipeline]) -> Iterator[str]:
    """A pipeline reads its experiment, as clients speak of it."""
    yield pipeline.sibling(ResourceKind.EXPERIMENT, pipeline.tail)


def pipeline_execution(execution: Resource[shapes.PipelineExecution], _: Lookup) -> Lineage:
    """An execution is a trial in the experiment of its pipeline; what it was started with are the trial's properties.

    Source: CAPTURE B1, documented: PEXP, EXPI; the properties are ours.
    """
    names = pipeline_names(execution.arn)
    if names is None:
        return Lineage()
    detail = execution.detail
    began = instant(detail.execution_start_time)
    created = began or execution.created
    pipeline_arn = detail.pipeline_arn or execution.arn.partition("/execution/")[0]
    parent = experiment(execution.partition, names[0], created, REPORTED, pipeline_arn)
    bare = trial(execution.partition, names[1], created, REPORTED, execution.arn)
    told = {
        "SageMaker.FailureReason": detail.failure_reason,
        "SageMaker.PipelineExecutionDescription": detail.pipeline_execution_description,
    }
    child = Trial(
        arn=bare.arn,
        type=bare.type,
        name=bare.name,
        source_uri=bare.source_uri,
        display_name=detail.pipeline_execution_display_name or "",
        status=detail.current_pipeline_execution_status or "",
        created=created,
        started=began,
        ended=execution_end(detail),
        modified=execution.modified,
        properties={
            **{one.name: one.value for one in detail.pipeline_parameters if one.name and one.value is not None},
            **{name: value for name, value in told.items() if value},
        },
        weight=REPORTED,
        created_by=execution.created_by,
        modified_by=execution.modified_by,
    )
    return Lineage((parent, child), (), (Membership(parent.arn, child.arn),))


def pipeline_execution_asks(execution: Resource[shapes.PipelineExecution], _: Lookup) -> Iterator[DescribeRequest]:
    """An execution that is over asks for its steps, if nobody told of any."""
    if execution.detail.current_pipeline_execution_status in OVER and not execution.detail.steps:
        yield DescribeRequest(execution.arn, "ListPipelineExecutionSteps")


def execution_end(detail: shapes.PipelineExecution) -> int | None:
    """When an execution ended: an answer tells only when it last changed."""
    over = detail.current_pipeline_execution_status in OVER
    return instant(detail.execution_end_time) or (instant(detail.last_modified_time) if over else None)


JOB_KINDS: dict[ResourceKind, type[Job]] = {
    ResourceKind.PROCESSING_JOB: shapes.ProcessingJob,
    ResourceKind.TRAINING_JOB: shapes.TrainingJob,
    ResourceKind.TRANSFORM_JOB: shapes.TransformJob,
}


def pipeline_step(step: Resource[shapes.PipelineStep], lookup: Lookup) -> Lineage:
    """A step puts the trial components of its jobs into the trial of its execution.

    A step that was tried again has several; one that was found in the cache has that of the earlier execution's.

    Source: CAPTURE B1 (documented) and A2 (the step's metadata names its job); cache hits plausible. A step without a
    job has no lineage (observed: ABAL's condition).
    """
    execution_arn = step.arn.partition("/step/")[0]
    names = pipeline_names(execution_arn)
    said = Lineage()
    if names is None:
        return said
    for component in (one for arn in _jobs(step) or _cached(step, lookup) for one in _components(arn, lookup)):
        parent = experiment(partition(execution_arn), names[0], component.created, MENTIONED)
        child = trial(partition(execution_arn), names[1], component.created, MENTIONED)
        said |= Lineage(
            (component, parent, child),
            (),
            (Membership(parent.arn, child.arn), Membership(child.arn, component.arn)),
        )
    return said


def pipeline_step_refers(step: Resource[shapes.PipelineStep]) -> Iterator[str]:
    """A step reads the jobs that it ran, or the earlier execution's step."""
    for arn in _jobs(step):
        if kind_of(arn) in {*JOB_KINDS, ResourceKind.TUNING_JOB, ResourceKind.AUTOML_JOB}:
            yield arn.lower()
    if earlier := _earlier(step):
        yield earlier


def _components(arn: str, lookup: Lookup) -> Iterator[TrialComponent]:
    """The trial component of a job, or those of the jobs that a tuning or an AutoML job names."""
    kind = kind_of(arn)
    if kind in JOB_KINDS and (job := lookup(arn.lower(), JOB_KINDS[kind])):
        yield component_of(kind, job.arn, job.named(_name(job.detail)), job.created, MENTIONED)
    elif kind == ResourceKind.TUNING_JOB and (tuning := lookup(arn.lower(), shapes.TuningJob)):
        yield from tuned(tuning)
    elif kind == ResourceKind.AUTOML_JOB and (automl := lookup(arn.lower(), shapes.AutoMLJob)):
        yield from candidates(automl)


def _jobs(step: Resource[shapes.PipelineStep]) -> list[str]:
    """The jobs that a step ran, at whatever attempt."""
    attempts = [step.detail.metadata.jobs, *(change.values for change in step.changes)]
    return sorted({arn.lower(): arn for jobs in attempts for arn in jobs if arn}.values())


def _cached(step: Resource[shapes.PipelineStep], lookup: Lookup) -> tuple[str, ...]:
    """The job of the earlier execution whose result a step took over: of its last attempt."""
    seen = set()
    while (key := _earlier(step)) and key not in seen:
        seen.add(key)
        earlier = lookup(key, shapes.PipelineStep)
        if earlier is None:
            return ()
        if earlier.detail.metadata.jobs:
            return earlier.detail.metadata.jobs
        step = earlier
    return ()


def _earlier(step: Resource[shapes.PipelineStep]) -> str | None:
    """The key of the step of the same name in the execution that a cache hit points to."""
    source, name = step.detail.cache_hit_result.source_pipeline_execution_arn, step.detail.step_name
    return step_arn(source, name).lower() if source and name and not _jobs(step) else None


def _name(detail: Job) -> str | None:
    match detail:
        case shapes.TrainingJob():
            return detail.training_job_name
        case shapes.ProcessingJob():
            return detail.processing_job_name
        case shapes.TransformJob():
            return detail.transform_job_name
