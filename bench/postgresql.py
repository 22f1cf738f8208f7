"""An archive into PostgreSQL, beside the same rows inserted by asyncpg."""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any

import asyncpg
from sqlalchemy import BigInteger, Double, Integer, LargeBinary, SmallInteger, Text
from sqlalchemy import Table as SqlTable

from bench import generate, servers
from bench.baseline import Link, Table, Values, shares
from bench.measure import Row
from bench.options import Options
from store import tables
from store.database import Store
from store.ledger import partitions

BATCH = 2_000
"""Events a transaction, as in `headwater replay`."""


def replay(options: Options) -> list[Row]:
    """An archive, replayed into PostgreSQL by one process and by two, in turn with the floor."""
    events = options.events or 30_000
    archive = written(events, options)
    alone, bare, two, numbers = [], [], [], []
    with servers.postgresql() as server:
        for _ in range(options.rounds):
            url = server.new()
            result = servers.result_of("replay", str(archive), "--database-url", url, "--batch-size", str(BATCH))
            alone.append(result["seconds"])
            numbers.append(servers.rows_in(url))
            bare.append(asyncio.run(_floor(url, server, max(1, -(-events // BATCH)))))
            server.drop(url)
            url = server.new()
            two.append(servers.result_of("replay", str(archive), "--database-url", url, "--workers", "2")["seconds"])
            server.drop(url)
    written_rows = statistics.median(numbers)
    least, one, both = (statistics.median(seconds) for seconds in (bare, alone, two))
    ratio = statistics.median(floor / ours for floor, ours in zip(bare, alone, strict=True))
    return [
        Row(f"{server.NAME}: events", events, ""),
        Row("rows in the end", written_rows, ""),
        Row("floor: the same rows by asyncpg, unnest", written_rows / least, "rows/s"),
        Row("floor: the same", events / least, "events/s"),
        Row("replay", written_rows / one, "rows/s", ratio, "0.5"),
        Row("replay", events / one, "events/s", ratio, "0.5"),
        Row("replay --workers 2; ratio: to one", events / both, "events/s", one / both),
    ]


def written(events: int, options: Options) -> Path:
    """An archive of this many events."""
    archive = options.folder / "postgresql.jsonl"
    with archive.open("wb") as file:
        generate.write(file, events, options.seed)
    return archive


async def _floor(url: str, server: servers.PostgreSql, count: int) -> float:
    """Seconds to insert the rows of a store into an empty one, in this many transactions."""
    source = await asyncpg.connect(url)
    contents = [(_looks(table), await _rows(source, table)) for table in tables.metadata.sorted_tables]
    await source.close()
    batches = [[(_insert(table), _columns(rows)) for table, rows in share] for share in shares(contents, count)]
    target = _with_months_of(url, server.new())
    connection = await asyncpg.connect(target)
    begun = perf_counter()
    for batch in batches:
        async with connection.transaction():
            for statement, columns in batch:
                await connection.execute(statement, *columns)
    seconds = perf_counter() - begun
    await connection.close()
    server.drop(target)
    return seconds


def _looks(table: SqlTable) -> Table:
    links: dict[str, Link] = {}
    for column in table.columns:
        for key in column.foreign_keys:
            links[column.name] = Link((column.name,), key.column.table.name, (key.column.name,))
    columns = tuple(column.name for column in table.columns)
    return Table(table.name, columns, "id" in columns and table is not tables.dictionary, list(links.values()))


async def _rows(source: Any, table: SqlTable) -> list[Values]:
    if table is tables.dictionary:  # an empty store has it
        return []
    order = " ORDER BY id" if "id" in table.columns else ""
    names = ", ".join(column.name for column in table.columns)
    return [tuple(row) for row in await source.fetch(f"SELECT {names} FROM {table.name}{order}")]


_TYPES = {
    BigInteger: "int8",
    Double: "float8",
    Integer: "int4",
    LargeBinary: "bytea",
    SmallInteger: "int2",
    Text: "text",
}


def _insert(table: Table) -> str:
    types = [_TYPES[type(tables.metadata.tables[table.name].columns[name].type)] for name in table.columns]
    arrays = ", ".join(f"${at}::{type_}[]" for at, type_ in enumerate(types, 1))
    return f"INSERT INTO {table.name} ({', '.join(table.columns)}) SELECT * FROM unnest({arrays})"


def _columns(rows: Sequence[Values]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]


def _with_months_of(url: str, target: str) -> str:
    """The target, with the same partitions of the ledger as the other store."""
    with Store(url) as one, Store(target) as other:
        found = one.raw(partitions.partitions, writes=False)
        begin = [datetime.fromtimestamp(part.since / 1000, UTC) for part in found]
        partitions.make(other, {moment.year * 12 + moment.month - 1 for moment in begin})
    return target
