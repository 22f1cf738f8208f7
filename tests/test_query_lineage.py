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


def holding(store: Store, *parts: Lineage) -> Store:
    """The store with all of this lineage saved, each part by a resource of its own."""

    def write(tx: Transaction) -> None:
        claimed = table.claim(tx, {f"{PARTITION}training-job/{number}": "training-job" for number in range(len(parts))})
        save(tx, dict(zip((row.id for row in claimed.values()), parts, strict=True)))

    store.write(write)
    return store


def queried(store: Store, start: str | Sequence[str] = (), **members: Any) -> Response:
    """The response of QueryLineage to a request with these members."""
    starts = [start] if isinstance(start, str) else list(start)
    unused: Any = None  # it neither writes nor reads descriptions
    request = Request(
        operation="QueryLineage",
        input={**({"StartArns": starts} if starts else {}), **members},
        region=REGION,
        account=ACCOUNT,
        arn_prefix=PARTITION,
    )
    response = query_lineage(Service(store, unused, unused), request)
    assert {"Vertices", "Edges"} <= response.keys()  # the SageMaker SDK reads both
    return response


def in_pages(store: Store, start: str | Sequence[str], size: int, **members: Any) -> Response:
    """The pages of a response, put together again: an edge comes no earlier than both of its ends."""
    vertices: list[Any] = []
    edges: list[Any] = []
    token: dict[str, str] = {}
    while True:
        page = queried(store, start, MaxResults=size, **members, **token)
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


# ----------------------------------------------------------------------------------------- against a model of the rules


def thing(number: int, kind: str, created: int, modified: int | None, properties: dict[str, str]) -> Entity:
    """An entity of this lineage type and type, with a number of its own."""
    common: dict[str, Any] = {"created": created, "weight": OWNER}
    arn = f"{PARTITION}{{}}/Thing-{number}"
    changed: dict[str, Any] = {"modified": modified, "properties": properties}
    match kind.partition(" ")[::2]:
        case "Artifact", type_:
            return Artifact(
                arn=arn.format("artifact"), type=type_, source_uri=f"s3://b/{number}", properties=properties, **common
            )
        case "TrialComponent", type_:
            return TrialComponent(arn=arn.format("experiment-trial-component"), type=type_, modified=modified, **common)
        case "Context", type_:
            return Context(arn=arn.format("context"), type=type_, **changed, **common)
        case "Action", type_:
            return Action(arn=arn.format("action"), type=type_, **changed, **common)
        case _:
            return Experiment(arn=arn.format("experiment"), **changed, **common)


ENTITY_KINDS = (
    "Artifact DataSet", "Artifact Model", "TrialComponent SageMakerTrainingJob", "TrialComponent", "Context Endpoint",
    "Context Model", "Action Approval", "Experiment",
)  # fmt: skip
TIMES = st.integers(1, 4)
PROPERTIES = st.dictionaries(st.sampled_from("ab"), st.sampled_from("xy"), max_size=2)


@st.composite
def graphs(draw: st.DrawFn) -> tuple[Lineage, Lineage]:
    """Lineage of two resources over the same entities: links with cycles, loops, both ways, and of one pair by both."""
    parts = st.tuples(st.sampled_from(ENTITY_KINDS), TIMES, st.none() | TIMES, PROPERTIES)
    things = tuple(thing(number, *part) for number, part in enumerate(draw(st.lists(parts, min_size=1, max_size=9))))
    arns = st.sampled_from([one.arn for one in things])
    inferred = st.sampled_from([False] * 4 + [True])
    link = st.builds(Association, arns, arns, st.sampled_from(AssociationType), st.just(1), inferred=inferred)
    links = st.lists(link, max_size=10, unique_by=lambda one: (one.source, one.destination)).map(tuple)
    return Lineage(things, draw(links)), Lineage(things, draw(links))


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
REQUESTS = st.fixed_dictionaries(
    {
        "Direction": st.sampled_from(["Both", "Ascendants", "Descendants"]),
        "IncludeEdges": st.booleans(),
        "Filters": st.just({}) | FILTERS,
    },
    optional={"MaxDepth": st.integers(0, 5)},
)


def selected(one: Any, filters: Mapping[str, Any]) -> bool:
    """Whether an entity matches the filters."""
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


def expected(
    graph: Lineage, starts: Sequence[str], members: Mapping[str, Any]
) -> tuple[list[str], list[tuple[str, ...]]]:
    """The right response, computed plainly by the rules: ARNs in their order, and edges."""
    direction, depth = members.get("Direction", "Both"), members.get("MaxDepth", 10)
    edges, filters = members.get("IncludeEdges", False), members.get("Filters", {})
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

    returned = {arn for arn in hops if leads_to_a_match(arn)} | set(starts) if edges else matches - set(starts)
    return (
        sorted(returned, key=lambda arn: (hops[arn], arn.lower())),
        sorted((*pair, types[pair]) for pair in followed if edges and set(pair) <= returned),
    )


def plainly(response: Response) -> tuple[list[str], list[tuple[str, ...]]]:
    """A response in the form of `expected`."""
    return (
        [vertex["Arn"] for vertex in response["Vertices"]],
        sorted((edge["SourceArn"], edge["DestinationArn"], edge["AssociationType"]) for edge in response["Edges"]),
    )


@pytest.mark.law
def test_responses_follow_the_rules_on_any_graph_whole_and_in_pages(store: Store, backend: Backend) -> None:
    @examples(60, 15, backend)
    @given(graphs(), st.data())
    def law(parts: tuple[Lineage, Lineage], data: st.DataObject) -> None:
        holding(emptied(store), *parts)
        arns = st.sampled_from([one.arn for one in parts[0].entities])
        for _ in range(4):
            starts = data.draw(st.lists(arns, min_size=1, max_size=2))
            members = data.draw(REQUESTS)
            right = expected(parts[0] | parts[1], starts, members)
            assert plainly(queried(store, starts, **members)) == right
            assert plainly(in_pages(store, starts, data.draw(st.integers(1, 5)), **members)) == right

    law()


@pytest.mark.law
def test_filters_alone_select_the_same_as_on_a_walk_whole_and_in_pages(
    store: Store, backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(graph_queries, "_AT_ONCE", 3)  # so that what is read at once ends in different places

    @examples(32, 10, backend)
    @given(graphs(), FILTERS.filter(lambda filters: any(filters.values())), st.integers(1, 5))
    def law(parts: tuple[Lineage, Lineage], filters: dict[str, Any], size: int) -> None:
        holding(emptied(store), *parts)
        right = sorted((one.arn for one in parts[0].entities if selected(one, filters)), key=str.lower)
        assert plainly(queried(store, Filters=filters)) == (right, [])
        assert plainly(in_pages(store, (), size, Filters=filters)) == (right, [])

    law()
