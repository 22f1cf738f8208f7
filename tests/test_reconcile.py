"""Lost events are found by the traces that others left, and what they told is made good by asking SageMaker."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from consumers.reconcile import DAY, Reconciled, counted, findings, reconcile
from ingest.describe import SageMaker
from store import ledger
from store.database import Store
from store.digest import canonical
from tests.account import Account, generated
from tests.sagemaker import FakeSageMaker, fake_sagemaker
from tests.stores import MakeStore, emptied, fed
from tests.worlds import NOON, REGION

LATER = NOON + 1000 * DAY


@pytest.fixture
def sagemaker() -> Iterator[FakeSageMaker]:
    with fake_sagemaker() as fake:
        yield fake


def reconciled(store: Store, fake: FakeSageMaker) -> Reconciled:
    async def main() -> Reconciled:
        asked = SageMaker(
            region=REGION,
            endpoint_url=fake.url,
            per_second=10_000,
            credentials={"aws_access_key_id": "testing", "aws_secret_access_key": "testing"},
        )
        try:
            return await reconcile(store, asked, now=lambda: LATER)
        finally:
            await asked.aclose()

    return asyncio.run(main())


def known_to(fake: FakeSageMaker, account: Account) -> Account:
    account.known_to(fake)
    return account


def test_where_nothing_was_lost_only_what_no_event_tells_is_asked_for(store: Store, sagemaker: FakeSageMaker) -> None:
    account = known_to(sagemaker, generated(1))
    fed(store, account.events(), 50)

    assert counted(reconciled(store, sagemaker).found) == {"unanswered": sum(sagemaker.calls.values())}
    assert sagemaker.calls == {
        "DescribeAutoMLJobV2": 1,  # of which there are no events
        "DescribeImageVersion": 1,
        "DescribeLabelingJob": 1,
        "DescribeModelPackageGroup": 1,
        "ListTrainingJobsForHyperParameterTuningJob": 2,
    }
    assert findings(store, LATER) == []


def test_what_was_lost_is_found_and_made_good(store: Store, make_store: MakeStore, backend: str) -> None:
    whole = make_store()

    @settings(
        max_examples=25 if backend == "sqlite" else 8,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
        phases=[Phase.explicit, Phase.generate, Phase.shrink],
    )
    @given(st.integers(0, 2**16), st.integers(0, 2**16))
    def law(seed: int, losses: int) -> None:
        with fake_sagemaker() as fake:
            account = known_to(fake, generated(seed))
            left = account.some_lost(random.Random(losses))
            reconciled(fed(emptied(whole), account.events()), fake)
            done = reconciled(fed(emptied(store), left, 50), fake)
            assert (canonical(store), done.left) == (canonical(whole), [])
            # All that was answered is in the ledger: with no SageMaker in reach, a replay ends in the same graph.
            assert canonical(fed(emptied(whole), list(ledger.events(store)))) == canonical(store)

    law()
