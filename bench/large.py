"""A large store beside an empty one: what new events and queries cost when much is stored already."""

from __future__ import annotations

import random
import statistics
from collections.abc import Iterable, Iterator, Sequence
from itertools import cycle, islice
from typing import NamedTuple

import psycopg
from sqlalchemy import select, text

from bench import generate, servers, workloads
from bench.graph import Graph, Kind, graph, starts
from bench.measure import Row, timed
from bench.options import Options
from consumers.handle import handle
from ingest.delivery import Delivery
from store import tables
from store.database import Store
from store.ledger import partitions

SMALL = 20_000
"""Entities of the store that lineage is compared with."""
FRESH = 5_000
BATCH = 500
AIM = "no more than 1.5 times"

_MONTHS = 24
_SINCE = 2024 * 12 + 2  # March 2024, when the generated archives begin
_CHUNK = 20_000
_JOBS = (Kind.PROCESSING, Kind.TRAINING, Kind.PACKAGE, Kind.APPROVAL, Kind.DEPLOYMENT, Kind.ENDPOINT, Kind.GROUP)


class Sample(NamedTuple):
    """What real rows hold: events and states, packed."""

    events: list[bytes]
    states: list[bytes]


def large(options: Options) -> list[Row]:
    """Rows put straight into the tables, then new events and queries, in turn with a store that has few or none."""
    events, entities = options.events or 10_000_000, options.entities or 3_000_000
    fresh = min(FRESH, events)
    with servers.postgresql() as server:
        # Settings for a server of this size; the defaults are for a laptop.
        server.set_up(shared_buffers="2GB", max_wal_size="8GB", checkpoint_timeout="30min")
        sample = _sample(server, fresh, options.seed)
        some, all_ = graph(SMALL, seed=options.seed), graph(entities, seed=options.seed)
        much, few = server.new(), server.new()
        _, made = timed(_fill, much, all_, events, sample)
        _fill(few, some, 0, sample)
        with Store(much) as store:
            size = store.read(lambda tx: tx.connection.scalar(text("SELECT pg_database_size(current_database())")))
        rates = []
        for turn in range(options.rounds):
            archive = list(generate.events(fresh, options.seed + 100 + turn))
            empty = server.new()
            rates.append((_taken(empty, archive), _taken(much, archive)))
            server.drop(empty)
        queries = [(_queried(few, some), _queried(much, all_)) for _ in range(options.rounds)]
    lone, full = (statistics.median(part) for part in zip(*rates, strict=True))
    quick, slow = (statistics.median(part) for part in zip(*queries, strict=True))
    return [
        Row(f"{server.NAME}: events in the ledger", events, ""),
        Row("entities", entities, ""),
        Row("associations", len(all_.sources), ""),
        Row("size", (size or 0) / 1e9, "GB"),
        Row("filled by COPY in", made, "s"),
        Row(f"{fresh:,} events into an empty store", fresh / lone, "events/s"),
        Row(f"{fresh:,} events into the large store; ratio: of seconds", fresh / full, "events/s", full / lone, AIM),
        Row(f"lineage of 100 among {SMALL:,} entities, median", quick * 1e3, "ms"),
        Row("lineage of 100 in the large store, median", slow * 1e3, "ms", slow / quick, AIM),
    ]


def _sample(server: servers.PostgreSql, fresh: int, seed: int) -> Sample:
    """Rows of a store that was filled from events."""
    url = server.new()
    _taken(url, list(generate.events(fresh, seed)))
    with Store(url) as store:
        found = store.read(
            lambda tx: Sample(
                list(tx.connection.scalars(select(tables.ledger.c.body))),
                list(
                    tx.connection.scalars(select(tables.resource.c.state).where(tables.resource.c.state.is_not(None)))
                ),
            )
        )
    server.drop(url)
    return found


def _taken(url: str, archive: Sequence[bytes]) -> float:
    """Seconds to handle events, in batches as a worker does."""

    def take() -> None:
        for at in range(0, len(archive), BATCH):
            settled = handle([Delivery(body) for body in archive[at : at + BATCH]], store)
            assert not settled.dead, "an event became a dead letter"

    with Store(url) as store:
        handle([], store)  # connected
        return timed(take)[1]


def _queried(url: str, lineage: Graph) -> float:
    """Median seconds for a lineage of 100, each queried once before."""
    chosen = [_arn(lineage, index) for index in starts(lineage, 100, how_many=30)]
    with Store(url) as store:
        for arn in chosen:
            workloads.queried(store, arn)
        return statistics.median(timed(workloads.queried, store, arn)[1] for arn in chosen)


def _fill(url: str, lineage: Graph, events: int, sample: Sample) -> None:
    """Rows as a store of this lineage has them; each job is a resource that mentions what it is linked with."""
    with Store(url) as store:
        partitions.make(store, range(_SINCE, _SINCE + _MONTHS))
    resource_of: list[int] = []  # entity -> the resource that mentions it
    jobs = 0
    for kind in lineage.kinds:
        jobs += kind in _JOBS
        resource_of.append(max(jobs, 1))
    resources = max(jobs, 1)
    with psycopg.connect(url, autocommit=True) as connection:
        # The rows are consistent by construction; checking foreign keys would cost a lookup for each.
        connection.execute("SET session_replication_role = replica")
        _copy(connection, "resource", _resources(resources, sample))
        _copy(connection, "reference", (f"{at}\t{_key(max(at - 1, 1))}\n" for at in range(1, resources + 1)))
        _copy(connection, "entity", _entities(lineage))
        _copy(connection, "mention", (f"{by}\t{at}\t1\t0\t\\N\n" for at, by in enumerate(resource_of, 1)))
        _copy(connection, "association", _associations(lineage, resource_of))
        _copy(connection, "ledger", _ledger(events, resources, sample))
        for name in ("resource", "entity", "ledger"):
            connection.execute(
                f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), max(id)) FROM {name} HAVING max(id) > 0"
            )
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")


def _copy(connection: psycopg.Connection, table: str, lines: Iterable[str]) -> None:
    with connection.cursor().copy(f"COPY {table} FROM STDIN") as copy:
        left = iter(lines)
        while some := "".join(islice(left, _CHUNK)):
            copy.write(some)


def _resources(count: int, sample: Sample) -> Iterator[str]:
    states = cycle([rf"\\x{one.hex()}" for one in sample.states])
    for at in range(1, count + 1):
        yield f"{at}\t{_key(at)}\ttraining-job\t1\t1\tbench/1\t\\N\t{next(states)}\t\t\t0\t0\t0\n"


def _entities(lineage: Graph) -> Iterator[str]:
    for one in lineage.entities():
        arn = _arn(lineage, one.id)
        yield (
            f"{one.id + 1}\t{arn.lower()}\t{arn}\t{one.lineage_type}\t{one.type}\t{one.name}\t{one.source_uri}"
            "\tCompleted\t0\t1\t{}\t\t0\n"
        )


def _associations(lineage: Graph, resource_of: Sequence[int]) -> Iterator[str]:
    for one in lineage.associations():
        yield f"{one.source + 1}\t{one.destination + 1}\t{resource_of[one.destination]}\t{one.type}\t0\t\\N\t0\n"


def _ledger(count: int, resources: int, sample: Sample) -> Iterator[str]:
    rng = random.Random(1)
    begin, end = partitions.beginning(_SINCE), partitions.beginning(_SINCE + _MONTHS)
    bodies = cycle([rf"\\x{one.hex()}" for one in sample.events])
    for at, body in enumerate(islice(bodies, count)):
        moment = begin + (end - begin) * at // count
        key = rng.randbytes(16).hex()
        by = rng.randrange(max(1, resources * at // count - 1_000), resources * at // count + 2)
        yield (
            f"{at + 1}\t\\\\x{key}\tSageMaker Training Job State Change\t{min(by, resources)}\t{moment}\t{moment}"
            f"\tderived\t{body}\n"
        )


def _key(resource: int) -> str:
    return f"arn:aws:sagemaker:us-west-2:123456789012:training-job/made-{resource}"


def _arn(lineage: Graph, index: int) -> str:
    kind = Kind(lineage.kinds[index]).name.lower()
    return f"arn:aws:sagemaker:us-west-2:123456789012:{kind}/{kind}-{index}"
