"""QueryLineage: each of its rules by an example, and all of them against a plain model (evidence.md#query-lineage)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.api.errors import Invalid, NotFound
from consumers.api.operations.query_lineage import query_lineage
from consumers.api.request import Request, Response
from consumers.api.service import Service
from store import resources as table
from store.database import Store, Transaction
from store.graph import query_lineage as graph_queries
from store.lineage import (
    CLIENT,
    OWNER,
    Action,
    Artifact,
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
from store.save import save
from tests.support.events import ACCOUNT, NOON, PARTITION, REGION, case_events
from tests.support.laws import examples
from tests.support.stores import Backend, emptied, fed

CONTRIBUTED, PRODUCED = AssociationType.CONTRIBUTED_TO, AssociationType.PRODUCED


def holding(store: Store, *said: Lineage) -> Store:
    """The store, after each of these was reported by a resource of its own."""

    def report(tx: Transaction) -> None:
        claimed = table.claim(tx, {f"{PARTITION}training-job/{number}": "training-job" for number in range(len(said))})
        save(tx, dict(zip((row.id for row in claimed.values()), said, strict=True)))

    store.write(report)
    return store


def ask(store: Store, start: str | Sequence[str] = (), **told: Any) -> Response:
    """What QueryLineage answers, without members that are not sent."""
    starts = [start] if isinstance(start, str) else list(start)
    nothing_else: Any = None  # it writes nothing, and asks for no descriptions
    asked = Request(
        operation="QueryLineage",
        input={**({"StartArns": starts} if starts else {}), **told},
        region=REGION,
        account=ACCOUNT,
        arn_prefix=PARTITION,
    )
    answered = query_lineage(Service(store, nothing_else, nothing_else), asked)
    assert {"Vertices", "Edges"} <= answered.keys()  # the SageMaker SDK looks for both
    return answered


def glued(store: Store, start: str | Sequence[str], size: int, **told: Any) -> Response:
    """The answer in pages, put together again: an edge is not told before both of its ends are."""
    vertices: list[Any] = []
    edges: list[Any] = []
    token: dict[str, str] = {}
    while True:
        page = ask(store, start, MaxResults=size, **told, **token)
        assert len(page["Vertices"]) <= size
        assert page["Vertices"] or not token
        vertices += page["Vertices"]
        edges += page["Edges"]
        seen = {vertex["Arn"] for vertex in vertices}
        assert all({edge["SourceArn"], edge["DestinationArn"]} <= seen for edge in page["Edges"])
        if page["NextToken"] is None:
            return {"Vertices": vertices, "Edges": edges}
        assert len(page["Vertices"]) == size
        token = {"NextToken": page["NextToken"]}


# ------------------------------------------------------------------------------------------------------- by an example

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


def names(answered: Response) -> list[str]:
    """What was found, for people, in order."""
    by_arn = {one.arn: name for name, one in NAMES.items()}
    return [by_arn[vertex["Arn"]] for vertex in answered["Vertices"]]


def drawn(answered: Response) -> set[str]:
    """The links that were found."""
    by_arn = {one.arn: name for name, one in NAMES.items()}
    return {f"{by_arn[edge['SourceArn']]} {by_arn[edge['DestinationArn']]}" for edge in answered["Edges"]}


def test_ascendants_are_all_that_something_came_from_and_not_itself(shop: Store) -> None:
    found = ask(shop, ENDPOINT.arn, Direction="Ascendants")

    assert names(found)[:4] == ["deployment", "package", "model", "job"]
    assert set(names(found)[4:6]) == {"raw", "image"}
    assert names(found)[6:] == ["report"]
    assert found["Edges"] == []


def test_descendants_are_all_that_came_of_something_however_its_arn_is_spelled(shop: Store) -> None:
    found = names(ask(shop, JOB.arn.upper().replace("ARN:AWS:SAGEMAKER", "arn:aws:sagemaker"), Direction="Descendants"))

    assert found[:1] == ["model"]
    assert set(found) == {"model", "package", "report", "deployment", "raw", "endpoint", "second-job", "second-model"}


@pytest.mark.parametrize("told", [{}, {"Direction": "Both"}])
def test_both_ways_are_both_ways_from_everything_that_is_reached(told: dict[str, str], shop: Store) -> None:
    found = names(ask(shop, IMAGE.arn, **told))

    assert set(found) == set(NAMES) - {"image", "hand", "study", "trial"}
    assert "second-model" in found  # a sibling: neither an ascendant nor a descendant


@pytest.mark.parametrize(
    ("depth", "found"),
    [(0, set()), (1, {"package"}), (2, {"package", "model"}), (3, {"package", "model", "job"})],
)
def test_a_depth_is_how_many_associations_are_followed(depth: int, found: set[str], shop: Store) -> None:
    assert set(names(ask(shop, DEPLOYMENT.arn, Direction="Ascendants", MaxDepth=depth))) == found


def test_ten_associations_are_followed_unless_told_otherwise(store: Store) -> None:
    chain = [artifact(PARTITION, "DataSet", f"s3://b/{number}", NOON) for number in range(13)]
    pairs = pairwise(chain)
    links = tuple(Association(one.arn, other.arn, CONTRIBUTED, NOON) for one, other in pairs)
    holding(store, Lineage(tuple(chain), links))

    found = ask(store, chain[0].arn)["Vertices"]

    assert [vertex["Arn"] for vertex in found] == [one.arn for one in chain[1:11]]
    assert len(ask(store, chain[0].arn, MaxDepth=12)["Vertices"]) == 12


def test_what_was_inferred_is_not_followed(shop: Store) -> None:
    assert names(ask(shop, SECOND_MODEL.arn, Direction="Descendants")) == []


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
def test_filters_select_what_is_reached_and_end_no_walk(filters: dict[str, Any], found: set[str], shop: Store) -> None:
    assert set(names(ask(shop, MODEL.arn, Filters=filters))) == found


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
    answered = ask(shop, Filters=filters, IncludeEdges=True)

    assert set(names(answered)) == found
    assert answered["Edges"] == []


def test_with_edges_the_start_and_the_way_to_what_is_wanted_are_told(shop: Store) -> None:
    found = ask(shop, RAW.arn, Direction="Descendants", Filters={"Types": ["Model"]}, IncludeEdges=True)

    assert names(found)[0] == "raw"
    assert set(names(found)) == {"raw", "job", "model", "package", "second-job", "second-model"}
    assert drawn(found) == {"raw job", "job model", "model package", "raw second-job", "second-job second-model"}


def test_with_edges_a_start_that_nothing_leads_from_is_told_alone(shop: Store) -> None:
    found = ask(shop, ENDPOINT.arn, Direction="Descendants", IncludeEdges=True)

    assert (names(found), found["Edges"]) == (["endpoint"], [])


@pytest.mark.parametrize(
    ("direction", "links"),
    [
        ("Ascendants", ("job model", "image model", "raw job", "image raw")),
        ("Descendants", ("model job", "model image", "job raw", "raw image")),
    ],
)
def test_what_is_only_led_back_to_is_not_on_the_way(direction: str, links: Sequence[str], store: Store) -> None:
    holding(store, Lineage((RAW, JOB, MODEL, IMAGE), tuple(map(link, links))))

    found = ask(store, MODEL.arn, Direction=direction, Filters={"Types": ["DataSet"]}, IncludeEdges=True)

    assert names(found) == ["model", "job", "raw"]


def test_an_association_that_leads_back_is_told_and_one_that_was_too_far_to_follow_is_not(shop: Store) -> None:
    near = ask(shop, RAW.arn, Direction="Descendants", IncludeEdges=True, MaxDepth=3)
    nearer = ask(shop, RAW.arn, Direction="Both", IncludeEdges=True, MaxDepth=1)

    assert "report" in names(near)
    assert "report raw" not in drawn(near)
    assert "report raw" in drawn(ask(shop, RAW.arn, Direction="Descendants", IncludeEdges=True, MaxDepth=4))
    assert drawn(nearer) == {"raw job", "raw second-job", "report raw"}


def test_an_answer_says_what_a_vertex_and_an_edge_are(shop: Store) -> None:
    found = ask(shop, HAND.arn, IncludeEdges=True)

    assert found["Vertices"] == [
        {"Arn": HAND.arn, "Type": "SageMakerExperimentTrialComponent", "LineageType": "TrialComponent"},
        {"Arn": STUDY.arn, "Type": None, "LineageType": "Experiment"},
    ]
    assert found["Edges"] == [{"SourceArn": HAND.arn, "DestinationArn": STUDY.arn, "AssociationType": "ContributedTo"}]
    assert {"Arn": JOB.arn, "Type": "TrainingJob", "LineageType": "TrialComponent"} in ask(shop, RAW.arn)["Vertices"]


def test_what_several_say_of_a_pair_is_one_edge_of_the_type_that_comes_first(store: Store) -> None:
    both = (RAW, MODEL)
    holding(
        store,
        Lineage(both, (link("raw model", PRODUCED),)),
        Lineage(both, (link("raw model", CONTRIBUTED),)),
        Lineage(both, (link("raw model", AssociationType.ASSOCIATED_WITH, inferred=True),)),
    )

    [edge] = ask(store, RAW.arn, IncludeEdges=True)["Edges"]
    assert edge["AssociationType"] == "ContributedTo"


# ------------------------------------------------------------------------------------------------------ where it begins


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
def test_a_start_may_be_what_an_entity_stands_for(start: str, means: str, shop: Store) -> None:
    assert names(ask(shop, start, IncludeEdges=True, MaxDepth=0)) == [means]


def test_all_that_stand_for_an_address_are_starts(store: Store) -> None:
    twins = [
        artifact(PARTITION, "Model", "s3://b/twin", NOON, source_types=types) for types in ((), (("Custom", "1"),))
    ]
    holding(store, Lineage(tuple(twins)))

    found = ask(store, "s3://b/twin", IncludeEdges=True)

    assert {vertex["Arn"] for vertex in found["Vertices"]} == {one.arn for one in twins}


def test_a_pipeline_execution_stands_for_its_trial_components(store: Store) -> None:
    fed(store, case_events("pipeline"))

    found = ask(store, f"{PARTITION}pipeline/churn-flow/execution/abc123def456", IncludeEdges=True, MaxDepth=0)[
        "Vertices"
    ]

    assert {vertex["Type"] for vertex in found} == {"ProcessingJob", "TrainingJob"}


def test_several_starts_are_each_as_near_as_the_others(shop: Store) -> None:
    found = ask(shop, [RAW.arn, PACKAGE.arn], Direction="Descendants", MaxDepth=1)

    assert set(names(found)) == {"job", "second-job", "deployment"}


def test_a_start_that_another_one_leads_to_is_no_match(shop: Store) -> None:
    assert set(names(ask(shop, [RAW.arn, JOB.arn], Direction="Descendants", MaxDepth=1))) == {"second-job", "model"}


@pytest.mark.parametrize(
    "start",
    [f"{PARTITION}artifact/0", f"{PARTITION}training-job/none", "s3://b/none", "s3://b", "raw", f"{PARTITION}action/x"],
)
def test_an_unknown_start_is_not_found_and_named(start: str, shop: Store) -> None:
    with pytest.raises(NotFound, match=start):
        ask(shop, [RAW.arn, start])


def test_an_entity_that_is_no_more_is_not_found_though_others_name_it(store: Store) -> None:
    gone = f"{PARTITION}action/gone"
    holding(store, Lineage((artifact(PARTITION, "DataSet", gone, NOON),)))

    with pytest.raises(NotFound, match=gone):
        ask(store, gone)


def test_a_trial_is_no_start(shop: Store) -> None:
    with pytest.raises(Invalid, match="is a trial"):
        ask(shop, TRIAL.arn)


@pytest.mark.parametrize("told", [{}, {"Filters": {}}, {"Filters": {"Types": []}}, {"Direction": "Both"}])
def test_neither_start_nor_filter_is_refused(told: dict[str, Any], shop: Store) -> None:
    with pytest.raises(Invalid, match="StartArns"):
        ask(shop, **told)


# ---------------------------------------------------------------------------------------------------------------- pages


def test_an_answer_holds_a_thousand_vertices_and_says_where_it_goes_on(store: Store) -> None:
    hub = artifact(PARTITION, "Image", "image", NOON)
    leaves = [artifact(PARTITION, "DataSet", f"s3://b/{number}", NOON) for number in range(1500)]
    links = tuple(Association(hub.arn, leaf.arn, PRODUCED, NOON) for leaf in leaves)
    holding(store, Lineage((hub, *leaves), links))

    first = ask(store, hub.arn)
    assert ask(store, hub.arn, MaxResults=1200) == first
    second = ask(store, hub.arn, NextToken=first["NextToken"])
    wanted: dict[str, Any] = {"Filters": {"Types": ["DataSet"]}}
    third = ask(store, **wanted)
    fourth = ask(store, **wanted, NextToken=third["NextToken"])

    for one, other in ((first, second), (third, fourth)):
        found = [vertex["Arn"] for vertex in (*one["Vertices"], *other["Vertices"])]
        assert (len(one["Vertices"]), len(other["Vertices"]), other["NextToken"]) == (1000, 500, None)
        assert found == sorted(leaf.arn for leaf in leaves)


@pytest.mark.parametrize("size", [0, -1])
def test_a_page_of_nothing_is_refused(size: int, shop: Store) -> None:
    with pytest.raises(Invalid, match="MaxResults"):
        ask(shop, RAW.arn, MaxResults=size)


def test_a_page_that_is_full_is_not_the_last_one_if_something_farther_is_wanted(shop: Store) -> None:
    found = glued(shop, ENDPOINT.arn, 1, Direction="Ascendants", Filters={"Types": ["DataSet"]})

    assert names(found) == ["raw", "report"]


def test_a_token_is_of_its_question(shop: Store) -> None:
    token = ask(shop, ENDPOINT.arn, MaxResults=1)["NextToken"]

    with pytest.raises(Invalid, match="NextToken"):
        ask(shop, ENDPOINT.arn, MaxResults=1, Direction="Ascendants", NextToken=token)


def test_a_walk_without_end_stops_and_answers_what_is_nearest(shop: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph_queries, "LIMIT", 4)

    assert len(names(ask(shop, IMAGE.arn, IncludeEdges=True))) == 4
    assert names(ask(shop, IMAGE.arn, IncludeEdges=True))[:2] == ["image", "job"]


def test_pages_go_on_where_they_ended_while_others_write(shop: Store) -> None:
    first = ask(shop, ENDPOINT.arn, Direction="Ascendants", MaxResults=3)
    holding(shop, Lineage((RAW, ENDPOINT), (link("raw endpoint"),)))  # raw is nearer now than what was told
    second = ask(shop, ENDPOINT.arn, Direction="Ascendants", NextToken=first["NextToken"])

    assert names(first) == ["deployment", "package", "model"]
    assert not set(names(first)) & set(names(second))


# ----------------------------------------------------------------------------------------- against a model of the rules


def thing(number: int, sort: str, created: int, modified: int | None, properties: dict[str, str]) -> Entity:
    """An entity of some sort, as long as its number is its own."""
    told: dict[str, Any] = {"created": created, "weight": OWNER}
    arn = f"{PARTITION}{{}}/Thing-{number}"
    changed: dict[str, Any] = {"modified": modified, "properties": properties}
    match sort.partition(" ")[::2]:
        case "Artifact", type_:
            return Artifact(
                arn=arn.format("artifact"), type=type_, source_uri=f"s3://b/{number}", properties=properties, **told
            )
        case "TrialComponent", type_:
            return TrialComponent(arn=arn.format("experiment-trial-component"), type=type_, modified=modified, **told)
        case "Context", type_:
            return Context(arn=arn.format("context"), type=type_, **changed, **told)
        case "Action", type_:
            return Action(arn=arn.format("action"), type=type_, **changed, **told)
        case _:
            return Experiment(arn=arn.format("experiment"), **changed, **told)


SORTS = (
    "Artifact DataSet", "Artifact Model", "TrialComponent SageMakerTrainingJob", "TrialComponent", "Context Endpoint",
    "Context Model", "Action Approval", "Experiment",
)  # fmt: skip
TIMES = st.integers(1, 4)
PROPERTIES = st.dictionaries(st.sampled_from("ab"), st.sampled_from("xy"), max_size=2)


@st.composite
def graphs(draw: st.DrawFn) -> tuple[Lineage, Lineage]:
    """What two resources say of some entities: links with cycles, loops, there and back, and of one pair by both."""
    parts = st.tuples(st.sampled_from(SORTS), TIMES, st.none() | TIMES, PROPERTIES)
    things = tuple(thing(number, *part) for number, part in enumerate(draw(st.lists(parts, min_size=1, max_size=9))))
    arns = st.sampled_from([one.arn for one in things])
    inferred = st.sampled_from([False] * 4 + [True])
    link = st.builds(Association, arns, arns, st.sampled_from(AssociationType), st.just(1), inferred=inferred)
    said = st.lists(link, max_size=10, unique_by=lambda one: (one.source, one.destination)).map(tuple)
    return Lineage(things, draw(said)), Lineage(things, draw(said))


TYPES = ("DataSet", "Model", "TrainingJob", "SageMakerTrainingJob", "SageMakerExperimentTrialComponent", "None")
KINDS: Mapping[str, st.SearchStrategy[Any]] = {
    "Types": st.lists(st.sampled_from(TYPES), max_size=3),
    "LineageTypes": st.lists(st.sampled_from(["Artifact", "TrialComponent", "Context", "Action"]), max_size=3),
    "CreatedAfter": TIMES,
    "CreatedBefore": TIMES,
    "ModifiedAfter": TIMES,
    "ModifiedBefore": TIMES,
    "Properties": PROPERTIES,
}
FILTERS = st.sets(st.sampled_from(sorted(KINDS)), min_size=1, max_size=3).flatmap(
    lambda kinds: st.fixed_dictionaries({kind: KINDS[kind] for kind in kinds})
)
QUESTIONS = st.fixed_dictionaries(
    {
        "Direction": st.sampled_from(["Both", "Ascendants", "Descendants"]),
        "IncludeEdges": st.booleans(),
        "Filters": st.just({}) | FILTERS,
    },
    optional={"MaxDepth": st.integers(0, 5)},
)


def selected(one: Any, filters: Mapping[str, Any]) -> bool:
    """Whether an entity is as the filters say."""
    type_ = one.type.removeprefix("SageMaker")
    if isinstance(one, TrialComponent) and not type_:
        type_ = "ExperimentTrialComponent"
    changed = max(one.created, getattr(one, "modified", None) or 0)
    properties = getattr(one, "properties", {})
    return all(
        (
            not filters.get("Types") or type_ in [wanted.removeprefix("SageMaker") for wanted in filters["Types"]],
            not filters.get("LineageTypes") or one.lineage_type in filters["LineageTypes"],
            filters.get("CreatedAfter", 0) <= one.created <= filters.get("CreatedBefore", 9),
            filters.get("ModifiedAfter", 0) <= changed <= filters.get("ModifiedBefore", 9),
            not filters.get("Properties") or set(filters["Properties"].items()) & set(properties.items()),
        )
    )


def expected(graph: Lineage, starts: Sequence[str], told: Mapping[str, Any]) -> tuple[list[str], list[tuple[str, ...]]]:
    """What is to be answered, as plainly as the rules say it: ARNs in their order, and edges."""
    direction, depth = told.get("Direction", "Both"), told.get("MaxDepth", 10)
    edges, filters = told.get("IncludeEdges", False), told.get("Filters", {})
    captured = {(one.source, one.destination) for one in graph.associations if not one.inferred}
    types = {pair: min(a.type for a in graph.associations if (a.source, a.destination) == pair and not a.inferred)
             for pair in captured}  # fmt: skip
    steps = set()  # from, to, the association
    for source, destination in captured:
        if direction != "Ascendants":
            steps.add((source, destination, (source, destination)))
        if direction != "Descendants":
            steps.add((destination, source, (source, destination)))
    hops = dict.fromkeys(starts, 0)
    followed = set()
    for hop in range(depth):
        for near, _, pair in steps:
            if hops.get(near) == hop:
                followed.add(pair)
        for near, far, _ in steps:
            if hops.get(near) == hop and far not in hops:
                hops[far] = hop + 1
    matches = {one.arn for one in graph.entities if one.arn in hops and selected(one, filters)}

    def leads_to_a_match(arn: str) -> bool:
        nexts = [far for near, far, _ in steps if near == arn and hops.get(far) == hops[arn] + 1]
        return arn in matches or any(leads_to_a_match(far) for far in nexts)

    told_of = {arn for arn in hops if leads_to_a_match(arn)} | set(starts) if edges else matches - set(starts)
    return (
        sorted(told_of, key=lambda arn: (hops[arn], arn.lower())),
        sorted((*pair, types[pair]) for pair in followed if edges and set(pair) <= told_of),
    )


def plainly(answered: Response) -> tuple[list[str], list[tuple[str, ...]]]:
    """What was answered, as `expected` says it."""
    return (
        [vertex["Arn"] for vertex in answered["Vertices"]],
        sorted((edge["SourceArn"], edge["DestinationArn"], edge["AssociationType"]) for edge in answered["Edges"]),
    )


@pytest.mark.law
def test_answers_are_those_of_the_rules_on_any_graph_whole_and_in_pages(store: Store, backend: Backend) -> None:
    @examples(60, 15, backend)
    @given(graphs(), st.data())
    def law(said: tuple[Lineage, Lineage], data: st.DataObject) -> None:
        holding(emptied(store), *said)
        arns = st.sampled_from([one.arn for one in said[0].entities])
        for _ in range(4):
            starts = data.draw(st.lists(arns, min_size=1, max_size=2))
            told = data.draw(QUESTIONS)
            right = expected(said[0] | said[1], starts, told)
            assert plainly(ask(store, starts, **told)) == right
            assert plainly(glued(store, starts, data.draw(st.integers(1, 5)), **told)) == right

    law()


@pytest.mark.law
def test_filters_alone_select_the_same_as_on_a_walk_whole_and_in_pages(
    store: Store, backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(graph_queries, "_AT_ONCE", 3)  # so that what is looked at ends in different places

    @examples(32, 10, backend)
    @given(graphs(), FILTERS.filter(lambda told: any(told.values())), st.integers(1, 5))
    def law(said: tuple[Lineage, Lineage], filters: dict[str, Any], size: int) -> None:
        holding(emptied(store), *said)
        right = sorted((one.arn for one in said[0].entities if selected(one, filters)), key=str.lower)
        assert plainly(ask(store, Filters=filters)) == (right, [])
        assert plainly(glued(store, (), size, Filters=filters)) == (right, [])

    law()
