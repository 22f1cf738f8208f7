"""What one event tells, and of which resources: Event -> what is known by it alone."""

from __future__ import annotations

from consumers import answers, calls, writes
from consumers.catalogue import ANSWER, CALL, EVENTS, WRITE
from consumers.known import Known
from consumers.telling import Where, observed
from consumers.tellings import TELLINGS
from ingest.event import Event
from store.measurements import Point


def observe(event: Event) -> tuple[Known, ...]:
    """What an event tells, the resource that it is about first; nothing when no rule knows its kind.

    Raises:
        Malformed: It does not name its resource, or a value that rules need cannot be read.
    """
    if kind := EVENTS.get(event.kind):
        return observed(TELLINGS[kind], event.detail, Where(event.account, event.region, event.resources), event.time)
    if event.kind == CALL:
        return calls.observe(event)
    if event.kind == ANSWER:
        return answers.observe(event)
    if event.kind == WRITE:
        return writes.observe(event)
    return ()


def measured(event: Event) -> tuple[Point, ...]:
    """What an event tells that was measured, point by point.

    Raises:
        Malformed: It cannot be read.
    """
    return writes.measured(event) if event.kind == WRITE else ()


def sort_of(event: Event) -> str:
    """What an event is counted as: its kind, and of a call or an answer the operation too."""
    if event.kind == CALL:
        return f"{CALL}: {calls.named(event)}"
    if event.kind == ANSWER:
        return f"{ANSWER}: {answers.operation(event)}"
    if event.kind == WRITE:
        return f"{WRITE}: {writes.operation(event)}"
    return event.kind


def understood_kinds() -> set[str]:
    """What events are counted as that tell something, at least some of them."""
    return {
        *EVENTS,
        *(f"{CALL}: {name}" for name in calls.CALLS),
        *(f"{ANSWER}: {name}" for name in answers.ANSWERS),
        *(f"{WRITE}: {name}" for name in writes.WRITES),
    }
