"""Questions about lineage, in our nouns: what something came from, what came of it, and what a name means.

Answers take few statements whatever the depth, and say whether they are whole.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable, Sequence
from enum import StrEnum
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, func, or_, select

from store import rows
from store.database import Store, Transaction
from store.lineage import OWN
from store.tables import association, entity, ledger, membership, mention, reference, resource

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
                hops |= {number: hops.get(number, distance) for number, distance in reached.items()}
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
        within, found, whole = _nearest(connection, begin, way, here, there, depth, limit)
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
    there: ColumnElement[int],
    depth: int | None,
    limit: int,
) -> tuple[set[int], list[tuple[int, int, str]], bool]:
    """What is nearest, hop by hop, up to a depth or a limit: ids, links, and whether that is all."""
    within = set(begin)
    frontier = set(begin)
    found: list[tuple[int, int, str]] = []
    hop = 0
    while frontier and (depth is None or hop < depth):
        step = _links(connection, frontier, here)
        found += step
        frontier = {end if way is Direction.DESCENDANTS else source for source, end, _ in step} - within
        room = max(limit - len(within), 0)
        if len(frontier) > room:
            return within | set(sorted(frontier)[:room]), found, False
        within |= frontier
        hop += 1
    beyond = select(there).where(rows.among(connection, here, frontier), ~rows.among(connection, there, within))
    return within, found, not frontier or connection.execute(beyond.limit(1)).first() is None


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


# ---------------------------------------------------------------------------------------------------- what a name means


class Match(msgspec.Struct, frozen=True):
    """Something that a person may have meant.

    Attributes:
        vertex: The entity.
        starts: Where a walk from it begins: itself; of a trial or an experiment, its trial components.
    """

    vertex: Vertex
    starts: tuple[str, ...]


_CAPTURED = re.compile(
    r"-(\d+-)?aws-(training-job|processing-job|transform-job|endpoint|model-package-group|feature-group)"
)
_PREFERENCE = ("TrialComponent", "Artifact", "Context", "Trial", "Experiment", "Action")


def find(store: Store, ref: str) -> list[Match]:
    """What a person means by an ARN of anything, a URI, or a name.

    Returns:
        All that match equally well: mostly one; several where a name was used again; none.
    """
    return store.read(lambda tx: _find(tx.connection, ref.strip()))


def _find(connection: Connection, ref: str) -> list[Match]:
    low = ref.lower()
    questions: list[Select[Any]] = [select(entity).where(entity.c.key == low)]
    questions.append(select(entity).where(entity.c.source_uri.in_({ref, low})))
    if low.startswith("arn:"):
        spoken = select(mention.c.entity_id).join(resource).where(resource.c.key == low, mention.c.weight > 0)
        reads = select(reference.c.resource_id).where(reference.c.target == low)
        readers = select(mention.c.entity_id).where(mention.c.resource_id.in_(reads), mention.c.weight == OWN)
        questions += [select(entity).where(entity.c.id.in_(ids)) for ids in (spoken, readers)]
    else:
        questions.append(select(entity).where(entity.c.name == ref))
        begins = (entity.c.name >= f"{ref}-") & (entity.c.name < f"{ref}.")
        questions.append(select(entity).where(entity.c.name != "", begins, entity.c.name.contains("-aws-")))
        tail = func.lower(entity.c.source_uri).like(f"%/{_escaped(low)}", escape="\\")
        questions.append(select(entity).where(or_(func.lower(entity.c.name) == low, tail)))
    for position, question in enumerate(questions):
        found = connection.execute(question.limit(1000)).all()
        if position == 3 and not low.startswith("arn:"):
            found = [row for row in found if _CAPTURED.fullmatch(row.name[len(ref) :])]
        if found:
            best = min(_PREFERENCE.index(row.lineage_type) for row in found)
            kept = [row for row in found if _PREFERENCE.index(row.lineage_type) == best]
            return [_match(connection, row) for row in sorted(kept, key=lambda row: (row.created, row.key))]
    return []


def _match(connection: Connection, row: Any) -> Match:
    vertex = Vertex(row.arn, query_type(row.type), row.lineage_type, row.name, row.source_uri, row.status)
    if row.lineage_type not in ("Trial", "Experiment"):
        return Match(vertex, (row.arn,))
    inside = select(membership.c.child_id.label("id")).where(membership.c.parent_id == row.id).cte(recursive=True)
    inside = inside.union(select(membership.c.child_id).join(inside, membership.c.parent_id == inside.c.id))
    parts = select(entity.c.arn).join(inside, entity.c.id == inside.c.id)
    return Match(vertex, tuple(connection.scalars(parts.where(entity.c.lineage_type == "TrialComponent"))))


def nearest(store: Store, ref: str, count: int = 3) -> list[str]:
    """Names and URIs that resemble what nothing was found for."""
    words = sorted(re.findall(r"[A-Za-z0-9]{3,}", ref.rpartition("/")[2] or ref), key=len, reverse=True)

    def look(tx: Transaction) -> list[str]:
        candidates: set[str] = set()
        for word in [*words[:3], ""]:
            pattern = f"%{_escaped(word[:12].lower())}%"
            for column in (entity.c.name, entity.c.source_uri):
                like = select(column).where(column != "", func.lower(column).like(pattern, escape="\\"))
                candidates |= set(tx.connection.scalars(like.limit(500)))
            if len(candidates) >= count:
                break
        return difflib.get_close_matches(ref, sorted(candidates), n=count, cutoff=0.3)

    return store.read(look)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


# ------------------------------------------------------------------------------------------------------------ evidence


class Evidence(msgspec.Struct, frozen=True):
    """Why an association is there.

    Attributes:
        resource: The ARN, in lower case, of the resource that says so.
        rule: The rule that derived it, and its version.
        events: The ids in the ledger of all events about that resource and about what it refers to.
        since: From when it held, in epoch milliseconds.
        until: Until when, or None if it still does.
    """

    resource: str
    rule: str
    events: tuple[int, ...]
    since: int
    until: int | None


def evidence(store: Store, source: str, destination: str) -> list[Evidence]:
    """Why there is an association between two entities, one answer for each resource that says so."""

    def look(tx: Transaction) -> list[Evidence]:
        connection = tx.connection
        near, far = entity.alias(), entity.alias()
        said = connection.execute(
            select(resource.c.id, resource.c.key, resource.c.rule, association.c.since, association.c.until)
            .select_from(association)
            .join(near, near.c.id == association.c.source_id)
            .join(far, far.c.id == association.c.destination_id)
            .join(resource, resource.c.id == association.c.resource_id)
            .where(near.c.key == source.lower(), far.c.key == destination.lower())
            .order_by(resource.c.key)
        ).all()
        return [
            Evidence(key, rule or "", tuple(_events(connection, number)), since, until)
            for number, key, rule, since, until in said
        ]

    return store.read(look)


def _events(connection: Connection, number: int) -> Iterable[int]:
    """Events about a resource, and about all that it refers to, however indirectly."""
    read = select(resource.c.id).where(resource.c.id == number).cte(recursive=True)
    referred = (
        select(resource.c.id)
        .join(reference, reference.c.target == resource.c.key)
        .join(read, read.c.id == reference.c.resource_id)
    )
    read = read.union(referred)
    told = select(ledger.c.id).where(ledger.c.resource_id.in_(select(read.c.id))).order_by(ledger.c.id)
    return connection.scalars(told)
