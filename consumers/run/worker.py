"""One process: source -> handle -> ack, until it is stopped or nothing is left."""

from __future__ import annotations

import asyncio
import math
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import ParamSpec, TypeVar

import structlog

from consumers.catch_up import catch_up
from consumers.handle import Settlement, handle
from consumers.run import metrics
from consumers.run.dead_letter_limit import DeadLetterLimit
from ingest.delivery import Batch, Source
from ingest.delivery import Unavailable as SourceUnavailable
from store.database import Store, Unavailable, Unusable

P = ParamSpec("P")
T = TypeVar("T")

log = structlog.get_logger()

DISTINCT = 200
"""Kinds and reasons that are counted one by one: anyone who writes to the queue can invent any number of them."""
LONGEST_PAUSE = 30.0
"""Seconds between two tries when something does not answer, at the most."""


@dataclass(slots=True)
class Totals:
    """What became of all batches so far.

    Attributes:
        events: In the ledger.
        kept: Of these, how many have no rule yet, by kind.
        dead: Dead letters, by reason.
        failed: Rules that failed.
        batches: How many batches.
        seconds: Spent in handling them.
    """

    events: int = 0
    kept: Counter[str] = field(default_factory=Counter)
    dead: Counter[str] = field(default_factory=Counter)
    failed: int = 0
    batches: int = 0
    seconds: float = 0.0

    def add(self, settled: Settlement, seconds: float) -> None:
        """Count one batch."""
        self.events += settled.events
        for kind, number in settled.kept.items():
            self.kept[kind if kind in self.kept or len(self.kept) < DISTINCT else "others"] += number
        for _, reason in settled.dead:
            self.dead[reason if reason in self.dead or len(self.dead) < DISTINCT else "others"] += 1
        self.failed += settled.failed
        self.batches += 1
        self.seconds += seconds


async def work(
    source: Source,
    store: Store,
    stop: asyncio.Event,
    *,
    totals: Totals | None = None,
    health: metrics.Health | None = None,
    settled: Callable[[], Awaitable[None]] | None = None,
    patience: float = math.inf,
    at_rest: Callable[[], Awaitable[bool]] | None = None,
    limit: DeadLetterLimit | None = None,
) -> Totals:
    """Handle the batches of a source, until it ends or `stop` is set.

    A batch is acknowledged after the commit that holds it. While the store does not answer, the batch in hand is
    tried again and again, and nothing is acknowledged. `stop` lets the batch in hand be finished.

    Args:
        source: Where deliveries come from; the caller closes it.
        store: At the newest schema.
        stop: Ends the work.
        totals: Counts to go on with.
        health: Says what keeps the process from its work.
        settled: Called after each batch was acknowledged.
        patience: Seconds that an outage is waited out before it ends the work: 0 to give up at the first failure.
        at_rest: Called when a read brings nothing; True ends the work.
        limit: How many messages may become dead letters; None: any number.

    Returns:
        What became of all of it.

    Raises:
        TooManyDeadLetters: The batch in hand exceeds the limit, and is not acknowledged.
        Refused, Unusable: The source cannot be read, the store cannot be used.
        Unavailable: Of source or store, when patience has run out.
        Exception: Any other is a fault of ours, and is in the log with its traceback.
    """
    totals = totals or Totals()
    outages = Outages(stop, health or metrics.Health(), patience)
    left = await outages.wait_out(partial(asyncio.to_thread, _faults_logged, catch_up, store))
    if left:
        log.info("caught up", resources=left)
    async for batch in batches(source, stop, outages, at_rest):
        began = time.monotonic()
        settlement = await outages.wait_out(partial(asyncio.to_thread, _faults_logged, handle, batch.deliveries, store))
        if settlement is None:  # stopped while the store is away: what is in hand comes again
            break
        seconds = time.monotonic() - began
        totals.add(settlement, seconds)
        _report(settlement, totals, len(batch.deliveries), seconds)
        if limit:
            limit.count(batch.deliveries, settlement)
        await batch.ack()
        if settled:
            await settled()
    return totals


def _faults_logged(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """The result of work in the store; a fault of ours is in the log with its traceback before it is raised."""
    try:
        return work(*args, **kwargs)
    except (Unavailable, Unusable):
        raise
    except Exception:
        log.exception("stopped by a fault of Headwater: nothing of the batch in hand is acknowledged")
        raise


async def batches(
    source: Source, stop: asyncio.Event, outages: Outages, at_rest: Callable[[], Awaitable[bool]] | None = None
) -> AsyncIterator[Batch]:
    """Batches that hold something; the next one is read while the one in hand is worked on.

    Args:
        source: To read from.
        stop: Ends it.
        outages: Wait for the source when it does not answer.
        at_rest: Called when a read brings nothing; True ends it.
    """
    reading: asyncio.Task[Batch | None] | None = None

    async def read() -> Batch | None:
        nonlocal reading
        reading = reading or asyncio.create_task(source.read())
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({reading, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        done, reading = reading, None
        if stop.is_set():
            done.cancel()
            return None
        return done.result()

    try:
        while (batch := await outages.wait_out(read)) is not None:
            if batch.deliveries:
                reading = asyncio.create_task(source.read())
                yield batch
            elif at_rest and await at_rest():
                return
    finally:
        if reading:
            reading.cancel()
            await asyncio.wait({reading})


class Outages:
    """Waits for what does not answer, longer each time."""

    def __init__(self, stop: asyncio.Event, health: metrics.Health, patience: float = math.inf) -> None:
        self._stop = stop
        self._health = health
        self._patience = patience

    async def wait_out(self, call: Callable[[], Awaitable[T]]) -> T | None:
        """The result of a call, tried until it answers; None when `stop` is set before that."""
        pause = 0.5
        began = time.monotonic()
        while True:
            try:
                result = await call()
            except (Unavailable, SourceUnavailable) as why:
                if time.monotonic() - began >= self._patience:
                    raise
                (metrics.STORE_OUTAGES if isinstance(why, Unavailable) else metrics.SOURCE_OUTAGES).inc()
                self._health.problem = str(why)
                log.warning("waiting", why=str(why), seconds=pause)
            else:
                if self._health.problem not in (None, "starting"):
                    log.info("going on", after=self._health.problem)
                self._health.problem = None
                return result
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), pause)
            if self._stop.is_set():
                return None
            pause = min(pause * 2, LONGEST_PAUSE)


def _report(settlement: Settlement, totals: Totals, deliveries: int, seconds: float) -> None:
    """One line a batch, and the metrics."""
    metrics.EVENTS.inc(settlement.events)
    metrics.DEAD.inc(len(settlement.dead))
    metrics.DERIVED.inc(settlement.derived)
    metrics.RULE_FAILURES.inc(settlement.failed)
    for kind, number in settlement.kept.items():
        metrics.KEPT.labels(kind if kind in totals.kept else "others").inc(number)
    metrics.BATCH_SECONDS.observe(seconds)
    metrics.BATCH_EVENTS.observe(deliveries)
    metrics.LAST_BATCH.set_to_current_time()
    log.info(
        "batch",
        deliveries=deliveries,
        events=settlement.events,
        kept=sum(settlement.kept.values()),
        dead=len(settlement.dead),
        derived=settlement.derived,
        failed=settlement.failed,
        milliseconds=round(seconds * 1000, 1),
    )
    for delivery, reason in settlement.dead:
        log.warning("dead letter", reason=reason, origin=delivery.origin)
