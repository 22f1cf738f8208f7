"""SageMaker's service models, as botocore carries them: the one source of the API's shapes, patterns and limits.

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
"""The services that are spoken: in JSON 1.1, and in REST with JSON, where no member is anywhere but in the body."""

LOOSER: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "QueryLineageStartArns": {"type": "list", "member": {"shape": "Start"}, "min": 0, "max": 1},
        "Start": {"type": "string", "min": 1, "max": 2048},
    }
)
"""Shapes that take more than SageMaker's do: a walk may start at a job, an endpoint, a package or an S3 URI, too."""

UNLIMITED = frozenset({"QueryLineageStartArns", "QueryLineageMaxDepth", "QueryLineageMaxResults"})
"""Shapes whose greatest length or value does not hold where no limits are asked for."""


def names(service: str) -> tuple[str, ...]:
    """The names of all operations of a service, sorted."""
    return tuple(sorted(_service(service).operation_names))


@cache
def operation(name: str) -> OperationModel:
    """An operation of either service: its `input_shape`, and its `output_shape`, None where it answers nothing.

    The same object each time, so that what is compiled from its shapes can be kept with them.

    Raises:
        KeyError: SageMaker has no such operation.
    """
    for service in (SAGEMAKER, METRICS):
        model = _service(service)
        if name in model.operation_names:
            return model.operation_model(name)
    raise KeyError(name)


@cache
def _service(name: str) -> ServiceModel:
    # botocore takes as long to import as all else together, and most commands never serve.
    from botocore.loaders import Loader
    from botocore.model import ServiceModel

    # What a user keeps in ~/.aws/models is for their clients, and no business of a server.
    loader = Loader(extra_search_paths=[Loader.BUILTIN_DATA_PATH], include_default_search_paths=False)
    told = loader.load_service_model(name, "service-2")
    return ServiceModel({**told, "shapes": {**told["shapes"], **LOOSER}}, name)
