"""Every event as it came, and the messages that could not be understood."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import delete, func, literal, select, update

from store import bulk
from store.database import Store, Transaction
from store.ledger import partitions
from store.tables import dead_letter, ledger

PAGE = 1000
"""Rows read at a time where all are read."""


class Entry(NamedTuple):
    """One event to remember.

    Attributes:
        key: 16 bytes that name it.
        kind: Its detail-type; of a recorded call or an answer the operation too.
        resource_id: What it speaks of.
        time: Its own time in epoch milliseconds, 0 when it has none.
        outcome: `derived`; `nothing`, when it tells nothing though its kind is known; `kept`, when no rule knows it.
        body: Its bytes.
    """

    key: bytes
    kind: str
    resource_id: int | None
    time: int
    outcome: str
    body: bytes


class DeadLetter(NamedTuple):
    """A message that could not be understood.

    Attributes:
        id: Its number; 0 before it has one.
        reason: Why, in one sentence.
        origin: The queue or file it came from.
        received: When, in epoch milliseconds.
        body: Its bytes.
    """

    id: int
    reason: str
    origin: str
    received: int
    body: bytes


def remember(transaction: Transaction, entries: Sequence[Entry], received: int) -> None:
    """Put events into the ledger; one that is there is not put there twice."""
    connection, pack = transaction.connection, transaction.packer.pack
    partitions.require(transaction, (entry.time for entry in entries))
    numbers = bulk.new_ids(connection, ledger, len(entries))
    bulk.insert(
        connection,
        ledger,
        [
            (number, entry.key, entry.kind, entry.resource_id, entry.time, received, entry.outcome, pack(entry.body))
            for number, entry in zip(numbers, entries, strict=True)
        ],
        "ignore",
    )


def events(store: Store) -> Iterator[bytes]:
    """Every event of the ledger as it came, in the order of arrival; a page of rows in memory at a time."""
    after = 0
    while True:
        page = store.read(
            lambda tx, after=after: [  # type: ignore[misc]  # mypy does not see through the default
                (row.id, tx.packer.unpack(row.body))
                for row in tx.connection.execute(
                    select(ledger.c.id, ledger.c.body).where(ledger.c.id > after).order_by(ledger.c.id).limit(PAGE)
                )
            ]
        )
        if not page:
            return
        yield from (body for _, body in page)
        after = page[-1][0]


def kept(transaction: Transaction, kinds: Collection[str], limit: int) -> dict[int, bytes]:
    """Events of these kinds that no rule knew when they came: id -> bytes as they came."""
    connection, unpack = transaction.connection, transaction.packer.unpack
    # Not as a parameter: the index is of these rows only, and a plan for any value could not use it.
    wanted = select(ledger.c.id, ledger.c.body).where(ledger.c.outcome == literal("kept", literal_execute=True))
    wanted = wanted.where(bulk.among(connection, ledger.c.kind, kinds)).limit(limit)
    return {row.id: unpack(row.body) for row in connection.execute(wanted)}


def mark(transaction: Transaction, numbers: Collection[int], outcome: str) -> None:
    """Write what became of events."""
    connection = transaction.connection
    connection.execute(update(ledger).where(bulk.among(connection, ledger.c.id, numbers)).values(outcome=outcome))


def bury(transaction: Transaction, letters: Iterable[DeadLetter]) -> None:
    """Put messages into the dead letters; one that is there is not put there twice."""
    connection, pack = transaction.connection, transaction.packer.pack
    letters = [letter._replace(reason=_kept(letter.reason), origin=_kept(letter.origin)) for letter in letters]
    named = {hashlib.blake2b(letter.body, digest_size=16).digest(): letter for letter in letters}
    keys = sorted(named)
    numbers = bulk.new_ids(connection, dead_letter, len(keys))
    bulk.insert(
        connection,
        dead_letter,
        [
            (number, key, named[key].reason, named[key].origin, named[key].received, pack(named[key].body))
            for number, key in zip(numbers, keys, strict=True)
        ],
        "ignore",
    )


def _kept(text: str) -> str:
    """A text as any database keeps it: reasons quote what came, and files may have names that are not UTF-8."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\0")


def dead_letters(store: Store, numbers: Sequence[int] | None = None, *, limit: int | None = None) -> list[DeadLetter]:
    """Dead letters, the oldest first: those of these numbers, or all."""

    def read(tx: Transaction) -> list[DeadLetter]:
        columns = (dead_letter.c.id, dead_letter.c.reason, dead_letter.c.origin, dead_letter.c.received)
        wanted = select(*columns, dead_letter.c.body).order_by(dead_letter.c.id).limit(limit)
        if numbers is not None:
            wanted = wanted.where(bulk.among(tx.connection, dead_letter.c.id, numbers))
        return [DeadLetter(*row[:-1], body=tx.packer.unpack(row.body)) for row in tx.connection.execute(wanted)]

    return store.read(read)


def give_reasons(transaction: Transaction, reasons: Mapping[int, str]) -> None:
    """Replace the reasons of dead letters, given by their numbers."""
    rows = [(number, _kept(reason)) for number, reason in sorted(reasons.items())]
    bulk.change(transaction.connection, dead_letter, ["reason"], rows)


def discard(transaction: Transaction, numbers: Sequence[int]) -> None:
    """Take dead letters away."""
    connection = transaction.connection
    connection.execute(delete(dead_letter).where(bulk.among(connection, dead_letter.c.id, numbers)))


def counts(transaction: Transaction) -> dict[str, dict[str, int]]:
    """How many events the ledger holds: outcome -> kind -> number."""
    grouped = select(ledger.c.outcome, ledger.c.kind, func.count()).group_by(ledger.c.outcome, ledger.c.kind)
    found: dict[str, dict[str, int]] = {}
    for outcome, kind, number in transaction.connection.execute(grouped.order_by(ledger.c.kind)):
        found.setdefault(outcome, {})[kind] = number
    return found
