"""A worker whose messages nearly all die stops, and leaves what it has not acknowledged where it is."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from consumers.handle import Settlement
from consumers.run.dead_letter_limit import DeadLetterLimit, TooManyDeadLetters
from consumers.run.worker import work
from ingest.delivery import Delivery
from store.ledger import events as ledger
from tests.support.events import case_events
from tests.support.fakes import MemoryQueue
from tests.support.stores import sqlite_store


def counted(limit: DeadLetterLimit, outcomes: str, batch_size: int = 10) -> int:
    """How many deliveries are acknowledged before the limit is exceeded: `.` is an event, `x` a dead letter."""
    deliveries = [Delivery(outcome.encode()) for outcome in outcomes]
    for at in range(0, len(deliveries), batch_size):
        batch = deliveries[at : at + batch_size]
        dead = [(delivery, "why") for delivery in batch if delivery.body == b"x"]
        try:
            limit.count(batch, Settlement(dead=dead))
        except TooManyDeadLetters:
            return at
    return len(deliveries)


@pytest.mark.parametrize(
    ("outcomes", "acknowledged"),
    [
        ("x" * 20, 20),
        ("x" * 21, 20),
        ("." * 5 + "x" * 30, 20),  # the 21st in a row is in the third batch
        (("x" * 20 + ".") * 5, 105),  # 100 of the last 200 at most
        (("x" * 20 + ".") * 6, 100),  # the 101st is in the eleventh batch
        ("x." * 500, 1000),
        ("xx." * 500, 150),
        ("." * 10_000 + "x" * 20, 10_020),
    ],
)
def test_more_than_20_in_a_row_or_than_half_of_the_last_200_are_too_many(outcomes: str, acknowledged: int) -> None:
    assert counted(DeadLetterLimit(), outcomes) == acknowledged


def test_either_limit_can_be_lifted_or_moved() -> None:
    assert counted(DeadLetterLimit(in_a_row=0, share=0), "x" * 1000) == 1000
    assert counted(DeadLetterLimit(in_a_row=0), "x" * 1000) == 100
    assert counted(DeadLetterLimit(in_a_row=5), "x" * 1000, 1) == 5
    assert counted(DeadLetterLimit(in_a_row=0, share=0.1), "x" * 1000, 1) == 20


async def at_rest() -> bool:
    return True


async def test_only_what_exceeds_the_limit_is_left_unacknowledged(tmp_path: Path) -> None:
    store = sqlite_store(tmp_path / "store.db")
    queue = MemoryQueue(*case_events("abalone")[:20], *(b"rubbish %d" % number for number in range(100)), batch_size=10)
    with pytest.raises(TooManyDeadLetters, match=r"21 messages in a row .* not acknowledged but comes again"):
        await work(queue, store, asyncio.Event(), at_rest=at_rest, limit=DeadLetterLimit())
    assert await queue.depth() == 80
    assert len(ledger.dead_letters(store)) == 30  # with the batch that exceeded it, for the reasons


async def test_a_replay_of_rubbish_has_no_limit_and_loses_nothing(tmp_path: Path) -> None:
    store = sqlite_store(tmp_path / "store.db")
    queue = MemoryQueue(*(b"rubbish %d" % number for number in range(300)))
    await work(queue, store, asyncio.Event(), at_rest=at_rest)
    assert (await queue.depth(), len(ledger.dead_letters(store))) == (0, 300)
