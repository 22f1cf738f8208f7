"""Endpoint configurations, which lead from endpoints to models."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from consumers.kind import ENDPOINT_CONFIG, MODEL
from consumers.resources.calls import creates, deletes
from consumers.resources.descriptions import TAGS, described
from consumers.resources.fields import Fields, Name, Tags, Time, Uri
from consumers.resources.model import Model
from consumers.resources.types import DescribeRequest, Lookup, Resource, ResourceType
from ingest.sagemaker_operations import ListOperation
from store.lineage import Lineage


class ServerlessConfig(Fields, frozen=True):
    """How a model is served by machines that come and go with the requests."""

    max_concurrency: int | None = None
    memory_size: int | None = msgspec.field(name="MemorySizeInMB", default=None)


class Variant(Fields, frozen=True):
    """A model behind an endpoint."""

    variant_name: Name | None = None
    model_name: Name | None = None
    serverless_config: ServerlessConfig = ServerlessConfig()


class AsyncOutputConfig(Fields, frozen=True):
    """Where an asynchronous endpoint puts its responses."""

    s3_output_path: Uri | None = None
    s3_failure_path: Uri | None = None


class AsyncInferenceConfig(Fields, frozen=True):
    """How an asynchronous endpoint works."""

    output_config: AsyncOutputConfig = AsyncOutputConfig()


class EndpointCapture(Fields, frozen=True):
    """Where an endpoint captures requests and responses."""

    enable_capture: bool = True
    destination_s3_uri: Uri | None = None


class EndpointConfig(Fields, frozen=True):
    """An endpoint configuration, as DescribeEndpointConfig shows it."""

    endpoint_config_name: Name | None = None
    endpoint_config_arn: Uri | None = None
    production_variants: list[Variant] = []
    shadow_production_variants: list[Variant] = []
    async_inference_config: AsyncInferenceConfig = AsyncInferenceConfig()
    data_capture_config: EndpointCapture = EndpointCapture()
    tags: Tags = None
    creation_time: Time | None = None


def lineage(_config: Resource[EndpointConfig], _: Lookup) -> Lineage:
    """A configuration has no entity of its own: it leads from endpoints to models (evidence.md#endpoint-config)."""
    return Lineage()


def references(config: Resource[EndpointConfig]) -> Iterator[str]:
    """A configuration references its models."""
    for name in models_of(config.detail):
        yield config.key_beside(MODEL, name)


def missing(config: Resource[EndpointConfig], lookup: Lookup) -> Iterator[DescribeRequest]:
    """The descriptions of its models that nothing is known of."""
    if not config.gone:
        for name in dict.fromkeys(models_of(config.detail)):
            if lookup(config.key_beside(MODEL, name), Model, config.created) is None:
                yield DescribeRequest(config.arn_beside(MODEL, name), "DescribeModel")


def models_of(detail: EndpointConfig) -> Iterator[str]:
    """The names of the models of all variants."""
    for variant in [*detail.production_variants, *detail.shadow_production_variants]:
        if variant.model_name:
            yield variant.model_name


def serverless_properties(config: EndpointConfig) -> dict[str, str]:
    """How a serverless endpoint serves: it has one variant (API)."""
    for variant in config.production_variants:
        serverless = variant.serverless_config
        if serverless.memory_size is not None or serverless.max_concurrency is not None:
            found = {
                "ServerlessMemorySizeInMB": serverless.memory_size,
                "ServerlessMaxConcurrency": serverless.max_concurrency,
            }
            return {name: str(value) for name, value in found.items() if value is not None}
    return {}


def written_uris(config: EndpointConfig) -> Iterator[str]:
    """Where an endpoint of a configuration writes: captured data, and asynchronous responses and failures."""
    captured = config.data_capture_config
    output = config.async_inference_config.output_config
    uris = (
        captured.destination_s3_uri if captured.enable_capture else None,
        output.s3_output_path,
        output.s3_failure_path,
    )
    yield from dict.fromkeys(uri for uri in uris if uri)


TYPE = ResourceType(
    kind=ENDPOINT_CONFIG,
    name="endpoint config",
    mark="observed",
    version=2,
    passes_on=True,
    fields=EndpointConfig,
    lineage=lineage,
    references=references,
    missing=missing,
    arn_field="endpoint_config_arn",
    name_field="endpoint_config_name",
    clock_fields=("creation_time",),
    events=("SageMaker Endpoint Config State Change",),
    calls={"CreateEndpointConfig": creates(), "DeleteEndpointConfig": deletes()},
    described_by=described("EndpointConfig"),
    further_descriptions=(TAGS,),
    listed_by=ListOperation("ListEndpointConfigs", "EndpointConfigs", "EndpointConfigArn", "EndpointConfigName"),
)
