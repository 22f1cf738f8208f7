"""What all walks through the graph share: directions, vertices, edges, and following links level by level."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from enum import StrEnum
from functools import lru_cache
from typing import Any, Generic, NamedTuple, TypeVar

import msgspec
from sqlalchemy import CompoundSelect, Connection, Select, select, union

from store import bulk
from store.tables import association, entity

LIMIT = 100_000
"""Entities in one walk, unless its caller says otherwise."""


class Direction(StrEnum):
    """Which way associations are followed: to what something came from, to what came of it, or both."""

    ASCENDANTS = "ascendants"
    DESCENDANTS = "descendants"
    BOTH = "both"


class Vertex(msgspec.Struct, frozen=True, gc=False):
    """An entity in an answer.

    Attributes:
        arn: Its ARN.
        type: Its type as QueryLineage has it: `DataSet`, `Model`, `TrainingJob`, `Endpoint` ...
        lineage_type: `Artifact`, `TrialComponent`, `Context`, `Action`, `Trial` or `Experiment`.
        name: Its name, or empty.
        source_uri: What it stands for: a URI or an ARN.
        status: Of a job, a deployment, an endpoint; else empty.
        hops: The number of associations on the shortest path from the nearest start.
    """

    arn: str
    type: str
    lineage_type: str
    name: str
    source_uri: str
    status: str
    hops: int = 0


class Edge(msgspec.Struct, frozen=True, gc=False):
    """An association in an answer, by ARNs; `inferred` if Headwater concludes it and SageMaker does not write it."""

    source: str
    destination: str
    type: str
    inferred: bool = False


class Frontier:
    """A walk from some entities, level by level: each level is one association farther from the starts.

    Attributes:
        hops: What was reached: id -> the number of associations on the shortest path from the nearest start.
        complete: False once the limit has cut a level, or the depth has cut the walk and `beyond` was given.
    """

    def __init__(self, starts: Iterable[int], *, depth: int | None, limit: int, beyond: bool = False) -> None:
        """Begin a walk.

        Args:
            starts: The ids of the entities to begin at.
            depth: How many associations to follow at most, or None for as many as there are.
            limit: How many entities to reach at most, the starts among them.
            beyond: True to look, at that depth, whether there is more.
        """
        self.hops = dict.fromkeys(starts, 0)
        self.complete = True
        self._depth, self._limit, self._beyond = depth, limit, beyond

    def levels(self, neighbours: Callable[[Collection[int]], Collection[int]]) -> Iterator[Collection[int]]:
        """The starts, what is one association away, what is two away, and so on; each is in `hops` when it comes.

        Args:
            neighbours: Gives the ids of what some entities are linked to, in the direction of the walk.
        """
        level: Collection[int] = list(self.hops)
        hop = 0
        while level:
            yield level
            if not self.complete or (hop == self._depth and not self._beyond):
                return
            reached = set(neighbours(level)).difference(self.hops)
            if hop == self._depth:
                self.complete = not reached
                return
            hop += 1
            room = max(self._limit - len(self.hops), 0)
            self.complete = len(reached) <= room
            level = reached if self.complete else sorted(reached)[:room]
            self.hops.update(dict.fromkeys(level, hop))


Link = tuple[int, int, str, int]
"""An association: the ids of its source and its destination, its type, and 1 if it is inferred."""


def links(connection: Connection, near: Collection[int], direction: Direction, *, inferred: bool) -> list[Link]:
    """The associations that lead to some entities, or on from them.

    Args:
        connection: Where.
        near: The ids of these entities.
        direction: `DESCENDANTS` for the associations of which they are sources, else those of which they are
            destinations: few things lead to one thing, and many may come of it.
        inferred: Whether those that rules infer are among them.
    """
    dialect = connection.dialect.name
    wanted = _links(dialect, direction is Direction.DESCENDANTS, inferred)
    # Plain tuples, one by one: many rows at a time are as much work for the garbage collector as for us.
    rows = bulk.read(connection, wanted, {"near": bulk.many(dialect, near)})
    return [(source, destination, type_, ours) for source, destination, type_, ours in rows]


def neighbours(connection: Connection, near: Collection[int], direction: Direction) -> set[int]:
    """The ids of what associations that SageMaker captures link some entities to, which are given by their ids."""
    dialect = connection.dialect.name
    rows = bulk.read(connection, _neighbours(dialect, direction), {"near": bulk.many(dialect, near)})
    return {number for (number,) in rows}


@lru_cache(maxsize=8)
def _links(dialect: str, onward: bool, inferred: bool) -> Select[Any]:
    near = association.c.source_id if onward else association.c.destination_id
    columns = (association.c.source_id, association.c.destination_id, association.c.type, association.c.inferred)
    wanted = select(*columns).where(bulk.among_named(dialect, near, "near"))
    return wanted if inferred else wanted.where(association.c.inferred == 0)


@lru_cache(maxsize=8)
def _neighbours(dialect: str, direction: Direction) -> Select[Any] | CompoundSelect[Any]:
    source, destination = association.c.source_id, association.c.destination_id
    onward = select(destination).where(association.c.inferred == 0, bulk.among_named(dialect, source, "near"))
    back = select(source).where(association.c.inferred == 0, bulk.among_named(dialect, destination, "near"))
    if direction is Direction.BOTH:
        return union(onward, back)
    return onward if direction is Direction.DESCENDANTS else back


class EntityRow(NamedTuple):
    """An entity's row, as far as a vertex is made of it, and when it was created."""

    id: int
    arn: str
    type: str
    lineage_type: str
    name: str
    source_uri: str
    status: str
    created: int


Row = TypeVar("Row")


class EntityReader(Generic[Row]):
    """Reads rows of entities, each once."""

    def __init__(self, connection: Connection, columns: Sequence[str], row: Callable[[Iterable[Any]], Row]) -> None:
        """Read nothing yet.

        Args:
            connection: Where.
            columns: Which columns, `id` the first of them.
            row: Makes a row of the values of these columns.
        """
        self._connection, self._row = connection, row
        self._dialect = connection.dialect.name
        self._statement = _entities(self._dialect, tuple(columns))
        self._rows: dict[int, Row] = {}

    def read(self, numbers: Iterable[int]) -> dict[int, Row]:
        """The rows of these ids, and all that were read before: id -> row."""
        missing = [number for number in numbers if number not in self._rows]
        if missing:
            some = {"numbers": bulk.many(self._dialect, missing)}
            for row in bulk.read(self._connection, self._statement, some):
                self._rows[row[0]] = self._row(row)
        return self._rows


@lru_cache(maxsize=8)
def _entities(dialect: str, columns: tuple[str, ...]) -> Select[Any]:
    wanted = select(*(entity.c[name] for name in columns))
    return wanted.where(bulk.among_named(dialect, entity.c.id, "numbers"))
