"""Lineage across accounts: what several accounts know of the same thing is joined, and nothing else is."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.database import Store
from store.graph.borders import account_of
from store.graph.lineage import walk
from store.graph.resolve import find
from store.graph.traversal import Direction
from store.lineage import Artifact, Lineage, artifact
from tests.support.cli import Headwater
from tests.support.events import HERE, NOON, case_events, event
from tests.support.laws import examples
from tests.support.query_lineage import holding, queried
from tests.support.stores import Backend, emptied, fed

DEV, TOOLS, PROD = "111122223333", "444455556666", "777788889999"
REGISTRY = case_events("cross_account_registry")
DATA = "s3://dev-data/churn/"


def prefix(account: str, region: str = "us-west-2") -> str:
    return f"arn:aws:sagemaker:{region}:{account}:"


def in_account(account: str, kind: str, detail: dict[str, Any], region: str = "us-west-2") -> bytes:
    body = json.loads(event(kind, detail))
    return json.dumps(body | {"account": account, "region": region}).encode()


def package(account: str, name: str, **more: Any) -> bytes:
    group, _, version = name.partition("/")
    arn = f"{prefix(account)}model-package/{name}"
    fields = {"ModelPackageGroupName": group, "ModelPackageVersion": int(version), "ModelPackageArn": arn}
    return in_account(account, "Model Package State Change", {**fields, "CreationTime": NOON, **more})


def sources(store: Store, start: str, direction: Direction = Direction.ASCENDANTS, **how: Any) -> set[str]:
    """The sources of all artifacts on a walk."""
    starts = [arn for match in find(store, start) for arn in match.starts]
    return {one.source_uri for one in walk(store, starts, direction, **how).vertices if one.lineage_type == "Artifact"}


@pytest.mark.parametrize("events", [REGISTRY, REGISTRY[::-1]], ids=["in order", "backwards"])
def test_what_another_account_registered_and_deployed_leads_back_to_its_data(
    events: Sequence[bytes], store: Store
) -> None:
    fed(store, events)
    endpoint = f"{prefix(PROD)}endpoint/churn-prod"

    assert DATA in sources(store, "churn-prod")
    assert DATA not in sources(store, "churn-prod", inferred=False)
    came_of_it = walk(store, find(store, DATA)[0].starts, Direction.DESCENDANTS).vertices
    assert "churn-prod" in {one.name.partition("-171")[0] for one in came_of_it if one.type == "Endpoint"}
    found = queried(store, endpoint, Direction="Ascendants", Filters={"Types": ["DataSet"]})
    assert [one["Arn"].split(":")[4] for one in found["Vertices"]] == [DEV]


@pytest.mark.parametrize("direction", ["Ascendants", "Descendants", "Both"])
def test_query_lineage_has_one_edge_across_each_border_in_the_direction_of_the_walk(
    direction: str, store: Store
) -> None:
    fed(store, REGISTRY)
    start = (
        f"{prefix(PROD)}endpoint/churn-prod" if direction == "Ascendants" else f"{prefix(DEV)}training-job/churn-train"
    )

    edges = queried(store, start, Direction=direction, IncludeEdges=True)["Edges"]

    across = [(edge["SourceArn"], edge["DestinationArn"]) for edge in edges if edge["AssociationType"] == "SameAs"]
    assert across
    assert len({frozenset(pair) for pair in across}) == len(across)
    assert all(one.rpartition("/")[2] == other.rpartition("/")[2] for one, other in across)
    models = {(account_of(one), account_of(other)) for one, other in across}
    assert (TOOLS, PROD) in models or direction == "Both"


def test_a_package_that_several_accounts_have_is_one_thing_its_owners_first(store: Store) -> None:
    fed(store, REGISTRY)

    for ref in ("shared-churn/1", f"{prefix(TOOLS)}model-package/shared-churn/1"):
        [match] = find(store, ref)

        assert [account_of(arn) for arn in match.starts] == [TOOLS, PROD]
        assert account_of(match.vertex.arn) == TOOLS


def test_packages_of_one_name_in_two_accounts_are_two_things(store: Store) -> None:
    fed(store, [package(DEV, "churn/1"), package(PROD, "churn/1")])

    assert [account_of(match.vertex.arn) for match in find(store, "churn/1")] == [DEV, PROD]
    assert sources(store, f"{prefix(DEV)}model-package/churn/1", Direction.BOTH) == {
        f"{prefix(DEV)}model-package/churn/1"
    }


def test_a_copied_registration_leads_back_to_the_package_that_it_copies(store: Store) -> None:
    copied = f"{prefix(TOOLS)}model-package/shared-churn/1"
    fed(store, [package(PROD, "churn-copy/7", SourceUri=copied), *REGISTRY])

    assert {copied, DATA} <= sources(store, "churn-copy/7")


@pytest.mark.parametrize(
    "container",
    [
        {"ModelDataUrl": "s3://dev-models/m.tar.gz"},
        {"Image": f"{DEV}.dkr.ecr.us-west-2.amazonaws.com/ours:7"},
        {"ModelPackageName": f"{prefix(DEV)}model-package/ours/7"},
    ],
    ids=["model data", "image", "package"],
)
def test_what_another_account_uses_is_among_what_came_of_it(container: dict[str, str], store: Store) -> None:
    [source] = container.values()
    model = {"ModelName": "m", "PrimaryContainer": container, "CreationTime": NOON}
    config = {"EndpointConfigName": "c", "ProductionVariants": [{"ModelName": "m"}], "CreationTime": NOON}
    endpoint = {"EndpointName": "Shop", "EndpointConfigName": "c", "EndpointStatus": "IN_SERVICE", "CreationTime": NOON}
    job = {
        "TrainingJobName": "ours",
        "CreationTime": NOON,
        "AlgorithmSpecification": {"TrainingImage": container.get("Image")},
        "ModelArtifacts": {"S3ModelArtifacts": container.get("ModelDataUrl")},
        "OutputModelPackageArn": container.get("ModelPackageName"),
    }
    fed(
        store,
        [
            in_account(DEV, "Training Job State Change", job),
            in_account(PROD, "Model State Change", model),
            in_account(PROD, "Endpoint Config State Change", config),
            in_account(PROD, "Endpoint State Change", endpoint),
        ],
    )
    [mine] = [arn for match in find(store, source) for arn in match.starts if account_of(arn) == DEV]

    assert "Endpoint" in {one.type for one in walk(store, [mine], Direction.DESCENDANTS).vertices}
    found = queried(store, mine, Direction="Descendants", Filters={"Types": ["Endpoint"]})
    assert [account_of(one["Arn"]) for one in found["Vertices"]] == [PROD]


def test_a_package_of_another_region_is_joined_too(store: Store) -> None:
    copied = f"{prefix(DEV, 'eu-west-1')}model-package/ours/1"
    fields = {"ModelPackageGroupName": "ours", "ModelPackageVersion": 1, "ModelPackageArn": copied}
    data = "s3://dev-models/m.tar.gz"
    made = {"InferenceSpecification": {"Containers": [{"ModelDataUrl": data}]}, "CreationTime": NOON}
    original = in_account(DEV, "Model Package State Change", {**fields, **made}, "eu-west-1")
    fed(store, [package(DEV, "copy/1", SourceUri=copied), original])

    assert sources(store, "copy/1") == {f"{prefix(DEV)}model-package/copy/1", copied, data}


def test_query_lineage_joins_accounts_and_neither_regions_nor_other_types_of_source(store: Store) -> None:
    uri = "https://example.com/data"
    here, elsewhere = (
        artifact(prefix(DEV), "DataSet", uri, NOON),
        artifact(prefix(DEV, "eu-west-1"), "DataSet", uri, NOON),
    )
    typed = Artifact(arn=f"{prefix(PROD)}artifact/{'f' * 32}", type="DataSet", source_uri=uri, created=NOON, weight=4)
    twin = artifact(prefix(TOOLS), "DataSet", uri, NOON)
    holding(store, Lineage((here, elsewhere, typed, twin)))

    found = queried(store, here.arn, Direction="Both")
    walked = walk(store, [here.arn], Direction.BOTH)

    assert [one["Arn"] for one in found["Vertices"]] == [twin.arn]
    assert {one.arn for one in walked.vertices} == {here.arn, typed.arn, twin.arn, elsewhere.arn}


def test_artifacts_of_one_account_and_region_stay_apart_whatever_their_source(store: Store) -> None:
    uri = "https://example.com/data"
    here, elsewhere = artifact(prefix(DEV), "DataSet", uri, NOON), artifact(prefix(PROD), "DataSet", f"{uri}/2", NOON)
    typed = Artifact(arn=f"{prefix(DEV)}artifact/{'f' * 32}", type="Model", source_uri=uri, created=NOON, weight=4)
    holding(store, Lineage((here, elsewhere, typed)))

    assert [one.arn for one in walk(store, [here.arn], Direction.BOTH).vertices] == [here.arn]


SOURCES = ("arn:aws:sagemaker:us-west-2:444455556666:model-package/a/1", "s3://b/x", "1.dkr.ecr.us-west-2.on.aws/i:1")


@pytest.mark.law
def test_links_across_accounts_lead_both_ways_to_every_artifact_of_the_same_source_and_no_other(
    store: Store, backend: Backend
) -> None:
    @examples(30, 8, backend)
    @given(st.lists(st.tuples(st.sampled_from([DEV, TOOLS, PROD]), st.sampled_from(SOURCES)), min_size=1, unique=True))
    def check(held: list[tuple[str, str]]) -> None:
        things = {one: artifact(prefix(one[0]), "Model", one[1], NOON) for one in held}
        holding(emptied(store), Lineage(tuple(things.values())))
        for (_, uri), one in things.items():
            same = {other.arn for (_, source), other in things.items() if source == uri}
            for direction in Direction:
                assert {vertex.arn for vertex in walk(store, [one.arn], direction).vertices} == same
            found = {vertex["Arn"] for vertex in queried(store, one.arn, Direction="Both")["Vertices"]}
            assert found == same - {one.arn}

    check()


def test_a_link_across_accounts_is_explained(headwater: Headwater) -> None:
    headwater("replay", HERE / "cases" / "cross_account_registry" / "events.jsonl")
    shown = json.loads(headwater("lineage", "churn-prod", "--format", "json").out)
    models = [one for one in shown["vertices"] if one["type"] == "Model"]
    packages = {one["arn"] for one in models if "model-package" in one["source_uri"]}
    edge = next(one for one in shown["edges"] if {one["source"], one["destination"]} == packages)

    explained = headwater("explain", edge["source"], edge["destination"])

    assert explained.code == 0, explained.err
    assert "both stand for arn:aws:sagemaker:us-west-2:444455556666:model-package/shared-churn/1" in explained.out
    assert "SageMaker writes it only where the accounts share their lineage" in explained.out


def test_the_artifacts_of_several_accounts_are_labelled_with_these(headwater: Headwater) -> None:
    headwater("replay", HERE / "cases" / "cross_account_registry" / "events.jsonl")

    printed = headwater("lineage", "churn-prod", "--direction", "ascendants").out

    assert f"~SameAs  Model  model-package/shared-churn/1 ({TOOLS})" in printed
    assert f"model-package/shared-churn/1 ({PROD})" in printed
