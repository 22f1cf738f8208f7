"""Deliveries from a Kafka topic, shared among any number of workers by Faust.

Faust loses messages unless four rules hold, and all of them are here: one agent of `concurrency=1`; batches by
`noack_take`, acknowledged after the commit; nothing raised for a message that cannot be understood; a failure ends the
process with its offsets uncommitted (`CrashingSupervisor`). docs/decisions/0006 tells what was seen without them.
"""

from __future__ import annotations

import asyncio
import logging
import tempfile
import time
from collections.abc import Collection, Iterable
from contextlib import AsyncExitStack, suppress
from typing import Any, Protocol

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
"""Seconds that a batch waits to become full."""
SESSION = 20.0
"""Seconds without a sign of life after which the others take over the partitions of a worker."""
LEAVING = 6.0
"""Seconds that leaving the group may take."""
STUCK = 60.0
"""Seconds that messages may be missing from the order before the process ends, to read them again from Kafka."""

log = structlog.get_logger()
# It warns of every rebalance, which is logged here.
logging.getLogger("aiokafka.consumer.group_coordinator").setLevel(logging.ERROR)


class KafkaSource:
    """A topic in Kafka, read together with all workers of the same group.

    What is handed out stays uncommitted until it is acknowledged, and comes again when this process dies, to whoever
    has the partition then.
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
        """Nothing is asked of Kafka before the first read.

        Args:
            connection: How to reach Kafka.
            topic: Its name.
            group: Workers of one group share the topic.
            batch_size: The most messages in a batch.
            wait: How many seconds a read waits for a first message.
        """
        self.rebalances = 0
        """How often partitions were shared out anew since this worker came."""
        self._connection = connection
        self._topic = topic
        self._group = group
        self._batch_size = batch_size
        self._wait = wait
        self._offsets = GroupOffsets(connection, topic, group)
        self._taken: asyncio.Queue[tuple[Stream[bytes], list[EventT[bytes]]]] = asyncio.Queue(maxsize=1)
        self._order = Order(self._offsets)
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
                raise Refused(f"reading the topic {self._topic!r} failed, start the worker again: {_said(why)}")
            return Batch((), nothing_to_ack)
        finally:
            getting.cancel()
            ended.cancel()

    async def lag(self) -> dict[int, Offsets]:
        """Where the group stands, in each partition of the topic.

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
            log.warning("Kafka was left without a word: the others take over later", seconds=LEAVING)
        finally:
            dropping.cancel()
            await self._offsets.aclose()

    async def _open(self) -> faust.App:
        await self._offsets.now()  # so that a broker that is away or a missing topic is told of, and not by Faust
        folder = self._stack.enter_context(tempfile.TemporaryDirectory(prefix="headwater-"))
        app = faust.App(
            self._group,
            broker=[f"kafka://{server}" for server in self._connection.servers],
            broker_credentials=_credentials(self._connection),
            broker_session_timeout=SESSION,
            broker_commit_interval=1.0,
            consumer_auto_offset_reset="earliest",
            stream_buffer_maxsize=2 * self._batch_size,
            stream_wait_empty=False,  # what is not acknowledged when it leaves is for the others
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
        shared_out: Any = app.on_partitions_assigned  # whose types ask for more than it calls with
        shared_out.connect(self._on_assigned)
        try:
            await self._stack.enter_async_context(faust_app_running(app, stop_timeout=LEAVING))
        except (RuntimeError, OSError) as why:  # as aiokafka's failures are, when Kafka goes away just now
            raise Unavailable(f"Faust cannot begin to read the topic {self._topic!r}: {_said(why)}") from why
        self._app = app
        with suppress(TimeoutError):  # a worker too many gets no partition until another one goes
            await asyncio.wait_for(self._assigned.wait(), SESSION)
        return app

    async def _hand_out(self, stream: Any) -> None:
        """The agent: batches on their way to whoever reads, acknowledged there and not here."""
        # `noack_take` ends by going back to this: left as it was, Faust would acknowledge by itself what comes after.
        stream.enable_acks = False
        async for events in stream.noack_take(self._batch_size, within=WITHIN):
            if ordered := await self._order.of(events):
                await self._taken.put((stream, ordered))

    async def _drop(self) -> None:
        """Take what nobody reads any more, since Faust does not stop before its agent has handed it out."""
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
        self._order.begin_anew()
        log.info("partitions assigned", partitions=sorted(at.partition for at in assigned))


class Standing(Protocol):
    """Who tells where a group stands."""

    async def now(self) -> dict[int, Offsets]:
        """By partition."""


class Order:
    """Lets messages pass in the order of their offsets, and none after a hole.

    Faust commits the offset behind the last message that was acknowledged. Where it has dropped messages while
    partitions were shared out anew, that would skip them for ever: so nothing behind a hole is handed out.
    """

    def __init__(self, offsets: Standing, *, patience: float = STUCK):
        """Args: offsets: Tells where the group stands; patience: seconds that a hole may stay."""
        self._offsets = offsets
        self._patience = patience
        self._next: dict[int, int] = {}
        self._stuck: dict[int, float] = {}

    def begin_anew(self) -> None:
        """Partitions were shared out anew: where reading begins is to be asked of Kafka."""
        self._next.clear()
        self._stuck.clear()

    async def of(self, events: Iterable[EventT[bytes]]) -> list[EventT[bytes]]:
        """Those of these events that may be handed out.

        Raises:
            Unavailable: A hole stays: the process has to end, so that another one reads from what was committed.
        """
        ordered = []
        for event in events:
            at, offset = event.message.partition, event.message.offset
            if at not in self._next:
                self._next |= {
                    part: told.next for part, told in (await self._offsets.now()).items() if part not in self._next
                }
            if offset <= self._next[at]:
                self._next[at] = offset + 1
                self._stuck.pop(at, None)
                ordered.append(event)
            elif time.monotonic() - self._stuck.setdefault(at, time.monotonic()) >= self._patience:
                raise Unavailable(f"messages from {self._next[at]} to {offset} of partition {at} do not come")
        return ordered


def _credentials(connection: Connection) -> Any:
    """What Faust wants to know beside where Kafka is; None when that is all."""
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


def _said(why: BaseException | None) -> str:
    return f"{type(why).__name__}: {why}" if why else "Faust has stopped"
