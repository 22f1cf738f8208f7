"""Links by address, compared with a plain model of their rules."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from store import resources as table
from store.database import Store, Transaction
from store.graph.evidence import Evidence, of_association
from store.graph.lineage import walk
from store.graph.traversal import Direction, Edge
from store.lineage import (
    OWNER,
    Artifact,
    Association,
    AssociationType,
    Context,
    Entity,
    Lineage,
    TrialComponent,
    artifact,
)
from store.save import save
from tests.support.events import NOON, PARTITION
from tests.support.laws import scaled
from tests.support.stores import Backend, emptied

CONTRIBUTED, PRODUCED = AssociationType.CONTRIBUTED_TO, AssociationType.PRODUCED
ASSOCIATED = AssociationType.ASSOCIATED_WITH


class Link(NamedTuple):
    """One link that is derived for a resource."""

    source: str
    type: AssociationType
    destination: str
    inferred: bool = False


def thing(name: str) -> Entity:
    """A run or a feature group by its name; all else is the address of an artifact."""
    if name.startswith("run-"):
        return TrialComponent(arn=f"{PARTITION}experiment-trial-component/{name}", name=name, weight=OWNER)
    if name.startswith("group-"):
        return Context(arn=f"{PARTITION}context/{name}", type="FeatureGroup", name=name, weight=OWNER)
    return artifact(PARTITION, "DataSet", name, NOON)


def saved(store: Store, derived: Iterable[Link]) -> Store:
    """The store with these links saved, all of one resource."""
    derived = list(derived)
    ends = {name: thing(name) for one in derived for name in (one.source, one.destination)}
    links = {(one.source, one.destination): one for one in derived}  # a resource has one link of a pair
    lineage = Lineage(
        tuple(ends.values()),
        tuple(
            Association(ends[one.source].arn, ends[one.destination].arn, one.type, NOON, None, one.inferred)
            for one in links.values()
        ),
    )

    def write(tx: Transaction) -> None:
        rows = table.claim(tx, {f"{PARTITION}training-job/job": "training-job"})
        save(tx, {row.id: lineage for row in rows.values()})

    store.write(write)
    return store


def inferred_links(store: Store, *names: str) -> set[str]:
    """All inferred links of walks from these in both directions, with readable names."""
    named = {thing(name).arn: name for name in names}
    found = set()
    for name in names:
        for edge in walk(store, [thing(name).arn], Direction.BOTH, depth=1).edges:
            if edge.inferred:
                found.add(f"{named.get(edge.source)} {edge.type} {named.get(edge.destination)}")
    return found


def made(uri: str, by: str = "run-1") -> Link:
    return Link(by, PRODUCED, uri)


def read(uri: str, by: str = "run-2") -> Link:
    return Link(uri, CONTRIBUTED, by)


@pytest.mark.parametrize(
    ("outer", "inner"),
    [
        ("s3://b/out", "s3://b/out/part-1.csv"),
        ("s3://b/out/", "s3://b/out/part-1.csv"),
        ("s3://b/out", "s3://b/out/deep/er/"),
        ("s3://b/out/", "s3://b/out/deep/er"),
        ("s3://b/o", "s3://b/o//p"),
    ],
)
def test_an_input_inside_of_an_output_is_derived_from_it(outer: str, inner: str, store: Store) -> None:
    saved(store, [made(outer), read(inner)])

    assert inferred_links(store, outer, inner) == {f"{outer} DerivedFrom {inner}"}


@pytest.mark.parametrize(
    ("outer", "inner"),
    [
        ("s3://b", "s3://b/out"),
        ("s3://b/", "s3://b/out"),
        ("s3://b/out", "s3://b/out2"),
        ("s3://b/out", "s3://b/out.csv"),
        ("s3://b/out", "s3://b/Out/x"),
        ("s3://b/out/x", "s3://b/out"),
        ("s3://b/out", "s3://c/out/x"),
        ("file:///b/out", "file:///b/out/x"),
    ],
)
def test_an_input_elsewhere_is_not(outer: str, inner: str, store: Store) -> None:
    saved(store, [made(outer), read(inner)])

    assert inferred_links(store, outer, inner) == set()


def test_what_was_only_read_is_no_origin_and_what_was_only_written_has_none(store: Store) -> None:
    saved(store, [read("s3://b/in"), read("s3://b/in/x"), made("s3://b/out"), made("s3://b/out/x")])

    assert inferred_links(store, "s3://b/in", "s3://b/in/x", "s3://b/out", "s3://b/out/x") == set()


@pytest.mark.parametrize("spelled", ["s3://b/logs/model", "s3://b/logs/model/"])
def test_what_a_run_wrote_at_exactly_that_address_comes_from_that_run_alone(spelled: str, store: Store) -> None:
    saved(store, [made("s3://b/logs"), made("s3://b/logs/model", "run-3"), read(spelled)])

    assert not any("DerivedFrom" in link for link in inferred_links(store, "s3://b/logs", spelled))


def test_an_address_with_a_slash_at_the_end_is_the_same(store: Store) -> None:
    saved(store, [made("s3://b/x"), read("s3://b/x/"), read("s3://b/x//"), read("s3://b/xy")])

    assert inferred_links(store, "s3://b/x", "s3://b/x/", "s3://b/x//", "s3://b/xy") == {
        "s3://b/x SameAs s3://b/x/",
        "s3://b/x/ SameAs s3://b/x",
        "s3://b/x DerivedFrom s3://b/x//",
    }


def test_an_input_inside_of_an_offline_store_is_derived_from_it(store: Store) -> None:
    saved(store, [Link("s3://b/offline", ASSOCIATED, "group-1"), read("s3://b/offline/2024/x.parquet")])

    assert inferred_links(store, "s3://b/offline", "s3://b/offline/2024/x.parquet") == {
        "s3://b/offline DerivedFrom s3://b/offline/2024/x.parquet"
    }


def test_a_link_by_address_has_evidence_too(store: Store) -> None:
    saved(store, [made("s3://b/x"), read("s3://b/x/"), read("s3://b/x/1")])
    x, slash, inner = (thing(name).arn for name in ("s3://b/x", "s3://b/x/", "s3://b/x/1"))

    assert of_association(store, x, slash) == [Evidence("", "same address", "SameAs", (), NOON, inferred=True)]
    assert of_association(store, x, inner) == [Evidence("", "inside", "DerivedFrom", (), NOON, inferred=True)]
    assert of_association(store, inner, x) == []


# ------------------------------------------------------------------------------------------------------- a plain model


def base(uri: str) -> str:
    return uri[:-1] if uri.endswith("/") else uri


def links(derived: Sequence[Link], *, inferred: bool) -> dict[tuple[str, str], tuple[bool, str]]:
    """All links by the rules, found by comparing everything with everything."""
    found: dict[tuple[str, str], tuple[bool, str]] = {}
    for last in {(one.source, one.destination): one for one in derived}.values():
        if inferred or not last.inferred:
            found[last.source, last.destination] = (last.inferred, last.type.value)
    if not inferred:
        return found
    stored = {(source, end): type_ for (source, end), (_, type_) in found.items()}
    artifacts = {name for pair in stored for name in pair if isinstance(thing(name), Artifact)}
    produced = {base(end) for (_, end), type_ in stored.items() if type_ == PRODUCED}
    outer = {end for (_, end), type_ in stored.items() if type_ == PRODUCED} | {
        source for (source, end), type_ in stored.items() if type_ == ASSOCIATED and end.startswith("group-")
    }
    contributed = {source for (source, _), type_ in stored.items() if type_ == CONTRIBUTED}
    for one in artifacts:
        for other in artifacts - {one}:
            here, there = base(one), base(other)
            by_rule: str | None = None
            if here == there:
                by_rule = "SameAs"
            elif (
                one in outer
                and here.count("/") > 2
                and other in contributed
                and base(other) not in produced
                and other.startswith(f"{here}/")
                and other != f"{here}/"
            ):
                by_rule = "DerivedFrom"
            if by_rule:
                found[one, other] = min(found.get((one, other), (True, by_rule)), (True, by_rule))
    return found


def reached(start: str, edges: Iterable[tuple[str, str]], *, up: bool) -> dict[str, int]:
    """Name -> hops."""
    onward: dict[str, set[str]] = {}
    for source, end in edges:
        near, far = (end, source) if up else (source, end)
        onward.setdefault(near, set()).add(far)
    hops, edge = {start: 0}, [start]
    for near in edge:
        for far in sorted(onward.get(near, ())):
            if far not in hops:
                hops[far] = hops[near] + 1
                edge.append(far)
    return hops


addresses = st.lists(st.sampled_from(["", "a", "out", "out2", "0", "é"]), min_size=0, max_size=3).map(
    lambda parts: "/".join(["s3://b", *parts])
)
runs = st.sampled_from(["run-1", "run-2", "run-3", "run-4"])
ours = st.sampled_from([False, False, True])
derivations = st.lists(
    st.builds(Link, addresses, st.just(CONTRIBUTED), runs, ours)
    | st.builds(Link, runs, st.just(PRODUCED), addresses, ours)
    | st.builds(Link, addresses, st.just(ASSOCIATED), st.just("group-1"), ours)
    | st.builds(Link, addresses, st.just(AssociationType.DERIVED_FROM), addresses, ours),
    min_size=1,
    max_size=14,
)


@pytest.mark.law
def test_a_walk_finds_what_a_plain_model_finds(store: Store, backend: Backend) -> None:
    @settings(max_examples=scaled(120 if backend == "sqlite" else 40))
    @given(derivations, st.booleans(), st.booleans(), st.none() | st.integers(0, 4), st.data())
    def check(derived: list[Link], inferred: bool, up: bool, depth: int | None, data: st.DataObject) -> None:
        saved(emptied(store), derived)
        everything = links(derived, inferred=inferred)
        names = sorted({name for one in derived for name in (one.source, one.destination)})
        start = data.draw(st.sampled_from(names))
        way = Direction.ASCENDANTS if up else Direction.DESCENDANTS
        named = {thing(name).arn: name for name in names}
        whole = reached(start, everything, up=up)
        near = {name: hops for name, hops in whole.items() if depth is None or hops <= depth}

        found = walk(store, [thing(start).arn], way, depth=depth, inferred=inferred)

        assert {named[one.arn]: one.hops for one in found.vertices} == near
        assert found.complete == (near == whole)
        assert set(found.edges) == {
            Edge(thing(source).arn, thing(end).arn, type_, ours)
            for (source, end), (ours, type_) in everything.items()
            if source in near and end in near
        }

        limit = data.draw(st.integers(1, len(names)))
        cut = walk(store, [thing(start).arn], way, limit=limit, inferred=inferred)

        assert [one.hops for one in cut.vertices] == sorted(whole.values())[:limit]
        assert all(whole[named[one.arn]] == one.hops for one in cut.vertices)
        assert cut.complete == (len(whole) <= limit)

    check()
