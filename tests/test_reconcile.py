"""Lost events are found by what others reference, and what they would have reported comes from SageMaker."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Iterator

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from consumers.cli.output import reconciled_json
from consumers.run.reconcile import DAY, Reconciled, counted, findings, reconcile
from ingest.sagemaker import SageMaker
from store.database import Store
from store.digest import canonical
from store.ledger import events
from store.migrate import migrate
from tests.support.account import Account, generated
from tests.support.cli import Headwater
from tests.support.events import NOON, PARTITION, REGION, event
from tests.support.laws import scaled
from tests.support.sagemaker import FakeSageMaker, Fault, at, fake_sagemaker
from tests.support.stores import MakeStore, emptied, fed

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


def test_where_nothing_was_lost_only_what_events_leave_out_is_requested(store: Store, sagemaker: FakeSageMaker) -> None:
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


@pytest.mark.law
def test_what_was_lost_is_found_and_made_good(store: Store, make_store: MakeStore, backend: str) -> None:
    whole = make_store()

    @settings(
        max_examples=scaled(8 if backend == "sqlite" else 3),
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
            assert canonical(fed(emptied(whole), list(events.events(store)))) == canonical(store)

    law()


CONFIG = event(
    "Endpoint Config State Change",
    {"EndpointConfigName": "Blue", "ProductionVariants": [{"ModelName": "Prices"}], "CreationTime": NOON},
)
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
PREDICTING = event(
    "Transform Job State Change",
    {
        "TransformJobName": "Predict",
        "TransformJobStatus": "InProgress",
        "ModelName": "Prices",
        "TransformInput": {"DataSource": {"S3DataSource": {"S3Uri": "s3://bucket/raw"}}},
        "CreationTime": NOON,
    },
)
MODEL, JOB = f"{PARTITION}model/prices", f"{PARTITION}transform-job/predict"


def test_what_no_longer_exists_is_requested_and_reported_as_still_missing(
    store: Store, sagemaker: FakeSageMaker
) -> None:
    before = canonical(fed(store, [CONFIG, PREDICTING]))

    done = reconciled(store, sagemaker)

    assert sagemaker.calls == {"DescribeModel": 1, "DescribeTransformJob": 1}
    assert json.loads(msgspec.json.encode(reconciled_json(done))) == {
        "found": {"unfinished": 1, "unknown": 1, "unanswered": 1},
        "mended": {},
        "answered": 0,
        "reasons": {
            "DescribeModel: it does not exist": 1,
            "DescribeTransformJob: it does not exist": 1,
        },
        "left": [
            {"gap": "unfinished", "about": JOB, "seen": "InProgress since it began"},
            {"gap": "unknown", "about": MODEL, "seen": f"{PARTITION}endpoint-config/blue references it"},
            {"gap": "unanswered", "about": f"{PARTITION}model/Prices", "seen": "lineage needs DescribeModel"},
        ],
    }
    assert canonical(store) == before


def test_what_may_not_be_described_is_still_missing_and_mended_once_it_may(
    store: Store, sagemaker: FakeSageMaker
) -> None:
    has_the_configuration(sagemaker)
    fed(store, [ENDPOINT])
    sagemaker.fault("deny", "DescribeEndpointConfig")

    denied = reconciled(store, sagemaker)

    both = {"unknown": 1, "unanswered": 1}
    assert (denied.answered, counted(denied.found), counted(denied.left)) == (0, both, both)
    assert denied.reasons == {"DescribeEndpointConfig: not allowed, give this role sagemaker:DescribeEndpointConfig": 1}
    sagemaker.mend()
    allowed = reconciled(store, sagemaker)
    assert (allowed.answered, counted(allowed.mended), allowed.left, allowed.reasons) == (2, both, [], {})


def has_the_configuration(fake: FakeSageMaker) -> None:
    arn = f"{PARTITION}endpoint-config/blue"
    variants = [{"VariantName": "v0", "InitialInstanceCount": 1}]
    printed = {
        "EndpointConfigName": "Blue",
        "EndpointConfigArn": arn,
        "ProductionVariants": variants,
        "CreationTime": at(0),
    }
    fake.has("ListEndpointConfigs", "DescribeEndpointConfig", printed)
    fake.answers("ListTags", {"Tags": []}, ResourceArn=arn)


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


def test_a_dry_run_shows_what_is_missing_and_requests_nothing(headwater: Headwater, sagemaker: FakeSageMaker) -> None:
    account = known_to(sagemaker, generated(3))
    stored(account, ":endpoint-config/")

    said = headwater("reconcile", "--dry-run", *asking(sagemaker))

    assert (said.code, sagemaker.calls) == (1, {})
    assert "referenced by others, but never reported" in said.out
    assert "nothing was asked" in said.out


@pytest.mark.usefixtures("credentials")
def test_what_was_recovered_is_counted_and_the_second_time_nothing_is_missing(
    headwater: Headwater, sagemaker: FakeSageMaker
) -> None:
    account = known_to(sagemaker, generated(3))
    stored(account, ":endpoint-config/")

    first = headwater("reconcile", "--json", *asking(sagemaker))
    printed = json.loads(first.out)

    assert (first.code, printed["left"], printed["mended"], printed["reasons"]) == (0, [], printed["found"], {})
    assert printed["found"]["unknown"] >= 1
    assert headwater("reconcile", *asking(sagemaker)).out == "nothing is missing, as far as the store shows\n"


@pytest.mark.usefixtures("credentials")
def test_what_cannot_be_recovered_is_listed_with_the_reason(headwater: Headwater, sagemaker: FakeSageMaker) -> None:
    account = known_to(sagemaker, generated(3))
    stored(account, ":endpoint-config/")
    sagemaker.fault("deny", "DescribeEndpointConfig")

    said = headwater("reconcile", *asking(sagemaker))

    assert said.code == 1
    assert "DescribeEndpointConfig: not allowed, give this role sagemaker:DescribeEndpointConfig" in said.out
    assert "still missing" in said.out


@pytest.mark.usefixtures("credentials")
@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (None, "DescribeModel: it does not exist"),
        ("deny", "DescribeModel: not allowed, give this role sagemaker:DescribeModel"),
        ("unknown", "DescribeModel: this server has no such operation"),
    ],
)
def test_what_was_not_answered_is_counted_once_and_not_as_recovered(
    fault: Fault | None, reason: str, headwater: Headwater, sagemaker: FakeSageMaker
) -> None:
    with Store("sqlite:///headwater.db") as store:
        migrate(store)
        fed(store, [CONFIG])
    if fault:
        sagemaker.fault(fault)

    said = headwater("reconcile", *asking(sagemaker))

    assert (said.code, said.out) == (
        1,
        "       1  referenced by others, but never reported, 0 recovered\n"
        f"          {MODEL}: {PARTITION}endpoint-config/blue references it\n"
        "       1  descriptions that lineage needs and events leave out, 0 recovered\n"
        f"          {PARTITION}model/Prices: lineage needs DescribeModel\n"
        "0 describe requests answered, 1 not\n"
        f"         1  {reason}\n"
        "2 still missing, for the reasons above: the same command tries again\n",
    )


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
