"""Endpoints and their configurations, as events told them."""

from __future__ import annotations

from collections.abc import Mapping

from consumers.api.errors import Invalid
from consumers.api.operations.resources.paging import described, listed, listing
from consumers.api.request import Answer, Asked, Row, Service

ENDPOINT, CONFIG = "endpoint", "endpoint-config"


def describe_endpoint(service: Service, asked: Asked) -> Answer:
    """Describe an endpoint."""
    arn = asked.arn(ENDPOINT, asked.input["EndpointName"])
    return described(service, arn, Invalid(f'Could not find endpoint "{arn}".'))


def list_endpoints(service: Service, asked: Asked) -> Answer:
    """List endpoints."""
    return listed(service, asked, "Endpoints", listing(asked, ENDPOINT))


def describe_endpoint_config(service: Service, asked: Asked) -> Answer:
    """Describe an endpoint configuration."""
    arn = asked.arn(CONFIG, asked.input["EndpointConfigName"])
    return described(service, arn, Invalid(f'Could not find endpoint configuration "{arn}".'))


def list_endpoint_configs(service: Service, asked: Asked) -> Answer:
    """List endpoint configurations."""
    return listed(service, asked, "EndpointConfigs", listing(asked, CONFIG))


OPERATIONS: Mapping[str, Row] = {
    "DescribeEndpoint": Row(
        describe_endpoint, differs="One whose deletion only its own events tell stays, with the status Deleting."
    ),
    "ListEndpoints": Row(list_endpoints),
    "DescribeEndpointConfig": Row(describe_endpoint_config),
    "ListEndpointConfigs": Row(list_endpoint_configs),
}
