"""Inference components: models on an endpoint that they share."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import msgspec

from consumers.arns import kind_of
from consumers.kind import ENDPOINT, INFERENCE_COMPONENT, MODEL
from consumers.resources.calls import creates, deletes, updates
from consumers.resources.deployments import ACTION_STATUSES, end
from consumers.resources.descriptions import TAGS, described
from consumers.resources.endpoint import Endpoint, endpoint_context
from consumers.resources.fields import Fields, Name, Tags, Time, Uri, plain_status
from consumers.resources.model import Model, model_sources
from consumers.resources.types import DescribeRequest, Lookup, Resource, ResourceType, Turn, turns
from ingest.sagemaker_operations import ListOperation
from store.lineage import (
    OWNER,
    REPORTED,
    Action,
    Artifact,
    Association,
    AssociationType,
    Entity,
    Lineage,
    artifact,
    entity_name,
)


class DeployedImage(Fields, frozen=True):
    """An image as it was requested."""

    specified_image: Uri | None = None


class ComponentContainer(Fields, frozen=True):
    """What an inference component serves that names no model."""

    image: Uri | None = None
    deployed_image: DeployedImage = DeployedImage()
    artifact_url: Uri | None = None


class ComponentSpecification(Fields, frozen=True):
    """What an inference component serves."""

    model_name: Name | None = None
    container: ComponentContainer = ComponentContainer()
    base_inference_component_name: Name | None = None


class InferenceComponent(Fields, frozen=True):
    """A model on an endpoint that it shares with others, as DescribeInferenceComponent shows it."""

    inference_component_name: Name | None = None
    inference_component_arn: Uri | None = None
    inference_component_status: str | None = None
    endpoint_name: Name | None = None
    endpoint_arn: Uri | None = None
    variant_name: Name | None = None
    specification: ComponentSpecification = ComponentSpecification()
    specifications: list[ComponentSpecification] = []
    tags: Tags = None
    creation_time: Time | None = None
    last_modified_time: Time | None = None


class Served(NamedTuple):
    """What an inference component serves: each is a name or a URI, or empty."""

    model: str
    image: str
    data: str
    base: str


_Turn = Turn[tuple[Served, ...]]
"""What a component served, from when and until when."""

_served = msgspec.json.Decoder(tuple[Served, ...])


def lineage(component: Resource[InferenceComponent], lookup: Lookup) -> Lineage:
    """An inference component deploys its model, or its container, to an endpoint; what replaces it is another action.

    So is what an adapter serves when the component that it adapts serves something else.

    Source: ours, by analogy with an endpoint's deployments; only calls report it (evidence.md#event-kinds).
    """
    endpoint = _endpoint_of(component, lookup)
    context = endpoint_context(endpoint, REPORTED) if endpoint else None
    entities: list[Entity] = [context] if context else []
    associations: list[Association] = []
    for turn in _cut(component, _component_turns(component, endpoint), lookup):
        action = _component_action(component, turn)
        entities.append(action)
        linked, contributed = AssociationType.ASSOCIATED_WITH, AssociationType.CONTRIBUTED_TO
        if context:
            associations.append(Association(action.arn, context.arn, linked, turn.since, turn.until, inferred=True))
        for source in _component_sources(component, turn, lookup):
            entities.append(source)
            associations.append(Association(source.arn, action.arn, contributed, turn.since, turn.until, inferred=True))
    return Lineage(tuple(entities), tuple(associations))


def references(component: Resource[InferenceComponent]) -> Iterator[str]:
    """A component references its endpoint, every model that it has served, and the component that it adapts."""
    if key := _endpoint_key(component):
        yield key
    for turn in _component_turns(component):
        for served in turn.value:
            if served.model:
                yield component.key_beside(MODEL, served.model)
            if served.base:
                yield component.key_beside(INFERENCE_COMPONENT, served.base)


def missing(component: Resource[InferenceComponent], lookup: Lookup) -> Iterator[DescribeRequest]:
    """Its description, while it is unknown what it serves; and those of an unknown endpoint, model or component."""
    detail = component.detail
    key = _endpoint_key(component)
    endpoint = _endpoint_of(component, lookup)
    turns = _component_turns(component, endpoint)
    if _component_end(component, endpoint) is not None:
        return
    if not turns or not key:
        yield from component.describe("DescribeInferenceComponent")
    if key and endpoint is None:
        named = detail.endpoint_name
        arn = component.arn_beside(ENDPOINT, named) if named else key
        yield DescribeRequest(arn, "DescribeEndpoint")
    for turn in turns:
        for model, _, _, base in turn.value:
            if model and lookup(component.key_beside(MODEL, model), Model, turn.since) is None:
                yield DescribeRequest(component.arn_beside(MODEL, model), "DescribeModel")
            if base and lookup(component.key_beside(INFERENCE_COMPONENT, base), InferenceComponent) is None:
                yield DescribeRequest(component.arn_beside(INFERENCE_COMPONENT, base), "DescribeInferenceComponent")


def _endpoint_key(component: Resource[InferenceComponent]) -> str:
    """The key of its endpoint; empty when its fields do not have it."""
    endpoint, arn = component.detail.endpoint_name, component.detail.endpoint_arn or ""
    if not endpoint and kind_of(arn) == ENDPOINT:
        endpoint = arn
    return component.key_beside(ENDPOINT, endpoint) if endpoint else ""


def _endpoint_of(component: Resource[InferenceComponent], lookup: Lookup) -> Resource[Endpoint] | None:
    key = _endpoint_key(component)
    return lookup(key, Endpoint, component.created) if key else None


def _component_end(component: Resource[InferenceComponent], endpoint: Resource[Endpoint] | None) -> int | None:
    """When a component ended: by itself, or with its endpoint."""
    return _first(end(component), end(endpoint) if endpoint else None)


def _component_turns(
    component: Resource[InferenceComponent], endpoint: Resource[Endpoint] | None = None
) -> list[_Turn]:
    """What a component has served, in order."""
    history = ((change.time, change.values[0]) for change in component.changes if change.values[0])
    ended = _component_end(component, endpoint)
    return [Turn(_served.decode(served), since, _first(until, ended)) for served, since, until in turns(history, ended)]


def _first(*times: int | None) -> int | None:
    """The earliest of these times; None is never."""
    return min((time for time in times if time is not None), default=None)


def _component_action(component: Resource[InferenceComponent], turn: _Turn) -> Action:
    detail = component.detail
    name = component.name.lower()
    both = msgspec.json.encode((component.created // 1000, name, turn.value, turn.since))
    digest = hashlib.blake2b(both, digest_size=4).hexdigest()
    whole = entity_name(name, digest, "aws-inference-component")
    status = ACTION_STATUSES.get(plain_status(detail.inference_component_status), "Unknown")
    properties = {"InferenceComponentName": component.name}
    if detail.variant_name:
        properties["VariantName"] = detail.variant_name
    return Action(
        arn=f"{component.arn_prefix}action/{whole}",
        type="ModelDeployment",
        name=whole,
        source_uri=component.arn,
        status=status if turn.until is None else "Completed",
        created=turn.since,
        ended=turn.until,
        properties=properties,
        tags=component.tags,
        created_by=component.created_by,
        modified_by=component.modified_by,
        weight=OWNER,
    )


def _cut(component: Resource[InferenceComponent], whole: list[_Turn], lookup: Lookup) -> Iterator[_Turn]:
    """What a component has served, in spans in which the components that it adapts served the same as well."""
    for turn in whole:
        times = {
            time
            for served in turn.value
            for own in _base_turns(component, served, turn.since, lookup)
            for time in (own.since, own.until)
            if time is not None and turn.since < time and (turn.until is None or time < turn.until)
        }
        bounds = [turn.since, *sorted(times), turn.until]
        for since, until in pairwise(bounds):
            if since is not None:
                yield turn._replace(since=since, until=until)


def _base_turns(component: Resource[InferenceComponent], served: Served, at: int, lookup: Lookup) -> list[_Turn]:
    """What the component that a component adapts has served, in order."""
    key = component.key_beside(INFERENCE_COMPONENT, served.base) if served.base else ""
    base = lookup(key, InferenceComponent, at) if key else None
    return _component_turns(base) if base else []


def _component_sources(component: Resource[InferenceComponent], turn: _Turn, lookup: Lookup) -> Iterator[Artifact]:
    """What a component serves in a span, and what the component that it adapts serves meanwhile."""
    for served in turn.value:
        yield from _sources(component, served, turn.since, lookup)
        for own in _base_turns(component, served, turn.since, lookup):
            if own.since <= turn.since and (own.until is None or turn.since < own.until):
                for adapted in own.value:
                    yield from _sources(component, adapted, own.since, lookup)


def _sources(component: Resource[InferenceComponent], served: Served, since: int, lookup: Lookup) -> list[Artifact]:
    key = component.key_beside(MODEL, served.model) if served.model else ""
    model = lookup(key, Model, since) if key else None
    found = model_sources(model, lookup, component.arn_prefix, since) if model else []
    uris = (("Model", served.data), ("Image", served.image))
    return [*found, *(artifact(component.arn_prefix, type_, uri, since) for type_, uri in uris if uri)]


def _tracked(component: InferenceComponent) -> tuple[str, ...]:
    """What a component serves, as JSON, and its status."""
    found = set()
    for specification in (component.specification, *component.specifications):
        container = specification.container
        image = container.image or container.deployed_image.specified_image
        served = (
            specification.model_name,
            image,
            container.artifact_url,
            specification.base_inference_component_name,
        )
        if any(served):
            found.add(tuple(value or "" for value in served))
    encoded = msgspec.json.encode(sorted(found)).decode() if found else ""
    return (encoded, component.inference_component_status or "")


TYPE = ResourceType(
    kind=INFERENCE_COMPONENT,
    name="inference component",
    mark="ours",
    version=3,
    passes_on=True,
    fields=InferenceComponent,
    lineage=lineage,
    references=references,
    missing=missing,
    arn_field="inference_component_arn",
    name_field="inference_component_name",
    status_fields=("inference_component_status",),
    clock_fields=("last_modified_time",),
    tracked=_tracked,
    calls={
        "CreateInferenceComponent": creates(),
        "UpdateInferenceComponent": updates(),
        "UpdateInferenceComponentRuntimeConfig": updates(),
        "DeleteInferenceComponent": deletes(),
    },
    described_by=described("InferenceComponent"),
    further_descriptions=(TAGS,),
    listed_by=ListOperation(
        "ListInferenceComponents", "InferenceComponents", "InferenceComponentArn", "InferenceComponentName"
    ),
)
