"""A new store made from another one's ledger: on either database, stopped and resumed, with its dead letters."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from bench.generate import events
from consumers.run.rebuild import LedgerPosition, LedgerSource, rebuild
from ingest.delivery import Delivery, Refused
from store.checkpoints import read_checkpoint
from store.database import Store
from store.digest import canonical
from store.ledger import events as ledger
from store.ledger.events import DeadLetter
from store.status import status
from tests.support.cli import Headwater
from tests.support.events import ABALONE, abalone, samples
from tests.support.stores import MakeStore, fed, settlements, sqlite_store

RUBBISH = (b"rubbish", b'{"detail-type": 7}')
EVERYTHING = (*abalone(), *samples().values(), *events(200, seed=5), *RUBBISH)


@pytest.fixture(autouse=True)
def _logs() -> Iterator[None]:
    yield
    structlog.reset_defaults()  # filling a store sets up logs for the process that it thinks is its own


@pytest.fixture
def original(tmp_path: Path) -> Iterator[Store]:
    """A SQLite store of all kinds of events and dead letters."""
    with sqlite_store(tmp_path / "original.db") as store:
        settlements(store, EVERYTHING, 50)
        yield store


Held = tuple[str, list[bytes], list[tuple[bytes, str, str]]]


def held(store: Store) -> Held:
    """All that a store holds, but for the times of arrival: its graph, its events and its dead letters."""
    letters = [(letter.body, letter.origin, letter.reason) for letter in ledger.dead_letters(store)]
    return canonical(store), list(ledger.events(store)), sorted(letters)


def unordered(original: Held) -> Held:
    return original[0], sorted(original[1]), original[2]


def test_a_rebuilt_store_holds_the_same_and_its_events_in_the_same_order(store: Store, original: Store) -> None:
    filled = rebuild(original, store, resume=False, batch_size=7, workers=1)

    assert held(store) == held(original)
    assert (filled.complete, filled.totals.events) == (True, len(held(original)[1]))
    assert sum(filled.totals.dead.values()) == len(held(original)[2]) > len(RUBBISH)


def test_it_goes_from_either_database_to_either_by_several_processes(
    store: Store, original: Store, make_store: MakeStore, tmp_path: Path
) -> None:
    with sqlite_store(tmp_path / "back.db") as back:
        rebuild(original, store, resume=False, batch_size=20, workers=2)
        rebuild(store, back, resume=False, batch_size=20, workers=2)

        assert unordered(held(store)) == unordered(held(back)) == unordered(held(original))


def test_dead_letters_that_are_understood_now_are_dead_no_longer(store: Store, tmp_path: Path) -> None:
    old, fresh = sqlite_store(tmp_path / "old.db"), fed(sqlite_store(tmp_path / "fresh.db"), abalone())
    letters = [DeadLetter(0, "an older version did not know it", "queue", 0, body) for body in abalone()[9:]]
    fed(old, abalone()[:9])
    old.write(lambda tx: ledger.bury(tx, letters))

    filled = rebuild(old, store, resume=False, batch_size=4, workers=1)

    assert (filled.totals.events, held(store)[0], held(store)[2]) == (29, canonical(fresh), [])
    old.close()
    fresh.close()


def test_a_batch_is_passed_only_when_all_before_it_were_acknowledged(original: Store) -> None:
    async def read() -> list[LedgerPosition | None]:
        source = LedgerSource(original, batch_size=30)
        await source.find()
        batches = []
        while batch := await source.read():
            batches.append(batch)
        after = []
        for batch in (batches[1], batches[0], *batches[2:]):
            await batch.ack()
            after.append(source.position)
        assert source.so_far() == (sum(ledger.newest(original)),) * 2
        return after

    first, second, *_, last = asyncio.run(read())

    numbers = [number for number, _ in ledger.event_page(original, 0, 60)]
    assert (first, second, last) == (None, LedgerPosition(numbers[59], 0), LedgerPosition(*ledger.newest(original)))


def test_reading_goes_on_behind_a_position(original: Store) -> None:
    async def read(start_at: LedgerPosition | None) -> list[Delivery]:
        source = LedgerSource(original, batch_size=7, start_at=start_at)
        found: list[Delivery] = []
        while batch := await source.read():
            found += batch.deliveries
        return found

    whole = asyncio.run(read(None))
    number, _ = ledger.event_page(original, 0, 10)[-1]
    last, letter = ledger.newest(original)

    assert [one.body for one in whole] == held(original)[1] + [letter.body for letter in ledger.dead_letters(original)]
    assert whole[0].origin == f"event 1 of {original}"
    assert asyncio.run(read(LedgerPosition(number, 0))) == whole[10:]
    assert asyncio.run(read(LedgerPosition(last, letter - 1))) == whole[-1:]


@pytest.mark.parametrize("workers", [1, 2])
def test_a_killed_rebuild_goes_on_where_it_was(
    make_store: MakeStore, original: Store, tmp_path: Path, workers: int
) -> None:
    settlements(original, list(events(3_000, seed=6)), 1_000)
    target = make_store()
    url = target.url.render_as_string(hide_password=False)
    words = ["rebuild", "--into", url, "--database-url", str(original), "--batch-size", "10", "--workers", str(workers)]
    rebuilding = subprocess.Popen(
        [sys.executable, "-m", "consumers.cli", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    name = f"the ledger of sqlite:///{tmp_path}/original.db"
    while read_checkpoint(target, name) is None:
        assert rebuilding.poll() is None, rebuilding.communicate()
        time.sleep(0.05)
    rebuilding.kill()
    rebuilding.communicate()
    assert list(status(target).readings) == [name]
    with pytest.raises(Refused, match="is not empty: name a new store, or go on with what was begun there by --resume"):
        rebuild(original, target, resume=False, batch_size=10, workers=1)

    filled = rebuild(original, target, resume=True, batch_size=500, workers=workers)

    assert 0 < filled.totals.events < len(held(original)[1])
    assert unordered(held(target)) == unordered(held(original))
    assert dict(status(target).readings) == {}


# ------------------------------------------------------------------------------------------------------- the command


def test_it_says_what_became_of_all_and_what_to_do_next(headwater: Headwater) -> None:
    headwater("replay", ABALONE)

    said = headwater("rebuild", "--into", "sqlite:///new.db")

    assert (said.code, said.err) == (0, "")
    first, last = said.out.splitlines()
    assert first.startswith("29 events in ")
    assert last == "to see whether both hold the same: headwater compare sqlite:///headwater.db sqlite:///new.db"
    assert headwater(*last.partition("headwater ")[2].split()).code == 0
    again = headwater("rebuild", "--into", "sqlite:///new.db", "--resume", "--json")
    assert again.err == "nothing to go on with: reading from the start\n"
    printed = json.loads(again.out)
    assert (printed["events"], printed["dead"], printed["complete"]) == (29, {}, True)


def test_ctrl_c_stops_in_order_and_status_shows_how_to_go_on(headwater: Headwater, tmp_path: Path) -> None:
    with sqlite_store(tmp_path / "headwater.db") as store:
        fed(store, list(events(3_000, seed=7)), 1_000)
    command = [sys.executable, "-m", "consumers.cli", "rebuild", "--into", "sqlite:///new.db", "--batch-size", "10"]
    rebuilding = subprocess.Popen(
        command, cwd=tmp_path, env=os.environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    with Store(f"sqlite:///{tmp_path}/new.db") as new:
        while not (tmp_path / "new.db").exists() or not _begun(new):
            assert rebuilding.poll() is None, rebuilding.communicate()
            time.sleep(0.05)
    rebuilding.send_signal(signal.SIGINT)
    out, err = rebuilding.communicate(timeout=60)

    assert (rebuilding.returncode, err) == (1, "")
    assert out.endswith("stopped before the end: the same command with --resume goes on there\n")
    (advice,) = [
        line
        for line in headwater("status", "--database-url", "sqlite:///new.db").out.splitlines()
        if "--resume" in line
    ]
    assert headwater(*advice.partition("headwater ")[2].split()).code == 0
    assert headwater("compare", "sqlite:///headwater.db", "sqlite:///new.db").code == 0


def _begun(store: Store) -> bool:
    try:
        return ledger.newest(store) != (0, 0)
    except Exception:  # noqa: BLE001  # it is being made
        return False


@pytest.mark.law
@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        ([], 2, "requires an argument"),
        (["--into", "sqlite:///original.db"], 2, "cannot be made from itself"),
        (["--into", "sqlite:///./link.db"], 2, "cannot be made from itself"),
        (["--into", "sqlite:///other.db"], 1, "sqlite:///other.db is not empty"),
        (["--into", "no-url"], 2, "not a database URL"),
        (["--into", "sqlite:///no/such/folder/x.db"], 2, "does not exist: create it"),
        (["--into", "sqlite:///old.txt"], 1, "not a database"),
        (["--into", "postgresql://nobody@127.0.0.1:1/x"], 1, "does not answer"),
        (["--into", "sqlite:///new.db", "--database-url", "sqlite:///none.db"], 1, "sqlite:///none.db does not exist"),
        (["--into", "sqlite:///new.db", "--database-url", "sqlite:///empty.db"], 1, "run headwater migrate"),
        (["--into", "sqlite:///new.db", "--batch-size", "0"], 2, "--batch-size must be from 1"),
        (["--into", "sqlite:///new.db", "--workers", "0"], 2, "--workers"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_input_gets_one_sentence(
    headwater: Headwater, tmp_path: Path, words: list[str], code: int, sentence: str
) -> None:
    (tmp_path / "old.txt").write_text("this is no database, but long enough to be looked at as one" * 20)
    (tmp_path / "empty.db").touch()
    for name in ("original", "other"):
        headwater("replay", ABALONE, "--database-url", f"sqlite:///{name}.db")
    (tmp_path / "link.db").symlink_to("original.db")
    given = [] if "--database-url" in words else ["--database-url", "sqlite:///original.db"]
    said = headwater("rebuild", *words, *given)
    assert (said.code, said.out) == (code, ""), said
    assert sentence in said.err
    assert said.err.startswith("headwater: ")
    assert len(said.err.strip().splitlines()) == 1, said.err
    assert not (tmp_path / "new.db").exists()
