"""SageMaker's Describe and List operations on jobs, the registry, endpoints and pipelines."""

from __future__ import annotations

from collections.abc import Mapping

from consumers.api.operations.resources import deployment, images, jobs, pipelines, registry
from consumers.api.service import Operation

OPERATIONS: Mapping[str, Operation] = {
    **jobs.OPERATIONS,
    **registry.OPERATIONS,
    **deployment.OPERATIONS,
    **pipelines.OPERATIONS,
    **images.OPERATIONS,
}
"""The operations on resources."""
