"""The store: one database, SQLite or PostgreSQL, and the transactions in it.

Work is given as plain functions of a `Transaction`, which run in the caller's thread. Nothing here is asynchronous:
a batch is a handful of statements, and a thread that waits for a database is cheaper than an event loop that switches
to one for each statement (docs/decisions/0002).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import stamina
from sqlalchemy import Connection, Engine, create_engine, event, make_url, select
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from store import tables
from store.compression import Packer
from store.failures import FAILURES, Again, BadUrl, Conflict, RefusedData, Unavailable, Unusable, named
from store.postgres_options import BadOption, split

__all__ = [
    "DEFAULT_URL",
    "Again",
    "BadUrl",
    "First",
    "RefusedData",
    "Store",
    "Transaction",
    "Unavailable",
    "Unusable",
    "pragmas",
]

T = TypeVar("T")

DEFAULT_URL = "sqlite:///headwater.db"


class First(Exception):
    """Something has to be done outside of this transaction, which is then begun again: it holds no locks meanwhile.

    Attributes:
        prepare: Does it; the transaction must not raise this twice in a row.
    """

    def __init__(self, prepare: Callable[[Store], None]) -> None:
        """Args: prepare: as the attribute."""
        super().__init__("something has to be done before")
        self.prepare = prepare


class Transaction:
    """Work in one transaction: all of it is kept, or nothing.

    Attributes:
        connection: The SQLAlchemy connection.
        packer: Packs what the tables hold packed.
        exclusive: True if no other transaction can write before this one ends.
        months: As `Store.months`.
    """

    def __init__(
        self, connection: Connection, packer: Packer, *, exclusive: bool, months: Mapping[int, float] | None = None
    ) -> None:
        """Args: connection, packer, exclusive, months: as the attributes."""
        self.connection = connection
        self.packer = packer
        self.exclusive = exclusive
        self.months = months or {}


class Store:
    """A database to work in.

    Attributes:
        url: Where it is, with Headwater's own options.
        months: The months whose partition of the ledger is settled, and until when (`store.ledger.partitions`).
    """

    def __init__(self, url: str | URL = DEFAULT_URL, *, cache_mb: int = 32, busy_seconds: float = 60) -> None:
        """Prepare to connect; nothing is opened yet.

        Args:
            url: `sqlite:///path` or `postgresql://user:password@host/database`, the latter with options as its query:
                those of `store.postgres_options.Options`, and libpq's.
            cache_mb: The page cache of each SQLite connection, in megabytes.
            busy_seconds: How long a transaction waits for others' locks.

        Raises:
            BadUrl: The URL is not one of the two.
        """
        self.url = _checked(url)
        try:
            self._driver_url, self._options = split(self.url)
        except BadOption as why:
            raise BadUrl(str(why)) from None
        self.cache_mb = cache_mb
        self.busy_seconds = busy_seconds
        self.months: dict[int, float] = {}

    @property
    def sqlite(self) -> bool:
        """True for SQLite, False for PostgreSQL."""
        return self.url.get_backend_name() == "sqlite"

    def __str__(self) -> str:
        """The URL without its password."""
        return self.url.render_as_string(hide_password=True)

    @cached_property
    def engine(self) -> Engine:
        """SQLAlchemy's engine."""
        if self.sqlite:
            engine = create_engine(self.url, connect_args={"timeout": self.busy_seconds, "check_same_thread": False})
            event.listen(engine, "connect", self._prepare_sqlite)
            event.listen(engine, "begin", _begin_sqlite)
            return engine
        options = self._options
        engine = create_engine(
            self._driver_url,
            pool_pre_ping=True,
            pool_size=options.pool_size,
            max_overflow=options.max_overflow,
            pool_timeout=self.busy_seconds,
            pool_use_lifo=True,  # so that connections of a busy hour become idle after it, and are closed
            pool_recycle=1800,
            connect_args=options.connect_args(self._driver_url, self._limits),
        )
        if options.pgbouncer:
            event.listen(engine, "begin", self._begin_behind_pgbouncer)
        return engine

    @property
    def _limits(self) -> dict[str, int]:
        """How long PostgreSQL lets a statement wait and run, in milliseconds."""
        return {
            "lock_timeout": int(self.busy_seconds * 1000),
            "statement_timeout": int(self._options.statement_timeout * 1000),
        }

    def _begin_behind_pgbouncer(self, connection: Connection) -> None:
        # The next client gets the same server connection: settings must end with the transaction.
        connection.exec_driver_sql("; ".join(f"SET LOCAL {name} = {limit}" for name, limit in self._limits.items()))

    def _prepare_sqlite(self, connection: sqlite3.Connection, _record: object) -> None:
        # The driver's own BEGIN comes late, so that reads before the first write would not be part of the
        # transaction, and updates would be lost: transactions are begun by `_begin_sqlite`.
        connection.isolation_level = None
        first, *others = pragmas(self.cache_mb)
        if connection.execute("PRAGMA journal_mode").fetchone() != ("wal",):
            # Unlike all other statements, this one does not wait for a process that has just made the file.
            for attempt in stamina.retry_context(on=_locked, attempts=None, timeout=self.busy_seconds):
                with attempt:
                    connection.execute(first)
        for pragma in others:
            connection.execute(pragma)

    @cached_property
    def packer(self) -> Packer:
        """Packs and unpacks with the dictionaries of this store."""
        return Packer(self._dictionaries(), self._dictionary)

    def _dictionaries(self) -> dict[int, bytes]:
        with self.engine.connect() as connection:
            rows = connection.execute(select(tables.dictionary.c.id, tables.dictionary.c.data))
            return {row.id: row.data for row in rows}

    def _dictionary(self, number: int) -> bytes:
        """A dictionary that another version of Headwater may have added since the last look."""
        try:
            return self._dictionaries()[number]
        except KeyError:
            raise Unusable(
                f"{self} holds rows packed with dictionary {number}, but not the dictionary: "
                "restore the table `dictionary` from a backup"
            ) from None

    def write(self, work: Callable[[Transaction], T]) -> T:
        """Do work that writes; it is done again from its beginning if another transaction got in its way.

        Raises:
            Unavailable: The database did not answer.
            Unusable: It cannot be written to.
            RefusedData: It refuses the values of a row.
        """
        try:
            for attempt in stamina.retry_context(
                on=Again, attempts=10, timeout=self.busy_seconds, wait_initial=0.05, wait_jitter=0.2, wait_max=2.0
            ):
                with attempt:
                    try:
                        return self._once(work, writes=True)
                    except First as first:
                        first.prepare(self)
                    return self._once(work, writes=True)
        except Conflict as why:  # every time: no other transaction is to blame
            raise RefusedData(str(why.__cause__ or why).splitlines()[0]) from why
        raise AssertionError("unreachable: the last attempt returns or raises")

    def read(self, work: Callable[[Transaction], T]) -> T:
        """Do work that only reads, from one snapshot.

        Raises:
            Unavailable: The database did not answer.
            Unusable: It cannot be read.
            RefusedData: It refuses a value that is looked for.
        """
        return self._once(work, writes=False)

    def raw(self, work: Callable[[Connection], T], *, writes: bool = True) -> T:
        """Do work in one transaction before the schema is known to be there: migrations.

        Raises:
            Unavailable, Unusable: As `write`.
        """
        with (
            self._named_failures(),
            self.engine.connect().execution_options(headwater_writes=writes) as connection,
            connection.begin(),
        ):
            return work(connection)

    def _once(self, work: Callable[[Transaction], T], *, writes: bool) -> T:
        with self._named_failures():
            packer = self.packer
            with self.engine.connect() as connection:
                if not self.sqlite and not writes:
                    connection = connection.execution_options(
                        isolation_level="REPEATABLE READ", postgresql_readonly=True
                    )
                with connection.execution_options(headwater_writes=writes).begin():
                    return work(Transaction(connection, packer, exclusive=self.sqlite and writes, months=self.months))

    @contextmanager
    def _named_failures(self) -> Iterator[None]:
        try:
            yield
        except FAILURES as why:
            failure = named(why, self)
            if failure is why:  # a fault of ours
                raise
            raise failure from why

    def __enter__(self) -> Store:
        """The store itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close all connections."""
        self.close()

    def close(self) -> None:
        """Close all connections."""
        if "engine" in self.__dict__:
            self.engine.dispose()


def pragmas(cache_mb: int) -> list[str]:
    """The settings of a SQLite connection: an acknowledged message must survive a loss of power."""
    return [
        "PRAGMA journal_mode=WAL",
        "PRAGMA synchronous=FULL",
        "PRAGMA foreign_keys=ON",
        f"PRAGMA cache_size=-{cache_mb * 1024}",
        "PRAGMA temp_store=MEMORY",
        # Pages that every batch changes are written to the file once in a while, not at each commit.
        "PRAGMA wal_autocheckpoint=16000",
    ]


def _locked(why: Exception) -> bool:
    return isinstance(why, sqlite3.OperationalError) and "locked" in str(why)


def _begin_sqlite(connection: Connection) -> None:
    # A writer takes the lock at once: a reader that becomes a writer fails if another one wrote meanwhile.
    writes = connection.get_execution_options().get("headwater_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _checked(url: str | URL) -> URL:
    try:
        parsed = make_url(url)
        backend = parsed.get_backend_name()
    except (ArgumentError, ValueError, NoSuchModuleError) as why:  # which may quote a password
        raise BadUrl("not a database URL: say sqlite:///path/to/file.db or postgresql://user@host/database") from why
    if backend in ("postgres", "postgresql"):
        return parsed.set(drivername="postgresql+psycopg")
    if backend != "sqlite":
        raise BadUrl(f"cannot keep lineage in {backend!r}: use sqlite:///path/to/file.db or postgresql://...")
    if parsed.host or parsed.query:
        raise BadUrl("of SQLite say just the file: sqlite:///path/to/file.db, or sqlite:////absolute/path/of/file.db")
    if parsed.database in (None, "", ":memory:"):
        raise BadUrl("a store must outlive its process: name a file, as in sqlite:///headwater.db")
    folder = Path(parsed.database or "").parent
    try:
        there = folder.is_dir()
    except OSError as why:
        raise BadUrl(f"the folder {str(folder)!r} cannot be looked into: {why.strerror}") from why
    if not there:
        raise BadUrl(f"the folder {str(folder)!r} does not exist: create it, or name another database")
    return parsed.set(drivername="sqlite")
