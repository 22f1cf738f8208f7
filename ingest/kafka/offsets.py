"""How far a consumer group has come in a topic, as Kafka itself reports it."""

from __future__ import annotations

import asyncio
from typing import Any, NamedTuple

import stamina
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import (
    GroupCoordinatorNotAvailableError,
    GroupLoadInProgressError,
    KafkaError,
    NotCoordinatorForGroupError,
)

from ingest.kafka.connection import Connection, describe_topic, failure

PATIENCE = 10.0
"""Seconds to wait for an answer."""
_NOT_YET = (GroupCoordinatorNotAvailableError, GroupLoadInProgressError, NotCoordinatorForGroupError)


class Offsets(NamedTuple):
    """How far a group has come in one partition.

    Attributes:
        begin: The first message that Kafka still has.
        next: The first message that the group has not committed.
        end: One more than the last message.
    """

    begin: int
    next: int
    end: int

    @property
    def lag(self) -> int:
        """How many messages are not committed yet."""
        return self.end - self.next


class GroupOffsets:
    """Reads from Kafka how far a group has come, without being a member of it."""

    def __init__(self, connection: Connection, topic: str, group: str):
        """Nothing is requested before `now`.

        Args:
            connection: How to reach Kafka.
            topic: The topic.
            group: The consumer group.
        """
        self._connection = connection
        self._topic = topic
        self._group = group
        self._admin: Any = None
        self._consumer: Any = None
        self._looking = asyncio.Lock()

    async def now(self) -> dict[int, Offsets]:
        """How far the group has come, by partition.

        Raises:
            Refused: The topic does not exist, or may not be seen.
            Unavailable: Kafka did not answer.
        """
        try:
            async with self._looking, asyncio.timeout(2 * PATIENCE):
                if self._admin is None:
                    await self._open()
                # A broker creates the topic that holds groups' offsets at the first request for one.
                async for attempt in stamina.retry_context(_NOT_YET, attempts=None, timeout=PATIENCE, wait_max=0.5):
                    with attempt:
                        return await self._look()
                raise AssertionError("unreachable: the last attempt returns or raises")
        except (KafkaError, OSError) as why:
            await self.aclose()
            raise failure(why, self._connection, self._topic) from why

    async def aclose(self) -> None:
        """Disconnect."""
        admin, consumer = self._admin, self._consumer
        self._admin = self._consumer = None
        for client, close in ((admin, "close"), (consumer, "stop")):
            if client is not None:
                await getattr(client, close)()

    async def _open(self) -> None:
        server, _found = await describe_topic(self._connection, self._topic, PATIENCE)
        arguments = {**self._connection.arguments(), "bootstrap_servers": server}
        self._admin = AIOKafkaAdminClient(**arguments)
        self._consumer = AIOKafkaConsumer(**arguments, enable_auto_commit=False)
        await self._admin.start()
        await self._consumer.start()

    async def _look(self) -> dict[int, Offsets]:
        [described] = await self._admin.describe_topics([self._topic])
        partitions = [TopicPartition(self._topic, part["partition"]) for part in described["partitions"]]
        begin = await self._consumer.beginning_offsets(partitions)
        committed = await self._admin.list_consumer_group_offsets(self._group, partitions=partitions)
        end = await self._consumer.end_offsets(partitions)
        found = {}
        for at in partitions:
            saved = committed.get(at)
            # -1 if nothing was ever committed; messages that Kafka has deleted are not waited for.
            following = max(saved.offset if saved else -1, begin[at])
            found[at.partition] = Offsets(begin[at], following, max(end[at], following))
        return found
