"""Endpoints, and the deployments that put models behind them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from consumers.kind import ENDPOINT, ENDPOINT_CONFIG, MODEL
from consumers.resources.calls import JsonObject, creates, deletes, updates
from consumers.resources.deployments import Deployment, deployments, end
from consumers.resources.descriptions import TAGS, described
from consumers.resources.endpoint_config import EndpointConfig, models_of, serverless_properties, written_uris
from consumers.resources.fields import Fields, Name, Tags, Time, Uri, described_status
from consumers.resources.model import Model, model_sources
from consumers.resources.types import DescribeRequest, Lookup, Resource, ResourceType
from ingest.sagemaker_operations import ListOperation
from store.lineage import (
    OWNER,
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


class PendingDeployment(Fields, frozen=True):
    """A deployment that has begun."""

    endpoint_config_name: Name | None = None
    start_time: Time | None = None


class Endpoint(Fields, frozen=True):
    """An endpoint, as DescribeEndpoint shows it; its status is spelled IN_SERVICE."""

    endpoint_name: Name | None = None
    endpoint_arn: Uri | None = None
    endpoint_status: str | None = None
    endpoint_config_name: Name | None = None
    failure_reason: str | None = None
    pending_deployment_summary: PendingDeployment = PendingDeployment()
    tags: Tags = None
    creation_time: Time | None = None
    last_modified_time: Time | None = None


def lineage(endpoint: Resource[Endpoint], lookup: Lookup) -> Lineage:
    """An endpoint is a context; each time that a configuration served is a deployment of that configuration's models.

    Source: evidence.md#deployment (observed; that an update makes another one, plausible). The deployment before it is
    kept, with its end. Ours, and so inferred: it produces the data that the endpoint captures, and the responses and
    failures that an asynchronous one stores.
    """
    context = endpoint_context(endpoint)
    entities: list[Entity] = [context]
    associations: list[Association] = []
    for deployment in deployments(endpoint, endpoint.detail.endpoint_status):
        # A name means what existed when it was set: when the endpoint was made, or later by an update.
        config = lookup(endpoint.key_beside(ENDPOINT_CONFIG, deployment.config), EndpointConfig, deployment.since)
        action = _action(endpoint, deployment, config.detail if config else EndpointConfig())
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
        for uri in written_uris(config.detail):
            written = artifact(endpoint.arn_prefix, "DataSet", uri, deployment.since)
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


def references(endpoint: Resource[Endpoint]) -> Iterator[str]:
    """An endpoint references every configuration it has had, and the pending one."""
    for change in endpoint.changes:
        for config in change.values[:2]:
            if config:
                yield endpoint.key_beside(ENDPOINT_CONFIG, config)


def missing(endpoint: Resource[Endpoint], lookup: Lookup) -> Iterator[DescribeRequest]:
    """The description of an endpoint without a known configuration; and those of unknown configurations."""
    if end(endpoint) is not None:
        return
    if not any(config for change in endpoint.changes for config in change.values[:2]):
        yield from endpoint.describe("DescribeEndpoint")
    for deployment in deployments(endpoint, endpoint.detail.endpoint_status):
        if lookup(endpoint.key_beside(ENDPOINT_CONFIG, deployment.config), EndpointConfig) is None:
            yield DescribeRequest(endpoint.arn_beside(ENDPOINT_CONFIG, deployment.config), "DescribeEndpointConfig")


def endpoint_context(endpoint: Resource[Endpoint], weight: int = OWNER) -> Context:
    """The context of an endpoint, named by its creation in epoch seconds (plausible: evidence.md#endpoint)."""
    name = entity_name(endpoint.name, str(endpoint.created // 1000), "aws-endpoint")
    status = described_status(endpoint.detail.endpoint_status)
    return Context(
        arn=f"{endpoint.arn_prefix}context/{name}",
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


def _action(endpoint: Resource[Endpoint], deployment: Deployment, config: EndpointConfig) -> Action:
    name = endpoint.name.lower()
    identity = f"{endpoint.created // 1000}/{name}/{deployment.config.lower()}"
    again = () if deployment.first else (str(deployment.since // 1000),)
    if again:
        identity += f"/{deployment.since}"
    digest = hashlib.blake2b(identity.encode(), digest_size=4).hexdigest()
    whole = entity_name(name, digest, *again, "aws-endpoint")
    return Action(
        arn=f"{endpoint.arn_prefix}action/{whole}",
        type="ModelDeployment",
        name=whole,
        source_uri=endpoint.arn,
        status=deployment.status,
        created=deployment.since,
        ended=deployment.until,
        properties={"EndpointConfigName": deployment.config, **serverless_properties(config)},
        weight=OWNER,
    )


def _deployed(
    endpoint: Resource[Endpoint],
    deployment: Deployment,
    config: Resource[EndpointConfig],
    lookup: Lookup,
) -> list[Artifact]:
    found: dict[str, Artifact] = {}
    for name in models_of(config.detail):
        # Models are looked up by name when they are deployed: one may have been made again after the configuration.
        model = lookup(config.key_beside(MODEL, name), Model, max(config.created, deployment.since))
        if model:
            for source in model_sources(model, lookup, endpoint.arn_prefix, deployment.since):
                found[source.arn] = source
    return list(found.values())


def _tracked(endpoint: Endpoint) -> tuple[str, ...]:
    pending = endpoint.pending_deployment_summary
    return (endpoint.endpoint_config_name or "", pending.endpoint_config_name or "", endpoint.endpoint_status or "")


def _pending_update(parameters: JsonObject) -> JsonObject:
    """The configuration that an endpoint is updated to is the one to come: it may yet be rolled back."""
    identity = {name: parameters[name] for name in ("EndpointName", "EndpointArn") if name in parameters}
    return {**identity, "PendingDeploymentSummary": {"EndpointConfigName": parameters.get("EndpointConfigName")}}


TYPE = ResourceType(
    kind=ENDPOINT,
    name="endpoint",
    mark="observed",
    version=4,
    fields=Endpoint,
    lineage=lineage,
    references=references,
    missing=missing,
    arn_field="endpoint_arn",
    name_field="endpoint_name",
    status_fields=("endpoint_status",),
    clock_fields=("last_modified_time",),
    tracked=_tracked,
    events=("SageMaker Endpoint State Change", "SageMaker Endpoint Deployment State Change"),
    calls={
        "CreateEndpoint": creates(),
        "UpdateEndpoint": updates(rewrite=_pending_update),
        "UpdateEndpointWeightsAndCapacities": updates(),
        "DeleteEndpoint": deletes(),
    },
    described_by=described("Endpoint"),
    further_descriptions=(TAGS,),
    listed_by=ListOperation("ListEndpoints", "Endpoints", "EndpointArn", "EndpointName"),
)
