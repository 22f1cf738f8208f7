"""What events leave out is asked of SageMaker beside the work; answers are events, and nothing waits for them."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest

from consumers.derive import GRACE
from consumers.resources.types import DescribeRequest
from consumers.run.enrich import AT_A_TIME, HOUR, LEASE, MINUTE, Answered, Enricher
from ingest.sagemaker import SageMaker
from ingest.sagemaker_operations import DescribeOperation
from store import describe_requests
from store.database import Store
from store.describe_requests import MISSING, OPEN
from store.digest import canonical, digest
from store.ledger import events
from tests.support.events import ACCOUNT, NOON, PARTITION, REGION, event
from tests.support.sagemaker import FakeSageMaker, at, fake_sagemaker
from tests.support.stores import MakeStore, fed
from tests.support.waiting import PATIENCE

FAST = 1000.0
MODEL = f"{PARTITION}model/Prices"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/lineage"
CONTAINER = {"Image": "registry/image:1", "ModelDataUrl": "s3://bucket/model.tar.gz"}
ENDPOINT = event(
    "Endpoint State Change",
    {
        "EndpointName": "Shop",
        "EndpointConfigName": "Blue",
        "EndpointStatus": "IN_SERVICE",
        "CreationTime": NOON,
        "LastModifiedTime": NOON,
    },
)
CONFIG = event(
    "Endpoint Config State Change",
    {"EndpointConfigName": "Blue", "ProductionVariants": [{"ModelName": "Prices"}], "CreationTime": NOON},
)
CLIENT = event("Model State Change", {"ModelName": "Prices", "PrimaryContainer": CONTAINER, "CreationTime": NOON})


@pytest.fixture
def sagemaker() -> Iterator[FakeSageMaker]:
    with fake_sagemaker() as fake:
        yield fake


def has_the_model(fake: FakeSageMaker) -> None:
    fields = {"ModelName": "Prices", "ModelArn": MODEL, "PrimaryContainer": CONTAINER, "CreationTime": at(0)}
    fake.has("ListModels", "DescribeModel", {**fields, "ExecutionRoleArn": ROLE})


class Clock:
    """A clock that goes on when the test says so."""

    def __init__(self) -> None:
        self.now = time.time_ns() // 1_000_000

    def __call__(self) -> int:
        return self.now


@asynccontextmanager
async def enriching(store: Store, fake: FakeSageMaker, clock: Clock) -> AsyncIterator[Enricher]:
    asked = SageMaker(
        region=REGION,
        endpoint_url=fake.url,
        per_second=FAST,
        credentials={"aws_access_key_id": "testing", "aws_secret_access_key": "testing"},
    )
    try:
        yield Enricher(store, asked, clock)
    finally:
        await asked.aclose()


@pytest.fixture
def clock() -> Clock:
    return Clock()


async def test_what_an_event_leaves_out_is_requested_when_it_has_not_come_by_itself(
    store: Store, sagemaker: FakeSageMaker, clock: Clock, make_store: MakeStore
) -> None:
    has_the_model(sagemaker)
    fed(store, [ENDPOINT, CONFIG])
    async with enriching(store, sagemaker, clock) as enricher:
        assert await enricher.send_due() == Answered(0, 0)

        clock.now += 2 * GRACE
        assert await enricher.send_due() == Answered(1, 0)
        assert await enricher.send_due() == Answered(0, 0)

    assert sagemaker.calls == {"DescribeModel": 1}
    assert canonical(store) == canonical(fed(make_store(), [ENDPOINT, CONFIG, CLIENT]))


async def test_what_comes_by_itself_is_not_requested(store: Store, sagemaker: FakeSageMaker, clock: Clock) -> None:
    fed(store, [ENDPOINT, CONFIG, CLIENT], 1)
    async with enriching(store, sagemaker, clock) as enricher:
        clock.now += 2 * GRACE
        assert await enricher.send_due() == Answered(0, 0)


async def test_a_replay_of_descriptions_makes_no_requests(
    store: Store, sagemaker: FakeSageMaker, clock: Clock, make_store: MakeStore
) -> None:
    has_the_model(sagemaker)
    fed(store, [ENDPOINT, CONFIG])
    async with enriching(store, sagemaker, clock) as enricher:
        clock.now += 2 * GRACE
        await enricher.send_due()

    exported = list(events.events(store))

    assert [json.loads(body)["source"] for body in exported] == ["aws.sagemaker", "aws.sagemaker", "headwater"]
    replayed = fed(make_store(), exported[::-1], 1)
    assert (digest(replayed), describe_requests.waiting(replayed)) == (digest(store), [])


async def test_an_operation_that_is_not_known_is_not_called(
    store: Store, sagemaker: FakeSageMaker, clock: Clock
) -> None:
    fed(store, [ENDPOINT, CONFIG])
    async with enriching(store, sagemaker, clock) as enricher:
        [outcome] = await enricher.send([DescribeRequest(f"{PARTITION}model/m", "DescribeTomorrow")])

    assert outcome.description is None
    assert outcome.why == "DescribeTomorrow: this version of Headwater does not know the operation DescribeTomorrow"
    assert sagemaker.calls == {}


@pytest.mark.parametrize(
    ("fault", "later", "why"),
    [
        ("fail", MINUTE, "DescribeModel: SageMaker did not answer"),
        ("hang up", MINUTE, "DescribeModel: SageMaker did not answer"),
        ("deny", HOUR, "DescribeModel: not allowed, give this role sagemaker:DescribeModel"),
    ],
)
async def test_a_describe_request_without_a_response_is_made_again_later(
    fault: str,
    later: int,
    why: str,
    store: Store,
    sagemaker: FakeSageMaker,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    has_the_model(sagemaker)
    sagemaker.fault(fault)  # type: ignore[arg-type]  # one of its faults
    fed(store, [ENDPOINT, CONFIG])
    async with enriching(store, sagemaker, clock) as enricher:
        clock.now += 2 * GRACE
        assert await enricher.send_due() == Answered(0, 1)
        [waiting] = describe_requests.waiting(store)
        assert (waiting.state, waiting.due, waiting.tries, waiting.reason) == (OPEN, clock.now + later, 1, why)
        assert store.read(lambda tx: describe_requests.refusals(tx, 5)) == [(why, 1)]
        assert await enricher.send_due() == Answered(0, 0)

        sagemaker.mend()
        clock.now += later
        assert await enricher.send_due() == Answered(1, 0)
    assert describe_requests.waiting(store) == []


async def test_a_request_that_fails_again_waits_twice_as_long_up_to_a_limit(
    store: Store, sagemaker: FakeSageMaker, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    sagemaker.fault("fail")
    fed(store, [ENDPOINT, CONFIG])
    waits = []
    async with enriching(store, sagemaker, clock) as enricher:
        for _ in range(7):
            clock.now += 24 * HOUR
            await enricher.send_due()
            [waiting] = describe_requests.waiting(store)
            waits.append((waiting.due - clock.now) / MINUTE)

    assert waits == [1, 2, 4, 8, 16, 32, 32]


async def test_what_does_not_exist_is_requested_three_times(
    store: Store, sagemaker: FakeSageMaker, clock: Clock
) -> None:
    fed(store, [ENDPOINT, CONFIG])
    async with enriching(store, sagemaker, clock) as enricher:
        for _ in range(5):
            clock.now += 24 * HOUR
            await enricher.send_due()
    assert sagemaker.calls == {"DescribeModel": 3}
    assert store.read(describe_requests.counts) == {MISSING: 1}


async def test_a_describe_request_that_a_dead_worker_took_is_made_by_another_later(
    store: Store, sagemaker: FakeSageMaker, clock: Clock
) -> None:
    has_the_model(sagemaker)
    fed(store, [ENDPOINT, CONFIG])
    clock.now += 2 * GRACE
    [taken] = describe_requests.take(store, clock.now, AT_A_TIME, clock.now + LEASE)

    async with enriching(store, sagemaker, clock) as enricher:
        assert await enricher.send_due() == Answered(0, 0)
        clock.now += LEASE
        assert await enricher.send_due() == Answered(1, 0)

    assert (taken.arn, taken.operation) == (MODEL, "DescribeModel")


def test_two_workers_do_not_take_the_same_describe_request(store: Store, clock: Clock) -> None:
    fed(store, [CONFIG.replace(b"Prices", b"Prices%d" % one).replace(b"Blue", b"Blue%d" % one) for one in range(20)])
    clock.now += 2 * GRACE

    one = describe_requests.take(store, clock.now, 12, clock.now + LEASE)
    other = describe_requests.take(store, clock.now, 12, clock.now + LEASE)

    assert (len(one), len(other)) == (12, 8)
    assert not set(one) & set(other)


async def test_running_ends_at_a_signal_to_stop(store: Store, sagemaker: FakeSageMaker, clock: Clock) -> None:
    has_the_model(sagemaker)
    fed(store, [ENDPOINT, CONFIG])
    clock.now += 2 * GRACE
    stop = asyncio.Event()
    async with enriching(store, sagemaker, clock) as enricher:
        running = asyncio.create_task(enricher.run(stop))
        async with asyncio.timeout(PATIENCE):
            while describe_requests.waiting(store):  # noqa: ASYNC110  # it is the store that changes
                await asyncio.sleep(0.01)
        stop.set()
        await asyncio.wait_for(running, PATIENCE)
        await enricher.aclose()
    assert sagemaker.calls == {"DescribeModel": 1}


async def test_whatever_goes_wrong_the_enricher_goes_on(
    store: Store, sagemaker: FakeSageMaker, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("consumers.run.enrich.EVERY", 0.01)
    has_the_model(sagemaker)
    fed(store, [ENDPOINT, CONFIG])
    clock.now += 2 * GRACE
    stop = asyncio.Event()
    async with enriching(store, sagemaker, clock) as enricher:
        ask = enricher._sagemaker.describe

        async def ask_in_vain(operation: DescribeOperation, arn: str) -> bytes:
            clock.now += LEASE  # until then nobody asks again
            monkeypatch.setattr(enricher._sagemaker, "describe", ask)
            raise KeyError("a bug")

        monkeypatch.setattr(enricher._sagemaker, "describe", ask_in_vain)
        running = asyncio.create_task(enricher.run(stop))
        async with asyncio.timeout(PATIENCE):
            while describe_requests.waiting(store):  # noqa: ASYNC110  # it is the store that changes
                await asyncio.sleep(0.01)
        stop.set()
        await asyncio.wait_for(running, PATIENCE)
        await enricher.aclose()
    assert sagemaker.calls == {"DescribeModel": 1}
