"""What a store was told, a page at a time in the order of arrival: all that another store can be made from."""

from __future__ import annotations

from sqlalchemy import func, select

from store.database import Store, Transaction
from store.ledger.events import DeadLetter
from store.tables import dead_letter, ledger, resource

PAGE_BYTES = 32 << 20
"""A page of this size ends, however few its messages."""


def events(store: Store, after: int, limit: int) -> list[tuple[int, bytes]]:
    """The first events behind a number: their numbers, and their bytes as they came."""
    wanted = select(ledger.c.id, ledger.c.body).where(ledger.c.id > after).order_by(ledger.c.id).limit(limit)

    def look(tx: Transaction) -> list[tuple[int, bytes]]:
        found, size = [], 0
        for row in tx.connection.execute(wanted):
            found.append((row.id, tx.packer.unpack(row.body)))
            size += len(found[-1][1])
            if size >= PAGE_BYTES:
                break
        return found

    return store.read(look)


def dead_letters(store: Store, after: int, limit: int) -> list[DeadLetter]:
    """The first dead letters behind a number."""
    columns = (dead_letter.c.id, dead_letter.c.reason, dead_letter.c.origin, dead_letter.c.received, dead_letter.c.body)
    wanted = select(*columns).where(dead_letter.c.id > after).order_by(dead_letter.c.id).limit(limit)

    def look(tx: Transaction) -> list[DeadLetter]:
        found, size = [], 0
        for row in tx.connection.execute(wanted):
            found.append(DeadLetter(*row[:-1], body=tx.packer.unpack(row.body)))
            size += len(found[-1].body)
            if size >= PAGE_BYTES:
                break
        return found

    return store.read(look)


def newest(store: Store) -> tuple[int, int]:
    """The highest numbers of an event and of a dead letter; 0 where there is none."""

    def look(tx: Transaction) -> tuple[int, int]:
        events, letters = (tx.connection.scalar(select(func.max(table.c.id))) for table in (ledger, dead_letter))
        return events or 0, letters or 0

    return store.read(look)


def told_anything(store: Store) -> bool:
    """True if a store was ever told anything, though its events may be gone from the ledger."""

    def look(tx: Transaction) -> bool:
        tables = (ledger, dead_letter, resource)
        return any(tx.connection.scalar(select(table.c.id).limit(1)) is not None for table in tables)

    return store.read(look)
