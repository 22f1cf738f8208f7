"""The ledger by month: PostgreSQL keeps each month's events in a table of its own (docs/decisions/0007).

A month's table is made before its first event is written, by the worker that writes it. Where it cannot be made just
now, nothing is held up: the default partition takes every event that has no other place.
"""

from __future__ import annotations

import re
import time
from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from functools import partial
from math import inf
from typing import NamedTuple

from sqlalchemy import BigInteger, Connection, column, exists, select, table, text
from sqlalchemy.exc import DBAPIError

from store.database import First, Store, Transaction, Unavailable, Unusable

DEFAULT = "ledger_default"
BEFORE = "ledger_before"
"""The table that was the whole ledger before there were months."""

_FIRST = 2017 * 12 + 10  # November 2017: an earlier time is wrong, as there was no SageMaker
_DAY = 86_400_000
_TRY_AGAIN = 600.0  # seconds after which a month is tried again that could not be made

# Any number will do that nothing else in the database locks.
_LOCK = 7_205_759_404


class Partition(NamedTuple):
    """A part of the ledger that takes a range of times.

    Attributes:
        name: Of its table.
        since: The earliest time that it takes, in epoch milliseconds, or minus infinity.
        until: The time that is too late for it.
    """

    name: str
    since: float
    until: float


def beginning(month: int) -> int:
    """When a month, counted from the year 0, begins: in epoch milliseconds."""
    return int(datetime(month // 12, month % 12 + 1, 1, tzinfo=UTC).timestamp()) * 1000


def this_month() -> int:
    """The month that it is, counted from the year 0."""
    return _month_of(datetime.now(UTC))


def require(transaction: Transaction, times: Iterable[int]) -> None:
    """Make sure that the months of these times have tables.

    Raises:
        First: They have to be made first.
    """
    if transaction.connection.dialect.name == "sqlite":
        return
    now = time.monotonic()
    missing = {month for month in _months(times) if transaction.months.get(month, 0.0) <= now}
    if missing and _partitioned(transaction.connection):
        raise First(partial(make, wanted=missing))


def make(store: Store, wanted: Collection[int]) -> None:
    """Make the tables of months; one that cannot be made is left to the default partition, for a while at least."""
    for month in sorted(wanted):
        try:
            store.raw(partial(_make, month=month))
        except (Unavailable, Unusable, DBAPIError):
            store.months[month] = time.monotonic() + _TRY_AGAIN
        else:
            store.months[month] = inf


def partitions(connection: Connection) -> list[Partition]:
    """All parts of the ledger but the default one, the earliest first; none where it is one table."""
    found = connection.execute(
        text(
            "SELECT part.relname, pg_get_expr(part.relpartbound, part.oid) FROM pg_inherits"
            " JOIN pg_class part ON part.oid = inhrelid WHERE inhparent = to_regclass('ledger')"
        )
    )
    bounds = ((name, _RANGE.fullmatch(bound or "")) for name, bound in found)  # NULL while one is being dropped
    ranges = [Partition(name, float(found[1] or -inf), float(found[2])) for name, found in bounds if found]
    return sorted(ranges, key=lambda one: one.since)


_RANGE = re.compile(r"FOR VALUES FROM \((?:'(-?\d+)'|MINVALUE)\) TO \('(-?\d+)'\)")


def _make(connection: Connection, month: int) -> None:
    since, until = beginning(month), beginning(month + 1)
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    if any(since < one.until and one.since < until for one in partitions(connection)):
        return
    at = column("time", BigInteger)
    taken = exists().select_from(table(DEFAULT)).where(at >= since, at < until)
    if connection.scalar(select(taken)):
        return  # its events stay where they are: PostgreSQL would refuse, after having read all of the partition
    name = f"ledger_{month // 12}_{month % 12 + 1:02}"
    for statement in (
        # A statement that waits for a lock holds up all after it: do not wait for a long reader, such as a backup.
        "SET LOCAL lock_timeout = '1s'",
        # What attaching locks anyway, in the order in which batches come by: resources, then the ledger. No deadlocks.
        "LOCK TABLE resource IN SHARE ROW EXCLUSIVE MODE",
        f"CREATE TABLE {name} (LIKE ledger INCLUDING DEFAULTS INCLUDING COMMENTS)",
        f"ALTER TABLE ledger ATTACH PARTITION {name} FOR VALUES FROM ({since}) TO ({until})",
    ):
        connection.execute(text(statement))


def _months(times: Iterable[int]) -> set[int]:
    """The months of these times that shall have tables; the next one in time, for the day when it begins."""
    now = this_month()
    first, end = beginning(_FIRST) // _DAY, beginning(now + 2) // _DAY
    days = {moment // _DAY for moment in times}
    found = {_month_of(datetime.fromtimestamp(day * 86_400, UTC)) for day in days if first <= day < end}
    return found | {now + 1} if now in found else found


def _month_of(moment: datetime) -> int:
    return moment.year * 12 + moment.month - 1


def _partitioned(connection: Connection) -> bool:
    """True if the store's schema keeps months apart."""
    return bool(connection.scalar(text("SELECT relkind = 'p' FROM pg_class WHERE oid = to_regclass('ledger')")))
