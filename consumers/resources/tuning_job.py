"""Hyperparameter tuning jobs: each an experiment with a trial."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from consumers.arns import parse_arn, with_case
from consumers.kind import TRAINING_JOB, TUNING_JOB
from consumers.resources.calls import creates, deletes, updates
from consumers.resources.descriptions import TAGS, Description, described
from consumers.resources.experiments import TUNING_SUFFIX, experiment_of_jobs
from consumers.resources.fields import Fields, Name, Number, Tags, Time, Uri, instant, texts
from consumers.resources.job_component import component_of, is_finished
from consumers.resources.training_job import TrainingJob
from consumers.resources.types import DescribeRequest, Envelope, Lookup, Resource, ResourceType
from ingest.sagemaker_operations import ListOperation, called_by_name
from store.lineage import MENTIONED, Lineage, TrialComponent, entity_name


class ObjectiveMetric(Fields, frozen=True):
    """What is tuned for: its name, its value where there is one, and whether more of it is better."""

    metric_name: str | None = None
    value: Number | None = None
    type: str | None = None


class TrainingJobSummary(Fields, frozen=True):
    """One training job of a tuning job."""

    training_job_name: Name | None = None
    training_job_arn: Uri | None = None
    creation_time: Time | None = None
    objective: ObjectiveMetric = msgspec.field(
        name="FinalHyperParameterTuningJobObjectiveMetric", default=ObjectiveMetric()
    )


class TuningConfig(Fields, frozen=True):
    """How a tuning job searches, and for what."""

    strategy: str | None = None
    objective: ObjectiveMetric = msgspec.field(name="HyperParameterTuningJobObjective", default=ObjectiveMetric())


class TuningJob(Fields, frozen=True):
    """A tuning job, as DescribeHyperParameterTuningJob shows it, and the list of its training jobs."""

    hyper_parameter_tuning_job_name: Name | None = None
    hyper_parameter_tuning_job_arn: Uri | None = None
    hyper_parameter_tuning_job_status: str | None = None
    failure_reason: str | None = None
    config: TuningConfig = msgspec.field(name="HyperParameterTuningJobConfig", default=TuningConfig())
    training_job_definition: dict[str, Any] = {}
    training_job_definitions: list[dict[str, Any]] = []
    training_job_status_counters: dict[str, Number | None] = {}
    objective_status_counters: dict[str, Number | None] = {}
    best_training_job: TrainingJobSummary = TrainingJobSummary()
    overall_best_training_job: TrainingJobSummary = TrainingJobSummary()
    training_job_summaries: list[TrainingJobSummary] = []
    tags: Tags = None
    creation_time: Time | None = None
    hyper_parameter_tuning_end_time: Time | None = None
    last_modified_time: Time | None = None


def lineage(job: Resource[TuningJob], _: Lookup) -> Lineage:
    """A tuning job is an experiment and a trial, with the trial components of its training jobs in it.

    Source: evidence.md#tuning-automl (the experiment's name observed, its parts documented); the trial's name, and all
    properties of either, ours. Training jobs say themselves that they belong to it; here are those that it
    names.
    """
    detail = job.detail
    best = _best(detail)
    counters = {
        **_counters("TrainingJobStatusCounters", detail.training_job_status_counters),
        **_counters("ObjectiveStatusCounters", detail.objective_status_counters),
    }
    return experiment_of_jobs(
        job,
        entity_name(job.name, TUNING_SUFFIX),
        type_="SageMakerHyperParameterTuningJob",
        status=detail.hyper_parameter_tuning_job_status or "",
        ended=detail.hyper_parameter_tuning_end_time
        or (detail.last_modified_time if is_finished(detail.hyper_parameter_tuning_job_status) else None),
        properties=texts({"Strategy": detail.config.strategy, "FailureReason": detail.failure_reason}) | counters,
        best=texts({"BestTrainingJob": best.training_job_name})
        | objective_properties(best.objective, detail.config.objective),
        members=tuned(job),
    )


def tuned(job: Resource[TuningJob]) -> Iterator[TrialComponent]:
    """The trial components of the training jobs that a tuning job names."""
    for one, arn, name in _training_jobs(job):
        yield component_of(TRAINING_JOB, arn, name, instant(one.creation_time) or job.created, MENTIONED)


def references(job: Resource[TuningJob]) -> Iterator[str]:
    """A tuning job references the training jobs that it names, to see whether anything is known of them."""
    yield from (arn.lower() for _, arn, _ in _training_jobs(job))


def missing(job: Resource[TuningJob], lookup: Lookup) -> Iterator[DescribeRequest]:
    """What it is, when only a status is known; when it is over, its training jobs, and which of them was the best."""
    detail = job.detail
    over = is_finished(detail.hyper_parameter_tuning_job_status)
    thin = not (detail.training_job_definition or detail.training_job_definitions or detail.config.strategy)
    unsuccessful = detail.objective_status_counters.get("Succeeded") == 0
    if thin or (over and not _best(detail).training_job_name and not unsuccessful):
        yield from job.describe("DescribeHyperParameterTuningJob")
    counters = detail.training_job_status_counters
    if over and not detail.training_job_summaries and (any(counters.values()) or not counters):
        yield from job.describe("ListTrainingJobsForHyperParameterTuningJob")
    for _, arn, known_as in _training_jobs(job):
        if lookup(arn.lower(), TrainingJob) is None:
            yield DescribeRequest(f"{arn.rpartition('/')[0]}/{known_as}", "DescribeTrainingJob")


def _training_jobs(job: Resource[TuningJob]) -> Iterator[tuple[TrainingJobSummary, str, str]]:
    """The training jobs that a tuning job names: (what it says of one, its ARN, its name)."""
    detail = job.detail
    for one in (*detail.training_job_summaries, detail.best_training_job, detail.overall_best_training_job):
        name = one.training_job_name
        arn = one.training_job_arn or (job.key_beside(TRAINING_JOB, name) if name else "")
        if f":{TRAINING_JOB}/" in arn.lower():
            yield one, arn, with_case(arn.rpartition("/")[2], name)


def _best(detail: TuningJob) -> TrainingJobSummary:
    """The best training job: as SageMaker says it, else the one whose objective is best among those it lists."""
    for best in (detail.best_training_job, detail.overall_best_training_job):
        if best.training_job_name:
            return best
    least = (detail.config.objective.type or "").lower() == "minimize"
    measured = [
        (one.objective.value, one)
        for one in detail.training_job_summaries
        if one.objective.value is not None and math.isfinite(one.objective.value)
    ]
    if not measured or not is_finished(detail.hyper_parameter_tuning_job_status):
        return TrainingJobSummary()
    least = least or (measured[0][1].objective.type or "").lower() == "minimize"
    ordered = sorted(measured, key=lambda pair: (pair[0] if least else -pair[0], pair[1].training_job_name or ""))
    return ordered[0][1]


def objective_properties(reached: ObjectiveMetric, wanted: ObjectiveMetric) -> dict[str, str]:
    """The objective of a tuning or AutoML job, and the value that was reached."""
    value = reached.value
    return texts(
        {
            "ObjectiveMetric": reached.metric_name or wanted.metric_name,
            "ObjectiveMetricValue": repr(value) if value is not None and math.isfinite(value) else None,
            "ObjectiveType": reached.type or wanted.type,
        }
    )


def _counters(group: str, counters: Mapping[str, float | None]) -> dict[str, str]:
    return {f"{group}.{name}": f"{value:g}" for name, value in counters.items() if value is not None}


def _identity(job: TuningJob, envelope: Envelope) -> str | None:
    """A tuning job's ARN; AWS's documentation spells its kind `tuningJob` (evidence.md#arn-spelling)."""
    for arn in (job.hyper_parameter_tuning_job_arn, *envelope.resources):
        parts = parse_arn(arn) if arn else None
        if arn and parts and parts.part == TUNING_JOB:
            return arn
        if parts and parts.part == "tuningjob":
            return f"{parts.prefix}{TUNING_JOB}/{parts.name}"
    name = job.hyper_parameter_tuning_job_name
    return envelope.arn(f"{TUNING_JOB}/{name.lower()}") if name else None


TYPE = ResourceType(
    kind=TUNING_JOB,
    name="tuning job",
    mark="documented",
    fields=TuningJob,
    lineage=lineage,
    references=references,
    missing=missing,
    arn_field="hyper_parameter_tuning_job_arn",
    name_field="hyper_parameter_tuning_job_name",
    identity=_identity,
    status_fields=("hyper_parameter_tuning_job_status",),
    clock_fields=("last_modified_time", "hyper_parameter_tuning_end_time", "creation_time"),
    events=("SageMaker HyperParameter Tuning Job State Change",),
    calls={
        "CreateHyperParameterTuningJob": creates(),
        "StopHyperParameterTuningJob": updates(),
        "DeleteHyperParameterTuningJob": deletes(),
    },
    described_by=described("HyperParameterTuningJob"),
    further_descriptions=(
        Description(
            called_by_name(
                "ListTrainingJobsForHyperParameterTuningJob",
                "HyperParameterTuningJobName",
                "TrainingJobSummaries",
                "TrainingJobArn",
            )
        ),
        TAGS,
    ),
    listed_by=ListOperation(
        "ListHyperParameterTuningJobs",
        "HyperParameterTuningJobSummaries",
        "HyperParameterTuningJobArn",
        "HyperParameterTuningJobName",
    ),
)
