"""Resources as SageMaker's Describe and List operations return them, from their recorded state."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

import msgspec

from consumers import pipeline_executions
from consumers.kind import (
    MODEL_PACKAGE,
    MODEL_PACKAGE_GROUP,
    PIPELINE,
    PIPELINE_EXECUTION,
    PIPELINE_STEP,
    TRAINING_JOB,
    TUNING_JOB,
    ResourceKind,
)
from consumers.resources import RESOURCE_TYPES
from consumers.resources.fields import described_status, instant
from consumers.resources.spelling import pascal
from consumers.resources.types import AnyResource
from consumers.state import Incarnation, ResourceState, decode, detail, incarnations, moment
from store import resources
from store.database import Store, Transaction
from store.graph import resolve
from store.paging import PageKey
from store.resource_pages import Listing, SortBy, listed, mentioned_pipelines
from store.resources import ResourceRow

Description = dict[str, Any]
"""A resource, by SageMaker's names. `CreationTime` and `LastModifiedTime` are in epoch milliseconds, other times as
reported; `Tags` are a list, as SageMaker's are."""

Condition = Callable[[Mapping[str, Any]], bool]
"""What must be true of a description."""

PAGE = 500
"""The most resources that are read at a time."""


class Descriptions:
    """Descriptions of resources, from their recorded state."""

    def __init__(self, store: Store) -> None:
        """Args: store: Holds the states."""
        self._store = store

    def describe(self, arn: str) -> Description | None:
        """The description of a resource as it is now; None if it is unknown or was deleted."""
        return self._store.read(lambda tx: _descriptions(tx, [arn])).get(arn.lower())

    def describe_all(self, arns: Sequence[str]) -> dict[str, Mapping[str, Any]]:
        """As `describe`, of several: ARN in lower case -> description."""
        return dict(self._store.read(lambda tx: _descriptions(tx, arns)))

    def tags(self, arn: str) -> dict[str, str] | None:
        """The tags of a resource as it is now, in the order in which they were reported; None if it is unknown."""
        description = self.describe(arn)
        return None if description is None else {one["Key"]: one["Value"] for one in description["Tags"]}

    def page(
        self, listing: Listing, after: PageKey | None, size: int, where: Condition | None = None
    ) -> list[tuple[PageKey, Mapping[str, Any]]]:
        """A page of descriptions, each with its key in the order of the list.

        Args:
            listing: Which resources, and in what order.
            after: The key after which to begin; None for the beginning.
            size: The most descriptions.
            where: What else must be true of them.
        """
        return self._store.read(lambda tx: _page(tx, listing, after, size, where))

    def all_of(self, kind: str, arn_prefix: str) -> Iterator[Mapping[str, Any]]:
        """The description of each resource of a type (`training-job`) in an account and region, by name."""
        listing = Listing(kind, f"{arn_prefix}{_part(kind)}/", sort_by=SortBy.NAME, ascending=True)
        after: PageKey | None = None
        while found := self.page(listing, after, PAGE):
            yield from (description for _, description in found)
            after, _ = found[-1]

    def steps(self, execution: str) -> list[Mapping[str, Any]]:
        """The steps of a pipeline execution, as ListPipelineExecutionSteps returns them; each has `Metadata`."""

        def read(tx: Transaction) -> list[Mapping[str, Any]]:
            steps = pipeline_executions.steps_of(tx, execution)
            pairs = zip(steps, pipeline_executions.made_by(tx, steps), strict=True)
            return [_step(description(step), description(original)) for step, original in pairs]

        return self._store.read(read)

    def tuned(self, tuning_job: str) -> list[Mapping[str, Any]]:
        """The training jobs of a tuning job, as ListTrainingJobsForHyperParameterTuningJob returns them."""

        def read(tx: Transaction) -> list[Mapping[str, Any]]:
            tuning = _descriptions(tx, [tuning_job]).get(tuning_job.lower())
            return _tuned(tx, tuning) if tuning else []

        return self._store.read(read)


def description(state: ResourceState) -> Description:
    """The description of the newest incarnation of a resource.

    Fields that belong to a status (why it failed, what it is being updated to) are left out with that status.
    """
    resource_type = RESOURCE_TYPES[state.kind]
    resource, (_, incarnation) = resource_type.resources(state)[-1], incarnations(state)[-1]
    incarnation = resource_type.current(incarnation)
    members, fields = _members(state.kind), resource_type.status_fields
    status = described_status(getattr(resource.detail, fields[0])) if fields else ""
    values = _values(incarnation)
    for name, statuses in _OF_A_STATUS.items():
        if name in values and status not in statuses and _is_older(incarnation, name, members.status):
            del values[name]
    if state.kind in (PIPELINE_EXECUTION, PIPELINE_STEP):
        values = {_RENAMED.get(name, name): value for name, value in pascal(values).items()}
    elif members.status in values or state.kind in _UNREPORTED:
        values[members.status] = status or _UNREPORTED.get(state.kind, "")
    return values | _identity(resource, values) | _times(resource, incarnation) | _users_and_tags(resource, values)


_UNREPORTED: Mapping[ResourceKind, str] = {MODEL_PACKAGE_GROUP: "Completed"}
"""The statuses of kinds that no event reports: only a completed group takes packages (evidence.md#package-group)."""


def _descriptions(tx: Transaction, arns: Sequence[str]) -> dict[str, Description]:
    keys = {arn.lower() for arn in arns}
    rows = [row for row in resources.load(tx, keys).values() if row.state is not None]
    mentioned = [key for key in keys - {row.key for row in rows} if ":pipeline/" in key]
    rows += mentioned_pipelines(tx, mentioned) if mentioned else []
    return {row.key: one for row in rows if (one := _of_row(tx, row)) is not None}


def _of_row(tx: Transaction, row: ResourceRow) -> Description | None:
    """The description of a resource, or None if it was deleted; that of a mentioned pipeline is from its executions."""
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
            one = _of_row(tx, row)
            if one is not None and (where is None or where(one)):
                found.append((after, one))
        if len(found) >= size or len(rows) < limit:
            return found[:size]
        limit = min(limit * 2, PAGE)


# ------------------------------------------------------------------------------------------------- the description


class _Members(NamedTuple):
    """SageMaker's names for the ARN, the name and the status of a resource."""

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
"""Fields that are not part of a description: the token of a list, and the steps in events of an execution."""


def _values(incarnation: Incarnation) -> Description:
    """The reported fields; without Headwater's own ones, and numbers that no float can hold."""
    values = {}
    for name, value in _values_decoder.decode(detail(incarnation)).items():
        if ":" not in name and name not in _OUR_NAMES:
            try:
                values[name] = msgspec.json.decode(value)
            except msgspec.DecodeError:
                continue
    return values


_FAILED = ("Failed", "CreateFailed", "DeleteFailed", "UpdateRollbackFailed", "Stopped")
_OF_A_STATUS: Mapping[str, Sequence[str]] = {
    "FailureReason": _FAILED,
    "failureReason": _FAILED,
    "PendingDeploymentSummary": ("Creating", "Updating", "SystemUpdating", "RollingBack"),
}
"""Fields that belong to some statuses only, and that no event ends: the field, and those statuses."""


def _is_older(incarnation: Incarnation, name: str, other: str) -> bool:
    """True if a field was reported before another one."""
    return other in incarnation.fields and incarnation.fields[name][0] < incarnation.fields[other][0]


_RENAMED = {
    "CurrentPipelineExecutionStatus": "PipelineExecutionStatus",
    "CurrentStepStatus": "StepStatus",
    "StepStartTime": "StartTime",
    "StepEndTime": "EndTime",
}
"""Fields that have another name in events of pipelines than in descriptions."""


def _identity(resource: AnyResource, values: Description) -> Description:
    """Its ARN, and its name with its case."""
    kind, members = resource.kind, _members(resource.kind)
    if kind == PIPELINE_STEP:  # it has no ARN of its own
        return {}
    if kind == PIPELINE_EXECUTION:
        pipeline = resource.arn.partition("/execution/")[0]
        return {"PipelineExecutionArn": resource.arn, "PipelineArn": values.get("PipelineArn") or pipeline}
    if kind == MODEL_PACKAGE and "/" in resource.tail:
        name = values.get(members.name)
        group, _, version = resource.tail.rpartition("/")
        reported = values.get("ModelPackageGroupName")
        return {
            members.arn: resource.arn,
            members.name: None if str(name).startswith("arn:") else name,
            "ModelPackageGroupName": reported if str(reported).lower() == group.lower() else group,
            "ModelPackageVersion": int(version) if version.isdecimal() else None,
        }
    return {members.arn: resource.arn, members.name: resource.name}


def _times(resource: AnyResource, incarnation: Incarnation) -> Description:
    """When it was created and changed: as reported, unless a newer observation exists."""
    reported = incarnation.fields.get("LastModifiedTime") or incarnation.fields.get("lastModifiedTime")
    newest = reported is not None and moment(reported[0]) >= resource.modified
    changed = instant(getattr(resource.detail, "last_modified_time", None)) if newest else None
    created = RESOURCE_TYPES[resource.kind].created(resource)
    return {"CreationTime": created, "LastModifiedTime": changed or resource.modified}


def _users_and_tags(resource: AnyResource, values: Description) -> Description:
    """Who created it, who changed it, and its tags."""
    found: Description = {"Tags": [{"Key": key, "Value": value} for key, value in resource.tags.items()]}
    for name, arn in (("CreatedBy", resource.created_by), ("LastModifiedBy", resource.modified_by)):
        if arn and not isinstance(values.get(name), dict):
            found[name] = {"IamIdentity": {"Arn": arn}}
    return found


def _part(kind: str) -> str:
    """The part before the name in ARNs of a type."""
    return PIPELINE if kind == PIPELINE_EXECUTION else kind


# ------------------------------------------------------------------------------------------- steps and tuning jobs

_ABBREVIATED = {"AutoMlJob": "AutoMLJob", "Emr": "EMR", "EmrServerless": "EMRServerless"}
"""Types of steps that events may spell in another way than descriptions."""


def _step(step: Description, original: Description) -> Description:
    """A step, with what it created, or what the step created whose cached result it uses."""
    metadata = step.get("Metadata") or original.get("Metadata") or {}
    return step | {"Metadata": {_ABBREVIATED.get(kind, kind): value for kind, value in metadata.items()}}


def _tuned(tx: Transaction, tuning: Description) -> list[Mapping[str, Any]]:
    """The training jobs of a tuning job: those that it lists, and those that reference it."""
    tuning_arn = tuning["HyperParameterTuningJobArn"]
    prefix = tuning_arn.rpartition(f"{TUNING_JOB}/")[0]
    listed_jobs = {}
    for one in _structures(tuning, "TrainingJobSummaries"):
        arn = one.get("TrainingJobArn") or f"{prefix}{TRAINING_JOB}/{one.get('TrainingJobName')}"
        listed_jobs[arn.lower()] = one
    own = {arn.lower() for arn in resolve.runs_of(tx, tuning_arn) if f":{TRAINING_JOB}/" in arn.lower()}
    jobs = _descriptions(tx, sorted(listed_jobs.keys() | own))
    found: list[Mapping[str, Any]] = []
    for key in sorted(listed_jobs.keys() | jobs.keys()):
        job, summary = jobs.get(key, {}), listed_jobs.get(key, {})
        # Only the list has some fields; all others are newer in the job's own description.
        reached = _reached(job, tuning) | {name: value for name, value in summary.items() if name not in job}
        found.append({"TuningJobName": tuning["HyperParameterTuningJobName"], **job, **reached})
    return found


def _reached(job: Description, tuning: Description) -> Description:
    """The hyperparameters that were tuned in a training job, and the metric that it reached."""
    definitions = [*_structures(tuning, "TrainingJobDefinition"), *_structures(tuning, "TrainingJobDefinitions")]
    static = {name for one in definitions for fixed in _structures(one, "StaticHyperParameters") for name in fixed}
    parameters = {
        name: value
        for one in _structures(job, "HyperParameters")
        for name, value in one.items()
        if name not in static and not name.startswith("_")
    }
    types = {
        objective.get("MetricName"): objective.get("Type")
        for one in (*definitions, *_structures(tuning, "HyperParameterTuningJobConfig"))
        for name in ("TuningObjective", "HyperParameterTuningJobObjective")
        for objective in _structures(one, name)
        if isinstance(objective.get("MetricName"), str)
    }
    metrics = [one for one in _structures(job, "FinalMetricDataList") if one.get("MetricName") in types]
    found: Description = {"TunedHyperParameters": parameters}
    if metrics:
        name, value = metrics[0]["MetricName"], metrics[0].get("Value")
        metric = {"Type": types[name], "MetricName": name, "Value": value}
        found["FinalHyperParameterTuningJobObjectiveMetric"] = metric
    return found


def _structures(description: Mapping[str, Any], member: str) -> list[dict[str, Any]]:
    """The structures in a member that is a structure or a list of them."""
    value = description.get(member)
    return [one for one in (value if isinstance(value, list) else [value]) if isinstance(one, dict)]
