"""Endpoints and their configurations, as events tell them."""

from __future__ import annotations

from consumers.shapes.reading import Name, Shape, Tags, Time, Uri


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
