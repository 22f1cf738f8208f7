"""Events by way of Kafka: onto a topic, and from it into PostgreSQL."""

from __future__ import annotations

import asyncio
import logging
import statistics
from collections.abc import Sequence
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from time import perf_counter
from typing import NamedTuple

import structlog

from bench import servers
from bench.measure import Row, apart
from bench.options import Options
from bench.postgresql import written
from bench.servers import Line

PARTITIONS = 6
BATCH = 500
"""Messages at a time, as in `headwater run`."""


class Read(NamedTuple):
    """What reading without storing anything took."""

    messages: int
    wall: float
    processor: float


class Turn(NamedTuple):
    """Events a second of one turn, each way right after the other.

    Attributes:
        replay: Of a replay.
        small: Of one in batches as small as a worker's.
        worker: Of a worker.
        lines: What that has logged.
    """

    replay: float
    small: float
    worker: float
    lines: list[Line]


def kafka(options: Options) -> list[Row]:
    """A topic filled, read by Faust alone, and by one worker and two into PostgreSQL, beside replay."""
    events = max(options.events or 20_000, 3 * BATCH)  # from the first batch's end to the last one's is measured
    archive = written(events, options)
    with servers.postgresql() as server, servers.kafka() as broker:
        topic = broker.new_topic(PARTITIONS)
        at = {"HEADWATER_KAFKA_BOOTSTRAP": broker.bootstrap, "HEADWATER_KAFKA_TOPIC": topic}
        filled = servers.result_of("replay", str(archive), "--to-kafka", **at)
        bare, _ = apart(faust, broker.bootstrap, topic, events)
        turns = [_turn(server, archive, f"one-{number}", at, events) for number in range(options.rounds)]
        two = _read(server, 2, "two", at)
    whole = statistics.median(turn.replay for turn in turns)
    part = statistics.median(turn.small for turn in turns)
    alone = statistics.median(turn.worker for turn in turns)
    to_whole = statistics.median(turn.worker / turn.replay for turn in turns)
    to_part = statistics.median(turn.worker / turn.small for turn in turns)
    lines = turns[-1].lines
    wall = lines[-1].at - lines[0].at
    handled = sum(line.seconds for line in lines[1:])
    mean = sum(line.events for line in lines) / len(lines)
    together, both = _rate(sorted(line for worker in two for line in worker)), _while_both(two)
    return [
        Row(f"{server.NAME}; a topic of {PARTITIONS} partitions: events", events, ""),
        Row("replay --to-kafka", filled["messages"] / filled["seconds"], "events/s"),
        Row("Faust alone, read and acknowledged", bare.messages / bare.wall, "events/s"),
        Row("Faust alone, processor time", bare.processor / bare.messages * 1e6, "µs/event"),
        Row("replay", whole, "events/s"),
        Row(f"replay --batch-size {BATCH}", part, "events/s", part / whole),
        Row("run --kafka, one worker", alone, "events/s", to_whole, "0.7 of replay"),
        Row(f"the same; ratio: to replay --batch-size {BATCH}", alone, "events/s", to_part),
        Row("one worker, events in a batch", mean, ""),
        Row("one worker, from first batch to last", wall, "s"),
        Row("one worker, of which in handle", handled, "s", handled / wall),
        Row("run --kafka, two workers; ratio: to one", together, "events/s", together / turns[-1].worker),
        Row("two workers, while both work; ratio: to one", both, "events/s", both / turns[-1].worker),
    ]


def faust(bootstrap: str, topic: str, events: int) -> Read:
    """Read a topic as a worker does, and store nothing."""
    from ingest.kafka.connection import Connection
    from ingest.kafka.source import KafkaSource

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))

    async def read() -> Read:
        source = KafkaSource(Connection(bootstrap), topic, group="bench-faust", batch_size=BATCH)
        taken = first = 0
        begun = used = 0.0
        while taken < events:
            batch = await source.read()
            assert batch is not None, "the source was closed"
            await batch.ack()
            taken += len(batch.deliveries)
            if not begun and taken:
                begun, used, first = perf_counter(), _processor(), taken
        read_alone = Read(taken - first, perf_counter() - begun, _processor() - used)
        await source.aclose()
        return read_alone

    return asyncio.run(read())


def _turn(server: servers.PostgreSql, archive: Path, group: str, at: dict[str, str], events: int) -> Turn:
    rates = []
    for size in (2_000, BATCH):
        url = server.new()
        result = servers.result_of("replay", str(archive), "--database-url", url, "--batch-size", str(size))
        rates.append(events / result["seconds"])
        server.drop(url)
    [lines] = _read(server, 1, group, at)
    return Turn(rates[0], rates[1], _rate(lines), lines)


def _processor() -> float:
    used = getrusage(RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _read(server: servers.PostgreSql, workers: int, group: str, at: dict[str, str]) -> list[list[Line]]:
    """What each of some workers logged while it read the topic into an empty store."""
    url = server.new()
    command = ["run", "--kafka", "--until-empty", "--kafka-group", group, "--database-url", url]
    with servers.headwater([command] * workers, **at) as running:
        for one in running:
            one.wait()
        batches = [one.batches() for one in running]
    server.drop(url)
    return batches


def _rate(lines: Sequence[Line]) -> float:
    """Events a second, counted from the first batch's end to the last one's."""
    return sum(line.events for line in lines[1:]) / (lines[-1].at - lines[0].at)


def _while_both(workers: Sequence[Sequence[Line]]) -> float:
    """Events a second while all of them work; 0 when they never did."""
    if not all(workers):
        return 0.0
    begin, end = max(lines[0].at for lines in workers), min(lines[-1].at for lines in workers)
    if end <= begin:
        return 0.0
    return sum(line.events for lines in workers for line in lines if begin < line.at <= end) / (end - begin)
