"""QueryLineage: each of its rules by an example (evidence.md#query-lineage)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import pytest

from consumers.api.errors import Invalid, NotFound
from consumers.api.request import Response
from store.database import Store
from store.graph import query_lineage as graph_queries
from store.lineage import (
    CLIENT,
    OWNER,
    Action,
    Association,
    AssociationType,
    Context,
    Entity,
    Experiment,
    Lineage,
    Trial,
    TrialComponent,
    artifact,
)
from tests.support.events import NOON, PARTITION, case_events
from tests.support.query_lineage import holding, in_pages, queried
from tests.support.stores import fed

CONTRIBUTED, PRODUCED = AssociationType.CONTRIBUTED_TO, AssociationType.PRODUCED

#   raw -> job -> model -> package -> deployment -> endpoint
#   image --^
#   raw -> second-job -> second-model        report -> raw, model -> report (a cycle)
ODD = '100% "a_b" \\ c'
RAW = artifact(PARTITION, "DataSet", "s3://b/raw", NOON, properties={"owner": "ada", "sort": "table", "é": ODD})
IMAGE = artifact(PARTITION, "Image", "1.dkr.ecr/image", NOON + 1)
MODEL = artifact(PARTITION, "Model", "s3://b/model", NOON + 2, properties={"owner": "bob"})
SECOND_MODEL = artifact(PARTITION, "Model", "s3://b/second-model", NOON + 3)
PACKAGE = artifact(PARTITION, "Model", f"{PARTITION}model-package/group/1", NOON + 4)
REPORT = artifact(PARTITION, "DataSet", "s3://b/report", NOON + 5)
JOB, SECOND_JOB = (
    TrialComponent(
        arn=f"{PARTITION}experiment-trial-component/{name}-aws-training-job",
        type="SageMakerTrainingJob",
        name=f"{name}-aws-training-job",
        source_uri=f"{PARTITION}training-job/{name}",
        created=NOON + 2,
        modified=NOON + 60,
        weight=OWNER,
    )
    for name in ("Job", "second-job")
)
HAND = TrialComponent(arn=f"{PARTITION}experiment-trial-component/by-hand", name="by-hand", created=NOON, weight=CLIENT)
DEPLOYMENT = Action(arn=f"{PARTITION}action/deployment", type="ModelDeployment", created=NOON, weight=OWNER)
ENDPOINT = Context(
    arn=f"{PARTITION}context/shop-aws-endpoint",
    type="Endpoint",
    source_uri=f"{PARTITION}endpoint/shop",
    created=NOON,
    weight=OWNER,
)
STUDY = Experiment(arn=f"{PARTITION}experiment/study", name="study", created=NOON, weight=OWNER)
TRIAL = Trial(arn=f"{PARTITION}experiment-trial/trial", name="trial", created=NOON, weight=OWNER)

NAMES: Mapping[str, Entity] = {
    "raw": RAW, "image": IMAGE, "job": JOB, "model": MODEL, "package": PACKAGE, "deployment": DEPLOYMENT,
    "endpoint": ENDPOINT, "second-job": SECOND_JOB, "second-model": SECOND_MODEL, "report": REPORT, "hand": HAND,
    "study": STUDY, "trial": TRIAL,
}  # fmt: skip
LINKS = (
    "raw job", "image job", "job model", "model package", "package deployment", "deployment endpoint",
    "raw second-job", "second-job second-model", "model report", "report raw", "hand study",
)  # fmt: skip


def link(words: str, type_: AssociationType = CONTRIBUTED, *, inferred: bool = False) -> Association:
    source, destination = words.split()
    return Association(NAMES[source].arn, NAMES[destination].arn, type_, NOON, inferred=inferred)


@pytest.fixture
def shop(store: Store) -> Store:
    """A store that holds the links above."""
    guess = link("second-model endpoint", inferred=True)
    return holding(store, Lineage(tuple(NAMES.values()), (*map(link, LINKS), guess)))


def names(response: Response) -> list[str]:
    """The readable names of what was found, in order."""
    by_arn = {one.arn: name for name, one in NAMES.items()}
    return [by_arn[vertex["Arn"]] for vertex in response["Vertices"]]


def drawn(response: Response) -> set[str]:
    """The links that were found."""
    by_arn = {one.arn: name for name, one in NAMES.items()}
    return {f"{by_arn[edge['SourceArn']]} {by_arn[edge['DestinationArn']]}" for edge in response["Edges"]}


def test_ascendants_are_all_that_an_entity_came_from_without_itself(shop: Store) -> None:
    found = queried(shop, ENDPOINT.arn, Direction="Ascendants")

    assert names(found)[:4] == ["deployment", "package", "model", "job"]
    assert set(names(found)[4:6]) == {"raw", "image"}
    assert names(found)[6:] == ["report"]
    assert found["Edges"] == []


def test_descendants_are_all_that_came_of_an_entity_however_its_arn_is_spelled(shop: Store) -> None:
    found = names(
        queried(shop, JOB.arn.upper().replace("ARN:AWS:SAGEMAKER", "arn:aws:sagemaker"), Direction="Descendants")
    )

    assert found[:1] == ["model"]
    assert set(found) == {"model", "package", "report", "deployment", "raw", "endpoint", "second-job", "second-model"}


@pytest.mark.parametrize("members", [{}, {"Direction": "Both"}])
def test_both_directions_are_followed_from_everything_that_is_reached(members: dict[str, str], shop: Store) -> None:
    found = names(queried(shop, IMAGE.arn, **members))

    assert set(found) == set(NAMES) - {"image", "hand", "study", "trial"}
    assert "second-model" in found  # a sibling: neither an ascendant nor a descendant


@pytest.mark.parametrize(
    ("depth", "found"),
    [(0, set()), (1, {"package"}), (2, {"package", "model"}), (3, {"package", "model", "job"})],
)
def test_max_depth_limits_how_many_associations_are_followed(depth: int, found: set[str], shop: Store) -> None:
    assert set(names(queried(shop, DEPLOYMENT.arn, Direction="Ascendants", MaxDepth=depth))) == found


def test_ten_associations_are_followed_by_default(store: Store) -> None:
    chain = [artifact(PARTITION, "DataSet", f"s3://b/{number}", NOON) for number in range(13)]
    pairs = pairwise(chain)
    links = tuple(Association(one.arn, other.arn, CONTRIBUTED, NOON) for one, other in pairs)
    holding(store, Lineage(tuple(chain), links))

    found = queried(store, chain[0].arn)["Vertices"]

    assert [vertex["Arn"] for vertex in found] == [one.arn for one in chain[1:11]]
    assert len(queried(store, chain[0].arn, MaxDepth=12)["Vertices"]) == 12


def test_inferred_links_are_not_followed(shop: Store) -> None:
    assert names(queried(shop, SECOND_MODEL.arn, Direction="Descendants")) == []


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"Types": ["Model"]}, {"second-model", "package"}),
        ({"Types": ["Model", "Endpoint"]}, {"second-model", "package", "endpoint"}),
        ({"Types": ["TrainingJob"]}, {"job", "second-job"}),
        ({"Types": ["SageMakerTrainingJob"]}, {"job", "second-job"}),
        ({"Types": ["ProcessingJob"]}, set()),
        ({"Types": []}, set(NAMES) - {"model", "hand", "study", "trial"}),
        ({"LineageTypes": ["Context"]}, {"endpoint"}),
        ({"LineageTypes": ["Context", "Action"]}, {"endpoint", "deployment"}),
        ({"LineageTypes": ["Context", "Action"], "Types": ["Endpoint", "Model"]}, {"endpoint"}),
        ({"CreatedAfter": NOON + 4}, {"package", "report"}),
        ({"CreatedAfter": NOON + 3, "CreatedBefore": NOON + 4}, {"second-model", "package"}),
        ({"CreatedBefore": NOON}, {"raw", "deployment", "endpoint"}),
        ({"ModifiedAfter": NOON + 60}, {"job", "second-job"}),
        ({"ModifiedAfter": NOON + 4}, {"job", "second-job", "package", "report"}),
        ({"ModifiedBefore": NOON + 1}, {"raw", "image", "deployment", "endpoint"}),
        ({"Properties": {"owner": "ada"}}, {"raw"}),
        ({"Properties": {"owner": "bob", "sort": "table"}}, {"raw"}),
        ({"Properties": {"owner": "table"}}, set()),
    ],
)
def test_filters_select_from_what_is_reached_and_end_no_walk(
    filters: dict[str, Any], found: set[str], shop: Store
) -> None:
    assert set(names(queried(shop, MODEL.arn, Filters=filters))) == found


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"Types": ["Model"]}, {"model", "second-model", "package"}),
        ({"Types": ["TrainingJob"], "CreatedBefore": NOON + 2}, {"job", "second-job"}),
        ({"Types": ["SageMakerExperimentTrialComponent"]}, {"hand"}),
        ({"LineageTypes": ["TrialComponent"]}, {"hand", "job", "second-job"}),
        ({"CreatedAfter": NOON + 5}, {"report"}),
        ({"ModifiedAfter": NOON + 60}, {"job", "second-job"}),
        ({"Properties": {"owner": "bob", "sort": "table"}}, {"model", "raw"}),
        ({"Properties": {"owner": "a%a"}}, set()),
        ({"Properties": {"é": ODD}}, {"raw"}),
        ({"CreatedAfter": NOON}, set(NAMES) - {"trial"}),
    ],
)
def test_filters_alone_select_from_everything_but_trials(filters: dict[str, Any], found: set[str], shop: Store) -> None:
    response = queried(shop, Filters=filters, IncludeEdges=True)

    assert set(names(response)) == found
    assert response["Edges"] == []


def test_with_edges_a_response_includes_the_start_and_the_way_to_each_match(shop: Store) -> None:
    found = queried(shop, RAW.arn, Direction="Descendants", Filters={"Types": ["Model"]}, IncludeEdges=True)

    assert names(found)[0] == "raw"
    assert set(names(found)) == {"raw", "job", "model", "package", "second-job", "second-model"}
    assert drawn(found) == {"raw job", "job model", "model package", "raw second-job", "second-job second-model"}


def test_with_edges_a_start_without_descendants_is_the_only_vertex(shop: Store) -> None:
    found = queried(shop, ENDPOINT.arn, Direction="Descendants", IncludeEdges=True)

    assert (names(found), found["Edges"]) == (["endpoint"], [])


@pytest.mark.parametrize(
    ("direction", "links"),
    [
        ("Ascendants", ("job model", "image model", "raw job", "image raw")),
        ("Descendants", ("model job", "model image", "job raw", "raw image")),
    ],
)
def test_what_is_reached_only_on_a_way_back_is_left_out(direction: str, links: Sequence[str], store: Store) -> None:
    holding(store, Lineage((RAW, JOB, MODEL, IMAGE), tuple(map(link, links))))

    found = queried(store, MODEL.arn, Direction=direction, Filters={"Types": ["DataSet"]}, IncludeEdges=True)

    assert names(found) == ["model", "job", "raw"]


def test_an_association_that_leads_back_is_an_edge_and_one_beyond_the_depth_is_not(shop: Store) -> None:
    near = queried(shop, RAW.arn, Direction="Descendants", IncludeEdges=True, MaxDepth=3)
    nearer = queried(shop, RAW.arn, Direction="Both", IncludeEdges=True, MaxDepth=1)

    assert "report" in names(near)
    assert "report raw" not in drawn(near)
    assert "report raw" in drawn(queried(shop, RAW.arn, Direction="Descendants", IncludeEdges=True, MaxDepth=4))
    assert drawn(nearer) == {"raw job", "raw second-job", "report raw"}


def test_a_response_describes_each_vertex_and_each_edge(shop: Store) -> None:
    found = queried(shop, HAND.arn, IncludeEdges=True)

    assert found["Vertices"] == [
        {"Arn": HAND.arn, "Type": "SageMakerExperimentTrialComponent", "LineageType": "TrialComponent"},
        {"Arn": STUDY.arn, "Type": None, "LineageType": "Experiment"},
    ]
    assert found["Edges"] == [{"SourceArn": HAND.arn, "DestinationArn": STUDY.arn, "AssociationType": "ContributedTo"}]
    assert {"Arn": JOB.arn, "Type": "TrainingJob", "LineageType": "TrialComponent"} in queried(shop, RAW.arn)[
        "Vertices"
    ]


def test_associations_of_one_pair_are_one_edge_of_the_type_that_sorts_first(store: Store) -> None:
    both = (RAW, MODEL)
    holding(
        store,
        Lineage(both, (link("raw model", PRODUCED),)),
        Lineage(both, (link("raw model", CONTRIBUTED),)),
        Lineage(both, (link("raw model", AssociationType.ASSOCIATED_WITH, inferred=True),)),
    )

    [edge] = queried(store, RAW.arn, IncludeEdges=True)["Edges"]
    assert edge["AssociationType"] == "ContributedTo"


# ----------------------------------------------------------------------------------------------------------- the start


@pytest.mark.parametrize(
    ("start", "means"),
    [
        (f"{PARTITION}training-job/Job", "job"),
        (f"{PARTITION}model-package/group/1", "package"),
        (f"{PARTITION}endpoint/Shop", "endpoint"),
        ("s3://b/raw", "raw"),
        ("1.dkr.ecr/image", "image"),
        (STUDY.arn, "study"),
    ],
)
def test_a_start_may_be_the_source_of_an_entity(start: str, means: str, shop: Store) -> None:
    assert names(queried(shop, start, IncludeEdges=True, MaxDepth=0)) == [means]


def test_all_entities_of_one_address_are_starts(store: Store) -> None:
    twins = [
        artifact(PARTITION, "Model", "s3://b/twin", NOON, source_types=types) for types in ((), (("Custom", "1"),))
    ]
    holding(store, Lineage(tuple(twins)))

    found = queried(store, "s3://b/twin", IncludeEdges=True)

    assert {vertex["Arn"] for vertex in found["Vertices"]} == {one.arn for one in twins}


def test_a_pipeline_execution_stands_for_its_trial_components(store: Store) -> None:
    fed(store, case_events("pipeline"))

    found = queried(store, f"{PARTITION}pipeline/churn-flow/execution/abc123def456", IncludeEdges=True, MaxDepth=0)[
        "Vertices"
    ]

    assert {vertex["Type"] for vertex in found} == {"ProcessingJob", "TrainingJob"}


def test_several_starts_are_each_as_near_as_the_others(shop: Store) -> None:
    found = queried(shop, [RAW.arn, PACKAGE.arn], Direction="Descendants", MaxDepth=1)

    assert set(names(found)) == {"job", "second-job", "deployment"}


def test_a_start_that_is_reached_from_another_start_is_no_match(shop: Store) -> None:
    assert set(names(queried(shop, [RAW.arn, JOB.arn], Direction="Descendants", MaxDepth=1))) == {"second-job", "model"}


@pytest.mark.parametrize(
    "start",
    [f"{PARTITION}artifact/0", f"{PARTITION}training-job/none", "s3://b/none", "s3://b", "raw", f"{PARTITION}action/x"],
)
def test_an_unknown_start_is_not_found_and_named(start: str, shop: Store) -> None:
    with pytest.raises(NotFound, match=start):
        queried(shop, [RAW.arn, start])


def test_a_deleted_entity_is_not_found_though_others_reference_it(store: Store) -> None:
    gone = f"{PARTITION}action/gone"
    holding(store, Lineage((artifact(PARTITION, "DataSet", gone, NOON),)))

    with pytest.raises(NotFound, match=gone):
        queried(store, gone)


def test_a_trial_is_refused_as_a_start(shop: Store) -> None:
    with pytest.raises(Invalid, match="is a trial"):
        queried(shop, TRIAL.arn)


@pytest.mark.parametrize("members", [{}, {"Filters": {}}, {"Filters": {"Types": []}}, {"Direction": "Both"}])
def test_a_request_with_neither_start_nor_filter_is_refused(members: dict[str, Any], shop: Store) -> None:
    with pytest.raises(Invalid, match="StartArns"):
        queried(shop, **members)


# ---------------------------------------------------------------------------------------------------------------- pages


def test_a_response_holds_at_most_a_thousand_vertices_and_a_token_for_the_next(store: Store) -> None:
    hub = artifact(PARTITION, "Image", "image", NOON)
    leaves = [artifact(PARTITION, "DataSet", f"s3://b/{number}", NOON) for number in range(1500)]
    links = tuple(Association(hub.arn, leaf.arn, PRODUCED, NOON) for leaf in leaves)
    holding(store, Lineage((hub, *leaves), links))

    first = queried(store, hub.arn)
    assert queried(store, hub.arn, MaxResults=1200) == first
    second = queried(store, hub.arn, NextToken=first["NextToken"])
    wanted: dict[str, Any] = {"Filters": {"Types": ["DataSet"]}}
    third = queried(store, **wanted)
    fourth = queried(store, **wanted, NextToken=third["NextToken"])

    for one, other in ((first, second), (third, fourth)):
        found = [vertex["Arn"] for vertex in (*one["Vertices"], *other["Vertices"])]
        assert (len(one["Vertices"]), len(other["Vertices"]), other["NextToken"]) == (1000, 500, None)
        assert found == sorted(leaf.arn for leaf in leaves)


@pytest.mark.parametrize("size", [0, -1])
def test_max_results_below_one_is_refused(size: int, shop: Store) -> None:
    with pytest.raises(Invalid, match="MaxResults"):
        queried(shop, RAW.arn, MaxResults=size)


def test_a_full_page_is_not_the_last_one_if_there_are_farther_matches(shop: Store) -> None:
    found = in_pages(shop, ENDPOINT.arn, 1, Direction="Ascendants", Filters={"Types": ["DataSet"]})

    assert names(found) == ["raw", "report"]


def test_a_token_is_valid_for_its_own_request_only(shop: Store) -> None:
    token = queried(shop, ENDPOINT.arn, MaxResults=1)["NextToken"]

    with pytest.raises(Invalid, match="NextToken"):
        queried(shop, ENDPOINT.arn, MaxResults=1, Direction="Ascendants", NextToken=token)


def test_a_walk_stops_at_its_limit_and_returns_what_is_nearest(shop: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph_queries, "LIMIT", 4)

    assert len(names(queried(shop, IMAGE.arn, IncludeEdges=True))) == 4
    assert names(queried(shop, IMAGE.arn, IncludeEdges=True))[:2] == ["image", "job"]


def test_a_page_continues_where_the_last_one_ended_while_others_write(shop: Store) -> None:
    first = queried(shop, ENDPOINT.arn, Direction="Ascendants", MaxResults=3)
    holding(shop, Lineage((RAW, ENDPOINT), (link("raw endpoint"),)))  # raw is nearer now than the first page's vertices
    second = queried(shop, ENDPOINT.arn, Direction="Ascendants", NextToken=first["NextToken"])

    assert names(first) == ["deployment", "package", "model"]
    assert not set(names(first)) & set(names(second))
