"""Endpoints and their configurations, as events tell them."""

from __future__ import annotations

import msgspec

from consumers.shapes.reading import Name, Shape, Tags, Time, Uri


class ServerlessConfig(Shape, frozen=True):
    """How a model is served by machines that come and go with the requests."""

    max_concurrency: int | None = None
    memory_size: int | None = msgspec.field(name="MemorySizeInMB", default=None)


class Variant(Shape, frozen=True):
    """A model behind an endpoint."""

    variant_name: Name | None = None
    model_name: Name | None = None
    serverless_config: ServerlessConfig = ServerlessConfig()


class AsyncOutputConfig(Shape, frozen=True):
    """Where an asynchronous endpoint puts its answers."""

    s3_output_path: Uri | None = None
    s3_failure_path: Uri | None = None


class AsyncInferenceConfig(Shape, frozen=True):
    """How an asynchronous endpoint works."""

    output_config: AsyncOutputConfig = AsyncOutputConfig()


class EndpointCapture(Shape, frozen=True):
    """What an endpoint keeps of requests and answers, and where."""

    enable_capture: bool = True
    destination_s3_uri: Uri | None = None


class EndpointConfig(Shape, frozen=True):
    """An endpoint configuration, as DescribeEndpointConfig shows it."""

    endpoint_config_name: Name | None = None
    endpoint_config_arn: Uri | None = None
    production_variants: list[Variant] = []
    shadow_production_variants: list[Variant] = []
    async_inference_config: AsyncInferenceConfig = AsyncInferenceConfig()
    data_capture_config: EndpointCapture = EndpointCapture()
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


class DeployedImage(Shape, frozen=True):
    """An image as it was asked for."""

    specified_image: Uri | None = None


class ComponentContainer(Shape, frozen=True):
    """What an inference component serves that names no model."""

    image: Uri | None = None
    deployed_image: DeployedImage = DeployedImage()
    artifact_url: Uri | None = None


class ComponentSpecification(Shape, frozen=True):
    """What an inference component serves."""

    model_name: Name | None = None
    container: ComponentContainer = ComponentContainer()
    base_inference_component_name: Name | None = None


class InferenceComponent(Shape, frozen=True):
    """A model on an endpoint that it shares with others, as DescribeInferenceComponent shows it."""

    inference_component_name: Name | None = None
    inference_component_arn: Uri | None = None
    inference_component_status: str | None = None
    endpoint_name: Name | None = None
    endpoint_arn: Uri | None = None
    variant_name: Name | None = None
    specification: ComponentSpecification = ComponentSpecification()
    specifications: list[ComponentSpecification] = []
    tags: Tags = None
    creation_time: Time | None = None
    last_modified_time: Time | None = None
