"""Deliveries from a Kafka topic, which Faust shares among any number of workers.

Faust loses messages unless four rules hold, and all of them are here: one agent of `concurrency=1`; batches by
`noack_take`, acknowledged after the commit; nothing raised for a message that cannot be handled; a failure ends the
process with its offsets uncommitted (`CrashingSupervisor`). docs/decisions/0006 has what happened without them.
"""

from __future__ import annotations

import asyncio
import logging
import tempfile
import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from contextlib import AsyncExitStack, suppress
from typing import Any

import faust
import structlog
from faust.auth import OAuthCredentials, SASLCredentials, SSLCredentials
from faust.contrib.asgi import faust_app_running
from faust.streams import Stream
from faust.types import EventT
from mode import CrashingSupervisor

from ingest.delivery import Batch, Delivery, Refused, Unavailable, nothing_to_ack
from ingest.kafka.connection import Connection
from ingest.kafka.offsets import GroupOffsets, Offsets

WITHIN = 0.1
"""Seconds that a batch waits for more messages."""
SESSION = 20.0
"""Seconds without a heartbeat after which other workers take over the partitions of a worker."""
LEAVING = 6.0
"""Seconds that leaving the group may take."""
STUCK = 60.0
"""Seconds that a gap in the offsets may stay before the process ends, to read the messages again from Kafka."""

log = structlog.get_logger()
# It warns of every rebalance, which is logged here.
logging.getLogger("aiokafka.consumer.group_coordinator").setLevel(logging.ERROR)


class KafkaSource:
    """A topic in Kafka, read together with all workers of the same group.

    Messages stay uncommitted until they are acknowledged. If this process dies, they are delivered again, to the
    worker that gets the partition.
    """

    def __init__(
        self,
        connection: Connection,
        topic: str,
        *,
        group: str = "headwater",
        batch_size: int = 500,
        wait: float = 20,
    ):
        """Nothing is requested from Kafka before the first read.

        Args:
            connection: How to reach Kafka.
            topic: Its name.
            group: Workers of one group share the topic.
            batch_size: The most messages in a batch.
            wait: How many seconds a read waits for a first message.
        """
        self.rebalances = 0
        """How often partitions were assigned again since this worker started."""
        self._connection = connection
        self._topic = topic
        self._group = group
        self._batch_size = batch_size
        self._wait = wait
        self._offsets = GroupOffsets(connection, topic, group)
        self._taken: asyncio.Queue[tuple[Stream[bytes], list[EventT[bytes]]]] = asyncio.Queue(maxsize=1)
        self._order = PartitionOrder(self._offsets.now)
        self._app: faust.App | None = None
        self._stack = AsyncExitStack()
        self._assigned = asyncio.Event()
        self._closed = False

    async def read(self) -> Batch | None:
        """The next batch, empty when nothing came within `wait` seconds, or None once the source is closed.

        Raises:
            Refused: The topic does not exist or may not be read, or Faust has given up.
            Unavailable: Kafka does not answer.
        """
        if self._closed:
            return None
        app = self._app or await self._open()
        getting = asyncio.ensure_future(self._taken.get())
        ended = asyncio.ensure_future(app.wait())
        try:
            await asyncio.wait({getting, ended}, timeout=self._wait, return_when=asyncio.FIRST_COMPLETED)
            if getting.done():
                return self._batch(*getting.result())
            if ended.done():
                if self._closed:
                    return None
                why = app.crash_reason
                raise Refused(f"reading the topic {self._topic!r} failed, start the worker again: {_reason(why)}")
            return Batch((), nothing_to_ack)
        finally:
            getting.cancel()
            ended.cancel()

    async def lag(self) -> dict[int, Offsets]:
        """How far the group has come, in each partition of the topic.

        Raises:
            Unavailable: Kafka did not answer.
        """
        return await self._offsets.now()

    def partitions(self) -> set[int]:
        """The partitions that this worker reads at the moment."""
        if self._app is None:
            return set()
        return {at.partition for at in self._app.consumer.assignment() if at.topic == self._topic}

    async def aclose(self) -> None:
        """Commit what was acknowledged, leave the group and disconnect."""
        self._closed = True
        dropping = asyncio.create_task(self._drop())
        try:
            await self._stack.aclose()
        except TimeoutError:
            log.warning("Kafka did not let us leave the group in time: other workers take over later", seconds=LEAVING)
        finally:
            dropping.cancel()
            await self._offsets.aclose()

    async def _open(self) -> faust.App:
        await self._offsets.now()  # so that a failure to reach the broker or the topic is ours, and not Faust's
        folder = self._stack.enter_context(tempfile.TemporaryDirectory(prefix="headwater-"))
        app = faust.App(
            self._group,
            broker=[f"kafka://{server}" for server in self._connection.servers],
            broker_credentials=_credentials(self._connection),
            broker_session_timeout=SESSION,
            broker_commit_interval=1.0,
            consumer_auto_offset_reset="earliest",
            stream_buffer_maxsize=2 * self._batch_size,
            stream_wait_empty=False,  # what is not acknowledged when we leave is for other workers
            value_serializer="raw",
            key_serializer="raw",
            store="memory://",
            datadir=folder,
            autodiscover=False,
            web_enabled=False,
            topic_disable_leader=True,
            topic_allow_declare=False,
        )
        topic = app.topic(self._topic, value_type=bytes, value_serializer="raw", key_serializer="raw")
        app.agent(topic, concurrency=1, supervisor_strategy=CrashingSupervisor, name="hand_out")(self._hand_out)
        assigned: Any = app.on_partitions_assigned  # its types require more arguments than it passes
        assigned.connect(self._on_assigned)
        try:
            await self._stack.enter_async_context(faust_app_running(app, stop_timeout=LEAVING))
        except (RuntimeError, OSError) as why:  # as aiokafka's failures are, if Kafka fails just now
            raise Unavailable(f"Faust cannot begin to read the topic {self._topic!r}: {_reason(why)}") from why
        self._app = app
        with suppress(TimeoutError):  # a worker too many gets no partition until another one leaves
            await asyncio.wait_for(self._assigned.wait(), SESSION)
        return app

    async def _hand_out(self, stream: Any) -> None:
        """The agent: passes batches to `read`; they are acknowledged there, not here."""
        # `noack_take` ends by going back to this: left as it was, Faust would acknowledge by itself what comes after.
        stream.enable_acks = False
        async for events in stream.noack_take(self._batch_size, within=WITHIN):
            if ordered := await self._order.in_order(events):
                await self._taken.put((stream, ordered))

    async def _drop(self) -> None:
        """Take batches that nobody reads any more: Faust does not stop before its agent has passed them on."""
        while True:
            await self._taken.get()

    def _batch(self, stream: Stream[bytes], events: list[EventT[bytes]]) -> Batch:
        async def ack() -> None:
            for event in events:
                await stream.ack(event)

        return Batch([_delivery(event) for event in events], ack)

    async def _on_assigned(self, _app: Any, assigned: Collection[Any], **_: Any) -> None:
        self.rebalances += 1
        self._assigned.set()
        self._order.restart()
        log.info("partitions assigned", partitions=sorted(at.partition for at in assigned))


class PartitionOrder:
    """Lets messages pass in the order of their offsets, and none behind a gap.

    Faust commits the offset behind the last message that was acknowledged. Where it dropped messages while partitions
    were assigned again, that would skip them for good: so nothing behind a gap is handed out.
    """

    def __init__(self, offsets: Callable[[], Awaitable[Mapping[int, Offsets]]], *, patience: float = STUCK):
        """Every partition begins where the group has come to.

        Args:
            offsets: How far the group has come, by partition.
            patience: Seconds that a gap may stay.
        """
        self._offsets = offsets
        self._patience = patience
        self._next: dict[int, int] = {}
        self._stuck: dict[int, float] = {}

    def restart(self) -> None:
        """Partitions were assigned again: where to begin is to be read from Kafka."""
        self._next.clear()
        self._stuck.clear()

    async def in_order(self, events: Iterable[EventT[bytes]]) -> list[EventT[bytes]]:
        """Those of these events that may be handed out.

        Raises:
            Unavailable: A gap stays: the process has to end, so that another one reads from what was committed.
        """
        ordered = []
        for event in events:
            at, offset = event.message.partition, event.message.offset
            if at not in self._next:
                found = await self._offsets()
                self._next |= {part: offsets.next for part, offsets in found.items() if part not in self._next}
            if offset <= self._next[at]:
                self._next[at] = offset + 1
                self._stuck.pop(at, None)
                ordered.append(event)
            elif time.monotonic() - self._stuck.setdefault(at, time.monotonic()) >= self._patience:
                raise Unavailable(f"messages from {self._next[at]} to {offset} of partition {at} do not come")
        return ordered


def _credentials(connection: Connection) -> Any:
    """How Faust authenticates; None without authentication and TLS."""
    context = connection.ssl_context()
    if token := connection.token_provider():
        return OAuthCredentials(oauth_cb=token, ssl_context=context)
    if connection.sasl:
        return SASLCredentials(
            username=connection.username,
            password=connection.password,
            ssl_context=context,
            mechanism=connection.mechanism,
        )
    return SSLCredentials(context) if context else None


def _delivery(event: EventT[bytes]) -> Delivery:
    message = event.message
    return Delivery(message.value or b"", f"kafka:{message.topic}:{message.partition}:{message.offset}")


def _reason(why: BaseException | None) -> str:
    return f"{type(why).__name__}: {why}" if why else "Faust has stopped"
