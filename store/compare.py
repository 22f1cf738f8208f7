"""What differs between two stores: the lines of their canonical graphs, side by side in the order of keys."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Literal, get_args

import msgspec
from sqlalchemy import Connection

from store.database import Store
from store.digest import ENTITY_FIELDS, PART_FIELDS, Line, Passage, passages

How = Literal["only_here", "only_there", "different"]
WAYS: tuple[How, ...] = get_args(How)


class Difference(msgspec.Struct, frozen=True):
    """An entity, or a part of one, in which two stores differ.

    Attributes:
        kind: The entity's lineage type; or Tag, Parameter, Metric, Membership, Association.
        entity: The entity's key: its ARN in lower case.
        part: What distinguishes the part from others of its kind: a name, or the key of the entity at the other end.
        here: The values of the first store by field: those that differ, or all where the second has no such part. None
            where the first has none.
        there: Those of the second store, likewise.
    """

    kind: str = msgspec.field(name="sort")
    entity: str
    part: str | None
    here: Mapping[str, Any] | None
    there: Mapping[str, Any] | None

    @property
    def how(self) -> How:
        """In what way they differ."""
        if self.there is None:
            return "only_here"
        return "only_there" if self.here is None else "different"


class Comparison(msgspec.Struct, frozen=True):
    """How the lineage in two stores differs.

    Attributes:
        same: True if it does not differ.
        here: The digest of the first store.
        there: The digest of the second store.
        counts: How many lines of each kind the first store has; the second has as many when they are the same.
        differences: How many differences there are, by kind and by how they differ.
        shown: The first of each.
    """

    same: bool
    here: str
    there: str
    counts: Mapping[str, int]
    differences: Mapping[str, Mapping[How, int]]
    shown: tuple[Difference, ...]


def compare(here: Store, there: Store, limit: int) -> Comparison:
    """What differs between two stores, each as it is at one moment; memory does not grow with their size.

    Args:
        here: The first store.
        there: The second store; either may be on either database.
        limit: How many differences of each kind to show.

    Raises:
        Unavailable, Unusable: One of them cannot be read.
    """
    return here.read(lambda mine: there.read(lambda theirs: _compared(mine.connection, theirs.connection, limit)))


def same_database(one: Store, other: Store) -> bool:
    """True if two URLs lead to the same database, as far as their texts show."""
    if one.sqlite and other.sqlite:
        return os.path.realpath(one.url.database or "") == os.path.realpath(other.url.database or "")
    ours, theirs = (
        (store.sqlite, store.url.host, store.url.port or 5432, store.url.database, store.url.query.get("host"))
        for store in (one, other)
    )
    return ours == theirs


def _compared(mine: Connection, theirs: Connection, limit: int) -> Comparison:
    hashed_here, hashed_there = hashlib.sha256(), hashlib.sha256()
    counts: Counter[str] = Counter()
    differences: dict[str, dict[How, int]] = {}
    shown: list[Difference] = []
    for one, other in _side_by_side(passages(mine), passages(theirs)):
        here, there = _lines(one), _lines(other)
        for line in here.values():
            hashed_here.update(line.text)
            counts[line.kind] += 1
        for line in there.values():
            hashed_there.update(line.text)
        for difference in _differences(here, there):
            counted = differences.setdefault(difference.kind, dict.fromkeys(WAYS, 0))
            counted[difference.how] += 1
            if counted[difference.how] <= limit:
                shown.append(difference)
    return Comparison(
        hashed_here.digest() == hashed_there.digest(),
        hashed_here.hexdigest(),
        hashed_there.hexdigest(),
        dict(sorted(counts.items())),
        dict(sorted(differences.items())),
        tuple(sorted(shown, key=lambda one: (WAYS.index(one.how), one.kind, one.entity, one.part or ""))),
    )


def _side_by_side(
    mine: Iterator[Passage], theirs: Iterator[Passage]
) -> Iterator[tuple[Passage | None, Passage | None]]:
    """Passages about the same entity together; Python orders texts by code point, as both databases do."""
    one, other = next(mine, None), next(theirs, None)
    while one or other:
        before, after = one, other
        if one and other and one.key != other.key:
            before, after = (one, None) if one.key < other.key else (None, other)
        yield before, after
        one = next(mine, None) if before else one
        other = next(theirs, None) if after else other


LineKey = tuple[str, str, str | None]
"""What identifies a line: its kind, its entity, and what distinguishes it from others of its kind."""


def _lines(passage: Passage | None) -> dict[LineKey, Line]:
    if passage is None:
        return {}
    own = {(passage.line.kind, passage.key, None): passage.line}
    return own | {(line.kind, passage.key, line.values[0]): line for line in passage.parts}


def _differences(here: Mapping[LineKey, Line], there: Mapping[LineKey, Line]) -> Iterator[Difference]:
    if here == there:
        return
    for key in {**here, **there}:
        ours, theirs = here.get(key), there.get(key)
        if ours is None or theirs is None:
            yield Difference(*key, ours and _fields(ours), theirs and _fields(theirs))
        elif ours.text != theirs.text:
            one, other = _fields(ours), _fields(theirs)
            # Texts that differ may have equal values: then all of them are shown.
            differing = {name for name in {**one, **other} if one.get(name) != other.get(name)} or {*one, *other}
            yield Difference(
                *key,
                {name: value for name, value in one.items() if name in differing},
                {name: value for name, value in other.items() if name in differing},
            )


def _fields(line: Line) -> dict[str, Any]:
    """The values of a line by name, those of an entity's document among them."""
    fields = dict(zip(PART_FIELDS.get(line.kind, ENTITY_FIELDS), line.values, strict=True))
    document = fields.pop("document", None)
    if document is not None:
        fields |= {f"document.{name}": value for name, value in msgspec.json.decode(document).items()}
    return fields
