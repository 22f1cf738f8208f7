"""What is measured: Headwater at work, called as its users call it."""

from __future__ import annotations

import contextlib
import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter

from sqlalchemy import Table

from bench.graph import Entity, Graph
from consumers.cli import main
from consumers.handle import handle
from ingest.delivery import Delivery
from store import bulk, tables
from store.database import Store, Transaction
from store.graph.lineage import Walk, walk
from store.graph.traversal import Direction
from store.migrate import migrate

BATCH = 10_000


def replayed(archive: Path, store: Path) -> dict[str, float]:
    """What `headwater replay --json` prints for an archive, into a new store."""
    remove(store)
    sys.argv = ["headwater", "replay", str(archive), "--database-url", f"sqlite:///{store}", "--json"]
    printed = io.TextIOWrapper(io.BytesIO())  # the command writes bytes too
    with contextlib.redirect_stdout(printed), contextlib.suppress(SystemExit):
        main()
    printed.seek(0)
    result: dict[str, float] = json.load(printed)
    return result


def handled(archive: Path, store: Path, count: int) -> list[float]:
    """Seconds for each of `count` events, one at a time, each committed."""
    ours = _new(store)
    taken = []
    with archive.open("rb") as lines:
        for _, line in zip(range(count), lines, strict=False):
            begun = perf_counter()
            handle([Delivery(line.rstrip(b"\n"))], ours)
            taken.append(perf_counter() - begun)
    ours.close()
    return taken


def stored(graph: Graph, path: Path) -> tuple[Store, list[str]]:
    """A store that holds a graph, and the ARN of each of its entities."""
    store = _new(path)
    partition = "arn:aws:sagemaker:us-west-2:123456789012:"
    parts = {"Artifact": "artifact", "TrialComponent": "experiment-trial-component"}
    arns = [
        f"{partition}{parts.get(one.lineage_type, one.lineage_type.lower())}/{one.name}" for one in graph.entities()
    ]

    def fill(tx: Transaction) -> None:
        # Of a type without a rule: a server that catches up with its rules leaves it alone.
        resource = (1, "arn:bench", "bench", 1, 1, "bench/1", None, None, "", "", 0, 0, 0)
        bulk.insert(tx.connection, tables.resource, [resource])
        entities = (
            (
                one.id + 1,
                arn.lower(),
                arn,
                one.lineage_type,
                one.type,
                one.name,
                one.source_uri,
                "Completed",
                one.id * 60_000,
                1,
                _document(one),
                "",
                one.id * 60_000,
            )
            for one, arn in zip(graph.entities(), arns, strict=True)
        )
        for some in _batched(entities):
            bulk.insert(tx.connection, tables.entity, some)
        links = ((one.source + 1, one.destination + 1, 1, one.type, 0, None, 0) for one in graph.associations())
        for some in _batched(links):
            bulk.insert(tx.connection, tables.association, some)

    store.write(fill)
    return store, arns


def _document(one: Entity) -> str:
    """What an entity's row holds of it beside its columns."""
    if one.lineage_type != "TrialComponent":
        return "{}"
    created = one.id * 60_000
    uris = {f"SageMaker.Channel-{number}": ["", f"s3://acme-data-lake/{one.name}/{number}"] for number in range(4)}
    times = {"started": created + 30_000, "ended": created + 3_600_000, "modified": created + 3_600_000}
    return json.dumps({"display_name": one.name, **times, "inputs": uris, "outputs": uris})


def queried(store: Store, arn: str, *, inferred: bool = True, all_time: bool = False) -> Walk:
    """All ascendants of an entity, each with all that a vertex contains."""
    return walk(store, [arn], Direction.ASCENDANTS, inferred=inferred, all_time=all_time)


def write_again(store: Store, share: int) -> int:
    """Have one in `share` data sets written again, some time later, by the run that came next. Returns how many are."""

    def work(tx: Transaction) -> int:
        link = _copied(tables.association, source_id="later.id")
        return tx.connection.exec_driver_sql(f"""{link}
            FROM association JOIN entity e ON e.id = association.destination_id
            JOIN entity later ON later.id = (
                SELECT min(id) FROM entity
                WHERE id > association.destination_id + 200 AND type = 'SageMakerProcessingJob'
            )
            WHERE e.type = 'DataSet' AND association.type = 'Produced' AND association.destination_id % {share} = 0
        """).rowcount

    return store.write(work)


def split_data_sets(store: Store, share: int) -> int:
    """Split one in `share` data sets: trainings now read a file in each. Returns the number of such links."""

    def work(tx: Transaction) -> int:
        def execute(statement: str) -> int:
            return tx.connection.exec_driver_sql(statement).rowcount

        first = "(SELECT max(id) FROM entity)"
        file = "'-' || apart.id"
        execute(f"""
            CREATE TEMP TABLE apart AS SELECT row_number() OVER () + {first} AS id, a.source_id, a.destination_id
            FROM association a JOIN entity e ON e.id = a.source_id JOIN entity run ON run.id = a.destination_id
            WHERE e.type = 'DataSet' AND run.type = 'SageMakerTrainingJob' AND a.source_id % {share} = 0""")
        entity = _copied(
            tables.entity,
            id="apart.id",
            key=f"entity.key || {file}",
            arn=f"entity.arn || {file}",
            name="''",
            source_uri=f"entity.source_uri || '/' || {file} || '.csv'",
        )
        execute(f"{entity} FROM apart JOIN entity ON entity.id = apart.source_id")
        link = _copied(tables.association, source_id="apart.id")
        made = execute(f"{link} FROM apart JOIN association USING (source_id, destination_id)")
        execute("""DELETE FROM association WHERE (source_id, destination_id) IN
            (SELECT source_id, destination_id FROM apart)""")
        execute("DROP TABLE apart")
        return made

    return store.write(work)


def _copied(table: Table, **instead: str) -> str:
    """An INSERT of rows like those selected, but for these columns."""
    names = [column.name for column in table.columns]
    values = ", ".join(instead.get(name, f"{table.name}.{name}") for name in names)
    return f"INSERT INTO {table.name} ({', '.join(names)}) SELECT {values}"


def _batched(values: Iterator[bulk.Row]) -> Iterator[list[bulk.Row]]:
    some: list[bulk.Row] = []
    for value in values:
        some.append(value)
        if len(some) == BATCH:
            yield some
            some = []
    yield some


def _new(path: Path) -> Store:
    remove(path)
    store = Store(f"sqlite:///{path}")
    migrate(store)
    return store


def remove(path: Path) -> None:
    """Delete a SQLite database."""
    for suffix in ("", "-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)
