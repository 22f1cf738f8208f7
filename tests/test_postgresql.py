"""PostgreSQL in particular: lost races, limits, options of the URL, poolers, and later dictionaries."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
import zstandard
from sqlalchemy import Connection, Select, func, select, text
from sqlalchemy.engine import URL, ExceptionContext
from sqlalchemy.event import listens_for

from store import tables
from store.compression import LEVEL
from store.database import BadUrl, Store, Unavailable, Unusable
from store.digest import digest
from store.ledger import events as ledger
from tests.support.events import abalone, again
from tests.support.stores import MakeStore, fed
from tests.support.waiting import until

ON_POSTGRESQL = pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
HALF = len(abalone()) // 2


def with_options(store: Store, **options: str) -> Store:
    """The same store, with options in its URL."""
    return Store(store.url.update_query_dict(options))


# ---------------------------------------------------------------------------------------------------------- lost races


@ON_POSTGRESQL
def test_a_batch_that_deadlocks_is_handled_again(make_store: MakeStore) -> None:
    store = fed(make_store(), abalone()[:HALF])
    first, last = store.read(lambda tx: tx.connection.execute(select(func.min(_ID), func.max(_ID))).one())
    lost: list[str] = []

    with Store(store.url) as worker, store.engine.connect() as other, other.begin() as transaction:

        @listens_for(worker.engine, "connect")
        def notice_soon(connection: psycopg.Connection[Any], _: object) -> None:
            connection.execute("SET deadlock_timeout = '50ms'")
            connection.commit()

        @listens_for(worker.engine, "handle_error")
        def note(context: ExceptionContext) -> None:
            lost.append(str(getattr(context.original_exception, "sqlstate", "")))

        other.execute(
            text("SET LOCAL deadlock_timeout = '1h'")
        )  # the session that detects the deadlock first is the one that loses
        other.execute(_locked(last))
        working = threading.Thread(target=fed, args=(worker, abalone()))
        working.start()
        until(lambda: _waiting(store) == 1)
        other.execute(_locked(first))
        transaction.commit()
        working.join()

    assert lost == ["40P01"]
    assert digest(store) == digest(fed(make_store(), abalone()))


_ID = tables.resource.c.id


def _locked(number: int) -> Select[tuple[int]]:
    return select(_ID).where(_ID.in_([number])).with_for_update()


def _waiting(store: Store) -> int:
    query = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    return int(store.raw(lambda connection: connection.scalar(query), writes=False) or 0)


# ------------------------------------------------------------------------------------------------- options and limits


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("pool_size=0", "pool_size=0 in the database URL cannot be: say how many connections to keep, from 1 to 1000"),
        (
            "pool_size=many",
            "pool_size=many in the database URL cannot be: say how many connections to keep, from 1 to 1000",
        ),
        (
            "max_overflow=-1",
            "max_overflow=-1 in the database URL cannot be: "
            "say how many connections more there may be for a while, from 0 to 1000",
        ),
        (
            "statement_timeout=nan",
            "statement_timeout=nan in the database URL cannot be: say seconds, from 0 (no limit) to 86400",
        ),
        ("pgbouncer=yes", "pgbouncer=yes in the database URL cannot be: say true or false"),
        ("pgbouncer=true&pgbouncer=false", "pgbouncer is in the database URL more than once: say it once"),
    ],
)
def test_an_invalid_option_is_refused_in_one_sentence(query: str, sentence: str) -> None:
    with pytest.raises(BadUrl) as refused:
        Store(f"postgresql://me:secret@host/db?{query}")
    assert str(refused.value) == sentence


def settings(connection: Connection) -> dict[str, str]:
    names = ("application_name", "lock_timeout", "statement_timeout", "work_mem")
    return {name: str(connection.scalar(text(f"SHOW {name}"))) for name in names}


@ON_POSTGRESQL
def test_the_server_gets_our_limits_and_the_options_of_the_url(store: Store) -> None:
    expected = {"application_name": "headwater", "lock_timeout": "1min", "statement_timeout": "5min", "work_mem": "4MB"}
    assert store.raw(settings) == expected
    with with_options(
        store, statement_timeout="2.5", application_name="mine", options="-c work_mem=8MB", pool_size="1"
    ) as other:
        assert other.raw(settings) == expected | {
            "statement_timeout": "2500ms",
            "application_name": "mine",
            "work_mem": "8MB",
        }


@ON_POSTGRESQL
def test_a_statement_that_takes_too_long_is_reported(store: Store) -> None:
    with with_options(store, statement_timeout="0.05") as hasty:
        for access in (hasty.read, hasty.write):
            with pytest.raises(Unavailable) as refused:
                access(lambda tx: tx.connection.execute(text("SELECT pg_sleep(20)")))
            assert str(refused.value) == (
                f"{hasty} cancelled a statement (canceling statement due to statement timeout): "
                "see what keeps it busy, or raise statement_timeout in its URL"
            )


@ON_POSTGRESQL
def test_more_transactions_than_connections_are_reported(store: Store) -> None:
    narrow = Store(store.url.update_query_dict({"pool_size": "1", "max_overflow": "0"}), busy_seconds=0.1)

    def inner() -> object:
        return narrow.read(lambda tx: tx.connection.execute(text("SELECT 1")))

    with narrow, pytest.raises(Unavailable) as refused:
        narrow.read(lambda _: inner())
    assert str(refused.value) == (
        f"all connections to {narrow} are in use: raise pool_size in its URL, or ask less at once"
    )


# ------------------------------------------------------------------------------------------------------------ PgBouncer

LEFT = text(
    "SELECT (SELECT count(*) FROM pg_prepared_statements), (SELECT count(*) FROM pg_settings WHERE source = 'session'),"
    " current_setting('lock_timeout'), current_setting('statement_timeout')"
)


def left_behind(store: Store) -> tuple[object, ...]:
    """What the next user of a connection finds on it."""
    with store.engine.connect() as connection:
        raw = connection.connection.driver_connection
        assert raw is not None
        raw.autocommit = True  # no transaction of ours: it begins with our limits
        found = raw.execute(str(LEFT), prepare=False).fetchone()
        raw.autocommit = False
        return tuple(found)


@ON_POSTGRESQL
def test_nothing_is_left_on_a_connection_that_a_pooler_passes_on(make_store: MakeStore) -> None:
    want = digest(fed(make_store(), abalone(), 2))
    store = make_store()
    with with_options(store, pool_size="1", max_overflow="0", pgbouncer="true") as pooled:
        fed(pooled, abalone(), 2)
        assert digest(pooled) == want
        assert left_behind(pooled) == (0, 0, "0", "0")
        assert pooled.raw(settings)["lock_timeout"] == "1min"
        assert pooled.raw(settings)["statement_timeout"] == "5min"
    with with_options(store, pool_size="1", max_overflow="0") as direct:
        fed(direct, abalone(), 2)
        prepared, *_ = left_behind(direct)
        assert isinstance(prepared, int)
        assert prepared > 0  # so that the zero above means something


@pytest.fixture
def behind_pgbouncer(make_store: MakeStore, tmp_path: Path) -> Iterator[Store]:
    """A store behind a PgBouncer that passes connections on after each transaction; it has two of them."""
    program = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        pytest.skip("pgbouncer is not installed")
    store = make_store()
    with _pgbouncer(program, store.url, tmp_path) as port:
        query = {"host": "127.0.0.1", "port": str(port), "pgbouncer": "true"}
        with Store(store.url.set(query=query, host=None, port=None)) as pooled:
            yield pooled


@contextmanager
def _pgbouncer(program: str, url: URL, folder: Path) -> Iterator[int]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    host = str(url.query.get("host") or url.host or "127.0.0.1")
    server = f"host={host} port={url.port or 5432} user={url.username} dbname={url.database}"
    config = folder / "pgbouncer.ini"
    config.write_text(
        f"[databases]\n{url.database} = {server}{f' password={url.password}' if url.password else ''}\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nauth_type = any\nunix_socket_dir =\n"
        "pool_mode = transaction\ndefault_pool_size = 2\nserver_reset_query =\n"
    )
    # It refuses to run as root; the owner of the server's socket may use it.
    owner = os.stat(host).st_uid if host.startswith("/") and os.geteuid() == 0 else None
    owner = 65534 if owner == 0 else owner
    for path in (config, folder, *folder.parents[:2]) if owner is not None else ():
        path.chmod(path.stat().st_mode | 0o055)
    process = subprocess.Popen([program, str(config)], user=owner, stderr=subprocess.DEVNULL)

    def listening() -> bool:
        with socket.socket() as there:
            return there.connect_ex(("127.0.0.1", port)) == 0

    try:
        until(listening)
        yield port
    finally:
        process.terminate()
        process.wait(120)


@ON_POSTGRESQL
def test_workers_share_two_connections_behind_pgbouncer(behind_pgbouncer: Store, make_store: MakeStore) -> None:
    events = [*abalone(), *(again(body, number + 1, number) for number, body in enumerate(abalone()))]
    with Store(behind_pgbouncer.url) as second, Store(behind_pgbouncer.url) as third:
        stores = (behind_pgbouncer, second, third)
        working = [threading.Thread(target=fed, args=(store, events[at::3], 2)) for at, store in enumerate(stores)]
        for one in working:
            one.start()
        for one in working:
            one.join()

    assert digest(behind_pgbouncer) == digest(fed(make_store(), events))
    assert len(list(ledger.events(behind_pgbouncer))) == len(events)


# --------------------------------------------------------------------------------------------------------- dictionaries


def another_dictionary() -> zstandard.ZstdCompressionDict:
    """A dictionary that no store holds, with a higher number than those of the stores."""
    samples: list[bytes | bytearray | memoryview[int]] = [*(body * 3 for body in abalone())] * 20
    data = zstandard.train_dictionary(4096, samples, level=LEVEL).as_bytes()
    return zstandard.ZstdCompressionDict(data[:4] + (2**31 + 7).to_bytes(4, "little") + data[8:])


def test_a_worker_reads_what_a_newer_one_packed_with_another_dictionary(make_store: MakeStore) -> None:
    old = fed(make_store(), abalone()[:HALF])
    another = another_dictionary()
    number, data = another.dict_id(), another.as_bytes()
    with Store(old.url) as newer:
        newer.raw(lambda connection: connection.execute(tables.dictionary.insert().values(id=number, data=data)))
        fed(newer, abalone()[HALF:])
        packed = newer.packer.pack(b"text")
    assert zstandard.get_frame_parameters(packed).dict_id == number

    fed(old, abalone())  # reads what the newer one saved

    assert list(ledger.events(old)) == list(abalone())
    assert digest(old) == digest(fed(make_store(), abalone()))
    old.raw(lambda connection: connection.execute(tables.dictionary.delete().where(tables.dictionary.c.id == number)))


def test_a_missing_dictionary_is_reported(store: Store) -> None:
    data = another_dictionary()
    packed = zstandard.ZstdCompressor(dict_data=data).compress(b"text")

    with pytest.raises(Unusable) as refused:
        store.packer.unpack(packed)
    assert str(refused.value) == (
        f"{store} holds rows packed with dictionary {data.dict_id()}, but not the dictionary: "
        "restore the table `dictionary` from a backup"
    )
