"""AutoML jobs: each an experiment with a trial."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from consumers.arns import with_case
from consumers.kind import AUTOML_JOB, PROCESSING_JOB, TRAINING_JOB, TRANSFORM_JOB, ResourceKind
from consumers.resources.calls import creates, updates
from consumers.resources.descriptions import TAGS, Description
from consumers.resources.experiments import AUTOML_SUFFIX, experiment_of_jobs
from consumers.resources.fields import Fields, Name, Tags, Time, Uri, texts
from consumers.resources.job_component import JobFields, component_of
from consumers.resources.tuning_job import ObjectiveMetric, objective_properties
from consumers.resources.types import DescribeRequest, Lookup, Resource, ResourceType
from ingest.sagemaker_operations import ListOperation, called_by_name
from store.lineage import MENTIONED, Lineage, TrialComponent, entity_name


class CandidateStep(Fields, frozen=True):
    """A job of a candidate."""

    candidate_step_arn: Uri | None = None
    candidate_step_name: Name | None = None


class Candidate(Fields, frozen=True):
    """A model that an AutoML job tried."""

    candidate_name: Name | None = None
    objective: ObjectiveMetric = msgspec.field(name="FinalAutoMLJobObjectiveMetric", default=ObjectiveMetric())
    candidate_steps: list[CandidateStep] = []


class AutoMLJob(Fields, frozen=True):
    """An AutoML job, as DescribeAutoMLJob and DescribeAutoMLJobV2 show it."""

    auto_ml_job_name: Name | None = msgspec.field(name="AutoMLJobName", default=None)
    auto_ml_job_arn: Uri | None = msgspec.field(name="AutoMLJobArn", default=None)
    auto_ml_job_status: str | None = msgspec.field(name="AutoMLJobStatus", default=None)
    auto_ml_job_secondary_status: str | None = msgspec.field(name="AutoMLJobSecondaryStatus", default=None)
    failure_reason: str | None = None
    input_data_config: list[dict[str, Any]] = []
    auto_ml_job_input_data_config: list[dict[str, Any]] = msgspec.field(name="AutoMLJobInputDataConfig", default=[])
    objective: ObjectiveMetric = msgspec.field(name="AutoMLJobObjective", default=ObjectiveMetric())
    problem_type: str | None = None
    problem_type_config_name: str | None = msgspec.field(name="AutoMLProblemTypeConfigName", default=None)
    best_candidate: Candidate = Candidate()
    tags: Tags = None
    creation_time: Time | None = None
    end_time: Time | None = None
    last_modified_time: Time | None = None


def lineage(job: Resource[AutoMLJob], _: Lookup) -> Lineage:
    """An AutoML job is an experiment and a trial, with the trial components of its jobs in it.

    Source: evidence.md#tuning-automl (the experiment's name observed, its parts documented); the trial's name, and all
    properties of either, ours. Its jobs say themselves that they belong to it; here are those of its best
    candidate.
    """
    detail = job.detail
    best = detail.best_candidate
    return experiment_of_jobs(
        job,
        entity_name(job.name, AUTOML_SUFFIX),
        type_="SageMakerAutoMLJob",
        status=detail.auto_ml_job_status or "",
        ended=detail.end_time,
        properties=texts(
            {
                "ProblemType": detail.problem_type or detail.problem_type_config_name,
                "SecondaryStatus": detail.auto_ml_job_secondary_status,
                "FailureReason": detail.failure_reason,
            }
        ),
        best=texts({"BestCandidate": best.candidate_name}) | objective_properties(best.objective, detail.objective),
        members=candidates(job),
    )


def candidates(job: Resource[AutoMLJob]) -> Iterator[TrialComponent]:
    """The trial components of the jobs of the best candidate."""
    for kind, arn, name in _steps(job):
        yield component_of(kind, arn, name, job.created, MENTIONED)


def references(job: Resource[AutoMLJob]) -> Iterator[str]:
    """An AutoML job references the jobs of its best candidate, to see whether anything is known of them."""
    yield from (arn.lower() for _, arn, _ in _steps(job))


def missing(job: Resource[AutoMLJob], lookup: Lookup) -> Iterator[DescribeRequest]:
    """Its description, since no event reports an AutoML job; and those of the jobs of its best candidate."""
    detail = job.detail
    thin = not (detail.input_data_config or detail.auto_ml_job_input_data_config)
    status = (detail.auto_ml_job_status or "").lower()
    if thin or not status or (status == "completed" and not detail.best_candidate.candidate_name):
        yield from job.describe("DescribeAutoMLJobV2")
    for kind, arn, name in _steps(job):
        if lookup(arn.lower(), JobFields) is None:
            yield DescribeRequest(f"{arn.rpartition('/')[0]}/{name}", _DESCRIBED_BY[kind])


def _steps(job: Resource[AutoMLJob]) -> Iterator[tuple[ResourceKind, str, str]]:
    """The jobs of the best candidate: (kind, ARN, name)."""
    for step in job.detail.best_candidate.candidate_steps:
        arn = step.candidate_step_arn or ""
        kind, _, tail = arn.split(":", 5)[-1].partition("/")
        if kind.lower() in _DESCRIBED_BY and tail:
            yield ResourceKind(kind.lower()), arn, with_case(tail, step.candidate_step_name)


_DESCRIBED_BY = {
    TRAINING_JOB: "DescribeTrainingJob",
    PROCESSING_JOB: "DescribeProcessingJob",
    TRANSFORM_JOB: "DescribeTransformJob",
}
"""The jobs that an AutoML job makes."""


TYPE = ResourceType(
    kind=AUTOML_JOB,
    name="AutoML job",
    mark="documented",
    version=2,
    fields=AutoMLJob,
    lineage=lineage,
    references=references,
    missing=missing,
    arn_field="auto_ml_job_arn",
    name_field="auto_ml_job_name",
    status_fields=("auto_ml_job_status", "auto_ml_job_secondary_status"),
    clock_fields=("last_modified_time", "end_time", "creation_time"),
    calls={"CreateAutoMLJob": creates(), "CreateAutoMLJobV2": creates(), "StopAutoMLJob": updates()},
    described_by=Description(
        called_by_name(
            "DescribeAutoMLJobV2",
            "AutoMLJobName",
            "AutoMLJobArn",
            older=called_by_name("DescribeAutoMLJob", "AutoMLJobName", "AutoMLJobArn"),
        )
    ),
    further_descriptions=(TAGS,),
    listed_by=ListOperation("ListAutoMLJobs", "AutoMLJobSummaries", "AutoMLJobArn", "AutoMLJobName"),
)
