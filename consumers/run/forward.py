"""Messages from a source onto a topic in Kafka, keyed by the resource that each is about."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

import structlog

from consumers.handle import observe_delivery
from consumers.run import metrics
from consumers.run.fill import Progress
from consumers.run.runtime import set_up_logs, stopping
from consumers.run.worker import Outages, Totals, batches
from ingest.archive import ArchiveSource
from ingest.delivery import Delivery, Source
from ingest.event import Malformed
from ingest.kafka.connection import Connection
from ingest.kafka.topic import Message, Topic

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class ForwardResult:
    """What was put onto a topic.

    Attributes:
        messages: How many.
        seconds: How long it took.
        complete: False when it was stopped before the end.
    """

    messages: int
    seconds: float
    complete: bool


async def forward(
    source: Source,
    topic: Topic,
    stop: asyncio.Event,
    *,
    health: metrics.Health | None = None,
    settled: Callable[[int], Awaitable[None]] | None = None,
    at_rest: Callable[[], Awaitable[bool]] | None = None,
    patience: float = math.inf,
) -> int:
    """Put what a source delivers onto a topic, until it ends or `stop` is set.

    A batch is acknowledged after Kafka has all of it. What cannot be observed is forwarded as well: the workers
    put it into the dead letters.

    Args:
        source: Where deliveries come from; the caller closes it.
        topic: Where they go; the caller closes it.
        stop: Ends the work.
        health: Says what keeps the process from its work.
        settled: Called after each acknowledged batch with the number of messages so far.
        at_rest: Called when a read brings nothing; True ends the work.
        patience: Seconds that an outage of either is waited out.

    Returns:
        How many messages were forwarded.

    Raises:
        Refused: The source cannot be read, or the topic not written.
        Unavailable: Of either, when patience has run out.
    """
    outages = Outages(stop, health or metrics.Health(), patience)
    forwarded = 0
    async for batch in batches(source, stop, outages, at_rest):
        began = time.monotonic()
        messages = [message(delivery) for delivery in batch.deliveries]
        if await outages.wait_out(partial(_put, topic, messages)) is None:
            break  # stopped while Kafka is away: what is in hand comes again
        await batch.ack()
        forwarded += len(messages)
        metrics.FORWARDED.inc(len(messages))
        metrics.BATCH_SECONDS.observe(time.monotonic() - began)
        metrics.BATCH_EVENTS.observe(len(messages))
        metrics.LAST_BATCH.set_to_current_time()
        log.info("batch", deliveries=len(messages), milliseconds=round((time.monotonic() - began) * 1000, 1))
        if settled:
            await settled(forwarded)
    return forwarded


def fill_topic(
    source: ArchiveSource,
    connection: Connection,
    name: str,
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> ForwardResult:
    """Put all that archives hold onto a topic, until SIGTERM or Ctrl-C; closes them.

    Args:
        source: The archives.
        connection: How to reach Kafka.
        name: The topic.
        on_progress: Called before the first batch and after each one.

    Raises:
        Refused, Unavailable: An archive cannot be read, or the topic not written.
    """
    set_up_logs("auto", "error")
    began = time.monotonic()

    async def main() -> ForwardResult:
        totals = Totals()
        topic = Topic(connection, name)

        async def settled(forwarded: int) -> None:
            totals.events = forwarded
            on_progress(Progress(totals, source.bytes_read, source.total_bytes))

        async with stopping() as stop:
            try:
                await source.find()
                await settled(0)
                forwarded = await forward(source, topic, stop, settled=settled, patience=0)
            finally:
                await source.aclose()
                await topic.aclose()
            return ForwardResult(forwarded, time.monotonic() - began, not stop.is_set())

    return asyncio.run(main())


def message(delivery: Delivery) -> Message:
    """A delivery as it goes onto the topic: keyed by its resource, so that one worker reads all events of it.

    What cannot be observed, for whatever reason, goes as it came: the worker that reads it puts it aside.
    """
    try:
        observed, _ = observe_delivery(delivery)
    except Malformed:
        return Message(None, delivery.body, ())
    event, _, states = observed
    subject = states[0].arn if states else next(iter(event.resources), "")
    headers = [("kind", event.kind.encode()), ("id", event.id.encode())]
    return Message(subject.lower().encode() or None, event.body, headers)


async def _put(topic: Topic, messages: list[Message]) -> bool:
    await topic.put(messages)
    return True
