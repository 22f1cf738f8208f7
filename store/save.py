"""Lineage -> rows: idempotent, within the caller's transaction, a handful of statements whatever the size.

A resource owns what its rule says. What it said before and says no more is withdrawn; an entity that nobody mentions
any more goes. Where several speak of one entity, the heaviest word is believed, and a tie is broken by what is said,
never by who came first.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from functools import cache
from operator import attrgetter
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, Table, delete, func, select

from store import bulk
from store.database import Transaction
from store.lineage import (
    ARTIFACT_WEIGHTS,
    CLIENT,
    OWNER,
    Artifact,
    Association,
    AssociationType,
    Entity,
    Lineage,
    TrialComponent,
)
from store.tables import association, entity, membership, mention, metric, parameter, tag

Rows = dict[tuple[Any, ...], tuple[Any, ...]]
"""Rows of a table: primary key -> the rest."""


class EntityRow(NamedTuple):
    """One entity, as the table holds it."""

    id: int
    key: str
    arn: str
    lineage_type: str
    type: str
    name: str
    source_uri: str
    status: str
    created: int
    weight: int
    document: str
    family: str
    modified: int


def save(transaction: Transaction, said: Mapping[int, Lineage], fresh: Collection[int] = ()) -> None:
    """Make the store say what these resources say, and no longer what they said before.

    Args:
        transaction: That holds the resources for itself.
        said: Id of a resource -> all that it says now.
        fresh: Ids among them that have never said anything, which saves looking for it.
    """
    connection = transaction.connection
    speakers_before = [number for number in said if number not in fresh]
    told = {(number, one.key): one for number, lineage in said.items() for one in _heaviest(lineage.entities)}
    words = _words(told.values())
    there, made = _made(transaction, words)
    ids = {key: row.id for found in (there, made) for key, row in found.items()}
    mentions: Rows = {(number, ids[key]): (one.weight, one.created, _claim(one)) for (number, key), one in told.items()}
    associations: Rows = {}
    memberships: Rows = {}
    for number, lineage in said.items():
        for link in lineage.associations:
            pair = (ids[link.source.lower()], ids[link.destination.lower()], number)
            associations[pair] = _joined(link, associations.get(pair))
        for member in lineage.memberships:
            memberships[ids[member.parent.lower()], ids[member.child.lower()], number] = ()

    mentioned = _owned(connection, mention, speakers_before)
    _replace(connection, mention, mentioned, mentions)
    # Only now: from its mention on, nobody can take an entity away or believe others of it without hearing us.
    _outweigh(transaction, words, there)
    _replace(connection, association, _owned(connection, association, speakers_before), associations)
    _replace(connection, membership, _owned(connection, membership, speakers_before), memberships)
    _write_details(
        connection,
        {
            ids[key]: (one, number not in fresh or (key in there and there[key].weight >= CLIENT))
            for (number, key), one in told.items()
            if one.weight >= CLIENT
        },
    )
    doubtful = {key[1] for key, before in mentioned.items() if mentions.get(key) != before}
    if doubtful:
        _reconsider(transaction, doubtful)


def _heaviest(entities: Iterable[Entity]) -> Iterable[Entity]:
    """One word for each entity that a resource speaks of; of equal ones the last, which is of its newest life."""
    kept: dict[str, Entity] = {}
    for one in entities:
        mine = kept.get(one.key)
        if mine is None:
            kept[one.key] = one
            continue
        heavier = one if one.weight >= mine.weight else mine
        created = min(one.created, mine.created)
        if heavier.weight != OWNER and heavier.created != created:
            heavier = msgspec.structs.replace(heavier, created=created)
        kept[one.key] = heavier
    return kept.values()


_PLAIN = {type_: type_.value for type_ in AssociationType}  # asking an enumeration for its value is slow


def _joined(link: Association, before: tuple[Any, ...] | None) -> tuple[Any, ...]:
    """A link that a resource makes twice, in two lives: it held from the first to the last."""
    type_, inferred = _PLAIN[link.type], int(link.inferred)
    if before is None:
        return (type_, link.since, link.until, inferred)
    until = None if link.until is None or before[2] is None else max(link.until, before[2])
    return (min(type_, before[0]), min(link.since, before[1]), until, min(inferred, before[3]))


def _row(number: int, one: Entity) -> EntityRow:
    return EntityRow(
        number,
        one.key,
        one.arn,
        one.lineage_type,
        one.type,
        one.name,
        one.source_uri,
        one.status,
        one.created,
        one.weight,
        _document(one),
        one.family,
        getattr(one, "modified", None) or 0,
    )


def _document(one: Entity) -> str:
    """What has no column of its own, as canonical JSON."""
    if isinstance(one, Artifact) and _is_plain(one):  # as most are
        return "{}"
    told = {name: value for name, value in zip(one.details, _details(type(one))(one), strict=True) if value}
    return msgspec.json.encode(told, order="sorted").decode() if told else "{}"


@cache
def _details(sort: type[Entity]) -> attrgetter[tuple[Any, ...]]:
    return attrgetter(*sort.details)


def _claim(one: Entity) -> str | None:
    """What is said of an entity that others may speak of too; nothing where it follows from the weight."""
    if one.weight == OWNER or (isinstance(one, Artifact) and _is_plain(one)):
        return None
    return _claim_of(_row(0, one))


def _is_plain(one: Artifact) -> bool:
    """True of an artifact as SageMaker captures it: all that is said of it follows from its weight and its source."""
    return one.weight < CLIENT and not (
        one.name or one.metadata or one.properties or one.source_types or one.created_by or one.modified_by
    )


def _claim_of(row: EntityRow) -> str:
    return msgspec.json.encode([getattr(row, name) for name in _CLAIMED]).decode()


def _believed(ours: EntityRow, theirs: EntityRow) -> EntityRow:
    """Of two words about an entity the heavier, or the greater of equal ones; an artifact is as old as the older."""
    if OWNER in (ours.weight, theirs.weight):
        return theirs if theirs.weight == OWNER else ours
    created = min(ours.created, theirs.created)
    if ours.weight != theirs.weight:
        heavier = theirs if theirs.weight > ours.weight else ours
    elif ours[2:8] == theirs[2:8] and ours[10:] == theirs[10:]:
        heavier = ours
    else:
        heavier = theirs if _claim_of(theirs) > _claim_of(ours) else ours
    return heavier if heavier.created == created else heavier._replace(created=created)


def _words(told: Iterable[Entity]) -> dict[str, EntityRow]:
    """The heaviest of what is said of each entity, as a row without its id, by key."""
    said: dict[str, EntityRow] = {}
    for one in told:
        mine = said.get(one.key)
        if mine is None:
            said[one.key] = _row(0, one)
        elif mine.weight != one.weight or mine.created > one.created or not isinstance(one, Artifact):
            said[one.key] = _believed(mine, _row(0, one))  # else it says of an artifact what was said already
    return said


def _made(
    transaction: Transaction, words: Mapping[str, EntityRow]
) -> tuple[dict[str, EntityRow], dict[str, EntityRow]]:
    """The rows of these entities: those that were there, and those that were missing, made as they are said to be."""
    connection = transaction.connection
    there = _entities(connection, words)
    missing = sorted(words.keys() - there.keys())
    made = {
        key: words[key]._replace(id=number)
        for number, key in zip(bulk.new_ids(connection, entity, len(missing)), missing, strict=True)
    }
    bulk.insert(connection, entity, list(made.values()), "fail" if transaction.exclusive else "ignore")
    if transaction.exclusive:
        return there, made
    return there | _entities(connection, made), {}  # another worker may have made some a moment ago: its rows stand


def _outweigh(transaction: Transaction, words: Mapping[str, EntityRow], there: Mapping[str, EntityRow]) -> None:
    """Write what is said of entities that were there, where it outweighs what is written."""
    connection = transaction.connection
    if not transaction.exclusive:
        there = _entities(connection, there)  # as of now, when our mentions are made
    changed = {key: row for key, row in there.items() if _better(row, words[key]) != row}
    if changed and not transaction.exclusive:
        changed = _entities(connection, changed, lock=True)
    bulk.insert(connection, entity, sorted(_better(row, words[key]) for key, row in changed.items()), "replace")


def _better(written: EntityRow, word: EntityRow) -> EntityRow:
    return _believed(written, word._replace(id=written.id))


def _entities(connection: Connection, keys: Collection[str], *, lock: bool = False) -> dict[str, EntityRow]:
    if not keys:
        return {}
    if lock:
        wanted = select(entity).where(bulk.among(connection, entity.c.key, keys)).order_by(entity.c.id)
        found: Iterable[Any] = connection.execute(wanted.with_for_update(key_share=True))
    else:
        found = bulk.of_many(connection, entity, entity.c.key, keys)
    return {row.key: row for row in (EntityRow(*told) for told in found)}


def _owned(connection: Connection, table: Table, speakers: Collection[int]) -> Rows:
    """What resources said before."""
    if not speakers:
        return {}
    keys = len(table.primary_key)
    found = bulk.of_many(connection, table, table.c.resource_id, speakers)
    return {tuple(row[:keys]): tuple(row[keys:]) for row in found}


def _replace(connection: Connection, table: Table, old: Rows, new: Rows) -> None:
    """Make a table's old rows the new ones: only what differs is written."""
    bulk.remove(connection, table, sorted(old.keys() - new.keys()))
    changed = [key for key, rest in new.items() if old.get(key) != rest] if old else list(new)
    bulk.insert(connection, table, [(*key, *new[key]) for key in sorted(changed)], "replace" if old else "fail")


def _write_details(connection: Connection, told: Mapping[int, tuple[Entity, bool]]) -> None:
    """Write parameters, metrics and tags of entities that their own resource speaks of.

    Args:
        connection: Within the transaction.
        told: Id -> the entity, and whether it may have been written before.
    """
    known = [number for number, (_, before) in told.items() if before]
    parameters: Rows = {}
    metrics: Rows = {}
    tags: Rows = {}
    for number, (one, _) in told.items():
        for name, value in one.tags.items():
            tags[number, name] = (value,)
        if isinstance(one, TrialComponent):
            for name, both in one.parameters.items():
                parameters[number, name] = both
            for name, measured in one.metrics.items():
                metrics[number, name] = measured
    for table, new in ((parameter, parameters), (metric, metrics), (tag, tags)):
        old: Rows = {}
        if known:
            found = bulk.of_many(connection, table, table.c.entity_id, known)
            old = {tuple(row[:2]): tuple(row[2:]) for row in found}
        _replace(connection, table, old, new)


def _reconsider(transaction: Transaction, doubtful: Collection[int]) -> None:
    """Write entities anew whose mentions were withdrawn or changed; take away those that nobody mentions."""
    connection = transaction.connection
    wanted = select(entity).where(bulk.among(connection, entity.c.id, doubtful)).order_by(entity.c.id)
    if not transaction.exclusive:
        wanted = wanted.with_for_update()
    written = {row.id: EntityRow(*row) for row in connection.execute(wanted)}
    found = (
        select(mention.c.entity_id, mention.c.weight, func.max(mention.c.claim), func.min(mention.c.since))
        .where(bulk.among(connection, mention.c.entity_id, doubtful))
        .group_by(mention.c.entity_id, mention.c.weight)
    )
    words: dict[int, list[tuple[int, str | None, int]]] = {}
    for number, weight, claim, since in connection.execute(found):
        words.setdefault(number, []).append((weight, claim, since))
    changed = []
    bare = written.keys() - words.keys()  # of which nobody speaks any more who tells details
    for number, row in written.items():
        if number not in words:
            continue
        weight, claim, _ = max(words[number], key=lambda word: word[0])
        if weight == OWNER:
            continue  # its own resource speaks of it, and has just written it or will
        if row.weight >= CLIENT > weight:
            bare.add(number)
        now = row._replace(weight=weight, created=min(since for _, _, since in words[number]))
        if row.lineage_type == Artifact.lineage_type and claim is None:
            now = now._replace(type=_ARTIFACT_TYPES.get(weight, row.type), name="", document="{}", modified=0)
        elif claim is not None:
            now = now._replace(**dict(zip(_CLAIMED, msgspec.json.decode(claim), strict=True)))
            now = now._replace(modified=msgspec.json.decode(now.document).get("modified", 0))
        if now != row:
            changed.append(now)
    bulk.insert(connection, entity, changed, "replace")
    if bare:
        for table in (parameter, metric, tag):
            connection.execute(delete(table).where(bulk.among(connection, table.c.entity_id, bare)))
    bulk.remove(connection, entity, [(number,) for number in sorted(written.keys() - words.keys())])


_CLAIMED = ("arn", "type", "name", "source_uri", "status", "document", "family")
_ARTIFACT_TYPES = {weight: type_ for type_, weight in ARTIFACT_WEIGHTS.items()}
