"""How each kind of resource is spoken of: which fields tell its identity, its status, its times.

Events, recorded API calls and SageMaker's own answers tell of resources in the same words, so one row serves them all.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

from consumers import shapes
from consumers.known import ENTRY, Kind, Known, Life, entry, loosely, stamp
from ingest.event import Malformed, milliseconds
from store.lineage import artifact


class Where(NamedTuple):
    """Where news come from, and the ARNs that they name beside what they tell."""

    account: str
    region: str
    resources: tuple[str, ...]


class Telling(msgspec.Struct, frozen=True):
    """How one kind of resource is spoken of.

    Attributes:
        kind: The resource.
        decoder: Reads what is told of it.
        arn: The field with its ARN.
        name: The field with its name, for news that lack the ARN.
        status: The fields with its status: the main one, then a finer one.
        clock: The fields with the change's own time. The latest that is there counts.
        created: The field that tells one life from another, where a name can be used again.
        tracked: The values whose whole history lineage needs.
        also: What else is told, of other resources.
        identity: Makes its ARN of what is told, where that takes more than its name; None where it does not say.
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
    identity: Callable[[Any, Where], str | None] | None = None


def observed(
    telling: Telling,
    told: bytes | msgspec.Raw,
    where: Where,
    time: int | None,
    *,
    begins: bool = False,
    own_time: bool = False,
    unchanged: bool = False,
    least: int = 0,
) -> tuple[Known, ...]:
    """What is told of a resource, that resource first.

    Args:
        telling: How its kind is spoken of.
        told: A JSON object, with SageMaker's names for its fields.
        where: Where it comes from.
        time: When it was told, in epoch milliseconds: an envelope's time, or None.
        begins: True if it tells that a life of the resource begins.
        own_time: True if `time` is the change's own, and not one that a repetition would tell anew.
        unchanged: True if what tells no time of a change has not changed since it was made.
        least: What it ranks at the least, among changes of the same millisecond.

    Raises:
        Malformed: It does not name its resource, or a value that rules need cannot be read.
    """
    detail = shapes.read(told, telling.decoder)
    arn = _identity(telling, detail, where)
    fields = _present(told)

    clock = telling.clock
    if unchanged and telling.created and not any(getattr(detail, name) for name in clock):
        clock = (telling.created,)
    times = [milliseconds(value, name) for name in clock if (value := getattr(detail, name))]
    changed = max(times, default=time if own_time else None)
    when = changed if changed is not None else time
    if when is None:
        raise Malformed(f"tells no time: neither {telling.clock[0]} in its detail nor a time in its envelope")
    created: int | None = 0
    if telling.created:
        created_at = getattr(detail, telling.created)
        created = milliseconds(created_at, telling.created) // 1000 if created_at else None

    stamped = stamp(when, max(least, _rank(detail, telling.status)))
    tracked = telling.tracked(detail)
    life = Life(
        {name: (stamped, value) for name, value in fields.items()},
        ((stamped, tracked),) if any(tracked) else (),
    )
    earliest = created * 1000 if created else when
    also = telling.also(arn, detail, earliest)
    if changed is None or created is None:
        content = fields if times or not own_time else {**fields, "": msgspec.Raw(b"%d" % when)}
        digest, loose = loosely(content, stamped, created, life, begins=begins)
        return Known(telling.kind, arn, earliest, loose={digest: loose}), *also
    return Known(telling.kind, arn, earliest, lives={created: life}), *also


_raw_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])
_EMPTY = (b"null", b'""', b"{}")


def _present(told: bytes | msgspec.Raw) -> dict[str, msgspec.Raw]:
    """The fields of a JSON object that hold something, or say that an entry of a map was taken away."""
    fields = _raw_fields.decode(told).items()
    return {
        name: value for name, value in fields if len(value) > 4 or bytes(value) not in _EMPTY or name.startswith(ENTRY)
    }


_PRIMARY = {
    status: rank
    for rank, statuses in enumerate(
        (
            "pending starting creating",
            "inprogress executing running updating rollingback systemupdating",
            "inservice active created",
            "outofservice",
            "stopping",
            "completed failed stopped succeeded completedwithfailures timeout error createfailed updaterollbackfailed",
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


_ARN = re.compile(r"(arn:aws[a-z0-9-]*:[a-z0-9-]+:[a-z0-9-]+:\d{12}:)([^/]+)/(.+)", re.IGNORECASE | re.DOTALL)


def _identity(telling: Telling, detail: Any, where: Where) -> str:
    """The ARN of the resource that news are about: as they tell it, else as they name it beside, else put together."""
    part = telling.kind.value
    if telling.identity:
        if found := telling.identity(detail, where):
            return found
        raise Malformed(f"does not say which {part} it is about")
    for told in (getattr(detail, telling.arn), *where.resources):
        if told and (match := _ARN.fullmatch(told)) and match[2].lower() == part:
            return str(told)
    name = getattr(detail, telling.name)
    if name and (arn := arn_of(where, f"{part}/{name.lower()}")):
        return arn
    missing = "account and region" if name else "name"
    raise Malformed(f"does not say which {part} it is about: it has no ARN, and no {missing} to make one from")


def arn_of(where: Where, resource: str, service: str = "sagemaker") -> str | None:
    """An ARN put together from its last part, or None where account and region are not told."""
    if not re.fullmatch(r"\d{12}", where.account) or not where.region:
        return None
    return f"{partition_of(where.region)}:{service}:{where.region}:{where.account}:{resource}"


def camel(value: Any) -> Any:
    """A JSON value in the spelling of pipelines' events: keys begin with a small letter, at every level."""
    if isinstance(value, Mapping):
        return {name[:1].lower() + name[1:]: camel(inner) for name, inner in value.items()}
    return [camel(inner) for inner in value] if isinstance(value, list) else value


def partition_of(region: str) -> str:
    """The beginning of ARNs in a region: `arn:aws`, `arn:aws-cn` or `arn:aws-us-gov`."""
    if region.startswith("cn-"):
        return "arn:aws-cn"
    return "arn:aws-us-gov" if region.startswith("us-gov-") else "arn:aws"


def kind_in(arn: str) -> tuple[str, str] | None:
    """What sort of thing an ARN names, in lower case, and the name; None if it is no ARN of a thing with a name."""
    match = _ARN.fullmatch(arn)
    return (match[2].lower(), match[3]) if match else None


def kind_of(arn: str) -> Kind | None:
    """The kind of resource that an ARN names, if rules know it."""
    part, name = kind_in(arn) or ("", "")
    if part == Kind.PIPELINE and "/execution/" in name:
        return Kind.PIPELINE_EXECUTION
    return _KINDS.get(part)


# ------------------------------------------------------------------------------------------- what takes more than a row


def _endpoint_changes(detail: shapes.Endpoint) -> tuple[str, ...]:
    pending = detail.pending_deployment_summary
    return (
        detail.endpoint_config_name or "",
        pending.endpoint_config_name or "",
        detail.endpoint_status or "",
    )


def _served(detail: shapes.InferenceComponent) -> tuple[str, ...]:
    """What a component serves, as JSON, and its status."""
    found = set()
    for told in (detail.specification, *detail.specifications):
        container = told.container
        image = container.image or container.deployed_image.specified_image
        one = (told.model_name, image, container.artifact_url, told.base_inference_component_name)
        if any(one):
            found.add(tuple(value or "" for value in one))
    served = msgspec.json.encode(sorted(found)).decode() if found else ""
    return (served, detail.inference_component_status or "")


def _execution_of(detail: shapes.MonitoringSchedule) -> tuple[str, ...]:
    return (detail.last_monitoring_execution_summary.processing_job_arn or "",)


def _approval_and_stage(detail: shapes.ModelPackage) -> tuple[str, ...]:
    approval = detail.model_approval_status or ""
    stage = detail.model_life_cycle
    if stage.stage or stage.stage_status:
        return (approval, stage.stage or "", stage.stage_status or "")
    return (approval,) if approval else ()


def _group(arn: str, detail: shapes.ModelPackage, time: int) -> tuple[Known, ...]:
    """A versioned package tells that its group exists: no event does (CAPTURE A1, not emitted)."""
    group = group_of(arn)
    if group is None:
        return ()
    name = detail.model_package_group_name
    fields = {"ModelPackageGroupName": msgspec.Raw(msgspec.json.encode(name))} if name else {}
    stamped = stamp(time, 0)
    digest, loose = loosely(fields, stamped, None, Life({field: (stamped, told) for field, told in fields.items()}))
    return (Known(Kind.MODEL_PACKAGE_GROUP, group, earliest=time, loose={digest: loose}),)


def group_of(package_arn: str) -> str | None:
    """The ARN of the group that a versioned package is in, or None for a package without versions."""
    match = _ARN.fullmatch(package_arn)
    if match is None or "/" not in match[3]:
        return None
    return f"{match[1]}{Kind.MODEL_PACKAGE_GROUP}/{match[3].rpartition('/')[0]}"


def _package(detail: shapes.ModelPackage, where: Where) -> str | None:
    for told in (detail.model_package_arn, detail.model_package_name, *where.resources):
        if told and (found := kind_in(told)) and found[0] == Kind.MODEL_PACKAGE:
            return told
    name = detail.model_package_name
    if detail.model_package_group_name and detail.model_package_version:
        name = f"{detail.model_package_group_name}/{_version(detail.model_package_version)}"
    return arn_of(where, f"{Kind.MODEL_PACKAGE}/{name.lower()}") if name else None


def _image_version(detail: shapes.ImageVersion, where: Where) -> str | None:
    for told in (detail.image_version_arn, *where.resources):
        if told and (found := kind_in(told)) and found[0] == Kind.IMAGE_VERSION:
            return told
    image = kind_in(detail.image_arn) if detail.image_arn else None
    name = image[1] if image else detail.image_name
    if not name or detail.version is None:
        return None
    return arn_of(where, f"{Kind.IMAGE_VERSION}/{name.lower()}/{_version(detail.version, 'Version')}")


def _version(told: str | float, field: str = "ModelPackageVersion") -> str:
    """A version, which comes as 3, 3.0 or "3"."""
    number, _, zeros = str(told).partition(".")
    if not number.isdecimal() or zeros.strip("0"):
        raise Malformed(f"{field} is not a number: {str(told)[:40]!r}")
    return number


def _execution(detail: shapes.PipelineExecution | shapes.PipelineStep, where: Where) -> str | None:
    for told in (detail.pipeline_execution_arn, *where.resources):
        if told and (found := kind_in(told)) and found[0] == "pipeline" and "/execution/" in found[1]:
            return told
    return None


def _step(detail: shapes.PipelineStep, where: Where) -> str | None:
    execution = _execution(detail, where)
    if execution and not detail.step_name:
        raise Malformed("does not say which step it is about: it has no stepName")
    return execution and step_arn(execution, detail.step_name or "")


def step_arn(execution_arn: str, name: str) -> str:
    """The key of a step, which has no ARN of its own. Keys have no case, but names of steps do."""
    digest = "" if name == name.lower() else f"/{hashlib.blake2b(name.encode(), digest_size=4).hexdigest()}"
    return f"{execution_arn}/step/{name}{digest}"


def _a_step_of(arn: str, detail: shapes.PipelineStep, time: int) -> tuple[Known, ...]:
    """A step tells that its execution exists, and that it is one of its steps."""
    known = Life({entry("steps", detail.step_name or ""): (0, msgspec.Raw(b"1"))})
    return (Known(Kind.PIPELINE_EXECUTION, arn.partition("/step/")[0], earliest=time, lives={0: known}),)


def _artifact(detail: shapes.Artifact, where: Where) -> str | None:
    for told in (detail.artifact_arn, *where.resources):
        if told and kind_of(told) == Kind.ARTIFACT:
            return told
    # SageMaker's own ARN is another one: a digest that nobody can make again (CAPTURE B0).
    uri, prefix = detail.source.source_uri, arn_of(where, "")
    return artifact(prefix, "", uri, 0).arn if uri and prefix else None


def _association(detail: shapes.Association, where: Where) -> str | None:
    return link(Kind.ASSOCIATION, detail.source_arn, detail.destination_arn)


def _membership(detail: shapes.Membership, where: Where) -> str | None:
    trial = _given(Kind.TRIAL, detail.trial_arn or detail.trial_name, where)
    component = _given(Kind.TRIAL_COMPONENT, detail.trial_component_arn or detail.trial_component_name, where)
    return link(Kind.MEMBERSHIP, trial, component)


def _given(kind: Kind, told: str | None, where: Where) -> str | None:
    """The ARN of what is given by its name or by its ARN."""
    return told if not told or told.startswith("arn:") else arn_of(where, f"{kind}/{told}")


def link(kind: Kind, one: str | None, other: str | None) -> str | None:
    """The key of a link, which has no ARN of its own: made of those of its two ends."""
    match = _ARN.fullmatch(one or "")
    if match is None or not other:
        return None
    digest = hashlib.blake2b(f"{one} {other}".lower().encode(), digest_size=16).hexdigest()
    return f"{match[1].lower()}{kind}/{digest}"


def _tuning(detail: shapes.TuningJob, where: Where) -> str | None:
    """A tuning job's ARN; AWS's documentation spells its kind `tuningJob` (CAPTURE A2.7)."""
    for told in (detail.hyper_parameter_tuning_job_arn, *where.resources):
        found = kind_in(told) if told else None
        if told and found and found[0] == Kind.TUNING_JOB:
            return told
        if told and found and found[0] == "tuningjob":
            return f"{told[: -len('tuningJob/' + found[1])]}{Kind.TUNING_JOB}/{found[1]}"
    name = detail.hyper_parameter_tuning_job_name
    return arn_of(where, f"{Kind.TUNING_JOB}/{name.lower()}") if name else None


def _glue_job_run(detail: shapes.GlueJobRun, where: Where) -> str | None:
    """Glue's runs have no ARN: this is their job's, and their own number behind it."""
    if not (detail.job_name and detail.job_run_id):
        return None
    return arn_of(where, f"job/{detail.job_name}/run/{detail.job_run_id}", "glue")


# ------------------------------------------------------------------------------------------------------------- the rows


def _telling(kind: Kind, shape: type[msgspec.Struct], prefix: str, **more: Any) -> Telling:
    return Telling(
        kind=kind,
        decoder=msgspec.json.Decoder(shape),
        **{"arn": f"{prefix}_arn", "name": f"{prefix}_name", "status": (f"{prefix}_status",), **more},
    )


def _job_clock(stem: str) -> tuple[str, ...]:
    return ("last_modified_time", f"{stem}_end_time", f"{stem}_start_time", "creation_time")


_CHANGED = ("last_modified_time", "creation_time")

_ROWS = (
    _telling(
        Kind.TRAINING_JOB,
        shapes.TrainingJob,
        "training_job",
        status=("training_job_status", "secondary_status"),
        clock=_job_clock("training"),
    ),
    _telling(Kind.PROCESSING_JOB, shapes.ProcessingJob, "processing_job", clock=_job_clock("processing")),
    _telling(Kind.TRANSFORM_JOB, shapes.TransformJob, "transform_job", clock=_job_clock("transform")),
    _telling(Kind.MODEL, shapes.Model, "model", status=(), clock=("creation_time",)),
    _telling(
        Kind.MODEL_PACKAGE,
        shapes.ModelPackage,
        "model_package",
        status=("model_package_status", "model_approval_status"),
        clock=("last_modified_time",),
        tracked=_approval_and_stage,
        also=_group,
        identity=_package,
    ),
    _telling(Kind.MODEL_PACKAGE_GROUP, shapes.ModelPackageGroup, "model_package_group", clock=("creation_time",)),
    _telling(Kind.ENDPOINT_CONFIG, shapes.EndpointConfig, "endpoint_config", status=(), clock=("creation_time",)),
    _telling(Kind.ENDPOINT, shapes.Endpoint, "endpoint", clock=("last_modified_time",), tracked=_endpoint_changes),
    _telling(
        Kind.PIPELINE_EXECUTION,
        shapes.PipelineExecution,
        "pipeline_execution",
        status=("current_pipeline_execution_status",),
        clock=("execution_end_time", "last_modified_time", "execution_start_time", "creation_time"),
        created=None,
        identity=_execution,
    ),
    _telling(
        Kind.PIPELINE_STEP,
        shapes.PipelineStep,
        "pipeline_execution",
        status=("current_step_status",),
        clock=("step_end_time", "step_start_time"),
        created=None,
        tracked=lambda detail: detail.metadata.jobs,
        also=_a_step_of,
        identity=_step,
    ),
    _telling(Kind.FEATURE_GROUP, shapes.FeatureGroup, "feature_group", clock=("last_modified_time", "creation_time")),
    _telling(Kind.PIPELINE, shapes.Pipeline, "pipeline", status=(), clock=_CHANGED),
    _telling(Kind.ARTIFACT, shapes.Artifact, "artifact", status=(), clock=_CHANGED, identity=_artifact),
    _telling(Kind.CONTEXT, shapes.Context, "context", status=(), clock=_CHANGED),
    _telling(Kind.ACTION, shapes.Action, "action", status=(), clock=_CHANGED),
    _telling(Kind.EXPERIMENT, shapes.Experiment, "experiment", status=(), clock=_CHANGED),
    _telling(Kind.TRIAL, shapes.Trial, "trial", status=(), clock=_CHANGED),
    _telling(Kind.TRIAL_COMPONENT, shapes.TrialComponent, "trial_component", status=(), clock=_CHANGED),
    _telling(
        Kind.ASSOCIATION,
        shapes.Association,
        "association",
        status=(),
        clock=("creation_time",),
        created=None,
        identity=_association,
    ),
    _telling(
        Kind.MEMBERSHIP,
        shapes.Membership,
        "membership",
        status=(),
        clock=("creation_time",),
        created=None,
        identity=_membership,
    ),
    _telling(
        Kind.TUNING_JOB,
        shapes.TuningJob,
        "hyper_parameter_tuning_job",
        clock=("last_modified_time", "hyper_parameter_tuning_end_time", "creation_time"),
        identity=_tuning,
    ),
    _telling(
        Kind.AUTOML_JOB,
        shapes.AutoMLJob,
        "auto_ml_job",
        status=("auto_ml_job_status", "auto_ml_job_secondary_status"),
        clock=("last_modified_time", "end_time", "creation_time"),
    ),
    _telling(Kind.LABELING_JOB, shapes.LabelingJob, "labeling_job", clock=("last_modified_time", "creation_time")),
    _telling(
        Kind.GLUE_JOB_RUN,
        shapes.GlueJobRun,
        "job",
        arn="job_run_id",
        status=("state",),
        clock=("started_on",),
        created=None,
        identity=_glue_job_run,
    ),
    _telling(
        Kind.INFERENCE_COMPONENT,
        shapes.InferenceComponent,
        "inference_component",
        clock=("last_modified_time",),
        tracked=_served,
    ),
    _telling(Kind.MODEL_CARD, shapes.ModelCard, "model_card", clock=("last_modified_time",)),
    _telling(Kind.IMAGE, shapes.Image, "image", clock=("last_modified_time",)),
    _telling(
        Kind.IMAGE_VERSION,
        shapes.ImageVersion,
        "image_version",
        clock=("last_modified_time",),
        identity=_image_version,
    ),
    _telling(
        Kind.MONITORING_SCHEDULE,
        shapes.MonitoringSchedule,
        "monitoring_schedule",
        clock=("last_modified_time",),
        tracked=_execution_of,
    ),
)
_KINDS = {row.kind.value: row.kind for row in _ROWS}
TELLINGS: Mapping[Kind, Telling] = {row.kind: row for row in _ROWS}
"""How each kind of resource is spoken of; fields and quirks from CAPTURE A1 and A2."""
