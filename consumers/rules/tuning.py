"""What makes jobs by the dozen: hyperparameter tuning and AutoML, each an experiment with a trial."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from consumers import shapes
from consumers.kind import ResourceKind
from consumers.resources.types import DescribeRequest, Lookup, Resource, instant
from consumers.rules.experiments import AUTOML_SUFFIX, TUNING_SUFFIX
from consumers.rules.jobs import component_of
from store.lineage import MENTIONED, OWNER, Experiment, Lineage, Membership, Trial, TrialComponent, entity_name


def tuning_job(job: Resource[shapes.TuningJob], _: Lookup) -> Lineage:
    """A tuning job is an experiment and a trial, with the trial components of its training jobs in it.

    Source: CAPTURE B1: the experiment's name observed, its parts documented (EXPI); the trial's name, and all that is
    said of either beside its name, ours. Training jobs say themselves that they belong to it; here are those that it
    names.
    """
    detail = job.detail
    best = _best(detail)
    counters = {
        **_counters("TrainingJobStatusCounters", detail.training_job_status_counters),
        **_counters("ObjectiveStatusCounters", detail.objective_status_counters),
    }
    return _made_by(
        job,
        entity_name(job.named(detail.hyper_parameter_tuning_job_name), TUNING_SUFFIX),
        type_="SageMakerHyperParameterTuningJob",
        status=detail.hyper_parameter_tuning_job_status or "",
        ended=detail.hyper_parameter_tuning_end_time
        or (detail.last_modified_time if _over(detail.hyper_parameter_tuning_job_status) else None),
        properties=_told({"Strategy": detail.config.strategy, "FailureReason": detail.failure_reason}) | counters,
        best=_told({"BestTrainingJob": best.training_job_name}) | _objective(best.objective, detail.config.objective),
        members=tuned(job),
    )


def tuned(job: Resource[shapes.TuningJob]) -> Iterator[TrialComponent]:
    """The trial components of the training jobs that a tuning job names."""
    for one, arn, name in _training_jobs(job):
        yield component_of(ResourceKind.TRAINING_JOB, arn, name, instant(one.creation_time) or job.created, MENTIONED)


def tuning_job_refers(job: Resource[shapes.TuningJob]) -> Iterator[str]:
    """A tuning job asks about the training jobs that it names, as long as nothing is known of them."""
    yield from (arn.lower() for _, arn, _ in _training_jobs(job))


def tuning_job_asks(job: Resource[shapes.TuningJob], lookup: Lookup) -> Iterator[DescribeRequest]:
    """What it is, when only a status is known; when it is over, its training jobs, and which of them was the best."""
    detail = job.detail
    name = detail.hyper_parameter_tuning_job_name
    over = _over(detail.hyper_parameter_tuning_job_status)
    thin = not (detail.training_job_definition or detail.training_job_definitions or detail.config.strategy)
    unsuccessful = detail.objective_status_counters.get("Succeeded") == 0
    if thin or (over and not _best(detail).training_job_name and not unsuccessful):
        yield from job.asked("DescribeHyperParameterTuningJob", name)
    counters = detail.training_job_status_counters
    if over and not detail.training_job_summaries and (any(counters.values()) or not counters):
        yield from job.asked("ListTrainingJobsForHyperParameterTuningJob", name)
    for _, arn, known_as in _training_jobs(job):
        if lookup(arn.lower(), shapes.TrainingJob) is None:
            yield DescribeRequest(f"{arn.rpartition('/')[0]}/{known_as}", "DescribeTrainingJob")


def automl_job(job: Resource[shapes.AutoMLJob], _: Lookup) -> Lineage:
    """An AutoML job is an experiment and a trial, with the trial components of its jobs in it.

    Source: CAPTURE B1: the experiment's name observed, its parts documented (EXPI); the trial's name, and all that is
    said of either beside its name, ours. Its jobs say themselves that they belong to it; here are those of its best
    candidate.
    """
    detail = job.detail
    best = detail.best_candidate
    return _made_by(
        job,
        entity_name(job.named(detail.auto_ml_job_name), AUTOML_SUFFIX),
        type_="SageMakerAutoMLJob",
        status=detail.auto_ml_job_status or "",
        ended=detail.end_time,
        properties=_told(
            {
                "ProblemType": detail.problem_type or detail.problem_type_config_name,
                "SecondaryStatus": detail.auto_ml_job_secondary_status,
                "FailureReason": detail.failure_reason,
            }
        ),
        best=_told({"BestCandidate": best.candidate_name}) | _objective(best.objective, detail.objective),
        members=candidates(job),
    )


def candidates(job: Resource[shapes.AutoMLJob]) -> Iterator[TrialComponent]:
    """The trial components of the jobs of the best candidate."""
    for kind, arn, name in _steps(job):
        yield component_of(kind, arn, name, job.created, MENTIONED)


def automl_job_refers(job: Resource[shapes.AutoMLJob]) -> Iterator[str]:
    """An AutoML job asks about the jobs that it names, as long as nothing is known of them."""
    yield from (arn.lower() for _, arn, _ in _steps(job))


def automl_job_asks(job: Resource[shapes.AutoMLJob], lookup: Lookup) -> Iterator[DescribeRequest]:
    """What it is and how it fares, when nobody has told, and its best candidate: no event tells of an AutoML job."""
    detail = job.detail
    thin = not (detail.input_data_config or detail.auto_ml_job_input_data_config)
    status = (detail.auto_ml_job_status or "").lower()
    if thin or not status or (status == "completed" and not detail.best_candidate.candidate_name):
        yield from job.asked("DescribeAutoMLJobV2", detail.auto_ml_job_name)
    for kind, arn, name in _steps(job):
        shape, operation = _JOBS[kind]
        if lookup(arn.lower(), shape) is None:
            yield DescribeRequest(f"{arn.rpartition('/')[0]}/{name}", operation)


_JOBS: Mapping[ResourceKind, tuple[type[shapes.TrainingJob | shapes.ProcessingJob | shapes.TransformJob], str]] = {
    ResourceKind.TRAINING_JOB: (shapes.TrainingJob, "DescribeTrainingJob"),
    ResourceKind.PROCESSING_JOB: (shapes.ProcessingJob, "DescribeProcessingJob"),
    ResourceKind.TRANSFORM_JOB: (shapes.TransformJob, "DescribeTransformJob"),
}


def _made_by(
    job: Resource[shapes.TuningJob] | Resource[shapes.AutoMLJob],
    name: str,
    *,
    type_: str,
    status: str,
    ended: shapes.Time | None,
    properties: dict[str, str],
    best: dict[str, str],
    members: Iterable[TrialComponent],
) -> Lineage:
    """An experiment and a trial of the same name, with trial components in it; the trial tells which was the best."""
    common: dict[str, Any] = {
        "type": type_,
        "name": name,
        "source_uri": job.arn,
        "created": job.created,
        "weight": OWNER,
        "status": status,
        "started": job.created,
        "ended": job.deleted or instant(ended),
        "tags": job.tags,
    }
    parent = Experiment(arn=f"{job.partition}experiment/{name.lower()}", properties=properties, **common)
    child = Trial(arn=f"{job.partition}experiment-trial/{name.lower()}", properties=properties | best, **common)
    components = list({one.key: one for one in members}.values())
    return Lineage(
        (parent, child, *components),
        (),
        (Membership(parent.arn, child.arn), *(Membership(child.arn, one.arn) for one in components)),
    )


def _training_jobs(job: Resource[shapes.TuningJob]) -> Iterator[tuple[shapes.TrainingJobSummary, str, str]]:
    """The training jobs that a tuning job names: (what it says of one, its ARN, its name)."""
    detail = job.detail
    for one in (*detail.training_job_summaries, detail.best_training_job, detail.overall_best_training_job):
        name = one.training_job_name
        arn = one.training_job_arn or (job.sibling(ResourceKind.TRAINING_JOB, name) if name else "")
        if f":{ResourceKind.TRAINING_JOB}/" in arn.lower():
            tail = arn.rpartition("/")[2]
            yield one, arn, name if name and name.lower() == tail.lower() else tail


def _steps(job: Resource[shapes.AutoMLJob]) -> Iterator[tuple[ResourceKind, str, str]]:
    """The jobs of the best candidate: (kind, ARN, name)."""
    for step in job.detail.best_candidate.candidate_steps:
        arn = step.candidate_step_arn or ""
        kind, _, tail = arn.split(":", 5)[-1].partition("/")
        if kind.lower() in {known.value for known in _JOBS} and tail:
            name = step.candidate_step_name
            yield ResourceKind(kind.lower()), arn, name if name and name.lower() == tail.lower() else tail


def _best(detail: shapes.TuningJob) -> shapes.TrainingJobSummary:
    """The best training job: as SageMaker tells it, else the one whose objective is best among those it lists."""
    for told in (detail.best_training_job, detail.overall_best_training_job):
        if told.training_job_name:
            return told
    least = (detail.config.objective.type or "").lower() == "minimize"
    measured = [
        (one.objective.value, one)
        for one in detail.training_job_summaries
        if one.objective.value is not None and math.isfinite(one.objective.value)
    ]
    if not measured or not _over(detail.hyper_parameter_tuning_job_status):
        return shapes.TrainingJobSummary()
    least = least or (measured[0][1].objective.type or "").lower() == "minimize"
    ordered = sorted(measured, key=lambda pair: (pair[0] if least else -pair[0], pair[1].training_job_name or ""))
    return ordered[0][1]


def _objective(reached: shapes.ObjectiveMetric, wanted: shapes.ObjectiveMetric) -> dict[str, str]:
    value = reached.value
    return _told(
        {
            "ObjectiveMetric": reached.metric_name or wanted.metric_name,
            "ObjectiveMetricValue": repr(value) if value is not None and math.isfinite(value) else None,
            "ObjectiveType": reached.type or wanted.type,
        }
    )


def _counters(group: str, counters: Mapping[str, float | None]) -> dict[str, str]:
    return {f"{group}.{name}": f"{value:g}" for name, value in counters.items() if value is not None}


def _told(texts: Mapping[str, str | None]) -> dict[str, str]:
    return {name: text for name, text in texts.items() if text}


def _over(status: str | None) -> bool:
    return (status or "").lower() in ("completed", "failed", "stopped")
