"""Keeps what clients write over the API: each write an event in the ledger, folded and derived like any other.

Writes that wait together share a transaction, and statements, since these are what a write costs.
"""

from __future__ import annotations

import queue
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

from consumers.api.errors import Refusal
from consumers.api.request import Asked, Guard
from consumers.derive import derive, derive_committed
from consumers.handle import observe_batch, record
from consumers.kind import ASSOCIATION, MEMBERSHIP
from consumers.observe import observe
from consumers.observe.client_calls import Write, event
from consumers.resource_session import ResourceSession
from consumers.resources.client_associations import link_key
from consumers.state import DELETED, ResourceState, incarnations, moment
from ingest.delivery import Delivery
from ingest.event import Malformed, decode
from store.database import Store, Transaction, Unavailable, Unusable

ORIGIN = "the API"
TOGETHER = 64
"""Writes in a transaction, at the most."""


Outcome = Mapping[str, Any] | Refusal
"""What was kept, or why nothing was."""


@dataclass(slots=True)
class _Waiting:
    """A write, and whoever waits for it.

    Attributes:
        subjects: What it is about, first what it is most about, without what its guard adds; nothing if it names what
            cannot be, as its guard will say.
    """

    asked: Asked
    resource: str
    fields: Mapping[str, Any]
    guard: Guard
    subjects: Sequence[ResourceState]
    done: Future[Mapping[str, Any]] = field(default_factory=Future)


class Writer:
    """Keeps writes, one after the other, in a thread of its own."""

    def __init__(self, store: Store, now: Callable[[], int] = lambda: time.time_ns() // 1_000_000) -> None:
        """Begin.

        Args:
            store: At the newest schema; the caller closes it, after this.
            now: Tells the time, in epoch milliseconds.
        """
        self._store = store
        self._now = now
        self._underived: set[str] = set()  # kept, but a store that went away has not derived what follows
        self._queue: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="writer", daemon=True)
        self._thread.start()

    def write(self, asked: Asked, resource: str, fields: Mapping[str, Any], guard: Guard) -> Mapping[str, Any]:
        """As `consumers.api.request.Writer` says."""
        one = _Waiting(asked, resource, fields, guard, _subjects(asked, resource, fields))
        self._queue.put(one)
        return one.done.result()

    def close(self) -> None:
        """Finish what waits."""
        self._queue.put(None)
        self._thread.join()

    def _work(self) -> None:
        while (first := self._queue.get()) is not None:
            batch = [first]
            ends = False
            while len(batch) < TOGETHER and not self._queue.empty():
                one = self._queue.get()
                if one is None:
                    ends = True
                    break
                batch.append(one)
            self._settle(batch)
            if ends:
                return

    def _settle(self, batch: Sequence[_Waiting]) -> None:
        try:
            outcomes = self._keep(batch)
        except (Unavailable, Unusable) as why:
            for one in batch:
                one.done.set_exception(why)
            return
        except Exception as why:  # noqa: BLE001  # it goes to whoever waits, and the next ones are tried
            if len(batch) == 1:
                batch[0].done.set_exception(why)
                return
            for one in batch:  # what the store refuses of one must not hold up the others
                self._settle([one])
            return
        for one, outcome in outcomes:
            if isinstance(outcome, Refusal):
                one.done.set_exception(outcome)
            else:
                one.done.set_result(outcome)

    def _keep(self, batch: Sequence[_Waiting]) -> list[tuple[_Waiting, Outcome]]:
        """Both steps of `consumers.handle`, for several writes: on SQLite in one transaction."""
        touched: set[str] = set()

        def work(tx: Transaction) -> list[tuple[_Waiting, Outcome]]:
            touched.clear()
            settled: list[tuple[_Waiting, Outcome]] = []
            for group in _groups(batch) if tx.exclusive else [[one] for one in batch]:
                settled += zip(group, _kept(tx, group, self._now(), touched), strict=True)
            return settled

        outcomes = self._store.write(work)
        self._underived |= touched
        if self._underived and not self._store.sqlite:
            derive_committed(self._underived, self._store)
            self._underived.clear()
        return outcomes


def _groups(batch: Sequence[_Waiting]) -> list[list[_Waiting]]:
    """Writes in groups of which no guard has to see what another of its group does.

    These are writes of one operation, each about another thing. Their order is ours: they wait at the same time, so
    that nobody can have counted on one to be done before another.
    """
    groups: dict[tuple[str, int], list[_Waiting]] = {}
    turns: Counter[str] = Counter()
    for one in batch:
        about = one.subjects[0].arn.lower() if one.subjects else one.resource
        if one.asked.operation == "CreateArtifact":  # of an address there is one at most, whatever its ARN is
            about = one.fields["Source"]["SourceUri"]
        groups.setdefault((one.asked.operation, turns[about]), []).append(one)
        turns[about] += 1
    return list(groups.values())


def _kept(tx: Transaction, group: Sequence[_Waiting], now: int, touched: set[str]) -> Sequence[Outcome]:
    """Keep the writes of a group, or say of each why not: its guard refuses before anything is written."""
    working = ResourceSession(tx, derives=tx.exclusive)
    kinds = {known.arn.lower(): known.kind for one in group for known in one.subjects}
    outcomes: list[Outcome] = []
    kept: list[Delivery] = []
    with nullcontext() if tx.exclusive else tx.connection.begin_nested() as claimed:
        if not tx.exclusive:  # so that of two servers that write of one thing the second sees what the first has done
            working.claim(kinds)
        working.lock(kinds)
        for one in group:
            asked = one.asked
            try:
                more = one.guard(_Looking(working))
            except Refusal as why:
                outcomes.append(why)
                continue
            whens = [_after(working.known(known.arn.lower()), now, asked.operation) for known in one.subjects]
            write = Write(asked.operation, {**one.fields, **more}, max([now, *whens]), asked.by)
            kept.append(Delivery(event(write, asked.account, asked.region, one.resource), ORIGIN))
            outcomes.append(write.request)
        if claimed and not kept:
            claimed.rollback()  # rows that were made for what is refused
    if not kept:
        return outcomes
    observed = observe_batch(kept)
    if observed.dead:
        raise ValueError(f"a write that cannot be read again: {observed.dead[0][1]}")
    new = record(working, observed, now)
    if tx.exclusive:
        derive(working, new)
    touched |= new
    return outcomes


def _subjects(asked: Asked, resource: str, fields: Mapping[str, Any]) -> Sequence[ResourceState]:
    """What a write is about, as `_Waiting.subjects` says."""
    write = Write(asked.operation, dict(fields), 0, asked.by)
    try:
        return observe(decode(event(write, asked.account, asked.region, resource)))
    except Malformed:
        return ()


def _after(known: ResourceState | None, now: int, operation: str) -> int:
    """When a write was: now, but after all that is known, so that nothing that was told before outlives it.

    Lives are told apart by the second in which they began: what is made anew begins in one of its own.
    """
    if known is None:
        return now
    told = [*known.incarnations.values(), *(unplaced.incarnation for unplaced in known.unplaced.values())]
    stamps = [stamped for incarnation in told for stamped, _ in incarnation.fields.values()]
    when = max(now, *(moment(stamped) + 1 for stamped in stamps)) if stamps else now
    if operation.startswith("Create") and known.incarnations:
        when = max(when, (max(known.incarnations) + 1) * 1000)
    return when


class _Looking:
    """What guards look at."""

    def __init__(self, working: ResourceSession) -> None:
        self._working = working

    @property
    def transaction(self) -> Transaction:
        return self._working.tx

    def made(self, arn: str) -> int | None:
        return self._made(arn.lower())

    def linked(self, source: str, destination: str) -> bool:
        return self._made(link_key(ASSOCIATION, source, destination)) is not None

    def placed(self, trial: str, component: str) -> bool:
        return self._made(link_key(MEMBERSHIP, trial, component)) is not None

    def _made(self, key: str | None) -> int | None:
        self._working.lock([key] if key else [])
        known = self._working.known(key) if key else None
        if key is None or known is None:
            return None
        _, incarnation = incarnations(known)[-1]
        told = incarnation.fields.get(DELETED)  # 0 as it was made
        return self._working.incarnations(key)[-1].created if told and bytes(told[1]) == b"0" else None
