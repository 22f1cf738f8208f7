"""Walks through lineage, in our nouns: what something came from, and what came of it.

Answers take few statements whatever the depth, and say whether they are whole.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any

import msgspec
from sqlalchemy import Connection, select

from store import bulk
from store.database import Store, Transaction
from store.graph import inferred as addresses
from store.lineage import Artifact, query_type
from store.tables import association, entity

LIMIT = 100_000
"""Vertices in one answer, unless told otherwise."""


class Direction(StrEnum):
    """Which way to walk: to what something came from, to what came of it, or both of these from the start."""

    ASCENDANTS = "ascendants"
    DESCENDANTS = "descendants"
    BOTH = "both"


class Vertex(msgspec.Struct, frozen=True, gc=False):
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


class Edge(msgspec.Struct, frozen=True, gc=False):
    """An association in an answer, by ARNs; `inferred` if it is ours, and not among those that SageMaker captures."""

    source: str
    destination: str
    type: str
    inferred: bool = False


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


def ascendants(
    store: Store, start: str, *, depth: int | None = None, limit: int = LIMIT, inferred: bool = True
) -> Walk:
    """All that `start` came from, nearest first; `Walk.complete` is False where `depth` or `limit` cut it."""
    return walk(store, [start], Direction.ASCENDANTS, depth=depth, limit=limit, inferred=inferred)


def descendants(
    store: Store, start: str, *, depth: int | None = None, limit: int = LIMIT, inferred: bool = True
) -> Walk:
    """All that came of `start`, nearest first; `Walk.complete` is False where `depth` or `limit` cut it."""
    return walk(store, [start], Direction.DESCENDANTS, depth=depth, limit=limit, inferred=inferred)


def walk(
    store: Store,
    starts: Sequence[str],
    direction: Direction,
    *,
    depth: int | None = None,
    limit: int = LIMIT,
    inferred: bool = True,
) -> Walk:
    """Follow associations from some entities.

    Args:
        store: Where.
        starts: ARNs of entities; those that are not there are left out.
        direction: Which way; `BOTH` gives what they came from and what came of them, not all that is connected.
        depth: How many associations to follow at most, or None for as many as there are.
        limit: How many vertices to return at most in each direction.
        inferred: Whether to follow links that are ours too: those that rules infer, and those by address.
    """

    def look(tx: Transaction) -> Walk:
        connection = tx.connection
        keys = [start.lower() for start in starts]
        begin = list(connection.scalars(select(entity.c.id).where(bulk.among(connection, entity.c.key, keys))))
        told = _Entities(connection)
        hops: dict[int, int] = dict.fromkeys(begin, 0)
        links: dict[tuple[int, int], Link] = {}
        complete = True
        for way in (Direction.ASCENDANTS, Direction.DESCENDANTS):
            if direction in (way, Direction.BOTH):
                reached, found, whole = _Way(connection, told, way, limit, inferred).follow(begin, depth)
                hops |= {number: min(distance, hops.get(number, distance)) for number, distance in reached.items()}
                links |= found
                complete = complete and whole
        vertices = told.vertices(hops)
        arns = {number: vertex.arn for number, vertex in vertices.items()}
        return Walk(
            start=tuple(arns[number] for number in begin),
            direction=direction,
            complete=complete,
            vertices=tuple(sorted(vertices.values(), key=lambda vertex: (vertex.hops, vertex.arn))),
            edges=tuple(
                Edge(source, end, type_, bool(ours))
                for source, end, type_, ours in sorted(
                    [(arns[source], arns[end], type_, ours) for source, end, type_, ours in links.values()]
                )
            ),
        )

    return store.read(look)


Link = tuple[int, int, str, bool]
"""The ids of its source and its destination, its type, and whether it is inferred."""


class _Way:
    """Following associations one way."""

    def __init__(self, connection: Connection, told: _Entities, way: Direction, limit: int, inferred: bool) -> None:
        self.connection, self.told, self.limit, self.inferred = connection, told, limit, inferred
        self.up = way is Direction.ASCENDANTS
        ends = (association.c.destination_id, association.c.source_id)
        self.here, self.there = ends if self.up else ends[::-1]

    def follow(
        self, begin: Collection[int], depth: int | None
    ) -> tuple[dict[int, int], dict[tuple[int, int], Link], bool]:
        """What is reached: id -> hops, links by (source, destination), and whether that is all."""
        all_of_it = self._all(begin) if depth is None else None
        within, found, whole = (*all_of_it, True) if all_of_it else self._nearest(begin, depth)
        links: dict[tuple[int, int], Link] = {}
        onward: dict[int, list[int]] = {}
        for link in found:
            source, end, type_, ours = link
            if source in within and end in within:
                pair = (source, end)
                before = links.get(pair)
                if before is None:
                    near, far = (end, source) if self.up else pair
                    onward.setdefault(near, []).append(far)
                    links[pair] = link
                elif (ours, type_) < (before[3], before[2]):
                    links[pair] = link
        hops = dict.fromkeys(begin, 0)
        edge = list(begin)
        while edge:
            reached = [(far, hops[near] + 1) for near in edge for far in onward.get(near, ())]
            edge = []
            for far, distance in reached:
                if far not in hops:
                    hops[far] = distance
                    edge.append(far)
        if len(hops) < len(within):  # some of it is reached by links alone that are not to be followed
            links = {pair: said for pair, said in links.items() if pair[0] in hops and pair[1] in hops}
        return hops, links, whole

    def _all(self, begin: Collection[int]) -> tuple[set[int], list[Link]] | None:
        """Everything that can be reached, and its links; None when that is more than the limit.

        Rounds: all that stored links lead to, then what links by address lead to from there, and on from the new ones.
        What only inferred links lead to is among it, wanted or not: the index tells ends of links and nothing else.
        """
        within: set[int] = set()
        found: list[Link] = []
        ahead = set(begin)
        while ahead:
            reached = self._closure(ahead, within)
            if len(within) + len(reached) > self.limit:
                return None
            within |= reached
            beside = self._by_address(reached)
            found += self._stored(reached)
            found += beside
            ahead = self._far(beside) - within
        return within, found

    def _closure(self, begin: Collection[int], within: Collection[int]) -> set[int]:
        """Everything that stored links lead to, in one recursive statement; some of it when it is more than the limit.

        A union of sets ends at a cycle by itself, and what was found before need not be found again.
        """
        reached = select(entity.c.id).where(bulk.among(self.connection, entity.c.id, begin)).cte(recursive=True)
        further = select(self.there).join(reached, self.here == reached.c.id)
        if within:
            further = further.where(~bulk.among(self.connection, self.there, within))
        reached = reached.union(further)
        return set(self.connection.scalars(select(reached.c.id).limit(self.limit - len(within) + 1)).all())

    def _nearest(self, begin: Collection[int], depth: int | None) -> tuple[set[int], list[Link], bool]:
        """What is nearest, hop by hop, up to a depth or a limit: ids, links, and whether that is all."""
        within = set(begin)
        frontier = set(begin)
        found: list[Link] = []
        hop = 0
        while frontier:
            step = [*self._stored(frontier), *self._by_address(frontier)]
            found += step
            frontier = self._far(step) - within
            room = max(self.limit - len(within), 0) if depth is None or hop < depth else 0
            if len(frontier) > room:
                return within | set(sorted(frontier)[:room]), found, False
            within |= frontier
            hop += 1
        return within, found, True

    def _far(self, links: Iterable[Link]) -> set[int]:
        return {link[0] for link in links} if self.up else {link[1] for link in links}

    def _stored(self, near: Collection[int]) -> Sequence[Link]:
        columns = (association.c.source_id, association.c.destination_id, association.c.type, association.c.inferred)
        wanted = select(*columns).where(bulk.among(self.connection, self.here, near))
        # Plain tuples, one by one: many rows at a time are as much work for the garbage collector as for us.
        found = [(source, end, type_, ours) for source, end, type_, ours in self.connection.execute(wanted)]
        return found if self.inferred else [link for link in found if not link[3]]

    def _by_address(self, near: Collection[int]) -> list[Link]:
        if not self.inferred:
            return []
        look = addresses.towards if self.up else addresses.onwards
        links = look(self.connection, self.told.artifacts(near))
        return [(link.source, link.destination, addresses.TYPES[link.reason].value, True) for link in links]


_COLUMNS = (entity.c.arn, entity.c.type, entity.c.lineage_type, entity.c.name, entity.c.source_uri, entity.c.status)


class _Entities:
    """What the store tells of entities, each read once."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.rows: dict[int, Sequence[Any]] = {}

    def artifacts(self, numbers: Collection[int]) -> dict[int, str]:
        """The addresses of those that are artifacts."""
        self._read(numbers)
        return {number: row[5] for number in numbers if (row := self.rows[number])[3] == Artifact.lineage_type}

    def vertices(self, hops: Mapping[int, int]) -> dict[int, Vertex]:
        """All that an answer tells of them."""
        self._read(hops)
        found: dict[int, Vertex] = {}
        for number, distance in hops.items():
            _, arn, type_, lineage_type, name, uri, status = self.rows[number]
            found[number] = Vertex(arn, query_type(type_), lineage_type, name, uri, status, distance)
        return found

    def _read(self, numbers: Iterable[int]) -> None:
        missing = [number for number in numbers if number not in self.rows]
        if missing:
            wanted = select(entity.c.id, *_COLUMNS).where(bulk.among(self.connection, entity.c.id, missing))
            self.rows |= {row[0]: tuple(row) for row in self.connection.execute(wanted)}
