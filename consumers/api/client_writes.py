"""Writes of API clients: each becomes an event in the ledger, and is observed and derived like any other.

Writes that wait at the same time share a transaction and its statements, since these are what a write costs.
"""

from __future__ import annotations

import queue
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import CancelledError, Future
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field
from typing import Any

from consumers.api.errors import Refusal, ServiceUnavailable
from consumers.api.request import Request
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
"""The most writes in one transaction."""
CLOSING_SECONDS = 5.0
"""How long writes that wait may take when the writer is closed."""


class StoreView:
    """What a guard may look at: the store, in the transaction that will write."""

    def __init__(self, session: ResourceSession) -> None:
        """Args: session: The rows and states of that transaction."""
        self._session = session

    @property
    def transaction(self) -> Transaction:
        """The transaction that will write."""
        return self._session.tx

    def created_by_client(self, arn: str) -> int | None:
        """When a client created this, in epoch milliseconds; None if no client did, or it was deleted."""
        return self._created(arn.lower())

    def is_linked_by_client(self, source: str, destination: str) -> bool:
        """True if a client added an association between these ARNs and has not deleted it."""
        return self._created(link_key(ASSOCIATION, source, destination)) is not None

    def is_put_in_trial_by_client(self, trial: str, component: str) -> bool:
        """True if a client associated this trial component with this trial and has not disassociated it."""
        return self._created(link_key(MEMBERSHIP, trial, component)) is not None

    def _created(self, key: str | None) -> int | None:
        if key is None:
            return None
        self._session.lock([key])
        state = self._session.state(key)
        if state is None:
            return None
        _, incarnation = incarnations(state)[-1]
        deleted = incarnation.fields.get(DELETED)  # 0 since it was created
        return self._session.incarnations(key)[-1].created if deleted and bytes(deleted[1]) == b"0" else None


Guard = Callable[[StoreView], Mapping[str, Any]]
"""Raises a refusal, or returns what else is recorded with the write."""
Outcome = Mapping[str, Any] | Refusal
"""What was recorded, or why nothing was."""


@dataclass(slots=True)
class _WaitingWrite:
    """A write that waits for its transaction.

    Attributes:
        subjects: The states that it reports, the main one first, without what its guard adds; empty if it names
            something that cannot exist, as its guard will say.
        done: Its outcome, for the thread that waits.
    """

    request: Request
    resource: str
    fields: Mapping[str, Any]
    guard: Guard
    subjects: Sequence[ResourceState]
    done: Future[Mapping[str, Any]] = field(default_factory=Future)


class ClientWriter:
    """Commits writes, one batch after the other, in a thread of its own."""

    def __init__(self, store: Store, now: Callable[[], int] = lambda: time.time_ns() // 1_000_000) -> None:
        """Start the thread.

        Args:
            store: At the newest schema; the caller closes it, after this.
            now: Returns the time, in epoch milliseconds.
        """
        self._store = store
        self._now = now
        self._underived: set[str] = set()  # committed, but the store went away before their lineage was derived
        self._queue: queue.SimpleQueue[_WaitingWrite | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="writer", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """How many writes wait for a transaction."""
        return self._queue.qsize()

    def write(self, request: Request, resource: str, fields: Mapping[str, Any], guard: Guard) -> Mapping[str, Any]:
        """Record a write, and wait until it is committed.

        Args:
            request: The request that writes.
            resource: The ARN of what it is about.
            fields: What is recorded, by SageMaker's names: times in epoch milliseconds.
            guard: Decides, in the transaction that writes.

        Returns:
            What was recorded: the fields, and what the guard added.

        Raises:
            Refusal: The guard's, or `ServiceUnavailable` once the writer is closed.
            Unavailable, Unusable: The store cannot be written to.
        """
        waiting = _WaitingWrite(request, resource, fields, guard, _subjects(request, resource, fields))
        with self._lock:  # so that nothing is put behind the mark that ends the thread
            if self._closed:
                raise _stopping()
            self._queue.put(waiting)
        try:
            return waiting.done.result()
        except CancelledError:
            raise _stopping() from None

    def close(self, seconds: float = CLOSING_SECONDS) -> None:
        """Refuse further writes, and commit those that wait; those that are not begun in time are refused, too.

        Args:
            seconds: How long to wait for them. A transaction that is under way then goes on until the store ends it.
        """
        with self._lock:
            self._closed = True
            self._queue.put(None)
        self._thread.join(seconds)
        if self._thread.is_alive():
            with suppress(queue.Empty):
                while True:
                    if waiting := self._queue.get_nowait():
                        waiting.done.cancel()
            self._queue.put(None)

    def _work(self) -> None:
        while (first := self._queue.get()) is not None:
            batch = [first]
            last = False
            while len(batch) < TOGETHER and not self._queue.empty():
                one = self._queue.get()
                if one is None:
                    last = True
                    break
                batch.append(one)
            if batch := [one for one in batch if one.done.set_running_or_notify_cancel()]:
                self._settle(batch)
            if last:
                return

    def _settle(self, batch: Sequence[_WaitingWrite]) -> None:
        try:
            outcomes = self._commit(batch)
        except (Unavailable, Unusable) as why:
            for one in batch:
                one.done.set_exception(why)
            return
        except Exception as why:  # noqa: BLE001  # the waiting thread raises it, and the next writes are tried
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

    def _commit(self, batch: Sequence[_WaitingWrite]) -> list[tuple[_WaitingWrite, Outcome]]:
        """Both steps of `consumers.handle`, for several writes: on SQLite in one transaction."""
        touched: set[str] = set()

        def work(tx: Transaction) -> list[tuple[_WaitingWrite, Outcome]]:
            touched.clear()
            settled: list[tuple[_WaitingWrite, Outcome]] = []
            for group in _groups(batch) if tx.exclusive else [[one] for one in batch]:
                settled += zip(group, _commit_group(tx, group, self._now(), touched), strict=True)
            return settled

        outcomes = self._store.write(work)
        self._underived |= touched
        if self._underived and not self._store.sqlite:
            derive_committed(self._underived, self._store)
            self._underived.clear()
        return outcomes


def _stopping() -> ServiceUnavailable:
    return ServiceUnavailable("The server is stopping, and nothing was written: try again in a moment")


def _groups(batch: Sequence[_WaitingWrite]) -> list[list[_WaitingWrite]]:
    """Writes in groups in which no guard has to see what another write of its group does.

    A group has writes of one operation, each about another resource. Their order is ours: all of them wait at the same
    time, so that no client can have relied on one being done before another.
    """
    groups: dict[tuple[str, int], list[_WaitingWrite]] = {}
    turns: Counter[str] = Counter()
    for one in batch:
        about = one.subjects[0].arn.lower() if one.subjects else one.resource
        if one.request.operation == "CreateArtifact":  # at most one artifact of a source URI, whatever its ARN
            about = one.fields["Source"]["SourceUri"]
        groups.setdefault((one.request.operation, turns[about]), []).append(one)
        turns[about] += 1
    return list(groups.values())


def _commit_group(tx: Transaction, group: Sequence[_WaitingWrite], now: int, touched: set[str]) -> Sequence[Outcome]:
    """Record the writes of a group; a guard refuses before anything of its write is recorded."""
    session = ResourceSession(tx, derives=tx.exclusive)
    kinds = {state.arn.lower(): state.kind for one in group for state in one.subjects}
    outcomes: list[Outcome] = []
    deliveries: list[Delivery] = []
    with nullcontext() if tx.exclusive else tx.connection.begin_nested() as claimed:
        if not tx.exclusive:  # of two servers that write about one resource, the second sees what the first has done
            session.claim(kinds)
        session.lock(kinds)
        for one in group:
            request = one.request
            try:
                more = one.guard(StoreView(session))
            except Refusal as why:
                outcomes.append(why)
                continue
            times = [_time_of_write(session.state(s.arn.lower()), now, request.operation) for s in one.subjects]
            write = Write(request.operation, {**one.fields, **more}, max([now, *times]), request.caller)
            deliveries.append(Delivery(event(write, request.account, request.region, one.resource), ORIGIN))
            outcomes.append(write.request)
        if claimed and not deliveries:
            claimed.rollback()  # rows that were claimed for what is refused
    if not deliveries:
        return outcomes
    observed = observe_batch(deliveries)
    if observed.dead:
        raise ValueError(f"a write whose event cannot be read: {observed.dead[0][1]}")
    changed = record(session, observed, now)
    if tx.exclusive:
        derive(session, changed)
    touched |= changed
    return outcomes


def _subjects(request: Request, resource: str, fields: Mapping[str, Any]) -> Sequence[ResourceState]:
    """What a write reports, as `_WaitingWrite.subjects` says."""
    write = Write(request.operation, dict(fields), 0, request.caller)
    try:
        return observe(decode(event(write, request.account, request.region, resource)))
    except Malformed:
        return ()


def _time_of_write(state: ResourceState | None, now: int, operation: str) -> int:
    """The time of a write: now, but later than all observations so far, so that it replaces them.

    Incarnations differ by the second in which they began: one that is created again begins in a second of its own.
    """
    if state is None:
        return now
    observed = [*state.incarnations.values(), *(unplaced.incarnation for unplaced in state.unplaced.values())]
    stamps = [stamped for incarnation in observed for stamped, _ in incarnation.fields.values()]
    when = max(now, *(moment(stamped) + 1 for stamped in stamps)) if stamps else now
    if operation.startswith("Create") and state.incarnations:
        when = max(when, (max(state.incarnations) + 1) * 1000)
    return when
