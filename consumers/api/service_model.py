"""SageMaker's service models, as botocore has them: the one source of the API's shapes, patterns and limits.

Only files are read here: there is no client, no session, no credentials and no connection.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from botocore.model import OperationModel, ServiceModel

SAGEMAKER, METRICS = "sagemaker", "sagemaker-metrics"
"""The services of the API: one in JSON 1.1, one in REST with JSON, where all members are in the body."""

RELAXED: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "QueryLineageStartArns": {"type": "list", "member": {"shape": "Start"}, "min": 0, "max": 1},
        "Start": {"type": "string", "min": 1, "max": 2048},
    }
)
"""Shapes that accept more than SageMaker's: a walk may also start at a job, an endpoint, a package or an S3 URI."""

UNLIMITED = frozenset({"QueryLineageStartArns", "QueryLineageMaxDepth", "QueryLineageMaxResults"})
"""Shapes whose greatest length or value a request may lift."""


def names(service: str) -> tuple[str, ...]:
    """The names of all operations of a service, sorted."""
    return tuple(sorted(_service(service).operation_names))


@cache
def operation(name: str) -> OperationModel:
    """An operation of either service: its `input_shape`, and its `output_shape`, None where its response is empty.

    The same object each time, so that what is compiled from its shapes can be cached by them.

    Raises:
        KeyError: SageMaker has no such operation.
    """
    for service in (SAGEMAKER, METRICS):
        model = _service(service)
        if name in model.operation_names:
            return model.operation_model(name)
    raise KeyError(name)


def naming_members(name: str) -> list[str]:
    """The members of an operation's request that are required: those that name what it is about."""
    shape = operation(name).input_shape
    return list(shape.required_members) if shape else []


@cache
def _service(name: str) -> ServiceModel:
    # botocore takes as long to import as all the rest together, and most commands never serve.
    from botocore.loaders import Loader
    from botocore.model import ServiceModel

    # Models in ~/.aws/models are for the user's clients, not for a server.
    loader = Loader(extra_search_paths=[Loader.BUILTIN_DATA_PATH], include_default_search_paths=False)
    model = loader.load_service_model(name, "service-2")
    return ServiceModel({**model, "shapes": {**model["shapes"], **RELAXED}}, name)
