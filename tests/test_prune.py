"""Old events leave the ledger; what is known and lineage stay, whatever comes afterwards."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select, update

from store.database import Store
from store.digest import digest
from store.ledger import events, partitions
from store.ledger.prune import Prunable, prunable, prune
from store.migrate import migrate
from store.tables import ledger as table
from tests.support.cli import Headwater
from tests.support.events import NOON, abalone, event
from tests.support.stores import MakeStore, fed

DAY = 86_400_000
MONTH = 30 * DAY
DECEMBER = int(datetime(2023, 12, 1, tzinfo=UTC).timestamp()) * 1000


def job(name: str, moment: int | None, status: str = "Completed", **more: object) -> bytes:
    """An event of that time about a job of that name."""
    detail = {"TrainingJobName": name, "TrainingJobStatus": status, "CreationTime": NOON, **more}
    return event("Training Job State Change", detail, time=moment)


OLD = [
    job("a", NOON, "InProgress", HyperParameters={"eta": "0.1"}),
    event(
        "Notebook Instance State Change", {"NotebookInstanceStatus": "InService"}, time=NOON + 1
    ),  # which has no rule
    job("a", DECEMBER - 1, LastModifiedTime=DECEMBER - 1),
]
EDGE = job("b", DECEMBER + 1)
YOUNG = [job("b", DECEMBER + DAY), job("c", DECEMBER + MONTH)]


def test_what_would_go_is_said_and_nothing_goes(store: Store, backend: str) -> None:
    fed(store, [*OLD, EDGE, *YOUNG])

    found = prunable(store, DECEMBER + 2)

    # A database of the tests may have tables of earlier months, which are empty.
    tables = ("ledger_2023_11",) if backend == "postgresql" else ()
    assert found == Prunable(DECEMBER + 2, 4, 1, NOON, DECEMBER + 1, found.tables, found.bytes)
    assert found.tables[-1:] == tables
    assert (found.bytes > 0) == (backend == "postgresql")
    assert len(list(events.events(store))) == 6


def test_lineage_stays_and_what_comes_afterwards_still_joins_what_is_known(make_store: MakeStore) -> None:
    more = [*abalone(), job("a", DECEMBER + 2 * MONTH, Tags={"team": "a"}, LastModifiedTime=DECEMBER + 2 * MONTH)]
    store, undisturbed = fed(make_store(), [*OLD, EDGE, *YOUNG]), fed(make_store(), [*OLD, EDGE, *YOUNG])
    before = digest(store)

    assert prune(store, DECEMBER + 2) == 4

    assert list(events.events(store)) == YOUNG
    assert digest(store) == before
    assert digest(fed(store, [*more, *OLD])) == digest(fed(undisturbed, more))
    assert prunable(store, NOON - 1000 * DAY).events == 0


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
def test_whole_months_go_as_tables_and_those_that_are_left_stay(make_empty: MakeStore) -> None:
    store = make_empty()
    migrate(store)
    fed(store, [*OLD, EDGE, *YOUNG])

    prune(store, DECEMBER + 2)

    assert [one.name for one in store.raw(partitions.partitions)] == ["ledger_2023_12"]


def test_an_event_without_a_time_is_as_old_as_its_arrival(store: Store) -> None:
    fed(store, [job("a", None), job("b", None)])
    first, second = events.events(store)
    number = select(func.min(table.c.id)).scalar_subquery()
    store.write(lambda tx: tx.connection.execute(update(table).where(table.c.id == number).values(received=NOON)))

    assert prune(store, NOON + DAY) == 1
    assert (first != second, list(events.events(store))) == (True, [second])


def test_workers_go_on_while_old_events_are_taken_out(make_store: MakeStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("store.ledger.prune.PAGE", 5)
    old = [job(f"old-{number}", NOON + number * DAY) for number in range(120)]
    store = fed(make_store(), old)
    with Store(store.url) as other:
        working = threading.Thread(target=fed, args=(other, abalone(), 2))
        working.start()
        gone = prune(store, NOON + 1000 * DAY)
        working.join()

    gone += prune(store, NOON + 1000 * DAY)
    assert gone == len(old) + len(abalone())
    assert digest(store) == digest(fed(make_store(), [*old, *abalone()]))


def test_prune_on_the_command_line_says_what_it_would_do_and_does_it_with_yes(headwater: Headwater) -> None:
    with Store("sqlite:///headwater.db") as store:
        migrate(store)
        fed(store, [*OLD, EDGE])

    says = headwater("prune", "--ledger-older-than", "2023-12-01")
    assert (says.code, says.err) == (0, "")
    assert says.out.splitlines() == [
        "3 events, of 2023-11-14 to 2023-11-30, would be removed",
        "1 of them have no rule yet: a later rule could not use them",
        "nothing is removed yet: keep a copy with headwater export, then give --yes",
    ]
    did = headwater("prune", "--ledger-older-than", "2023-12-01", "--yes")
    assert did.out == "removed 3 events from the ledger of sqlite:///headwater.db\n"
    assert json.loads(headwater("prune", "--ledger-older-than", "1d", "--json").out)["prunable"]["events"] == 1
    assert headwater("prune", "--ledger-older-than", "2023-12-01").out == (
        "the ledger of sqlite:///headwater.db holds no events before 2023-12-01: nothing to remove\n"
    )


@pytest.mark.parametrize("said", ["400", "0d", "soon", "2999-01-01", "99999d"])
def test_an_age_that_is_none_is_refused_in_one_sentence(said: str, headwater: Headwater) -> None:
    refused = headwater("prune", "--ledger-older-than", said)

    assert (refused.code, refused.out, refused.err.count("\n")) == (2, "", 1)
    assert repr(said) in refused.err
