"""What events leave out and lineage needs: questions to SageMaker, and what became of them.

A rule asks by saying so whenever it derives; what it no longer asks is taken back. So questions, like lineage, follow
from what is known, and each is answered at most once. When to ask again, and why there was no answer, is the worker's.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import func, literal, select, update

from store import bulk
from store.database import Store, Transaction
from store.tables import question

OPEN, ANSWERED, MISSING = "open", "answered", "missing"
"""To be asked (again); answered; not there, however often it was asked."""


class Asked(NamedTuple):
    """One question.

    Attributes:
        resource_id: Whose lineage needs the answer.
        arn: What SageMaker is asked about.
        operation: Of SageMaker's API.
        state: `OPEN`, `ANSWERED` or `MISSING`.
        due: When to ask (again), in epoch milliseconds.
        tries: How often it was asked.
        why: Why there was no answer, last time.
    """

    resource_id: int
    arn: str
    operation: str
    state: str = OPEN
    due: int = 0
    tries: int = 0
    why: str = ""


def ask(
    transaction: Transaction, wanted: Mapping[int, Collection[tuple[str, str]]], fresh: Collection[int], due: int
) -> None:
    """Write what resources ask, and take back what they no longer ask.

    Args:
        transaction: That holds the resources for itself.
        wanted: Id of a resource -> (ARN, operation) of each of its questions.
        fresh: Ids among them that have never asked anything, which saves looking for it.
        due: When new questions are to be asked, in epoch milliseconds.
    """
    connection = transaction.connection
    before = [number for number in wanted if number not in fresh]
    old: set[tuple[int, str, str]] = set()
    if before:
        had = select(question.c.resource_id, question.c.arn, question.c.operation)
        had = had.where(bulk.among(connection, question.c.resource_id, before))
        old = {tuple(row) for row in connection.execute(had)}
    new = {(number, *one) for number, asked in wanted.items() for one in asked}
    bulk.remove(connection, question, sorted(old - new))
    bulk.insert(connection, question, [Asked(*key, due=due) for key in sorted(new - old)], "ignore")


def take(store: Store, now: int, limit: int, until: int) -> list[Asked]:
    """Questions that are due, the longest due first; nobody else takes them before `until`.

    Args:
        store: Where.
        now: In epoch milliseconds.
        limit: How many at most.
        until: When they are due again if nothing is heard of them, in epoch milliseconds.
    """

    def work(tx: Transaction) -> list[Asked]:
        # Said, and not a parameter: the index is of open questions only.
        due = select(question).where(question.c.state == literal(OPEN, literal_execute=True), question.c.due <= now)
        due = due.order_by(question.c.due).limit(limit)
        if not tx.exclusive:
            due = due.with_for_update(skip_locked=True)
        taken = [Asked(*row) for row in tx.connection.execute(due)]
        bulk.insert(tx.connection, question, sorted(one._replace(due=until) for one in taken), "replace")
        return taken

    return store.write(work) if store.read(lambda tx: _next_due(tx) or now + 1) <= now else []


def settle(transaction: Transaction, settled: Iterable[Asked]) -> None:
    """Write what became of questions; one that was taken back meanwhile stays so."""
    for one in settled:
        transaction.connection.execute(
            update(question)
            .where(
                question.c.resource_id == one.resource_id,
                question.c.arn == one.arn,
                question.c.operation == one.operation,
            )
            .values(state=one.state, due=one.due, tries=one.tries, why=one.why)
        )


def waiting(store: Store, limit: int | None = None) -> list[Asked]:
    """Open questions, the longest due first."""
    wanted = select(question).where(question.c.state == literal(OPEN, literal_execute=True))
    wanted = wanted.order_by(question.c.due, *question.primary_key).limit(limit)
    return store.read(lambda tx: [Asked(*row) for row in tx.connection.execute(wanted)])


def counts(transaction: Transaction) -> Mapping[str, int]:
    """How many questions there are, by state."""
    grouped = select(question.c.state, func.count()).group_by(question.c.state).order_by(question.c.state)
    return {row[0]: row[1] for row in transaction.connection.execute(grouped)}


def refusals(transaction: Transaction, limit: int) -> Sequence[tuple[str, int]]:
    """Why questions went without an answer, and how many did so: the most frequent first."""
    grouped = select(question.c.why, func.count()).where(question.c.why != "").group_by(question.c.why)
    grouped = grouped.order_by(func.count().desc(), question.c.why).limit(limit)
    return [(why, number) for why, number in transaction.connection.execute(grouped)]


def _next_due(transaction: Transaction) -> int | None:
    earliest = select(func.min(question.c.due)).where(question.c.state == literal(OPEN, literal_execute=True))
    found: int | None = transaction.connection.scalar(earliest)
    return found
