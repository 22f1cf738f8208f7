"""Clients' calls of Headwater's own API that changed something: events of our own, read like recorded calls."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import msgspec

from consumers.arns import kind_of
from consumers.kind import ARTIFACT, TRIAL_COMPONENT
from consumers.observe.cloudtrail import GrantedCall, apply_call, observe_parameters
from consumers.observe.detail_types import CLIENT_CALL
from consumers.observe.observation import observe_fields
from consumers.resources import RESOURCE_TYPES
from consumers.resources.types import Envelope
from consumers.state import ResourceState
from ingest.event import Event, Malformed
from store.metric_points import NO_STEP, Point


class Write(msgspec.Struct, frozen=True, rename="pascal"):
    """A client's call that was granted.

    Attributes:
        operation: Of SageMaker's API.
        request: Its parameters, with SageMaker's names, and the members of the response; times in epoch milliseconds.
        time: When, in epoch milliseconds: a later write about the same resource is later by at least a millisecond.
        by: The identity that called: its ARN, or empty.
    """

    operation: str
    request: dict[str, Any]
    time: int
    by: str = ""


def event(write: Write, account: str, region: str, resource: str) -> bytes:
    """A write as an event for the ledger.

    Args:
        write: The write.
        account: The account that was called.
        region: The region that was called.
        resource: The ARN of the resource that it is about.
    """
    return msgspec.json.encode(
        {
            "version": "0",
            "detail-type": CLIENT_CALL,
            "source": "headwater",
            "account": account,
            "time": write.time,
            "region": region,
            "resources": [resource],
            "detail": write,
        }
    )


def observe(event: Event) -> tuple[ResourceState, ...]:
    """What a write says of resources, the one that it is about first.

    Raises:
        Malformed: It cannot be read, or does not say what it was about.
    """
    write = _read(event)
    apply = CLIENT_CALLS.get(write.operation)
    parameters = write.request
    if "CreationTime" in parameters:  # which says the incarnation that is meant, and not when the call was
        parameters = {**parameters, "LastModifiedTime": write.time}
    envelope = Envelope(event.account, event.region, event.resources)
    return apply(GrantedCall(parameters, envelope, write.time, write.by)) if apply else ()


def metric_points_of(event: Event) -> tuple[Point, ...]:
    """The points of metrics in a write.

    Raises:
        Malformed: It cannot be read.
    """
    write = _read(event)
    if write.operation != "BatchPutMetrics":
        return ()
    component = next((arn for arn in event.resources if kind_of(arn) == TRIAL_COMPONENT), None)
    if component is None:
        raise Malformed("does not say which trial component its metrics are of")
    try:
        put = msgspec.convert(write.request, _Put)
    except msgspec.ValidationError as why:
        raise Malformed(f"metrics that cannot be read: {why}") from why
    incarnation = put.creation_time // 1000
    return tuple(
        Point(component.lower(), incarnation, one.metric_name, one.timestamp, one.step, put.put, place, one.value)
        for place, one in enumerate(put.metric_data)
        if math.isfinite(one.value)
    )


def operation(event: Event) -> str:
    """The operation that was called.

    Raises:
        Malformed: The write cannot be read.
    """
    return (_read(event).operation or "unnamed")[:100]


class _Metric(msgspec.Struct, rename="pascal"):
    metric_name: str
    timestamp: int
    value: float
    step: int = NO_STEP


class _Put(msgspec.Struct, rename="pascal"):
    metric_data: list[_Metric]
    put: int
    creation_time: int = 0


def _subject(call: GrantedCall) -> str:
    """The ARN of the resource that a call was about."""
    if not call.envelope.resources:
        raise Malformed("does not name the resource that the call was about")
    return call.envelope.resources[0]


def _put_metrics(call: GrantedCall) -> tuple[ResourceState, ...]:
    """That there is a trial component with metrics; the points themselves are kept beside its state."""
    return (ResourceState(TRIAL_COMPONENT, _subject(call), call.time),)


def _delete_component(call: GrantedCall) -> tuple[ResourceState, ...]:
    """A trial component goes, and the associations that clients have added to it."""
    pairs = call.read("Associations", list[tuple[str, str]], [])
    associations = [
        state
        for source, destination in pairs
        for state in apply_call(
            "DeleteAssociation", replace(call, parameters={"SourceArn": source, "DestinationArn": destination})
        )
    ]
    return (*apply_call("DeleteTrialComponent", call), *associations)


def _tag(name: str) -> ClientCall:
    """A call that tags something; an artifact perhaps that no client has made, so that the call says what it is."""

    def apply(call: GrantedCall) -> tuple[ResourceState, ...]:
        if kind_of(_subject(call)) != ARTIFACT:
            return apply_call(name, call)
        fields = ("Source", "ArtifactType", "CreationTime")
        itself = {field: call.parameters[field] for field in fields if field in call.parameters}
        artifact = observe_parameters(ARTIFACT, replace(call, parameters=itself), itself)
        return (*artifact, *apply_call(name, call))

    return apply


def _create(name: str) -> ClientCall:
    """A call that makes something: it is as old as the call."""
    return lambda call: apply_call(name, replace(call, parameters={**call.parameters, "CreationTime": call.time}))


def _as_recorded(name: str) -> ClientCall:
    """A call that says what CloudTrail's record of it would."""
    return lambda call: apply_call(name, call)


def _add_association(call: GrantedCall) -> tuple[ResourceState, ...]:
    """An association, and its ends that are artifacts: of one that a job made, no client has said what it is."""
    sources = call.read("ArtifactSources", dict[str, dict[str, Any]], {})
    ends = [
        state
        for arn, source in sources.items()
        for state in observe_fields(
            RESOURCE_TYPES[ARTIFACT],
            msgspec.json.encode({"ArtifactArn": arn, "Source": source}),
            call.envelope,
            call.time,
        )
    ]
    return (*apply_call("AddAssociation", call), *ends)


ClientCall = Callable[[GrantedCall], tuple[ResourceState, ...]]
_ENTITIES = ("Artifact", "Context", "Action", "Experiment", "Trial", "TrialComponent")

CLIENT_CALLS: Mapping[str, ClientCall] = {
    **{f"Create{entity}": _create(f"Create{entity}") for entity in _ENTITIES},
    **{f"Update{entity}": _as_recorded(f"Update{entity}") for entity in _ENTITIES},
    **{f"Delete{entity}": _as_recorded(f"Delete{entity}") for entity in _ENTITIES},
    "DeleteTrialComponent": _delete_component,
    "AddAssociation": _add_association,
    "DeleteAssociation": _as_recorded("DeleteAssociation"),
    "AssociateTrialComponent": _as_recorded("AssociateTrialComponent"),
    "DisassociateTrialComponent": _as_recorded("DisassociateTrialComponent"),
    "AddTags": _tag("AddTags"),
    "DeleteTags": _tag("DeleteTags"),
    "BatchPutMetrics": _put_metrics,
}
"""What clients' calls say, by operation."""

_decoder = msgspec.json.Decoder(Write)


def _read(event: Event) -> Write:
    try:
        return _decoder.decode(event.detail)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as why:
        raise Malformed(f"not a call of a client: {why}") from why
