"""Hyperparameter tuning and AutoML jobs, as events and answers tell them."""

from __future__ import annotations

from typing import Any

import msgspec

from consumers.shapes.reading import Name, Number, Shape, Tags, Time, Uri


class ObjectiveMetric(Shape, frozen=True):
    """What is tuned for: its name, its value where there is one, and whether more of it is better."""

    metric_name: str | None = None
    value: Number | None = None
    type: str | None = None


class TrainingJobSummary(Shape, frozen=True):
    """One training job of a tuning job."""

    training_job_name: Name | None = None
    training_job_arn: Uri | None = None
    creation_time: Time | None = None
    objective: ObjectiveMetric = msgspec.field(
        name="FinalHyperParameterTuningJobObjectiveMetric", default=ObjectiveMetric()
    )


class TuningConfig(Shape, frozen=True):
    """How a tuning job searches, and for what."""

    strategy: str | None = None
    objective: ObjectiveMetric = msgspec.field(name="HyperParameterTuningJobObjective", default=ObjectiveMetric())


class TuningJob(Shape, frozen=True):
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


class CandidateStep(Shape, frozen=True):
    """A job of a candidate."""

    candidate_step_arn: Uri | None = None
    candidate_step_name: Name | None = None


class Candidate(Shape, frozen=True):
    """A model that an AutoML job tried."""

    candidate_name: Name | None = None
    objective: ObjectiveMetric = msgspec.field(name="FinalAutoMLJobObjectiveMetric", default=ObjectiveMetric())
    candidate_steps: list[CandidateStep] = []


class AutoMLJob(Shape, frozen=True):
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
