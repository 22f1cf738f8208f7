"""QueryLineage against a plain model of its rules, on any graph (evidence.md#query-lineage)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.api.request import Response
from store.database import Store
from store.graph import query_lineage as graph_queries
from store.lineage import (
    OWNER,
    Action,
    Artifact,
    Association,
    AssociationType,
    Context,
    Entity,
    Experiment,
    Lineage,
    TrialComponent,
)
from tests.support.events import PARTITION
from tests.support.laws import examples
from tests.support.query_lineage import holding, in_pages, queried
from tests.support.stores import Backend, emptied


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
