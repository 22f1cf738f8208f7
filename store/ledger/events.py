"""Every event as it came, and the dead letters: all that another store can be made from."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import Select, delete, func, literal, select, update

from store import bulk
from store.database import Store, Transaction
from store.ledger import partitions
from store.tables import dead_letter, ledger, resource

T = TypeVar("T")

PAGE = 1000
"""Rows read at a time where all are read."""
PAGE_BYTES = 32 << 20
"""A page of this many bytes ends, however few its messages."""


class Entry(NamedTuple):
    """One event to record.

    Attributes:
        key: 16 bytes that identify it.
        kind: Its detail-type; of a recorded call or a description the operation too.
        resource_id: The resource that it is about.
        time: Its own time in epoch milliseconds, 0 when it has none.
        outcome: `derived`; `nothing`, if it reports nothing though its kind has a rule; `kept`, if its kind has none.
        body: Its bytes.
    """

    key: bytes
    kind: str
    resource_id: int | None
    time: int
    outcome: str
    body: bytes


class DeadLetter(NamedTuple):
    """A message that cannot become lineage.

    Attributes:
        id: Its id; 0 before it has one.
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


_LETTER = (
    dead_letter.c.id,
    dead_letter.c.reason,
    dead_letter.c.origin,
    dead_letter.c.received,
    dead_letter.c.body,
)


def record(transaction: Transaction, entries: Sequence[Entry], received: int) -> None:
    """Put events into the ledger; an event that is there already is left as it is."""
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
    while page := event_page(store, after, PAGE):
        yield from (body for _, body in page)
        after = page[-1][0]


def event_page(store: Store, after: int, limit: int) -> list[tuple[int, bytes]]:
    """The first events behind an id, in the order of arrival: ids, and bytes as they came; `PAGE_BYTES` at most."""
    rows = select(ledger.c.id, ledger.c.body).where(ledger.c.id > after).order_by(ledger.c.id).limit(limit)
    return _page(store, rows, lambda row, body: (row.id, body))


def dead_letter_page(store: Store, after: int, limit: int) -> list[DeadLetter]:
    """The first dead letters behind an id; `PAGE_BYTES` at most."""
    rows = select(*_LETTER).where(dead_letter.c.id > after).order_by(dead_letter.c.id).limit(limit)
    return _page(store, rows, _letter)


def _page(store: Store, rows: Select[Any], made_of: Callable[[Any, bytes], T]) -> list[T]:
    """What is made of each row and its unpacked body, until these are `PAGE_BYTES` together."""

    def read(tx: Transaction) -> list[T]:
        page: list[T] = []
        size = 0
        for row in tx.connection.execute(rows):
            body = tx.packer.unpack(row.body)
            page.append(made_of(row, body))
            size += len(body)
            if size >= PAGE_BYTES:
                break
        return page

    return store.read(read)


def _letter(row: Any, body: bytes) -> DeadLetter:
    return DeadLetter(row.id, row.reason, row.origin, row.received, body)


def newest(store: Store) -> tuple[int, int]:
    """The highest ids of an event and of a dead letter; 0 where there is none."""

    def read(tx: Transaction) -> tuple[int, int]:
        event, letter = (tx.connection.scalar(select(func.max(table.c.id))) for table in (ledger, dead_letter))
        return event or 0, letter or 0

    return store.read(read)


def is_unused(store: Store) -> bool:
    """True if a store never held an event or a dead letter, though its ledger may have been pruned since."""

    def read(tx: Transaction) -> bool:
        tables = (ledger, dead_letter, resource)
        return all(tx.connection.scalar(select(table.c.id).limit(1)) is None for table in tables)

    return store.read(read)


def kept(transaction: Transaction, kinds: Collection[str], limit: int) -> dict[int, bytes]:
    """Events of these kinds that had no rule when they arrived: id -> bytes as they came."""
    connection, unpack = transaction.connection, transaction.packer.unpack
    # A literal, and not a parameter: the index covers these rows only, and a plan for any value could not use it.
    rows = select(ledger.c.id, ledger.c.body).where(ledger.c.outcome == literal("kept", literal_execute=True))
    rows = rows.where(bulk.among(connection, ledger.c.kind, kinds)).limit(limit)
    return {row.id: unpack(row.body) for row in connection.execute(rows)}


def mark(transaction: Transaction, ids: Collection[int], outcome: str) -> None:
    """Write what became of events."""
    connection = transaction.connection
    connection.execute(update(ledger).where(bulk.among(connection, ledger.c.id, ids)).values(outcome=outcome))


def bury(transaction: Transaction, letters: Iterable[DeadLetter]) -> None:
    """Put messages into the dead letters; a message that is there already keeps its first reason."""
    connection, pack = transaction.connection, transaction.packer.pack
    letters = [letter._replace(reason=_storable(letter.reason), origin=_storable(letter.origin)) for letter in letters]
    by_digest = {hashlib.blake2b(letter.body, digest_size=16).digest(): letter for letter in letters}
    digests = sorted(by_digest)
    numbers = bulk.new_ids(connection, dead_letter, len(digests))
    bulk.insert(
        connection,
        dead_letter,
        [
            (number, digest, one.reason, one.origin, one.received, pack(one.body))
            for number, (digest, one) in zip(numbers, sorted(by_digest.items()), strict=True)
        ],
        "ignore",
    )


def _storable(text: str) -> str:
    """A text that any database accepts: reasons quote messages, and files may have names that are not UTF-8."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\0")


def dead_letters(store: Store, ids: Sequence[int] | None = None, *, limit: int | None = None) -> list[DeadLetter]:
    """Dead letters, the oldest first: those with these ids, or all."""

    def read(tx: Transaction) -> list[DeadLetter]:
        rows = select(*_LETTER).order_by(dead_letter.c.id).limit(limit)
        if ids is not None:
            rows = rows.where(bulk.among(tx.connection, dead_letter.c.id, ids))
        return [_letter(row, tx.packer.unpack(row.body)) for row in tx.connection.execute(rows)]

    return store.read(read)


def give_reasons(transaction: Transaction, reasons: Mapping[int, str]) -> None:
    """Replace the reasons of dead letters, given by their numbers."""
    rows = [(number, _storable(reason)) for number, reason in sorted(reasons.items())]
    bulk.change(transaction.connection, dead_letter, ["reason"], rows)


def discard(transaction: Transaction, ids: Sequence[int]) -> None:
    """Delete dead letters."""
    connection = transaction.connection
    connection.execute(delete(dead_letter).where(bulk.among(connection, dead_letter.c.id, ids)))


def counts(transaction: Transaction) -> dict[str, dict[str, int]]:
    """How many events the ledger holds: outcome -> kind -> number."""
    grouped = select(ledger.c.outcome, ledger.c.kind, func.count()).group_by(ledger.c.outcome, ledger.c.kind)
    found: dict[str, dict[str, int]] = {}
    for outcome, kind, number in transaction.connection.execute(grouped.order_by(ledger.c.kind)):
        found.setdefault(outcome, {})[kind] = number
    return found
