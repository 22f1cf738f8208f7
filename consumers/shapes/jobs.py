"""Training, processing and transform jobs, as events tell them."""

from __future__ import annotations

import msgspec

from consumers.shapes.reading import Name, Number, Shape, Tags, Time, Uri
from consumers.shapes.registry import MetadataProperties

Environment = dict[str, str | None]
"""Environment variables of a container."""


class S3DataSource(Shape, frozen=True):
    """Objects in S3."""

    s3_uri: Uri | None = None


class FileSystemDataSource(Shape, frozen=True):
    """A folder in EFS or FSx."""

    file_system_id: Name | None = None
    directory_path: Uri | None = None


class DatasetSource(Shape, frozen=True):
    """A thing of SageMaker's that holds data: a feature group, a data set of a hub."""

    dataset_arn: Uri | None = None


class DataSource(Shape, frozen=True):
    """Where a channel's data is."""

    s3_data_source: S3DataSource = S3DataSource()
    file_system_data_source: FileSystemDataSource = FileSystemDataSource()
    dataset_source: DatasetSource = DatasetSource()


class Channel(Shape, frozen=True):
    """A named input of a training job."""

    channel_name: Name = ""
    content_type: str | None = None
    data_source: DataSource = DataSource()


class AlgorithmSpecification(Shape, frozen=True):
    """The program of a training job."""

    training_image: Uri | None = None
    algorithm_name: Uri | None = None
    container_entrypoint: list[str] = []


class ModelArtifacts(Shape, frozen=True):
    """What a training job made."""

    s3_model_artifacts: Uri | None = None


class InstanceGroup(Shape, frozen=True):
    """Machines of one type, among those of a job."""

    instance_type: str | None = None
    instance_count: Number | None = None


class ResourceConfig(Shape, frozen=True):
    """The machines of a job."""

    instance_type: str | None = None
    instance_count: Number | None = None
    instance_groups: list[InstanceGroup] = []
    volume_size: Number | None = msgspec.field(name="VolumeSizeInGB", default=None)


class CheckpointConfig(Shape, frozen=True):
    """Where a training job saves its state."""

    s3_uri: Uri | None = None


class OutputPath(Shape, frozen=True):
    """A place for what a debugger or TensorBoard collects."""

    s3_output_path: Uri | None = None


class ExperimentConfig(Shape, frozen=True):
    """What a job is a part of."""

    experiment_name: Name | None = None
    trial_name: Name | None = None
    trial_component_display_name: Name | None = None
    run_name: Name | None = None


class FinalMetric(Shape, frozen=True):
    """The last value of a metric."""

    metric_name: Name = ""
    value: Number | None = None
    timestamp: Time | None = None


class ModelPackageConfig(Shape, frozen=True):
    """The packages that a fine-tuning job without machines of its own goes from and into."""

    source_model_package_arn: Uri | None = None


class TrainingJob(Shape, frozen=True):
    """A training job, as DescribeTrainingJob shows it."""

    training_job_name: Name | None = None
    training_job_arn: Uri | None = None
    tuning_job_arn: Uri | None = None
    auto_ml_job_arn: Uri | None = msgspec.field(name="AutoMLJobArn", default=None)
    labeling_job_arn: Uri | None = None
    training_job_status: str | None = None
    secondary_status: str | None = None
    failure_reason: str | None = None
    hyper_parameters: dict[Name, str | None] = {}
    environment: Environment = {}
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
    experiment_config: ExperimentConfig = ExperimentConfig()
    final_metric_data_list: list[FinalMetric] = []
    billable_time: Number | None = msgspec.field(name="BillableTimeInSeconds", default=None)
    metadata_properties: MetadataProperties = MetadataProperties()
    tags: Tags = None
    creation_time: Time | None = None
    training_start_time: Time | None = None
    training_end_time: Time | None = None
    last_modified_time: Time | None = None


class AthenaDatasetDefinition(Shape, frozen=True):
    """What a query of Athena selects."""

    catalog: Name | None = None
    database: Name | None = None
    query_string: str | None = None


class RedshiftDatasetDefinition(Shape, frozen=True):
    """What a query of Redshift selects."""

    cluster_id: Name | None = None
    database: Name | None = None
    query_string: str | None = None


class DatasetDefinition(Shape, frozen=True):
    """An input of a processing job that a query makes."""

    athena_dataset_definition: AthenaDatasetDefinition = AthenaDatasetDefinition()
    redshift_dataset_definition: RedshiftDatasetDefinition = RedshiftDatasetDefinition()


class ProcessingInput(Shape, frozen=True):
    """A named input of a processing job."""

    input_name: Name = ""
    s3_input: S3DataSource = msgspec.field(name="S3Input", default=S3DataSource())
    dataset_definition: DatasetDefinition = DatasetDefinition()


class FeatureStoreOutput(Shape, frozen=True):
    """An output that goes into a feature group."""

    feature_group_name: Name | None = None


class ProcessingOutput(Shape, frozen=True):
    """A named output of a processing job."""

    output_name: Name = ""
    s3_output: S3DataSource = msgspec.field(name="S3Output", default=S3DataSource())
    feature_store_output: FeatureStoreOutput = FeatureStoreOutput()


class ProcessingOutputConfig(Shape, frozen=True):
    """The outputs of a processing job."""

    outputs: list[ProcessingOutput] = []


class ProcessingResources(Shape, frozen=True):
    """The machines of a processing job."""

    cluster_config: ResourceConfig = ResourceConfig()


class AppSpecification(Shape, frozen=True):
    """The program of a processing job."""

    image_uri: Uri | None = None
    container_entrypoint: list[str] = []


class ProcessingJob(Shape, frozen=True):
    """A processing job, as DescribeProcessingJob shows it."""

    processing_job_name: Name | None = None
    processing_job_arn: Uri | None = None
    auto_ml_job_arn: Uri | None = msgspec.field(name="AutoMLJobArn", default=None)
    monitoring_schedule_arn: Uri | None = None
    processing_job_status: str | None = None
    failure_reason: str | None = None
    processing_inputs: list[ProcessingInput] = []
    processing_output_config: ProcessingOutputConfig = ProcessingOutputConfig()
    processing_resources: ProcessingResources = ProcessingResources()
    app_specification: AppSpecification = AppSpecification()
    environment: Environment = {}
    experiment_config: ExperimentConfig = ExperimentConfig()
    metadata_properties: MetadataProperties = MetadataProperties()
    tags: Tags = None
    creation_time: Time | None = None
    processing_start_time: Time | None = None
    processing_end_time: Time | None = None
    last_modified_time: Time | None = None


class TransformInput(Shape, frozen=True):
    """The data that a transform job reads."""

    data_source: DataSource = DataSource()
    content_type: str | None = None


class TransformOutput(Shape, frozen=True):
    """Where a transform job writes."""

    s3_output_path: Uri | None = None
    accept: str | None = None


class DataCaptureConfig(Shape, frozen=True):
    """Where a transform job keeps what it was asked and what it answered."""

    destination_s3_uri: Uri | None = None


class TransformJob(Shape, frozen=True):
    """A batch transform job, as DescribeTransformJob shows it."""

    transform_job_name: Name | None = None
    transform_job_arn: Uri | None = None
    auto_ml_job_arn: Uri | None = msgspec.field(name="AutoMLJobArn", default=None)
    labeling_job_arn: Uri | None = None
    transform_job_status: str | None = None
    failure_reason: str | None = None
    model_name: Name | None = None
    transform_input: TransformInput = TransformInput()
    transform_output: TransformOutput = TransformOutput()
    transform_resources: ResourceConfig = ResourceConfig()
    data_capture_config: DataCaptureConfig = DataCaptureConfig()
    environment: Environment = {}
    experiment_config: ExperimentConfig = ExperimentConfig()
    metadata_properties: MetadataProperties = MetadataProperties()
    tags: Tags = None
    creation_time: Time | None = None
    transform_start_time: Time | None = None
    transform_end_time: Time | None = None
    last_modified_time: Time | None = None
