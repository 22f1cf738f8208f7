"""Training jobs."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping

import msgspec

from consumers.kind import TRAINING_JOB
from consumers.resources.calls import creates, deletes, updates
from consumers.resources.client_trial_components import amended, amended_references
from consumers.resources.descriptions import TAGS, described
from consumers.resources.feature_group import missing_groups
from consumers.resources.fields import Fields, Name, Number, Time, Uri, instant_or_none
from consumers.resources.job_component import (
    JobFields,
    ResourceConfig,
    artifacts_of,
    experiments_of,
    instance_count,
    job_component,
    lineage_of_run,
    machine_parameters,
    named_uris,
)
from consumers.resources.job_data import Channel, channel_group, channel_uri
from consumers.resources.job_provenance import program
from consumers.resources.types import DescribeRequest, Lookup, Resource, ResourceType
from ingest.sagemaker_operations import ListOperation
from store.lineage import Lineage, Measured


class AlgorithmSpecification(Fields, frozen=True):
    """The program of a training job."""

    training_image: Uri | None = None
    algorithm_name: Uri | None = None
    container_entrypoint: list[str] = []


class ModelArtifacts(Fields, frozen=True):
    """What a training job made."""

    s3_model_artifacts: Uri | None = None


class CheckpointConfig(Fields, frozen=True):
    """Where a training job saves its state."""

    s3_uri: Uri | None = None


class OutputPath(Fields, frozen=True):
    """A place for what a debugger or TensorBoard collects."""

    s3_output_path: Uri | None = None


class FinalMetric(Fields, frozen=True):
    """The last value of a metric."""

    metric_name: Name = ""
    value: Number | None = None
    timestamp: Time | None = None


class ModelPackageConfig(Fields, frozen=True):
    """The packages that a fine-tuning job without machines of its own goes from and into."""

    source_model_package_arn: Uri | None = None


class TrainingJob(JobFields, frozen=True):
    """A training job, as DescribeTrainingJob shows it."""

    training_job_name: Name | None = None
    training_job_arn: Uri | None = None
    tuning_job_arn: Uri | None = None
    labeling_job_arn: Uri | None = None
    training_job_status: str | None = None
    secondary_status: str | None = None
    hyper_parameters: dict[Name, str | None] = {}
    algorithm_specification: AlgorithmSpecification = AlgorithmSpecification()
    input_data_config: list[Channel] = []
    model_artifacts: ModelArtifacts = ModelArtifacts()
    disable_model_upload: bool | None = None
    model_package_config: ModelPackageConfig = ModelPackageConfig()
    output_model_package_arn: Uri | None = None
    resource_config: ResourceConfig = ResourceConfig()
    checkpoint_config: CheckpointConfig = CheckpointConfig()
    debug_hook_config: OutputPath = OutputPath()
    debug_rule_configurations: list[OutputPath] = []
    tensor_board_output_config: OutputPath = OutputPath()
    final_metric_data_list: list[FinalMetric] = []
    billable_time: Number | None = msgspec.field(name="BillableTimeInSeconds", default=None)
    training_start_time: Time | None = None
    training_end_time: Time | None = None

    @property
    def maker_arns(self) -> tuple[str | None, ...]:
        """As `JobFields` says."""
        return (self.tuning_job_arn, self.auto_ml_job_arn)


def lineage(job: Resource[TrainingJob], lookup: Lookup) -> Lineage:
    """A training job turns its channels and its image into a model.

    Source: evidence.md#training-job (channels, image and model observed; checkpoint documented; TensorBoard and
    debugger outputs plausible); evidence.md#trial-component (parameters observed). Ours, and marked as inferred: its
    source code, its algorithm, the packages it goes from and into, the outputs of debugger rules.
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
    instances = instance_count(detail.resource_config)
    parts = experiments_of(job)
    component = job_component(
        job,
        parts,
        status=detail.training_job_status,
        secondary=detail.secondary_status,
        started=detail.training_start_time,
        ended=detail.training_end_time,
        parameters={**machine_parameters(image, detail.resource_config), **_parameters(detail.hyper_parameters)},
        metrics={
            metric.metric_name: Measured(metric.value, instant_or_none(metric.timestamp))
            for metric in detail.final_metric_data_list
            if metric.metric_name and metric.value is not None and math.isfinite(metric.value)
        },
        inputs={name: one for name, one in inputs.items() if one[1]},
        outputs=named_uris({"SageMaker.ModelArtifact": model, "SageMaker.DebugHookOutput": debug}),
        image=image or detail.algorithm_specification.algorithm_name,
        script=code.script,
        maker=detail.labeling_job_arn,
        billable=detail.billable_time and detail.billable_time * (instances or 1),
    )
    return lineage_of_run(
        job,
        lookup,
        component,
        parts,
        contributed=artifacts_of(job, Image=[image], DataSet=map(channel_uri, detail.input_data_config)),
        produced=artifacts_of(job, Model=[model], Checkpoint=[checkpoint], TensorBoard=[board], DebugHook=[debug]),
        inferred_contributed=artifacts_of(
            job,
            DataSet=[code.directory, detail.algorithm_specification.algorithm_name],
            Model=[detail.model_package_config.source_model_package_arn],
        ),
        inferred_produced=artifacts_of(
            job,
            Model=[detail.output_model_package_arn],
            DebugHook=[rule.s3_output_path for rule in detail.debug_rule_configurations],
        ),
    )


def references(job: Resource[TrainingJob]) -> Iterator[str]:
    """A training job references the feature groups that its channels name."""
    yield from (arn.lower() for arn in _channel_groups(job))


def missing(job: Resource[TrainingJob], lookup: Lookup) -> Iterator[DescribeRequest]:
    """Its description, where events leave out what it is or what it made; and those of unknown feature groups.

    A job that ended without a model is described only if it completed, and uploads one.
    """
    detail = job.detail
    described = (
        detail.algorithm_specification.training_image
        or detail.algorithm_specification.algorithm_name
        or detail.input_data_config
        or detail.output_model_package_arn
    )
    model = detail.model_artifacts.s3_model_artifacts or detail.output_model_package_arn or detail.disable_model_upload
    if not described or ((detail.training_job_status or "").lower() == "completed" and not model):
        yield from job.describe("DescribeTrainingJob")
    yield from missing_groups(lookup, _channel_groups(job))


def _channel_groups(job: Resource[TrainingJob]) -> Iterator[str]:
    yield from filter(None, map(channel_group, job.detail.input_data_config))


_NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*", re.ASCII)


def _parameters(hyper_parameters: Mapping[str, str | None]) -> dict[str, tuple[str | None, float | None]]:
    """Hyperparameters: the string as given, and the number too when it reads as one (evidence.md#trial-component)."""
    return {name: (value, _number(value)) for name, value in hyper_parameters.items() if value is not None}


def _number(value: str) -> float | None:
    if not _NUMBER.fullmatch(value):
        return None
    number = float(value)
    return number if math.isfinite(number) else None


TYPE = ResourceType(
    kind=TRAINING_JOB,
    name="training job",
    mark="observed",
    version=5,
    fields=TrainingJob,
    lineage=amended(lineage),
    references=amended_references(references),
    missing=missing,
    arn_field="training_job_arn",
    name_field="training_job_name",
    status_fields=("training_job_status", "secondary_status"),
    clock_fields=("last_modified_time", "training_end_time", "training_start_time", "creation_time"),
    events=("SageMaker Training Job State Change",),
    calls={"CreateTrainingJob": creates(), "StopTrainingJob": updates(), "DeleteTrainingJob": deletes()},
    described_by=described("TrainingJob"),
    further_descriptions=(TAGS,),
    listed_by=ListOperation("ListTrainingJobs", "TrainingJobSummaries", "TrainingJobArn", "TrainingJobName"),
)
