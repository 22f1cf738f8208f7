"""The law of convergence: the graph is a function of the set of events, on both databases, in one process or in two."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from store.database import Store
from store.digest import canonical, digest
from tests import stores
from tests.stores import MakeStore, backend, emptied, fed, make_store, settlements, sqlite_store, store  # noqa: F401
from tests.worlds import HERE, abalone, again, case_events, samples, worlds

EVERYTHING = (*abalone(), *samples().values())
CASES = sorted(folder.name for folder in (HERE / "cases").iterdir())


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store to find out in what a set of events ends when each comes once, in one batch."""
    store = sqlite_store(tmp_path_factory.mktemp("undisturbed") / "store.db")
    yield store
    store.close()


def graph(store: Store, bodies: Sequence[bytes], batches: Sequence[int] = ()) -> str:
    """The canonical graph that these events end in, coming in batches of these sizes."""
    emptied(store)
    left = list(bodies)
    for size in (*batches, len(left)):
        batch, left = left[:size], left[size:]
        assert [settled.failed for settled in settlements(store, batch)] in ([0], [])
    return canonical(store)


@st.composite
def disturbed(draw: st.DrawFn, events: Sequence[bytes]) -> tuple[list[bytes], list[int]]:
    """The same events in another order, some of them again, and sizes of batches."""
    repeated = draw(st.lists(st.tuples(st.sampled_from(events), st.integers(0, 10**8)), max_size=10))
    copies = [again(body, later, number) for number, (body, later) in enumerate(repeated)]
    redelivered = draw(st.lists(st.sampled_from(events), max_size=5))
    order = draw(st.permutations([*events, *copies, *redelivered]))
    return order, draw(st.lists(st.integers(1, 20), max_size=12))


def examples(sqlite: int, postgresql: int, backend: str) -> settings:
    """How many examples to try on a database; the shorter one to shrink a failure is left to SQLite."""
    return settings(
        max_examples=sqlite if backend == "sqlite" else postgresql,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
        phases=[Phase.explicit, Phase.generate, Phase.shrink],
    )


def test_order_duplicates_and_batches_of_a_run_among_all_sorts_of_events_do_not_matter(
    store: Store,  # noqa: F811
    backend: str,  # noqa: F811
    undisturbed: Store,
) -> None:
    expected = graph(undisturbed, EVERYTHING)

    @examples(1500,200,backend)
    @given(disturbed(EVERYTHING))
    def law(told: tuple[list[bytes], list[int]]) -> None:
        assert graph(store, *told) == expected

    law()


def test_order_duplicates_and_batches_do_not_matter_in_worlds_full_of_collisions(
    store: Store,  # noqa: F811
    backend: str,  # noqa: F811
    undisturbed: Store,
) -> None:
    @examples(4000, 600, backend)
    @given(worlds, st.data())
    def law(world: list[bytes], data: st.DataObject) -> None:
        assert graph(store, *data.draw(disturbed(world))) == graph(undisturbed, world)

    law()


@pytest.mark.parametrize("case", CASES)
def test_order_duplicates_and_batches_of_a_case_do_not_matter(
    case: str,
    store: Store,  # noqa: F811
    backend: str,  # noqa: F811
    undisturbed: Store,
) -> None:
    events = case_events(case)
    expected = graph(undisturbed, events)

    @examples(10, 4, backend)
    @given(disturbed(events))
    def law(told: tuple[list[bytes], list[int]]) -> None:
        assert graph(store, *told) == expected

    law()
