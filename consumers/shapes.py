"""What events say of each kind of resource, as types: only what rules read, checked once.

Field names are SageMaker's. Everything is optional, since events leave out what they like: a plain value that is not
there is None, a structure that is not there is an empty one.
"""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

import msgspec

from ingest.event import Malformed

Time = str | int | float
"""A time in any of the spellings that `ingest.event.milliseconds` reads."""
Number = float

Name = Annotated[str, msgspec.Meta(max_length=256)]
Uri = Annotated[str, msgspec.Meta(max_length=2048)]
"""A URI or an ARN. SageMaker refuses longer ones; so do we, since no database can index a text without end."""


class Shape(msgspec.Struct, frozen=True, rename="pascal", gc=False):
    """What all details are: PascalCase keys, all optional."""


class Tag(msgspec.Struct, frozen=True, gc=False):
    """One tag, as the API spells it and as CloudTrail does."""

    upper_key: Name | None = msgspec.field(name="Key", default=None)
    upper_value: Name | None = msgspec.field(name="Value", default=None)
    lower_key: Name | None = msgspec.field(name="key", default=None)
    lower_value: Name | None = msgspec.field(name="value", default=None)


Tags = dict[Name, Name | None] | list[Tag] | None


class S3DataSource(Shape, frozen=True):
    """Objects in S3."""

    s3_uri: Uri | None = None


class FileSystemDataSource(Shape, frozen=True):
    """A folder in EFS or FSx."""

    file_system_id: Name | None = None
    directory_path: Uri | None = None


class DataSource(Shape, frozen=True):
    """Where a channel's data is."""

    s3_data_source: S3DataSource = S3DataSource()
    file_system_data_source: FileSystemDataSource = FileSystemDataSource()


class Channel(Shape, frozen=True):
    """A named input of a training job."""

    channel_name: Name = ""
    content_type: str | None = None
    data_source: DataSource = DataSource()


class AlgorithmSpecification(Shape, frozen=True):
    """The program of a training job."""

    training_image: Uri | None = None
    algorithm_name: Uri | None = None


class ModelArtifacts(Shape, frozen=True):
    """What a training job made."""

    s3_model_artifacts: Uri | None = None


class ResourceConfig(Shape, frozen=True):
    """The machines of a job."""

    instance_type: str | None = None
    instance_count: Number | None = None
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


class FinalMetric(Shape, frozen=True):
    """The last value of a metric."""

    metric_name: Name = ""
    value: Number | None = None
    timestamp: Time | None = None


class TrainingJob(Shape, frozen=True):
    """A training job, as DescribeTrainingJob shows it."""

    training_job_name: Name | None = None
    training_job_arn: Uri | None = None
    training_job_status: str | None = None
    secondary_status: str | None = None
    failure_reason: str | None = None
    hyper_parameters: dict[Name, str | None] = {}
    algorithm_specification: AlgorithmSpecification = AlgorithmSpecification()
    input_data_config: list[Channel] = []
    model_artifacts: ModelArtifacts = ModelArtifacts()
    resource_config: ResourceConfig = ResourceConfig()
    checkpoint_config: CheckpointConfig = CheckpointConfig()
    debug_hook_config: OutputPath = OutputPath()
    tensor_board_output_config: OutputPath = OutputPath()
    experiment_config: ExperimentConfig = ExperimentConfig()
    final_metric_data_list: list[FinalMetric] = []
    tags: Tags = None
    creation_time: Time | None = None
    training_start_time: Time | None = None
    training_end_time: Time | None = None
    last_modified_time: Time | None = None


class DatasetDefinition(Shape, frozen=True):
    """An input of a processing job that a query makes."""

    athena_dataset_definition: dict[str, Any] = {}
    redshift_dataset_definition: dict[str, Any] = {}


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


class ProcessingJob(Shape, frozen=True):
    """A processing job, as DescribeProcessingJob shows it."""

    processing_job_name: Name | None = None
    processing_job_arn: Uri | None = None
    processing_job_status: str | None = None
    failure_reason: str | None = None
    processing_inputs: list[ProcessingInput] = []
    processing_output_config: ProcessingOutputConfig = ProcessingOutputConfig()
    processing_resources: ProcessingResources = ProcessingResources()
    app_specification: AppSpecification = AppSpecification()
    experiment_config: ExperimentConfig = ExperimentConfig()
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


class TransformJob(Shape, frozen=True):
    """A batch transform job, as DescribeTransformJob shows it."""

    transform_job_name: Name | None = None
    transform_job_arn: Uri | None = None
    transform_job_status: str | None = None
    failure_reason: str | None = None
    model_name: Name | None = None
    transform_input: TransformInput = TransformInput()
    transform_output: TransformOutput = TransformOutput()
    transform_resources: ResourceConfig = ResourceConfig()
    experiment_config: ExperimentConfig = ExperimentConfig()
    tags: Tags = None
    creation_time: Time | None = None
    transform_start_time: Time | None = None
    transform_end_time: Time | None = None
    last_modified_time: Time | None = None


class ModelS3DataSource(Shape, frozen=True):
    """Model data in S3, packed or not."""

    s3_uri: Uri | None = None


class ModelDataSource(Shape, frozen=True):
    """Where a container's model data is, in the newer spelling."""

    s3_data_source: ModelS3DataSource = ModelS3DataSource()


class Container(Shape, frozen=True):
    """An image and the model data that it serves."""

    image: Uri | None = None
    model_data_url: Uri | None = None
    model_data_source: ModelDataSource = ModelDataSource()
    model_package_name: Uri | None = None


class Model(Shape, frozen=True):
    """A model, as DescribeModel shows it."""

    model_name: Name | None = None
    model_arn: Uri | None = None
    primary_container: Container = Container()
    containers: list[Container] = []
    tags: Tags = None
    creation_time: Time | None = None


class InferenceSpecification(Shape, frozen=True):
    """How a model package is served."""

    containers: list[Container] = []


class SourceAlgorithm(Shape, frozen=True):
    """An algorithm that a model package was made from."""

    algorithm_name: Uri | None = None
    model_data_url: Uri | None = None


class SourceAlgorithmSpecification(Shape, frozen=True):
    """The algorithms that a model package was made from."""

    source_algorithms: list[SourceAlgorithm] = []


class MetadataProperties(Shape, frozen=True):
    """Where something came from."""

    generated_by: Uri | None = None
    commit_id: str | None = None
    repository: str | None = None
    project_id: str | None = None


class ModelPackage(Shape, frozen=True):
    """A model package, as DescribeModelPackage shows it."""

    model_package_group_name: Name | None = None
    model_package_version: int | float | str | None = None
    model_package_name: Uri | None = None
    model_package_arn: Uri | None = None
    model_package_status: str | None = None
    model_approval_status: str | None = None
    approval_description: str | None = None
    inference_specification: InferenceSpecification = InferenceSpecification()
    source_algorithm_specification: SourceAlgorithmSpecification = SourceAlgorithmSpecification()
    metadata_properties: MetadataProperties = MetadataProperties()
    updated_model_package_fields: list[str] | None = None
    tags: Tags = None
    creation_time: Time | None = None
    last_modified_time: Time | None = None


class ModelPackageGroup(Shape, frozen=True):
    """A model package group, as its packages speak of it."""

    model_package_group_name: Name | None = None
    model_package_group_arn: Uri | None = None


class Variant(Shape, frozen=True):
    """A model behind an endpoint."""

    variant_name: Name | None = None
    model_name: Name | None = None


class EndpointConfig(Shape, frozen=True):
    """An endpoint configuration, as DescribeEndpointConfig shows it."""

    endpoint_config_name: Name | None = None
    endpoint_config_arn: Uri | None = None
    production_variants: list[Variant] = []
    shadow_production_variants: list[Variant] = []
    tags: Tags = None
    creation_time: Time | None = None


class PendingDeployment(Shape, frozen=True):
    """A deployment that has begun."""

    endpoint_config_name: Name | None = None
    start_time: Time | None = None


class Endpoint(Shape, frozen=True):
    """An endpoint, as DescribeEndpoint shows it; its status is spelled IN_SERVICE."""

    endpoint_name: Name | None = None
    endpoint_arn: Uri | None = None
    endpoint_status: str | None = None
    endpoint_config_name: Name | None = None
    failure_reason: str | None = None
    pending_deployment_summary: PendingDeployment = PendingDeployment()
    tags: Tags = None
    creation_time: Time | None = None
    last_modified_time: Time | None = None


class PipelineExecution(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """An execution of a pipeline."""

    pipeline_arn: Uri | None = None
    pipeline_execution_arn: Uri | None = None
    pipeline_execution_display_name: Name | None = None
    current_pipeline_execution_status: str | None = None
    execution_start_time: Time | None = None
    execution_end_time: Time | None = None


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
    quality_check: CheckedResource = CheckedResource()
    clarify_check: CheckedResource = CheckedResource()


class PipelineStep(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """A step of an execution."""

    pipeline_arn: Uri | None = None
    pipeline_execution_arn: Uri | None = None
    step_name: Name | None = None
    step_type: str | None = None
    current_step_status: str | None = None
    metadata: StepMetadata = StepMetadata()
    step_start_time: Time | None = None
    step_end_time: Time | None = None


class S3StorageConfig(Shape, frozen=True):
    """Where an offline store keeps its data."""

    s3_uri: Uri | None = None


class OfflineStoreConfig(Shape, frozen=True):
    """The offline store of a feature group."""

    s3_storage_config: S3StorageConfig = msgspec.field(name="S3StorageConfig", default=S3StorageConfig())


class FeatureGroup(Shape, frozen=True):
    """A feature group, as DescribeFeatureGroup shows it."""

    feature_group_name: Name | None = None
    feature_group_arn: Uri | None = None
    feature_group_status: str | None = None
    description: str | None = None
    offline_store_config: OfflineStoreConfig = OfflineStoreConfig()
    tags: Tags = None
    creation_time: Time | None = None
    last_modified_time: Time | None = None


D = TypeVar("D", bound=msgspec.Struct)


def read(detail: bytes | msgspec.Raw, decoder: msgspec.json.Decoder[D]) -> D:
    """A detail as its type.

    Args:
        detail: A JSON object.
        decoder: Of the type.

    Raises:
        Malformed: A value that rules read is of another type, whatever way it is looked at.
    """
    try:
        return decoder.decode(detail)
    except msgspec.ValidationError:
        return _read_loosely(detail, decoder)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as why:
        raise Malformed(f"detail cannot be read: {why}") from why


def _read_loosely(detail: bytes | msgspec.Raw, decoder: msgspec.json.Decoder[D]) -> D:
    # "" and {} stand for an absent value anywhere, and numbers come as strings: rare enough to be read twice.
    try:
        loose = msgspec.convert(without_empty(msgspec.json.decode(detail)), decoder.type, strict=False)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as why:
        raise Malformed(f"detail cannot be read: {why}") from why
    return loose


def without_empty(value: Any) -> Any:
    """A JSON value without what SageMaker writes for nothing: null, "" and {}, at every level."""
    if isinstance(value, dict):
        return {key: without_empty(inner) for key, inner in value.items() if inner not in (None, "", {})}
    if isinstance(value, list):
        return [without_empty(inner) for inner in value if inner not in (None, "", {})]
    return value


def tags(told: Tags) -> dict[str, str]:
    """Tags as a map, from any of the spellings that events use."""
    if not told:
        return {}
    if isinstance(told, dict):
        return {key: value or "" for key, value in told.items() if key}
    pairs = ((tag.upper_key or tag.lower_key, tag.upper_value or tag.lower_value) for tag in told)
    return {key: value or "" for key, value in pairs if key}
