"""What a store holds, in numbers, and how far those who fill it have come."""

from __future__ import annotations

import time
from collections.abc import Mapping

import msgspec
from sqlalchemy import func, select

from store import ledger, rows
from store.database import Store, Transaction
from store.tables import association, dead_letter, entity, reading, resource
from store.tables import ledger as events


class Status(msgspec.Struct, frozen=True):
    """A store in numbers; times in epoch milliseconds.

    Attributes:
        events: In the ledger, by outcome and kind.
        resources: Known resources, by kind.
        entities: By lineage type and type.
        associations: How many there are.
        dead_letters: How many there are.
        underived: Resources whose lineage is behind what is known of them.
        problems: Resources whose rule failed: (key, why); the first twenty.
        last_received: When the last event came in, or None.
        last_event: The newest time that any event tells, or None.
        readings: Archives that were being read: name -> where reading stopped.
    """

    events: Mapping[str, Mapping[str, int]]
    resources: Mapping[str, int]
    entities: Mapping[str, int]
    associations: int
    dead_letters: int
    underived: int
    problems: tuple[tuple[str, str], ...]
    last_received: int | None
    last_event: int | None
    readings: Mapping[str, str]


def status(store: Store) -> Status:
    """What a store holds."""

    def look(tx: Transaction) -> Status:
        connection = tx.connection
        one = connection.scalar
        kinds = select(resource.c.kind, func.count()).where(resource.c.version > 0).group_by(resource.c.kind)
        types = select(entity.c.lineage_type, entity.c.type, func.count()).group_by(
            entity.c.lineage_type, entity.c.type
        )
        problems = select(resource.c.key, resource.c.problem).where(resource.c.problem.is_not(None)).limit(20)
        newest = select(events.c.received).order_by(events.c.id.desc()).limit(1)
        return Status(
            events=ledger.counts(tx),
            resources={row[0]: row[1] for row in connection.execute(kinds.order_by(resource.c.kind))},
            entities={
                f"{row[0]} {row[1]}".strip(): row[2]
                for row in connection.execute(types.order_by(entity.c.lineage_type, entity.c.type))
            },
            associations=one(select(func.count()).select_from(association)) or 0,
            dead_letters=one(select(func.count()).select_from(dead_letter)) or 0,
            underived=one(select(func.count()).where(resource.c.derived < resource.c.version)) or 0,
            problems=tuple((row[0], row[1]) for row in connection.execute(problems)),
            last_received=one(newest),
            last_event=one(select(func.max(events.c.time))),
            readings={row[0]: row[1] for row in connection.execute(select(reading.c.name, reading.c.position))},
        )

    return store.read(look)


def read_up_to(store: Store, name: str) -> str | None:
    """Where the reading of an archive stopped, as `keep_position` was told, or None."""
    return store.read(lambda tx: tx.connection.scalar(select(reading.c.position).where(reading.c.name == name)))


def keep_position(store: Store, name: str, position: str | None) -> None:
    """Remember where the reading of an archive stands; None when it has come to its end."""

    def write(tx: Transaction) -> None:
        if position is None:
            rows.remove(tx.connection, reading, [(name,)])
        else:
            rows.insert(tx.connection, reading, [(name, position, time.time_ns() // 1_000_000)], "replace")

    store.write(write)
