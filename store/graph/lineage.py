"""The whole lineage of some entities: what they came from, and what came of them.

Answers take few statements whatever the depth, and say whether they are complete.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

import msgspec
from sqlalchemy import Connection, select

from store import bulk
from store.database import Store, Transaction
from store.graph import inferred as addresses
from store.graph.borders import Borders
from store.graph.spans import TimedRow
from store.graph.timed import Found, Paths, TimedWalk
from store.graph.traversal import LIMIT, Direction, Edge, EntityReader, EntityRow, Frontier, Link, Vertex, links
from store.lineage import Artifact, AssociationType, query_type
from store.tables import association, entity


class Walk(msgspec.Struct, frozen=True):
    """What was found on a walk.

    Attributes:
        start: The ARNs of the entities where it began.
        direction: Which way it went.
        complete: False where the depth or the limit cut it.
        vertices: The nearest first, the starts among them.
        edges: All associations that were followed between these vertices.
        left_out: How many others lead on from these vertices, but are between a writing and a reader that cannot have
            seen it: it came too late, or was replaced before. What lies behind them is not counted.
    """

    start: tuple[str, ...]
    direction: Direction
    complete: bool
    vertices: tuple[Vertex, ...]
    edges: tuple[Edge, ...]
    left_out: int = 0


def walk(
    store: Store,
    starts: Sequence[str],
    direction: Direction,
    *,
    depth: int | None = None,
    limit: int = LIMIT,
    inferred: bool = True,
    all_time: bool = False,
) -> Walk:
    """Follow associations from some entities.

    Args:
        store: Where.
        starts: ARNs of entities; those that are not there are left out.
        direction: Which way; `BOTH` gives what they came from and what came of them, not all that is connected.
        depth: How many associations to follow at most, or None for as many as there are.
        limit: How many vertices to return at most in each direction.
        inferred: Whether to follow links that are ours too: those that rules infer, and those by address.
        all_time: Whether to follow links that time rules out too, as QueryLineage does: who read an address leads to
            all who ever wrote there (docs/decisions/0014).
    """

    def look(tx: Transaction) -> Walk:
        connection = tx.connection
        keys = [start.lower() for start in starts]
        begin = list(connection.scalars(select(entity.c.id).where(bulk.among(connection, entity.c.key, keys))))
        entities = EntityReader(connection, EntityRow._fields, EntityRow._make)
        hops: dict[int, int] = dict.fromkeys(begin, 0)
        found: dict[tuple[int, int], Link] = {}
        left_out: set[tuple[int, int]] = set()
        complete = True
        for one_way in (Direction.ASCENDANTS, Direction.DESCENDANTS):
            if direction in (one_way, Direction.BOTH):
                paths = _OneWay(connection, entities, one_way, limit, inferred).walk(begin, depth, all_time)
                hops |= {number: min(distance, hops.get(number, distance)) for number, distance in paths.hops.items()}
                found |= paths.followed
                left_out.update(paths.left_out)
                complete = complete and paths.complete
        rows = entities.read(hops)
        vertices = [_vertex(rows[number], distance) for number, distance in hops.items()]
        edges = sorted(
            (rows[source].arn, rows[destination].arn, type_, ours)
            for source, destination, type_, ours in found.values()
        )
        return Walk(
            start=tuple(rows[number].arn for number in begin),
            direction=direction,
            complete=complete,
            vertices=tuple(sorted(vertices, key=lambda vertex: (vertex.hops, vertex.arn))),
            edges=tuple(Edge(source, destination, type_, bool(ours)) for source, destination, type_, ours in edges),
            left_out=len(left_out - found.keys()),
        )

    return store.read(look)


def _vertex(row: EntityRow, hops: int) -> Vertex:
    return Vertex(row.arn, query_type(row.type), row.lineage_type, row.name, row.source_uri, row.status, hops)


class _OneWay:
    """A walk in one direction.

    Without a depth it reads all that can be reached at once, and goes level by level where that is more than the limit.
    """

    def __init__(
        self,
        connection: Connection,
        entities: EntityReader[EntityRow],
        direction: Direction,
        limit: int,
        inferred: bool,
    ) -> None:
        self.connection, self.entities, self.limit, self.inferred = connection, entities, limit, inferred
        self.borders = Borders(connection)
        self.direction, self.up = direction, direction is Direction.ASCENDANTS
        ends = (association.c.destination_id, association.c.source_id)
        self.near, self.far = ends if self.up else ends[::-1]

    def walk(self, begin: Collection[int], depth: int | None, all_time: bool) -> Paths:
        """What is reached, and by which links."""
        everything = self._everything(begin) if depth is None else None
        if all_time:
            within, found, complete = (*everything, True) if everything else self._nearest(begin, depth)
            return self._plain(begin, within, found, complete)
        times = EntityReader(self.connection, TimedRow._fields, TimedRow._make)
        timed = TimedWalk(self.up, self.entities, times, self._written)
        if everything is None:
            return timed.walk(begin, depth, self.limit, self._look)
        within, found = everything
        if timed.is_contested(within, found):
            return timed.walk(begin, None, self.limit, None)
        return self._plain(begin, within, found, True)

    def _plain(self, begin: Collection[int], within: Collection[int], found: Found, complete: bool) -> Paths:
        """A walk along all links between what is within reach, whenever that was."""
        followed: dict[tuple[int, int], Link] = {}
        onward: dict[int, list[int]] = {}
        for link in (*found.stored, *found.by_address):
            source, destination, type_, ours = link
            if source in within and destination in within:
                pair = (source, destination)
                other = followed.get(pair)
                if other is None:
                    near, far = (destination, source) if self.up else pair
                    onward.setdefault(near, []).append(far)
                    followed[pair] = link
                elif (ours, type_) < (other[3], other[2]):  # several resources may have it, each with its own type
                    followed[pair] = link
        frontier = Frontier(begin, depth=None, limit=len(within))
        for _ in frontier.levels(lambda level: {far for near in level for far in onward.get(near, ())}):
            pass
        hops = frontier.hops
        if len(hops) < len(within):  # some of it is reached only by links that are not to be followed
            followed = {pair: link for pair, link in followed.items() if pair[0] in hops and pair[1] in hops}
        return Paths(hops, followed, complete)

    def _everything(self, begin: Collection[int]) -> tuple[Collection[int], Found] | None:
        """All that can be reached, and its links; None when that is more than the limit.

        Rounds: all that stored links lead to, then what links by address lead to from there, and on from the new ones.
        What only inferred links lead to is among it, wanted or not: the index has the ends of links and nothing else.
        """
        within: set[int] = set()
        found = Found([], [])
        ahead = set(begin)
        while ahead:
            reached = self._closure(ahead, within)
            if len(within) + len(reached) > self.limit:
                return None
            within |= reached
            step = self._look(reached)
            found.stored.extend(step.stored)
            found.by_address.extend(step.by_address)
            ahead = self._ends(step.by_address) - within
        return within, found

    def _closure(self, begin: Collection[int], within: Collection[int]) -> set[int]:
        """All that stored links lead to, in one recursive statement; some of it when it is more than the limit.

        A union of sets ends at a cycle by itself, and what was found before need not be found again.
        """
        reached = select(entity.c.id).where(bulk.among(self.connection, entity.c.id, begin)).cte(recursive=True)
        further = select(self.far).join(reached, self.near == reached.c.id)
        if within:
            further = further.where(~bulk.among(self.connection, self.far, within))
        reached = reached.union(further)
        return set(self.connection.scalars(select(reached.c.id).limit(self.limit - len(within) + 1)).all())

    def _nearest(self, begin: Collection[int], depth: int | None) -> tuple[Collection[int], Found, bool]:
        """What is nearest, level by level, up to a depth or a limit: ids, links, and whether that is complete."""
        found = Found([], [])

        def neighbours(level: Collection[int]) -> Collection[int]:
            step = self._look(level)
            found.stored.extend(step.stored)
            found.by_address.extend(step.by_address)
            return self._ends(step.stored) | self._ends(step.by_address)

        frontier = Frontier(begin, depth=depth, limit=self.limit, beyond=True)
        for _ in frontier.levels(neighbours):
            pass
        return frontier.hops.keys(), found, frontier.complete

    def _ends(self, followed: Iterable[Link]) -> set[int]:
        """The far ends of links."""
        return {link[0] for link in followed} if self.up else {link[1] for link in followed}

    def _look(self, near: Collection[int]) -> Found:
        """The links that lead on from some entities."""
        return Found(links(self.connection, near, self.direction, inferred=self.inferred), self._by_address(near))

    def _written(self, artifacts: Collection[int]) -> list[Link]:
        """The stored links that lead to some artifacts, whichever way this walk goes."""
        return links(self.connection, artifacts, Direction.ASCENDANTS, inferred=self.inferred)

    def _by_address(self, near: Collection[int]) -> list[Link]:
        if not self.inferred:
            return []
        look = addresses.towards if self.up else addresses.onwards
        rows = self.entities.read(near)
        artifacts = {
            number: rows[number].source_uri for number in near if rows[number].lineage_type == Artifact.lineage_type
        }
        return [
            *((link.source, link.destination, link.type.value, 1) for link in look(self.connection, artifacts)),
            *self._across(artifacts),
        ]

    def _across(self, artifacts: Collection[int]) -> Iterator[Link]:
        """Links to the artifacts of other accounts that stand for the same things."""
        for one in self.borders.across(artifacts):
            source, destination = (one.far, one.near) if self.up else (one.near, one.far)
            yield source, destination, AssociationType.SAME_AS.value, 1
