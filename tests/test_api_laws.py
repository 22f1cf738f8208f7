"""The ledger restores all that clients wrote over the API, in any order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.database import Store
from store.digest import canonical
from store.ledger import events as ledger
from tests.support.client_writes import Write, steps, tried, writes, writing
from tests.support.laws import examples
from tests.support.stores import emptied, settlements, sqlite_store
from tests.support.worlds import worlds


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store to bring back in what another one has."""
    store = sqlite_store(tmp_path_factory.mktemp("elsewhere") / "store.db")
    yield store
    store.close()


def brought_back(store: Store, bodies: Sequence[bytes], batches: Sequence[int] = ()) -> str:
    """What a store has after these events in batches of these sizes."""
    emptied(store)
    left = list(bodies)
    for size in (*batches, len(left)):
        batch, left = left[:size], left[size:]
        assert all(settled.failed == 0 and not settled.dead for settled in settlements(store, batch))
    return canonical(store)


@pytest.mark.law
def test_the_ledger_brings_back_in_any_order_all_that_clients_wrote(
    store: Store, backend: str, elsewhere: Store
) -> None:
    @examples(16, 4, backend)
    @given(writes, steps, st.data())
    def law(writes: list[Write], pace: list[int], data: st.DataObject) -> None:
        emptied(store)
        with writing(store, pace) as service:
            granted = tried(service, writes)
        events = list(ledger.events(store))
        assert len(events) <= granted
        expected = canonical(store)
        assert brought_back(elsewhere, *data.draw(disturbed_exactly(events))) == expected
        assert brought_back(store, events) == expected

    law()


@st.composite
def disturbed_exactly(draw: st.DrawFn, events: Sequence[bytes]) -> tuple[list[bytes], list[int]]:
    """The same events in another order, some of them delivered again, and sizes of batches."""
    redelivered = draw(st.lists(st.sampled_from(events), max_size=5)) if events else []
    return draw(st.permutations([*events, *redelivered])), draw(st.lists(st.integers(1, 20), max_size=8))


@pytest.mark.law
def test_so_it_does_among_events_of_jobs(store: Store, backend: str, elsewhere: Store) -> None:
    @examples(12, 3, backend)
    @given(worlds, writes, writes, st.data())
    def law(world: list[bytes], first: list[Write], then: list[Write], data: st.DataObject) -> None:
        emptied(store)
        with writing(store, (0, 1)) as service:
            tried(service, first)
            settlements(store, world)
            tried(service, then)
        events = list(ledger.events(store))
        expected = canonical(store)
        assert brought_back(elsewhere, *data.draw(disturbed_exactly(events))) == expected

    law()
