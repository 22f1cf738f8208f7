"""What clients make: links that come and go, ends that are reported later, and what a job's own report leaves of it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from itertools import permutations

import pytest

from consumers.catch_up import catch_up
from consumers.kind import TRAINING_JOB
from consumers.resources import RESOURCE_TYPES, training_job
from consumers.resources.types import DescribeRequest
from consumers.run.reconcile import findings
from store.database import Store
from store.digest import canonical
from store.graph import resolve
from store.lineage import artifact
from store.tables import association, entity, parameter
from tests.support.events import NOON, PARTITION, answer, call, case_events, event
from tests.support.stores import MakeStore, emptied, fed

CONTEXT, ACTION = f"{PARTITION}context/review", f"{PARTITION}action/check"
COMPONENT = f"{PARTITION}experiment-trial-component/job-aws-training-job"
ARTIFACT = f"{PARTITION}artifact/{'8e1ace0b' * 4}"
BOTH = {"sourceArn": ACTION, "destinationArn": CONTEXT}
JOB = event(
    "Training Job State Change",
    {
        "TrainingJobName": "Job",
        "TrainingJobArn": f"{PARTITION}training-job/job",
        "TrainingJobStatus": "Completed",
        "CreationTime": NOON,
        "LastModifiedTime": NOON,
        "HyperParameters": {"eta": "0.1"},
    },
)
AMENDED = call(
    "UpdateTrialComponent",
    {"trialComponentName": "Job-aws-training-job", "displayName": "good", "parameters": {"by": {"stringValue": "ada"}}},
    time=NOON + 60_000,
)


def links(store: Store) -> list[tuple[str, str, str, int]]:
    """All associations: source, type, destination, since when."""
    entities = store.read(lambda tx: tx.connection.execute(entity.select()).all())
    names = {row.id: row.name or row.source_uri for row in entities}
    rows = store.read(lambda tx: tx.connection.execute(association.select()).all())
    return sorted((names[row.source_id], row.type, names[row.destination_id], row.since) for row in rows)


def parameters(store: Store) -> dict[str, str | None]:
    rows = store.read(lambda tx: tx.connection.execute(parameter.select()).all())
    return {row.name: row.string for row in rows}


@pytest.mark.parametrize(
    ("calls", "since"),
    [
        (("AddAssociation",), NOON),
        (("AddAssociation", "DeleteAssociation"), None),
        (("AddAssociation", "DeleteAssociation", "AddAssociation"), NOON + 20_000),
        (("DeleteAssociation",), None),
    ],
)
def test_an_association_holds_from_when_it_was_added_last(
    calls: Sequence[str], since: int | None, make_store: MakeStore
) -> None:
    store = make_store()
    bodies = [call(name, BOTH, BOTH, time=NOON + 10_000 * number) for number, name in enumerate(calls)]
    expected = [] if since is None else [("check", "AssociatedWith", "review", since)]

    for order in permutations(bodies):
        assert links(fed(emptied(store), order, 1)) == expected


def test_an_artifact_of_sagemaker_s_is_the_one_of_its_source_whichever_is_reported_first(store: Store) -> None:
    described = {
        "ArtifactArn": ARTIFACT,
        "Source": {"SourceUri": "s3://b/x"},
        "ArtifactType": "DataSet",
        "CreationTime": NOON,
        "LastModifiedTime": NOON,
    }
    linked = {"sourceArn": ARTIFACT, "destinationArn": CONTEXT}
    bodies = [answer("DescribeArtifact", described, arn=ARTIFACT), call("AddAssociation", linked, linked)]
    ours = artifact(PARTITION, "DataSet", "s3://b/x", NOON).arn

    for order in permutations(bodies):
        fed(emptied(store), order, 1)
        assert links(store) == [("s3://b/x", "AssociatedWith", "review", NOON)]
        assert [match.vertex.arn for match in resolve.find(store, ARTIFACT)] == [ours]


def test_nothing_hangs_on_what_was_deleted(store: Store) -> None:
    made = {"contextName": "review", "contextType": "Review"}
    fed(
        store,
        [
            call("CreateContext", made),
            call("AddAssociation", BOTH, BOTH, time=NOON + 1_000),
            call("DeleteContext", {"contextName": "review"}, time=NOON + 2_000),
        ],
    )

    assert links(store) == []
    assert store.read(lambda tx: tx.connection.execute(entity.select()).all()) == []


def test_a_job_and_a_client_both_say_their_part_whichever_comes_first(make_store: MakeStore) -> None:
    store = make_store()
    graphs = set()
    for order in permutations([JOB, AMENDED]):
        fed(emptied(store), order, 1)
        assert parameters(store) == {"eta": "0.1", "by": "ada"}
        graphs.add(canonical(store))

    assert len(graphs) == 1


def test_a_job_whose_rule_read_less_before_hears_of_its_client_all_the_same(
    make_store: MakeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = make_store()
    with monkeypatch.context() as earlier:
        deaf = dataclasses.replace(
            training_job.TYPE, lineage=training_job.lineage, references=lambda _: (), missing=None, version=1
        )
        earlier.setitem(RESOURCE_TYPES, TRAINING_JOB, deaf)
        fed(store, [JOB])

    assert catch_up(store) == 1
    fed(store, [AMENDED])

    assert parameters(store) == {"eta": "0.1", "by": "ada"}


def test_what_a_client_might_have_spoken_of_is_no_gap(store: Store) -> None:
    fed(store, [JOB, *case_events("experiment_of_a_client"), *case_events("pipeline_retried_and_cached")])

    missing = [one.about for one in findings(store, NOON) if one.gap == "unknown"]

    assert missing == []


def test_only_what_nothing_reports_is_requested(store: Store) -> None:
    linked = {"sourceArn": ARTIFACT, "destinationArn": COMPONENT}
    known = call("CreateContext", {"contextName": "review", "contextType": "Review"})
    fed(store, [JOB, known, call("AddAssociation", linked, linked), call("AddAssociation", BOTH, BOTH)])

    asked = {question for one in findings(store, NOON) if one.gap == "unanswered" for question in one.requests}

    assert {question for question in asked if "training-job/" not in question.arn} == {
        DescribeRequest(ACTION, "DescribeAction"),
        DescribeRequest(ARTIFACT, "DescribeArtifact"),
    }


def test_a_map_reported_as_a_whole_counts_from_its_time_on(store: Store) -> None:
    made = {"contextName": "review", "contextType": "Review", "properties": {"a": "1"}}
    described = {
        "ContextName": "review",
        "ContextArn": CONTEXT,
        "Properties": {"b": "2"},
        "CreationTime": NOON,
        "LastModifiedTime": NOON + 20_000,
    }
    bodies = [
        call("CreateContext", made),
        call("UpdateContext", {"contextName": "review", "properties": {"a": "3", "c": "3"}}, time=NOON + 10_000),
        answer("DescribeContext", described, arn=CONTEXT, time=NOON + 90_000),
        call("UpdateContext", {"contextName": "review", "properties": {"d": "4"}}, time=NOON + 30_000),
    ]

    for order in permutations(bodies):
        [row] = fed(emptied(store), order, 1).read(lambda tx: tx.connection.execute(entity.select()).all())
        assert json.loads(row.document)["properties"] == {"b": "2", "d": "4"}


TAGGED = {"tags": [{"key": "team", "value": "theirs"}]}


@pytest.mark.parametrize(
    ("own", "theirs"),
    [
        (
            event(
                "Endpoint State Change",
                {
                    "EndpointName": "Shop",
                    "EndpointArn": f"{PARTITION}endpoint/shop",
                    "EndpointConfigName": "blue",
                    "EndpointStatus": "IN_SERVICE",
                    "CreationTime": NOON,
                    "LastModifiedTime": NOON,
                    "Tags": {"team": "own"},
                },
            ),
            call("CreateContext", {"contextName": f"Shop-{NOON // 1000}-aws-endpoint", "contextType": "x", **TAGGED}),
        ),
        (
            call("CreatePipeline", {"pipelineName": "Flow", "tags": [{"key": "cost", "value": "4"}]}),
            call("CreateExperiment", {"experimentName": "Flow", **TAGGED}),
        ),
    ],
    ids=["endpoint", "pipeline"],
)
def test_what_sagemaker_made_is_not_made_again_by_a_client(own: bytes, theirs: bytes, store: Store) -> None:
    graphs = {canonical(fed(emptied(store), order, size)) for order in permutations([own, theirs]) for size in (1, 2)}

    assert len(graphs) == 1
    assert '"x"' not in graphs.pop()


def test_an_action_of_a_client_says_who_made_it_and_an_approval_does_not(store: Store) -> None:
    package = {"modelPackageGroupName": "g", "modelApprovalStatus": "Approved"}
    fed(
        store,
        [
            call("CreateAction", {"actionName": "check", "actionType": "Check"}),
            call("CreateModelPackage", package, {"modelPackageArn": f"{PARTITION}model-package/g/1"}),
        ],
    )

    rows = store.read(lambda tx: tx.connection.execute(entity.select()).all())

    assert {row.type: "created_by" in json.loads(row.document) for row in rows if row.lineage_type == "Action"} == {
        "Check": True,
        "Approval": False,
    }
