"""Stores to test with: SQLite files, and databases of a PostgreSQL server that is this run's own.

`conftest.py` makes the fixtures known to all tests. The server is started once, when the first test asks for it.
"""

from __future__ import annotations

import atexit
import itertools
import json
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Literal

import pytest
from sqlalchemy import create_engine, delete, make_url, text
from sqlalchemy.engine import URL

from consumers.handle import Settlement, handle
from ingest.delivery import Delivery
from store import tables
from store.database import Store, Transaction
from store.ledger import events as ledger
from store.migrate import migrate
from tests.support.postgres_server import new_server

Backend = Literal["sqlite", "postgresql"]
BACKENDS: tuple[Backend, ...] = ("sqlite", "postgresql")
MakeStore = Callable[[], Store]

_numbers = itertools.count(1)


def sqlite_store(path: Path) -> Store:
    """A migrated empty store in a file that is not there yet."""
    shutil.copyfile(_migrated_file(), path)
    return Store(f"sqlite:///{path}")


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> Backend:
    """Which database a test runs on: it runs on both."""
    found: Backend = request.param
    return found


@pytest.fixture
def make_empty(backend: Backend, tmp_path: Path) -> Iterator[MakeStore]:
    """Makes databases without any schema, gone after the test."""
    with ExitStack() as leaving:

        def make() -> Store:
            if backend == "sqlite":
                store = Store(f"sqlite:///{tmp_path}/{next(_numbers)}.db")
            else:
                url = _new_database()
                leaving.callback(_drop_database, url)
                store = Store(url)
            leaving.callback(store.close)
            return store

        yield make


@pytest.fixture
def make_store(backend: Backend, tmp_path: Path) -> Iterator[MakeStore]:
    """Makes migrated empty stores, gone after the test."""
    with ExitStack() as leaving:

        def make() -> Store:
            if backend == "sqlite":
                store = sqlite_store(tmp_path / f"{next(_numbers)}.db")
                leaving.callback(store.close)
            else:
                store = Store(_spare.pop() if _spare else _new_database(_migrated_database()))
                leaving.callback(_give_back, store)
            return store

        yield make


@pytest.fixture
def store(make_store: MakeStore) -> Store:
    """A migrated empty store, on both databases in turn."""
    return make_store()


def emptied(store: Store) -> Store:
    """The store with nothing in it: faster than another one."""

    def clear(tx: Transaction) -> None:
        gone = [table for table in reversed(tables.metadata.sorted_tables) if table is not tables.dictionary]
        if tx.exclusive:
            for table in gone:
                tx.connection.execute(delete(table))
        else:
            names = ", ".join(table.name for table in gone)
            tx.connection.execute(text(f"TRUNCATE {names} RESTART IDENTITY"))

    store.write(clear)
    return store


def fed(store: Store, bodies: Sequence[bytes], batch_size: int | None = None) -> Store:
    """The store, after these messages came in batches; each of them was understood."""
    for settled in settlements(store, bodies, batch_size):
        assert (list(settled.dead), settled.failed) == ([], 0)
    return store


def settlements(store: Store, bodies: Sequence[bytes], batch_size: int | None = None) -> list[Settlement]:
    """What became of these messages when they came in batches."""
    size = batch_size or len(bodies) or 1
    deliveries = [Delivery(body, f"message {number}") for number, body in enumerate(bodies)]
    return [handle(deliveries[at : at + size], store) for at in range(0, len(deliveries), size)]


def asked(store: Store) -> Counter[tuple[str, str]]:
    """What the ledger holds answers of: resource and operation."""
    events = map(json.loads, ledger.events(store))
    return Counter((event["resources"][0], event["detail"]["Operation"]) for event in events)


# ---------------------------------------------------------------------------------------------------------- PostgreSQL


@cache
def postgres() -> URL:
    """Where a PostgreSQL server is on which databases can be made, as a superuser's URL."""
    if given := os.environ.get("HEADWATER_TEST_POSTGRES_URL"):
        return make_url(given).set(drivername="postgresql+psycopg")
    url = make_url(new_server("headwater-postgresql-").get_uri()).set(drivername="postgresql+psycopg")
    # Nothing here has to survive a loss of power.
    for setting in ("fsync", "synchronous_commit", "full_page_writes"):
        _execute(url, f"ALTER SYSTEM SET {setting} = off")
    _execute(url, "SELECT pg_reload_conf()")
    return url


_spare: list[URL] = []
"""Migrated empty databases: emptying one takes a tenth of the time that making one does."""


def _give_back(store: Store) -> None:
    emptied(store).close()
    _spare.append(store.url)


@cache
def _migrated_database() -> str:
    """The name of a database that others are copied from."""
    url = _new_database()
    store = Store(url)
    migrate(store)
    store.close()
    return str(url.database)


def _new_database(template: str = "template1") -> URL:
    """A database that is dropped when Python ends, if not before."""
    url = postgres().set(database=f"headwater_test_{os.getpid()}_{next(_numbers)}")
    _execute(postgres(), f"CREATE DATABASE {url.database} TEMPLATE {template}")
    atexit.register(_drop_database, url)
    return url


def _drop_database(url: URL) -> None:
    _execute(postgres(), f"DROP DATABASE IF EXISTS {url.database} WITH (FORCE)")


def _execute(url: URL, statement: str) -> None:
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()


@cache
def _migrated_file() -> Path:
    """A SQLite file that others are copied from."""
    folder = tempfile.mkdtemp(prefix="headwater-sqlite-")
    atexit.register(shutil.rmtree, folder)
    path = Path(folder) / "migrated.db"
    store = Store(f"sqlite:///{path}")
    migrate(store)
    store.close()  # the last connection takes the write-ahead log with it
    return path
