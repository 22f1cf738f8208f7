"""SQS -> Kafka -> three workers -> PostgreSQL, while all of them are killed, stopped and started."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest

from bench.generate import events
from store.database import Store, Unavailable
from store.digest import digest
from store.ledger import events as ledger
from store.migrate import migrate
from tests.support.aws import filled_queue, left_in
from tests.support.kafka_broker import Broker
from tests.support.laws import FACTOR, seeds
from tests.support.postgres_server import new_server, start
from tests.support.stores import fed, sqlite_store

EVENTS = 20_000 if FACTOR > 1 else 6_000
AWAY = 20.0 if FACTOR > 1 else 8.0
"""Seconds that the broker is stopped for."""
PATIENCE = 420.0
"""Seconds until the test gives up: a busy machine is no failure."""


class Server:
    """A PostgreSQL server of our own that can crash."""

    def __init__(self, server: Any) -> None:
        self._server = server
        self.url = server.get_uri().replace("postgresql://", "postgresql+psycopg://")

    def crash(self) -> None:
        """Shut it down immediately and start it again: it recovers from its log."""
        postmaster = self._server.get_pid()
        os.kill(postmaster, signal.SIGQUIT)
        while Path(f"/proc/{postmaster}").exists():
            time.sleep(0.05)
        start(self._server)


@pytest.fixture
def postgresql() -> Iterator[Server]:
    server = new_server("headwater-chaos-")
    server.psql("ALTER SYSTEM SET fsync = off")  # here processes die, but the machine does not lose power
    server.psql("SELECT pg_reload_conf()")
    yield Server(server)
    server.cleanup()


class Feeder:
    """Sends messages to a queue as fast as they are received: moto reads a whole queue at each call."""

    def __init__(self, url: str, queue: str, bodies: Sequence[bytes]) -> None:
        self._url = url
        self._queue = queue
        self._bodies = bodies
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._feed)
        self._thread.start()

    @property
    def done(self) -> bool:
        """True once everything is sent."""
        return not self._thread.is_alive()

    def stop(self) -> None:
        """Stop sending."""
        self._stop.set()
        self._thread.join()

    def _feed(self) -> None:
        sqs = boto3.client("sqs", endpoint_url=self._url)
        for at in range(0, len(self._bodies), 10):
            while at % 100 == 0 and left_in(self._url, self._queue) > 600:
                if self._stop.wait(0.05):
                    return
            entries = [{"Id": str(n), "MessageBody": one.decode()} for n, one in enumerate(self._bodies[at : at + 10])]
            assert not sqs.send_message_batch(QueueUrl=self._queue, Entries=entries).get("Failed")


class WorkerPool:
    """Processes that are restarted whenever they end, as a supervisor does."""

    def __init__(self, commands: Sequence[Sequence[str]], environment: dict[str, str], folder: Path) -> None:
        self._commands = commands
        self._environment = environment
        self._folder = folder
        self._processes: list[subprocess.Popen[bytes] | None] = [None] * len(commands)
        self._logged = [0] * len(commands)  # where the log of each that runs begins
        self.ends: list[int] = []

    def tend(self) -> None:
        """Start every process that does not run."""
        for number, process in enumerate(self._processes):
            if process is not None and process.poll() is not None:
                self.ends.append(process.returncode)
            if process is None or process.poll() is not None:
                with (self._folder / f"{number}.log").open("ab") as log:
                    self._logged[number] = log.tell()
                    command = [sys.executable, "-m", "consumers.cli", *self._commands[number]]
                    self._processes[number] = subprocess.Popen(command, env=self._environment, stderr=log)

    def kill(self, number: int) -> None:
        """Kill one process."""
        process = self._processes[number]
        if process is not None:
            process.kill()
            process.wait()

    def restart(self) -> None:
        """A rolling restart: each is stopped, and exits with 0, before the next one."""
        for number, process in enumerate(self._processes):
            if process is not None and self._has_started(number):
                process.terminate()
                assert process.wait(60) == 0, f"{number} did not stop cleanly"
                self.tend()

    def _has_started(self, number: int) -> bool:
        """True once it has started, however long that takes; False if it ends before."""
        process, log = self._processes[number], self._folder / f"{number}.log"
        while process is not None and process.poll() is None:
            if b"started" in log.read_bytes()[self._logged[number] :]:
                return True
            time.sleep(0.1)
        return False

    def kill_all(self) -> None:
        """Kill all processes."""
        for number in range(len(self._processes)):
            self.kill(number)


@contextmanager
def worker_pool(commands: Sequence[Sequence[str]], environment: dict[str, str], folder: Path) -> Iterator[WorkerPool]:
    folder.mkdir()
    pool = WorkerPool(commands, environment, folder)
    try:
        yield pool
    finally:
        pool.kill_all()


def wait_until(done: Callable[[], bool], meanwhile: Callable[[], None]) -> None:
    late = time.monotonic() + PATIENCE
    while not done():
        assert time.monotonic() < late, "it takes too long"
        meanwhile()
        time.sleep(0.5)


def malformed() -> list[bytes]:
    """Messages that become dead letters."""
    return [b"\xff\xfe not JSON", b"", b"[]", b'{"detail-type": "SageMaker Model State Change"}']


def unusual(event: bytes) -> list[bytes]:
    """Events that are handled all the same: one of 900 KB, and one of an unknown kind and version."""
    parsed = json.loads(event)
    large = parsed | {"detail": parsed["detail"] | {"Padding": "x" * 900_000}}
    unknown = {"version": "7", "detail-type": "SageMaker Oracle State Change", "detail": {"OracleName": "delphi"}}
    return [json.dumps(large).encode(), json.dumps(unknown).encode()]


@pytest.mark.law
@pytest.mark.parametrize("seed", seeds(1))
def test_nothing_is_lost_and_nothing_is_saved_twice(
    seed: int, aws: str, broker: Broker, postgresql: Server, tmp_path: Path
) -> None:
    generated = list(events(EVENTS, seed=seed))
    bodies = generated + unusual(generated[0])
    with sqlite_store(tmp_path / "alone.db") as alone:
        want = digest(fed(alone, bodies, 2_000))[0]
    moments = random.Random(seed)
    moments.shuffle(generated)
    queue = filled_queue(aws, [])
    broker.create_topic("events", 6, {"max.message.bytes": str(2 << 20)})
    others = unusual(generated[0]) + malformed()  # SQS refuses most of them
    environment = os.environ | {
        "HEADWATER_KAFKA_BOOTSTRAP": broker.bootstrap,
        "HEADWATER_KAFKA_TOPIC": "events",
        "HEADWATER_DATABASE_URL": postgresql.url,
        "HEADWATER_LOG_FORMAT": "json",
        "HEADWATER_BATCH_SIZE": "200",
    }
    store = Store(postgresql.url)
    migrate(store)
    with ExitStack() as leaving:
        leaving.callback(store.close)
        forwarder = leaving.enter_context(
            worker_pool([["forward", queue, "--visibility", "5"]], environment, tmp_path / "forwarder")
        )
        workers = leaving.enter_context(worker_pool([["run", "--kafka"]] * 3, environment, tmp_path / "workers"))

        feeder = Feeder(aws, queue, generated)
        leaving.callback(feeder.stop)

        def tend() -> None:
            forwarder.tend()
            workers.tend()

        def recorded() -> int:
            try:
                return sum(sum(kinds.values()) for kinds in store.read(ledger.counts).values())
            except Unavailable:  # it has just been shut down
                return 0

        def disturb(after: int, harm: Callable[[], None]) -> None:
            wait_until(lambda: recorded() >= after, tend)
            harm()
            tend()

        disturb(1, lambda: workers.kill(0))
        broker.produce("events", others)
        disturb(EVENTS // 10, postgresql.crash)
        for share in (2, 3, 4):
            disturb(EVENTS * share // 10, lambda: workers.kill(moments.randrange(3)))
            forwarder.kill(0)
        disturb(EVENTS // 2, broker.stop)
        away = time.monotonic() + AWAY
        wait_until(lambda: time.monotonic() > away, tend)
        broker.start()
        disturb(EVENTS * 6 // 10, lambda: broker.add_partitions("events", 9))
        disturb(EVENTS * 7 // 10, postgresql.crash)
        disturb(EVENTS * 8 // 10, workers.kill_all)
        disturb(EVENTS * 9 // 10, workers.restart)
        wait_until(lambda: feeder.done and left_in(aws, queue) == 0 and broker.lag("headwater", "events") == 0, tend)

    assert (recorded(), digest(store)[0]) == (len(bodies), want)
    dead = ledger.dead_letters(store)
    assert sorted(letter.body for letter in dead) == sorted(malformed())
    assert all(letter.origin.startswith("kafka:events:") for letter in dead)
    assert workers.ends, "no worker was killed"
    store.close()
