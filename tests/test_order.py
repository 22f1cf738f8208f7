"""The law of convergence: the graph is a function of the set of events, on both databases, in one process or in two."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy.event import listens_for

from consumers.handle import handle
from ingest.delivery import Delivery
from store import resources as table
from store.database import Store, Transaction
from store.digest import canonical, digest
from store.lineage import Lineage, artifact
from store.save import save
from tests.support.account import generated
from tests.support.events import HERE, NOON, PARTITION, abalone, again, case_events, samples
from tests.support.laws import examples, seeds
from tests.support.stores import emptied, fed, settlements, sqlite_store
from tests.support.worlds import worlds

EVERYTHING = (*abalone(), *samples().values())
CASES = sorted(folder.name for folder in (HERE / "cases").iterdir())


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store for the expected graph of a set of events: each comes once, all in one batch."""
    store = sqlite_store(tmp_path_factory.mktemp("undisturbed") / "store.db")
    yield store
    store.close()


def graph(store: Store, bodies: Sequence[bytes], batches: Sequence[int] = ()) -> str:
    """The canonical graph of these events, handled in batches of these sizes."""
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


@pytest.mark.law
def test_order_duplicates_and_batches_of_a_run_among_all_kinds_of_events_do_not_matter(
    store: Store,
    backend: str,
    undisturbed: Store,
) -> None:
    expected = graph(undisturbed, EVERYTHING)

    @examples(60, 15, backend)
    @given(disturbed(EVERYTHING))
    def law(disorder: tuple[list[bytes], list[int]]) -> None:
        assert graph(store, *disorder) == expected

    law()


@pytest.mark.law
def test_order_duplicates_and_batches_do_not_matter_in_worlds_full_of_collisions(
    store: Store,
    backend: str,
    undisturbed: Store,
) -> None:
    @examples(250, 40, backend)
    @given(worlds, st.data())
    def law(world: list[bytes], data: st.DataObject) -> None:
        assert graph(store, *data.draw(disturbed(world))) == graph(undisturbed, world)

    law()


def events_of(seed: int, chance: random.Random) -> list[bytes]:
    """All events of a generated account, and half of its descriptions."""
    account = generated(seed)
    descriptions = account.answered()
    return [*account.events(), *chance.sample(descriptions, len(descriptions) // 2)]


def out_of_order(events: Sequence[bytes], chance: random.Random) -> list[bytes]:
    """The same events in another order, some of them again."""
    copies = [again(body, chance.randrange(10**7), number) for number, body in enumerate(chance.sample(events, 20))]
    disordered = [*events, *copies, *chance.sample(events, 10)]
    chance.shuffle(disordered)
    return disordered


@pytest.mark.law
def test_order_duplicates_and_batches_do_not_matter_in_an_account_with_all_kinds_of_resources(
    store: Store,
    backend: str,
    undisturbed: Store,
) -> None:
    @examples(40, 12, backend)
    @given(st.integers(0, 2**16), st.integers(0, 2**32))
    def law(account: int, disorder: int) -> None:
        chance = random.Random(disorder)
        events = events_of(account, chance)
        disordered = out_of_order(events, chance)
        assert graph(store, disordered, [chance.randint(1, 30) for _ in disordered]) == graph(undisturbed, events)

    law()


@pytest.mark.law
@pytest.mark.parametrize("case", CASES)
def test_order_duplicates_and_batches_of_a_case_do_not_matter(
    case: str,
    store: Store,
    backend: str,
    undisturbed: Store,
) -> None:
    events = case_events(case)
    expected = graph(undisturbed, events)

    @examples(20, 4, backend)
    @given(disturbed(events))
    def law(disorder: tuple[list[bytes], list[int]]) -> None:
        assert graph(store, *disorder) == expected

    law()


# ---------------------------------------------------------------------------------------------- in any order


def about(*kinds: str) -> tuple[bytes, ...]:
    """The Abalone run's events of these kinds, all about one kind before those about the next."""
    return tuple(body for kind in kinds for body in abalone() if json.loads(body)["detail-type"] == f"SageMaker {kind}")


EXECUTION = "Model Building Pipeline Execution Status Change"
STEP = "Model Building Pipeline Execution Step Status Change"
PROCESSING, TRAINING, TRANSFORM = (f"{job} Job State Change" for job in ("Processing", "Training", "Transform"))


@pytest.mark.parametrize(
    ("first", "then"),
    [
        ((STEP,), (PROCESSING, TRAINING, TRANSFORM)),
        ((STEP, PROCESSING, TRAINING), (EXECUTION,)),
        ((TRANSFORM,), ("Model State Change",)),
    ],
    ids=["step before job", "job before execution", "transform job before model"],
)
def test_a_link_across_resources_is_made_whichever_comes_last(
    first: tuple[str, ...],
    then: tuple[str, ...],
    store: Store,
    undisturbed: Store,
) -> None:
    events = about(*first, *then)

    assert graph(store, events, [1] * len(events)) == graph(undisturbed, about(*then, *first))


@pytest.mark.parametrize("order", ["endpoint config model package", "package endpoint model config"])
def test_an_endpoint_is_linked_to_its_package_whichever_comes_first(
    order: str,
    store: Store,
    undisturbed: Store,
) -> None:
    events = {json.loads(body)["detail-type"].split()[-3]: body for body in case_events("endpoint_of_a_package")}
    names = {"endpoint": "Endpoint", "config": "Config", "model": "Model", "package": "Package"}
    disordered = [events[names[word]] for word in order.split()]

    assert graph(store, disordered, [1] * 4) == graph(undisturbed, case_events("endpoint_of_a_package"))


def test_an_approval_that_comes_before_its_package_counts_the_same(
    store: Store,
    undisturbed: Store,
) -> None:
    events = case_events("approvals")

    assert graph(store, events[::-1], [1] * len(events)) == graph(undisturbed, events)


def test_a_redelivered_event_may_come_in_one_batch_with_what_references_it(store: Store, undisturbed: Store) -> None:
    package, model, config, endpoint = case_events("endpoint_of_a_package")
    fed(emptied(store), [package, model, config])

    fed(store, [config, endpoint])

    assert canonical(store) == graph(undisturbed, [package, model, config, endpoint])


def test_the_newest_display_name_holds_in_whatever_order_the_changes_come(
    store: Store,
    undisturbed: Store,
) -> None:
    first, *_, last = case_events("pipeline")

    assert graph(store, [first, last], [1, 1]) == graph(undisturbed, [first, last])


def test_a_job_keeps_its_parameters_when_a_step_of_another_account_mentions_it(
    store: Store,
    undisturbed: Store,
) -> None:
    _, step, *_ = (
        body for body in case_events("pipeline") if b'"processingJob"' in body or b"ProcessingJobArn" in body
    )
    job, *_ = (body for body in case_events("pipeline") if b"ProcessingJobArn" in body)
    elsewhere = step.replace(b"111122223333:pipeline", b"444455556666:pipeline")

    together = graph(store, [elsewhere, job])

    assert '"SageMaker.ImageUri"' in together
    assert together == graph(undisturbed, [elsewhere, job], [1, 1])


# ------------------------------------------------------------------------------------------------------ two processes


@pytest.fixture(scope="module")
def two_processes() -> Iterator[ProcessPoolExecutor]:
    """Two processes that share nothing with this one."""
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        yield pool


def work(url: str, bodies: Sequence[bytes], sizes: Sequence[int], start: float) -> list[str]:
    """Handles a worker's share of the messages. Returns the reasons of its dead letters."""
    store = Store(url)
    time.sleep(max(0.0, start - time.time()))
    reasons: list[str] = []
    at = 0
    for size in sizes:
        reasons += [reason for _, reason in handle([Delivery(body) for body in bodies[at : at + size]], store).dead]
        at += size
    store.close()
    return reasons


def worked(store: Store, shares: Sequence[Sequence[bytes]], seed: int, pool: ProcessPoolExecutor) -> str:
    """The canonical graph after two workers have done their shares at the same time, in small batches."""
    chance = random.Random(seed)
    emptied(store)
    url = store.url.render_as_string(hide_password=False)
    start = time.time() + 0.02
    running = [pool.submit(work, url, share, [chance.randint(1, 3) for _ in share], start) for share in shares]
    for future in running:
        assert [reason for reason in future.result() if "the store refuses" in reason] == []
    return canonical(store)


@pytest.mark.law
@pytest.mark.parametrize("seed", seeds(4))
def test_two_workers_in_two_processes_end_in_the_same_graph_as_one(
    seed: int,
    store: Store,
    two_processes: ProcessPoolExecutor,
    undisturbed: Store,
) -> None:
    chance = random.Random(seed)
    events = [*EVERYTHING, *(again(body, chance.randrange(10**7), number) for number, body in enumerate(EVERYTHING))]
    chance.shuffle(events)
    middle = chance.randrange(len(events) // 3, 2 * len(events) // 3)

    ended = worked(store, (events[:middle], events[middle:]), seed, two_processes)

    assert ended == graph(undisturbed, EVERYTHING)


@pytest.mark.law
def test_two_workers_in_two_processes_agree_on_worlds_full_of_collisions(
    store: Store,
    backend: str,
    two_processes: ProcessPoolExecutor,
    undisturbed: Store,
) -> None:
    # A failure of a race may not happen again: there is nothing to shrink.
    @settings(examples(12, 24, backend), phases=[Phase.generate])
    @given(worlds, st.integers(0, 2**32))
    def law(world: list[bytes], seed: int) -> None:
        half = len(world) // 2
        assert worked(store, (world[:half], world[half:]), seed, two_processes) == graph(undisturbed, world)

    law()


@pytest.mark.law
@pytest.mark.parametrize("seed", seeds(2))
def test_two_workers_in_two_processes_agree_on_an_account_with_all_kinds_of_resources(
    seed: int,
    store: Store,
    two_processes: ProcessPoolExecutor,
    undisturbed: Store,
) -> None:
    chance = random.Random(seed)
    events = events_of(seed, chance)
    disordered = out_of_order(events, chance)
    half = len(disordered) // 2

    assert worked(store, (disordered[:half], disordered[half:]), seed, two_processes) == graph(undisturbed, events)


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
def test_a_type_counts_that_is_saved_while_a_heavier_one_is_withdrawn(store: Store) -> None:
    # The slower store has compared its type with the heavier one, and is about to save it.
    slower = Store(store.url)
    compared, withdrawn = threading.Event(), threading.Event()

    @listens_for(slower.engine, "before_cursor_execute")
    def wait(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("INSERT INTO mention"):
            compared.set()
            withdrawn.wait(2)

    save_type(store, "job-1", "Model")
    save_type(store, "job-2", "DataSet")
    saving = threading.Thread(target=save_type, args=(slower, "job-3", "Image"))
    saving.start()
    compared.wait(120)

    save_type(store, "job-1", None)

    withdrawn.set()
    saving.join()
    slower.close()
    assert [json.loads(line)[2] for line in canonical(store).splitlines()] == ["Image"]


def save_type(store: Store, job: str, type_: str | None) -> None:
    """Save that an artifact is of this type according to a job; with None, the job no longer mentions it."""
    lineage = Lineage((artifact(PARTITION, type_, "s3://bucket/thing", NOON),) if type_ else ())

    def write(tx: Transaction) -> None:
        (row,) = table.claim(tx, {f"{PARTITION}training-job/{job}": "training-job"}).values()
        save(tx, {row.id: lineage})

    store.write(write)


def test_both_databases_end_in_the_same_digest(store: Store, undisturbed: Store) -> None:
    expected = digest(fed(emptied(undisturbed), abalone()))

    assert digest(fed(store, abalone(), 7)) == expected
