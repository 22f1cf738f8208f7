"""How far a source may move its position: past acknowledged batches only, in whatever order they are acknowledged."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.delivery import AckTracker, Batch, Delivery, nothing_to_ack


@st.composite
def acknowledgements(draw: st.DrawFn) -> tuple[int, list[int]]:
    """A number of batches, and some of them (some twice) in the order in which they are acknowledged."""
    batches = draw(st.integers(1, 12))
    return batches, draw(st.lists(st.integers(0, batches - 1), max_size=3 * batches))


@pytest.mark.law
@given(acknowledgements())
def test_the_position_is_behind_the_last_batch_before_which_all_are_acknowledged(drawn: tuple[int, list[int]]) -> None:
    number, order = drawn
    positions: list[int] = []
    tracker: AckTracker[int] = AckTracker(positions.append)
    batches = [tracker.batch([Delivery(b"%d" % at)], at) for at in range(number)]

    async def acknowledge() -> None:
        acked = set()
        for at in order:
            await batches[at].ack()
            acked.add(at)
            assert positions == list(range(next(at for at in range(number + 1) if at not in acked)))

    asyncio.run(acknowledge())


@pytest.mark.law
@given(st.data())
def test_batches_are_handed_out_while_others_are_acknowledged(data: st.DataObject) -> None:
    positions: list[int] = []
    tracker: AckTracker[int] = AckTracker(positions.append)
    in_hand: list[tuple[int, Batch]] = []
    handed_out = 0

    async def read_and_acknowledge() -> None:
        nonlocal handed_out
        for reads in data.draw(st.lists(st.booleans(), max_size=20)):
            if reads or not in_hand:
                in_hand.append((handed_out, tracker.batch([], handed_out)))
                handed_out += 1
            else:
                await in_hand.pop(data.draw(st.integers(0, len(in_hand) - 1)))[1].ack()
            first_in_hand = min((at for at, _ in in_hand), default=handed_out)
            assert positions == list(range(first_in_hand))

    asyncio.run(read_and_acknowledge())


async def test_an_empty_batch_is_acknowledged_by_doing_nothing() -> None:
    assert await nothing_to_ack() is None  # type: ignore[func-returns-value]  # to await it is the test
