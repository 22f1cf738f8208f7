"""PostgreSQL keeps each month of the ledger in a table of its own, and nothing is lost or held up when it cannot."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from math import inf

import pytest
from sqlalchemy import Connection, text

from store.database import Store
from store.digest import digest
from store.ledger import events, partitions
from store.migrate import migrate
from tests.support.events import NOON, abalone, event
from tests.support.stores import MakeStore, fed

pytestmark = pytest.mark.parametrize("backend", ["postgresql"], indirect=True)

DAY = 86_400_000


@pytest.fixture
def store(make_empty: MakeStore) -> Store:
    """A store that has no months yet."""
    store = make_empty()
    migrate(store)
    return store


def job(name: str, moment: int | None) -> bytes:
    """An event of that time about a job of that name."""
    detail = {"TrainingJobName": name, "TrainingJobStatus": "Completed", "CreationTime": NOON}
    return event("Training Job State Change", detail, time=moment)


def kept_in(store: Store) -> dict[str, int]:
    """How many events are in which part of the ledger, but for parts that are empty."""

    def look(connection: Connection) -> dict[str, int]:
        found = connection.execute(text("SELECT tableoid::regclass::text, count(*) FROM ledger GROUP BY 1 ORDER BY 1"))
        return {str(table): number for table, number in found}

    return store.raw(look, writes=False)


def tables(store: Store) -> list[str]:
    return [one.name for one in store.raw(partitions.partitions, writes=False)]


def test_each_months_events_lie_in_a_table_of_their_own(store: Store) -> None:
    fed(store, [job("a", NOON), job("a", NOON + 30 * DAY), job("b", NOON + 31 * DAY)])

    assert kept_in(store) == {"ledger_2023_11": 1, "ledger_2023_12": 2}
    fed(store, [job("a", NOON), job("b", NOON + 31 * DAY)])
    assert kept_in(store) == {"ledger_2023_11": 1, "ledger_2023_12": 2}
    assert list(events.events(store)) == [job("a", NOON), job("a", NOON + 30 * DAY), job("b", NOON + 31 * DAY)]


def test_next_months_table_is_made_before_the_month_begins(store: Store) -> None:
    fed(store, [job("a", int(datetime.now(UTC).timestamp() * 1000))])

    this = partitions.this_month()
    assert tables(store) == [f"ledger_{month // 12}_{month % 12 + 1:02}" for month in (this, this + 1)]


@pytest.mark.parametrize("moment", [None, 1_000_000_000_000, 4_102_444_800_000], ids=["none", "2001", "2100"])
def test_an_impossible_time_gets_no_table(moment: int | None, store: Store) -> None:
    fed(store, [job("a", moment)])

    assert (kept_in(store), tables(store)) == ({"ledger_default": 1}, [])


def test_a_month_that_began_in_the_default_partition_stays_there(store: Store) -> None:
    store.months[2023 * 12 + 10] = inf  # as a worker that knows nothing of months
    fed(store, [job("a", NOON)])

    with Store(store.url) as new:
        fed(new, [job("a", NOON), job("b", NOON + 1), job("c", NOON + 30 * DAY)])

    assert kept_in(store) == {"ledger_2023_12": 1, "ledger_default": 2}


def test_many_workers_may_bring_the_first_events_of_many_months(store: Store, make_store: MakeStore) -> None:
    shares = [[job(f"job-{month}", NOON + (month * 30 + worker) * DAY) for month in range(12)] for worker in range(4)]
    ready = threading.Barrier(len(shares))

    def work(share: Sequence[bytes]) -> None:
        with Store(store.url) as mine:
            ready.wait(120)
            fed(mine, share, 3)

    with ThreadPoolExecutor(len(shares)) as pool:
        list(pool.map(work, shares))

    everything = [body for share in shares for body in share]
    assert sorted(events.events(store)) == sorted(everything)
    assert "ledger_default" not in kept_in(store)
    assert digest(store) == digest(fed(make_store(), everything))


def test_a_reader_of_hours_holds_up_no_event(store: Store) -> None:
    with store.engine.connect() as backup, backup.begin():
        backup.execute(text("LOCK TABLE ledger IN ACCESS SHARE MODE"))

        fed(store, [job("a", NOON)])

        assert kept_in(store) == {"ledger_default": 1}


def test_a_worker_that_may_make_no_tables_keeps_its_events(store: Store) -> None:

    def restrict(connection: Connection) -> None:
        for statement in (
            "DO $$ BEGIN CREATE ROLE headwater_worker LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$",
            "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO headwater_worker",
            "GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO headwater_worker",
        ):
            connection.execute(text(statement))

    store.raw(restrict)
    with Store(store.url.set(username="headwater_worker")) as worker:
        fed(worker, abalone())

    assert kept_in(store) == {"ledger_default": len(abalone())}
