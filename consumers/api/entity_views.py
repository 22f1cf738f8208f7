"""Entities in the words of SageMaker's descriptions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from consumers.arns import account_prefix
from store.entity_records import Described, Parts
from store.lineage import GROUP, Measured

Record = dict[str, Any]


def group_arn(partition: str) -> str:
    """The ARN of the lineage group, from what ARNs begin with."""
    return f"{partition}lineage-group/{GROUP}"


def artifact(one: Described) -> Record:
    """An artifact."""
    types = one.document.get("source_types") or ()
    return {
        "ArtifactArn": one.arn,
        "ArtifactName": one.name or None,
        "ArtifactType": one.type or None,
        "Source": {
            "SourceUri": one.source_uri,
            "SourceTypes": [{"SourceIdType": sort, "Value": value} for sort, value in types] or None,
        },
        **_common(one),
        **_of_lineage(one),
    }


def context(one: Described) -> Record:
    """A context."""
    return {
        "ContextArn": one.arn,
        "ContextName": one.name,
        "ContextType": one.type or None,
        **_common(one),
        **_of_lineage(one),
        "Source": _source(one),
    }


def action(one: Described) -> Record:
    """An action."""
    return {
        "ActionArn": one.arn,
        "ActionName": one.name,
        "ActionType": one.type or None,
        "Status": one.status or None,
        **_common(one),
        **_of_lineage(one),
        "Source": _source(one),
    }


def experiment(one: Described) -> Record:
    """An experiment."""
    return {
        "ExperimentArn": one.arn,
        "ExperimentName": one.name,
        "DisplayName": one.document.get("display_name") or one.name,
        "Source": _origin(one),
        "ExperimentSource": _origin(one),
        **_common(one),
    }


def trial(one: Described, experiment: str | None = None) -> Record:
    """A trial; its experiment is called as its maker called it."""
    return {
        "TrialArn": one.arn,
        "TrialName": one.name,
        "DisplayName": one.document.get("display_name") or one.name,
        "ExperimentName": one.document.get("experiment_name") or experiment,
        "Source": _origin(one),
        "TrialSource": _origin(one),
        **_common(one),
    }


def component(one: Described, parts: Parts | None = None) -> Record:
    """A trial component; with its parts where they are given."""
    told = one.document
    status = {"PrimaryStatus": one.status or None, "Message": told.get("message")}
    record = {
        "TrialComponentArn": one.arn,
        "TrialComponentName": one.name,
        "DisplayName": told.get("display_name") or one.name,
        "Source": _origin(one),
        "TrialComponentSource": _origin(one),
        "Sources": [_origin(one)] if one.source_uri else None,
        "Status": status if one.status else None,
        "StartTime": told.get("started"),
        "EndTime": told.get("ended"),
        "InputArtifacts": _values(told.get("inputs", {})),
        "OutputArtifacts": _values(told.get("outputs", {})),
        "LineageGroupArn": group_arn(account_prefix(one.arn)),
        **_common(one),
    }
    if parts is not None:
        parameters = parts.parameters.get(one.id, {})
        record["Parameters"] = {
            name: {"StringValue": string, "NumberValue": number} for name, (string, number) in parameters.items()
        }
        measured = parts.metrics.get(one.id, {})
        record["Metrics"] = [_metric(one, name, numbers) for name, numbers in measured.items()]
    return record


RECORDS: Mapping[str, Callable[[Described], Record]] = {
    "Artifact": artifact,
    "Context": context,
    "Action": action,
    "Experiment": experiment,
    "Trial": trial,
    "TrialComponent": component,
}
"""How entities are described, by lineage type."""


def tags(told: Mapping[str, str]) -> list[Record]:
    """Tags as a list."""
    return [{"Key": key, "Value": value} for key, value in told.items()]


def parents(told: list[tuple[str, str | None]]) -> list[Record]:
    """Where a trial component belongs."""
    return [{"TrialName": trial, "ExperimentName": experiment} for trial, experiment in told]


def _common(one: Described) -> Record:
    told = one.document
    return {
        "Description": told.get("description"),
        "MetadataProperties": told.get("metadata"),
        "CreationTime": one.created,
        "LastModifiedTime": max(one.created, one.modified),
        "CreatedBy": _who(told.get("created_by")),
        "LastModifiedBy": _who(told.get("modified_by")),
    }


def _of_lineage(one: Described) -> Record:
    return {
        "Properties": one.document.get("properties") or {},
        "LineageGroupArn": group_arn(account_prefix(one.arn)),
    }


def _source(one: Described) -> Record:
    return {
        "SourceUri": one.source_uri,
        "SourceType": one.document.get("source_type"),
        "SourceId": one.document.get("source_id"),
    }


def _origin(one: Described) -> Record | None:
    """What SageMaker made it for."""
    return {"SourceArn": one.source_uri, "SourceType": one.type or None} if one.source_uri else None


def _who(arn: str | None) -> Record | None:
    if not arn:
        return None
    return {"UserProfileArn": arn} if ":user-profile/" in arn else {"IamIdentity": {"Arn": arn}}


def _values(told: Mapping[str, tuple[str, str]]) -> Record:
    return {name: {"MediaType": media or None, "Value": value} for name, (media, value) in told.items()}


def _metric(one: Described, name: str, numbers: Measured) -> Record:
    once = numbers.points is None
    return {
        "MetricName": name,
        "SourceArn": one.source_uri or one.arn,
        "TimeStamp": numbers.time,
        "Last": numbers.last,
        "Min": numbers.last if once else numbers.low,
        "Max": numbers.last if once else numbers.high,
        "Avg": numbers.last if once else numbers.mean,
        "StdDev": 0.0 if once else numbers.deviation,
        "Count": 1 if once else numbers.points,
    }
