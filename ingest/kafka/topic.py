"""A topic in Kafka: how it is made, and how messages are put on it for good."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import (
    BrokerResponseError,
    KafkaConnectionError,
    KafkaError,
    MessageSizeTooLargeError,
    TopicAlreadyExistsError,
    for_code,
)

from ingest.delivery import Refused, Unavailable
from ingest.kafka.connection import Connection, describe_topic, failure

LARGEST = 2 << 20
"""Bytes of the largest message, everything in it counted; SQS and EventBridge carry half as much."""
PARTITIONS = 12
PATIENCE = 10.0
VISIBLE_WITHIN = 60.0
"""Seconds that brokers have to show what they have made."""
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
        """Nothing is requested before the first `put`.

        Args:
            connection: How to reach Kafka.
            name: The topic, which must exist.
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

        When it raises, Kafka may have some of them: put them all again.

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
                    handed.add_done_callback(_retrieve)
                    sent.append(handed)
                for one in sent:
                    await one
        except (KafkaError, OSError) as why:
            self._let_go(producer)  # a new one finds brokers that have moved, and says what is wrong
            if isinstance(why, MessageSizeTooLargeError):
                text = _too_large(largest, f"raise max.message.bytes of the topic {self._name!r} to {LARGEST}")
                raise Refused(text) from why
            raise failure(why, self._connection, self._name) from why

    async def aclose(self) -> None:
        """Disconnect. What was put is safe; what failed is not tried again."""
        self._let_go(self._producer)
        if self._leaving:
            await asyncio.wait(self._leaving)

    async def _ready(self) -> Any:
        """The producer, connected, for a topic that exists."""
        async with self._opening:
            if self._producer is None:
                server, _found = await describe_topic(self._connection, self._name, self._patience)
                producer = AIOKafkaProducer(
                    **{**self._connection.arguments(), "bootstrap_servers": server},
                    acks="all",
                    compression_type="zstd",
                    max_batch_size=_BATCH,
                    max_request_size=2 * LARGEST,  # ours is the limit whose error explains itself
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
        """Stop a producer in the background, since it waits for the messages that it still has."""
        if producer is not None and producer is self._producer:
            self._producer = None
            stopping = asyncio.create_task(producer.stop())
            self._leaving.add(stopping)
            stopping.add_done_callback(self._leaving.discard)


@dataclass(frozen=True, slots=True)
class PreparedTopic:
    """A topic that is ready.

    Attributes:
        made: Whether it was made just now, and did not exist before.
        partitions: How many it has.
        added: How many of them were added just now to an existing topic.
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
) -> PreparedTopic:
    """Make a topic, or report what differs with the one that exists.

    Args:
        connection: How to reach Kafka.
        topic: Its name.
        partitions: As many workers can share it, at most.
        replication: On how many brokers each message is kept; None for three, or as many as there are.
        retention_hours: How long messages are kept.
        add_partitions: Whether a topic with fewer partitions gets more. Keys move to other partitions then; the
            same lineage follows, since order does not matter.

    Raises:
        Refused: It cannot be made like that, or we may not make it.
        Unavailable: Kafka did not answer.
    """
    wanted = {"cleanup.policy": "delete", "max.message.bytes": str(LARGEST)}
    wanted["retention.ms"] = str(retention_hours * 3_600_000)
    try:
        server, found = await describe_topic(connection, topic, PATIENCE, must_exist=False)
        async with _admin(connection, server) as admin:
            if found.partitions == 0:
                copies = replication or min(3, found.brokers)
                if copies >= 3:
                    wanted["min.insync.replicas"] = "2"  # one broker may be away, and nothing is on one alone
                if await _made(admin, NewTopic(topic, partitions, copies, topic_configs=wanted)):
                    await _until_visible(connection, topic, partitions)
                    return PreparedTopic(True, partitions)
                await _until_visible(connection, topic, 1)  # another process has just made it
                _server, found = await describe_topic(connection, topic, PATIENCE)
            added = max(partitions - found.partitions, 0) if add_partitions else 0
            if added:
                await admin.create_partitions({topic: NewPartitions(partitions)})
                await _until_visible(connection, topic, partitions)
            remarks = _remarks(await _configuration(admin, topic), wanted)
    except (KafkaError, OSError) as why:
        raise failure(why, connection, topic) from why
    partitions_now = found.partitions + added
    if added:
        remarks.append("keys are on other partitions now, which does no harm: order does not matter")
    if partitions_now < partitions:
        remarks.append(f"it has {partitions_now} partitions, not {partitions}: add the others with --add-partitions")
    return PreparedTopic(False, partitions_now, added, tuple(remarks))


async def partition_count(connection: Connection, topic: str) -> int:
    """How many partitions a topic has.

    Raises:
        Refused: It does not exist, or may not be seen.
        Unavailable: Kafka did not answer.
    """
    try:
        _server, found = await describe_topic(connection, topic, PATIENCE)
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
    """Make a topic; False if it exists already."""
    response = await admin.create_topics([new])
    [(_name, code, *message)] = response.topic_errors
    error = for_code(code)
    if error is TopicAlreadyExistsError:
        return False
    if code:
        raise error(*message)
    return True


async def _until_visible(connection: Connection, topic: str, partitions: int) -> None:
    """Wait until every broker that we know shows so many partitions: its metadata come later than its response.

    Raises:
        Unavailable: One of them did not in time.
    """
    try:
        async with asyncio.timeout(VISIBLE_WITHIN):
            for server in connection.servers:
                with suppress(KafkaConnectionError):  # one that is away is no reason to wait
                    while await _partitions_at(connection, server, topic) < partitions:  # noqa: ASYNC110  # it is at a broker
                        await asyncio.sleep(0.1)
    except TimeoutError as why:
        raise Unavailable(f"{connection} does not show the topic {topic!r} yet: run the same command again") from why


async def _partitions_at(connection: Connection, server: str, topic: str) -> int:
    at = replace(connection, bootstrap=server)
    try:
        _server, found = await describe_topic(at, topic, PATIENCE, must_exist=False)
    except BrokerResponseError as why:
        if not why.retriable:  # as it is while a partition has no leader yet
            raise
        return 0
    return found.partitions


async def _configuration(admin: Any, topic: str) -> dict[str, str]:
    """How a topic is configured; empty if we may not read it."""
    [response] = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
    [(_code, _message, _type, _name, entries)] = response.resources
    return {entry[0]: entry[1] for entry in entries}


def _remarks(found: Mapping[str, str], wanted: Mapping[str, str]) -> list[str]:
    """What differs, one sentence for each setting."""
    return [
        f"its {name} is {found[name]}, where Headwater would set {value}"
        for name, value in sorted(wanted.items())
        if name in found and found[name] != value
    ]


def _too_large(size: int, otherwise: str) -> str:
    return f"a message of {size:,} bytes is too large: {otherwise}"


def _retrieve(handed: asyncio.Future[Any]) -> None:
    """Retrieve a failure that nobody waits for any more, or asyncio logs it."""
    if not handed.cancelled():
        handed.exception()
