"""Endpoints, their configurations, and the deployments that put models behind them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from consumers import shapes
from consumers.kind import ResourceKind
from consumers.observe.observation import kind_of
from consumers.resources.types import DescribeRequest, Lookup, Resource
from consumers.rules.registry import model_sources
from store.lineage import (
    OWNER,
    REPORTED,
    Action,
    Artifact,
    Association,
    AssociationType,
    Context,
    Entity,
    Lineage,
    artifact,
    entity_name,
)

ACTION_STATUSES = {
    "creating": "InProgress",
    "updating": "InProgress",
    "systemupdating": "InProgress",
    "rollingback": "InProgress",
    "inservice": "Completed",
    "outofservice": "Stopped",
    "failed": "Failed",
    "updaterollbackfailed": "Failed",
    "deleting": "Stopping",
}
"""An endpoint's status, spelled in one way, as the status of the action that deploys to it."""


class Deployment(msgspec.Struct, frozen=True):
    """One configuration behind an endpoint: from when, until when (None: it still is), and how it went."""

    config: str
    since: int
    until: int | None
    status: str


def endpoint_config(_config: Resource[shapes.EndpointConfig], _: Lookup) -> Lineage:
    """A configuration has no entity of its own: it leads from endpoints to models (CAPTURE B1)."""
    return Lineage()


def endpoint_config_refers(config: Resource[shapes.EndpointConfig]) -> Iterator[str]:
    """A configuration reads its models."""
    for name in _models(config.detail):
        yield config.sibling(ResourceKind.MODEL, name)


def endpoint_config_asks(config: Resource[shapes.EndpointConfig], lookup: Lookup) -> Iterator[DescribeRequest]:
    """A configuration asks for models that nobody speaks of."""
    if not (config.deleted or config.replaced):
        for name in dict.fromkeys(_models(config.detail)):
            if lookup(config.sibling(ResourceKind.MODEL, name), shapes.Model, config.created) is None:
                yield DescribeRequest(config.beside(ResourceKind.MODEL, name), "DescribeModel")


def endpoint(endpoint: Resource[shapes.Endpoint], lookup: Lookup) -> Lineage:
    """An endpoint is a context; each configuration it has had is a deployment of that configuration's models.

    Source: CAPTURE B1, observed: EP03A (deployment -> endpoint), BOOK row 14 (package -> deployment); an update makes
    another deployment (plausible), the one before is kept, ended. Ours, and so inferred: it produces the data that the
    endpoint captures, and the answers and failures that an asynchronous one keeps.
    """
    context = endpoint_context(endpoint)
    entities: list[Entity] = [context]
    associations: list[Association] = []
    for position, deployment in enumerate(deployments(endpoint)):
        # A name means what stood when it was given: to the endpoint when it was made, later by an update.
        given = endpoint.created if position == 0 else deployment.since
        config = lookup(endpoint.sibling(ResourceKind.ENDPOINT_CONFIG, deployment.config), shapes.EndpointConfig, given)
        action = _action(endpoint, deployment, config.detail if config else shapes.EndpointConfig())
        entities.append(action)
        associations.append(
            Association(action.arn, context.arn, AssociationType.ASSOCIATED_WITH, deployment.since, deployment.until)
        )
        if config is None:
            continue
        for source in _deployed(endpoint, deployment, config, lookup):
            entities.append(source)
            associations.append(
                Association(source.arn, action.arn, AssociationType.CONTRIBUTED_TO, deployment.since, deployment.until)
            )
        for uri in _written(config.detail):
            written = artifact(endpoint.partition, "DataSet", uri, deployment.since)
            entities.append(written)
            associations.append(
                Association(
                    action.arn,
                    written.arn,
                    AssociationType.PRODUCED,
                    deployment.since,
                    deployment.until,
                    inferred=True,
                )
            )
    return Lineage(tuple(entities), tuple(associations))


def endpoint_refers(endpoint: Resource[shapes.Endpoint]) -> Iterator[str]:
    """An endpoint reads every configuration it has had, and the one that is coming."""
    for change in endpoint.changes:
        for config in change.values[:2]:
            if config:
                yield endpoint.sibling(ResourceKind.ENDPOINT_CONFIG, config)


def endpoint_asks(endpoint: Resource[shapes.Endpoint], lookup: Lookup) -> Iterator[DescribeRequest]:
    """An endpoint that stands asks for its configuration's name, and for configurations that nobody speaks of."""
    if end(endpoint) is not None:
        return
    if not any(config for change in endpoint.changes for config in change.values[:2]):
        yield from endpoint.asked("DescribeEndpoint", endpoint.detail.endpoint_name)
    for deployment in deployments(endpoint):
        if lookup(endpoint.sibling(ResourceKind.ENDPOINT_CONFIG, deployment.config), shapes.EndpointConfig) is None:
            yield DescribeRequest(
                endpoint.beside(ResourceKind.ENDPOINT_CONFIG, deployment.config), "DescribeEndpointConfig"
            )


def endpoint_context(endpoint: Resource[shapes.Endpoint], weight: int = OWNER) -> Context:
    """The context of an endpoint, named by its creation in epoch seconds (CAPTURE B4: plausible)."""
    name = entity_name(endpoint.named(endpoint.detail.endpoint_name), str(endpoint.created // 1000), "aws-endpoint")
    status = as_described(endpoint.detail.endpoint_status)
    return Context(
        arn=f"{endpoint.partition}context/{name}",
        type="Endpoint",
        name=name,
        source_uri=endpoint.arn,
        status=status,
        created=endpoint.created,
        modified=endpoint.modified,
        ended=end(endpoint),
        properties={"Status": status} if status else {},
        tags=endpoint.tags,
        weight=weight,
    )


def deployments(endpoint: Resource[shapes.Endpoint]) -> list[Deployment]:
    """One for each configuration that the endpoint has had or was about to get, in the order of their beginnings.

    A deployment lasts from the first word of its configuration until another took its place. One that was announced
    but never took over (it was rolled back) ended when the endpoint next spoke without it. An endpoint is made with a
    configuration: the first that it is known to have run on began with it.
    """
    spans: dict[str, _Span] = {}  # by configuration in lower case
    turns = _turns(endpoint)
    for time, current, pending in turns:
        for config, took_over in ((current, True), (pending, False)):
            if config:
                before = spans.get(config.lower(), _Span(config, time, time, False))
                spans[config.lower()] = _Span(
                    min(config, before.config), before.first, time, took_over or before.took_over
                )
    made_with = next((current.lower() for _, current, _ in turns if current), "")
    ended = end(endpoint)
    found = []
    for span in spans.values():
        _, current, pending = turns[-1]
        stands = span.config.lower() in (current.lower(), pending.lower())
        until = next((time for time, _, _ in turns if time > span.last), None if stands else span.last)
        until = ended if until is None or (ended is not None and ended < until) else until
        status = ACTION_STATUSES.get(_plain(endpoint.detail.endpoint_status), "Unknown")
        if until is not None:
            status = "Completed" if span.took_over else "Stopped"
        elif not span.took_over:
            status = "InProgress"
        elif pending and pending.lower() != span.config.lower():
            status = "Completed"  # the endpoint is being updated, away from this one
        since = min(endpoint.created, span.first) if span.config.lower() == made_with else span.first
        found.append(Deployment(span.config, since, until, status))
    return sorted(found, key=lambda deployment: (deployment.since, deployment.config))


class _Span(msgspec.Struct, frozen=True):
    """The first and the last word of a configuration, and whether the endpoint ever ran on it."""

    config: str
    first: int
    last: int
    took_over: bool


def _turns(endpoint: Resource[shapes.Endpoint]) -> list[tuple[int, str, str]]:
    """What was told: (time, configuration, the one to come).

    What leaves the configuration out does not change it; nor, while an update is under way, the one to come.
    """
    found = []
    current = pending = ""
    for change in endpoint.changes:
        told, coming, status = change.values
        current = told or current
        if coming or _plain(status) not in ("", "updating", "systemupdating"):
            pending = coming
        found.append((change.time, current, pending))
    return found


def end(deployed: Resource[shapes.Endpoint] | Resource[shapes.InferenceComponent]) -> int | None:
    """When an endpoint or a component ended: it began to be deleted, or another has its name; None if it stands.

    One whose deletion failed tells another status afterwards.
    """
    told = [(change.time, _plain(change.values[-1])) for change in deployed.changes]
    if deployed.deleted is not None:
        told = sorted([*told, (deployed.deleted, "deleting")], key=lambda turn: turn[0])
    ended = None
    for time, status in told:
        ended = (time if ended is None else ended) if status == "deleting" else None
    return ended if ended is not None else deployed.replaced


def as_described(status: str | None) -> str:
    """A status in one spelling, InService: endpoints' events say IN_SERVICE (CAPTURE A2.4), images' answers CREATED."""
    told = status or ""
    return "".join(word.capitalize() for word in told.split("_")) if told.isupper() else told


def _plain(status: str | None) -> str:
    """A status as both the API and events spell it: InService, IN_SERVICE."""
    return (status or "").replace("_", "").lower()


def _action(endpoint: Resource[shapes.Endpoint], deployment: Deployment, config: shapes.EndpointConfig) -> Action:
    name = endpoint.named(endpoint.detail.endpoint_name).lower()
    both = f"{endpoint.created // 1000}/{name}/{deployment.config.lower()}"
    digest = hashlib.blake2b(both.encode(), digest_size=4).hexdigest()
    whole = entity_name(name, digest, "aws-endpoint")
    return Action(
        arn=f"{endpoint.partition}action/{whole}",
        type="ModelDeployment",
        name=whole,
        source_uri=endpoint.arn,
        status=deployment.status,
        created=deployment.since,
        ended=deployment.until,
        properties={"EndpointConfigName": deployment.config, **_serverless(config)},
        weight=OWNER,
    )


def _serverless(config: shapes.EndpointConfig) -> dict[str, str]:
    """How a serverless endpoint serves: it has one variant (API)."""
    for variant in config.production_variants:
        told = variant.serverless_config
        if told.memory_size is not None or told.max_concurrency is not None:
            found = {"ServerlessMemorySizeInMB": told.memory_size, "ServerlessMaxConcurrency": told.max_concurrency}
            return {name: str(value) for name, value in found.items() if value is not None}
    return {}


def _written(config: shapes.EndpointConfig) -> Iterator[str]:
    """Where an endpoint of a configuration writes: what it captures, and answers that nobody waits for."""
    captured = config.data_capture_config
    output = config.async_inference_config.output_config
    told = (
        captured.destination_s3_uri if captured.enable_capture else None,
        output.s3_output_path,
        output.s3_failure_path,
    )
    yield from dict.fromkeys(uri for uri in told if uri)


def _deployed(
    endpoint: Resource[shapes.Endpoint],
    deployment: Deployment,
    config: Resource[shapes.EndpointConfig],
    lookup: Lookup,
) -> list[Artifact]:
    found: dict[str, Artifact] = {}
    for name in _models(config.detail):
        model = lookup(config.sibling(ResourceKind.MODEL, name), shapes.Model, config.created)
        if model:
            for source in model_sources(model, lookup, endpoint.partition, deployment.since):
                found[source.arn] = source
    return list(found.values())


def _models(detail: shapes.EndpointConfig) -> Iterator[str]:
    for variant in [*detail.production_variants, *detail.shadow_production_variants]:
        if variant.model_name:
            yield variant.model_name


# ------------------------------------------------------------------------------------------------ inference components


class Served(NamedTuple):
    """What an inference component serves: each is a name or a URI, or empty."""

    model: str
    image: str
    data: str
    base: str


class _Turn(NamedTuple):
    """What a component served, from when, until when (None: it still does)."""

    served: tuple[Served, ...]
    since: int
    until: int | None


_served = msgspec.json.Decoder(tuple[Served, ...])


def inference_component(component: Resource[shapes.InferenceComponent], lookup: Lookup) -> Lineage:
    """An inference component deploys its model, or its container, to an endpoint; what replaces it is another action.

    Source: ours, in the manner of an endpoint's deployments (CAPTURE A1: only calls tell of it).
    """
    endpoint = _endpoint_of(component, lookup)
    context = endpoint_context(endpoint, REPORTED) if endpoint else None
    entities: list[Entity] = [context] if context else []
    associations: list[Association] = []
    for turn in _component_turns(component, endpoint):
        action = _component_action(component, turn)
        entities.append(action)
        linked, contributed = AssociationType.ASSOCIATED_WITH, AssociationType.CONTRIBUTED_TO
        if context:
            associations.append(Association(action.arn, context.arn, linked, turn.since, turn.until, inferred=True))
        for source, since, until in _component_sources(component, turn, lookup):
            entities.append(source)
            associations.append(Association(source.arn, action.arn, contributed, since, until, inferred=True))
    return Lineage(tuple(entities), tuple(associations))


def inference_component_refers(component: Resource[shapes.InferenceComponent]) -> Iterator[str]:
    """A component reads its endpoint, every model that it has served, and the component that it adapts."""
    if key := _endpoint_key(component):
        yield key
    for turn in _component_turns(component):
        for served in turn.served:
            if served.model:
                yield component.sibling(ResourceKind.MODEL, served.model)
            if served.base:
                yield component.sibling(ResourceKind.INFERENCE_COMPONENT, served.base)


def inference_component_asks(
    component: Resource[shapes.InferenceComponent], lookup: Lookup
) -> Iterator[DescribeRequest]:
    """A component that stands asks what it serves, and for the endpoint, model and component that nobody speaks of."""
    detail = component.detail
    key = _endpoint_key(component)
    endpoint = _endpoint_of(component, lookup)
    turns = _component_turns(component, endpoint)
    if _component_end(component, endpoint) is not None:
        return
    if not turns or not key:
        yield from component.asked("DescribeInferenceComponent", detail.inference_component_name)
    if key and endpoint is None:
        named = detail.endpoint_name
        arn = component.beside(ResourceKind.ENDPOINT, named) if named else key
        yield DescribeRequest(arn, "DescribeEndpoint")
    for turn in turns:
        for model, _, _, base in turn.served:
            if model and lookup(component.sibling(ResourceKind.MODEL, model), shapes.Model, turn.since) is None:
                yield DescribeRequest(component.beside(ResourceKind.MODEL, model), "DescribeModel")
            if (
                base
                and lookup(component.sibling(ResourceKind.INFERENCE_COMPONENT, base), shapes.InferenceComponent) is None
            ):
                yield DescribeRequest(
                    component.beside(ResourceKind.INFERENCE_COMPONENT, base), "DescribeInferenceComponent"
                )


def _endpoint_key(component: Resource[shapes.InferenceComponent]) -> str:
    """The key of its endpoint, empty when nobody tells."""
    told, arn = component.detail.endpoint_name, component.detail.endpoint_arn or ""
    if not told and kind_of(arn) == ResourceKind.ENDPOINT:
        told = arn
    return component.sibling(ResourceKind.ENDPOINT, told) if told else ""


def _endpoint_of(component: Resource[shapes.InferenceComponent], lookup: Lookup) -> Resource[shapes.Endpoint] | None:
    key = _endpoint_key(component)
    return lookup(key, shapes.Endpoint, component.created) if key else None


def _component_end(
    component: Resource[shapes.InferenceComponent], endpoint: Resource[shapes.Endpoint] | None
) -> int | None:
    """When a component ended: by itself, or with its endpoint."""
    return _first(end(component), end(endpoint) if endpoint else None)


def _component_turns(
    component: Resource[shapes.InferenceComponent], endpoint: Resource[shapes.Endpoint] | None = None
) -> list[_Turn]:
    """What a component has served, in order; what is told again is no change."""
    told = [(change.time, change.values[0]) for change in component.changes if change.values[0]]
    told = [one for position, one in enumerate(told) if position == 0 or one[1] != told[position - 1][1]]
    ended = _component_end(component, endpoint)
    untils = [*(time for time, _ in told[1:]), ended]
    return [
        _Turn(_served.decode(served), since, _first(until, ended))
        for (since, served), until in zip(told, untils, strict=False)
    ]


def _first(*times: int | None) -> int | None:
    """The earliest of these times; None is never."""
    return min((time for time in times if time is not None), default=None)


def _component_action(component: Resource[shapes.InferenceComponent], turn: _Turn) -> Action:
    detail = component.detail
    name = component.named(detail.inference_component_name).lower()
    both = msgspec.json.encode((component.created // 1000, name, turn.served, turn.since))
    digest = hashlib.blake2b(both, digest_size=4).hexdigest()
    whole = entity_name(name, digest, "aws-inference-component")
    status = ACTION_STATUSES.get(_plain(detail.inference_component_status), "Unknown")
    properties = {"InferenceComponentName": component.named(detail.inference_component_name)}
    if detail.variant_name:
        properties["VariantName"] = detail.variant_name
    return Action(
        arn=f"{component.partition}action/{whole}",
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


def _component_sources(
    component: Resource[shapes.InferenceComponent], turn: _Turn, lookup: Lookup
) -> Iterator[tuple[Artifact, int, int | None]]:
    """What a component serves, and what the component that it adapts served meanwhile; from when and until when."""
    for served in turn.served:
        for source in _sources(component, served, turn.since, lookup):
            yield source, turn.since, turn.until
        if not served.base:
            continue
        base = lookup(
            component.sibling(ResourceKind.INFERENCE_COMPONENT, served.base), shapes.InferenceComponent, turn.since
        )
        for own in _component_turns(base) if base else ():
            since, until = max(own.since, turn.since), _first(own.until, turn.until)
            if until is None or since < until:
                for adapted in own.served:
                    for source in _sources(component, adapted, own.since, lookup):
                        yield source, since, until


def _sources(
    component: Resource[shapes.InferenceComponent], served: Served, since: int, lookup: Lookup
) -> list[Artifact]:
    key = component.sibling(ResourceKind.MODEL, served.model) if served.model else ""
    model = lookup(key, shapes.Model, since) if key else None
    found = model_sources(model, lookup, component.partition, since) if model else []
    told = (("Model", served.data), ("Image", served.image))
    return [*found, *(artifact(component.partition, type_, uri, since) for type_, uri in told if uri)]
