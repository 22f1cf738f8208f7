"""From the moment that an event is sent until the lineage that follows from it can be asked for."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from typing import NamedTuple

import boto3
import orjson
from confluent_kafka import Producer
from sqlalchemy import select

from bench import generate, servers, workloads
from bench.measure import Row
from bench.options import Options
from ingest.kafka.source import WITHIN
from store import bulk, tables
from store.database import Store, Transaction
from store.migrate import migrate

PARTITIONS = 6
RATE = 50  # events a second
FIRST = 2.0  # seconds whose events are not counted: imports, connections, plans
LOOK = 0.01
AIM = "p99 below 2 s"

Send = Callable[[str, bytes], None]


class News(NamedTuple):
    """An event that brings lineage.

    Attributes:
        key: Of the job that it speaks of.
        body: Its bytes.
    """

    key: str
    body: bytes


def latency(options: Options) -> list[Row]:
    """Fifty events a second by each of three ways, each event of a job that nobody has heard of."""
    rows: list[Row] = []
    with servers.aws() as aws:
        sqs = boto3.client("sqs", endpoint_url=aws)

        def queue(name: str) -> tuple[str, Send]:
            url: str = sqs.create_queue(QueueName=name)["QueueUrl"]
            return url, lambda _key, body: sqs.send_message(QueueUrl=url, MessageBody=body.decode())

        url, send = queue("into-sqlite")
        workloads.remove(options.folder / "latency.db")
        store = Store(f"sqlite:///{options.folder / 'latency.db'}")
        migrate(store)
        with store, servers.headwater([["run", url]], HEADWATER_DATABASE_URL=str(store.url)) as [worker]:
            worker.until("worker started")
            rows += _rows("SQS, SQLite", _seconds(store, send, "one", options.seconds), worker)
        workloads.remove(options.folder / "latency.db")
        with servers.postgresql() as server, servers.kafka() as broker:
            topic = broker.new_topic(PARTITIONS)
            database = server.new()
            at = {
                "HEADWATER_KAFKA_BOOTSTRAP": broker.bootstrap,
                "HEADWATER_KAFKA_TOPIC": topic,
                "HEADWATER_DATABASE_URL": database,
            }
            url, send = queue("onto-kafka")
            commands = [["run", "--kafka"], ["forward", url]]
            with Store(database) as store, servers.headwater(commands, **at) as [worker, forwarder]:
                worker.until("partitions assigned")
                forwarder.until("forwarder started")
                with _producing(broker.bootstrap, topic) as direct:
                    rows += _rows("Kafka, PostgreSQL", _seconds(store, direct, "two", options.seconds), worker)
                before = len(worker.batches())
                through = _seconds(store, send, "three", options.seconds)
                rows += _rows("SQS, forward, Kafka, PostgreSQL", through, worker, before)
                rows.append(Row("of which forward, a batch, median", _median(forwarder), "ms"))
    return [
        *rows,
        Row("run --kafka: a batch waits for more, at most", WITHIN * 1e3, "ms"),
        Row("found late, at most, since it is looked for each", LOOK * 1e3, "ms"),
    ]


def _rows(way: str, seconds: Sequence[float], worker: servers.Headwater, since: int = 0) -> Iterator[Row]:
    cuts = statistics.quantiles(seconds, n=100, method="inclusive")
    yield Row(f"{way}: p50 of {len(seconds):,} events", cuts[49] * 1e3, "ms")
    yield Row(f"{way}: p99", cuts[98] * 1e3, "ms", cuts[98] / 2, AIM)
    yield Row("of which handled, a batch, median", _median(worker, since), "ms")


def _median(process: servers.Headwater, since: int = 0) -> float:
    # What a batch has brought can be found before the batch is acknowledged, and logged.
    servers.until(lambda: len(process.batches()) > since, "no batch was logged")
    return statistics.median(line.seconds for line in process.batches()[since:]) * 1e3


def _seconds(store: Store, send: Send, name: str, seconds: float) -> list[float]:
    """How long each event took, from before it was sent until a query has found an association of its job."""
    events = _news(name, int(RATE * (seconds + FIRST)))
    sent: dict[str, float] = {}
    found: dict[str, float] = {}

    def one(news: News) -> None:
        sent[news.key] = time.perf_counter()
        send(news.key, news.body)

    def feed() -> None:
        with ThreadPoolExecutor(4) as pool:  # moto may take longer for one than there is until the next
            begun = time.perf_counter()
            for number, news in enumerate(events):
                time.sleep(max(0.0, begun + number / RATE - time.perf_counter()))
                pool.submit(one, news)

    feeding = threading.Thread(target=feed)
    feeding.start()

    def look() -> bool:
        waiting = [key for key in list(sent) if key not in found]
        if waiting:
            keys = store.read(lambda tx: _linked(tx, waiting))
            found.update(dict.fromkeys(keys, time.perf_counter()))
        time.sleep(LOOK)
        return len(found) == len(events)

    servers.until(look, "not all events have become lineage", pause=0)
    feeding.join()
    return [found[news.key] - sent[news.key] for news in events[int(RATE * FIRST) :]]


def _linked(tx: Transaction, keys: Sequence[str]) -> Sequence[str]:
    """Which of these jobs have associations."""
    has = select(tables.association).where(tables.association.c.resource_id == tables.resource.c.id).exists()
    wanted = select(tables.resource.c.key).where(bulk.among(tx.connection, tables.resource.c.key, keys), has)
    return tx.connection.scalars(wanted).all()


def _news(name: str, count: int) -> list[News]:
    """Completed training jobs, each another one."""
    found = []
    done = (one for one in generate.events(count * 100) if b'"TrainingJobStatus":"Completed"' in one)
    for number, body in enumerate(islice(done, count)):
        event = orjson.loads(body)
        job = event["detail"]["TrainingJobName"]
        ours = f"{name}-{number}"
        arn = event["resources"][0].replace(job.lower(), ours)
        renamed = body.replace(job.encode(), ours.encode()).replace(job.lower().encode(), ours.encode())
        found.append(News(arn.lower(), renamed))
    return found


@contextmanager
def _producing(bootstrap: str, topic: str) -> Iterator[Send]:
    """Puts events onto a topic at once, keyed as the forwarder does."""
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 0, "log_level": 0})
    yield lambda key, body: producer.produce(topic, body, key)
    producer.flush()
