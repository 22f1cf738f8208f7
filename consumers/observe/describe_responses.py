"""What SageMaker answered when it was asked: kept as events of our own, so that a replay asks nobody."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from consumers.kind import ResourceKind
from consumers.observe.observation import Where, camel, kind_of, observed
from consumers.state import DELETED, ResourceState
from consumers.tellings import TELLINGS
from ingest.event import Event, Malformed


class Answer(msgspec.Struct, frozen=True, rename="pascal"):
    """What was asked, and what came back."""

    operation: str | None = None
    response: msgspec.Raw = msgspec.Raw()


Reading = Callable[[Event, msgspec.Raw], tuple[ResourceState, ...]]
"""What an answer tells, the resource that it is about first."""


def describes(kind: ResourceKind) -> Reading:
    """An answer that describes a resource as its events do."""

    def read(event: Event, response: msgspec.Raw) -> tuple[ResourceState, ...]:
        return observed(TELLINGS[kind], response, _where(event), event.time, unchanged=True)

    return read


def _associations(event: Event, response: msgspec.Raw) -> tuple[ResourceState, ...]:
    """Associations that there were when SageMaker was asked."""
    return tuple(
        known
        for one in _items(response, "AssociationSummaries")
        for known in _told(event, ResourceKind.ASSOCIATION, {**one, DELETED: 0})
    )


def _components(event: Event, response: msgspec.Raw) -> tuple[ResourceState, ...]:
    """Which trial components were in a trial when SageMaker was asked, and what it said of them."""
    trial = next((arn for arn in event.resources if kind_of(arn) == ResourceKind.TRIAL), None)
    if trial is None:
        return ()
    found: list[ResourceState] = []
    for one in _items(response, "TrialComponentSummaries"):
        arn = one.get("TrialComponentArn")
        both = {"TrialArn": trial, "TrialComponentArn": arn, "TrialComponentName": one.get("TrialComponentName")}
        found += _told(event, ResourceKind.MEMBERSHIP, {**both, DELETED: 0})
        found += _told(event, ResourceKind.TRIAL_COMPONENT, {**one, "Source": one.get("TrialComponentSource")})
    return tuple(found)


def _execution(event: Event, response: msgspec.Raw) -> tuple[ResourceState, ...]:
    """An execution, in the words of its events."""
    told = _object(response)
    by = {name: told.pop(name, None) for name in ("CreatedBy", "LastModifiedBy")}
    status = told.pop("PipelineExecutionStatus", None)
    return _told(
        event, ResourceKind.PIPELINE_EXECUTION, {**camel(told), **by, "currentPipelineExecutionStatus": status}
    )


def _parameters(event: Event, response: msgspec.Raw) -> tuple[ResourceState, ...]:
    """What an execution was started with, and what else its parameters are by default."""
    return _told(event, ResourceKind.PIPELINE_EXECUTION, camel(_object(response)))


def _steps(event: Event, response: msgspec.Raw) -> tuple[ResourceState, ...]:
    """The steps of an execution, in the words of their events."""
    found: list[ResourceState] = []
    for one in _items(response, "PipelineExecutionSteps"):
        words = {"currentStepStatus": "StepStatus", "stepStartTime": "StartTime", "stepEndTime": "EndTime"}
        told = {theirs: one.pop(ours, None) for theirs, ours in words.items()}
        found += _told(event, ResourceKind.PIPELINE_STEP, {**camel(one), **told})
    return tuple(found)


def _tags(event: Event, response: msgspec.Raw) -> tuple[ResourceState, ...]:
    """Tags of whatever was asked about."""
    for arn in event.resources:
        if kind := kind_of(arn):
            return observed(TELLINGS[kind], response, _where(event), event.time)
    return ()


DESCRIBED_BY: Mapping[ResourceKind, str] = {
    ResourceKind.TRAINING_JOB: "DescribeTrainingJob",
    ResourceKind.PROCESSING_JOB: "DescribeProcessingJob",
    ResourceKind.TRANSFORM_JOB: "DescribeTransformJob",
    ResourceKind.MODEL: "DescribeModel",
    ResourceKind.MODEL_PACKAGE: "DescribeModelPackage",
    ResourceKind.MODEL_PACKAGE_GROUP: "DescribeModelPackageGroup",
    ResourceKind.ENDPOINT_CONFIG: "DescribeEndpointConfig",
    ResourceKind.ENDPOINT: "DescribeEndpoint",
    ResourceKind.FEATURE_GROUP: "DescribeFeatureGroup",
    ResourceKind.PIPELINE: "DescribePipeline",
    ResourceKind.ARTIFACT: "DescribeArtifact",
    ResourceKind.CONTEXT: "DescribeContext",
    ResourceKind.ACTION: "DescribeAction",
    ResourceKind.EXPERIMENT: "DescribeExperiment",
    ResourceKind.TRIAL: "DescribeTrial",
    ResourceKind.TRIAL_COMPONENT: "DescribeTrialComponent",
    ResourceKind.TUNING_JOB: "DescribeHyperParameterTuningJob",
    ResourceKind.AUTOML_JOB: "DescribeAutoMLJobV2",
    ResourceKind.LABELING_JOB: "DescribeLabelingJob",
    ResourceKind.INFERENCE_COMPONENT: "DescribeInferenceComponent",
    ResourceKind.MODEL_CARD: "DescribeModelCard",
    ResourceKind.IMAGE: "DescribeImage",
    ResourceKind.IMAGE_VERSION: "DescribeImageVersion",
    ResourceKind.MONITORING_SCHEDULE: "DescribeMonitoringSchedule",
}
"""The operation that describes each kind of resource in the words of its events."""

ANSWERS: Mapping[str, Reading] = {
    **{operation: describes(kind) for kind, operation in DESCRIBED_BY.items()},
    "ListAssociations": _associations,
    "ListTrialComponents": _components,
    "DescribeAutoMLJob": describes(ResourceKind.AUTOML_JOB),
    "ListTrainingJobsForHyperParameterTuningJob": describes(ResourceKind.TUNING_JOB),
    "DescribePipelineExecution": _execution,
    "ListPipelineParametersForExecution": _parameters,
    "ListPipelineExecutionSteps": _steps,
    "ListTags": _tags,
}
"""What answers tell, by the operation that was asked."""

_decoder = msgspec.json.Decoder(Answer)
_object_decoder = msgspec.json.Decoder(dict[str, Any])


def _items(response: msgspec.Raw, field: str) -> list[dict[str, Any]]:
    """The objects in an answer's list."""
    try:
        return msgspec.convert(_object(response).get(field) or [], list[dict[str, Any]])
    except msgspec.ValidationError as why:
        raise Malformed(f"{field} cannot be read: {why}") from why


def _object(response: msgspec.Raw) -> dict[str, Any]:
    try:
        return _object_decoder.decode(response)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as why:
        raise Malformed(f"an answer that cannot be read: {why}") from why


def _told(event: Event, kind: ResourceKind, fields: Mapping[str, Any]) -> tuple[ResourceState, ...]:
    return observed(TELLINGS[kind], msgspec.json.encode(fields), _where(event), event.time)


def observe(event: Event) -> tuple[ResourceState, ...]:
    """What an answer tells.

    Raises:
        Malformed: It cannot be read, or does not say what it is about.
    """
    answer = _read(event)
    reading = ANSWERS.get(answer.operation or "")
    return reading(event, answer.response) if reading else ()


def operation(event: Event) -> str:
    """The operation that was asked.

    Raises:
        Malformed: The answer cannot be read.
    """
    return (_read(event).operation or "unnamed")[:100]


def _read(event: Event) -> Answer:
    try:
        answer = _decoder.decode(event.detail)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as why:
        raise Malformed(f"not an answer that was kept: {why}") from why
    if not bytes(answer.response).lstrip().startswith(b"{"):
        raise Malformed("not an answer that was kept: it has no Response that is an object")
    return answer


def _where(event: Event) -> Where:
    # Asked by a name with its case, where that was known: ARNs are in lower case, unless somebody tells otherwise.
    return Where(event.account, event.region, tuple(arn.lower() for arn in event.resources))
