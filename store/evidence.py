"""Why an association is there: which rule says so, from which events, and when it held."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from sqlalchemy import Connection, select

from store import rows
from store.database import Store, Transaction
from store.tables import association, entity, ledger, reference, resource


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
    numbers = connection.scalars(select(read.union(referred).c.id)).all()
    # Not in one statement: PostgreSQL takes what is recursive for much, and would read all of the ledger.
    told = select(ledger.c.id).where(rows.among(connection, ledger.c.resource_id, numbers)).order_by(ledger.c.id)
    return connection.scalars(told)
