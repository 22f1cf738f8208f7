"""One file a resource type; `RESOURCE_TYPES` is the one visible list of them, a line each.

A new type takes three things: its file here, which says all about it (`types.ResourceType`), its line below, and a case
in tests/cases. `make docs` writes what follows from it into docs/capture.md and into the policy of infra/template.yaml.
"""

from __future__ import annotations

from collections.abc import Mapping

from consumers.kind import ResourceKind
from consumers.resources import (
    automl_job,
    client_associations,
    client_entities,
    client_experiments,
    client_trial_components,
    compilation_job,
    endpoint,
    endpoint_config,
    feature_group,
    glue_job_run,
    image,
    image_version,
    inference_component,
    kept,
    labeling_job,
    model,
    model_card,
    model_package,
    model_package_group,
    monitoring_schedule,
    pipeline,
    pipeline_execution,
    pipeline_step,
    processing_job,
    training_job,
    transform_job,
    tuning_job,
)
from consumers.resources.calls import CallEffect
from consumers.resources.descriptions import TAGS, Description
from consumers.resources.types import AnyResourceType
from ingest.sagemaker_operations import DescribeOperation

_TYPES: tuple[AnyResourceType, ...] = (
    pipeline.TYPE,
    pipeline_execution.TYPE,
    pipeline_step.TYPE,
    training_job.TYPE,
    processing_job.TYPE,
    transform_job.TYPE,
    tuning_job.TYPE,
    automl_job.TYPE,
    labeling_job.TYPE,
    compilation_job.TYPE,
    glue_job_run.TYPE,
    model.TYPE,
    model_package_group.TYPE,
    model_package.TYPE,
    model_card.TYPE,
    endpoint_config.TYPE,
    endpoint.TYPE,
    inference_component.TYPE,
    monitoring_schedule.TYPE,
    feature_group.TYPE,
    client_experiments.EXPERIMENT_TYPE,
    client_experiments.TRIAL_TYPE,
    client_trial_components.TYPE,
    client_associations.MEMBERSHIP_TYPE,
    client_associations.ASSOCIATION_TYPE,
    client_entities.ARTIFACT_TYPE,
    client_entities.CONTEXT_TYPE,
    client_entities.ACTION_TYPE,
    image.TYPE,
    image_version.TYPE,
    *kept.TYPES,
)
RESOURCE_TYPES: Mapping[ResourceKind, AnyResourceType] = {one.kind: one for one in _TYPES}
"""Every resource type, by its kind."""

# ------------------------------------------------------------------------------------ what is looked up in other ways

EVENTS: Mapping[str, ResourceKind] = {event: one.kind for one in _TYPES for event in one.events}
"""The kind of resource that each kind of event reports (evidence.md#event-kinds)."""

CALLS: Mapping[str, tuple[ResourceKind, CallEffect]] = {
    name: (one.kind, effect) for one in _TYPES for name, effect in one.calls.items()
}
"""What recorded calls do, and to which kind of resource; those of another service are `<service> <operation>`."""

DESCRIPTIONS: Mapping[str, tuple[ResourceKind, Description]] = {
    operation.name: (one.kind, description)
    for one in _TYPES
    for description in one.descriptions
    if description is not TAGS
    for operation in (description.operation, description.operation.older)
    if operation
}
"""What describes which kind of resource, by operation; but tags, which any kind can have."""

DESCRIBE_OPERATIONS: Mapping[str, DescribeOperation] = {
    operation.name: operation
    for one in _TYPES
    for description in (*one.descriptions, TAGS)
    for operation in (description.operation, description.operation.older)
    if operation
}
"""How each operation that describes something is called, by its name."""
