"""Calls of SageMaker's API, as CloudTrail records them: who asked for what, and when.

A record says what was asked for, in lowerCamel at every level, and an answer that holds little but ARNs (CAPTURE A3).
A call that was refused changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import msgspec

from consumers import shapes
from consumers.kind import ResourceKind
from consumers.observe.observation import Where, camel, kind_of, observed
from consumers.state import CREATED_BY, DELETED, MODIFIED_BY, RANKS, TAG, ResourceState, entry
from consumers.tellings import TELLINGS
from ingest.event import Event, Malformed, milliseconds

T = TypeVar("T")

_SERVICE = ".amazonaws.com"


class UserIdentity(msgspec.Struct, frozen=True, rename="camel"):
    """Who called: a role's session, a user, or a service of AWS."""

    arn: shapes.Uri | None = None
    user_name: shapes.Name | None = None
    invoked_by: shapes.Name | None = None

    @property
    def name(self) -> str:
        """What it is known by: its ARN, which for a role names the session too; a service has none."""
        return self.arn or self.user_name or self.invoked_by or ""


class Record(msgspec.Struct, frozen=True, rename="camel"):
    """A record of CloudTrail, as far as it is read."""

    event_name: str | None = None
    event_source: str | None = None
    event_time: str | int | float | None = None
    aws_region: str | None = None
    recipient_account_id: str | None = None
    error_code: str | None = None
    request_parameters: dict[str, Any] | None = None
    response_elements: dict[str, Any] | None = None
    user_identity: UserIdentity = UserIdentity()


@dataclass(frozen=True, slots=True)
class Made:
    """A call that was granted.

    Attributes:
        asked: What was asked for, with SageMaker's names; what the answer adds to it is there as well.
        where: The account and region, and the ARNs that the record names.
        time: When, in epoch milliseconds.
        by: Who called: the ARN of an identity, or the name of a service; empty where nobody tells.
    """

    asked: Mapping[str, Any]
    where: Where
    time: int
    by: str

    def read(self, name: str, type_: type[T], default: T) -> T:
        """One of the things that were asked for, or the default where nothing is told of it.

        Raises:
            Malformed: It is of another type.
        """
        told = self.asked.get(name)
        try:
            return default if told is None else msgspec.convert(told, type_)
        except msgspec.ValidationError as why:
            raise Malformed(f"{name} cannot be read: {why}") from why


Call = Callable[[Made], tuple[ResourceState, ...]]
"""What a call tells, the resource that it is about first."""


def creates(kind: ResourceKind) -> Call:
    """A call that makes a resource, told with the names of its description."""

    def tell(made: Made) -> tuple[ResourceState, ...]:
        return told(kind, made, {**made.asked, CREATED_BY: made.by, DELETED: 0}, begins=True)

    return tell


def updates(kind: ResourceKind, *maps: str) -> Call:
    """A call that changes a resource, told with the names of its description.

    Args:
        kind: The resource.
        maps: The fields to which it adds entries, and from which it takes away those in `<field>ToRemove`.
    """

    def tell(made: Made) -> tuple[ResourceState, ...]:
        for name in maps:  # as a whole they are what the kind's type says they are
            shapes.read(msgspec.json.encode({name: made.asked.get(name)}), TELLINGS[kind].decoder)
        fields = {name: value for name, value in made.asked.items() if name not in maps}
        for name in maps:
            fields |= {entry(name, key): value for key, value in made.read(name, dict[str, Any], {}).items()}
            fields |= {entry(name, key): None for key in made.read(f"{name}ToRemove", list[str], [])}
        return told(kind, made, {**fields, MODIFIED_BY: made.by}, least=1)

    return tell


def deletes(kind: ResourceKind) -> Call:
    """A call that deletes a resource: what was known of it stays, and that it ended then."""

    def tell(made: Made) -> tuple[ResourceState, ...]:
        return told(kind, made, {**made.asked, DELETED: made.time, MODIFIED_BY: made.by}, least=RANKS - 1)

    return tell


def told(
    kind: ResourceKind, made: Made, fields: Mapping[str, Any], *, begins: bool = False, least: int = 0
) -> tuple[ResourceState, ...]:
    """What fields tell of a resource of a kind, at the time of a call.

    CloudTrail tells times in whole seconds: `least` is how the call ranks among others of the same second. What is
    made in it comes first, then what is changed, then what is deleted.
    """
    content = msgspec.json.encode(fields)
    return observed(TELLINGS[kind], content, made.where, made.time, begins=begins, own_time=True, least=least)


def links(kind: ResourceKind) -> Call:
    """A call that links two entities."""

    def tell(made: Made) -> tuple[ResourceState, ...]:
        return told(kind, made, {**made.asked, CREATED_BY: made.by, DELETED: 0, "CreationTime": made.time})

    return tell


def in_camel(call: Call) -> Call:
    """A call about something that events spell in lowerCamel."""

    def tell(made: Made) -> tuple[ResourceState, ...]:
        return call(replace(made, asked=camel(made.asked)))

    return tell


def _add_tags(made: Made) -> tuple[ResourceState, ...]:
    return _tagged(made, dict(shapes.tags(made.read("Tags", list[shapes.Tag], []))))


def _delete_tags(made: Made) -> tuple[ResourceState, ...]:
    return _tagged(made, dict.fromkeys(made.read("TagKeys", list[str], [])))


def _tagged(made: Made, tags: Mapping[str, str | None]) -> tuple[ResourceState, ...]:
    arn = made.read("ResourceArn", str, "")
    kind = kind_of(arn)
    if kind is None or not tags:
        return ()
    about = replace(made, where=made.where._replace(resources=(arn,)))
    return told(kind, about, {f"{TAG}{key}": value for key, value in tags.items()}, least=1)


def _glue_job_run(made: Made) -> tuple[ResourceState, ...]:
    """A run of a Glue job begins, told with the names of its events."""
    asked = made.asked
    names = {"jobName": "JobName", "jobRunId": "JobRunId", "arguments": "Arguments"}
    fields = {ours: asked[theirs] for ours, theirs in names.items() if theirs in asked}
    return told(ResourceKind.GLUE_JOB_RUN, made, {**fields, CREATED_BY: made.by}, begins=True)


def _updates_endpoint(made: Made) -> tuple[ResourceState, ...]:
    """The configuration that an endpoint is updated to is the one to come: it may yet be rolled back."""
    fields = {name: made.asked[name] for name in ("EndpointName", "EndpointArn") if name in made.asked}
    coming = {"EndpointConfigName": made.asked.get("EndpointConfigName")}
    return told(
        ResourceKind.ENDPOINT, made, {**fields, "PendingDeploymentSummary": coming, MODIFIED_BY: made.by}, least=1
    )


def _of_image_version(call: Call) -> Call:
    """A call about a version of an image; one that names it by an alias alone does not tell which."""
    return lambda made: call(made) if {"Version", "ImageVersionArn"} & made.asked.keys() else ()


def _schedule_is(status: str) -> Call:
    """A call that starts or stops a monitoring schedule."""

    def tell(made: Made) -> tuple[ResourceState, ...]:
        fields = {**made.asked, "MonitoringScheduleStatus": status, MODIFIED_BY: made.by}
        return told(ResourceKind.MONITORING_SCHEDULE, made, fields, least=1)

    return tell


CALLS: Mapping[str, Call] = {
    "CreateTrainingJob": creates(ResourceKind.TRAINING_JOB),
    "StopTrainingJob": updates(ResourceKind.TRAINING_JOB),
    "DeleteTrainingJob": deletes(ResourceKind.TRAINING_JOB),
    "CreateProcessingJob": creates(ResourceKind.PROCESSING_JOB),
    "StopProcessingJob": updates(ResourceKind.PROCESSING_JOB),
    "DeleteProcessingJob": deletes(ResourceKind.PROCESSING_JOB),
    "CreateTransformJob": creates(ResourceKind.TRANSFORM_JOB),
    "StopTransformJob": updates(ResourceKind.TRANSFORM_JOB),
    "CreateHyperParameterTuningJob": creates(ResourceKind.TUNING_JOB),
    "StopHyperParameterTuningJob": updates(ResourceKind.TUNING_JOB),
    "DeleteHyperParameterTuningJob": deletes(ResourceKind.TUNING_JOB),
    "CreateAutoMLJob": creates(ResourceKind.AUTOML_JOB),
    "CreateAutoMLJobV2": creates(ResourceKind.AUTOML_JOB),
    "StopAutoMLJob": updates(ResourceKind.AUTOML_JOB),
    "CreateLabelingJob": creates(ResourceKind.LABELING_JOB),
    "StopLabelingJob": updates(ResourceKind.LABELING_JOB),
    "glue StartJobRun": _glue_job_run,
    "CreateModel": creates(ResourceKind.MODEL),
    "DeleteModel": deletes(ResourceKind.MODEL),
    "CreateModelPackage": creates(ResourceKind.MODEL_PACKAGE),
    "UpdateModelPackage": updates(ResourceKind.MODEL_PACKAGE, "CustomerMetadataProperties"),
    "DeleteModelPackage": deletes(ResourceKind.MODEL_PACKAGE),
    "CreateModelPackageGroup": creates(ResourceKind.MODEL_PACKAGE_GROUP),
    "DeleteModelPackageGroup": deletes(ResourceKind.MODEL_PACKAGE_GROUP),
    "CreateEndpointConfig": creates(ResourceKind.ENDPOINT_CONFIG),
    "DeleteEndpointConfig": deletes(ResourceKind.ENDPOINT_CONFIG),
    "CreateEndpoint": creates(ResourceKind.ENDPOINT),
    "UpdateEndpoint": _updates_endpoint,
    "UpdateEndpointWeightsAndCapacities": updates(ResourceKind.ENDPOINT),
    "DeleteEndpoint": deletes(ResourceKind.ENDPOINT),
    "CreateInferenceComponent": creates(ResourceKind.INFERENCE_COMPONENT),
    "UpdateInferenceComponent": updates(ResourceKind.INFERENCE_COMPONENT),
    "UpdateInferenceComponentRuntimeConfig": updates(ResourceKind.INFERENCE_COMPONENT),
    "DeleteInferenceComponent": deletes(ResourceKind.INFERENCE_COMPONENT),
    "CreateModelCard": creates(ResourceKind.MODEL_CARD),
    "UpdateModelCard": updates(ResourceKind.MODEL_CARD),
    "DeleteModelCard": deletes(ResourceKind.MODEL_CARD),
    "CreateImage": creates(ResourceKind.IMAGE),
    "UpdateImage": updates(ResourceKind.IMAGE),
    "DeleteImage": deletes(ResourceKind.IMAGE),
    "CreateImageVersion": creates(ResourceKind.IMAGE_VERSION),
    "UpdateImageVersion": _of_image_version(updates(ResourceKind.IMAGE_VERSION)),
    "DeleteImageVersion": _of_image_version(deletes(ResourceKind.IMAGE_VERSION)),
    "CreateMonitoringSchedule": creates(ResourceKind.MONITORING_SCHEDULE),
    "UpdateMonitoringSchedule": updates(ResourceKind.MONITORING_SCHEDULE),
    "StartMonitoringSchedule": _schedule_is("Scheduled"),
    "StopMonitoringSchedule": _schedule_is("Stopped"),
    "DeleteMonitoringSchedule": deletes(ResourceKind.MONITORING_SCHEDULE),
    "CreateFeatureGroup": creates(ResourceKind.FEATURE_GROUP),
    "DeleteFeatureGroup": deletes(ResourceKind.FEATURE_GROUP),
    "CreateArtifact": creates(ResourceKind.ARTIFACT),
    "UpdateArtifact": updates(ResourceKind.ARTIFACT, "Properties"),
    "DeleteArtifact": deletes(ResourceKind.ARTIFACT),
    "CreateContext": creates(ResourceKind.CONTEXT),
    "UpdateContext": updates(ResourceKind.CONTEXT, "Properties"),
    "DeleteContext": deletes(ResourceKind.CONTEXT),
    "CreateAction": creates(ResourceKind.ACTION),
    "UpdateAction": updates(ResourceKind.ACTION, "Properties"),
    "DeleteAction": deletes(ResourceKind.ACTION),
    "CreateExperiment": creates(ResourceKind.EXPERIMENT),
    "UpdateExperiment": updates(ResourceKind.EXPERIMENT),
    "DeleteExperiment": deletes(ResourceKind.EXPERIMENT),
    "CreateTrial": creates(ResourceKind.TRIAL),
    "UpdateTrial": updates(ResourceKind.TRIAL),
    "DeleteTrial": deletes(ResourceKind.TRIAL),
    "CreateTrialComponent": creates(ResourceKind.TRIAL_COMPONENT),
    "UpdateTrialComponent": updates(ResourceKind.TRIAL_COMPONENT, "Parameters", "InputArtifacts", "OutputArtifacts"),
    "DeleteTrialComponent": deletes(ResourceKind.TRIAL_COMPONENT),
    "AddAssociation": links(ResourceKind.ASSOCIATION),
    "DeleteAssociation": deletes(ResourceKind.ASSOCIATION),
    "AssociateTrialComponent": links(ResourceKind.MEMBERSHIP),
    "DisassociateTrialComponent": deletes(ResourceKind.MEMBERSHIP),
    "CreatePipeline": creates(ResourceKind.PIPELINE),
    "UpdatePipeline": updates(ResourceKind.PIPELINE),
    "DeletePipeline": deletes(ResourceKind.PIPELINE),
    "StartPipelineExecution": in_camel(creates(ResourceKind.PIPELINE_EXECUTION)),
    "UpdatePipelineExecution": in_camel(updates(ResourceKind.PIPELINE_EXECUTION)),
    "StopPipelineExecution": in_camel(updates(ResourceKind.PIPELINE_EXECUTION)),
    "RetryPipelineExecution": in_camel(updates(ResourceKind.PIPELINE_EXECUTION)),
    "AddTags": _add_tags,
    "DeleteTags": _delete_tags,
}
"""What calls tell, by name; those of another service are named `<service> <operation>`."""

_decoder = msgspec.json.Decoder(Record)


def observe(event: Event) -> tuple[ResourceState, ...]:
    """What a recorded call tells; nothing if it was refused, or tells nothing that lineage needs.

    Raises:
        Malformed: The record cannot be read, or does not say what the call was about.
    """
    record = _read(event)
    call = CALLS.get(_name(record))
    if call is None or record.error_code:
        return ()
    when = milliseconds(record.event_time, "eventTime") if record.event_time else event.time
    if when is None:
        raise Malformed("tells no time: neither eventTime in its record nor a time in its envelope")
    asked = {**pascal(record.request_parameters or {}), **pascal(record.response_elements or {})}
    where = Where(record.recipient_account_id or event.account, record.aws_region or event.region, event.resources)
    return call(Made(asked, where, when, record.user_identity.name))


def named(event: Event) -> str:
    """The name of a recorded call; of another service than SageMaker with the service before it.

    Raises:
        Malformed: The record cannot be read.
    """
    return _name(_read(event))


def _name(record: Record) -> str:
    name = (record.event_name or "unnamed")[:100]
    service = (record.event_source or "sagemaker").removesuffix(_SERVICE)[:100]
    return name if service == "sagemaker" else f"{service} {name}"


def _read(event: Event) -> Record:
    try:
        return _decoder.decode(event.detail)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as why:
        raise Malformed(f"not a record of CloudTrail: {why}") from why


MAPS = frozenset(
    {
        "aggregation",
        "arguments",
        "authenticationRequestExtraParams",
        "collectionParameters",
        "containerEnvironmentVariables",
        "customerMetadataProperties",
        "environment",
        "filling",
        "hookParameters",
        "hyperParameters",
        "inputArtifacts",
        "labels",
        "modelVariantActions",
        "optimizationEnvironment",
        "outputArtifacts",
        "overrideEnvironment",
        "parameters",
        "profilingParameters",
        "properties",
        "ruleParameters",
        "staticHyperParameters",
        "textGenerationHyperParameters",
    }
)
"""Members of what writes ask for whose keys are not SageMaker's but their users', and stay as they are.

None of these names is a structure's in another write, so that the name alone tells.
"""
HIDDEN = "HIDDEN_DUE_TO_SECURITY_REASONS"
"""What CloudTrail writes for what it does not tell (CAPTURE A3: plausible)."""


def pascal(value: Any, *, data: int = 0) -> Any:
    """A JSON value with SageMaker's names: lowerCamel keys begin with a capital, at every level; without hidden values.

    Args:
        value: As CloudTrail records it.
        data: How many levels of it have keys that are data.
    """
    if isinstance(value, dict):
        return {
            name if data else name[:1].upper() + name[1:]: pascal(inner, data=data - 1 if data else _levels(name))
            for name, inner in value.items()
            if inner != HIDDEN
        }
    if isinstance(value, list):
        return [pascal(inner) for inner in value if inner != HIDDEN]
    return value


def _levels(name: str) -> int:
    """How many levels of a member have keys that are data."""
    return (name in MAPS) + (name == "filling")  # the one that is a map of maps
