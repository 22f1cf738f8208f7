"""Calls that CloudTrail records: what they say, who called, and calls that change nothing."""

from __future__ import annotations

import json
from functools import reduce
from operator import or_
from typing import Any

import botocore.session
import msgspec
import pytest

from consumers.handle import handle
from consumers.kind import CONTEXT as CONTEXT_KIND
from consumers.observe import observe
from consumers.observe.cloudtrail import handled_calls
from consumers.resources import RESOURCE_TYPES
from consumers.state import CREATED_BY, DELETED, MODIFIED_BY, ResourceState, incarnations
from ingest.delivery import Delivery
from ingest.event import Malformed, decode
from store.database import Store
from store.digest import digest
from store.ledger import events
from store.tables import entity
from tests.support.events import ACCOUNT, NOON, PARTITION, call, case_events, event
from tests.support.stores import fed

SERVICE = botocore.session.get_session().get_service_model("sagemaker")
READS = ("Describe", "List", "Search", "Query", "Get", "Batch", "Render", "Import")
ADA = f"arn:aws:sts::{ACCOUNT}:assumed-role/data-science/ada"
LIN = f"arn:aws:iam::{ACCOUNT}:user/lin"


def observed(body: bytes) -> dict[str, Any]:
    """The fields of the newest incarnation of the first resource that an event reports."""
    (known, *_) = observe(decode(body))
    return fields(known)


def fields(known: ResourceState) -> dict[str, Any]:
    _, incarnation = incarnations(known)[-1]
    return {name: msgspec.json.decode(value) for name, (_, value) in incarnation.fields.items()}


def test_every_call_that_reports_something_is_a_write_of_sagemaker() -> None:
    known = {name for name in handled_calls() if " " not in name}

    assert known - set(SERVICE.operation_names) == set()
    assert [name for name in sorted(known) if name.startswith(READS)] == []


CONTEXT = {"contextName": "Review", "source": {"sourceUri": "https://example.com"}, "contextType": "Review"}


@pytest.mark.parametrize(
    ("who", "by"),
    [
        ({"type": "AssumedRole", "arn": ADA, "principalId": "AROA:ada"}, ADA),
        ({"type": "IAMUser", "arn": LIN, "userName": "lin"}, LIN),
        ({"type": "AWSService", "invokedBy": "sagemaker.amazonaws.com"}, "sagemaker.amazonaws.com"),
        ({}, None),
    ],
)
def test_the_caller_is_recorded(who: dict[str, str], by: str | None) -> None:
    assert observed(call("CreateContext", CONTEXT, userIdentity=who)).get(CREATED_BY) == by


@pytest.mark.parametrize("name", ["CreateContext", "DeleteContext", "CreateTrainingJob"])
def test_a_refused_call_changes_nothing_and_is_counted_as_such(name: str, store: Store) -> None:
    parameters = {**CONTEXT, "trainingJobName": "job"}

    settled = handle([Delivery(call(name, parameters, errorCode="AccessDenied"))], store)

    assert (settled.events, settled.kept, list(settled.dead)) == (1, {}, [])
    assert store.read(events.counts) == {"nothing": {f"AWS API Call via CloudTrail: {name}": 1}}
    assert digest(store)[1] == {}


@pytest.mark.parametrize(
    ("name", "parameters", "why"),
    [
        ("CreateContext", {"contextType": "Review"}, "does not say which context it is about"),
        ("UpdateContext", {"contextName": "Review", "properties": ["a"]}, "Expected `object`, got `array`"),
        ("UpdateContext", {"contextName": "Review", "propertiesToRemove": 7}, "PropertiesToRemove cannot be read"),
        ("AddTags", {"resourceArn": f"{PARTITION}context/review", "tags": {"a": 1}}, "Tags cannot be read"),
        ("AddAssociation", {"sourceArn": f"{PARTITION}context/review"}, "does not say which association it is about"),
        ("AssociateTrialComponent", {"trialName": "t"}, "does not say which membership it is about"),
    ],
)
def test_a_call_that_cannot_be_understood_says_why(name: str, parameters: dict[str, Any], why: str) -> None:
    with pytest.raises(Malformed, match=why.replace("`", ".")):
        observed(call(name, parameters))


def entities(store: Store) -> list[tuple[str, str, dict[str, Any]]]:
    """All entities: type of lineage, name, and what has no column of its own."""
    rows = store.read(lambda tx: tx.connection.execute(entity.select().order_by(entity.c.key)).all())
    return [(row.lineage_type, row.name, json.loads(row.document)) for row in rows]


def test_an_entity_knows_who_made_it_and_who_changed_it_last(store: Store) -> None:
    changed = {"contextName": "Review", "description": "seen", "properties": {"a": "2"}, "propertiesToRemove": ["b"]}
    fed(
        store,
        [
            call("CreateContext", {**CONTEXT, "properties": {"a": "1", "b": "1", "c": "1"}}),
            call("UpdateContext", changed, time=NOON + 5_000, who=LIN),
        ],
    )

    assert entities(store) == [
        (
            "Context",
            "Review",
            {
                "created_by": ADA,
                "description": "seen",
                "modified": NOON + 5_000,
                "modified_by": LIN,
                "properties": {"a": "2", "c": "1"},
            },
        )
    ]


def test_a_job_and_a_package_know_who_made_them(store: Store) -> None:
    job = {"TrainingJobName": "job", "TrainingJobArn": f"{PARTITION}training-job/job", "CreationTime": NOON}
    package = {"ModelPackageArn": f"{PARTITION}model-package/p", "ModelPackageName": "p", "CreationTime": NOON}
    fed(
        store,
        [
            event("Training Job State Change", job),
            event("Model Package State Change", {**package, "CreatedBy": {"IamIdentity": {"Arn": LIN}}}),
            call("CreateTrainingJob", {"trainingJobName": "job"}),
        ],
    )

    assert [(kind, row.get("created_by")) for kind, _, row in entities(store)] == [
        ("Artifact", LIN),
        ("TrialComponent", ADA),
    ]


@pytest.mark.parametrize("seconds", [0, 1, 30])
def test_a_resource_made_again_soon_after_its_deletion_is_another_one(seconds: int) -> None:
    later = NOON + 30_000
    calls = [
        call("CreateContext", {**CONTEXT, "description": "the first"}),
        call("DeleteContext", {"contextName": "Review"}, time=later),
        call("CreateContext", CONTEXT, time=later + 1_000 * seconds),
    ]
    first, second, third = (observe(decode(body))[0] for body in calls)

    [(_, before), (_, now)] = incarnations(first | second | third)

    assert msgspec.json.decode(before.fields[DELETED][1]) == later
    assert (msgspec.json.decode(now.fields[DELETED][1]), "Description" in now.fields) == (0, False)


def test_of_calls_of_the_same_second_what_makes_comes_first_and_what_deletes_last() -> None:
    calls = [
        call("DeleteContext", {"contextName": "Review"}, who="arn:aws:iam::1:user/a"),
        call("UpdateContext", {"contextName": "Review", "description": "a"}, who="arn:aws:iam::1:user/z"),
        call("AddTags", {"resourceArn": f"{PARTITION}context/review", "tags": [{"key": "team", "value": "a"}]}),
        call("CreateContext", {**CONTEXT, "description": "z", "tags": [{"key": "team", "value": "z"}]}),
    ]

    known = reduce(or_, (observe(decode(body))[0] for body in calls))

    found = fields(known)
    [context] = RESOURCE_TYPES[CONTEXT_KIND].resources(known)
    assert context.tags == {"team": "a"}
    assert (found["Description"], found[MODIFIED_BY], found[DELETED]) == ("a", "arn:aws:iam::1:user/a", NOON)


def test_a_real_record_of_a_training_job_reports_what_the_event_would() -> None:
    (body, *_) = case_events("training_job_by_call")

    known = observed(body)

    assert known["TrainingJobName"] == "churn-2026-03-02-08-00-00-000"
    assert known["AlgorithmSpecification"]["EnableSageMakerMetricsTimeSeries"] is False
    assert "HyperParameters" not in known
