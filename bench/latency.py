"""From the moment that an event is sent until a query finds the lineage that follows from it."""

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
FIRST = 2.0  # seconds at the start that are not counted: imports, connections, plans
LOOK = 0.01
AIM = "p99 below 2 s"

Send = Callable[[str, bytes], None]


class NewJob(NamedTuple):
    """An event of a job without earlier events.

    Attributes:
        key: Of the job.
        body: The event's bytes.
    """

    key: str
    body: bytes


def latency(options: Options) -> list[Row]:
    """Fifty events a second by each of three ways, each event of a new job."""
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
        Row("found late by at most, the time between two queries", LOOK * 1e3, "ms"),
    ]


def _rows(way: str, seconds: Sequence[float], worker: servers.Headwater, since: int = 0) -> Iterator[Row]:
    cuts = statistics.quantiles(seconds, n=100, method="inclusive")
    yield Row(f"{way}: p50 of {len(seconds):,} events", cuts[49] * 1e3, "ms")
    yield Row(f"{way}: p99", cuts[98] * 1e3, "ms", cuts[98] / 2, AIM)
    yield Row("of which handled, a batch, median", _median(worker, since), "ms")


def _median(process: servers.Headwater, since: int = 0) -> float:
    # A query can find a batch's lineage before the batch is acknowledged and logged.
    servers.until(lambda: len(process.batches()) > since, "no batch was logged")
    return statistics.median(line.seconds for line in process.batches()[since:]) * 1e3


def _seconds(store: Store, send: Send, name: str, seconds: float) -> list[float]:
    """Seconds for each event, from before it is sent until a query finds an association of its job."""
    jobs = _new_jobs(name, int(RATE * (seconds + FIRST)))
    sent: dict[str, float] = {}
    found: dict[str, float] = {}

    def one(job: NewJob) -> None:
        sent[job.key] = time.perf_counter()
        send(job.key, job.body)

    def feed() -> None:
        with ThreadPoolExecutor(4) as pool:  # moto may need longer for one than the time until the next
            begun = time.perf_counter()
            for number, job in enumerate(jobs):
                time.sleep(max(0.0, begun + number / RATE - time.perf_counter()))
                pool.submit(one, job)

    feeding = threading.Thread(target=feed)
    feeding.start()

    def look() -> bool:
        waiting = [key for key in list(sent) if key not in found]
        if waiting:
            keys = store.read(lambda tx: _linked(tx, waiting))
            found.update(dict.fromkeys(keys, time.perf_counter()))
        time.sleep(LOOK)
        return len(found) == len(jobs)

    servers.until(look, "not all events have become lineage", pause=0)
    feeding.join()
    return [found[job.key] - sent[job.key] for job in jobs[int(RATE * FIRST) :]]


def _linked(tx: Transaction, keys: Sequence[str]) -> Sequence[str]:
    """Which of these jobs have associations."""
    has = select(tables.association).where(tables.association.c.resource_id == tables.resource.c.id).exists()
    wanted = select(tables.resource.c.key).where(bulk.among(tx.connection, tables.resource.c.key, keys), has)
    return tx.connection.scalars(wanted).all()


def _new_jobs(name: str, count: int) -> list[NewJob]:
    """Events of completed training jobs, each of another job."""
    found = []
    done = (one for one in generate.events(count * 100) if b'"TrainingJobStatus":"Completed"' in one)
    for number, body in enumerate(islice(done, count)):
        event = orjson.loads(body)
        job = event["detail"]["TrainingJobName"]
        ours = f"{name}-{number}"
        arn = event["resources"][0].replace(job.lower(), ours)
        renamed = body.replace(job.encode(), ours.encode()).replace(job.lower().encode(), ours.encode())
        found.append(NewJob(arn.lower(), renamed))
    return found


@contextmanager
def _producing(bootstrap: str, topic: str) -> Iterator[Send]:
    """Puts events onto a topic at once, keyed as the forwarder does."""
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 0, "log_level": 0})
    yield lambda key, body: producer.produce(topic, body, key)
    producer.flush()
