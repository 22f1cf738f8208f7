"""Reads of what events told: jobs, the registry, endpoints, pipelines, by SageMaker's Describe and List operations."""

from __future__ import annotations

from collections.abc import Mapping

from consumers.api.operations.resources import deployment, jobs, pipelines, registry
from consumers.api.service import Operation

OPERATIONS: Mapping[str, Operation] = {
    **jobs.OPERATIONS,
    **registry.OPERATIONS,
    **deployment.OPERATIONS,
    **pipelines.OPERATIONS,
}
"""How each of them is answered, by its name."""
