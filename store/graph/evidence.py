"""Why an entity or an association is in the store: which rule derived it, from which events, and when it held.

Evidence has no rows of its own (docs/decisions/0004). It joins who says so (`mention`, `association`), the rule that is
noted at the resource, what the resource references, and the events about all of these in the ledger.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import msgspec
from sqlalchemy import Connection, select

from store import bulk
from store.database import Store, Transaction
from store.graph import borders, inferred
from store.graph.inferred import Grade
from store.lineage import AssociationType
from store.tables import association, entity, ledger, mention, reference, resource


class SourceEvent(msgspec.Struct, frozen=True):
    """An event that a rule derived something from.

    Attributes:
        ledger_id: Its number in the ledger.
        event_id: Its EventBridge `id`, or empty: hand-made events have none.
        kind: Its detail-type; of a recorded API call or a description, the operation too.
        time: Its own time in epoch milliseconds, or None when it has none.
        resource: The ARN, in lower case, of the resource that it is about.
        body: The event as it came.
    """

    ledger_id: int
    event_id: str
    kind: str
    time: int | None
    resource: str
    body: bytes


class Evidence(msgspec.Struct, frozen=True):
    """Why an entity or an association is in the store, as one resource's rule has it.

    Attributes:
        resource: The ARN, in lower case, of the resource whose rule derived it; empty where it follows from addresses.
        rule: The name and the version of that rule, such as `endpoint/2`, or empty; where it follows from addresses,
            the grade of the link (`store.graph.inferred.Grade`).
        type: The association's type as this rule has it; of an entity, its type in the store.
        events: All events about that resource and about what it references, directly or not, in the order of arrival;
            where there are none, those about what references it. Where it follows from addresses: about the resources
            that were the first to mention either end.
        since: Since when it holds, in epoch milliseconds.
        until: Until when it held, or None if it still does; entities have no end.
        inferred: True if Headwater concludes it and SageMaker does not write it.
        weight: Of an entity, what this rule's word weighs (`store.lineage`): the heaviest is believed. Else None.
    """

    resource: str
    rule: str
    type: str
    events: tuple[SourceEvent, ...]
    since: int
    until: int | None = None
    inferred: bool = False
    weight: int | None = None


def of_entity(store: Store, arn: str, *, limit: int | None = None) -> list[Evidence]:
    """Why an entity is in the store: one piece of evidence for each resource whose rule has it.

    Args:
        store: Where.
        arn: The entity's ARN, whatever its case.
        limit: The most resources to look at; None for all.

    Returns:
        The heaviest first, which is the one that is believed; resources that only mention it come last. Empty if there
        is no such entity.
    """

    def look(tx: Transaction) -> list[Evidence]:
        connection = tx.connection
        rows = connection.execute(
            select(resource.c.id, resource.c.key, resource.c.rule, entity.c.type, mention.c.since, mention.c.weight)
            .select_from(entity)
            .join(mention, mention.c.entity_id == entity.c.id)
            .join(resource, resource.c.id == mention.c.resource_id)
            .where(entity.c.key == arn.lower())
            .order_by(mention.c.weight.desc(), mention.c.since, resource.c.key)
            .limit(limit)
        ).all()
        return [
            Evidence(key, rule or "", type_, _events(tx, [number]), since, weight=weight)
            for number, key, rule, type_, since, weight in rows
        ]

    return store.read(look)


def of_association(store: Store, source: str, destination: str) -> list[Evidence]:
    """Why there is a link from one entity to another: evidence for each resource whose rule has it, and for addresses.

    Args:
        store: Where.
        source: The ARN of the source, whatever its case.
        destination: The ARN of the destination.

    Returns:
        By resource; what follows from addresses comes last. Empty if there is no such link.
    """

    def look(tx: Transaction) -> list[Evidence]:
        connection = tx.connection
        ids = _ids(connection, (source.lower(), destination.lower()))
        if len(ids) < 2:
            return []
        source_id, destination_id = ids[source.lower()], ids[destination.lower()]
        rows = connection.execute(
            select(resource.c.id, resource.c.key, resource.c.rule, *_LINK)
            .select_from(association)
            .join(resource, resource.c.id == association.c.resource_id)
            .where(association.c.source_id == source_id, association.c.destination_id == destination_id)
            .order_by(resource.c.key)
        ).all()
        found = [
            Evidence(key, rule or "", type_, _events(tx, [number]), since, until, is_inferred == 1)
            for number, key, rule, type_, since, until, is_inferred in rows
        ]
        link = inferred.between(connection, source_id, destination_id)
        by_address = (link.grade, link.type) if link else None
        if borders.between(connection, source_id, destination_id):
            by_address = (Grade.ACROSS, AssociationType.SAME_AS)
        if by_address:
            ends = [_first_mention(connection, number) for number in (source_id, destination_id)]
            events = _events(tx, [number for number, _ in ends])
            since = max(since for _, since in ends)
            found.append(Evidence("", *by_address, events, since, inferred=True))
        return found

    return store.read(look)


_LINK = (association.c.type, association.c.since, association.c.until, association.c.inferred)


def _ids(connection: Connection, keys: Collection[str]) -> Mapping[str, int]:
    """The ids of entities by their keys."""
    rows = connection.execute(select(entity.c.key, entity.c.id).where(entity.c.key.in_(keys)))
    return {row.key: row.id for row in rows}


def _first_mention(connection: Connection, entity_id: int) -> tuple[int, int]:
    """The id of the resource that was the first to mention an entity, and since when it does."""
    rows = connection.execute(
        select(mention.c.resource_id, mention.c.since)
        .join(resource, resource.c.id == mention.c.resource_id)
        .where(mention.c.entity_id == entity_id)
        .order_by(mention.c.since, resource.c.key)
        .limit(1)
    )
    resource_id, since = rows.one()
    return resource_id, since


class _Envelope(msgspec.Struct):
    id: str | int | None = None


_envelope = msgspec.json.Decoder(_Envelope)


def _events(tx: Transaction, resource_ids: Collection[int]) -> tuple[SourceEvent, ...]:
    """Events about resources and about all that they reference, directly or not.

    No event is about a package group that only its packages report: then, the events about what references it.
    """
    resources = _with_references(tx.connection, resource_ids)
    return _about(tx, resources) or _about(tx, _referencing(tx.connection, resources))


def _about(tx: Transaction, resources: Mapping[int, str]) -> tuple[SourceEvent, ...]:
    """The events about resources, which are given by id and key."""
    # Not in one statement with these: PostgreSQL expects much of what is recursive, and would read all of the ledger.
    rows = tx.connection.execute(
        select(ledger.c.id, ledger.c.kind, ledger.c.time, ledger.c.resource_id, ledger.c.body)
        .where(bulk.among(tx.connection, ledger.c.resource_id, resources))
        .order_by(ledger.c.id)
    )
    return tuple(
        SourceEvent(number, _event_id(body := tx.packer.unpack(packed)), kind, time or None, resources[about], body)
        for number, kind, time, about, packed in rows
    )


def _event_id(body: bytes) -> str:
    event_id = _envelope.decode(body).id
    return "" if event_id is None else str(event_id)


def _with_references(connection: Connection, resource_ids: Collection[int]) -> Mapping[int, str]:
    """These resources and all that they reference, directly or not: id -> key."""
    reached = select(resource.c.id).where(bulk.among(connection, resource.c.id, resource_ids)).cte(recursive=True)
    referenced = (
        select(resource.c.id)
        .join(reference, reference.c.target == resource.c.key)
        .join(reached, reached.c.id == reference.c.resource_id)
    )
    return _keys(connection, connection.scalars(select(reached.union(referenced).c.id)).all())


def _referencing(connection: Connection, resources: Mapping[int, str]) -> Mapping[int, str]:
    """The resources that reference some resources directly: id -> key."""
    wanted = select(reference.c.resource_id).where(bulk.among(connection, reference.c.target, resources.values()))
    return _keys(connection, connection.scalars(wanted).all())


def _keys(connection: Connection, resource_ids: Sequence[int]) -> Mapping[int, str]:
    rows = connection.execute(
        select(resource.c.id, resource.c.key).where(bulk.among(connection, resource.c.id, resource_ids))
    )
    return {row.id: row.key for row in rows}
