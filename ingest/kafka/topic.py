"""Events onto a topic in Kafka: how the topic is made, and how messages get there for good."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import (
    KafkaError,
    LeaderNotAvailableError,
    MessageSizeTooLargeError,
    TopicAlreadyExistsError,
    for_code,
)

from ingest.delivery import Refused, Unavailable
from ingest.kafka.connection import Connection, Found, ask, failure

__all__ = ["LARGEST", "Connection", "Message", "Prepared", "Topic", "describe", "prepare_topic"]

LARGEST = 2 << 20
"""Bytes of the largest message, everything in it counted; SQS and EventBridge carry half as much."""
PARTITIONS = 12
PATIENCE = 10.0
VISIBLE_WITHIN = 60.0
"""Seconds that a broker has to show what it has made."""
_BATCH = 256 << 10  # bytes before compression; zstd makes a fourteenth of it, lz4 an eighth at three times the cost
_ENVELOPE = 128  # bytes, at most, that Kafka adds to a message


class Message(NamedTuple):
    """What goes onto a topic.

    Attributes:
        key: Messages of one key go to one partition; None takes any.
        value: The message.
        headers: Names and values beside it.
    """

    key: bytes | None
    value: bytes
    headers: Sequence[tuple[str, bytes]] = ()

    @property
    def size(self) -> int:
        """Bytes that it takes, uncompressed, at most."""
        beside = sum(len(name.encode()) + len(value) + 10 for name, value in self.headers)
        return _ENVELOPE + len(self.key or b"") + len(self.value) + beside


class Topic:
    """Puts messages on a topic.

    The producer is not Kafka's idempotent one: aiokafka's then never gives a message up, so that neither `put` nor
    `aclose` would end while Kafka is away, and the caller's repetition makes duplicates either way, which do no harm.
    """

    def __init__(self, connection: Connection, name: str, *, patience: float = PATIENCE) -> None:
        """Nothing is asked before the first `put`.

        Args:
            connection: How to reach Kafka.
            name: The topic, which must be there.
            patience: Seconds to wait for an answer, and to try a message for; a `put` fails after twice that.
        """
        self._connection = connection
        self._name = name
        self._patience = patience
        self._producer: Any = None
        self._opening = asyncio.Lock()
        self._leaving: set[asyncio.Task[None]] = set()

    async def put(self, messages: Sequence[Message]) -> None:
        """Put messages on the topic, and return when Kafka has all of them for good.

        When it raises, some of them may be there: put them all again.

        Raises:
            Refused: The topic is missing, may not be written, or does not take a message of that size.
            Unavailable: Kafka did not answer in time.
        """
        if not messages:
            return
        largest = max(messages, key=lambda message: message.size).size
        if largest > LARGEST:
            raise Refused(_too_large(largest, f"Headwater takes {LARGEST:,} at most: put what is so large elsewhere"))
        producer = None
        try:
            async with asyncio.timeout(2 * self._patience):
                producer = await self._ready()
                sent = []
                for message in messages:
                    handed = await producer.send(self._name, message.value, message.key, headers=message.headers)
                    handed.add_done_callback(_look_at)
                    sent.append(handed)
                for one in sent:
                    await one
        except (KafkaError, OSError) as why:
            self._let_go(producer)  # a new one finds brokers that have moved, and says what is the matter
            if isinstance(why, MessageSizeTooLargeError):
                text = _too_large(largest, f"raise max.message.bytes of the topic {self._name!r} to {LARGEST}")
                raise Refused(text) from why
            raise failure(why, self._connection, self._name) from why

    async def aclose(self) -> None:
        """Disconnect; what was put is there, what failed is not tried any longer."""
        self._let_go(self._producer)
        if self._leaving:
            await asyncio.wait(self._leaving)

    async def _ready(self) -> Any:
        """The producer, connected, for a topic that is there."""
        async with self._opening:
            if self._producer is None:
                server, _found = await ask(self._connection, self._name, self._patience)
                producer = AIOKafkaProducer(
                    **{**self._connection.arguments(), "bootstrap_servers": server},
                    acks="all",
                    compression_type="zstd",
                    max_batch_size=_BATCH,
                    max_request_size=2 * LARGEST,  # ours is the limit that is explained
                    request_timeout_ms=round(self._patience * 1000),
                )
                try:
                    await producer.start()
                except BaseException:
                    await producer.stop()
                    raise
                self._producer = producer
            return self._producer

    def _let_go(self, producer: Any) -> None:
        """Stop a producer in the background, since it waits for what it still has in hand."""
        if producer is not None and producer is self._producer:
            self._producer = None
            stopping = asyncio.create_task(producer.stop())
            self._leaving.add(stopping)
            stopping.add_done_callback(self._leaving.discard)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A topic that is ready.

    Attributes:
        made: Whether it was made just now.
        partitions: How many it has.
        added: How many of them were added just now to a topic that was there.
        remarks: What people should know of it, one sentence each.
    """

    made: bool
    partitions: int
    added: int = 0
    remarks: tuple[str, ...] = ()


async def prepare_topic(
    connection: Connection,
    topic: str,
    *,
    partitions: int = PARTITIONS,
    replication: int | None = None,
    retention_hours: int = 168,
    add_partitions: bool = False,
) -> Prepared:
    """Make a topic, or say what is different with the one that is there.

    A broker answers that it has made a topic or partitions before it shows them: this returns once it does.

    Args:
        connection: How to reach Kafka.
        topic: Its name.
        partitions: As many workers can share it, at most.
        replication: On how many brokers each message is kept; None for three, or as many as there are.
        retention_hours: How long messages are kept.
        add_partitions: Whether a topic with fewer partitions gets more. Keys move to other partitions then; the
            same lineage follows, since order does not matter.

    Raises:
        Refused: It cannot be made so, or must not.
        Unavailable: Kafka did not answer, or did not show what it had made.
    """
    wanted = {"cleanup.policy": "delete", "max.message.bytes": str(LARGEST)}
    wanted["retention.ms"] = str(retention_hours * 3_600_000)
    try:
        server, found = await ask(connection, topic, PATIENCE, must_be=False)
        async with _admin(connection, server) as admin:
            if found.partitions == 0:
                copies = replication or min(3, found.brokers)
                if copies >= 3:
                    wanted["min.insync.replicas"] = "2"  # one broker may be away, and nothing is on one alone
                if await _made(admin, NewTopic(topic, partitions, copies, topic_configs=wanted)):
                    await _until_visible(connection, topic, partitions)
                    return Prepared(True, partitions)
                found = await _until_visible(connection, topic, 1)  # somebody else was quicker
            added = max(partitions - found.partitions, 0) if add_partitions else 0
            if added:
                await admin.create_partitions({topic: NewPartitions(partitions)})
                await _until_visible(connection, topic, partitions)
            remarks = _remarks(await _configuration(admin, topic), wanted)
    except (KafkaError, OSError) as why:
        raise failure(why, connection, topic) from why
    there = found.partitions + added
    if added:
        remarks.append("keys are on other partitions now, which does no harm: order does not matter")
    if there < partitions:
        remarks.append(f"it has {there} partitions, not {partitions}: add the others with --add-partitions")
    return Prepared(False, there, added, tuple(remarks))


async def _until_visible(connection: Connection, topic: str, partitions: int) -> Found:
    """What a broker says of a topic once it shows so many partitions, all with leaders.

    Raises:
        KafkaError, OSError: No broker answers.
        Unavailable: They are not shown in time.
    """
    try:
        async with asyncio.timeout(VISIBLE_WITHIN):
            while True:
                with suppress(LeaderNotAvailableError):
                    _server, found = await ask(connection, topic, PATIENCE, must_be=False)
                    if found.led >= partitions:
                        return found
                await asyncio.sleep(0.1)
    except TimeoutError as why:
        text = f"Kafka has made the topic {topic!r} with {partitions} partitions, but does not show them yet"
        raise Unavailable(text) from why


async def describe(connection: Connection, topic: str) -> int:
    """How many partitions a topic has.

    Raises:
        Refused: It does not exist, or may not be seen.
        Unavailable: Kafka did not answer.
    """
    try:
        _server, found = await ask(connection, topic, PATIENCE)
    except (KafkaError, OSError) as why:
        raise failure(why, connection, topic) from why
    return found.partitions


@asynccontextmanager
async def _admin(connection: Connection, server: str) -> AsyncIterator[Any]:
    admin = AIOKafkaAdminClient(
        **{**connection.arguments(), "bootstrap_servers": server}, request_timeout_ms=round(PATIENCE * 1000)
    )
    try:
        await admin.start()
        yield admin
    finally:
        await admin.close()


async def _made(admin: Any, new: NewTopic) -> bool:
    """Make a topic; False when it is there already."""
    told = await admin.create_topics([new])
    [(_name, code, *said)] = told.topic_errors
    error = for_code(code)
    if error is TopicAlreadyExistsError:
        return False
    if code:
        raise error(*said)
    return True


async def _configuration(admin: Any, topic: str) -> dict[str, str]:
    """How a topic is configured; empty when we may not know."""
    [told] = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
    [(_code, _said, _type, _name, entries)] = told.resources
    return {entry[0]: entry[1] for entry in entries}


def _remarks(found: Mapping[str, str], wanted: Mapping[str, str]) -> list[str]:
    """What is different, one sentence for each."""
    return [
        f"its {name} is {found[name]}, where Headwater would say {value}"
        for name, value in sorted(wanted.items())
        if name in found and found[name] != value
    ]


def _too_large(size: int, otherwise: str) -> str:
    return f"a message of {size:,} bytes is too large: {otherwise}"


def _look_at(handed: asyncio.Future[Any]) -> None:
    """Take note of a failure that nobody waits for any more, else asyncio tells on it."""
    if not handed.cancelled():
        handed.exception()
