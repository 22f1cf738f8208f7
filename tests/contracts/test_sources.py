"""The promises of every source, whatever it reads from."""

from __future__ import annotations

import asyncio
import gzip
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import aclosing
from pathlib import Path

import pytest
import zstandard
from aiobotocore.session import get_session

from consumers.run.dead_letter_limit import DeadLetterLimit, TooManyDeadLetters
from consumers.run.worker import work
from ingest.archive import ArchiveSource
from ingest.delivery import Source
from ingest.kafka.connection import Connection
from ingest.kafka.source import KafkaSource
from ingest.sqs import SqsSource
from store.ledger import events
from tests.support.fakes import MemoryQueue
from tests.support.kafka_broker import Cluster
from tests.support.stores import sqlite_store
from tests.support.waiting import PATIENCE

BATCH = 4
BODIES = [json.dumps({"detail-type": "Ä", "detail": {"number": n, "text": '}\n]"'}}).encode() for n in range(11)]


class Place(ABC):
    """A place with messages, and the sources that read them."""

    @abstractmethod
    async def put(self, bodies: Sequence[bytes]) -> Source:
        """A source of these messages."""

    @abstractmethod
    async def again(self, source: Source) -> Source:
        """A source of what this one has read without an acknowledgement, and of what it has not read."""


class InMemory(Place):
    async def put(self, bodies: Sequence[bytes]) -> Source:
        return MemoryQueue(*bodies, batch_size=BATCH)

    async def again(self, source: Source) -> Source:
        assert isinstance(source, MemoryQueue)
        source.redeliver()
        return source


class InSqs(Place):
    async def put(self, bodies: Sequence[bytes]) -> Source:
        async with get_session().create_client("sqs") as client:
            url = (await client.create_queue(QueueName="events"))["QueueUrl"]
            for body in bodies:
                await client.send_message(QueueUrl=url, MessageBody=body.decode())
        return self._source()

    async def again(self, source: Source) -> Source:
        await source.aclose()
        return self._source()

    def _source(self) -> Source:
        return SqsSource("events", wait=0, visibility=10, batch_size=BATCH)


class InKafka(Place):
    def __init__(self, cluster: Cluster):
        self._cluster = cluster
        self._topic = cluster.new_topic(3)

    async def put(self, bodies: Sequence[bytes]) -> Source:
        self._cluster.produce(self._topic, bodies)
        return self._source()

    async def again(self, source: Source) -> Source:
        await source.aclose()
        return self._source()

    def _source(self) -> Source:
        connection = Connection(self._cluster.bootstrap)
        return KafkaSource(connection, self._topic, group=self._topic, batch_size=BATCH, wait=2)


class InArchive(Place):
    def __init__(self, write: Callable[[Sequence[bytes]], str]):
        self._write = write
        self._name = ""

    async def put(self, bodies: Sequence[bytes]) -> Source:
        self._name = self._write(bodies)
        return ArchiveSource(self._name, batch_size=BATCH)

    async def again(self, source: Source) -> Source:
        assert isinstance(source, ArchiveSource)
        await source.aclose()
        return ArchiveSource(self._name, batch_size=BATCH, start_at=source.position)


class InS3(InArchive):
    async def put(self, bodies: Sequence[bytes]) -> Source:
        async with get_session().create_client("s3") as client:
            await client.create_bucket(Bucket="kept", CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
            for part in (0, 1):
                content = gzip.compress(b"\n".join(bodies[part::2]))
                await client.put_object(Bucket="kept", Key=f"events/{part}", Body=content)
        return await super().put(bodies)


FORMATS: dict[str, Callable[[Sequence[bytes]], bytes]] = {
    "lines": b"\n".join,
    "lines.gz": lambda bodies: gzip.compress(b"\n".join(bodies)),
    "lines.zst": lambda bodies: zstandard.compress(b"\n".join(bodies)),
    "array": lambda bodies: b"[" + b", ".join(bodies) + b"]\n",
    "concatenated": b"".join,
}


def in_a_file(path: Path, shape: str) -> InArchive:
    def write(bodies: Sequence[bytes]) -> str:
        path.write_bytes(FORMATS[shape](bodies))
        return str(path)

    return InArchive(write)


def in_a_folder(path: Path) -> InArchive:
    def write(bodies: Sequence[bytes]) -> str:
        for number, body in enumerate(bodies):
            (path / f"{number:03}").write_bytes(body)
        return str(path)

    return InArchive(write)


@pytest.fixture(params=["memory", "sqs", "kafka", "s3", "folder", *FORMATS])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    where = request.param
    if where in {"sqs", "s3"}:
        request.getfixturevalue("aws")
    if where == "memory":
        return InMemory()
    if where == "sqs":
        return InSqs()
    if where == "kafka":
        return InKafka(request.getfixturevalue("kafka"))
    if where == "s3":
        return InS3(lambda _: "s3://kept/events/")
    return in_a_folder(tmp_path) if where == "folder" else in_a_file(tmp_path / "events", where)


async def all_of(source: Source, count: int = 0) -> list[bytes]:
    """All messages of a source, each batch acknowledged: so many at least, however long they take to be visible."""
    bodies: list[bytes] = []
    async with asyncio.timeout(PATIENCE):
        while (batch := await source.read()) and (batch.deliveries or len(bodies) < count):
            bodies += [delivery.body for delivery in batch.deliveries]
            await batch.ack()
    return bodies


async def test_every_message_comes_once_when_it_is_acknowledged(place: Place) -> None:
    async with aclosing(await place.put(BODIES)) as source:
        assert sorted(await all_of(source, len(BODIES))) == sorted(BODIES)
        assert await all_of(source) == []


async def test_a_batch_without_ack_comes_again(place: Place) -> None:
    source = await place.put(BODIES)
    done = await source.read()
    assert done
    await done.ack()
    undone = await source.read()
    assert undone
    assert undone.deliveries
    async with aclosing(await place.again(source)) as source:
        assert sorted([delivery.body for delivery in done.deliveries] + await all_of(source)) == sorted(BODIES)


async def test_a_message_comes_again_until_it_is_acknowledged(place: Place) -> None:
    source = await place.put(BODIES[:1])
    for _ in range(3):
        batch = await source.read()
        assert batch
        assert [delivery.body for delivery in batch.deliveries] == BODIES[:1]
        source = await place.again(source)
    assert await all_of(source) == BODIES[:1]
    async with aclosing(await place.again(source)) as source:
        assert await all_of(source) == []


async def test_a_batch_is_no_larger_than_its_limit(place: Place) -> None:
    async with aclosing(await place.put(BODIES)) as source:
        while (batch := await source.read()) and batch.deliveries:
            assert len(batch.deliveries) <= BATCH


async def test_a_delivery_says_where_it_came_from(place: Place) -> None:
    async with aclosing(await place.put(BODIES)) as source:
        batch = await source.read()
        assert batch
        assert all(delivery.origin for delivery in batch.deliveries)


async def test_a_second_ack_changes_nothing(place: Place) -> None:
    async with aclosing(await place.put(BODIES)) as source:
        batch = await source.read()
        assert batch
        await batch.ack()
        await batch.ack()
        assert len(batch.deliveries) + len(await all_of(source)) == len(BODIES)


async def test_a_source_can_be_closed_before_it_was_read(place: Place) -> None:
    source = await place.put(BODIES)
    await source.aclose()


async def test_a_source_can_be_closed_twice(place: Place) -> None:
    source = await place.put(BODIES)
    await source.read()
    await source.aclose()
    await source.aclose()


async def test_a_closed_source_has_ended(place: Place) -> None:
    source = await place.put(BODIES)
    await source.aclose()
    assert await source.read() is None


POISON = (
    b'{"detail-type": "Headwater Call", "resources": [], "detail": {"Operation": "AddTags", "Request": {}, "Time": 1}}'
)


async def emptied() -> bool:
    return True


async def test_a_message_that_cannot_be_observed_is_buried_and_acknowledged_with_the_others(
    place: Place, tmp_path: Path
) -> None:
    store = sqlite_store(tmp_path.parent / f"{tmp_path.name}.db")
    source = await place.put([*BODIES[:5], POISON, *BODIES[5:]])
    totals = await work(source, store, asyncio.Event(), at_rest=emptied)
    assert totals.events == len(BODIES)
    [letter] = events.dead_letters(store)
    assert (letter.body, letter.reason) == (POISON, "does not name the resource that the call was about")
    async with aclosing(await place.again(source)) as rest:
        assert await all_of(rest) == []


async def test_a_batch_with_too_many_dead_letters_is_not_acknowledged_and_comes_again(
    place: Place, tmp_path: Path
) -> None:
    store = sqlite_store(tmp_path.parent / f"{tmp_path.name}.db")
    rubbish = [b'{"number": %d}' % number for number in range(11)]
    source = await place.put(rubbish)
    with pytest.raises(TooManyDeadLetters, match="4 messages in a row"):
        await work(source, store, asyncio.Event(), at_rest=emptied, limit=DeadLetterLimit(in_a_row=3))
    async with aclosing(await place.again(source)) as rest:
        assert sorted(await all_of(rest, len(rubbish))) == sorted(rubbish)
