"""The schema that migrations make is the one that the code is written for, and a store says when it is not."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, inspect, text, update
from sqlalchemy import table as named_table
from sqlalchemy.event import listens_for
from sqlalchemy.sql import column

from bench.generate import events
from consumers.catch_up import catch_up
from consumers.handle import handle
from ingest.delivery import Delivery
from ingest.event import decode
from store import tables
from store.checkpoints import read_checkpoint, save_checkpoint
from store.database import Store, Unavailable, Unusable
from store.digest import digest
from store.ledger import events as ledger
from store.ledger.events import Entry
from store.ledger.partitions import BEFORE, DEFAULT, beginning, partitions, this_month
from store.migrate import check, current, migrate, newest
from tests.support.events import ACCOUNT, NOON, PARTITION, REGION, abalone, event
from tests.support.stores import MakeStore, fed

# SQLAlchemy cannot read these out of SQLite: they are compared by their SQL, below.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Skipped unsupported reflection of expression-based index"),
    pytest.mark.filterwarnings("ignore:autogenerate skipping metadata-specified expression-based index"),
]


def difference(connection: Connection) -> list[object]:
    parts = {one.name for one in partitions(connection)} | {DEFAULT} if connection.dialect.name == "postgresql" else {}

    def ours(name: str | None, sort: str, _parents: object) -> bool:
        return sort != "table" or name not in parts  # made as time goes by: the code speaks of the ledger alone

    options = {"compare_type": True, "compare_server_default": True, "include_name": ours}
    return list(compare_metadata(MigrationContext.configure(connection, opts=options), tables.metadata))


def test_migrations_end_in_the_schema_that_the_code_is_written_for(make_empty: MakeStore) -> None:
    store = make_empty()

    assert migrate(store) == (None, newest())
    assert store.raw(difference) == []
    assert current(store) == newest()
    check(store)


def test_migrated_tables_have_the_comments_and_conditions_of_those_in_the_code(
    make_empty: MakeStore,
) -> None:
    migrated, made = make_empty(), make_empty()
    migrate(migrated)
    made.raw(tables.metadata.create_all)

    def described(connection: Connection) -> dict[str, object]:
        found = inspect(connection)
        by_expression = (
            "SELECT sql FROM sqlite_master WHERE type = 'index' AND (sql LIKE '%CASE%' OR sql LIKE '%lower%')"
        )
        return {
            "by expression": sorted(connection.scalars(text(by_expression))) if migrated.sqlite else [],
        } | {
            table: {
                "columns": [
                    {key: str(value) for key, value in one.items() if key != "autoincrement"}
                    for one in found.get_columns(table)
                ],
                "indexes": sorted(
                    (
                        str(one["name"]),
                        str(one["column_names"]),
                        *(f"{option} {value}" for option, value in one.get("dialect_options", {}).items()),
                    )
                    for one in found.get_indexes(table)
                ),
                "foreign keys": sorted(str(one) for one in found.get_foreign_keys(table)),
                "primary key": found.get_pk_constraint(table),
                "unique": sorted(str(one) for one in found.get_unique_constraints(table)),
                "comment": found.get_table_comment(table) if found.dialect.supports_comments else None,
            }
            for table in tables.metadata.tables
        }

    assert migrated.raw(described) == made.raw(described)


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_tables_are_without_row_ids_where_the_code_says_so(store: Store) -> None:
    without = {
        name for name, table in tables.metadata.tables.items() if table.dialect_options["sqlite"]["with_rowid"] is False
    }

    def made(connection: Connection) -> set[str]:
        found = connection.execute(text("SELECT name FROM sqlite_master WHERE sql LIKE '%WITHOUT ROWID%'"))
        return set(found.scalars())

    assert without
    assert store.raw(made) == without


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
def test_texts_compare_by_code_point(store: Store) -> None:

    def otherwise(connection: Connection) -> list[str]:
        found = connection.execute(
            text(
                "SELECT table_name || '.' || column_name FROM information_schema.columns"
                " WHERE table_schema = 'public' AND table_name <> 'alembic_version'"
                " AND data_type = 'text' AND collation_name IS DISTINCT FROM 'C'"
            )
        )
        return list(found.scalars())

    assert store.raw(otherwise) == []


def test_migrating_twice_does_no_harm(store: Store) -> None:
    before = digest(fed(store, abalone()))

    assert migrate(store) == (newest(), newest())
    assert digest(store) == before


def migrate_there(url: str) -> str:
    store = Store(url)
    try:
        return migrate(store)[1]
    finally:
        store.close()


def test_two_processes_may_migrate_at_once(make_empty: MakeStore) -> None:
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        assert list(pool.map(abs, (1, 2), chunksize=1)) == [1, 2]  # both are there
        for _ in range(5):
            store = make_empty()
            url = store.url.render_as_string(hide_password=False)

            assert list(pool.map(migrate_there, (url, url), chunksize=1)) == [newest(), newest()]
            assert store.raw(difference) == []
            check(store)


def test_a_store_of_a_newer_schema_is_refused_in_one_sentence(make_empty: MakeStore) -> None:
    store = make_empty()
    migrate(store)
    version = named_table("alembic_version", column("version_num"))
    store.raw(lambda connection: connection.execute(update(version).values(version_num="9999")))
    sentence = f"{store} is at schema 9999, which is newer than this Headwater knows ({newest()}): upgrade Headwater"

    for use in (check, migrate):
        with pytest.raises(Unusable) as refused:
            use(store)
        assert str(refused.value) == sentence


def test_a_store_without_a_schema_is_refused_in_one_sentence(make_empty: MakeStore) -> None:
    store = make_empty()
    sentence = f"{store} holds no Headwater store yet: run headwater migrate"

    for use in (check, digest, lambda store: fed(store, abalone())):
        with pytest.raises(Unusable) as refused:
            use(store)
        assert str(refused.value) == sentence
        assert current(store) is None


# -------------------------------------------------------------------------------------------------- one migration apart

EVENTS = [*abalone(), *events(120)]
HALF = len(EVENTS) // 2


def noted(store: Store, bodies: Sequence[bytes]) -> None:
    """What a worker of the first schema did that all later ones rely on: put events into the ledger."""
    for one in map(decode, bodies):
        entry = Entry(one.key(), one.kind, None, one.time or 0, "kept", one.body)
        store.write(partial(ledger.record, entries=[entry], received=NOON))


def test_a_worker_goes_on_while_its_store_comes_to_the_newest_schema(
    make_empty: MakeStore, make_store: MakeStore
) -> None:
    store = make_empty()
    assert migrate(store, to="0001") == (None, "0001")
    noted(store, EVENTS[:HALF])

    with Store(store.url) as other:
        assert migrate(other) == ("0001", newest())
    fed(store, EVENTS[HALF - 20 :], 20)  # some of them for the second time
    catch_up(store)

    assert digest(store) == digest(fed(make_store(), EVENTS))
    assert list(ledger.events(store)) == EVENTS
    if not store.sqlite:
        assert kept_in(store) == {BEFORE: len(EVENTS)}  # all of them are of months before the migration


MEASURED = json.dumps(
    {
        "detail-type": "Headwater Call",
        "account": ACCOUNT,
        "region": REGION,
        "time": NOON,
        "resources": [f"{PARTITION}experiment-trial-component/c"],
        "detail": {
            "Operation": "BatchPutMetrics",
            "Request": {
                "Put": NOON * 1000,
                "MetricData": [{"MetricName": "loss", "Timestamp": NOON + n, "Value": n / 8} for n in range(3)],
            },
            "Time": NOON,
        },
    }
).encode()


BEFORE_0006 = {"metric_point": "measurement", "describe_request": "question", "checkpoint": "reading"}


def rows_of(store: Store, called: Mapping[str, str]) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of a store, by the tables' names of today.

    Args:
        store: At any schema.
        called: How tables are called there, where it is otherwise.
    """

    def read(connection: Connection) -> dict[str, list[tuple[Any, ...]]]:
        found = {
            name: connection.execute(text(f"SELECT * FROM {called.get(name, name)}")).all()
            for name in tables.metadata.tables
        }
        return {name: sorted((tuple(row) for row in rows), key=repr) for name, rows in found.items()}

    return store.raw(read)


def test_names_of_tables_and_columns_change_and_every_row_stays(make_empty: MakeStore, make_store: MakeStore) -> None:
    today = fed(make_store(), [*EVENTS, MEASURED])
    assert handle([Delivery(b"not json", "here")], today).dead
    save_checkpoint(today, "archive", "here")
    rows = rows_of(today, {})
    assert [name for name, found in rows.items() if not found] == []

    store = make_empty()
    assert migrate(store, to="0005") == (None, "0005")

    def put(connection: Connection) -> None:  # columns are in the same order, whatever they are called
        connection.execute(text("DELETE FROM dictionary"))
        for table in tables.metadata.sorted_tables:
            name = BEFORE_0006.get(table.name, table.name)
            slots = ", ".join(f":v{at}" for at in range(len(table.columns)))
            connection.execute(
                text(f"INSERT INTO {name} VALUES ({slots})"),
                [{f"v{at}": value for at, value in enumerate(row)} for row in rows[table.name]],
            )
            if not store.sqlite and "id" in table.columns:  # PostgreSQL's next id does not follow from those in use
                connection.execute(
                    text(f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), (SELECT max(id) FROM {name}))")
                )

    store.raw(put)
    with pytest.raises(Unusable, match="run headwater migrate"):
        check(store)
    assert rows_of(store, BEFORE_0006) == rows

    assert migrate(store) == ("0005", newest())

    assert rows_of(store, {}) == rows
    assert store.raw(difference) == []
    assert digest(store) == digest(today)
    assert (catch_up(store), read_checkpoint(store, "archive")) == (0, "here")
    assert len(handle([Delivery(b"not json", "there"), Delivery(b"not json either", "there")], store).dead) == 2
    letters = [(one.body, one.origin) for one in ledger.dead_letters(store)]
    assert letters == [(b"not json", "here"), (b"not json either", "there")]  # the same bytes are the same dead letter


def migrate_and_die(url: str) -> None:
    """Migrate a store in a process that is killed after it has made other tables, and before it has said so."""
    store = Store(url)

    @listens_for(store.engine, "after_cursor_execute")
    def die(_connection: object, _cursor: object, executed: str, *_: object) -> None:
        if executed.startswith("ALTER TABLE resource RENAME COLUMN"):
            os.kill(os.getpid(), signal.SIGKILL)

    migrate(store)


def test_a_migration_that_is_killed_halfway_changes_nothing_and_is_done_by_the_next(
    make_empty: MakeStore, make_store: MakeStore
) -> None:
    store = make_empty()
    migrate(store, to="0001")
    noted(store, EVENTS[:40])
    migrate(store, to="0005")
    url = store.url.render_as_string(hide_password=False)

    process = get_context("spawn").Process(target=migrate_and_die, args=(url,))
    process.start()
    process.join()

    assert (process.exitcode, current(store)) == (-signal.SIGKILL, "0005")
    assert migrate(store, waiting=lambda _: None) == ("0005", newest())
    assert store.raw(difference) == []
    catch_up(store)
    assert digest(store) == digest(fed(make_store(), EVENTS[:40]))


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
def test_events_from_clocks_in_the_future_do_not_keep_months_from_being_split(make_empty: MakeStore) -> None:
    store = make_empty()
    migrate(store, to="0001")
    ahead = event("Training Job State Change", {"TrainingJobName": "a", "CreationTime": NOON}, time=4_102_444_800_000)
    noted(store, [*abalone(), ahead])

    migrate(store)

    assert kept_in(store) == {BEFORE: len(abalone()), DEFAULT: 1}
    [before] = store.raw(partitions)
    assert before.until == beginning(this_month() + 2)
    assert list(ledger.events(store)) == [*abalone(), ahead]


def work_there(url: str, bodies: Sequence[bytes]) -> None:
    with Store(url) as store:
        noted(store, bodies)


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
def test_nothing_is_lost_or_stuck_when_another_process_writes_during_a_migration(
    make_empty: MakeStore, make_store: MakeStore
) -> None:
    store = make_empty()
    migrate(store, to="0001")
    noted(store, EVENTS[:5])
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        working = pool.submit(work_there, store.url.render_as_string(hide_password=False), EVENTS)
        while len(list(ledger.events(store))) < 20 and not working.done():
            pass

        assert migrate(store) == ("0001", newest())

        working.result()

    catch_up(store)
    assert digest(store) == digest(fed(make_store(), EVENTS))
    assert sorted(ledger.events(store)) == sorted(EVENTS)


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
@pytest.mark.parametrize(("at", "table"), [("0001", "resource"), ("0005", "question"), ("0005", "dead_letter")])
def test_a_migration_says_what_it_waits_for(
    at: str, table: str, make_empty: MakeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("store.migrate._TRY_SECONDS", 0.05)
    store = make_empty()
    migrate(store, to=at)
    said: list[str] = []
    with Store(store.url) as other, other.engine.connect() as holder:
        [number] = holder.execute(text("SELECT pg_backend_pid()")).scalars()
        holder.execute(text(f"LOCK TABLE {table} IN ROW EXCLUSIVE MODE"))
        holding = f"process {number} (headwater, idle in transaction, its transaction began N s ago)"
        who = f"the migration of {store} waits for {holding}"

        with pytest.raises(Unavailable) as stuck:
            migrate(store, patience=0)
        assert (
            re.sub(r"\d+ s ago", "N s ago", str(stuck.value))
            == f"{who}: stop what keeps it, and run headwater migrate again"
        )

        def let_go(sentence: str) -> None:
            said.append(re.sub(r"\d+ s ago", "N s ago", sentence))
            holder.rollback()

        assert migrate(store, waiting=let_go) == (at, newest())
    assert said == [who]


def kept_in(store: Store) -> dict[str, int]:
    """How many events are in which part of the ledger."""
    asked = text("SELECT tableoid::regclass::text, count(*) FROM ledger GROUP BY 1 ORDER BY 1")
    return dict(store.raw(lambda connection: [(str(one), number) for one, number in connection.execute(asked)]))
