"""Reads of what events told: jobs, the registry, endpoints, pipelines, by SageMaker's Describe and List operations."""

from __future__ import annotations

from collections.abc import Mapping

from store.api.asked import Row
from store.api.operations.told import deployment, jobs, pipelines, registry

OPERATIONS: Mapping[str, Row] = {
    **jobs.OPERATIONS,
    **registry.OPERATIONS,
    **deployment.OPERATIONS,
    **pipelines.OPERATIONS,
}
"""How each of them is answered, by its name."""
