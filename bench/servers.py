"""Servers of the bench's own, and Headwater's commands as processes beside them."""

from __future__ import annotations

import itertools
import json
import logging
import multiprocessing
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import Any
from unittest.mock import patch

from sqlalchemy import func, select

from store import tables
from store.database import Store
from store.migrate import migrate
from tests.support.kafka_broker import Broker, NoBroker
from tests.support.postgres_server import new_server

__all__ = ["Broker", "NoBroker"]

PATIENCE = 600.0
"""Seconds that something may take before the bench gives up."""


class Stuck(Exception):
    """Something took too long; the message says what."""


class PostgreSql:
    """A PostgreSQL server with fsync off: what is measured is what work costs, not how fast a disk is."""

    NAME = "PostgreSQL, fsync off"

    def __init__(self, server: Any) -> None:
        self._server = server
        self._numbers = itertools.count(1)
        server.psql("ALTER SYSTEM SET fsync = off")
        server.psql("SELECT pg_reload_conf()")

    def set_up(self, **settings: str) -> None:
        """Restart with other settings."""
        for name, value in settings.items():
            self._server.psql(f"ALTER SYSTEM SET {name} = '{value}'")
        postmaster = self._server.get_pid()
        os.kill(postmaster, signal.SIGINT)
        until(lambda: not Path(f"/proc/{postmaster}").exists(), "PostgreSQL does not stop")
        self._server.ensure_postgres_running()

    def new(self) -> str:
        """The URL of a new empty store."""
        name = f"bench_{next(self._numbers)}"
        self._server.psql(f"CREATE DATABASE {name}")
        url: str = self._server.get_uri(database=name)
        with Store(url) as store:
            migrate(store)
        return url

    def drop(self, url: str) -> None:
        """Drop a database, and write out what is left to write, so that it does not slow down the next measurement."""
        self._server.psql(f"DROP DATABASE {Store(url).url.database} WITH (FORCE)")
        self._server.psql("CHECKPOINT")


@contextmanager
def postgresql() -> Iterator[PostgreSql]:
    """A server that is stopped afterwards."""
    server = new_server("headwater-bench-")
    try:
        yield PostgreSql(server)
    finally:
        server.cleanup()


@contextmanager
def kafka() -> Iterator[Broker]:
    """A broker that is stopped afterwards.

    Raises:
        NoBroker: There is none to be had here.
    """
    with tempfile.TemporaryDirectory(prefix="headwater-bench-") as folder, Broker(Path(folder)) as broker:
        yield broker


@contextmanager
def aws() -> Iterator[str]:
    """The URL of an AWS in miniature, in a process of its own; the environment directs every client to it."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve_aws, args=(theirs,), daemon=True)
    process.start()
    url: str = ours.recv()
    settings = {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "AWS_DEFAULT_REGION": "us-west-2",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        yield url
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
        process.terminate()
        process.join()


def _serve_aws(pipe: Pipe) -> None:
    from moto.server import ThreadedMotoServer
    from moto.sqs import models

    # moto's SQS computes the time from two dates for each message in the queue at each call: read it directly.
    patch.object(models, "unix_time_millis", lambda _=None: time.time() * 1000).start()
    # Used for FIFO queues only, and it fails when a message arrives while another thread reads.
    patch.object(models.Queue, "pending_message_groups", frozenset()).start()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # a line for each request otherwise
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    pipe.send("http://{}:{}".format(*server.get_host_and_port()))
    pipe.poll(None)


@dataclass(frozen=True, slots=True, order=True)
class Line:
    """A batch, as a process has logged it.

    Attributes:
        at: When it was done, in seconds.
        events: How many.
        seconds: From the moment it was in hand until it was acknowledged.
    """

    at: float
    events: int
    seconds: float


class Headwater:
    """A command of Headwater's as a process, with its log."""

    def __init__(self, *arguments: str, **settings: str) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="headwater-bench-")
        self._log = Path(self._folder.name) / "log"
        environment = {**os.environ, **settings, "HEADWATER_LOG_FORMAT": "json"}
        command = [sys.executable, "-m", "consumers.cli", *arguments]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(command, env=environment, stderr=log)

    def lines(self) -> list[dict[str, Any]]:
        """What it has logged so far."""
        *whole, _ = self._log.read_bytes().split(b"\n")  # the last line may still be being written
        return [json.loads(line) for line in whole if line.startswith(b"{")]

    def batches(self) -> list[Line]:
        """The batches that it has logged so far."""
        return [
            Line(
                datetime.fromisoformat(line["timestamp"]).timestamp(),
                line.get("events", line["deliveries"]),
                line["milliseconds"] / 1000,
            )
            for line in self.lines()
            if line["event"] == "batch"
        ]

    def until(self, message: str) -> None:
        """Wait until it has logged something."""

        def has() -> bool:
            if self._process.poll() is not None:
                raise Stuck(f"headwater has ended before it said {message!r}: {self._log_end()}")
            return any(line["event"] == message for line in self.lines())

        until(has, f"headwater does not say {message!r}")

    def wait(self) -> None:
        """Wait until it has done its work."""
        if self._process.wait(PATIENCE):
            raise Stuck(f"headwater has failed: {self._log_end()}")

    def stop(self) -> None:
        """Stop it, if it still runs."""
        self._process.terminate()
        self._process.wait(PATIENCE)
        self._folder.cleanup()

    def _log_end(self) -> str:
        return self._log.read_text()[-1000:]


@contextmanager
def headwater(commands: Sequence[Sequence[str]], **settings: str) -> Iterator[list[Headwater]]:
    """Commands, each as a process that is stopped at the end."""
    started = [Headwater(*arguments, **settings) for arguments in commands]
    try:
        yield started
    finally:
        for one in started:
            one.stop()


@contextmanager
def api(url: str) -> Iterator[int]:
    """The port of `headwater serve` over a store."""
    with tempfile.TemporaryFile() as log:
        command = [sys.executable, "-m", "consumers.cli", "serve", "--port", "0", "--database-url", url]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        assert process.stdout
        try:
            listening = re.search(r"http://127\.0\.0\.1:(\d+)", process.stdout.readline())
            if not listening:
                log.seek(0)
                raise Stuck(f"headwater serve has failed: {log.read()[-1000:].decode()}")
            yield int(listening[1])
        finally:
            process.terminate()
            process.wait(PATIENCE)


def result_of(*arguments: str, **settings: str) -> dict[str, Any]:
    """What a command of Headwater's prints with --json."""
    command = [sys.executable, "-m", "consumers.cli", *arguments, "--json"]
    done = subprocess.run(command, env={**os.environ, **settings}, capture_output=True, timeout=PATIENCE)
    if done.returncode:
        raise Stuck(f"headwater {arguments[0]} has failed: {done.stderr[-1000:].decode()}")
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def rows_in(url: str) -> int:
    """How many rows a store holds."""
    with Store(url) as store:
        counts = (select(func.count()).select_from(table) for table in tables.metadata.sorted_tables)
        return sum(store.read(lambda tx: [tx.connection.scalar(count) or 0 for count in counts]))


def until(done: Callable[[], bool], otherwise: str, *, pause: float = 0.05) -> None:
    """Wait until a condition holds.

    Raises:
        Stuck: It does not become so.
    """
    late = time.monotonic() + PATIENCE
    while not done():
        if time.monotonic() > late:
            raise Stuck(otherwise)
        time.sleep(pause)
