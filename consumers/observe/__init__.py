"""What one event reports, and of which resources: an event becomes states, without a look at the store."""

from __future__ import annotations

from consumers.observe import client_calls, cloudtrail, describe_responses
from consumers.observe.detail_types import CLIENT_CALL, CLOUDTRAIL_CALL, DESCRIPTION
from consumers.observe.observation import observe_fields
from consumers.resources import EVENTS, RESOURCE_TYPES
from consumers.resources.types import Envelope
from consumers.state import ResourceState
from ingest.event import Event
from store.metric_points import Point


def observe(event: Event) -> tuple[ResourceState, ...]:
    """What an event reports of resources, the one that it is about first; nothing when no type knows its kind.

    Raises:
        Malformed: It does not name its resource, or a value that rules need cannot be read.
    """
    if kind := EVENTS.get(event.kind):
        envelope = Envelope(event.account, event.region, event.resources)
        return observe_fields(RESOURCE_TYPES[kind], event.detail, envelope, event.time)
    if event.kind == CLOUDTRAIL_CALL:
        return cloudtrail.observe(event)
    if event.kind == DESCRIPTION:
        return describe_responses.observe(event)
    if event.kind == CLIENT_CALL:
        return client_calls.observe(event)
    return ()


def metric_points_of(event: Event) -> tuple[Point, ...]:
    """The points of metrics that an event reports.

    Raises:
        Malformed: It cannot be read.
    """
    return client_calls.metric_points_of(event) if event.kind == CLIENT_CALL else ()


def label(event: Event) -> str:
    """What an event is counted as: its kind, and of a call or a description the operation too.

    Raises:
        Malformed: It does not say which operation that was.
    """
    if event.kind == CLOUDTRAIL_CALL:
        return f"{CLOUDTRAIL_CALL}: {cloudtrail.operation(event)}"
    if event.kind == DESCRIPTION:
        return f"{DESCRIPTION}: {describe_responses.operation(event)}"
    if event.kind == CLIENT_CALL:
        return f"{CLIENT_CALL}: {client_calls.operation(event)}"
    return event.kind


def handled_labels() -> set[str]:
    """The labels of events that report something of resources, at least some of them."""
    return {
        *EVENTS,
        *(f"{CLOUDTRAIL_CALL}: {name}" for name in cloudtrail.handled_calls()),
        *(f"{DESCRIPTION}: {name}" for name in describe_responses.handled_operations()),
        *(f"{CLIENT_CALL}: {name}" for name in client_calls.CLIENT_CALLS),
    }
