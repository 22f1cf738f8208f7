"""The worker as its users run it: a process of its own, killed, stopped, starved and fed rubbish."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import boto3
import pytest
from sqlalchemy import create_engine, text

from bench.generate import events
from consumers.catch_up import redrive
from consumers.run.metrics import Health
from consumers.run.worker import Totals, work
from store.database import Store, Unavailable
from store.digest import digest
from store.ledger import events as ledger
from store.ledger.events import DeadLetter
from tests.support import stores
from tests.support.aws import filled_queue, left_in, send
from tests.support.fakes import MemoryQueue
from tests.support.stores import MakeStore, fed, postgres, sqlite_store
from tests.support.waiting import PATIENCE, soon, until

MESSAGES = 1_000
ABALONE = (Path(__file__).parent / "cases" / "abalone" / "events.jsonl").read_bytes().splitlines()


def kept(store: Store) -> int:
    """How many events a store's ledger holds."""
    return sum(sum(kinds.values()) for kinds in store.read(ledger.counts).values())


def url_of(store: Store) -> str:
    return store.url.render_as_string(hide_password=False)


@contextmanager
def worker(queue: str, store: Store, *options: str) -> Iterator[subprocess.Popen[str]]:
    """`headwater run` as a process, killed at the end if it still runs."""
    command = [sys.executable, "-m", "consumers.cli", "run", queue, "--visibility", "2", *options]
    process = subprocess.Popen(
        command, env=os.environ | {"HEADWATER_DATABASE_URL": url_of(store)}, stderr=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def undisturbed(make_store: MakeStore, bodies: Sequence[bytes]) -> str:
    """The digest that these events lead to when nothing is in the way."""
    return digest(fed(make_store(), bodies))[0]


def test_killed_workers_lose_nothing(aws: str, make_store: MakeStore) -> None:
    bodies = list(events(MESSAGES, seed=7))
    want = undisturbed(make_store, bodies)
    queue = filled_queue(aws, bodies)
    store = make_store()
    moments = random.Random(7)
    for _ in range(4):
        before = kept(store)
        with worker(queue, store, "--batch-size", "50") as process:
            until(lambda: kept(store) > before)  # noqa: B023  # called before the next turn
            time.sleep(moments.uniform(0, 0.3))
            assert process.poll() is None, "no worker was at work when it was to be killed"
            process.send_signal(signal.SIGKILL)
    with worker(queue, store, "--until-empty") as process:
        _, log = process.communicate(timeout=300)
    assert (process.returncode, left_in(aws, queue), digest(store)[0]) == (0, 0, want), log


def test_two_workers_share_a_queue_and_a_store(aws: str, make_store: MakeStore) -> None:
    bodies = list(events(600, seed=8))
    want = undisturbed(make_store, bodies)
    queue = filled_queue(aws, [])
    store = make_store()
    with worker(queue, store, "--batch-size", "20") as one, worker(queue, store, "--batch-size", "20") as other:
        for process in (one, other):  # both are at work before there is any
            assert process.stderr
            assert any(json.loads(line)["event"] == "worker started" for line in process.stderr)
        send(aws, queue, bodies)
        until(lambda: left_in(aws, queue) == 0)
        for process in (one, other):
            process.send_signal(signal.SIGTERM)
        logs = [process.communicate(timeout=PATIENCE)[1] for process in (one, other)]
    shares = [sum(json.loads(line)["events"] for line in log.splitlines() if '"batch"' in line) for log in logs]
    assert (left_in(aws, queue), digest(store)[0]) == (0, want)
    assert all(shares), f"one worker did everything: {shares}"
    exported = list(ledger.events(store))
    assert (len(exported), digest(fed(make_store(), exported))[0]) == (600, want)


def test_sigterm_finishes_the_batch_in_hand_and_gives_back_the_rest(aws: str, tmp_path: Path) -> None:
    queue = filled_queue(aws, list(events(1_000, seed=9)))
    store = sqlite_store(tmp_path / "store.db")
    with worker(queue, store, "--batch-size", "100") as process:
        assert process.stderr
        for line in process.stderr:
            if json.loads(line)["event"] == "batch":
                break
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=PATIENCE)
    assert (process.returncode, json.loads(log.splitlines()[-1])["event"]) == (0, "worker stopped")
    held = kept(store)
    sqs = boto3.client("sqs", endpoint_url=aws)

    def visible() -> int:
        answer = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["ApproximateNumberOfMessages"])
        return int(answer["Attributes"]["ApproximateNumberOfMessages"])

    # What was in hand is given back at once; only what SQS was just sending comes back by its own time limit of 2 s.
    assert held + visible() > 900
    until(lambda: held + visible() == 1_000)


def test_metrics_and_health_are_served(aws: str, tmp_path: Path, unused_tcp_port: int) -> None:
    queue = filled_queue(aws, [*ABALONE, b"rubbish"])
    store = sqlite_store(tmp_path / "store.db")
    at = f"http://127.0.0.1:{unused_tcp_port}"
    with worker(queue, store, "--metrics-port", str(unused_tcp_port)) as process:
        assert process.stderr
        for line in process.stderr:
            if json.loads(line)["event"] == "dead letter":
                break
        with urllib.request.urlopen(f"{at}/metrics") as answer:
            page = answer.read().decode()
        with urllib.request.urlopen(f"{at}/health") as answer:
            health = answer.status, answer.read()
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(f"{at}/elsewhere")
    assert "headwater_events_total 29.0" in page
    assert "headwater_dead_letters_total 1.0" in page
    assert health == (200, b"ok\n")


async def worked_through_outage(
    store: Store, begin: Callable[[], Callable[[], None]]
) -> tuple[Totals, MemoryQueue, list[str | None]]:
    """Let a worker begin while the store is away, give the store back, and let it finish."""
    queue = MemoryQueue(*ABALONE)
    health, seen = Health(), []
    stop = asyncio.Event()
    end = begin()

    async def at_rest() -> bool:
        return True

    working = asyncio.create_task(work(queue, store, stop, health=health, at_rest=at_rest))
    await soon(lambda: health.problem not in (None, "starting"))
    seen.append(health.problem)
    assert await queue.depth() == len(ABALONE), "something was acknowledged while the store was away"
    end()
    totals = await asyncio.wait_for(working, PATIENCE)
    seen.append(health.problem)
    return totals, queue, seen


async def test_a_locked_sqlite_store_is_waited_for(tmp_path: Path) -> None:
    patient = sqlite_store(tmp_path / "store.db")
    store = Store(patient.url, busy_seconds=0.1)
    holder = create_engine(patient.url)

    def lock() -> Callable[[], None]:
        connection = holder.connect()
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        return connection.close

    # The first thing a worker does is to look, which a lock for writing does not hinder: the first batch meets it.
    totals, queue, (away, back) = await worked_through_outage(store, lock)
    assert (totals.events, await queue.depth(), back) == (29, 0, None)
    assert away
    assert "locked" in away
    holder.dispose()


async def test_a_postgresql_that_refuses_connections_is_waited_for() -> None:
    url = stores._new_database(stores._migrated_database())
    store = Store(url)
    server = create_engine(postgres(), isolation_level="AUTOCOMMIT")

    def away() -> Callable[[], None]:
        with server.connect() as connection:
            connection.execute(text(f"ALTER DATABASE {url.database} WITH ALLOW_CONNECTIONS false"))
            connection.execute(
                text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"),
                {"name": url.database},
            )

        def back() -> None:
            with server.connect() as connection:
                connection.execute(text(f"ALTER DATABASE {url.database} WITH ALLOW_CONNECTIONS true"))

        return back

    totals, queue, (problem, now) = await worked_through_outage(store, away)
    assert (totals.events, await queue.depth(), now) == (29, 0, None)
    assert problem
    assert "does not answer" in problem
    store.close()
    stores._drop_database(url)
    server.dispose()


async def test_stopped_during_an_outage_it_acknowledges_nothing(tmp_path: Path) -> None:
    patient = sqlite_store(tmp_path / "store.db")
    holder = create_engine(patient.url)
    queue = MemoryQueue(*ABALONE)
    stop = asyncio.Event()
    with holder.connect() as connection:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        working = asyncio.create_task(work(queue, Store(patient.url, busy_seconds=0.1), stop))
        await asyncio.sleep(1)
        stop.set()
        totals = await asyncio.wait_for(working, PATIENCE)
    assert (totals.events, await queue.depth()) == (0, len(ABALONE))
    holder.dispose()


async def test_a_replay_does_not_wait_for_a_store_that_is_away(tmp_path: Path) -> None:
    patient = sqlite_store(tmp_path / "store.db")
    holder = create_engine(patient.url)
    with holder.connect() as connection:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable, match="locked"):
            await work(MemoryQueue(*ABALONE), Store(patient.url, busy_seconds=0.1), asyncio.Event(), patience=0)
    holder.dispose()


async def test_patience_with_a_store_that_stays_away_comes_to_an_end(tmp_path: Path) -> None:
    patient = sqlite_store(tmp_path / "store.db")
    holder = create_engine(patient.url)
    queue = MemoryQueue(*ABALONE)
    with holder.connect() as connection:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable, match="locked"):
            await work(queue, Store(patient.url, busy_seconds=0.1), asyncio.Event(), patience=1)
    assert await queue.depth() == len(ABALONE)
    holder.dispose()


async def test_a_poison_message_goes_to_the_dead_letters_and_harms_no_other(store: Store) -> None:
    async def at_rest() -> bool:
        return True

    queue = MemoryQueue(*ABALONE[:15], b"\xff not JSON", *ABALONE[15:])
    totals = await work(queue, store, asyncio.Event(), at_rest=at_rest)
    [letter] = ledger.dead_letters(store)
    assert (totals.events, sum(totals.dead.values()), await queue.depth()) == (29, 1, 0)
    assert (letter.body, letter.origin) == (b"\xff not JSON", "memory")
    assert letter.reason.startswith("not an EventBridge event")
    assert redrive(store, [letter.id]) == (0, 1)
    assert [one.id for one in ledger.dead_letters(store)] == [letter.id]


def test_a_dead_letter_that_fails_again_gets_the_new_reason(store: Store) -> None:
    letters = [DeadLetter(0, "an older version did not know it", "queue", 7, body) for body in (b"\xff", b"[]")]
    store.write(lambda tx: ledger.bury(tx, letters))
    before = ledger.dead_letters(store)
    assert redrive(store, [before[0].id]) == (0, 1)
    again, other = ledger.dead_letters(store)
    assert again.reason.startswith("not an EventBridge event")
    assert (again, other) == (before[0]._replace(reason=again.reason), before[1])  # its number and its arrival stay


def test_a_dead_letter_that_is_understood_now_is_dead_no_longer(make_store: MakeStore) -> None:
    store = make_store()
    letters = [DeadLetter(0, "an older version did not know it", "queue", 0, body) for body in ABALONE]
    store.write(lambda tx: ledger.bury(tx, letters))
    numbers = [letter.id for letter in ledger.dead_letters(store)]
    assert redrive(store, numbers) == (29, 0)
    assert (ledger.dead_letters(store), digest(store)[0]) == ([], undisturbed(make_store, ABALONE))


def test_a_worker_that_reads_nothing_but_rubbish_stops_with_a_sentence_unless_its_limits_are_lifted(
    aws: str, tmp_path: Path
) -> None:
    store = sqlite_store(tmp_path / "store.db")
    queue = filled_queue(aws, [b"rubbish %d" % number for number in range(30)])
    with worker(queue, store, "--until-empty") as process:
        _, log = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert (
        log.rstrip()
        .splitlines()[-1]
        .endswith("or put all such messages aside with --max-dead-in-a-row 0 --max-dead-share 0")
    )
    assert left_in(aws, queue) == 30
    with worker(queue, store, "--until-empty", "--max-dead-in-a-row", "0", "--max-dead-share", "0") as process:
        _, log = process.communicate(timeout=PATIENCE)
    assert (process.returncode, left_in(aws, queue), len(ledger.dead_letters(store))) == (0, 0, 30)
