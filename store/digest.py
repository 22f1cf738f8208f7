"""The canonical graph and its hash: two stores with the same lineage have the same digest.

The canonical graph is a text. Entities come in the order of their keys; each is one JSON line, followed in sorted
order by the lines of its tags, parameters, metrics, memberships and associations. Row ids, arrival times and evidence
are not in it, since they differ between stores with the same lineage.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, case, func, select

from store import bulk
from store.database import Store, Transaction
from store.tables import association, entity, membership, metric, parameter, tag

PAGE = 2000
"""Entities in memory at a time."""


class Line(NamedTuple):
    """One line of the canonical graph.

    Attributes:
        kind: An entity's lineage type, or Tag, Parameter, Metric, Membership, Association.
        text: The line as it is hashed.
        values: Its values, in the order of `ENTITY_FIELDS` or `PART_FIELDS`; an entity has no two parts of one kind
            with the same first value.
    """

    kind: str
    text: bytes
    values: tuple[Any, ...]


class Passage(NamedTuple):
    """The lines about one entity: its own, and those of its parts."""

    key: str
    line: Line
    parts: Sequence[Line]


ENTITY_FIELDS = ("arn", "lineage_type", "type", "name", "source_uri", "status", "created", "document", "family")
PART_FIELDS: Mapping[str, tuple[str, ...]] = {
    "Tag": ("name", "value"),
    "Parameter": ("name", "string", "number"),
    "Metric": ("name", "value", "time", "low", "high", "mean", "deviation", "count"),
    "Membership": ("child",),
    "Association": ("destination", "type", "since", "until", "inferred"),
}
"""The names of a line's values, by kind."""


def digest(store: Store) -> tuple[str, Mapping[str, int]]:
    """The SHA-256 of the canonical graph, in hex, and how many lines of each kind it has."""

    def look(tx: Transaction) -> tuple[str, Mapping[str, int]]:
        hashed = hashlib.sha256()
        counts: Counter[str] = Counter()
        for passage in passages(tx.connection):
            for line in (passage.line, *passage.parts):
                hashed.update(line.text)
                counts[line.kind] += 1
        return hashed.hexdigest(), counts

    return store.read(look)


def canonical(store: Store) -> str:
    """The canonical graph itself, to see what differs; all of it in memory."""

    def look(tx: Transaction) -> str:
        found = (line.text for one in passages(tx.connection) for line in (one.line, *one.parts))
        return b"".join(found).decode()

    return store.read(look)


def passages(connection: Connection) -> Iterator[Passage]:
    """The canonical graph, an entity at a time in the order of their keys, which is the same in both databases."""
    encode = msgspec.json.Encoder().encode
    after = ""
    while True:
        page = connection.execute(select(entity).where(entity.c.key > after).order_by(entity.c.key).limit(PAGE)).all()
        if not page:
            return
        after = page[-1].key
        parts = _parts(connection, {row.id: row.key for row in page})
        for row in page:
            values = _entity_values(row)
            yield Passage(
                row.key,
                Line(row.lineage_type, encode(values) + b"\n", values),
                sorted(Line(kind, encode((kind, *part)) + b"\n", part) for kind, part in parts.get(row.id, ())),
            )


_entity_values = attrgetter(*ENTITY_FIELDS)


def _parts(connection: Connection, keys: Mapping[int, str]) -> dict[int, list[tuple[str, tuple[Any, ...]]]]:
    """The parts of the entities of a page: id -> (kind, values)."""
    found: dict[int, list[tuple[str, tuple[Any, ...]]]] = {}
    for table, kind in ((tag, "Tag"), (parameter, "Parameter"), (metric, "Metric")):
        for row in connection.execute(select(table).where(bulk.among(connection, table.c.entity_id, keys))):
            found.setdefault(row.entity_id, []).append((kind, tuple(row[1:])))
    # Several resources may have the same association: it held as long as one of them has it.
    until = case((func.count(association.c.until) == func.count(), func.max(association.c.until)))
    links = (
        select(
            association.c.source_id,
            association.c.destination_id,
            func.min(association.c.type),
            func.min(association.c.since),
            until,
            func.min(association.c.inferred),
        )
        .where(bulk.among(connection, association.c.source_id, keys))
        .group_by(association.c.source_id, association.c.destination_id)
    )
    members = (
        select(membership.c.parent_id, membership.c.child_id)
        .where(bulk.among(connection, membership.c.parent_id, keys))
        .distinct()
    )
    pairs = [("Association", tuple(row)) for row in connection.execute(links)]
    pairs += [("Membership", tuple(row)) for row in connection.execute(members)]
    ends = {pair[1] for _, pair in pairs}
    named = select(entity.c.id, entity.c.key).where(bulk.among(connection, entity.c.id, ends))
    ends_by_id = {row.id: row.key for row in connection.execute(named)}
    for kind, (begin, end, *rest) in pairs:
        found.setdefault(begin, []).append((kind, (ends_by_id[end], *rest)))
    return found
