"""Endpoints and their configurations: described and listed."""

from __future__ import annotations

from collections.abc import Mapping

from consumers.api.missing import missing
from consumers.api.operations.resources.paging import described, listed, listing
from consumers.api.request import Request, Response
from consumers.api.service import Operation, Service

ENDPOINT, CONFIG = "endpoint", "endpoint-config"


def describe_endpoint(service: Service, request: Request) -> Response:
    """Describe an endpoint."""
    arn = request.arn(ENDPOINT, request.input["EndpointName"])
    return described(service, arn, missing("DescribeEndpoint", arn))


def list_endpoints(service: Service, request: Request) -> Response:
    """List endpoints."""
    return listed(service, request, "Endpoints", listing(request, ENDPOINT))


def describe_endpoint_config(service: Service, request: Request) -> Response:
    """Describe an endpoint configuration."""
    arn = request.arn(CONFIG, request.input["EndpointConfigName"])
    return described(service, arn, missing("DescribeEndpointConfig", arn))


def list_endpoint_configs(service: Service, request: Request) -> Response:
    """List endpoint configurations."""
    return listed(service, request, "EndpointConfigs", listing(request, CONFIG))


OPERATIONS: Mapping[str, Operation] = {
    "DescribeEndpoint": Operation(
        describe_endpoint,
        differs="An endpoint whose deletion only its own events report stays, with the status Deleting.",
    ),
    "ListEndpoints": Operation(list_endpoints),
    "DescribeEndpointConfig": Operation(describe_endpoint_config),
    "ListEndpointConfigs": Operation(list_endpoint_configs),
}
