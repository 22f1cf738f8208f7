"""Walks through lineage, in our nouns: what something came from, and what came of it.

Answers take few statements whatever the depth, and say whether they are whole.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from enum import StrEnum
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, select

from store import rows
from store.database import Store, Transaction
from store.tables import association, entity

LIMIT = 100_000
"""Vertices in one answer, unless told otherwise."""


class Direction(StrEnum):
    """Which way to walk: to what something came from, to what came of it, or both of these from the start."""

    ASCENDANTS = "ascendants"
    DESCENDANTS = "descendants"
    BOTH = "both"


class Vertex(msgspec.Struct, frozen=True):
    """An entity in an answer.

    Attributes:
        arn: Its ARN.
        type: Its type as QueryLineage says it: `DataSet`, `Model`, `TrainingJob`, `Endpoint` ...
        lineage_type: `Artifact`, `TrialComponent`, `Context`, `Action`, `Trial` or `Experiment`.
        name: Its name, or empty.
        source_uri: What it stands for.
        status: Of a job, a deployment, an endpoint; else empty.
        hops: How many associations away from the start, at least.
    """

    arn: str
    type: str
    lineage_type: str
    name: str
    source_uri: str
    status: str
    hops: int = 0


class Edge(msgspec.Struct, frozen=True):
    """An association in an answer, by ARNs."""

    source: str
    destination: str
    type: str


class Walk(msgspec.Struct, frozen=True):
    """What was found on a walk.

    Attributes:
        start: Where it began.
        direction: Which way it went.
        complete: False where the depth or the limit cut it.
        vertices: The nearest first, the starts among them.
        edges: Between these vertices.
    """

    start: tuple[str, ...]
    direction: Direction
    complete: bool
    vertices: tuple[Vertex, ...]
    edges: tuple[Edge, ...]


def ascendants(store: Store, start: str, *, depth: int | None = None, limit: int = LIMIT) -> Walk:
    """All that `start` came from, nearest first; `Walk.complete` is False where `depth` or `limit` cut it."""
    return walk(store, [start], Direction.ASCENDANTS, depth=depth, limit=limit)


def descendants(store: Store, start: str, *, depth: int | None = None, limit: int = LIMIT) -> Walk:
    """All that came of `start`, nearest first; `Walk.complete` is False where `depth` or `limit` cut it."""
    return walk(store, [start], Direction.DESCENDANTS, depth=depth, limit=limit)


def walk(
    store: Store, starts: Sequence[str], direction: Direction, *, depth: int | None = None, limit: int = LIMIT
) -> Walk:
    """Follow associations from some entities.

    Args:
        store: Where.
        starts: ARNs of entities; those that are not there are left out.
        direction: Which way; `BOTH` gives what they came from and what came of them, not all that is connected.
        depth: How many associations to follow at most, or None for as many as there are.
        limit: How many vertices to return at most in each direction.
    """

    def look(tx: Transaction) -> Walk:
        connection = tx.connection
        keys = [start.lower() for start in starts]
        begin = list(connection.scalars(select(entity.c.id).where(rows.among(connection, entity.c.key, keys))))
        hops: dict[int, int] = dict.fromkeys(begin, 0)
        links: dict[tuple[int, int], str] = {}
        complete = True
        for way in (Direction.ASCENDANTS, Direction.DESCENDANTS):
            if direction in (way, Direction.BOTH):
                reached, found, whole = _follow(connection, begin, way, depth, limit)
                hops |= {number: min(distance, hops.get(number, distance)) for number, distance in reached.items()}
                links |= found
                complete = complete and whole
        vertices = _vertices(connection, hops)
        arns = {number: vertex.arn for number, vertex in vertices.items()}
        return Walk(
            start=tuple(arns[number] for number in begin),
            direction=direction,
            complete=complete,
            vertices=tuple(sorted(vertices.values(), key=lambda vertex: (vertex.hops, vertex.arn))),
            edges=tuple(
                sorted(
                    (Edge(arns[source], arns[end], type_) for (source, end), type_ in links.items()),
                    key=lambda edge: (edge.source, edge.destination),
                )
            ),
        )

    return store.read(look)


def _follow(
    connection: Connection, begin: Collection[int], way: Direction, depth: int | None, limit: int
) -> tuple[dict[int, int], dict[tuple[int, int], str], bool]:
    """What is reached in one direction: id -> hops, links by (source, destination), and whether that is all."""
    here, there = (
        (association.c.destination_id, association.c.source_id)
        if way is Direction.ASCENDANTS
        else (association.c.source_id, association.c.destination_id)
    )
    within = _closure(connection, begin, here, there, limit) if depth is None else None
    whole = within is not None
    if within is not None:
        found = _links(connection, within, here)
    else:
        within, found, whole = _nearest(connection, begin, way, here, depth, limit)
    links: dict[tuple[int, int], str] = {}
    onward: dict[int, list[int]] = {}
    for source, end, type_ in found:
        if source in within and end in within:
            pair = (source, end)
            links[pair] = min(type_, links.get(pair, type_))
            near, far = (end, source) if way is Direction.ASCENDANTS else pair
            onward.setdefault(near, []).append(far)
    hops = dict.fromkeys(begin, 0)
    edge = list(begin)
    while edge:
        reached = [(far, hops[near] + 1) for near in edge for far in onward.get(near, ())]
        edge = []
        for far, distance in reached:
            if far not in hops:
                hops[far] = distance
                edge.append(far)
    return hops, links, whole


def _closure(
    connection: Connection,
    begin: Collection[int],
    here: ColumnElement[int],
    there: ColumnElement[int],
    limit: int,
) -> set[int] | None:
    """Everything that can be reached, in one recursive statement; None when that is more than the limit.

    A union of sets ends at a cycle by itself.
    """
    reached = select(entity.c.id).where(rows.among(connection, entity.c.id, begin)).cte("reached", recursive=True)
    reached = reached.union(select(there).join(reached, here == reached.c.id))
    found = set(connection.scalars(select(reached.c.id).limit(limit + 1)))
    return found if len(found) <= limit else None


def _nearest(
    connection: Connection,
    begin: Collection[int],
    way: Direction,
    here: ColumnElement[int],
    depth: int | None,
    limit: int,
) -> tuple[set[int], list[tuple[int, int, str]], bool]:
    """What is nearest, hop by hop, up to a depth or a limit: ids, links, and whether that is all."""
    within = set(begin)
    frontier = set(begin)
    found: list[tuple[int, int, str]] = []
    hop = 0
    while frontier:
        step = _links(connection, frontier, here)
        found += step
        frontier = {end if way is Direction.DESCENDANTS else source for source, end, _ in step} - within
        room = max(limit - len(within), 0) if depth is None or hop < depth else 0
        if len(frontier) > room:
            return within | set(sorted(frontier)[:room]), found, False
        within |= frontier
        hop += 1
    return within, found, True


def _links(connection: Connection, near: Collection[int], here: Any) -> list[tuple[int, int, str]]:
    columns = (association.c.source_id, association.c.destination_id, association.c.type)
    found = connection.execute(select(*columns).where(rows.among(connection, here, near)))
    return [(source, end, type_) for source, end, type_ in found]


_COLUMNS = (entity.c.arn, entity.c.type, entity.c.lineage_type, entity.c.name, entity.c.source_uri, entity.c.status)


def _vertices(connection: Connection, hops: dict[int, int]) -> dict[int, Vertex]:
    found = connection.execute(select(entity.c.id, *_COLUMNS).where(rows.among(connection, entity.c.id, hops)))
    return {
        number: Vertex(arn, query_type(type_), lineage_type, name, uri, status, hops[number])
        for number, arn, type_, lineage_type, name, uri, status in found
    }


def query_type(type_: str) -> str:
    """A type as QueryLineage says it: ListAssociations' `SageMakerTrainingJob` is its `TrainingJob` (CAPTURE B3)."""
    return type_.removeprefix("SageMaker") if type_.endswith("Job") else type_
