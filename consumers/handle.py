"""One batch: decode, fold, derive, save. Every way in comes through here, so that replay is the live path.

Two steps, in this order: what is known is committed together with the events that tell it; lineage is derived from
what is committed. So no worker can miss another's news (docs/decisions/0001). SQLite has one writer at a time, which
does both in one transaction.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

import structlog

from consumers.kind import ResourceKind
from consumers.observe import measured, observe, sort_of, understood_kinds
from consumers.resource_session import ResourceSession, with_referrers
from consumers.resources.types import DescribeRequest
from consumers.rules import RULES
from consumers.state import ResourceState
from ingest.delivery import Delivery
from ingest.event import Event, Malformed, decode
from store import describe_requests, metric_points
from store import resources as table
from store.database import Store, Transaction, Unavailable, Unusable
from store.ledger import events as ledger
from store.ledger.events import DeadLetter, Entry
from store.lineage import Lineage
from store.metric_points import Point
from store.resources import ResourceRow
from store.save import save

log = structlog.get_logger()

PAGE = 1000
"""How much of what was left undone is done in one transaction."""
GRACE = 60_000
"""Milliseconds that news have to come by themselves before SageMaker is asked for them."""


@dataclass(frozen=True, slots=True)
class Settlement:
    """What became of a batch: each delivery is in the ledger or in the dead letters, and may be acknowledged.

    Attributes:
        events: How many are in the ledger.
        kept: How many of these have no rule yet, by kind.
        dead: Those that could not be understood, with the reason.
        derived: How many resources' lineage was derived.
        failed: How many resources' rules failed; they are derived anew when more becomes known of them.
    """

    events: int = 0
    kept: Mapping[str, int] = field(default_factory=dict)
    dead: Sequence[tuple[Delivery, str]] = ()
    derived: int = 0
    failed: int = 0


class Told(NamedTuple):
    """An event, what it is counted as, and what it tells of each resource that it speaks of."""

    event: Event
    sort: str
    known: tuple[ResourceState, ...]


class Understood(NamedTuple):
    """A batch, and what it tells by itself.

    Attributes:
        batch: The deliveries.
        told: Their events, as far as they were understood.
        known: All that these tell of each resource, by key.
        dead: The deliveries that could not be understood, with the reason.
        points: What they tell that was measured.
    """

    batch: Sequence[Delivery]
    told: Sequence[Told]
    known: Mapping[str, ResourceState]
    dead: Sequence[tuple[Delivery, str]]
    points: Sequence[Point] = ()


def handle(batch: Sequence[Delivery], store: Store) -> Settlement:
    """Keep what a batch tells and derive what follows.

    Args:
        batch: Deliveries in any order, with any repetitions.
        store: At the newest schema.

    Returns:
        What became of them.

    Raises:
        Unavailable: The store did not answer: nothing may be acknowledged, everything will come again.
        Unusable: The store cannot be used.
    """
    return keep(understand(batch), store)


def understand(batch: Sequence[Delivery]) -> Understood:
    """The half of `handle` that asks no store."""
    told, dead = [], []
    points: list[Point] = []
    for delivery in batch:
        try:
            event = decode(delivery.body)
            told.append(Told(event, sort_of(event), observe(event)))
            points += measured(event)
        except Malformed as why:
            dead.append((delivery, str(why)))
    return Understood(batch, told, fold(known for one in told for known in one.known), dead, points)


def keep(understood: Understood, store: Store) -> Settlement:
    """The other half of `handle`: both of its steps.

    Raises:
        Unavailable, Unusable: As `handle`.
    """
    batch = understood.batch
    try:
        return _commit(understood, store)
    except (Unavailable, Unusable):
        raise
    except Exception as why:  # whatever the store refuses, one message must not hold up the rest
        if len(batch) > 1:
            half = len(batch) // 2
            return _joined(handle(batch[:half], store), handle(batch[half:], store))
        if understood.dead:  # it has to be kept, whatever it is: there is nowhere else to put it
            raise
        return _commit_alone(understood, _first_line(why), store)


def catch_up(store: Store) -> int:
    """Do what earlier workers have left undone: call it before work begins.

    Events are folded that no rule knew when they came; lineage is derived anew that an older version of a rule
    derived, or that a worker which stopped between its two steps did not come to.

    Returns:
        How many resources' lineage was derived.
    """
    done = 0
    kinds = understood_kinds()
    while late := store.read(lambda tx: ledger.kept(tx, kinds, PAGE)):
        for number, body in late.items():
            settlement = handle([Delivery(body, "the ledger")], store)
            outcome = "refused" if settlement.dead else "derived"
            store.write(partial(ledger.mark, numbers=[number], outcome=outcome))
            done += settlement.derived
    rules = {kind.value: rule.signature for kind, rule in RULES.items()}
    while unlisted := store.read(lambda tx: table.unlisted(tx, rules.keys(), PAGE)):
        store.write(partial(_list_anew, keys=unlisted))
    before: list[str] = []
    while keys := store.read(lambda tx: table.underived(tx, PAGE) or table.outdated(tx, rules, PAGE)):
        if keys == before:
            log.error("cannot derive what was left undone", resources=len(keys), first=keys[0])
            break
        done += derive_committed(keys, store)[0]
        before = keys
    return done


def _list_anew(tx: Transaction, keys: Collection[str]) -> None:
    ResourceSession(tx).list_anew(keys)


def redrive(store: Store, numbers: Sequence[int]) -> tuple[int, int]:
    """Send dead letters round again; those that are understood now are dead no longer.

    Returns:
        How many were understood, and how many were not.
    """
    understood = 0
    for letter in (one for number in numbers for one in ledger.dead_letters(store, [number])):
        settlement = handle([Delivery(letter.body, letter.origin)], store)
        if not settlement.dead:
            store.write(partial(ledger.discard, numbers=[letter.id]))
            understood += 1
    return understood, len(numbers) - understood


def _commit(understood: Understood, store: Store) -> Settlement:
    """Both steps for a batch."""
    received = time.time_ns() // 1_000_000

    def know(tx: Transaction) -> tuple[set[str], tuple[int, int]]:
        working = ResourceSession(tx, derives=tx.exclusive)
        touched = remember(working, understood, received)
        ledger.bury(tx, [DeadLetter(0, why, one.origin, received, one.body) for one, why in understood.dead])
        return touched, derive(working, touched) if tx.exclusive else (0, 0)

    touched, (derived, failed) = store.write(know)
    if not store.sqlite and touched:
        derived, failed = derive_committed(touched, store)
    return _settlement(understood, derived, failed)


def _commit_alone(understood: Understood, why: str, store: Store) -> Settlement:
    """Keep one message that something in the store refuses: the first step by itself, or as a dead letter."""
    received = time.time_ns() // 1_000_000
    try:
        touched = store.write(lambda tx: remember(ResourceSession(tx), understood, received))
    except (Unavailable, Unusable):
        raise
    except Exception:  # noqa: BLE001  # whatever the store refuses is kept as a dead letter, and said
        [delivery] = understood.batch
        reason = f"the store refuses it: {why}"
        log.warning("refused by the store", origin=delivery.origin, reason=reason)
        return _commit(Understood(understood.batch, (), {}, [(delivery, reason)]), store)
    derived, failed = derive_committed(touched, store)
    return _settlement(understood, derived, failed)


def _settlement(understood: Understood, derived: int, failed: int) -> Settlement:
    knows = understood_kinds()
    kept = Counter(one.sort for one in understood.told if not one.known and one.sort not in knows)
    return Settlement(len(understood.told), kept, understood.dead, derived, failed)


def derive_committed(keys: Collection[str], store: Store) -> tuple[int, int]:
    """The second step by itself; what the store refuses of one resource does not hold up the others.

    Args:
        keys: Of resources of which something new is known.
        store: Where that is committed.

    Returns:
        How many were derived, and how many could not be.
    """
    try:
        return store.write(lambda tx: derive(ResourceSession(tx), keys))
    except (Unavailable, Unusable):
        raise
    except Exception as why:  # noqa: BLE001  # whatever the store refuses of one resource, others go on
        if len(keys) > 1:
            found = [derive_committed([key], store) for key in sorted(keys)]
            return sum(derived for derived, _ in found), sum(failed for _, failed in found)
        reason = f"the store refuses its lineage: {_first_line(why)}"
        log.warning("refused by the store", resources=list(keys), reason=reason)

        def mark(tx: Transaction) -> None:
            rows = table.lock(tx, keys).values()
            save(tx, {row.id: Lineage() for row in rows})
            rules = {row.id: RULES[ResourceKind(row.kind)].signature for row in rows}
            table.mark_derived(
                tx, [row._replace(derived=row.version, rule=rules[row.id], problem=reason) for row in rows]
            )

        store.write(mark)
        return 0, 1


def fold(told: Iterable[ResourceState]) -> dict[str, ResourceState]:
    """All that is told of each resource, by key."""
    folded: dict[str, ResourceState] = {}
    for known in told:
        key = known.arn.lower()
        mine = folded.get(key)
        folded[key] = known if mine is None else mine | known
    return folded


def remember(working: ResourceSession, understood: Understood, received: int) -> set[str]:
    """Write events into the ledger, and what they tell into what is known.

    Args:
        working: In a transaction that writes.
        understood: The events.
        received: When they came, in epoch milliseconds.

    Returns:
        The keys of resources whose lineage is to be derived.
    """
    kinds = {key: known.kind.value for key, known in understood.known.items()}
    knows = understood_kinds()
    subjects = []
    for event, _, tells in understood.told:
        subject = tells[0].arn.lower() if tells else next(iter(event.resources), "").lower()
        subjects.append(subject)
        if subject:
            kinds.setdefault(subject, _part(subject))
    working.claim(kinds)
    metric_points.keep(working.tx, understood.points)
    touched = working.learn(understood.known, {point.component for point in understood.points})
    ledger.remember(
        working.tx,
        [
            Entry(
                event.key(),
                sort,
                working.rows[subject].id if subject else None,
                event.time or 0,
                "derived" if tells else "nothing" if sort in knows else "kept",
                event.body,
            )
            for (event, sort, tells), subject in zip(understood.told, subjects, strict=True)
        ],
        received,
    )
    return touched


def derive(working: ResourceSession, touched: Collection[str]) -> tuple[int, int]:
    """Derive lineage of resources of which something new is known, and of all that read them.

    Args:
        working: In a transaction in which what is known is committed, or will be together with what is derived.
        touched: Their keys.

    Returns:
        How many were derived, and how many rules failed.
    """
    tx = working.tx
    keys = with_referrers(tx, touched)
    working.lock(keys)
    working.fetch_references(keys)
    said: dict[int, Lineage] = {}
    asked: dict[int, set[DescribeRequest]] = {}
    marked: list[ResourceRow] = []
    referring: dict[int, set[str]] = {}
    problems = 0
    for key in sorted(keys):
        row = working.rows[key]
        rule = RULES[ResourceKind(row.kind)]
        problem = None
        if row.rule and row.rule != rule.signature:  # which may read what the one before did not
            referring[row.id] = working.references(key)
        try:
            lineage = Lineage()
            for incarnation in working.incarnations(key):
                lineage |= rule.apply(incarnation, working.lookup)
            if rule.asks:
                asked[row.id] = working.questions(key)
            said[row.id] = lineage
        except Exception as why:  # a rule that fails on one resource must not hold up all others
            # It says nothing then, rather than what it said before: which that was depends on the order of events.
            said[row.id] = Lineage()
            problem = f"{type(why).__name__}: {why}"
            problems += 1
            log.exception("rule failed", rule=rule.name, resource=key)
        now = row._replace(derived=row.version, rule=rule.signature, problem=problem)
        if now != row:
            marked.append(now)
    fresh = working.fresh if working.derives else {row.id for row in marked if not working.rows[row.key].derived}
    save(tx, said, fresh)
    describe_requests.ask(tx, asked, fresh, time.time_ns() // 1_000_000 + GRACE)
    table.refer(tx, referring, ())
    table.mark_derived(tx, marked)
    return len(said) - problems, problems


def _part(arn: str) -> str:
    """What sort of thing an ARN names, for resources without a rule."""
    return arn.split(":", 5)[-1].partition("/")[0] or "unknown"


def _first_line(why: Exception) -> str:
    return next(iter(str(why).splitlines()), type(why).__name__)


def _joined(one: Settlement, other: Settlement) -> Settlement:
    return Settlement(
        one.events + other.events,
        Counter(one.kept) + Counter(other.kept),
        (*one.dead, *other.dead),
        one.derived + other.derived,
        one.failed + other.failed,
    )
