"""The least that could be done: what this machine needs for the bare work, with without Headwater around it.

A ratio to it says what our own code costs, whatever the machine.
"""

from __future__ import annotations

import gc
import random
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from graphlib import TopologicalSorter
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import orjson

from bench.graph import Graph

Values = tuple[Any, ...]
Columns = tuple[str, ...]

PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
    "PRAGMA cache_size=-65536",
    "PRAGMA temp_store=MEMORY",
)


class Floor(NamedTuple):
    """Seconds, and what they were spent on."""

    decode: float
    insert: float
    events: int
    rows: int

    @property
    def seconds(self) -> float:
        """Both, one after the other."""
        return self.decode + self.insert


def floor(archive: Path, store: Path, scratch: Path, *, pragmas: Sequence[str] = PRAGMAS, batch: int = 1_000) -> Floor:
    """What a replay of `archive` that ended in `store` costs at least: JSON decoded, and the final rows inserted.

    All rows are held in memory while they are inserted: run it in a process of its own.

    Args:
        archive: JSON lines, not compressed.
        store: The SQLite database that the replay left behind; it is only read.
        scratch: A database to make; overwritten, and removed afterwards.
        pragmas: How the replay set up its connection.
        batch: Events a transaction. Each holds its share of every table's rows, so that indexes grow as in the replay.
    """
    events, decode = decoded(archive)
    with closing(sqlite3.connect(f"{store.absolute().as_uri()}?mode=ro", uri=True)) as source:
        (page_size,) = source.execute("PRAGMA page_size").fetchone()
        schema = [sql for (sql,) in source.execute(f"SELECT sql FROM sqlite_master WHERE {_OURS} ORDER BY rowid")]
        contents = [(table, table.rows(source)) for table in _tables(source)]
    shared = shares(contents, max(1, -(-events // batch)))
    batches = [[(table.insert, rows) for table, rows in share] for share in shared]
    with _empty(scratch, [f"PRAGMA page_size={page_size}", *pragmas]) as connection:
        for statement in schema:
            connection.execute(statement)
        insert = _insert(connection, batches)
    return Floor(decode, insert, events, sum(len(rows) for shares in batches for _, rows in shares))


def decoded(archive: Path) -> tuple[int, float]:
    """How many events a file of JSON lines holds, and the seconds it took to decode them all."""
    count = 0
    begun = perf_counter()
    with archive.open("rb") as lines:
        for line in lines:
            orjson.loads(line)
            count += 1
    return count, perf_counter() - begun


def commits(scratch: Path, count: int, *, pragmas: Sequence[str] = PRAGMAS) -> list[float]:
    """Seconds for each of `count` transactions that insert one row of 1 KB."""
    taken = []
    with _empty(scratch, pragmas) as connection:
        connection.execute("CREATE TABLE one (id INTEGER PRIMARY KEY, body BLOB)")
        for _ in range(count):
            begun = perf_counter()
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("INSERT INTO one (body) VALUES (?)", (b"x" * 1024,))
            connection.execute("COMMIT")
            taken.append(perf_counter() - begun)
    return taken


@contextmanager
def closures(graph: Graph, scratch: Path, *, pragmas: Sequence[str] = PRAGMAS) -> Iterator[Callable[[int], set[int]]]:
    """A function that finds all ascendants of an entity, and the entity, by a bare recursive query over integer ids."""
    with _empty(scratch, pragmas) as connection:
        connection.execute(
            "CREATE TABLE association (destination INTEGER, source INTEGER, PRIMARY KEY (destination, source))"
            " WITHOUT ROWID"
        )
        rows = [("INSERT INTO association VALUES (?, ?)", ((to, come) for come, to, _ in graph.associations()))]
        _insert(connection, [rows])
        yield lambda start: {id_ for (id_,) in connection.execute(_ASCENDANTS, (start,))}


_OURS = "type IN ('table', 'index') AND sql IS NOT NULL AND name NOT LIKE 'sqlite_%'"
_ASCENDANTS = """
    WITH RECURSIVE ascendant(id) AS (
        VALUES(?) UNION SELECT source FROM ascendant JOIN association ON destination = id
    ) SELECT id FROM ascendant
"""


@contextmanager
def _empty(path: Path, pragmas: Iterable[str]) -> Iterator[sqlite3.Connection]:
    def remove() -> None:
        for suffix in ("", "-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)

    remove()
    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            for pragma in pragmas:
                connection.execute(pragma)
            yield connection
    finally:
        remove()


def _insert(connection: sqlite3.Connection, batches: Iterable[Iterable[tuple[str, Iterable[Values]]]]) -> float:
    gc.collect()
    gc.freeze()  # a replay does not hold all its rows; the collector must not look at ours again and again
    begun = perf_counter()
    for batch in batches:
        connection.execute("BEGIN IMMEDIATE")
        for statement, rows in batch:
            connection.executemany(statement, rows)
        connection.execute("COMMIT")
    seconds = perf_counter() - begun
    gc.unfreeze()
    return seconds


class Link(NamedTuple):
    """A foreign key."""

    columns: Columns
    parent: str
    key: Columns  # the parent's columns


@dataclass(frozen=True)
class Table:
    """What a table looks like.

    Attributes:
        name: Its name.
        columns: Theirs.
        ordered: Whether its rows are numbered as they came.
        links: Its foreign keys to other tables.
    """

    name: str
    columns: Columns
    ordered: bool
    links: list[Link]

    def rows(self, source: sqlite3.Connection) -> list[Values]:
        """All its rows, in the order of their numbers, if they have any."""
        rows: list[Values] = source.execute(f"SELECT {self._list} FROM {_quoted(self.name)}").fetchall()
        return rows

    @property
    def insert(self) -> str:
        """What puts a row into it."""
        return f"INSERT INTO {_quoted(self.name)} ({self._list}) VALUES ({', '.join('?' * len(self.columns))})"

    @property
    def _list(self) -> str:
        return ", ".join(map(_quoted, self.columns))

    def places(self, columns: Columns) -> Callable[[Values], Values]:
        """Takes the values of some columns out of a row."""
        at = [self.columns.index(column) for column in columns]
        return lambda row: tuple(row[place] for place in at)


def shares(contents: Sequence[tuple[Table, list[Values]]], count: int) -> list[list[tuple[Table, list[Values]]]]:
    """All rows, shared among batches: each in its turn, but not before the rows that it references.

    Args:
        contents: Tables and all their rows, in the order of their numbers where they have any.
        count: How many batches.
    """
    tables = {table.name: (table, rows) for table, rows in contents}
    sorter = TopologicalSorter({table.name: {link.parent for link in table.links} for table, _ in contents})
    links = {(link.parent, link.key) for table, _ in contents for link in table.links}
    placed: dict[tuple[str, Columns], dict[Values, int]] = {link: {} for link in links}
    batches: list[list[tuple[Table, list[Values]]]] = [[] for _ in range(count)]
    for table, rows in map(tables.__getitem__, sorter.static_order()):
        needs = [(table.places(link.columns), placed[link.parent, link.key]) for link in table.links]
        gives = [(table.places(key), placed[parent, key]) for parent, key in links if parent == table.name]
        if not table.ordered:
            random.Random(1).shuffle(rows)  # a key says nothing of when its row came: any order but the index's own
        parts: list[list[Values]] = [[] for _ in range(count)]
        for number, row in enumerate(rows):
            # Rows of a table without numbers come with the newest of the rows that they reference.
            at = number * count // len(rows) if table.ordered or not needs else 0
            at = max([at, *(where.get(values(row), 0) for values, where in needs)])
            parts[at].append(row)
            for values, where in gives:
                where[values(row)] = at
        for batch, part in zip(batches, parts, strict=True):
            if part:
                batch.append((table, part))
    return batches


def _tables(source: sqlite3.Connection) -> Iterator[Table]:
    found = source.execute(f"SELECT name, sql FROM sqlite_master WHERE type = 'table' AND {_OURS}").fetchall()
    keys: dict[str, Columns] = {}
    columns: dict[str, Columns] = {}
    for name, _ in found:
        rows = source.execute(f"PRAGMA table_info({_quoted(name)})").fetchall()
        columns[name] = tuple(column[1] for column in rows)
        keys[name] = tuple(column[1] for column in sorted(rows, key=itemgetter(5)) if column[5])
    for name, sql in found:
        links = []
        rows = sorted(source.execute(f"PRAGMA foreign_key_list({_quoted(name)})"), key=itemgetter(0, 1))
        for _, group in groupby(rows, key=itemgetter(0)):
            parts = list(group)
            key = tuple(part[4] for part in parts)
            parent = parts[0][2]
            if parent != name:
                links.append(Link(tuple(part[3] for part in parts), parent, keys[parent] if None in key else key))
        yield Table(name, columns[name], "WITHOUT ROWID" not in sql.upper(), links)


def _quoted(name: str) -> str:
    return f'"{name}"'
