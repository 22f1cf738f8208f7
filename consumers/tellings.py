"""The rows: how each kind of resource is spoken of, and what takes more than a row."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec

from consumers import shapes
from consumers.kind import ResourceKind
from consumers.observe.observation import ARN, Telling, Where, arn_of, kind_in, kind_of
from consumers.state import Incarnation, ResourceState, entry, stamp, unplaced_observation
from ingest.event import Malformed
from store.lineage import artifact

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


def _group(arn: str, detail: shapes.ModelPackage, time: int) -> tuple[ResourceState, ...]:
    """A versioned package tells that its group exists: no event does (CAPTURE A1, not emitted)."""
    group = group_of(arn)
    if group is None:
        return ()
    name = detail.model_package_group_name
    fields = {"ModelPackageGroupName": msgspec.Raw(msgspec.json.encode(name))} if name else {}
    stamped = stamp(time, 0)
    digest, unplaced = unplaced_observation(
        fields, stamped, None, Incarnation({field: (stamped, told) for field, told in fields.items()})
    )
    return (ResourceState(ResourceKind.MODEL_PACKAGE_GROUP, group, earliest=time, unplaced={digest: unplaced}),)


def group_of(package_arn: str) -> str | None:
    """The ARN of the group that a versioned package is in, or None for a package without versions."""
    match = ARN.fullmatch(package_arn)
    if match is None or "/" not in match[3]:
        return None
    return f"{match[1]}{ResourceKind.MODEL_PACKAGE_GROUP}/{match[3].rpartition('/')[0]}"


def _package(detail: shapes.ModelPackage, where: Where) -> str | None:
    for told in (detail.model_package_arn, detail.model_package_name, *where.resources):
        if told and (found := kind_in(told)) and found[0] == ResourceKind.MODEL_PACKAGE:
            return told
    name = detail.model_package_name
    if detail.model_package_group_name and detail.model_package_version:
        name = f"{detail.model_package_group_name}/{_version(detail.model_package_version)}"
    return arn_of(where, f"{ResourceKind.MODEL_PACKAGE}/{name.lower()}") if name else None


def _image_version(detail: shapes.ImageVersion, where: Where) -> str | None:
    for told in (detail.image_version_arn, *where.resources):
        if told and (found := kind_in(told)) and found[0] == ResourceKind.IMAGE_VERSION:
            return told
    image = kind_in(detail.image_arn) if detail.image_arn else None
    name = image[1] if image else detail.image_name
    if not name or detail.version is None:
        return None
    return arn_of(where, f"{ResourceKind.IMAGE_VERSION}/{name.lower()}/{_version(detail.version, 'Version')}")


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


def _a_step_of(arn: str, detail: shapes.PipelineStep, time: int) -> tuple[ResourceState, ...]:
    """A step tells that its execution exists, and that it is one of its steps."""
    known = Incarnation({entry("steps", detail.step_name or ""): (0, msgspec.Raw(b"1"))})
    return (
        ResourceState(
            ResourceKind.PIPELINE_EXECUTION, arn.partition("/step/")[0], earliest=time, incarnations={0: known}
        ),
    )


def _artifact(detail: shapes.Artifact, where: Where) -> str | None:
    for told in (detail.artifact_arn, *where.resources):
        if told and kind_of(told) == ResourceKind.ARTIFACT:
            return told
    # SageMaker's own ARN is another one: a digest that nobody can make again (CAPTURE B0).
    uri, prefix = detail.source.source_uri, arn_of(where, "")
    return artifact(prefix, "", uri, 0).arn if uri and prefix else None


def _association(detail: shapes.Association, where: Where) -> str | None:
    return link(ResourceKind.ASSOCIATION, detail.source_arn, detail.destination_arn)


def _membership(detail: shapes.Membership, where: Where) -> str | None:
    trial = _given(ResourceKind.TRIAL, detail.trial_arn or detail.trial_name, where)
    component = _given(ResourceKind.TRIAL_COMPONENT, detail.trial_component_arn or detail.trial_component_name, where)
    return link(ResourceKind.MEMBERSHIP, trial, component)


def _given(kind: ResourceKind, told: str | None, where: Where) -> str | None:
    """The ARN of what is given by its name or by its ARN."""
    return told if not told or told.startswith("arn:") else arn_of(where, f"{kind}/{told}")


def link(kind: ResourceKind, one: str | None, other: str | None) -> str | None:
    """The key of a link, which has no ARN of its own: made of those of its two ends."""
    match = ARN.fullmatch(one or "")
    if match is None or not other:
        return None
    digest = hashlib.blake2b(f"{one} {other}".lower().encode(), digest_size=16).hexdigest()
    return f"{match[1].lower()}{kind}/{digest}"


def _tuning(detail: shapes.TuningJob, where: Where) -> str | None:
    """A tuning job's ARN; AWS's documentation spells its kind `tuningJob` (CAPTURE A2.7)."""
    for told in (detail.hyper_parameter_tuning_job_arn, *where.resources):
        found = kind_in(told) if told else None
        if told and found and found[0] == ResourceKind.TUNING_JOB:
            return told
        if told and found and found[0] == "tuningjob":
            return f"{told[: -len('tuningJob/' + found[1])]}{ResourceKind.TUNING_JOB}/{found[1]}"
    name = detail.hyper_parameter_tuning_job_name
    return arn_of(where, f"{ResourceKind.TUNING_JOB}/{name.lower()}") if name else None


def _glue_job_run(detail: shapes.GlueJobRun, where: Where) -> str | None:
    """Glue's runs have no ARN: this is their job's, and their own number behind it."""
    if not (detail.job_name and detail.job_run_id):
        return None
    return arn_of(where, f"job/{detail.job_name}/run/{detail.job_run_id}", "glue")


# ------------------------------------------------------------------------------------------------------------- the rows


def _telling(kind: ResourceKind, shape: type[msgspec.Struct], prefix: str, **more: Any) -> Telling:
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
        ResourceKind.TRAINING_JOB,
        shapes.TrainingJob,
        "training_job",
        status=("training_job_status", "secondary_status"),
        clock=_job_clock("training"),
    ),
    _telling(ResourceKind.PROCESSING_JOB, shapes.ProcessingJob, "processing_job", clock=_job_clock("processing")),
    _telling(ResourceKind.TRANSFORM_JOB, shapes.TransformJob, "transform_job", clock=_job_clock("transform")),
    _telling(ResourceKind.MODEL, shapes.Model, "model", status=(), clock=("creation_time",)),
    _telling(
        ResourceKind.MODEL_PACKAGE,
        shapes.ModelPackage,
        "model_package",
        status=("model_package_status", "model_approval_status"),
        clock=("last_modified_time",),
        tracked=_approval_and_stage,
        also=_group,
        identity=_package,
    ),
    _telling(
        ResourceKind.MODEL_PACKAGE_GROUP, shapes.ModelPackageGroup, "model_package_group", clock=("creation_time",)
    ),
    _telling(
        ResourceKind.ENDPOINT_CONFIG, shapes.EndpointConfig, "endpoint_config", status=(), clock=("creation_time",)
    ),
    _telling(
        ResourceKind.ENDPOINT, shapes.Endpoint, "endpoint", clock=("last_modified_time",), tracked=_endpoint_changes
    ),
    _telling(
        ResourceKind.PIPELINE_EXECUTION,
        shapes.PipelineExecution,
        "pipeline_execution",
        status=("current_pipeline_execution_status",),
        clock=("execution_end_time", "last_modified_time", "execution_start_time", "creation_time"),
        created=None,
        began="execution_start_time",
        identity=_execution,
    ),
    _telling(
        ResourceKind.PIPELINE_STEP,
        shapes.PipelineStep,
        "pipeline_execution",
        status=("current_step_status",),
        clock=("step_end_time", "step_start_time"),
        created=None,
        began="step_start_time",
        tracked=lambda detail: detail.metadata.jobs,
        also=_a_step_of,
        identity=_step,
    ),
    _telling(
        ResourceKind.FEATURE_GROUP, shapes.FeatureGroup, "feature_group", clock=("last_modified_time", "creation_time")
    ),
    _telling(ResourceKind.PIPELINE, shapes.Pipeline, "pipeline", status=(), clock=_CHANGED),
    _telling(ResourceKind.ARTIFACT, shapes.Artifact, "artifact", status=(), clock=_CHANGED, identity=_artifact),
    _telling(ResourceKind.CONTEXT, shapes.Context, "context", status=(), clock=_CHANGED),
    _telling(ResourceKind.ACTION, shapes.Action, "action", status=(), clock=_CHANGED),
    _telling(ResourceKind.EXPERIMENT, shapes.Experiment, "experiment", status=(), clock=_CHANGED),
    _telling(ResourceKind.TRIAL, shapes.Trial, "trial", status=(), clock=_CHANGED),
    _telling(ResourceKind.TRIAL_COMPONENT, shapes.TrialComponent, "trial_component", status=(), clock=_CHANGED),
    _telling(
        ResourceKind.ASSOCIATION,
        shapes.Association,
        "association",
        status=(),
        clock=("creation_time",),
        created=None,
        identity=_association,
    ),
    _telling(
        ResourceKind.MEMBERSHIP,
        shapes.Membership,
        "membership",
        status=(),
        clock=("creation_time",),
        created=None,
        identity=_membership,
    ),
    _telling(
        ResourceKind.TUNING_JOB,
        shapes.TuningJob,
        "hyper_parameter_tuning_job",
        clock=("last_modified_time", "hyper_parameter_tuning_end_time", "creation_time"),
        identity=_tuning,
    ),
    _telling(
        ResourceKind.AUTOML_JOB,
        shapes.AutoMLJob,
        "auto_ml_job",
        status=("auto_ml_job_status", "auto_ml_job_secondary_status"),
        clock=("last_modified_time", "end_time", "creation_time"),
    ),
    _telling(
        ResourceKind.LABELING_JOB, shapes.LabelingJob, "labeling_job", clock=("last_modified_time", "creation_time")
    ),
    _telling(
        ResourceKind.GLUE_JOB_RUN,
        shapes.GlueJobRun,
        "job",
        arn="job_run_id",
        status=("state",),
        clock=("started_on",),
        created=None,
        identity=_glue_job_run,
    ),
    _telling(
        ResourceKind.INFERENCE_COMPONENT,
        shapes.InferenceComponent,
        "inference_component",
        clock=("last_modified_time",),
        tracked=_served,
    ),
    _telling(ResourceKind.MODEL_CARD, shapes.ModelCard, "model_card", clock=("last_modified_time",)),
    _telling(ResourceKind.IMAGE, shapes.Image, "image", clock=("last_modified_time",)),
    _telling(
        ResourceKind.IMAGE_VERSION,
        shapes.ImageVersion,
        "image_version",
        clock=("last_modified_time",),
        identity=_image_version,
    ),
    _telling(
        ResourceKind.MONITORING_SCHEDULE,
        shapes.MonitoringSchedule,
        "monitoring_schedule",
        clock=("last_modified_time",),
        tracked=_execution_of,
    ),
)
TELLINGS: Mapping[ResourceKind, Telling] = {row.kind: row for row in _ROWS}
"""How each kind of resource is spoken of; fields and quirks from CAPTURE A1 and A2."""
