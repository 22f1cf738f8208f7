"""Old events taken out of the ledger; states and lineage stay (docs/decisions/0007).

The age of an event counts from its own time, or from its arrival if it has none.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import msgspec
from sqlalchemy import ColumnElement, Connection, and_, case, delete, func, or_, select, table, text, tuple_

from store.database import Store, Transaction
from store.ledger.partitions import partitions
from store.tables import ledger

PAGE = 5000
"""Events taken out in one transaction, where they are not taken out a month at once."""


class Prunable(msgspec.Struct, frozen=True):
    """What pruning takes out of the ledger.

    Attributes:
        before: Events before this time go, in epoch milliseconds.
        events: How many there are.
        kept: How many of these have no rule yet: rules to come will not see them.
        oldest: How old the oldest of them is, in epoch milliseconds, or None.
        newest: How old the newest of them is, or None.
        tables: Tables that go as a whole, each of a month; none in SQLite.
        bytes: What these take on disk, which is free at once. The space of all others is used again.
    """

    before: int
    events: int
    kept: int
    oldest: int | None
    newest: int | None
    tables: tuple[str, ...]
    bytes: int


def prunable(store: Store, before: int) -> Prunable:
    """What `prune` would take out."""

    def look(tx: Transaction) -> Prunable:
        connection = tx.connection
        age = case((ledger.c.time == 0, ledger.c.received), else_=ledger.c.time)
        kept = func.count().filter(ledger.c.outcome == "kept")
        counted = select(func.count(), kept, func.min(age), func.max(age)).where(_old(before))
        events, unknown, oldest, newest = connection.execute(counted).one()
        tables = [] if store.sqlite else _whole(connection, before)
        sizes = (connection.scalar(select(func.pg_total_relation_size(table))) for table in tables)
        return Prunable(before, events, unknown, oldest, newest, tuple(tables), sum(size or 0 for size in sizes))

    return store.read(look)


def prune(store: Store, before: int, on_progress: Callable[[int], None] = lambda _: None) -> int:
    """Take events before a time out of the ledger. Workers may go on meanwhile; a second call continues a stopped one.

    Args:
        store: Whose ledger.
        before: In epoch milliseconds.
        on_progress: Called after each transaction with the number of events taken out so far.

    Returns:
        How many events were taken out.

    Raises:
        Unavailable: The database did not answer, or others used the ledger all the time.
    """
    gone = 0
    for name in [] if store.sqlite else store.read(lambda tx: _whole(tx.connection, before)):
        gone += store.write(partial(_drop, name=name))
        on_progress(gone)
    while page := store.write(partial(_remove_page, before=before)):
        gone += page
        on_progress(gone)
    return gone


def _old(before: int) -> ColumnElement[bool]:
    return and_(ledger.c.time < before, or_(ledger.c.time != 0, ledger.c.received < before))


def _whole(connection: Connection, before: int) -> list[str]:
    """The tables all of whose events are old."""
    young = select(ledger.c.id).where(ledger.c.time == 0, ledger.c.received >= before).limit(1)
    least = 0 if connection.scalar(young) else float("-inf")  # else the first table may hold them
    return [one.name for one in partitions(connection) if one.until <= before and one.since >= least]


def _drop(tx: Transaction, name: str) -> int:
    connection = tx.connection
    if name not in {one.name for one in partitions(connection)}:
        return 0  # another process has just done it
    # A statement that waits for a lock holds up all that come after it: better to try again.
    connection.execute(text("SET LOCAL lock_timeout = '1s'"))
    connection.execute(text("LOCK TABLE ledger IN ACCESS EXCLUSIVE MODE"))
    # Only now: a worker may have put a late event there a moment ago.
    counted = connection.scalar(select(func.count()).select_from(table(name)))
    connection.execute(text(f"DROP TABLE {name}"))
    return int(counted or 0)


def _remove_page(tx: Transaction, before: int) -> int:
    # PostgreSQL finds an event's table by its time; SQLite finds a row by its id alone.
    key = ledger.c.id if tx.exclusive else tuple_(ledger.c.id, ledger.c.time)
    columns = [ledger.c.id] if tx.exclusive else [ledger.c.id, ledger.c.time]
    page = select(*columns).where(_old(before)).order_by(ledger.c.time).limit(PAGE)
    return tx.connection.execute(delete(ledger).where(key.in_(page), ledger.c.time < before)).rowcount
