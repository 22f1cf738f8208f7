"""Lineage -> rows: idempotent, within the caller's transaction, a handful of statements whatever the size.

A resource owns the lineage that its rule derives. What an earlier lineage of it contained and the new one does not is
withdrawn; an entity that no resource mentions any more is deleted. Where several mention one entity, the mention of the
greatest weight counts, and a tie is broken by content, never by order.
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


def save(transaction: Transaction, lineages: Mapping[int, Lineage], new: Collection[int] = ()) -> None:
    """Write the lineage of resources in place of the lineage that they had before.

    Args:
        transaction: That has locked the resources.
        lineages: Id of a resource -> its lineage.
        new: Ids among them that had no lineage before, which saves looking for it.
    """
    connection = transaction.connection
    rewritten = [number for number in lineages if number not in new]
    mentioned_by = {
        (number, one.key): one for number, lineage in lineages.items() for one in _heaviest(lineage.entities)
    }
    claimed = _believed_rows(mentioned_by.values())
    existing, created_rows = _existing_and_new(transaction, claimed)
    ids = {key: row.id for found in (existing, created_rows) for key, row in found.items()}
    mentions: Rows = {
        (number, ids[key]): (one.weight, one.created, _claim(one)) for (number, key), one in mentioned_by.items()
    }
    associations: Rows = {}
    memberships: Rows = {}
    for number, lineage in lineages.items():
        for link in lineage.associations:
            pair = (ids[link.source.lower()], ids[link.destination.lower()], number)
            associations[pair] = _joined_link(link, associations.get(pair))
        for member in lineage.memberships:
            memberships[ids[member.parent.lower()], ids[member.child.lower()], number] = ()

    mentioned = _owned(connection, mention, rewritten)
    _replace(connection, mention, mentioned, mentions)
    # Only now: from its mention on, no other worker can delete an entity, or write it without regard to us.
    _outweigh(transaction, claimed, existing)
    _replace(connection, association, _owned(connection, association, rewritten), associations)
    _replace(connection, membership, _owned(connection, membership, rewritten), memberships)
    _write_details(
        connection,
        {
            ids[key]: (one, number not in new or (key in existing and existing[key].weight >= CLIENT))
            for (number, key), one in mentioned_by.items()
            if one.weight >= CLIENT
        },
    )
    uncertain = {key[1] for key, before in mentioned.items() if mentions.get(key) != before}
    if uncertain:
        _reconsider(transaction, uncertain)


def _heaviest(entities: Iterable[Entity]) -> Iterable[Entity]:
    """One mention of each entity of a lineage: the one of the greatest weight; of equals the newest incarnation's."""
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


def _joined_link(link: Association, before: tuple[Any, ...] | None) -> tuple[Any, ...]:
    """A link that two incarnations of a resource make: it held from the first to the last."""
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
    details = {name: value for name, value in zip(one.details, _details(type(one))(one), strict=True) if value}
    return msgspec.json.encode(details, order="sorted").decode() if details else "{}"


@cache
def _details(type_: type[Entity]) -> attrgetter[tuple[Any, ...]]:
    return attrgetter(*type_.details)


def _claim(one: Entity) -> str | None:
    """What a rule says of an entity that others may mention too; None where it follows from the weight."""
    if one.weight == OWNER or (isinstance(one, Artifact) and _is_plain(one)):
        return None
    return _claim_of(_row(0, one))


def _is_plain(one: Artifact) -> bool:
    """True of an artifact as SageMaker captures it: all of it follows from its weight and its source URI."""
    return one.weight < CLIENT and not (
        one.name or one.metadata or one.properties or one.source_types or one.created_by or one.modified_by
    )


def _claim_of(row: EntityRow) -> str:
    return msgspec.json.encode([getattr(row, name) for name in _CLAIMED]).decode()


def _more_believed(ours: EntityRow, theirs: EntityRow) -> EntityRow:
    """Of two rows of an entity the one of greater weight, or the greater of equals; created when the older one was."""
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


def _believed_rows(mentions: Iterable[Entity]) -> dict[str, EntityRow]:
    """Of all mentions of each entity the one of the greatest weight, as a row without an id, by key."""
    rows: dict[str, EntityRow] = {}
    for one in mentions:
        mine = rows.get(one.key)
        if mine is None:
            rows[one.key] = _row(0, one)
        elif mine.weight != one.weight or mine.created > one.created or not isinstance(one, Artifact):
            rows[one.key] = _more_believed(mine, _row(0, one))  # else the artifact is mentioned as before
    return rows


def _existing_and_new(
    transaction: Transaction, claimed: Mapping[str, EntityRow]
) -> tuple[dict[str, EntityRow], dict[str, EntityRow]]:
    """The rows of these entities: those that existed, and those that are created now."""
    connection = transaction.connection
    existing = _entities(connection, claimed)
    missing = sorted(claimed.keys() - existing.keys())
    created_rows = {
        key: claimed[key]._replace(id=number)
        for number, key in zip(bulk.new_ids(connection, entity, len(missing)), missing, strict=True)
    }
    bulk.insert(connection, entity, list(created_rows.values()), "fail" if transaction.exclusive else "ignore")
    if transaction.exclusive:
        return existing, created_rows
    # Another worker may have created some of them a moment ago: its rows stand.
    return existing | _entities(connection, created_rows), {}


def _outweigh(transaction: Transaction, claimed: Mapping[str, EntityRow], existing: Mapping[str, EntityRow]) -> None:
    """Write the claimed rows of existing entities where these outweigh the rows in the table."""
    connection = transaction.connection
    if not transaction.exclusive:
        existing = _entities(connection, existing)  # as of now, with our mentions written
    changed = {key: row for key, row in existing.items() if _joined_row(row, claimed[key]) != row}
    if changed and not transaction.exclusive:
        changed = _entities(connection, changed, lock=True)
    bulk.insert(connection, entity, sorted(_joined_row(row, claimed[key]) for key, row in changed.items()), "replace")


def _joined_row(written: EntityRow, claimed: EntityRow) -> EntityRow:
    return _more_believed(written, claimed._replace(id=written.id))


def _entities(connection: Connection, keys: Collection[str], *, lock: bool = False) -> dict[str, EntityRow]:
    if not keys:
        return {}
    if lock:
        wanted = select(entity).where(bulk.among(connection, entity.c.key, keys)).order_by(entity.c.id)
        found: Iterable[Any] = connection.execute(wanted.with_for_update(key_share=True))
    else:
        found = bulk.of_many(connection, entity, entity.c.key, keys)
    return {row.key: row for row in (EntityRow(*values) for values in found)}


def _owned(connection: Connection, table: Table, owners: Collection[int]) -> Rows:
    """The rows of a table that resources own."""
    if not owners:
        return {}
    keys = len(table.primary_key)
    found = bulk.of_many(connection, table, table.c.resource_id, owners)
    return {tuple(row[:keys]): tuple(row[keys:]) for row in found}


def _replace(connection: Connection, table: Table, old: Rows, new: Rows) -> None:
    """Replace old rows of a table by new ones: only the differences are written."""
    bulk.remove(connection, table, sorted(old.keys() - new.keys()))
    changed = [key for key, rest in new.items() if old.get(key) != rest] if old else list(new)
    bulk.insert(connection, table, [(*key, *new[key]) for key in sorted(changed)], "replace" if old else "fail")


def _write_details(connection: Connection, entities: Mapping[int, tuple[Entity, bool]]) -> None:
    """Write parameters, metrics and tags of entities that their own resource or a client describes.

    Args:
        connection: Within the transaction.
        entities: Id -> the entity, and whether it may have been written before.
    """
    rewritten = [number for number, (_, before) in entities.items() if before]
    parameters: Rows = {}
    metrics: Rows = {}
    tags: Rows = {}
    for number, (one, _) in entities.items():
        for name, value in one.tags.items():
            tags[number, name] = (value,)
        if isinstance(one, TrialComponent):
            for name, both in one.parameters.items():
                parameters[number, name] = both
            for name, measured in one.metrics.items():
                metrics[number, name] = measured
    for table, new in ((parameter, parameters), (metric, metrics), (tag, tags)):
        old: Rows = {}
        if rewritten:
            found = bulk.of_many(connection, table, table.c.entity_id, rewritten)
            old = {tuple(row[:2]): tuple(row[2:]) for row in found}
        _replace(connection, table, old, new)


def _reconsider(transaction: Transaction, uncertain: Collection[int]) -> None:
    """Write entities again whose mentions were withdrawn or changed; delete those that have no mention left."""
    connection = transaction.connection
    rows = select(entity).where(bulk.among(connection, entity.c.id, uncertain)).order_by(entity.c.id)
    if not transaction.exclusive:
        rows = rows.with_for_update()
    written = {row.id: EntityRow(*row) for row in connection.execute(rows)}
    found = (
        select(mention.c.entity_id, mention.c.weight, func.max(mention.c.claim), func.min(mention.c.since))
        .where(bulk.among(connection, mention.c.entity_id, uncertain))
        .group_by(mention.c.entity_id, mention.c.weight)
    )
    mentions_of: dict[int, list[tuple[int, str | None, int]]] = {}
    for number, weight, claim, since in connection.execute(found):
        mentions_of.setdefault(number, []).append((weight, claim, since))
    changed = []
    bare = written.keys() - mentions_of.keys()  # whose details no mention contains any more
    for number, row in written.items():
        if number not in mentions_of:
            continue
        weight, claim, _ = max(mentions_of[number], key=lambda mention: mention[0])
        if weight == OWNER:
            continue  # its own resource mentions it, and has just written it or will
        if row.weight >= CLIENT > weight:
            bare.add(number)
        now = row._replace(weight=weight, created=min(since for _, _, since in mentions_of[number]))
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
    bulk.remove(connection, entity, [(number,) for number in sorted(written.keys() - mentions_of.keys())])


_CLAIMED = ("arn", "type", "name", "source_uri", "status", "document", "family")
_ARTIFACT_TYPES = {weight: type_ for type_, weight in ARTIFACT_WEIGHTS.items()}
