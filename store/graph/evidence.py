"""Why an association is there: which rule says so, from which events, and when it held; links by address too."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import msgspec
from sqlalchemy import Connection, select

from store import bulk
from store.database import Store, Transaction
from store.graph import inferred
from store.tables import association, entity, ledger, mention, reference, resource


class Evidence(msgspec.Struct, frozen=True):
    """Why an association is there.

    Attributes:
        resource: The ARN, in lower case, of the resource that says so; empty where two addresses do.
        rule: The rule that derived it, and its version; or `same address` or `inside`.
        events: The ids in the ledger of all events about that resource and about what it refers to; of a link by
            address, about the resources that were the first to tell of either end.
        since: From when it held, in epoch milliseconds.
        until: Until when, or None if it still does.
        inferred: True if it is ours, and not among those that SageMaker captures.
    """

    resource: str
    rule: str
    events: tuple[int, ...]
    since: int
    until: int | None
    inferred: bool = False


def evidence(store: Store, source: str, destination: str) -> list[Evidence]:
    """Why there is a link between two entities: an answer for each resource that says so, and one for addresses."""

    def look(tx: Transaction) -> list[Evidence]:
        connection = tx.connection
        wanted = select(entity.c.key, entity.c.id).where(entity.c.key.in_((source.lower(), destination.lower())))
        ids = {row.key: row.id for row in connection.execute(wanted)}
        if len(ids) < 2:
            return []
        pair = ids[source.lower()], ids[destination.lower()]
        said = connection.execute(
            select(resource.c.id, resource.c.key, resource.c.rule, *_HELD)
            .select_from(association)
            .join(resource, resource.c.id == association.c.resource_id)
            .where(association.c.source_id == pair[0], association.c.destination_id == pair[1])
            .order_by(resource.c.key)
        ).all()
        found = [
            Evidence(key, rule or "", tuple(_events(connection, [number])), since, until, ours == 1)
            for number, key, rule, since, until, ours in said
        ]
        link = inferred.between(connection, *pair)
        if link:
            first = [_first(connection, end) for end in pair]
            events = tuple(_events(connection, [number for number, _ in first]))
            found.append(Evidence("", link.reason.value, events, max(since for _, since in first), None, True))
        return found

    return store.read(look)


_HELD = (association.c.since, association.c.until, association.c.inferred)


def _first(connection: Connection, artifact: int) -> tuple[int, int]:
    """The resource that was the first to tell of an entity, and from when on it does."""
    found = connection.execute(
        select(mention.c.resource_id, mention.c.since)
        .join(resource, resource.c.id == mention.c.resource_id)
        .where(mention.c.entity_id == artifact)
        .order_by(mention.c.since, resource.c.key)
        .limit(1)
    )
    number, since = found.one()
    return number, since


def _events(connection: Connection, numbers: Collection[int]) -> Iterable[int]:
    """Events about resources, and about all that they refer to, however indirectly."""
    read = select(resource.c.id).where(bulk.among(connection, resource.c.id, numbers)).cte(recursive=True)
    referred = (
        select(resource.c.id)
        .join(reference, reference.c.target == resource.c.key)
        .join(read, read.c.id == reference.c.resource_id)
    )
    all_of_them = connection.scalars(select(read.union(referred).c.id)).all()
    # Not in one statement: PostgreSQL takes what is recursive for much, and would read all of the ledger.
    told = select(ledger.c.id).where(bulk.among(connection, ledger.c.resource_id, all_of_them)).order_by(ledger.c.id)
    return connection.scalars(told)
