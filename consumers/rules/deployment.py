"""Endpoints, their configurations, and the deployments that put models behind them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import msgspec

from consumers import shapes
from consumers.known import Kind
from consumers.resource import Lookup, Resource
from consumers.rules.registry import model_sources
from store.lineage import OWN, Action, Artifact, Association, AssociationType, Context, Entity, Lineage, entity_name

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
        yield config.sibling(Kind.MODEL, name)


def endpoint(endpoint: Resource[shapes.Endpoint], lookup: Lookup) -> Lineage:
    """An endpoint is a context; each configuration it has had is a deployment of that configuration's models.

    Source: CAPTURE B1, observed: EP03A (deployment -> endpoint), BOOK row 14 (package -> deployment); an update makes
    another deployment (plausible), the one before is kept, ended.
    """
    context = endpoint_context(endpoint)
    entities: list[Entity] = [context]
    associations: list[Association] = []
    for position, deployment in enumerate(deployments(endpoint)):
        action = _action(endpoint, deployment)
        entities.append(action)
        associations.append(
            Association(action.arn, context.arn, AssociationType.ASSOCIATED_WITH, deployment.since, deployment.until)
        )
        # A name means what stood when it was given: to the endpoint when it was made, later by an update.
        given = endpoint.created if position == 0 else deployment.since
        for source in _deployed(endpoint, deployment, given, lookup):
            entities.append(source)
            associations.append(
                Association(source.arn, action.arn, AssociationType.CONTRIBUTED_TO, deployment.since, deployment.until)
            )
    return Lineage(tuple(entities), tuple(associations))


def endpoint_refers(endpoint: Resource[shapes.Endpoint]) -> Iterator[str]:
    """An endpoint reads every configuration it has had, and the one that is coming."""
    for change in endpoint.changes:
        for config in change.values[:2]:
            if config:
                yield endpoint.sibling(Kind.ENDPOINT_CONFIG, config)


def endpoint_context(endpoint: Resource[shapes.Endpoint]) -> Context:
    """The context of an endpoint, named by its creation in epoch seconds (CAPTURE B4: plausible)."""
    name = entity_name(endpoint.named(endpoint.detail.endpoint_name), str(endpoint.created // 1000), "aws-endpoint")
    status = endpoint.detail.endpoint_status or ""
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
        weight=OWN,
    )


def deployments(endpoint: Resource[shapes.Endpoint]) -> list[Deployment]:
    """One for each configuration that the endpoint has had or was about to get, in the order of their beginnings.

    A deployment lasts from the first word of its configuration until another took its place. One that was announced
    but never took over (it was rolled back) ended when the endpoint next spoke without it.
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
        found.append(Deployment(span.config, span.first, until, status))
    return sorted(found, key=lambda deployment: (deployment.since, deployment.config))


class _Span(msgspec.Struct, frozen=True):
    """The first and the last word of a configuration, and whether the endpoint ever ran on it."""

    config: str
    first: int
    last: int
    took_over: bool


def _turns(endpoint: Resource[shapes.Endpoint]) -> list[tuple[int, str, str]]:
    """What was told: (time, configuration, the one to come). What leaves the configuration out does not change it."""
    found = []
    current = ""
    for change in endpoint.changes:
        told, pending, _ = change.values
        current = told or current
        found.append((change.time, current, pending))
    return found


def end(endpoint: Resource[shapes.Endpoint]) -> int | None:
    """When an endpoint ended: when it began to be deleted, or another was made under its name; None if it stands."""
    ended = None
    for change in endpoint.changes:
        deleting = _plain(change.values[2]) == "deleting"
        ended = (change.time if ended is None else ended) if deleting else None
    return ended if ended is not None else endpoint.replaced


def _plain(status: str | None) -> str:
    """A status as both the API and events spell it: InService, IN_SERVICE."""
    return (status or "").replace("_", "").lower()


def _action(endpoint: Resource[shapes.Endpoint], deployment: Deployment) -> Action:
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
        properties={"EndpointConfigName": deployment.config},
        weight=OWN,
    )


def _deployed(
    endpoint: Resource[shapes.Endpoint], deployment: Deployment, given: int, lookup: Lookup
) -> list[Artifact]:
    config = lookup(endpoint.sibling(Kind.ENDPOINT_CONFIG, deployment.config), shapes.EndpointConfig, given)
    if config is None:
        return []
    found: dict[str, Artifact] = {}
    for name in _models(config.detail):
        model = lookup(config.sibling(Kind.MODEL, name), shapes.Model, config.created)
        if model:
            for source in model_sources(model, lookup, endpoint.partition, deployment.since):
                found[source.arn] = source
    return list(found.values())


def _models(detail: shapes.EndpointConfig) -> Iterator[str]:
    for variant in [*detail.production_variants, *detail.shadow_production_variants]:
        if variant.model_name:
            yield variant.model_name
