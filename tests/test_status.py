"""A store in numbers: whether models reach their data, what SageMaker was asked, what is kept on purpose."""

from __future__ import annotations

import io

import pytest
from rich.console import Console
from sqlalchemy import select

from consumers.cli import output
from consumers.handle import handle
from consumers.observe.detail_types import CLOUDTRAIL_CALL
from consumers.observe.unhandled import why_kept
from ingest.delivery import Delivery
from store import describe_requests
from store.database import Store, Transaction
from store.status import Reach, status
from store.tables import resource
from tests.support.events import NOON, PARTITION, abalone, case_events, event
from tests.support.stores import fed


def said(store: Store) -> list[str]:
    out = io.StringIO()
    output.status(Console(file=out, width=200, highlight=False), "here", status(store))
    return out.getvalue().splitlines()


def trained(name: str, *read: str) -> bytes:
    return event(
        "Training Job State Change",
        {
            "TrainingJobArn": f"{PARTITION}training-job/{name}",
            "CreationTime": NOON,
            "ModelArtifacts": {"S3ModelArtifacts": f"s3://b/{name}/model.tar.gz"},
            "InputDataConfig": [{"DataSource": {"S3DataSource": {"S3Uri": uri}}} for uri in read],
        },
    )


def packaged(name: str, model: str) -> bytes:
    return event(
        "Model Package State Change",
        {
            "ModelPackageArn": f"{PARTITION}model-package/{name}",
            "CreationTime": NOON,
            "InferenceSpecification": {"Containers": [{"ModelDataUrl": f"s3://b/{model}/model.tar.gz"}]},
        },
    )


def test_models_that_lead_back_to_data_are_counted_among_those_that_are_used(store: Store) -> None:
    fed(
        store,
        [
            trained("one", "s3://b/data"),
            packaged("of-one", "one"),
            trained("two"),
            packaged("of-two", "two"),
            trained("nobodys", "s3://b/data"),
        ],
    )

    found = status(store)

    assert (found.models, found.endpoints) == (Reach(4, 2, complete=True), Reach(0, 0, complete=True))
    assert "50% of 4 models lead back to a data set" in said(store)
    assert not [line for line in said(store) if "endpoints lead" in line]


def test_an_endpoint_leads_back_to_data_by_what_is_inferred_too(store: Store) -> None:
    fed(store, case_events("endpoint_of_a_package"))
    before = status(store).endpoints

    fed(store, case_events("pipeline"))

    assert (before, status(store).endpoints) == (Reach(1, 0, complete=True), Reach(1, 1, complete=True))


def test_a_real_run_leads_back_to_its_data(store: Store) -> None:
    fed(store, abalone())

    assert status(store).models == Reach(2, 2, complete=True)


def test_describe_requests_are_counted_with_the_reasons_for_missing_descriptions(store: Store) -> None:
    fed(store, [trained("one")])

    def ask(tx: Transaction) -> None:
        (job,) = tx.connection.scalars(select(resource.c.id))
        describe_requests.update_requests(
            tx, {job: [("a", "DescribeModel"), ("b", "DescribeModel"), ("c", "DescribeModel")]}, (), NOON
        )
        describe_requests.settle(
            tx,
            [
                describe_requests.DescribeRequestRow(
                    job, "b", "DescribeModel", describe_requests.MISSING, NOON, 1, "it is not there"
                )
            ],
        )

    store.write(ask)
    found = status(store)

    assert (dict(found.questions), dict(found.refusals)) == ({"missing": 1, "open": 2}, {"it is not there": 1})
    lines = said(store)
    at = lines.index("describe requests to SageMaker: 2 waiting, 0 answered, 1 about what does not exist")
    assert lines[at + 1 : at + 3] == ["1 of them were not answered:", "         1  it is not there"]


def test_events_kept_on_purpose_are_listed_apart_from_those_without_a_rule(store: Store) -> None:
    known, unknown = "Notebook Instance State Change", "Moon Phase State Change"
    handle([Delivery(event(kind, {"A": number})) for number, kind in enumerate([known, known, unknown])], store)

    lines = said(store)

    at = lines.index("3 events in the ledger")
    assert lines[at + 1 : at + 5] == [
        "2 of them kept on purpose, with nothing derived from them:",
        "         2  the state of a notebook, not what is made in it",
        "1 of them kept for later, their kind has no rule yet:",
        "         1  SageMaker Moon Phase State Change",
    ]


@pytest.mark.parametrize(
    ("sort", "known"),
    [(f"{CLOUDTRAIL_CALL}: ListModels", True), ("SageMaker Notebook Instance State Change", True), ("others", False)],
)
def test_a_reason_is_known_of_what_is_kept_on_purpose(sort: str, known: bool) -> None:
    assert (why_kept(sort) is not None) == known
