"""What must be missing: traces in the store of events that never came."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from sqlalchemy import exists, select

from store.database import Store
from store.lineage import AssociationType
from store.tables import association, entity, reference, resource


class Unfinished(NamedTuple):
    """An entity whose status is not final.

    Attributes:
        arn: Of the resource that the entity stands for.
        type: The entity's type.
        status: Its status.
        created: When it was created, in epoch milliseconds.
    """

    arn: str
    type: str
    status: str
    created: int


def unfinished(store: Store, statuses: Collection[str]) -> list[Unfinished]:
    """Runs, endpoints, trials and other entities with one of these statuses, the oldest first."""
    wanted = (
        select(entity.c.source_uri, entity.c.type, entity.c.status, entity.c.created)
        .where(entity.c.status.in_(sorted(statuses)), entity.c.source_uri.startswith("arn:"))
        .order_by(entity.c.created, entity.c.key)
    )
    return store.read(lambda tx: [Unfinished(*row) for row in tx.connection.execute(wanted)])


def unknown(store: Store) -> list[tuple[str, str]]:
    """Resources that are referenced and of which no event has come: (its key, the key of one that references it)."""
    referring = resource.alias()
    wanted = (
        select(reference.c.target, referring.c.key)
        .join(referring, referring.c.id == reference.c.resource_id)
        .where(~exists().where(resource.c.key == reference.c.target, resource.c.version > 0))
        .order_by(reference.c.target, referring.c.key)
    )
    found: dict[str, str] = {}
    for target, key in store.read(lambda tx: tx.connection.execute(wanted).all()):
        found.setdefault(target, key)
    return list(found.items())


def unproduced(store: Store) -> list[tuple[str, str]]:
    """Model data in S3 that is used and that no run is known to have produced: (its artifact's ARN, its URI)."""
    produced = exists().where(
        association.c.destination_id == entity.c.id, association.c.type == AssociationType.PRODUCED.value
    )
    used = exists().where(association.c.source_id == entity.c.id)
    wanted = (
        select(entity.c.arn, entity.c.source_uri)
        .where(
            entity.c.lineage_type == "Artifact",
            entity.c.type == "Model",
            entity.c.source_uri.startswith("s3://"),
            used,
            ~produced,
        )
        .order_by(entity.c.key)
    )
    return store.read(lambda tx: [(row[0], row[1]) for row in tx.connection.execute(wanted)])
