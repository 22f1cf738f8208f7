"""Several processes on one store: the same graph as one process makes, and nothing lost when one of them is."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest
import structlog
from sqlalchemy import create_engine

from bench.generate import events
from consumers.run.fill import fill
from consumers.run.worker import Totals
from consumers.run.worker_pool import WorkerDied, WorkerPool, work_in_parallel
from ingest.archive import ArchiveSource
from ingest.delivery import Batch
from store.checkpoints import read_checkpoint
from store.database import Store, Unavailable
from store.digest import canonical
from store.ledger import events as ledger
from tests.support.cli import Headwater
from tests.support.events import abalone, samples
from tests.support.fakes import MemoryQueue
from tests.support.stores import MakeStore, sqlite_store

RUBBISH = (b"rubbish", b'{"detail-type": 7}', b"\xff\xfe", b"[1, 2", b'{"detail-type": "x"}')
EVERYTHING = (*abalone(), *samples().values(), *events(300, seed=5), *RUBBISH)


@pytest.fixture(autouse=True)
def _logs() -> Iterator[None]:
    yield
    structlog.reset_defaults()  # filling a store sets up logs for the process that it thinks is its own


def archive(folder: Path, bodies: tuple[bytes, ...] = EVERYTHING) -> Path:
    """A file with these messages, one a line."""
    path = folder / "archive.jsonl"
    path.write_bytes(b"\n".join(body.replace(b"\n", b" ") for body in bodies))
    return path


def replayed(store: Store, path: Path, workers: int, batch_size: int = 7) -> Totals:
    """What became of an archive that several processes replayed into a store."""
    source = ArchiveSource(str(path), batch_size=batch_size)
    filled = fill(source, store, "archive", workers, lambda: (source.bytes_read, source.total_bytes))
    assert (filled.complete, read_checkpoint(store, "archive")) == (True, None)
    return filled.totals


def held(store: Store) -> tuple[str, list[bytes], list[tuple[bytes, str, str]]]:
    """All that a store holds: its graph, its events and its dead letters."""
    letters = [(letter.body, letter.origin, letter.reason) for letter in ledger.dead_letters(store)]
    return canonical(store), sorted(ledger.events(store)), sorted(letters)


def test_three_processes_end_in_the_same_store_as_one(make_store: MakeStore, tmp_path: Path) -> None:
    path = archive(tmp_path)
    alone, together = make_store(), make_store()

    one, three = replayed(alone, path, 1), replayed(together, path, 3)

    assert (three.events, three.kept, three.dead, three.failed) == (one.events, one.kept, one.dead, 0)
    assert sum(three.dead.values()) > len(RUBBISH) - 1
    assert held(together) == held(alone)


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_one_batch_more_is_in_hand_than_there_are_processes(store: Store) -> None:
    class Watched(MemoryQueue):
        most = 0

        async def read(self) -> Batch | None:
            batch = await super().read()
            self.most = max(self.most, len(self._in_hand))
            if batch and not batch.deliveries:
                await self.aclose()
                return None
            return batch

    async def settled() -> None:
        pass

    queue = Watched(*events(300, seed=6), batch_size=5)
    totals = Totals()
    with WorkerPool(store, 2) as crew:
        asyncio.run(work_in_parallel(queue, store, asyncio.Event(), crew, totals=totals, settled=settled))

    assert (totals.events, queue.most) == (300, 2 + 1)


def test_when_a_process_is_killed_what_it_had_in_hand_was_not_acknowledged(
    make_store: MakeStore, tmp_path: Path
) -> None:
    path = archive(tmp_path)
    store, alone = make_store(), make_store()
    source = ArchiveSource(str(path), batch_size=7)

    killed: list[BaseProcess] = []

    async def kill() -> None:
        if source.position and not killed:
            killed.append(multiprocessing.active_children()[0])
            killed[0].kill()

    async def interrupted() -> None:
        with WorkerPool(store, 2) as crew:
            await work_in_parallel(source, store, asyncio.Event(), crew, totals=Totals(), settled=kill)

    with pytest.raises(WorkerDied, match=r"was killed by SIGKILL.*nothing is lost.*--resume"):
        asyncio.run(interrupted())
    assert source.position
    rest = ArchiveSource(str(path), batch_size=7, start_at=source.position)
    totals = fill(rest, store, "archive", 2, lambda: (0, None)).totals

    assert totals.events + sum(totals.dead.values()) == len(EVERYTHING) - source.position.events
    replayed(alone, path, 1)
    assert held(store) == held(alone)


def test_a_killed_process_gives_one_sentence_and_the_next_replay_goes_on(headwater: Headwater, tmp_path: Path) -> None:
    path = archive(tmp_path, tuple(events(400, seed=7)))

    def kill() -> None:
        while not (children := multiprocessing.active_children()):
            time.sleep(0.01)
        children[0].kill()

    killing = threading.Thread(target=kill)
    killing.start()
    said = headwater("replay", path, "--workers", "2", "--batch-size", "7")
    killing.join()

    assert (said.code, said.out, len(said.err.strip().splitlines())) == (1, "", 1), said.err
    assert said.err.startswith("headwater: a worker process was killed by SIGKILL")
    assert json.loads(headwater("replay", path, "--resume", "--workers", "2", "--json").out)["complete"]
    assert "400 events in the ledger" in headwater("status").out


def test_a_store_that_does_not_answer_ends_it_and_nothing_is_acknowledged(tmp_path: Path) -> None:
    store = Store(sqlite_store(tmp_path / "store.db").url, busy_seconds=0.1)
    source = ArchiveSource(str(archive(tmp_path)), batch_size=7)

    async def settled() -> None:
        pass

    async def work() -> None:
        with WorkerPool(store, 2) as crew:
            await work_in_parallel(source, store, asyncio.Event(), crew, totals=Totals(), settled=settled)

    holder = create_engine(store.url)
    with holder.connect() as connection:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable, match="locked"):
            asyncio.run(work())
    holder.dispose()

    assert (source.position, list(ledger.events(store))) == (None, [])
    store.close()


def begun(path: Path, folder: Path) -> subprocess.Popen[bytes]:
    """A replay by two processes, all of them in a group of their own, that has come somewhere."""
    command = [
        sys.executable,
        "-m",
        "consumers.cli",
        "replay",
        str(path),
        "--workers",
        "2",
        "--batch-size",
        "20",
        "--json",
    ]
    replaying = subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    )
    with Store(f"sqlite:///{folder}/headwater.db") as store:
        while not (folder / "headwater.db").exists() or not _holds_events(store):
            assert replaying.poll() is None, replaying.communicate()
            time.sleep(0.05)
    return replaying


def _holds_events(store: Store) -> bool:
    try:
        return next(ledger.events(store), None) is not None
    except Exception:  # noqa: BLE001  # it is being made
        return False


def ended(group: int) -> bool:
    """True as soon as no process of a group is left; False if some are after a while."""
    for _ in range(600):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_all_of_them_stops_in_order_and_the_next_replay_goes_on(
    headwater: Headwater, tmp_path: Path, number: signal.Signals
) -> None:
    path = archive(tmp_path, tuple(events(8_000, seed=8)))
    replaying = begun(path, tmp_path)

    os.killpg(replaying.pid, number)
    out, err = replaying.communicate(timeout=60)

    assert (replaying.returncode, err) == (1, b"")
    first = json.loads(out)
    assert not first["complete"]
    assert ended(replaying.pid)
    second = json.loads(headwater("replay", path, "--resume", "--workers", "2", "--json").out)
    assert (first["events"] + second["events"], second["complete"]) == (8_000, True)


def test_when_the_first_process_is_killed_the_others_end_too(tmp_path: Path) -> None:
    replaying = begun(archive(tmp_path, tuple(events(8_000, seed=9))), tmp_path)

    replaying.kill()
    replaying.communicate(timeout=60)

    assert ended(replaying.pid)


@pytest.mark.parametrize("workers", ["0", "65", "many"])
def test_a_number_of_processes_that_makes_no_sense_is_refused(headwater: Headwater, workers: str) -> None:
    said = headwater("replay", "-", "--workers", workers)

    assert (said.code, said.out, len(said.err.strip().splitlines())) == (2, "", 1)
    assert workers in said.err
