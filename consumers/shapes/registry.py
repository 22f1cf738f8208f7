"""Models, model packages and their groups, as events tell them."""

from __future__ import annotations

from consumers.shapes.reading import Name, Shape, Tags, Time, Uri


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
    additional_model_data_sources: list[ModelDataSource] = []
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


class Report(Shape, frozen=True):
    """A file about a model: what was measured, or what is to be compared with."""

    s3_uri: Uri | None = None


Reports = dict[str, dict[str, Report | None] | None]
"""ModelMetrics or DriftCheckBaselines: what of (Bias, ModelQuality ...) -> which (Statistics, Constraints ...)."""


class ModelLifeCycle(Shape, frozen=True):
    """How far a model package has come on its way into use."""

    stage: str | None = None
    stage_status: str | None = None
    stage_description: str | None = None


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
    additional_inference_specifications: list[InferenceSpecification] = []
    source_algorithm_specification: SourceAlgorithmSpecification = SourceAlgorithmSpecification()
    source_uri: Uri | None = None
    model_metrics: Reports = {}
    drift_check_baselines: Reports = {}
    model_life_cycle: ModelLifeCycle = ModelLifeCycle()
    customer_metadata_properties: dict[str, str | None] = {}
    metadata_properties: MetadataProperties = MetadataProperties()
    updated_model_package_fields: list[str] | None = None
    tags: Tags = None
    creation_time: Time | None = None
    last_modified_time: Time | None = None


class ModelPackageGroup(Shape, frozen=True):
    """A model package group, as its packages, calls and DescribeModelPackageGroup speak of it."""

    model_package_group_name: Name | None = None
    model_package_group_arn: Uri | None = None
    model_package_group_status: str | None = None
    model_package_group_description: str | None = None
    tags: Tags = None
    creation_time: Time | None = None
