"""One batch: decode, observe, commit, derive. Every way in comes through here, so that replay is the live path.

Two steps, in this order: the states that a batch changes are committed together with its events; lineage is derived
from what is committed. So no worker can miss another's observations (docs/decisions/0001). SQLite has one writer at a
time, which does both steps in one transaction.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import structlog

from consumers.derive import derive, derive_committed, first_line
from consumers.observe import handled_labels, label, metric_points_of, observe
from consumers.resource_session import ResourceSession, check_readable
from consumers.state import ResourceState
from ingest.delivery import Delivery
from ingest.event import Event, Malformed, decode
from store import metric_points
from store.database import RefusedData, Store, Transaction, Unavailable, Unusable
from store.ledger import events as ledger
from store.ledger.events import DeadLetter, Entry
from store.metric_points import Point

log = structlog.get_logger()

OUR_FAULT = "a fault of Headwater"
"""How the reason of a dead letter begins that only a newer version of Headwater can handle."""


@dataclass(frozen=True, slots=True)
class Settlement:
    """What became of a batch: each delivery is in the ledger or in the dead letters, and may be acknowledged.

    Attributes:
        events: How many are in the ledger.
        kept: How many of these have no rule yet, by kind.
        dead: The dead letters, each with its reason.
        derived: How many resources' lineage was derived.
        failed: How many resources' rules failed; they are derived again when their state changes.
    """

    events: int = 0
    kept: Mapping[str, int] = field(default_factory=dict)
    dead: Sequence[tuple[Delivery, str]] = ()
    derived: int = 0
    failed: int = 0


class ObservedEvent(NamedTuple):
    """An event and its observations.

    Attributes:
        event: The event.
        kind: What it is counted as: its detail-type, and of calls and descriptions the operation too.
        states: What it reports of each resource; the resource that it is about comes first.
    """

    event: Event
    kind: str
    states: tuple[ResourceState, ...]


class ObservedBatch(NamedTuple):
    """A batch and its observations.

    Attributes:
        deliveries: The batch.
        events: Its events, without the dead letters.
        states: What these report of each resource, joined, by key.
        dead: The deliveries that can never become lineage, each with its reason.
        points: The metric points that they contain.
    """

    deliveries: Sequence[Delivery]
    events: Sequence[ObservedEvent]
    states: Mapping[str, ResourceState]
    dead: Sequence[tuple[Delivery, str]]
    points: Sequence[Point] = ()


def handle(batch: Sequence[Delivery], store: Store) -> Settlement:
    """Commit what a batch reports and derive what follows.

    Args:
        batch: Deliveries in any order, with any repetitions.
        store: At the newest schema.

    Returns:
        What became of them.

    Raises:
        Unavailable: The store did not answer: nothing may be acknowledged, every delivery comes again.
        Unusable: The store cannot be used.
        Exception: Any other is a fault of ours that no single event explains, such as a wrong statement: nothing may
            be acknowledged, and the process has to stop.
    """
    return commit_batch(observe_batch(batch), store)


def observe_batch(batch: Sequence[Delivery]) -> ObservedBatch:
    """The pure half of `handle`: it needs no store. A delivery that fails in any way is a dead letter."""
    events, dead = [], []
    points: list[Point] = []
    for delivery in batch:
        try:
            event, measured_points = observe_delivery(delivery)
        except Malformed as why:
            dead.append((delivery, str(why)))
        else:
            events.append(event)
            points += measured_points
    return ObservedBatch(batch, events, joined(state for one in events for state in one.states), dead, points)


def observe_delivery(delivery: Delivery) -> tuple[ObservedEvent, Sequence[Point]]:
    """The event in a delivery with its observations, and the metric points in it.

    Raises:
        Malformed: It cannot be observed, whatever the reason: one message must not hold up all others.
    """
    try:
        event = decode(delivery.body)
        states = tuple(joined(observe(event)).values())
        return ObservedEvent(event, label(event), states), metric_points_of(event)
    except (Malformed, MemoryError):  # the latter says nothing about this event: the process stops, and it comes again
        raise
    except Exception as why:
        log.exception("a fault of Headwater: an event cannot be observed", origin=delivery.origin)
        raise Malformed(_our_fault(why)) from why


def commit_batch(observed: ObservedBatch, store: Store) -> Settlement:
    """The other half of `handle`: commit, then derive.

    Raises:
        Unavailable, Unusable, Exception: As `handle`.
    """
    try:
        return _commit_in_parts(observed, store)
    except (Unavailable, Unusable, MemoryError):
        raise
    except Exception:
        without = _without_faults(observed.deliveries)
        if without is None:
            raise
        return _commit_in_parts(without, store)


def _commit_in_parts(observed: ObservedBatch, store: Store) -> Settlement:
    """Commit a batch, or each half of it where the store refuses data: one message must not hold up the rest."""
    batch = observed.deliveries
    try:
        return _commit(observed, store)
    except RefusedData as why:
        if len(batch) > 1:
            half = len(batch) // 2
            return _both(handle(batch[:half], store), handle(batch[half:], store))
        if observed.dead:  # it has to be kept, whatever it is: there is nowhere else to put it
            raise
        return _commit_alone(observed, str(why), store)


def _without_faults(batch: Sequence[Delivery]) -> ObservedBatch | None:
    """A batch again, with those events as dead letters that cannot be joined into a state even one by one.

    Returns:
        The batch, or None when there is no such event: then it is not an event's data that is at fault.
    """
    faults: list[tuple[Delivery, str]] = []
    rest: list[Delivery] = []
    for delivery in batch:
        try:
            for state in observe_batch([delivery]).states.values():
                check_readable(state)
            rest.append(delivery)
        except MemoryError:
            raise
        except Exception as why:
            log.exception("a fault of Headwater: what an event reports cannot be read", origin=delivery.origin)
            faults.append((delivery, _our_fault(why)))
    if not faults:
        return None
    again = observe_batch(rest)
    return again._replace(deliveries=batch, dead=[*again.dead, *faults])


def _our_fault(why: Exception) -> str:
    what = f"{type(why).__name__}: {first_line(why)}"
    return f"{OUR_FAULT} ({what}): report it, and redrive the message once it is mended"


def _commit(observed: ObservedBatch, store: Store) -> Settlement:
    """Both steps for a batch."""
    received = time.time_ns() // 1_000_000

    def work(tx: Transaction) -> tuple[set[str], tuple[int, int]]:
        session = ResourceSession(tx, derives=tx.exclusive)
        touched = record(session, observed, received)
        ledger.bury(tx, [DeadLetter(0, why, one.origin, received, one.body) for one, why in observed.dead])
        return touched, derive(session, touched) if tx.exclusive else (0, 0)

    touched, (derived, failed) = store.write(work)
    if not store.sqlite and touched:
        derived, failed = derive_committed(touched, store)
    return _settlement(observed, derived, failed)


def _commit_alone(observed: ObservedBatch, why: str, store: Store) -> Settlement:
    """Commit one delivery that the store refuses in some part: the first step by itself, or as a dead letter."""
    received = time.time_ns() // 1_000_000
    try:
        touched = store.write(lambda tx: record(ResourceSession(tx), observed, received))
    except RefusedData:
        [delivery] = observed.deliveries
        reason = f"the store refuses it: {why}"
        log.warning("refused by the store", origin=delivery.origin, reason=reason)
        return _commit(ObservedBatch(observed.deliveries, (), {}, [(delivery, reason)]), store)
    derived, failed = derive_committed(touched, store)
    return _settlement(observed, derived, failed)


def _settlement(observed: ObservedBatch, derived: int, failed: int) -> Settlement:
    with_rules = handled_labels()
    kept = Counter(one.kind for one in observed.events if not one.states and one.kind not in with_rules)
    return Settlement(len(observed.events), kept, observed.dead, derived, failed)


def joined(states: Iterable[ResourceState]) -> dict[str, ResourceState]:
    """The states of each resource joined, by key."""
    by_key: dict[str, ResourceState] = {}
    for state in states:
        key = state.arn.lower()
        other = by_key.get(key)
        by_key[key] = state if other is None else other | state
    return by_key


def record(session: ResourceSession, observed: ObservedBatch, received: int) -> set[str]:
    """Write events into the ledger, and join what they report into the states of their resources.

    Args:
        session: In a transaction that writes.
        observed: The events.
        received: When they arrived, in epoch milliseconds.

    Returns:
        The keys of resources whose lineage is to be derived.
    """
    kinds: dict[str, str] = {key: state.kind for key, state in observed.states.items()}
    with_rules = handled_labels()
    subjects = []
    for event, _, states in observed.events:
        subject = states[0].arn.lower() if states else next(iter(event.resources), "").lower()
        subjects.append(subject)
        if subject:
            kinds.setdefault(subject, _type_in(subject))
    session.claim(kinds)
    metric_points.add(session.tx, observed.points)
    touched = session.join(observed.states, {point.component for point in observed.points})
    ledger.record(
        session.tx,
        [
            Entry(
                event.key(),
                kind,
                session.rows[subject].id if subject else None,
                event.time or 0,
                "derived" if states else "nothing" if kind in with_rules else "kept",
                event.body,
            )
            for (event, kind, states), subject in zip(observed.events, subjects, strict=True)
        ],
        received,
    )
    return touched


def _type_in(arn: str) -> str:
    """The type of resource that an ARN names, for resources without a rule."""
    return arn.split(":", 5)[-1].partition("/")[0] or "unknown"


def _both(one: Settlement, other: Settlement) -> Settlement:
    return Settlement(
        one.events + other.events,
        Counter(one.kept) + Counter(other.kept),
        (*one.dead, *other.dead),
        one.derived + other.derived,
        one.failed + other.failed,
    )
