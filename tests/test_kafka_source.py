"""Faust's part of the way: what is handed out, in which order, and what happens when it cannot go on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import aclosing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bench.generate import events
from ingest.delivery import Refused, Unavailable
from ingest.kafka.connection import Connection
from ingest.kafka.offsets import Offsets
from ingest.kafka.source import KafkaSource, PartitionOrder
from store.digest import digest
from store.ledger import events as ledger
from tests.support.kafka_broker import Cluster
from tests.support.stores import fed, sqlite_store


class Group:
    """A group that has committed up to some offset in partition 0."""

    def __init__(self, committed: int) -> None:
        self.committed = committed

    async def offsets(self) -> dict[int, Offsets]:
        return {0: Offsets(0, self.committed, 1_000)}


def read(*offsets: int) -> list[Any]:
    return [SimpleNamespace(message=SimpleNamespace(partition=0, offset=offset)) for offset in offsets]


def offsets(found: list[Any]) -> list[int]:
    return [event.message.offset for event in found]


async def test_messages_pass_in_order_from_where_the_group_stands() -> None:
    order = PartitionOrder(Group(5).offsets, patience=60)
    assert offsets(await order.in_order(read(5, 6, 7))) == [5, 6, 7]
    assert offsets(await order.in_order(read(8))) == [8]


async def test_what_was_read_before_may_pass_again() -> None:
    order = PartitionOrder(Group(5).offsets, patience=60)
    assert offsets(await order.in_order(read(3, 4, 5, 6, 4, 5, 6, 7))) == [3, 4, 5, 6, 4, 5, 6, 7]


async def test_nothing_behind_a_hole_passes() -> None:
    order = PartitionOrder(Group(0).offsets, patience=60)
    assert offsets(await order.in_order(read(1, 2))) == []
    assert offsets(await order.in_order(read(0, 1, 3, 4))) == [0, 1]
    assert offsets(await order.in_order(read(2, 3))) == [2, 3]


async def test_a_hole_that_stays_ends_the_process() -> None:
    order = PartitionOrder(Group(0).offsets, patience=0)
    await order.in_order(read(1))
    with pytest.raises(Unavailable, match="messages from 0 to 2 of partition 0 do not come"):
        await order.in_order(read(2))


async def test_after_a_rebalance_the_order_begins_where_the_group_stands() -> None:
    group = Group(0)
    order = PartitionOrder(group.offsets, patience=60)
    await order.in_order(read(0, 1, 2, 3))
    group.committed = 2
    order.restart()
    assert offsets(await order.in_order(read(9, 2, 3))) == [2, 3]


async def test_when_reading_fails_nothing_is_committed_that_was_not_acknowledged(
    kafka: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(_order: PartitionOrder, _events: Any) -> list[Any]:
        raise Unavailable("messages from 1 to 2 do not come")

    topic = kafka.new_topic(3)
    kafka.produce(topic, [str(number).encode() for number in range(50)])
    with monkeypatch.context() as broken:
        broken.setattr(PartitionOrder, "in_order", fail)
        async with aclosing(KafkaSource(Connection(kafka.bootstrap), topic, group=topic, batch_size=4)) as source:
            with pytest.raises(Refused, match="start the worker again: Unavailable: messages from 1 to 2 do not come"):
                await source.read()
    assert set(kafka.committed(topic, topic).values()) == {0}


async def test_a_missing_topic_is_refused(kafka: Cluster) -> None:
    if not kafka.real:
        pytest.skip("a mock cluster makes every topic that is asked for")
    async with aclosing(KafkaSource(Connection(kafka.bootstrap), "not-there")) as source:
        with pytest.raises(Refused, match="headwater migrate --kafka"):
            await source.read()


async def test_a_broker_that_is_away_is_unavailable(unused_tcp_port: int) -> None:
    async with aclosing(KafkaSource(Connection(f"127.0.0.1:{unused_tcp_port}"), "events")) as source:
        with pytest.raises(Unavailable, match="did not answer"):
            await source.read()


def headwater(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "consumers.cli", *words]
    return subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, timeout=120)


def test_an_archive_goes_by_kafka_into_the_store_that_a_replay_makes(kafka: Cluster, tmp_path: Path) -> None:
    bodies = list(events(500, seed=5))
    archive = tmp_path / "events.jsonl"
    archive.write_bytes(b"\n".join([*bodies, b"rubbish"]))
    topic = kafka.new_topic(4)
    store = sqlite_store(tmp_path / "store.db")
    places = {
        "HEADWATER_KAFKA_BOOTSTRAP": kafka.bootstrap,
        "HEADWATER_KAFKA_TOPIC": topic,
        "HEADWATER_KAFKA_GROUP": topic,
        "HEADWATER_DATABASE_URL": str(store),
        "HEADWATER_LOG_FORMAT": "json",
    }
    filled = headwater("replay", str(archive), "--to-kafka", "--json", **places)
    assert (filled.returncode, json.loads(filled.stdout)["messages"]) == (0, 501), filled.stderr
    worked = headwater("run", "--kafka", "--until-empty", **places)
    assert worked.returncode == 0, worked.stderr
    with store, sqlite_store(tmp_path / "alone.db") as alone:
        assert digest(store)[0] == digest(fed(alone, bodies))[0]
        [letter] = ledger.dead_letters(store)
    assert (letter.body, letter.origin.rpartition(":")[0].rpartition(":")[0]) == (b"rubbish", f"kafka:{topic}")
    assert json.loads(worked.stderr.splitlines()[-1])["event"] == "worker stopped"


def test_options_that_do_not_go_together_are_one_sentence() -> None:
    said = headwater("run", "--kafka", "--kafka-sasl", "plain")
    assert (said.returncode, said.stderr.count("\n")) == (1, 1)
    assert "needs a user and a password" in said.stderr
    said = headwater("run")
    assert (said.returncode, said.stderr.count("\n")) == (2, 1)
    assert "or --kafka" in said.stderr
