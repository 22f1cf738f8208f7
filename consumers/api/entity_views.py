"""Entities as SageMaker's Describe operations return them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from consumers.arns import account_prefix
from store.entity_records import EntityRecord, Parts
from store.lineage import CLIENT, GROUP, Measured

EntityView = dict[str, Any]


def group_arn(arn_prefix: str) -> str:
    """The ARN of the lineage group of an account and region, from the prefix of their ARNs."""
    return f"{arn_prefix}lineage-group/{GROUP}"


def artifact(entity: EntityRecord) -> EntityView:
    """An artifact."""
    types = entity.document.get("source_types") or ()
    return {
        "ArtifactArn": entity.arn,
        "ArtifactName": entity.name or None,
        "ArtifactType": entity.type or None,
        "Source": {
            "SourceUri": entity.source_uri,
            "SourceTypes": [{"SourceIdType": type_, "Value": value} for type_, value in types] or None,
        },
        **_common(entity),
        **_of_lineage(entity),
    }


def context(entity: EntityRecord) -> EntityView:
    """A context."""
    return {
        "ContextArn": entity.arn,
        "ContextName": entity.name,
        "ContextType": entity.type or None,
        **_common(entity),
        **_of_lineage(entity),
        "Source": _source(entity),
    }


def action(entity: EntityRecord) -> EntityView:
    """An action."""
    return {
        "ActionArn": entity.arn,
        "ActionName": entity.name,
        "ActionType": entity.type or None,
        "Status": entity.status or None,
        **_common(entity),
        **_of_lineage(entity),
        "Source": _source(entity),
    }


def experiment(entity: EntityRecord) -> EntityView:
    """An experiment."""
    return {
        "ExperimentArn": entity.arn,
        "ExperimentName": entity.name,
        "DisplayName": entity.document.get("display_name") or entity.name,
        "Source": _origin(entity),
        "ExperimentSource": _origin(entity),
        **_common(entity),
    }


def trial(entity: EntityRecord, experiment: str | None = None) -> EntityView:
    """A trial; the name of its experiment has the case that its creator gave it."""
    return {
        "TrialArn": entity.arn,
        "TrialName": entity.name,
        "DisplayName": entity.document.get("display_name") or entity.name,
        "ExperimentName": entity.document.get("experiment_name") or experiment,
        "Source": _origin(entity),
        "TrialSource": _origin(entity),
        **_common(entity),
    }


def component(entity: EntityRecord, parts: Parts | None = None) -> EntityView:
    """A trial component; with its parameters and metrics where its parts are given."""
    document = entity.document
    status = {"PrimaryStatus": entity.status or None, "Message": document.get("message")}
    view = {
        "TrialComponentArn": entity.arn,
        "TrialComponentName": entity.name,
        "DisplayName": document.get("display_name") or entity.name,
        "Source": _origin(entity),
        "TrialComponentSource": _origin(entity),
        "Sources": [_origin(entity)] if entity.source_uri else None,
        "Status": status if entity.status else None,
        "StartTime": document.get("started"),
        "EndTime": document.get("ended"),
        "InputArtifacts": _values(document.get("inputs", {})),
        "OutputArtifacts": _values(document.get("outputs", {})),
        "LineageGroupArn": group_arn(account_prefix(entity.arn)),
        **_common(entity),
    }
    if parts is not None:
        parameters = parts.parameters.get(entity.id, {})
        view["Parameters"] = {
            name: {"StringValue": string, "NumberValue": number} for name, (string, number) in parameters.items()
        }
        measured = parts.metrics.get(entity.id, {})
        view["Metrics"] = [_metric(entity, name, values) for name, values in measured.items()]
    return view


VIEWS: Mapping[str, Callable[[EntityRecord], EntityView]] = {
    "Artifact": artifact,
    "Context": context,
    "Action": action,
    "Experiment": experiment,
    "Trial": trial,
    "TrialComponent": component,
}
"""How entities are described, by lineage type."""


def tags(values: Mapping[str, str]) -> list[EntityView]:
    """Tags as a list."""
    return [{"Key": key, "Value": value} for key, value in values.items()]


def parents(trials: list[tuple[str, str | None]]) -> list[EntityView]:
    """The trials, and their experiments, that a trial component is in."""
    return [{"TrialName": trial, "ExperimentName": experiment} for trial, experiment in trials]


def _common(entity: EntityRecord) -> EntityView:
    document = entity.document
    return {
        "Description": document.get("description"),
        "MetadataProperties": document.get("metadata"),
        "CreationTime": entity.created,
        "LastModifiedTime": max(entity.created, entity.modified),
        "CreatedBy": _user(document.get("created_by")),
        "LastModifiedBy": _user(document.get("modified_by")),
    }


def _of_lineage(entity: EntityRecord) -> EntityView:
    return {
        "Properties": entity.document.get("properties") or {},
        "LineageGroupArn": group_arn(account_prefix(entity.arn)),
    }


def _source(entity: EntityRecord) -> EntityView:
    """What a context or an action stands for.

    SageMaker says of those that it makes that their source is an ARN, and clients leave out those without that type
    (evidence.md#source-type). What a client made has the type that the client gave it.
    """
    captured = entity.weight != CLIENT and entity.source_uri.startswith("arn:")
    return {
        "SourceUri": entity.source_uri,
        "SourceType": entity.document.get("source_type") or ("ARN" if captured else None),
        "SourceId": entity.document.get("source_id"),
    }


def _origin(entity: EntityRecord) -> EntityView | None:
    """The resource that SageMaker created it for."""
    return {"SourceArn": entity.source_uri, "SourceType": entity.type or None} if entity.source_uri else None


def _user(arn: str | None) -> EntityView | None:
    if not arn:
        return None
    return {"UserProfileArn": arn} if ":user-profile/" in arn else {"IamIdentity": {"Arn": arn}}


def _values(artifacts: Mapping[str, tuple[str, str]]) -> EntityView:
    return {name: {"MediaType": media or None, "Value": value} for name, (media, value) in artifacts.items()}


def _metric(entity: EntityRecord, name: str, values: Measured) -> EntityView:
    single = values.points is None
    return {
        "MetricName": name,
        "SourceArn": entity.source_uri or entity.arn,
        "TimeStamp": values.time,
        "Last": values.last,
        "Min": values.last if single else values.low,
        "Max": values.last if single else values.high,
        "Avg": values.last if single else values.mean,
        "StdDev": 0.0 if single else values.deviation,
        "Count": 1 if single else values.points,
    }
