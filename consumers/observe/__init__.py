"""What one event tells, and of which resources: Event -> what is known by it alone."""

from __future__ import annotations

from consumers.catalogue import ANSWER, CALL, EVENTS, WRITE
from consumers.observe import client_calls, cloudtrail, describe_responses
from consumers.observe.observation import Where, observed
from consumers.state import ResourceState
from consumers.tellings import TELLINGS
from ingest.event import Event
from store.metric_points import Point


def observe(event: Event) -> tuple[ResourceState, ...]:
    """What an event tells, the resource that it is about first; nothing when no rule knows its kind.

    Raises:
        Malformed: It does not name its resource, or a value that rules need cannot be read.
    """
    if kind := EVENTS.get(event.kind):
        return observed(TELLINGS[kind], event.detail, Where(event.account, event.region, event.resources), event.time)
    if event.kind == CALL:
        return cloudtrail.observe(event)
    if event.kind == ANSWER:
        return describe_responses.observe(event)
    if event.kind == WRITE:
        return client_calls.observe(event)
    return ()


def measured(event: Event) -> tuple[Point, ...]:
    """What an event tells that was measured, point by point.

    Raises:
        Malformed: It cannot be read.
    """
    return client_calls.measured(event) if event.kind == WRITE else ()


def sort_of(event: Event) -> str:
    """What an event is counted as: its kind, and of a call or an answer the operation too."""
    if event.kind == CALL:
        return f"{CALL}: {cloudtrail.named(event)}"
    if event.kind == ANSWER:
        return f"{ANSWER}: {describe_responses.operation(event)}"
    if event.kind == WRITE:
        return f"{WRITE}: {client_calls.operation(event)}"
    return event.kind


def understood_kinds() -> set[str]:
    """What events are counted as that tell something, at least some of them."""
    return {
        *EVENTS,
        *(f"{CALL}: {name}" for name in cloudtrail.CALLS),
        *(f"{ANSWER}: {name}" for name in describe_responses.ANSWERS),
        *(f"{WRITE}: {name}" for name in client_calls.WRITES),
    }
