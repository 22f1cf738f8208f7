"""What is linked to something, as SageMaker's QueryLineage tells it (`api/query_lineage.py`).

It differs from `store.graph.lineage` in what it follows. Only associations that SageMaker captures count; and both
ways means both ways from everything that was reached, so that what something is used beside is found, too.
"""

from __future__ import annotations

import math
from bisect import bisect
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import ColumnElement, CompoundSelect, Connection, Select, bindparam, case, or_, select, union

from store import bulk
from store.database import Store, Transaction
from store.graph.lineage import LIMIT, Edge
from store.graph.resolve import meant
from store.lineage import MADE_BY_HAND, Trial, TrialComponent, query_type
from store.tables import association, entity


class NoStart(Exception):
    """There is nothing of that name to begin at."""


class NoVertex(Exception):
    """What is named to begin at is there, and is no part of the graph of associations."""


class Way(StrEnum):
    """Which way associations are followed, from the starts and from everything that is reached."""

    ASCENDANTS = "Ascendants"
    DESCENDANTS = "Descendants"
    BOTH = "Both"


class Filters(msgspec.Struct, frozen=True):
    """Which entities are wanted: those that are as every one of these says that is not empty.

    Attributes:
        types: Of one of these types, as QueryLineage says them: `DataSet`, `TrainingJob`.
        lineage_types: Of one of these lineage types.
        created: From when to when they came to be, both included, in epoch milliseconds; None: whenever.
        modified: Likewise, when they were last changed, or came to be.
        properties: With at least one of these properties and its value.
    """

    types: frozenset[str] = frozenset()
    lineage_types: frozenset[str] = frozenset()
    created: tuple[int | None, int | None] = (None, None)
    modified: tuple[int | None, int | None] = (None, None)
    properties: frozenset[tuple[str, str]] = frozenset()


EVERYTHING = Filters()


class Vertex(msgspec.Struct, frozen=True, gc=False):
    """An entity in an answer: its ARN, its type as QueryLineage says it, and its lineage type."""

    arn: str
    type: str
    lineage_type: str


class Position(NamedTuple):
    """Where an entity is in an answer: how many associations away from the starts, and its key."""

    hops: int
    key: str


class Page(msgspec.Struct, frozen=True):
    """A part of an answer.

    Attributes:
        vertices: The nearest first, and by key.
        edges: Between these, and between one of these and one of a page before.
        last: Where the last of these is if there are more.
    """

    vertices: tuple[Vertex, ...]
    edges: tuple[Edge, ...]
    last: Position | None


def reach(
    store: Store,
    starts: Sequence[str],
    way: Way,
    filters: Filters = EVERYTHING,
    *,
    depth: int,
    edges: bool,
    size: int,
    after: Position | None = None,
) -> Page:
    """What is linked to some entities and is as the filters say, each once: filters select, and prune nothing.

    A walk ends at `LIMIT` entities; the nearest are answered, as if there were no others.

    Args:
        store: Where.
        starts: ARNs of entities, ARNs of what entities stand for, and source URIs.
        way: Which way associations are followed.
        filters: Which entities are wanted.
        depth: How many associations to follow at most.
        edges: True: also the starts, what is on the shortest paths to the wanted entities, and every association that
            was followed between any of all these. False: only the wanted entities, and none of the starts.
        size: How many entities to return at most.
        after: Where the page before ended.

    Raises:
        NoStart: Nothing is known of a start.
        NoVertex: A start is a trial.
    """

    def look(tx: Transaction) -> Page:
        begin = _begin(tx.connection, starts)
        return _Walk(tx.connection, begin, way, depth).page(filters, edges, size, after)

    return store.read(look)


def select_entities(store: Store, filters: Filters, *, size: int, after: Position | None = None) -> Page:
    """All entities that are as the filters say, wherever they are; trials are no part of the graph, and not told.

    What is rare is looked for among all entities: nothing tells where those with a property are.

    Args:
        store: Where.
        filters: Which entities are wanted.
        size: How many to return at most.
        after: Where the page before ended.
    """

    def look(tx: Transaction) -> Page:
        wanted = select(*_COLUMNS).where(entity.c.lineage_type != Trial.lineage_type, *_narrowed(filters))
        found: list[_Row] = []
        key = after.key if after else ""
        while len(found) <= size:
            ahead = wanted.where(entity.c.key > key).order_by(entity.c.key).limit(_AT_ONCE)
            some = [_Row(*row) for row in tx.connection.execute(ahead)]
            found += [row for row in some if _is_wanted(row, filters)]
            if len(some) < _AT_ONCE:
                break
            key = some[-1].key
        shown = found[:size]
        last = Position(0, shown[-1].key) if len(found) > size else None
        return Page(tuple(map(_vertex, shown)), (), last)

    return store.read(look)


_AT_ONCE = 1000
"""How many entities are looked at in one statement where nothing tells how many of them are wanted."""


# ------------------------------------------------------------------------------------------------------- where to begin

_SORTS = ("experiment", "experiment-trial", "experiment-trial-component", "artifact", "action", "context")
"""What the ARNs of entities have for a resource type."""


def _begin(connection: Connection, starts: Iterable[str]) -> list[int]:
    """The ids of all that is meant."""
    found: dict[int, None] = {}
    for start in starts:
        if row := bulk.read(connection, _ITSELF, {"key": start.lower()}).fetchone():
            number, lineage_type = row
            if lineage_type == Trial.lineage_type:
                raise NoVertex(f"{start} is a trial, and no part of the lineage graph: begin at its trial components")
            found[number] = None
            continue
        others = _standing_for(connection, start)
        if not others:
            raise NoStart(f"no lineage entity is known by {start}")
        found |= dict.fromkeys(others)
    return list(found)


_ITSELF = select(entity.c.id, entity.c.lineage_type).where(entity.c.key == bindparam("key"))


def _standing_for(connection: Connection, start: str) -> Sequence[int]:
    """The ids of the entities that stand for something: a URI, a job, a package, an endpoint."""
    if not start.startswith("arn:"):
        return connection.scalars(select(entity.c.id).where(entity.c.source_uri == start)).all()
    if start.split(":", 5)[-1].partition("/")[0].lower() in _SORTS:
        return ()
    keys = {arn.lower() for match in meant(connection, start) for arn in match.starts}
    return connection.scalars(select(entity.c.id).where(bulk.among(connection, entity.c.key, sorted(keys)))).all()


# ------------------------------------------------------------------------------------------------------------- the walk


_Links = Mapping[tuple[int, int], str]
"""Associations: ids of source and destination -> type."""


class _Walk:
    """From some entities, hop by hop, as far as a page needs it.

    Attributes:
        hops: What was reached: id -> how many associations away.
        told: Rows of what was reached, by id, as far as they were needed.
    """

    def __init__(self, connection: Connection, begin: Collection[int], way: Way, depth: int) -> None:
        self.connection, self.begin, self.way, self.depth = connection, begin, way, depth
        self.dialect = connection.dialect.name
        self.hops: dict[int, int] = dict.fromkeys(begin, 0)
        self.told: dict[int, _Row] = {}

    def page(self, filters: Filters, edges: bool, size: int, after: Position | None) -> Page:
        """A part of what is wanted."""
        links: _Links | None = None
        shown: Collection[int]
        if edges and filters != EVERYTHING:  # something near may be told for something far: all has to be known
            deque(self._levels(), maxlen=0)
            links = self._followed(self.hops)
            shown = self._on_the_way_to(self._wanted(self.hops, filters), links)
        else:
            self._go_on_for(filters, edges, size, after)
            shown = self._wanted([number for number, hop in self.hops.items() if hop or edges], filters)
        self._read(shown)
        ordered = sorted((self.hops[number], self.told[number].key, number) for number in shown)
        first = bisect(ordered, (*after, math.inf)) if after else 0
        listed = [number for _, _, number in ordered[: first + size]]
        here = listed[first:]
        return Page(
            vertices=tuple(_vertex(self.told[number]) for number in here),
            edges=tuple(self._edges(listed, here, links)) if edges and here else (),
            last=Position(*ordered[first + size - 1][:2]) if len(ordered) > first + size else None,
        )

    def _levels(self) -> Iterator[Collection[int]]:
        """The starts, what is one association away, what is two away, and so on; in `hops` when it is told."""
        level, hop = self.begin, 0
        while level:
            yield level
            if hop >= self.depth:
                return
            hop += 1
            near = {"near": bulk.many(self.dialect, level)}
            reached = {far for (far,) in bulk.read(self.connection, _beside(self.dialect, self.way), near)}
            reached -= self.hops.keys()
            room = LIMIT - len(self.hops)
            level = reached if len(reached) <= room else sorted(reached)[:room]
            self.hops.update(dict.fromkeys(level, hop))

    def _go_on_for(self, filters: Filters, starts: bool, size: int, after: Position | None) -> None:
        """Go on until more than a page of what is wanted is known behind a place, for what is nearer comes first."""
        found = 0
        new: list[int] = []
        for hop, level in enumerate(self._levels()):
            if (hop or starts) and (after is None or hop > after.hops):
                new += level
            if found + len(new) > size:
                found += len(self._wanted(new, filters))
                new = []
                if found > size:
                    return

    def _wanted(self, numbers: Collection[int], filters: Filters) -> Collection[int]:
        """Those of some entities that are as the filters say."""
        if filters == EVERYTHING:
            return numbers
        self._read(numbers)
        return [number for number in numbers if _is_wanted(self.told[number], filters)]

    def _read(self, numbers: Iterable[int]) -> None:
        missing = [number for number in numbers if number not in self.told]
        if missing:
            some = {"numbers": bulk.many(self.dialect, missing)}
            self.told |= {row[0]: _Row(*row) for row in bulk.read(self.connection, _entities(self.dialect), some)}

    def _followed(self, among: Collection[int]) -> _Links:
        """All associations between some entities that are followed on the way."""
        hops, some, links = self.hops, set(among), dict[tuple[int, int], str]()
        near = some if self.way is Way.BOTH else [number for number in some if hops[number] < self.depth]
        wanted = {"near": bulk.many(self.dialect, near)}
        # Plain tuples, one by one: many rows at a time are as much work for the garbage collector as for us.
        for source, destination, type_ in bulk.read(self.connection, _links(self.dialect, self.way), wanted):
            pair = (source, destination)
            if source in some and destination in some and min(hops[source], hops[destination]) < self.depth:
                said = links.get(pair)
                if said is None or type_ < said:  # several resources may say so, each its own way: as `store.digest`
                    links[pair] = type_
        return links

    def _on_the_way_to(self, wanted: Iterable[int], links: _Links) -> set[int]:
        """These, the starts, and what is on the shortest paths from the starts to these."""
        before: dict[int, list[int]] = {}
        for source, destination in links:
            away = self.hops[destination] - self.hops[source]
            if away == 1 and self.way is not Way.ASCENDANTS:
                before.setdefault(destination, []).append(source)
            elif away == -1 and self.way is not Way.DESCENDANTS:
                before.setdefault(source, []).append(destination)
        seen = set(wanted)
        ahead = list(seen)
        while ahead:
            new = [near for near in before.get(ahead.pop(), ()) if near not in seen]
            seen.update(new)
            ahead += new
        return seen.union(self.begin)

    def _edges(self, listed: Collection[int], here: Collection[int], links: _Links | None) -> Iterator[Edge]:
        """What was followed between entities of a page, and between one of these and one of a page before."""
        found = self._followed(listed) if links is None else links
        some, new, told = set(listed), set(here), self.told
        between = [
            (told[source].arn, told[destination].arn, type_)
            for (source, destination), type_ in found.items()
            if source in some and destination in some and (source in new or destination in new)
        ]
        return (Edge(*edge) for edge in sorted(between))


@lru_cache(maxsize=8)
def _beside(dialect: str, way: Way) -> Select[Any] | CompoundSelect[Any]:
    """What captured associations lead to from some entities, which are given as `near`."""
    source, destination = association.c.source_id, association.c.destination_id
    onward = select(destination).where(association.c.inferred == 0, bulk.among_named(dialect, source, "near"))
    back = select(source).where(association.c.inferred == 0, bulk.among_named(dialect, destination, "near"))
    if way is Way.BOTH:
        return union(onward, back)
    return onward if way is Way.DESCENDANTS else back


@lru_cache(maxsize=8)
def _links(dialect: str, way: Way) -> Select[Any]:
    """The captured associations that begin at some entities, where they are followed: these are given as `near`."""
    # Few things lead to one thing, and many may come of it: where both ends are among them, that one is looked up.
    near = association.c.source_id if way is Way.DESCENDANTS else association.c.destination_id
    columns = (association.c.source_id, association.c.destination_id, association.c.type)
    return select(*columns).where(association.c.inferred == 0, bulk.among_named(dialect, near, "near"))


# ------------------------------------------------------------------------------------------------------------- entities


class _Row(NamedTuple):
    id: int
    key: str
    arn: str
    type: str
    lineage_type: str
    created: int
    modified: int
    document: str


_COLUMNS = tuple(entity.c[name] for name in _Row._fields)


@lru_cache(maxsize=2)
def _entities(dialect: str) -> Select[Any]:
    return select(*_COLUMNS).where(bulk.among_named(dialect, entity.c.id, "numbers"))


def _vertex(row: _Row) -> Vertex:
    return Vertex(row.arn, _type(row), row.lineage_type)


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
    """What all wanted entities are, as far as an index or a quick look tells."""
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
