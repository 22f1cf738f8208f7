"""What is linked to some entities, as SageMaker's QueryLineage answers it.

It differs from `store.graph.lineage` in what it follows: only associations that SageMaker captures count, and both
directions means both from every entity that was reached, so that what something is used beside is found, too.
"""

from __future__ import annotations

import math
from bisect import bisect
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec
from sqlalchemy import ColumnElement, Connection, bindparam, case, or_, select

from store import bulk, paging
from store.database import Store, Transaction
from store.graph.borders import Borders
from store.graph.resolve import meant
from store.graph.traversal import LIMIT, Direction, Edge, EntityReader, Frontier, Vertex, links, neighbours
from store.lineage import MADE_BY_HAND, AssociationType, Trial, TrialComponent, query_type
from store.paging import PageKey, SortColumn
from store.tables import entity


class UnknownStart(Exception):
    """No entity has the ARN to begin at, or stands for it."""


class StartOutsideGraph(Exception):
    """The entity to begin at exists, and no association can lead to it."""


class Filters(msgspec.Struct, frozen=True):
    """Which entities are wanted: those that meet every one of these that is not empty.

    Attributes:
        types: They are of one of these types, as QueryLineage has them: `DataSet`, `TrainingJob`.
        lineage_types: They are of one of these lineage types.
        created: They were created between these times, both included, in epoch milliseconds; None: no bound.
        modified: Likewise, when they were last changed, or created.
        properties: They have at least one of these properties with its value.
    """

    types: frozenset[str] = frozenset()
    lineage_types: frozenset[str] = frozenset()
    created: tuple[int | None, int | None] = (None, None)
    modified: tuple[int | None, int | None] = (None, None)
    properties: frozenset[tuple[str, str]] = frozenset()


EVERYTHING = Filters()


class LineagePage(msgspec.Struct, frozen=True):
    """A page of an answer.

    Attributes:
        vertices: The nearest first; equally near ones by key.
        edges: Between these, and between one of these and one of a page before.
        next: The key of the last vertex, which is its hops and its key; None if there are no more.
    """

    vertices: tuple[Vertex, ...]
    edges: tuple[Edge, ...]
    next: PageKey | None


def linked_entities(
    store: Store,
    starts: Sequence[str],
    direction: Direction,
    filters: Filters = EVERYTHING,
    *,
    depth: int,
    edges: bool,
    size: int,
    after: PageKey | None = None,
) -> LineagePage:
    """A page of what is linked to some entities and meets the filters, each once: filters select, and prune nothing.

    A walk ends at `LIMIT` entities; the nearest are answered, as if there were no others.

    Args:
        store: Where.
        starts: ARNs of entities, ARNs of what entities stand for, and source URIs.
        direction: Which way associations are followed, from the starts and from everything that is reached.
        filters: Which entities are wanted.
        depth: How many associations to follow at most.
        edges: True: also the starts, what is on the shortest paths to the wanted entities, and every association that
            was followed between any of all these. False: only the wanted entities, and none of the starts.
        size: How many entities to return at most.
        after: The key of the page before, or None for the first page.

    Raises:
        UnknownStart: No entity is known by a start.
        StartOutsideGraph: A start is a trial.
    """

    def look(tx: Transaction) -> LineagePage:
        begin = _begin(tx.connection, starts)
        return _Query(tx.connection, begin, direction, depth).page(filters, edges, size, after)

    return store.read(look)


def matching_entities(store: Store, filters: Filters, *, size: int, after: PageKey | None = None) -> LineagePage:
    """A page of all entities that meet the filters, linked or not, without trials: no association can lead to one.

    Where few entities meet them, many are read: no index finds those with a property.

    Args:
        store: Where.
        filters: Which entities are wanted.
        size: How many to return at most.
        after: The key of the page before, or None for the first page.
    """
    wanted = select(*_COLUMNS).where(entity.c.lineage_type != Trial.lineage_type, *_narrowed(filters))
    order = [SortColumn(entity.c.key)]

    def look(tx: Transaction) -> LineagePage:
        found: list[_Row] = []
        last = after[1:] if after else None  # all are at no distance
        while len(found) <= size:
            ahead = paging.statement(wanted, order, last, _AT_ONCE)
            rows = [_Row(*row) for row in tx.connection.execute(ahead)]
            found += [row for row in rows if _is_wanted(row, filters)]
            if len(rows) < _AT_ONCE:
                break
            last = (rows[-1].key,)
        page = paging.page(found, size, lambda row: (0, row.key))
        return LineagePage(tuple(_vertex(row, 0) for row in page.rows), (), page.next)

    return store.read(look)


_AT_ONCE = 1000
"""How many entities are read in one statement where nobody knows how many of them are wanted."""


# ------------------------------------------------------------------------------------------------------- where to begin

_RESOURCE_TYPES = ("experiment", "experiment-trial", "experiment-trial-component", "artifact", "action", "context")
"""The resource types in the ARNs of entities."""


def _begin(connection: Connection, starts: Iterable[str]) -> list[int]:
    """The ids of the entities to begin at."""
    found: dict[int, None] = {}
    for start in starts:
        if row := bulk.read(connection, _BY_KEY, {"key": start.lower()}).fetchone():
            number, lineage_type = row
            if lineage_type == Trial.lineage_type:
                raise StartOutsideGraph(
                    f"{start} is a trial, and no part of the lineage graph: begin at its trial components"
                )
            found[number] = None
            continue
        others = _standing_for(connection, start)
        if not others:
            raise UnknownStart(f"no lineage entity is known by {start}")
        found |= dict.fromkeys(others)
    return list(found)


_BY_KEY = select(entity.c.id, entity.c.lineage_type).where(entity.c.key == bindparam("key"))


def _standing_for(connection: Connection, start: str) -> Sequence[int]:
    """The ids of the entities that stand for something: a URI, a job, a package, an endpoint."""
    if not start.startswith("arn:"):
        return connection.scalars(select(entity.c.id).where(entity.c.source_uri == start)).all()
    if start.split(":", 5)[-1].partition("/")[0].lower() in _RESOURCE_TYPES:
        return ()
    keys = {arn.lower() for match in meant(connection, start) for arn in match.starts}
    return connection.scalars(select(entity.c.id).where(bulk.among(connection, entity.c.key, sorted(keys)))).all()


# ------------------------------------------------------------------------------------------------------------- the walk


_Types = Mapping[tuple[int, int], str]
"""The types of associations, by the ids of their sources and destinations."""


class _Query:
    """A walk from some entities, as far as one page needs it."""

    def __init__(self, connection: Connection, begin: Collection[int], direction: Direction, depth: int) -> None:
        self.connection, self.begin, self.direction, self.depth = connection, begin, direction, depth
        self.entities = EntityReader(connection, _Row._fields, _Row._make)
        self.frontier = Frontier(begin, depth=depth, limit=LIMIT)
        self.hops = self.frontier.hops
        self.borders = Borders(connection)

    def page(self, filters: Filters, edges: bool, size: int, after: PageKey | None) -> LineagePage:
        """A page of what is wanted."""
        types: _Types | None = None
        shown: Collection[int]
        if edges and filters != EVERYTHING:  # what is near may be on the way to what is far: all of it is read
            deque(self._levels(), maxlen=0)
            types = self._followed(self.hops)
            shown = self._on_the_way_to(self._wanted(self.hops, filters), types)
        else:
            self._reach_page(filters, edges, size, after)
            shown = self._wanted([number for number, hop in self.hops.items() if hop or edges], filters)
        rows = self.entities.read(shown)
        ordered = sorted((self.hops[number], rows[number].key, number) for number in shown)
        first = bisect(ordered, (*after, math.inf)) if after else 0
        here = paging.page(ordered[first : first + size + 1], size, lambda one: one[:2])
        numbers = [number for _, _, number in here.rows]
        so_far = [number for _, _, number in ordered[: first + size]]
        return LineagePage(
            vertices=tuple(_vertex(rows[number], self.hops[number]) for number in numbers),
            edges=tuple(self._edges(so_far, numbers, types)) if edges and numbers else (),
            next=here.next,
        )

    def _levels(self) -> Iterator[Collection[int]]:
        return self.frontier.levels(self._neighbours)

    def _neighbours(self, level: Collection[int]) -> Collection[int]:
        """What associations link some entities to: those that SageMaker captures, and those across accounts."""
        found = neighbours(self.connection, level, self.direction)
        return found.union(one.far for one in self.borders.across(level) if one.captured)

    def _reach_page(self, filters: Filters, starts: bool, size: int, after: PageKey | None) -> None:
        """Go on until more than a page of wanted entities is reached after a key, since nearer ones come first."""
        last_hop = int(after[0] or 0) if after else None
        found = 0
        new: list[int] = []
        for hop, level in enumerate(self._levels()):
            if (hop or starts) and (last_hop is None or hop > last_hop):
                new += level
            if found + len(new) > size:
                found += len(self._wanted(new, filters))
                new = []
                if found > size:
                    return

    def _wanted(self, numbers: Collection[int], filters: Filters) -> Collection[int]:
        """Those of some entities that meet the filters."""
        if filters == EVERYTHING:
            return numbers
        rows = self.entities.read(numbers)
        return [number for number in numbers if _is_wanted(rows[number], filters)]

    def _followed(self, among: Collection[int]) -> _Types:
        """All associations between some entities that the walk follows."""
        hops, some, types = self.hops, set(among), dict[tuple[int, int], str]()
        both = self.direction is Direction.BOTH
        near = some if both else [number for number in some if hops[number] < self.depth]
        for source, destination, type_, _ in links(self.connection, near, self.direction, inferred=False):
            pair = (source, destination)
            if source in some and destination in some and min(hops[source], hops[destination]) < self.depth:
                other = types.get(pair)
                if other is None or type_ < other:  # several resources may have it, each with its own type
                    types[pair] = type_
        return self._across(some, near) | types

    def _across(self, some: Collection[int], near: Collection[int]) -> dict[tuple[int, int], str]:
        """The associations across accounts between some entities, each in the direction of the walk, away from a start.

        They have no direction of their own: where both are as far from it, the lesser ARN comes first.
        """
        found: dict[tuple[int, int], str] = {}
        for one in self.borders.across(near):
            if one.captured and one.far in some:
                rows = self.entities.read((one.near, one.far))
                pair = sorted((one.near, one.far), key=lambda number: (self.hops[number], rows[number].key))
                upwards = self.direction is Direction.ASCENDANTS
                found[(pair[1], pair[0]) if upwards else (pair[0], pair[1])] = AssociationType.SAME_AS.value
        return found

    def _on_the_way_to(self, wanted: Iterable[int], types: _Types) -> set[int]:
        """These, the starts, and what is on the shortest paths from the starts to these."""
        before: dict[int, list[int]] = {}
        for source, destination in types:
            away = self.hops[destination] - self.hops[source]
            if away == 1 and self.direction is not Direction.ASCENDANTS:
                before.setdefault(destination, []).append(source)
            elif away == -1 and self.direction is not Direction.DESCENDANTS:
                before.setdefault(source, []).append(destination)
        seen = set(wanted)
        ahead = list(seen)
        while ahead:
            new = [near for near in before.get(ahead.pop(), ()) if near not in seen]
            seen.update(new)
            ahead += new
        return seen.union(self.begin)

    def _edges(self, so_far: Collection[int], here: Collection[int], types: _Types | None) -> Iterator[Edge]:
        """The associations between entities of a page, and between one of these and one of a page before."""
        found = self._followed(so_far) if types is None else types
        some, new, rows = set(so_far), set(here), self.entities.read(so_far)
        between = [
            (rows[source].arn, rows[destination].arn, type_)
            for (source, destination), type_ in found.items()
            if source in some and destination in some and (source in new or destination in new)
        ]
        return (Edge(*edge) for edge in sorted(between))


# ------------------------------------------------------------------------------------------------------------- entities


class _Row(NamedTuple):
    """An entity's row, as far as filters and vertices are about it."""

    id: int
    key: str
    arn: str
    type: str
    lineage_type: str
    name: str
    source_uri: str
    status: str
    created: int
    modified: int
    document: str


_COLUMNS = tuple(entity.c[name] for name in _Row._fields)


def _vertex(row: _Row, hops: int) -> Vertex:
    return Vertex(row.arn, _type(row), row.lineage_type, row.name, row.source_uri, row.status, hops)


def _type(row: _Row) -> str:
    if not row.type and row.lineage_type == TrialComponent.lineage_type:
        return MADE_BY_HAND
    return query_type(row.type)


def _is_wanted(row: _Row, filters: Filters) -> bool:
    if filters.types and _type(row) not in filters.types:
        return False
    if filters.lineage_types and row.lineage_type not in filters.lineage_types:
        return False
    if not (_within(row.created, filters.created) and _within(max(row.created, row.modified), filters.modified)):
        return False
    if not filters.properties:
        return True
    properties = msgspec.json.decode(row.document).get("properties", {})
    return not filters.properties.isdisjoint(properties.items())


def _within(time: int, span: tuple[int | None, int | None]) -> bool:
    first, last = span
    return (first is None or time >= first) and (last is None or time <= last)


_MODIFIED = case((entity.c.modified > entity.c.created, entity.c.modified), else_=entity.c.created)


def _narrowed(filters: Filters) -> Iterable[ColumnElement[bool]]:
    """What is true of all wanted entities, as far as an index or a quick comparison finds it."""
    if filters.types:
        spelled = filters.types | {f"SageMaker{type_}" for type_ in filters.types}
        if MADE_BY_HAND in filters.types:
            spelled |= {""}
        yield entity.c.type.in_(sorted(spelled))
    if filters.lineage_types:
        yield entity.c.lineage_type.in_(sorted(filters.lineage_types))
    for (first, last), when in ((filters.created, entity.c.created), (filters.modified, _MODIFIED)):
        if first is not None:
            yield when >= first
        if last is not None:
            yield when <= last
    if filters.properties:
        pairs = [msgspec.json.encode({name: value})[1:-1].decode() for name, value in sorted(filters.properties)]
        yield or_(*(entity.c.document.contains(pair, autoescape=True) for pair in pairs))
