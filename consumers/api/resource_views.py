"""What is known of resources, in the words of SageMaker's own descriptions: what its API tells of what events told."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

import msgspec

from consumers import pipeline_executions
from consumers.kind import (
    MODEL_PACKAGE,
    PIPELINE,
    PIPELINE_EXECUTION,
    PIPELINE_STEP,
    TRAINING_JOB,
    TUNING_JOB,
    ResourceKind,
)
from consumers.observe.cloudtrail import pascal
from consumers.resources import RESOURCE_TYPES
from consumers.resources.fields import described_status, instant
from consumers.resources.types import AnyResource
from consumers.state import Incarnation, ResourceState, decode, detail, incarnations, moment
from store import resources as table
from store.database import Store, Transaction
from store.graph import resolve
from store.paging import PageKey
from store.resource_pages import Listing, SortBy, hearsay, listed
from store.resources import ResourceRow

Description = dict[str, Any]
"""What is known, by SageMaker's names. `CreationTime` and `LastModifiedTime` are in epoch milliseconds, other times as
they were told; `Tags` are a list, as SageMaker's are."""

Condition = Callable[[Mapping[str, Any]], bool]
"""What must be true of a description."""

PAGE = 500
"""How many resources are read at a time, at the most, where many are looked through."""


class Descriptions:
    """Descriptions of resources, from their recorded state."""

    def __init__(self, store: Store) -> None:
        """Args: store: Holds the states."""
        self._store = store

    def describe(self, arn: str) -> Description | None:
        """The description of a resource as it is now; None if it is unknown or was deleted."""
        return self._store.read(lambda tx: _told(tx, [arn])).get(arn.lower())

    def describe_all(self, arns: Sequence[str]) -> dict[str, Mapping[str, Any]]:
        """As `describe`, of several: ARN in lower case -> description."""
        return dict(self._store.read(lambda tx: _told(tx, arns)))

    def tags(self, arn: str) -> dict[str, str] | None:
        """The tags of a resource as it is now, in the order in which they were reported; None if it is unknown."""
        told = self.describe(arn)
        return None if told is None else {one["Key"]: one["Value"] for one in told["Tags"]}

    def page(
        self, listing: Listing, after: PageKey | None, size: int, where: Condition | None = None
    ) -> list[tuple[PageKey, Mapping[str, Any]]]:
        """A page of descriptions, each with its position in the order of the list.

        Args:
            listing: Which resources, and in what order.
            after: The position behind which to begin; None for the beginning.
            size: The most descriptions.
            where: What else must be true of them.
        """
        return self._store.read(lambda tx: _page(tx, listing, after, size, where))

    def all_of(self, kind: str, partition: str) -> Iterator[Mapping[str, Any]]:
        """The description of each resource of a type (`training-job`) in an account and region, by name."""
        listing = Listing(kind, f"{partition}{_part(kind)}/", sort_by=SortBy.NAME, ascending=True)
        after: PageKey | None = None
        while found := self.page(listing, after, PAGE):
            yield from (told for _, told in found)
            after, _ = found[-1]

    def steps(self, execution: str) -> list[Mapping[str, Any]]:
        """The steps of a pipeline execution, as ListPipelineExecutionSteps returns them; each has `Metadata`."""

        def look(tx: Transaction) -> list[Mapping[str, Any]]:
            steps = pipeline_executions.steps_of(tx, execution)
            both = zip(steps, pipeline_executions.made_by(tx, steps), strict=True)
            return [_step(description(step), description(maker)) for step, maker in both]

        return self._store.read(look)

    def tuned(self, tuning_job: str) -> list[Mapping[str, Any]]:
        """The training jobs of a tuning job, as ListTrainingJobsForHyperParameterTuningJob returns them."""

        def look(tx: Transaction) -> list[Mapping[str, Any]]:
            tuning = _told(tx, [tuning_job]).get(tuning_job.lower())
            return _tuned(tx, tuning) if tuning else []

        return self._store.read(look)


def description(known: ResourceState) -> Description:
    """What is known of a resource's newest life.

    What is true of a status alone (why it failed, what it is being updated to) goes with that status.
    """
    resource_type = RESOURCE_TYPES[known.kind]
    resource, (_, incarnation) = resource_type.resources(known)[-1], incarnations(known)[-1]
    members, fields = _members(known.kind), resource_type.status_fields
    status = described_status(getattr(resource.detail, fields[0])) if fields else ""
    told = _values(incarnation)
    for name, statuses in _PASSING.items():
        if name in told and status not in statuses and _is_older(incarnation, name, members.status):
            del told[name]
    if known.kind in (PIPELINE_EXECUTION, PIPELINE_STEP):
        told = {_RENAMED.get(name, name): value for name, value in pascal(told).items()}
    elif members.status in told:
        told[members.status] = status
    return told | _identity(resource, told) | _times(resource, incarnation) | _people(resource, told)


def _told(tx: Transaction, arns: Sequence[str]) -> dict[str, Description]:
    keys = {arn.lower() for arn in arns}
    rows = [row for row in table.load(tx, keys).values() if row.state is not None]
    heard = [key for key in keys - {row.key for row in rows} if ":pipeline/" in key]
    rows += hearsay(tx, heard) if heard else []
    return {row.key: told for row in rows if (told := _of_row(tx, row)) is not None}


def _of_row(tx: Transaction, row: ResourceRow) -> Description | None:
    """What is known of a resource, or None if it was deleted; of a pipeline that nobody told of, what executions do."""
    if row.state is None:
        times = {"CreationTime": row.created, "LastModifiedTime": row.modified}
        return {"PipelineArn": row.key, "PipelineName": row.name, **times, "Tags": []}
    return None if row.deleted else description(decode(tx.packer.unpack(row.state)))


def _page(
    tx: Transaction, listing: Listing, after: PageKey | None, size: int, where: Condition | None
) -> list[tuple[PageKey, Mapping[str, Any]]]:
    found: list[tuple[PageKey, Mapping[str, Any]]] = []
    limit = size
    while True:
        rows = listed(tx, listing, after, limit)
        for after, row in rows:
            told = _of_row(tx, row)
            if told is not None and (where is None or where(told)):
                found.append((after, told))
        if len(found) >= size or len(rows) < limit:
            return found[:size]
        limit = min(limit * 2, PAGE)


# ------------------------------------------------------------------------------------------------ what makes it a whole


class _Members(NamedTuple):
    """What SageMaker calls a resource's ARN, its name and its status."""

    arn: str
    name: str
    status: str


@cache
def _members(kind: ResourceKind) -> _Members:
    resource_type = RESOURCE_TYPES[kind]
    names = {one.name: one.encode_name for one in msgspec.structs.fields(resource_type.fields)}
    status = next(iter(resource_type.status_fields), "")
    return _Members(*(names.get(name, "") for name in (resource_type.arn_field, resource_type.name_field, status)))


_values_decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])
_OUR_NAMES = frozenset({"NextToken", "steps"})
"""What is no part of a description: where the rest of an answer was, and what steps say of their execution."""


def _values(incarnation: Incarnation) -> Description:
    """What was told, by the names it was told by; without fields of our own, and numbers beyond all reckoning."""
    found = {}
    for name, value in _values_decoder.decode(detail(incarnation)).items():
        if ":" not in name and name not in _OUR_NAMES:
            try:
                found[name] = msgspec.json.decode(value)
            except msgspec.DecodeError:
                continue
    return found


_FAILED = ("Failed", "CreateFailed", "DeleteFailed", "UpdateRollbackFailed", "Stopped")
_PASSING: Mapping[str, Sequence[str]] = {
    "FailureReason": _FAILED,
    "failureReason": _FAILED,
    "PendingDeploymentSummary": ("Creating", "Updating", "SystemUpdating", "RollingBack"),
}
"""What is true of some statuses only, and is not told to be over: the field, and those statuses."""


def _is_older(incarnation: Incarnation, name: str, other: str) -> bool:
    """True if a field was told before another one was."""
    return other in incarnation.fields and incarnation.fields[name][0] < incarnation.fields[other][0]


_RENAMED = {
    "CurrentPipelineExecutionStatus": "PipelineExecutionStatus",
    "CurrentStepStatus": "StepStatus",
    "StepStartTime": "StartTime",
    "StepEndTime": "EndTime",
}
"""What events of pipelines call otherwise than answers do."""


def _identity(resource: AnyResource, told: Description) -> Description:
    """Its ARN, and its name with its case."""
    kind, members = resource.kind, _members(resource.kind)
    if kind == PIPELINE_STEP:  # it has no ARN of its own
        return {}
    if kind == PIPELINE_EXECUTION:
        pipeline = resource.arn.partition("/execution/")[0]
        return {"PipelineExecutionArn": resource.arn, "PipelineArn": told.get("PipelineArn") or pipeline}
    name = told.get(members.name)
    if kind == MODEL_PACKAGE and "/" in resource.tail:
        group, _, version = resource.tail.rpartition("/")
        named = told.get("ModelPackageGroupName")
        return {
            members.arn: resource.arn,
            members.name: None if str(name).startswith("arn:") else name,
            "ModelPackageGroupName": named if str(named).lower() == group.lower() else group,
            "ModelPackageVersion": int(version) if version.isdecimal() else None,
        }
    return {members.arn: resource.arn, members.name: resource.named(name if isinstance(name, str) else None)}


def _times(resource: AnyResource, incarnation: Incarnation) -> Description:
    """When it was made and changed: as it was told, unless something newer is known."""
    stamped = incarnation.fields.get("LastModifiedTime") or incarnation.fields.get("lastModifiedTime")
    newest = stamped is not None and moment(stamped[0]) >= resource.modified
    changed = instant(getattr(resource.detail, "last_modified_time", None)) if newest else None
    created = RESOURCE_TYPES[resource.kind].created(resource)
    return {"CreationTime": created, "LastModifiedTime": changed or resource.modified}


def _people(resource: AnyResource, told: Description) -> Description:
    """Who made it and who changed it, and its tags."""
    found: Description = {"Tags": [{"Key": key, "Value": value} for key, value in resource.tags.items()]}
    for name, arn in (("CreatedBy", resource.created_by), ("LastModifiedBy", resource.modified_by)):
        if arn and not isinstance(told.get(name), dict):
            found[name] = {"IamIdentity": {"Arn": arn}}
    return found


def _part(kind: str) -> str:
    """What comes before the name in ARNs of a kind."""
    return PIPELINE if kind == PIPELINE_EXECUTION else kind


# ---------------------------------------------------------------------------------------------------- what has members

_ABBREVIATED = {"AutoMlJob": "AutoMLJob", "Emr": "EMR", "EmrServerless": "EMRServerless"}
"""Kinds of steps that events may spell in another way than answers."""


def _step(told: Description, maker: Description) -> Description:
    """A step, with what it made, or what the earlier execution made whose result it took over."""
    metadata = told.get("Metadata") or maker.get("Metadata") or {}
    return told | {"Metadata": {_ABBREVIATED.get(kind, kind): value for kind, value in metadata.items()}}


def _tuned(tx: Transaction, tuning: Description) -> list[Mapping[str, Any]]:
    """The training jobs of a tuning job: those that it lists, and those that say that they are its."""
    tuning_arn = tuning["HyperParameterTuningJobArn"]
    prefix = tuning_arn.rpartition(f"{TUNING_JOB}/")[0]
    listed_jobs = {}
    for one in _structures(tuning, "TrainingJobSummaries"):
        arn = one.get("TrainingJobArn") or f"{prefix}{TRAINING_JOB}/{one.get('TrainingJobName')}"
        listed_jobs[arn.lower()] = one
    own = {arn.lower() for arn in resolve.runs_of(tx, tuning_arn) if f":{TRAINING_JOB}/" in arn.lower()}
    jobs = _told(tx, sorted(listed_jobs.keys() | own))
    found: list[Mapping[str, Any]] = []
    for key in sorted(listed_jobs.keys() | jobs.keys()):
        job, summary = jobs.get(key, {}), listed_jobs.get(key, {})
        # What the list alone can tell is its own; of all else the job tells the newest.
        reached = _reached(job, tuning) | {name: told for name, told in summary.items() if name not in job}
        found.append({"TuningJobName": tuning["HyperParameterTuningJobName"], **job, **reached})
    return found


def _reached(job: Description, tuning: Description) -> Description:
    """What was tuned in a training job, and what came of it."""
    definitions = [*_structures(tuning, "TrainingJobDefinition"), *_structures(tuning, "TrainingJobDefinitions")]
    still = {name for one in definitions for told in _structures(one, "StaticHyperParameters") for name in told}
    parameters = {
        name: value
        for told in _structures(job, "HyperParameters")
        for name, value in told.items()
        if name not in still and not name.startswith("_")
    }
    wanted = {
        objective.get("MetricName"): objective.get("Type")
        for one in (*definitions, *_structures(tuning, "HyperParameterTuningJobConfig"))
        for name in ("TuningObjective", "HyperParameterTuningJobObjective")
        for objective in _structures(one, name)
        if isinstance(objective.get("MetricName"), str)
    }
    metrics = [one for one in _structures(job, "FinalMetricDataList") if one.get("MetricName") in wanted]
    found: Description = {"TunedHyperParameters": parameters}
    if metrics:
        name, value = metrics[0]["MetricName"], metrics[0].get("Value")
        metric = {"Type": wanted[name], "MetricName": name, "Value": value}
        found["FinalHyperParameterTuningJobObjectiveMetric"] = metric
    return found


def _structures(told: Mapping[str, Any], member: str) -> list[dict[str, Any]]:
    """The structure that is a member, or those in the list that it is."""
    found = told.get(member)
    return [one for one in (found if isinstance(found, list) else [found]) if isinstance(one, dict)]
