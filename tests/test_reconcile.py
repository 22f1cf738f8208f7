"""Lost events are found by the traces that others left, and what they told is made good by asking SageMaker."""

from __future__ import annotations

import asyncio
import json
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
from store.schema import migrate
from tests.account import Account, generated
from tests.sagemaker import FakeSageMaker, fake_sagemaker
from tests.stores import MakeStore, emptied, fed
from tests.test_cli import Headwater, headwater
from tests.worlds import NOON, REGION

__all__ = ["headwater"]  # a fixture

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


# ------------------------------------------------------------------------------------------------ on the command line


def stored(account: Account, without: str) -> None:
    """A store in the folder that never heard of some things."""
    left = [body for one in account.made if without not in one.arn for body in one.events]
    with Store("sqlite:///headwater.db") as store:
        migrate(store)
        fed(store, left, 50)


def asking(fake: FakeSageMaker) -> list[str]:
    return ["--endpoint-url", fake.url, "--region", REGION, "--per-second", "1000"]


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")


def test_what_is_missing_is_told_and_nobody_is_asked(headwater: Headwater, sagemaker: FakeSageMaker) -> None:
    account = known_to(sagemaker, generated(3))
    stored(account, ":endpoint-config/")

    said = headwater("reconcile", "--dry-run", *asking(sagemaker))

    assert (said.code, sagemaker.calls) == (1, {})
    assert "spoken of by others, but never told of" in said.out
    assert "nobody was asked" in said.out


@pytest.mark.usefixtures("credentials")
def test_what_was_mended_is_told_and_the_second_time_nothing_is_missing(
    headwater: Headwater, sagemaker: FakeSageMaker
) -> None:
    account = known_to(sagemaker, generated(3))
    stored(account, ":endpoint-config/")

    first = headwater("reconcile", "--json", *asking(sagemaker))
    told = json.loads(first.out)

    assert (first.code, told["left"], told["mended"], told["reasons"]) == (0, [], told["found"], {})
    assert told["found"]["unknown"] >= 1
    assert (
        headwater("reconcile", *asking(sagemaker)).out
        == "nothing is missing, as far as can be told from what is known\n"
    )


@pytest.mark.usefixtures("credentials")
def test_what_cannot_be_mended_is_told_with_the_reason(headwater: Headwater, sagemaker: FakeSageMaker) -> None:
    account = known_to(sagemaker, generated(3))
    stored(account, ":endpoint-config/")
    sagemaker.fault("deny", "DescribeEndpointConfig")

    said = headwater("reconcile", *asking(sagemaker))

    assert said.code == 1
    assert "DescribeEndpointConfig: not allowed, give this role sagemaker:DescribeEndpointConfig" in said.out
    assert "still missing" in said.out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--after", "soon"], "--after is a number of days, as 2d, not 'soon'"),
        (["--per-second", "0"], "--per-second must be more than 0"),
    ],
)
def test_wrong_options_get_one_sentence(headwater: Headwater, words: list[str], sentence: str) -> None:
    stored(Account(random.Random(0)), "")
    said = headwater("reconcile", *words)
    assert (said.code, said.out) == (2, "")
    assert sentence in said.err
