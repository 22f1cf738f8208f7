"""What clients asked of Headwater's own API that changed something: events of our own, told like recorded calls."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import msgspec

from consumers.catalogue import WRITE
from consumers.kind import ResourceKind
from consumers.observe.cloudtrail import CALLS, Call, Made, told
from consumers.observe.observation import Where, kind_of, observed
from consumers.state import ResourceState
from consumers.tellings import TELLINGS
from ingest.event import Event, Malformed
from store.metric_points import NO_STEP, Point


class Write(msgspec.Struct, frozen=True, rename="pascal"):
    """What a client asked for, and was granted.

    Attributes:
        operation: Of SageMaker's API.
        request: What was asked for, by SageMaker's names, and what the answer adds to it; times in epoch milliseconds.
        time: When, in epoch milliseconds: a later write about the same thing is later, by a millisecond at least.
        by: Who asked: the ARN of an identity, or empty.
    """

    operation: str
    request: dict[str, Any]
    time: int
    by: str = ""


def event(write: Write, account: str, region: str, resource: str) -> bytes:
    """A write as the event that is kept of it.

    Args:
        write: The write.
        account: Where it was asked for.
        region: Likewise.
        resource: The ARN of what it is about.
    """
    return msgspec.json.encode(
        {
            "version": "0",
            "detail-type": WRITE,
            "source": "headwater",
            "account": account,
            "time": write.time,
            "region": region,
            "resources": [resource],
            "detail": write,
        }
    )


def observe(event: Event) -> tuple[ResourceState, ...]:
    """What a write tells.

    Raises:
        Malformed: It cannot be read, or does not say what it was about.
    """
    write = _read(event)
    call = WRITES.get(write.operation)
    where = Where(event.account, event.region, event.resources)
    asked = write.request
    if "CreationTime" in asked:  # which tells the life that is meant, and not when this was
        asked = {**asked, "LastModifiedTime": write.time}
    return call(Made(asked, where, write.time, write.by)) if call else ()


def measured(event: Event) -> tuple[Point, ...]:
    """What a write tells that was measured, point by point.

    Raises:
        Malformed: It cannot be read.
    """
    write = _read(event)
    if write.operation != "BatchPutMetrics":
        return ()
    component = next((arn for arn in event.resources if kind_of(arn) == ResourceKind.TRIAL_COMPONENT), None)
    if component is None:
        raise Malformed("does not say of which trial component it tells metrics")
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
    """The operation that was asked for.

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


def _subject(made: Made) -> str:
    """The ARN of the resource that a call was about."""
    if not made.where.resources:
        raise Malformed("does not name the resource that the call was about")
    return made.where.resources[0]


def _puts(made: Made) -> tuple[ResourceState, ...]:
    """That there is a trial component of which something was measured; the points are beside what is known of it."""
    return (ResourceState(ResourceKind.TRIAL_COMPONENT, _subject(made), made.time),)


def _deletes_component(made: Made) -> tuple[ResourceState, ...]:
    """A trial component goes, and the associations that clients have added to it."""
    links = made.read("Associations", list[tuple[str, str]], [])
    gone = [
        known
        for source, destination in links
        for known in CALLS["DeleteAssociation"](
            replace(made, asked={"SourceArn": source, "DestinationArn": destination})
        )
    ]
    return (*CALLS["DeleteTrialComponent"](made), *gone)


def _about_an_artifact(call: Call) -> Call:
    """A call about an artifact that none has made perhaps, so that the write says what it stands for."""

    def tell(made: Made) -> tuple[ResourceState, ...]:
        if kind_of(_subject(made)) != ResourceKind.ARTIFACT:
            return call(made)
        itself = {name: made.asked[name] for name in ("Source", "ArtifactType", "CreationTime") if name in made.asked}
        return (*told(ResourceKind.ARTIFACT, replace(made, asked=itself), itself), *call(made))

    return tell


def _made_now(call: Call) -> Call:
    """A call that makes something: it is as old as the call."""
    return lambda made: call(replace(made, asked={**made.asked, "CreationTime": made.time}))


def _between_artifacts(made: Made) -> tuple[ResourceState, ...]:
    """An association, and what those of its ends are that are artifacts: one that a job made, no client has told."""
    sources = made.read("ArtifactSources", dict[str, dict[str, Any]], {})
    ends = [
        known
        for arn, source in sources.items()
        for known in observed(
            TELLINGS[ResourceKind.ARTIFACT],
            msgspec.json.encode({"ArtifactArn": arn, "Source": source}),
            made.where,
            made.time,
        )
    ]
    return (*CALLS["AddAssociation"](made), *ends)


_THINGS = ("Artifact", "Context", "Action", "Experiment", "Trial", "TrialComponent")

WRITES: Mapping[str, Call] = {
    **{f"Create{thing}": _made_now(CALLS[f"Create{thing}"]) for thing in _THINGS},
    **{f"Update{thing}": CALLS[f"Update{thing}"] for thing in _THINGS},
    **{f"Delete{thing}": CALLS[f"Delete{thing}"] for thing in _THINGS},
    "DeleteTrialComponent": _deletes_component,
    "AddAssociation": _between_artifacts,
    "DeleteAssociation": CALLS["DeleteAssociation"],
    "AssociateTrialComponent": CALLS["AssociateTrialComponent"],
    "DisassociateTrialComponent": CALLS["DisassociateTrialComponent"],
    "AddTags": _about_an_artifact(CALLS["AddTags"]),
    "DeleteTags": _about_an_artifact(CALLS["DeleteTags"]),
    "BatchPutMetrics": _puts,
}
"""What writes tell, by operation."""

_decoder = msgspec.json.Decoder(Write)


def _read(event: Event) -> Write:
    try:
        return _decoder.decode(event.detail)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as why:
        raise Malformed(f"not a write that was kept: {why}") from why
