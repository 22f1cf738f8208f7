"""What something came from, what came of it, what a name means, and why it is in the store."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from ingest.event import decode
from store import entity_records
from store import resources as table
from store.database import Store, Transaction
from store.graph.evidence import Evidence, of_association, of_entity
from store.graph.lineage import Walk, walk
from store.graph.resolve import find, nearest
from store.graph.traversal import Direction
from store.ledger import events
from store.lineage import OWNER, Artifact, Association, AssociationType, Lineage, artifact
from store.save import save
from tests.support.events import NOON, PARTITION, abalone, case_events
from tests.support.stores import fed, settlements

#   raw -> train -> model -> package
#            ^        |
#            +- report <- (a cycle: what the report says went into the next training data)
LINKS = ("raw train", "train model", "model package", "model report", "report train")


def thing(name: str) -> Artifact:
    return artifact(PARTITION, "DataSet", f"s3://bucket/{name}", NOON)


@pytest.fixture
def graph(store: Store) -> Store:
    """A store that holds the links above."""
    pairs = [[thing(name) for name in link.split()] for link in LINKS]
    lineage = Lineage(
        tuple(one for pair in pairs for one in pair),
        tuple(Association(source.arn, end.arn, AssociationType.CONTRIBUTED_TO, NOON) for source, end in pairs),
    )

    def report(tx: Transaction) -> None:
        rows = table.claim(tx, {f"{PARTITION}training-job/job": "training-job"})
        save(tx, {row.id: lineage for row in rows.values()})

    store.write(report)
    return store


def drawn(found: Walk) -> tuple[dict[str, int], set[str], bool]:
    """A walk for people: name -> hops, links, and whether it is whole."""
    names = {vertex.arn: vertex.source_uri.removeprefix("s3://bucket/") for vertex in found.vertices}
    hops = {names[vertex.arn]: vertex.hops for vertex in found.vertices}
    assert list(hops.values()) == sorted(hops.values())
    return hops, {f"{names[edge.source]} {names[edge.destination]}" for edge in found.edges}, found.complete


def test_ascendants_are_all_that_something_came_from_the_nearest_first(graph: Store) -> None:
    assert drawn(walk(graph, [thing("package").arn], Direction.ASCENDANTS)) == (
        {"package": 0, "model": 1, "train": 2, "raw": 3, "report": 3},
        set(LINKS),
        True,
    )


def test_descendants_are_all_that_came_of_something_the_nearest_first(graph: Store) -> None:
    assert drawn(walk(graph, [thing("raw").arn.upper()], Direction.DESCENDANTS)) == (
        {"raw": 0, "train": 1, "model": 2, "package": 3, "report": 3},
        set(LINKS),
        True,
    )


def test_both_ways_give_what_it_came_from_and_what_came_of_it_each_as_near_as_it_is(graph: Store) -> None:
    assert drawn(walk(graph, [thing("report").arn], Direction.BOTH)) == (
        {"report": 0, "model": 1, "train": 1, "package": 3, "raw": 3},
        set(LINKS),
        True,
    )


def test_what_nothing_came_from_is_alone_and_complete(graph: Store) -> None:
    assert drawn(walk(graph, [thing("raw").arn], Direction.ASCENDANTS)) == ({"raw": 0}, set(), True)


def test_a_start_that_is_not_there_gives_nothing(graph: Store) -> None:
    assert walk(graph, [thing("nowhere").arn], Direction.BOTH) == Walk((), Direction.BOTH, True, (), ())


@pytest.mark.parametrize(
    ("depth", "hops", "links", "complete"),
    [
        (0, {"package": 0}, set(), False),
        (1, {"package": 0, "model": 1}, {"model package"}, False),
        (2, {"package": 0, "model": 1, "train": 2}, {"model package", "train model"}, False),
        (4, {"package": 0, "model": 1, "train": 2, "raw": 3, "report": 3}, set(LINKS), True),
    ],
)
def test_a_depth_cuts_what_is_farther_and_the_answer_says_so(
    depth: int, hops: dict[str, int], links: set[str], complete: bool, graph: Store
) -> None:
    assert drawn(walk(graph, [thing("package").arn], Direction.ASCENDANTS, depth=depth)) == (hops, links, complete)


@pytest.mark.parametrize("start", ["raw", "train", "model", "package", "report"])
@pytest.mark.parametrize("direction", Direction)
def test_an_answer_that_says_it_is_complete_is_the_whole_answer(start: str, direction: Direction, graph: Store) -> None:
    whole = walk(graph, [thing(start).arn], direction)

    for depth in range(6):
        found = walk(graph, [thing(start).arn], direction, depth=depth)
        assert found == whole or not found.complete
        assert set(found.vertices) <= set(whole.vertices)
        assert set(found.edges) <= set(whole.edges)
    for limit in range(1, 7):
        found = walk(graph, [thing(start).arn], direction, limit=limit)
        assert found == whole or not found.complete


@pytest.mark.parametrize("depth", [None, 9])
@pytest.mark.parametrize(
    ("limit", "hops", "complete"),
    [
        (1, {"package": 0}, False),
        (2, {"package": 0, "model": 1}, False),
        (3, {"package": 0, "model": 1, "train": 2}, False),
        (5, {"package": 0, "model": 1, "train": 2, "raw": 3, "report": 3}, True),
    ],
)
def test_a_limit_keeps_the_nearest_and_the_answer_says_so(
    depth: int | None, limit: int, hops: dict[str, int], complete: bool, graph: Store
) -> None:
    found = drawn(walk(graph, [thing("package").arn], Direction.ASCENDANTS, depth=depth, limit=limit))

    assert (found[0], found[2]) == (hops, complete)


# ---------------------------------------------------------------------------------------------------- what a name means


def titles(store: Store, ref: str) -> list[str]:
    """What a reference means, by name or URI."""
    return [match.vertex.name or match.vertex.source_uri for match in find(store, ref)]


PACKAGE = f"{PARTITION}model-package/churnmodels/1"
DATA = "s3://churn/models/Churn-Train-7/output/model.tar.gz"
ENDPOINT = "Churn-Live-1772463600-aws-endpoint"


@pytest.mark.parametrize(
    ("case", "ref", "means"),
    [
        ("training_job", f"{PARTITION}training-job/churn-train-7", ["Churn-Train-7-aws-training-job"]),
        ("training_job", f"{PARTITION}training-job/Churn-Train-7", ["Churn-Train-7-aws-training-job"]),
        (
            "training_job",
            f"{PARTITION}experiment-trial-component/churn-train-7-aws-training-job",
            ["Churn-Train-7-aws-training-job"],
        ),
        ("training_job", "Churn-Train-7", ["Churn-Train-7-aws-training-job"]),
        ("training_job", "churn-train-7", ["Churn-Train-7-aws-training-job"]),
        ("training_job", " Churn-Train-7-aws-training-job\n", ["Churn-Train-7-aws-training-job"]),
        ("training_job", "s3://churn/train", ["s3://churn/train"]),
        ("training_job", "s3://churn/train/", ["s3://churn/train/"]),
        ("approvals", PACKAGE, [PACKAGE]),
        ("approvals", f"{PARTITION}model-package/ChurnModels/1", [PACKAGE]),
        ("approvals", "ChurnModels/1", [PACKAGE]),
        ("approvals", "ChurnModels", ["ChurnModels-1772456400-aws-model-package-group"]),
        (
            "approvals",
            f"{PARTITION}model-package-group/churnmodels",
            ["ChurnModels-1772456400-aws-model-package-group"],
        ),
        ("unversioned_package", "standalone", [f"{PARTITION}model-package/standalone"]),
        ("endpoint_of_a_package", f"{PARTITION}endpoint/churn-live", [ENDPOINT]),
        ("endpoint_of_a_package", f"{PARTITION}endpoint/Churn-Live", [ENDPOINT]),
        ("endpoint_of_a_package", "Churn-Live", [ENDPOINT]),
        ("endpoint_of_a_package", f"{PARTITION}context/{ENDPOINT.lower()}", [ENDPOINT]),
        ("endpoint_of_a_package", f"{PARTITION}endpoint-config/churn-config-1", [ENDPOINT]),
        ("endpoint_of_a_package", f"{PARTITION}model/churn-model", [ENDPOINT]),
        ("transform_job", f"{PARTITION}model/churn-model", ["Score-1-aws-transform-job"]),
        ("transform_job", f"{PARTITION}model/Churn-Model", ["Score-1-aws-transform-job"]),
        (
            "endpoint_made_again",
            "Churn-Live",
            ["Churn-Live-1772463600-aws-endpoint", "Churn-Live-1772478000-aws-endpoint"],
        ),
        (
            "endpoint_made_again",
            f"{PARTITION}endpoint/churn-live",
            ["Churn-Live-1772463600-aws-endpoint", "Churn-Live-1772478000-aws-endpoint"],
        ),
        ("pipeline", f"{PARTITION}pipeline/churn-flow/execution/abc123def456", ["abc123def456"]),
        ("pipeline", "abc123def456", ["abc123def456"]),
        ("pipeline", "churn-flow", ["churn-flow"]),
        ("experiment_config", "Depth-5", ["Depth-5"]),
        ("experiment_config", "depth-5", ["Depth-5"]),
        ("feature_group", "Customers", ["Customers-1772438400-aws-feature-group"]),
        ("training_job", "Churn", []),
        ("training_job", "%", []),
        ("training_job", "", []),
        ("training_job", f"{PARTITION}endpoint/nowhere", []),
    ],
)
def test_a_person_may_name_things_in_many_ways(
    case: str,
    ref: str,
    means: list[str],
    store: Store,
) -> None:
    fed(store, case_events(case))

    assert titles(store, ref) == means


def test_an_arn_means_its_resource_however_it_and_the_events_spell_it(store: Store) -> None:
    # Some events spell ARNs in the case of the name (evidence.md#arn-case: others in lower case).
    fed(
        store,
        [body.replace(b"model-package/churnmodels", b"model-package/ChurnModels") for body in case_events("approvals")],
    )

    for spelled in ("churnmodels", "ChurnModels", "CHURNMODELS"):
        assert titles(store, f"{PARTITION}model-package/{spelled}/1") == [f"{PARTITION}model-package/ChurnModels/1"]


@pytest.mark.parametrize("ref", ["abc123def456", "churn-flow"])
def test_a_walk_from_a_trial_or_an_experiment_begins_at_its_trial_components(
    ref: str,
    store: Store,
) -> None:
    fed(store, case_events("pipeline"))

    (match,) = find(store, ref)

    assert sorted(match.starts) == [
        f"{PARTITION}experiment-trial-component/flow-prepare-1-aws-processing-job",
        f"{PARTITION}experiment-trial-component/flow-train-1-aws-training-job",
    ]


def test_a_walk_from_the_endpoint_leads_over_package_and_model_data_to_the_training_data(
    store: Store,
) -> None:
    fed(store, [*case_events("pipeline"), *case_events("endpoint_of_a_package")])
    (match,) = find(store, "Churn-Live")

    found = walk(store, match.starts, Direction.ASCENDANTS)

    assert [(vertex.hops, vertex.type) for vertex in found.vertices] == [
        (0, "Endpoint"),
        (1, "ModelDeployment"),
        (2, "Model"),
        (3, "Approval"),
        (3, "Image"),
        (3, "Model"),
        (4, "TrainingJob"),
        (5, "DataSet"),
        (6, "ProcessingJob"),
        (7, "Image"),
    ]
    assert found.complete


@pytest.mark.parametrize(
    ("ref", "suggestion"),
    [
        ("Churn-Trian-7", "Churn-Train-7-aws-training-job"),
        ("s3://churn/trian", "s3://churn/train"),
        ("churn_train_7", "Churn-Train-7-aws-training-job"),
    ],
)
def test_what_is_not_found_is_answered_with_what_is_nearest(
    ref: str,
    suggestion: str,
    store: Store,
) -> None:
    fed(store, case_events("training_job"))

    assert find(store, ref) == []
    assert suggestion in (nearest(store, ref) or [])


def test_nothing_resembles_anything_in_an_empty_store(store: Store) -> None:
    assert (find(store, "anything"), nearest(store, "anything")) == ([], None)


# ------------------------------------------------------------------------------------------------------------ evidence


def kinds(evidence: Evidence) -> list[str]:
    """The kinds of the events that something was derived from, sorted."""
    return sorted(event.kind.removeprefix("SageMaker ") for event in evidence.events)


UPDATED_ENDPOINT = [
    "Endpoint Config State Change",
    "Endpoint Config State Change",
    "Endpoint Deployment State Change",
    "Endpoint State Change",
    "Endpoint State Change",
    "Model State Change",
    "Model State Change",
]


@pytest.fixture
def endpoint(store: Store) -> Store:
    """A store with an endpoint that was updated once."""
    for body in case_events("endpoint_update"):
        fed(store, [body])
    return store


def test_an_association_has_a_rule_events_and_the_time_in_which_it_held(endpoint: Store) -> None:
    (data,) = find(endpoint, DATA)
    deployments = walk(endpoint, [data.starts[0]], Direction.DESCENDANTS, depth=1).vertices[1:]

    ((why,),) = [of_association(endpoint, data.starts[0].upper(), deployment.arn) for deployment in deployments]

    assert (why.resource, why.rule, why.type) == (f"{PARTITION}endpoint/churn-live", "endpoint/4", "ContributedTo")
    assert (why.since, why.until, why.inferred) == (1772463600000, 1772467800000, False)
    assert kinds(why) == UPDATED_ENDPOINT


def test_an_entity_has_a_rule_events_and_the_time_since_when_it_is_there(endpoint: Store) -> None:
    (context,) = find(endpoint, "churn-live")

    (why,) = of_entity(endpoint, context.starts[0].upper())

    assert (why.resource, why.rule, why.type) == (f"{PARTITION}endpoint/churn-live", "endpoint/4", "Endpoint")
    assert (why.since, why.until, why.weight) == (context_created(endpoint, context.starts[0]), None, OWNER)
    assert kinds(why) == UPDATED_ENDPOINT


def context_created(store: Store, arn: str) -> int:
    row = store.read(lambda tx: entity_records.find(tx, arn))
    assert row is not None
    return row.created


def test_evidence_has_the_events_as_they_came_with_their_ids_and_times(endpoint: Store) -> None:
    (context,) = find(endpoint, "churn-live")
    bodies = dict(enumerate(events.events(endpoint), start=1))

    (why,) = of_entity(endpoint, context.starts[0])

    assert len(why.events) == 7
    for event in why.events:
        came = decode(bodies[event.ledger_id])
        assert (event.body, event.event_id, event.kind) == (came.body, came.id, came.kind)
        assert event.event_id
    assert [event.ledger_id for event in why.events] == sorted(event.ledger_id for event in why.events)
    assert {event.resource.removeprefix(PARTITION).partition("/")[0] for event in why.events} == {
        "endpoint",
        "endpoint-config",
        "model",
    }
    assert all(event.time and 1772400000000 < event.time < 1772500000000 for event in why.events)


def test_the_heaviest_word_about_an_entity_comes_first(store: Store) -> None:
    address = "s3://bucket/model.tar.gz"

    def report(tx: Transaction) -> None:
        jobs = [f"{PARTITION}training-job/{name}" for name in ("a-reader", "maker")]
        rows = table.claim(tx, dict.fromkeys(jobs, "training-job"))
        types = dict(zip(jobs, ("DataSet", "Model"), strict=True))
        words = {key: Lineage((artifact(PARTITION, types[key], address, NOON),)) for key in jobs}
        save(tx, {row.id: words[key] for key, row in rows.items()})

    store.write(report)

    found = of_entity(store, artifact(PARTITION, "Model", address, NOON).arn)

    assert [(why.resource.rpartition("/")[2], why.type) for why in found] == [("maker", "Model"), ("a-reader", "Model")]
    assert (found[0].weight or 0) > (found[1].weight or 0)


def test_there_is_no_evidence_for_what_is_not_there(store: Store) -> None:
    fed(store, case_events("training_job"))

    assert of_association(store, thing("raw").arn, thing("train").arn) == []
    assert of_entity(store, thing("raw").arn) == []


def test_all_of_a_real_run_has_evidence(store: Store) -> None:
    assert [one.events for one in settlements(store, abalone())] == [29]
    (package,) = find(store, "abalonemodelpackagegroupname/1")

    whole = walk(store, package.starts, Direction.BOTH)

    assert len(whole.edges) == 13
    for edge in whole.edges:
        assert_is_evidence(of_association(store, edge.source, edge.destination))
    for vertex in whole.vertices:
        assert_is_evidence(of_entity(store, vertex.arn))


def assert_is_evidence(found: Sequence[Evidence]) -> None:
    assert found
    assert all(why.rule and why.events for why in found)
