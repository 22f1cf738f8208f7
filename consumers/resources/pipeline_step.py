"""Steps of pipeline executions, which put the trial components of their jobs into the execution's trial."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import msgspec

from consumers.arns import account_prefix, kind_of
from consumers.kind import AUTOML_JOB, PIPELINE_EXECUTION, PIPELINE_STEP, TUNING_JOB
from consumers.resources.attempts import Attempt, began_after_end, is_resumed
from consumers.resources.automl_job import AutoMLJob, candidates
from consumers.resources.experiments import experiment, pipeline_names, trial
from consumers.resources.fields import Name, Number, Time, Uri, instant_or_none
from consumers.resources.job_component import SUFFIXES, JobFields, component_of
from consumers.resources.pipeline_execution import execution_arn
from consumers.resources.tuning_job import TuningJob, tuned
from consumers.resources.types import Envelope, Lookup, Resource, ResourceType
from consumers.state import Incarnation, ResourceState, entry
from ingest.event import Malformed
from store.lineage import MENTIONED, Lineage, Membership, TrialComponent


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
    tuning_job: StepResource = StepResource()
    auto_ml_job: StepResource = msgspec.field(name="autoMLJob", default=StepResource())
    quality_check: CheckedResource = CheckedResource()
    clarify_check: CheckedResource = CheckedResource()

    @property
    def jobs(self) -> tuple[str, ...]:
        """The ARNs of the jobs that it ran."""
        arns = (
            self.processing_job.arn,
            self.training_job.arn,
            self.transform_job.arn,
            self.tuning_job.arn,
            self.auto_ml_job.arn,
            self.quality_check.check_job_arn,
            self.clarify_check.check_job_arn,
        )
        return tuple(filter(None, arns))


class TakenOver(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """The earlier execution whose step did not have to be run again: it was in the cache, or was not selected."""

    source_pipeline_execution_arn: Uri | None = None


class PipelineStep(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """A step of an execution, as events and ListPipelineExecutionSteps show it."""

    pipeline_arn: Uri | None = None
    pipeline_execution_arn: Uri | None = None
    step_name: Name | None = None
    step_type: str | None = None
    current_step_status: str | None = None
    previous_step_status: str | None = None
    metadata: StepMetadata = StepMetadata()
    cache_hit_result: TakenOver = TakenOver()
    selective_execution_result: TakenOver = TakenOver()
    attempt_count: Number | None = None
    failure_reason: str | None = None
    step_start_time: Time | None = None
    step_end_time: Time | None = None


def lineage(step: Resource[PipelineStep], lookup: Lookup) -> Lineage:
    """A step puts the trial components of its jobs into the trial of its execution.

    A step that was tried again has several; one that was found in the cache, or was not selected in a selective
    execution, has that of the earlier execution's.

    Source: evidence.md#pipeline, documented; evidence.md#step-metadata (it names the step's job);
    evidence.md#cache-hit and evidence.md#selective-execution, plausible. A step without a job has no lineage (observed:
    evidence.md#pipeline-step).
    """
    execution = step.arn.partition("/step/")[0]
    names = pipeline_names(execution)
    lineage = Lineage()
    if names is None:
        return lineage
    for component in (one for arn in (*_jobs(step), *_taken_over(step, lookup)) for one in _components(arn, lookup)):
        parent = experiment(account_prefix(execution), names[0], component.created, MENTIONED)
        child = trial(account_prefix(execution), names[1], component.created, MENTIONED)
        lineage |= Lineage(
            (component, parent, child),
            (),
            (Membership(parent.arn, child.arn), Membership(child.arn, component.arn)),
        )
    return lineage


def references(step: Resource[PipelineStep]) -> Iterator[str]:
    """A step references the jobs that it ran, and the earlier execution's step."""
    for arn in _jobs(step):
        if kind_of(arn) in {*SUFFIXES, TUNING_JOB, AUTOML_JOB}:
            yield arn.lower()
    if earlier := _earlier(step):
        yield earlier


def _components(arn: str, lookup: Lookup) -> Iterator[TrialComponent]:
    """The trial component of a job, or those of the jobs that a tuning or an AutoML job names."""
    kind = kind_of(arn)
    if kind in SUFFIXES and (job := lookup(arn.lower(), JobFields)):
        yield component_of(kind, job.arn, job.name, job.created, MENTIONED)
    elif kind == TUNING_JOB and (tuning := lookup(arn.lower(), TuningJob)):
        yield from tuned(tuning)
    elif kind == AUTOML_JOB and (automl := lookup(arn.lower(), AutoMLJob)):
        yield from candidates(automl)


def _jobs(step: Resource[PipelineStep]) -> list[str]:
    """The jobs that a step ran, at whatever attempt."""
    attempts = [step.detail.metadata.jobs, *(change.values for change in step.changes)]
    return sorted({arn.lower(): arn for jobs in attempts for arn in jobs if arn}.values())


def _taken_over(step: Resource[PipelineStep], lookup: Lookup) -> tuple[str, ...]:
    """The job of the earlier execution whose result a step took over: of its last attempt."""
    seen = set()
    while (key := _earlier(step)) and key not in seen:
        seen.add(key)
        earlier = lookup(key, PipelineStep)
        if earlier is None:
            return ()
        if earlier.detail.metadata.jobs:
            return earlier.detail.metadata.jobs
        step = earlier
    return ()


def _earlier(step: Resource[PipelineStep]) -> str | None:
    """The key of the step of the same name in the execution whose result a step took over."""
    source, name = taken_from(step.detail), step.detail.step_name
    return step_key(source, name).lower() if source and name and not step.detail.metadata.jobs else None


def taken_from(step: PipelineStep) -> str:
    """The ARN of the execution whose result a step took over; empty if it took over none."""
    found = (step.cache_hit_result, step.selective_execution_result)
    return next((one.source_pipeline_execution_arn for one in found if one.source_pipeline_execution_arn), "")


def _is_resumed(step: PipelineStep) -> bool:
    return is_resumed(step.current_step_status, step.previous_step_status)


_start = msgspec.json.Decoder(Time)


def _attempt_began(incarnation: Incarnation) -> int:
    """When a step was last begun: what was observed before that is of an earlier attempt."""
    field = incarnation.fields.get("stepStartTime")
    began = instant_or_none(_start.decode(field[1])) if field else None
    return max(began or 0, began_after_end(incarnation, "currentStepStatus", "stepEndTime"))


def _tracked(step: PipelineStep) -> tuple[str, ...]:
    return step.metadata.jobs


def _identity(step: PipelineStep, envelope: Envelope) -> str | None:
    execution = execution_arn(step.pipeline_execution_arn, envelope)
    if execution and not step.step_name:
        raise Malformed("does not say which step it is about: it has no stepName")
    return execution and step_key(execution, step.step_name or "")


def step_key(execution_arn: str, name: str) -> str:
    """The key of a step, which has no ARN of its own. Keys have no case, but names of steps do."""
    digest = "" if name == name.lower() else f"/{hashlib.blake2b(name.encode(), digest_size=4).hexdigest()}"
    return f"{execution_arn}/step/{name}{digest}"


def _execution(arn: str, step: PipelineStep, time: int) -> tuple[ResourceState, ...]:
    """A step says that its execution exists, and that it is one of its steps."""
    incarnation = Incarnation({entry("steps", step.step_name or ""): (0, msgspec.Raw(b"1"))})
    return (
        ResourceState(PIPELINE_EXECUTION, arn.partition("/step/")[0], earliest=time, incarnations={0: incarnation}),
    )


ATTEMPT = Attempt(
    ("attemptCount", "cacheHitResult", "failureReason", "metadata", "selectiveExecutionResult", "stepEndTime"),
    _attempt_began,
)
"""What belongs to one attempt of a step."""

TYPE = ResourceType(
    kind=PIPELINE_STEP,
    name="pipeline step",
    mark="documented",
    version=4,
    passes_on=True,
    fields=PipelineStep,
    lineage=lineage,
    references=references,
    arn_field="pipeline_execution_arn",
    identity=_identity,
    status_fields=("current_step_status",),
    clock_fields=("step_end_time", "step_start_time"),
    created_field=None,
    began_field="step_start_time",
    tracked=_tracked,
    resumed=_is_resumed,
    attempt=ATTEMPT,
    also=_execution,
    events=("SageMaker Model Building Pipeline Execution Step Status Change",),
)
