"""The worker and the forwarder as services: what they read, how they start, report and stop."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import structlog

from consumers.run import metrics
from consumers.run.dead_letter_limit import DeadLetterLimit, TooManyDeadLetters
from consumers.run.runtime import metrics_served, set_up_logs, stopping
from consumers.run.worker import Outages, work
from ingest.delivery import Refused, Source, Unavailable
from store.database import Store

if TYPE_CHECKING:
    from ingest.kafka.connection import Connection
    from ingest.sagemaker import SageMaker

GRACE = 9.0
"""Seconds that a worker has for the batch in hand, after a signal to stop."""
LOOK_EVERY = 15.0
"""Seconds between two looks at how many messages wait."""
LINGER = 40.0
"""Seconds that a worker with too many dead letters still serves metrics before it ends: Prometheus reads them twice."""
PATIENCE = 300.0
"""Seconds that a worker on Kafka waits for a store that is away. Then it ends, so that its partitions go to workers
that may reach the store; SQS hands messages to others by itself."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Feed:
    """What a service reads.

    Attributes:
        source: Where deliveries come from.
        name: Its name in logs.
        waiting: Counts the messages that wait or are in hand somewhere, and sets the metrics; None when it is unknown.
        patience: Seconds that an outage is waited out.
    """

    source: Source
    name: str
    waiting: Callable[[], Awaitable[int | None]]
    patience: float = math.inf


def queue(
    name: str, *, region: str | None, endpoint_url: str | None, batch_size: int, visibility: int, until_empty: bool
) -> Feed:
    """A queue in SQS; the arguments are those of `SqsSource`."""
    from ingest.sqs import SqsSource  # AWS's client takes long to import: only where a queue is read

    source = SqsSource(
        name,
        region=region,
        endpoint_url=endpoint_url,
        batch_size=batch_size,
        visibility=visibility,
        wait=1 if until_empty else 20,
    )

    async def waiting() -> int | None:
        depth = await source.depth()
        if depth is not None:
            metrics.QUEUE_DEPTH.set(depth)
        return depth

    return Feed(source, name, waiting)


def topic(connection: Connection, name: str, *, group: str, batch_size: int, until_empty: bool) -> Feed:
    """A topic in Kafka; the arguments are those of `KafkaSource`."""
    from ingest.kafka.source import KafkaSource  # Faust takes a second to import

    source = KafkaSource(connection, name, group=group, batch_size=batch_size, wait=1 if until_empty else 20)
    counted = 0

    async def waiting() -> int | None:
        nonlocal counted
        metrics.KAFKA_REBALANCES.inc(source.rebalances - counted)
        counted = source.rebalances
        ours = source.partitions()
        metrics.KAFKA_PARTITIONS.set(len(ours))
        try:
            offsets = await source.lag()
        except (Refused, Unavailable):  # reading fails likewise, and says why
            return None
        metrics.KAFKA_LAG.clear()  # other workers report the partitions that they read now
        for partition in ours & offsets.keys():
            metrics.KAFKA_LAG.labels(partition).set(offsets[partition].lag)
        return sum(one.lag for one in offsets.values())

    return Feed(source, f"{name} as {group}", waiting, PATIENCE)


def run(
    feed_of: Callable[[], Feed],
    opened_store: Callable[[], Store],
    *,
    until_empty: bool,
    new_client: Callable[[], SageMaker] | None,
    limit: DeadLetterLimit | None = None,
    metrics_at: tuple[str, int] | None,
    log_format: str,
    log_level: str,
) -> None:
    """Run the worker until SIGTERM or SIGINT; see `headwater run --help`.

    Args:
        feed_of: What to read.
        opened_store: Where lineage is kept.
        until_empty: Stop when nothing waits any more.
        new_client: Makes a client for describe requests; None: SageMaker is asked nothing.
        limit: How many messages may become dead letters; None: any number.
        metrics_at: Where metrics are served.
        log_format: How logs are written.
        log_level: The lowest level that is logged.

    Raises:
        Refused, Unusable, Unavailable: The source or the store cannot be used, or did not answer for too long.
        TooManyDeadLetters: More messages became dead letters than is allowed.
    """
    set_up_logs(log_format, log_level)

    async def main() -> None:
        health = metrics.Health()
        async with AsyncExitStack() as leaving:
            leaving.callback(metrics_served(metrics_at, health))
            stop = await leaving.enter_async_context(stopping(force_after=GRACE))
            store = await Outages(stop, health).wait_out(partial(asyncio.to_thread, opened_store))
            if store is None:  # stopped before the store answered
                return
            leaving.callback(store.close)
            feed = await _watched(feed_of, leaving)
            log.info("worker started", source=feed.name, store=str(store))
            if new_client:
                await _start_enricher(new_client, store, stop, leaving)
            at_rest = partial(_is_drained, feed) if until_empty else None
            try:
                totals = await work(
                    feed.source, store, stop, health=health, at_rest=at_rest, patience=feed.patience, limit=limit
                )
            except TooManyDeadLetters as why:
                health.problem = str(why)
                await _say_why(why, stop, served=metrics_at is not None)
                raise
            log.info("worker stopped", events=totals.events, dead=sum(totals.dead.values()), batches=totals.batches)

    asyncio.run(main())


async def _say_why(too_many: TooManyDeadLetters, stop: asyncio.Event, *, served: bool) -> None:
    """Log why the worker ends; where metrics are served, stay until they have been read, or until it is to stop."""
    log.error("too many dead letters", why=str(too_many))
    if served:
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), LINGER)


def forward(
    feed_of: Callable[[], Feed],
    connection: Connection,
    name: str,
    *,
    until_empty: bool,
    metrics_at: tuple[str, int] | None,
    log_format: str,
    log_level: str,
) -> None:
    """Run the forwarder until SIGTERM or SIGINT; see `headwater forward --help`.

    Raises:
        Refused: The queue or the topic cannot be used.
    """
    from consumers.run.forward import forward as pass_on  # Kafka's client: only where it is used
    from ingest.kafka.topic import Topic

    set_up_logs(log_format, log_level)

    async def main() -> None:
        health = metrics.Health()
        async with AsyncExitStack() as leaving:
            leaving.callback(metrics_served(metrics_at, health))
            stop = await leaving.enter_async_context(stopping(force_after=GRACE))
            feed = await _watched(feed_of, leaving)
            target = Topic(connection, name)
            leaving.push_async_callback(target.aclose)
            log.info("forwarder started", source=feed.name, topic=name)
            at_rest = partial(_is_drained, feed) if until_empty else None
            passed = await pass_on(feed.source, target, stop, health=health, at_rest=at_rest)
            log.info("forwarder stopped", messages=passed)

    asyncio.run(main())


async def _watched(feed_of: Callable[[], Feed], leaving: AsyncExitStack) -> Feed:
    """The feed, whose metrics are set regularly until the exit stack is left."""
    feed = feed_of()
    leaving.push_async_callback(feed.source.aclose)
    watching = asyncio.create_task(_watch(feed))
    leaving.callback(watching.cancel)
    return feed


async def _watch(feed: Feed) -> None:
    while True:
        await feed.waiting()
        await asyncio.sleep(LOOK_EVERY)


async def _start_enricher(
    new_client: Callable[[], SageMaker], store: Store, stop: asyncio.Event, leaving: AsyncExitStack
) -> None:
    """Send describe requests beside the worker, until the exit stack is left."""
    from consumers.run.enrich import Enricher  # AWS's client: only where it is used

    sagemaker = new_client()
    leaving.push_async_callback(sagemaker.aclose)
    enricher = Enricher(store, sagemaker)
    running = asyncio.create_task(enricher.run(stop))

    async def end() -> None:
        running.cancel()
        await asyncio.wait({running})
        await enricher.aclose()

    leaving.push_async_callback(end)


async def _is_drained(feed: Feed) -> bool:
    """True when nothing waits, and no other worker has a message in hand."""
    return await feed.waiting() == 0
