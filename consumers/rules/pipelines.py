"""Pipeline executions and their steps: an experiment, a trial, and the jobs in it."""

from __future__ import annotations

from collections.abc import Iterator

from consumers import shapes
from consumers.known import Kind
from consumers.resource import Lookup, Resource, instant, partition
from consumers.rules.experiments import experiment, pipeline_names, trial
from consumers.rules.jobs import Job, component_of
from store.lineage import HEARSAY, TOLD, Lineage, Membership


def pipeline_execution(execution: Resource[shapes.PipelineExecution], _: Lookup) -> Lineage:
    """An execution is a trial in the experiment of its pipeline (CAPTURE B1, documented: PEXP, EXPI)."""
    names = pipeline_names(execution.arn)
    if names is None:
        return Lineage()
    detail = execution.detail
    created = instant(detail.execution_start_time) or execution.created
    pipeline_arn = detail.pipeline_arn or execution.arn.partition("/execution/")[0]
    parent = experiment(execution.partition, names[0], created, TOLD, pipeline_arn)
    child = trial(
        execution.partition,
        names[1],
        created,
        TOLD,
        execution.arn,
        detail.pipeline_execution_display_name or "",
    )
    return Lineage((parent, child), (), (Membership(parent.arn, child.arn),))


JOB_KINDS: dict[Kind, type[Job]] = {
    Kind.PROCESSING_JOB: shapes.ProcessingJob,
    Kind.TRAINING_JOB: shapes.TrainingJob,
    Kind.TRANSFORM_JOB: shapes.TransformJob,
}


def pipeline_step(step: Resource[shapes.PipelineStep], lookup: Lookup) -> Lineage:
    """A step puts its job's trial component into the trial of its execution.

    Source: CAPTURE B1 (documented) and A2 (the step's metadata names its job). A step without a job has no lineage
    (observed: ABAL's condition).
    """
    execution_arn = step.arn.partition("/step/")[0]
    names = pipeline_names(execution_arn)
    said = Lineage()
    for kind, key in _jobs(step.detail):
        job = lookup(key, JOB_KINDS[kind])
        if job is None or names is None:
            continue
        component = component_of(kind, job.arn, job.named(_name(job.detail)), job.created, HEARSAY)
        parent = experiment(partition(execution_arn), names[0], job.created, HEARSAY)
        child = trial(partition(execution_arn), names[1], job.created, HEARSAY)
        said |= Lineage(
            (component, parent, child),
            (),
            (Membership(parent.arn, child.arn), Membership(child.arn, component.arn)),
        )
    return said


def pipeline_step_refers(step: Resource[shapes.PipelineStep]) -> Iterator[str]:
    """A step reads the job that it ran."""
    for _, key in _jobs(step.detail):
        yield key


def _jobs(detail: shapes.PipelineStep) -> Iterator[tuple[Kind, str]]:
    metadata = detail.metadata
    told = (
        (Kind.PROCESSING_JOB, metadata.processing_job.arn),
        (Kind.PROCESSING_JOB, metadata.quality_check.check_job_arn),
        (Kind.PROCESSING_JOB, metadata.clarify_check.check_job_arn),
        (Kind.TRAINING_JOB, metadata.training_job.arn),
        (Kind.TRANSFORM_JOB, metadata.transform_job.arn),
    )
    for kind, arn in told:
        if arn and f":{kind}/" in arn.lower():
            yield kind, arn.lower()


def _name(detail: Job) -> str | None:
    match detail:
        case shapes.TrainingJob():
            return detail.training_job_name
        case shapes.ProcessingJob():
            return detail.processing_job_name
        case shapes.TransformJob():
            return detail.transform_job_name
