"""What one event tells, and of which resources: Event -> what is known by it alone.

All that differs between kinds of events is in `TELLINGS`, one row each.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import Any

import msgspec

from consumers import shapes
from consumers.known import Kind, Known, Life, loosely, stamp
from ingest.event import Event, Malformed, milliseconds


class Telling(msgspec.Struct, frozen=True):
    """How events of one kind speak of a resource.

    Attributes:
        kind: The resource they speak of.
        decoder: Reads their detail.
        arn: The field with its ARN.
        name: The field with its name, for events that lack the ARN.
        status: The fields with its status: the main one, then a finer one.
        clock: The fields with the change's own time. The latest that is there counts.
        created: The field that tells one life from another, where a name can be used again.
        tracked: The values whose whole history lineage needs.
        also: What else the event tells, of other resources.
    """

    kind: Kind
    decoder: msgspec.json.Decoder[Any]
    arn: str
    name: str
    status: tuple[str, ...]
    clock: tuple[str, ...]
    created: str | None = "creation_time"
    tracked: Callable[[Any], tuple[str, ...]] = lambda detail: ()
    also: Callable[[str, Any, int], tuple[Known, ...]] = lambda arn, detail, time: ()


def _endpoint_changes(detail: shapes.Endpoint) -> tuple[str, ...]:
    pending = detail.pending_deployment_summary
    return (
        detail.endpoint_config_name or "",
        pending.endpoint_config_name or "",
        detail.endpoint_status or "",
    )


def _approval(detail: shapes.ModelPackage) -> tuple[str, ...]:
    return (detail.model_approval_status,) if detail.model_approval_status else ()


def _group(arn: str, detail: shapes.ModelPackage, time: int) -> tuple[Known, ...]:
    """A versioned package tells that its group exists: no event does (CAPTURE A1, not emitted)."""
    group = group_of(arn)
    if group is None:
        return ()
    name = detail.model_package_group_name or group.rpartition("/")[2]
    fields = {"ModelPackageGroupName": msgspec.Raw(msgspec.json.encode(name))}
    stamped = stamp(time, 0)
    digest, loose = loosely(fields, stamped, None, Life({field: (stamped, told) for field, told in fields.items()}))
    return (Known(Kind.MODEL_PACKAGE_GROUP, group, earliest=time, loose={digest: loose}),)


def _telling(kind: Kind, shape: type[msgspec.Struct], prefix: str, **more: Any) -> Telling:
    return Telling(
        kind=kind,
        decoder=msgspec.json.Decoder(shape),
        **{"arn": f"{prefix}_arn", "name": f"{prefix}_name", "status": (f"{prefix}_status",), **more},
    )


def _job_clock(stem: str) -> tuple[str, ...]:
    return ("last_modified_time", f"{stem}_end_time", f"{stem}_start_time", "creation_time")


_endpoint = partial(
    _telling,
    Kind.ENDPOINT,
    shapes.Endpoint,
    "endpoint",
    clock=("last_modified_time",),
    tracked=_endpoint_changes,
)

TELLINGS: Mapping[str, Telling] = {
    "SageMaker Training Job State Change": _telling(
        Kind.TRAINING_JOB,
        shapes.TrainingJob,
        "training_job",
        status=("training_job_status", "secondary_status"),
        clock=_job_clock("training"),
    ),
    "SageMaker Processing Job State Change": _telling(
        Kind.PROCESSING_JOB, shapes.ProcessingJob, "processing_job", clock=_job_clock("processing")
    ),
    "SageMaker Transform Job State Change": _telling(
        Kind.TRANSFORM_JOB, shapes.TransformJob, "transform_job", clock=_job_clock("transform")
    ),
    "SageMaker Model State Change": _telling(Kind.MODEL, shapes.Model, "model", status=(), clock=("creation_time",)),
    "SageMaker Model Package State Change": _telling(
        Kind.MODEL_PACKAGE,
        shapes.ModelPackage,
        "model_package",
        status=("model_package_status", "model_approval_status"),
        clock=("last_modified_time",),
        tracked=_approval,
        also=_group,
    ),
    "SageMaker Endpoint Config State Change": _telling(
        Kind.ENDPOINT_CONFIG, shapes.EndpointConfig, "endpoint_config", status=(), clock=("creation_time",)
    ),
    "SageMaker Endpoint State Change": _endpoint(),
    "SageMaker Endpoint Deployment State Change": _endpoint(),
    "SageMaker Model Building Pipeline Execution Status Change": _telling(
        Kind.PIPELINE_EXECUTION,
        shapes.PipelineExecution,
        "pipeline_execution",
        status=("current_pipeline_execution_status",),
        clock=("execution_end_time", "execution_start_time"),
        created=None,
    ),
    "SageMaker Model Building Pipeline Execution Step Status Change": _telling(
        Kind.PIPELINE_STEP,
        shapes.PipelineStep,
        "pipeline_execution",
        status=("current_step_status",),
        clock=("step_end_time", "step_start_time"),
        created=None,
    ),
    "SageMaker Feature Group State Change": _telling(
        Kind.FEATURE_GROUP, shapes.FeatureGroup, "feature_group", clock=("last_modified_time", "creation_time")
    ),
}
"""How each kind of event speaks; fields and quirks from CAPTURE A1 and A2."""

_raw_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])
_EMPTY = (b"null", b'""', b"{}")


def observe(event: Event) -> tuple[Known, ...]:
    """What an event tells, the resource that it is about first; nothing when no rule knows its kind.

    Raises:
        Malformed: It does not name its resource, or a value that rules need cannot be read.
    """
    telling = TELLINGS.get(event.kind)
    if telling is None:
        return ()
    detail = shapes.read(event.detail, telling.decoder)
    arn = _identity(event, telling, detail)
    told = _raw_fields.decode(event.detail).items()
    fields = {name: value for name, value in told if len(value) > 4 or bytes(value) not in _EMPTY}

    times = [milliseconds(value, name) for name in telling.clock if (value := getattr(detail, name))]
    own_time = max(times, default=None)
    time = own_time if own_time is not None else event.time
    if time is None:
        raise Malformed(f"tells no time: neither {telling.clock[0]} in its detail nor a time in its envelope")
    created: int | None = 0
    if telling.created:
        created_at = getattr(detail, telling.created)
        created = milliseconds(created_at, telling.created) // 1000 if created_at else None

    stamped = stamp(time, _rank(detail, telling.status))
    tracked = telling.tracked(detail)
    life = Life(
        {name: (stamped, value) for name, value in fields.items()},
        ((stamped, tracked),) if any(tracked) else (),
    )
    earliest = created * 1000 if created else time
    also = telling.also(arn, detail, earliest)
    if own_time is None or created is None:
        digest, loose = loosely(fields, stamped, created, life)
        return Known(telling.kind, arn, earliest, loose={digest: loose}), *also
    return Known(telling.kind, arn, earliest, lives={created: life}), *also


_PRIMARY = {
    status: rank
    for rank, statuses in enumerate(
        (
            "pending starting creating",
            "inprogress executing updating rollingback systemupdating",
            "inservice active created",
            "outofservice",
            "stopping",
            "completed failed stopped succeeded completedwithfailures createfailed updaterollbackfailed",
            "deleting deletefailed",
        ),
        start=1,
    )
    for status in statuses.split()
}
_SECONDARY = {
    status: rank
    for rank, statuses in enumerate(
        (
            "pending starting pendingmanualapproval",
            "launchingmlinstances preparingtrainingstack restarting updating rejected",
            "downloading downloadingtrainingimage approved",
            "training interrupted",
            "uploading",
            "stopping",
            "completed failed stopped maxruntimeexceeded maxwaittimeexceeded",
        ),
        start=1,
    )
    for status in statuses.split()
}


def _rank(detail: msgspec.Struct, fields: tuple[str, ...]) -> int:
    """How far along the life cycle a status is, 0 to 63: it decides between changes of the same millisecond."""
    return _rank_of(*(getattr(detail, field) for field in fields))


@lru_cache(maxsize=1024)
def _rank_of(status: str | None = None, finer: str | None = None) -> int:
    primary, secondary = ((told or "").replace("_", "").lower() for told in (status, finer))
    return _PRIMARY.get(primary, 0) * 8 + _SECONDARY.get(secondary, 0)


_ARN = re.compile(r"(arn:aws[a-z0-9-]*:sagemaker:[a-z0-9-]+:\d{12}:)([^/]+)/(.+)", re.IGNORECASE | re.DOTALL)


def _identity(event: Event, telling: Telling, detail: Any) -> str:
    """The ARN of the resource that an event is about: from its detail, else its resources, else put together."""
    if telling.kind in (Kind.PIPELINE_EXECUTION, Kind.PIPELINE_STEP):
        return _execution(event, telling, detail)
    part = telling.kind.value
    for told in (getattr(detail, telling.arn), *event.resources):
        if told and (match := _ARN.fullmatch(told)) and match[2].lower() == part:
            return str(told)
    name = getattr(detail, telling.name)
    if telling.kind is Kind.MODEL_PACKAGE and detail.model_package_group_name and detail.model_package_version:
        name = f"{detail.model_package_group_name}/{_version(detail.model_package_version)}"
    if name and re.fullmatch(r"\d{12}", event.account) and event.region:
        return f"{partition_of(event.region)}:sagemaker:{event.region}:{event.account}:{part}/{name.lower()}"
    missing = "account and region" if name else "name"
    raise Malformed(f"does not say which {part} it is about: it has no ARN, and no {missing} to make one from")


def _version(told: str | float) -> str:
    """A package's version, which comes as 3, 3.0 or "3"."""
    number, _, zeros = str(told).partition(".")
    if not number.isdecimal() or zeros.strip("0"):
        raise Malformed(f"ModelPackageVersion is not a number: {str(told)[:40]!r}")
    return number


def _execution(event: Event, telling: Telling, detail: Any) -> str:
    for told in (detail.pipeline_execution_arn, *event.resources):
        if told and (match := _ARN.fullmatch(told)) and match[2].lower() == "pipeline" and "/execution/" in match[3]:
            if telling.kind is Kind.PIPELINE_EXECUTION:
                return str(told)
            if detail.step_name:
                return f"{told}/step/{detail.step_name}"
            raise Malformed("does not say which step it is about: it has no stepName")
    raise Malformed("does not say which pipeline execution it is about: it has no ARN of one")


def partition_of(region: str) -> str:
    """The beginning of ARNs in a region: `arn:aws`, `arn:aws-cn` or `arn:aws-us-gov`."""
    if region.startswith("cn-"):
        return "arn:aws-cn"
    return "arn:aws-us-gov" if region.startswith("us-gov-") else "arn:aws"


def group_of(package_arn: str) -> str | None:
    """The ARN of the group that a versioned package is in, or None for a package without versions."""
    match = _ARN.fullmatch(package_arn)
    if match is None or "/" not in match[3]:
        return None
    return f"{match[1]}{Kind.MODEL_PACKAGE_GROUP}/{match[3].rpartition('/')[0]}"
