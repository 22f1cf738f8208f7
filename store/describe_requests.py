"""What events leave out and lineage needs: describe requests to SageMaker, and what became of them.

A rule names the descriptions that it misses whenever lineage is derived; a request that no rule names any more is
removed. So requests, like lineage, follow from states, and each is answered at most once. When to ask again, and why
there was no description, is up to the worker.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import func, literal, select, update

from store import bulk
from store.database import Store, Transaction
from store.tables import describe_request

OPEN, ANSWERED, MISSING = "open", "answered", "missing"
"""To be asked (again); answered; not there, however often it was asked."""


class DescribeRequestRow(NamedTuple):
    """One describe request, as the table holds it.

    Attributes:
        resource_id: Whose lineage needs the description.
        arn: The resource to be described.
        operation: The operation of SageMaker's API that describes it.
        state: `OPEN`, `ANSWERED` or `MISSING`.
        due: When to ask (again), in epoch milliseconds.
        tries: How often SageMaker was asked.
        reason: Why there was no description, last time.
    """

    resource_id: int
    arn: str
    operation: str
    state: str = OPEN
    due: int = 0
    tries: int = 0
    reason: str = ""


def update_requests(
    transaction: Transaction, missing: Mapping[int, Collection[tuple[str, str]]], new: Collection[int], due: int
) -> None:
    """Write the requests of resources, and remove those that they no longer have.

    Args:
        transaction: That has locked the resources.
        missing: Id of a resource -> (ARN, operation) of each description that its lineage misses.
        new: Ids among them that have never had a request, which saves looking for them.
        due: When new requests are due, in epoch milliseconds.
    """
    connection = transaction.connection
    before = [number for number in missing if number not in new]
    old_keys: set[tuple[int, str, str]] = set()
    if before:
        had = select(describe_request.c.resource_id, describe_request.c.arn, describe_request.c.operation)
        had = had.where(bulk.among(connection, describe_request.c.resource_id, before))
        old_keys = {tuple(row) for row in connection.execute(had)}
    new_keys = {(number, *request) for number, requests in missing.items() for request in requests}
    bulk.remove(connection, describe_request, sorted(old_keys - new_keys))
    added = [DescribeRequestRow(*key, due=due) for key in sorted(new_keys - old_keys)]
    bulk.insert(connection, describe_request, added, "ignore")


def take(store: Store, now: int, limit: int, until: int) -> list[DescribeRequestRow]:
    """Take requests that are due, the longest due first; no other worker takes them before `until`.

    Args:
        store: Where.
        now: In epoch milliseconds.
        limit: How many at most.
        until: When they are due again unless they are settled, in epoch milliseconds.
    """

    def work(tx: Transaction) -> list[DescribeRequestRow]:
        # A literal, and not a parameter: the index covers open requests only.
        due = select(describe_request).where(
            describe_request.c.state == literal(OPEN, literal_execute=True), describe_request.c.due <= now
        )
        due = due.order_by(describe_request.c.due).limit(limit)
        if not tx.exclusive:
            due = due.with_for_update(skip_locked=True)
        taken = [DescribeRequestRow(*row) for row in tx.connection.execute(due)]
        leased = sorted(row._replace(due=until) for row in taken)
        bulk.insert(tx.connection, describe_request, leased, "replace")
        return taken

    return store.write(work) if store.read(lambda tx: _next_due(tx) or now + 1) <= now else []


def settle(transaction: Transaction, settled: Iterable[DescribeRequestRow]) -> None:
    """Write what became of requests; one that was removed meanwhile stays removed."""
    for row in settled:
        transaction.connection.execute(
            update(describe_request)
            .where(
                describe_request.c.resource_id == row.resource_id,
                describe_request.c.arn == row.arn,
                describe_request.c.operation == row.operation,
            )
            .values(state=row.state, due=row.due, tries=row.tries, reason=row.reason)
        )


def waiting(store: Store, limit: int | None = None) -> list[DescribeRequestRow]:
    """Open requests, the longest due first."""
    rows = select(describe_request).where(describe_request.c.state == literal(OPEN, literal_execute=True))
    rows = rows.order_by(describe_request.c.due, *describe_request.primary_key).limit(limit)
    return store.read(lambda tx: [DescribeRequestRow(*row) for row in tx.connection.execute(rows)])


def counts(transaction: Transaction) -> Mapping[str, int]:
    """How many requests there are, by state."""
    state = describe_request.c.state
    grouped = select(state, func.count()).group_by(state).order_by(state)
    return {row[0]: row[1] for row in transaction.connection.execute(grouped)}


def refusals(transaction: Transaction, limit: int) -> Sequence[tuple[str, int]]:
    """Why requests went without a description, and how many did so: the most frequent reasons first."""
    reason = describe_request.c.reason
    grouped = select(reason, func.count()).where(reason != "").group_by(reason)
    grouped = grouped.order_by(func.count().desc(), reason).limit(limit)
    return [(why, number) for why, number in transaction.connection.execute(grouped)]


def _next_due(transaction: Transaction) -> int | None:
    is_open = describe_request.c.state == literal(OPEN, literal_execute=True)
    earliest: int | None = transaction.connection.scalar(select(func.min(describe_request.c.due)).where(is_open))
    return earliest
