"""Links by address, compared with a plain model of their rules."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from store import resources as table
from store.database import Store, Transaction
from store.graph.evidence import Evidence, of_association
from store.graph.inferred import Grade, Inferred, onwards, towards
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
from store.tables import entity
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


Times = Mapping[str, tuple[int, int]]
"""When runs began and ended, by their names."""
ONCE: Times = {f"run-{number}": (NOON, NOON) for number in range(1, 5)}
NEVER: Times = {}
TYPES = {"debug": "DebugHook", "ckpt": "Checkpoint"}


def thing(name: str, times: Times = NEVER) -> Entity:
    """A run or a feature group by its name; all else is the address of an artifact, which may end in its type."""
    if name.startswith("run-"):
        started, ended = times.get(name, (None, None))
        return TrialComponent(
            arn=f"{PARTITION}experiment-trial-component/{name}",
            name=name,
            source_uri=f"{PARTITION}training-job/{name}",
            started=started,
            ended=ended,
            weight=OWNER,
        )
    if name.startswith("group-"):
        return Context(arn=f"{PARTITION}context/{name}", type="FeatureGroup", name=name, weight=OWNER)
    return artifact(PARTITION, TYPES.get(name.removesuffix("/").rpartition("/")[2], "DataSet"), name, NOON)


def since(link: Link, times: Times) -> int:
    """When the run of a link began."""
    return next((times[name][0] for name in (link.source, link.destination) if name in times), 0)


def saved(store: Store, derived: Iterable[Link], times: Times = ONCE) -> Store:
    """The store with these links saved, all of one resource."""
    derived = list(derived)
    ends = {name: thing(name, times) for one in derived for name in (one.source, one.destination)}
    links = {(one.source, one.destination): one for one in derived}  # a resource has one link of a pair
    lineage = Lineage(
        tuple(ends.values()),
        tuple(
            Association(
                ends[one.source].arn, ends[one.destination].arn, one.type, since(one, times), None, one.inferred
            )
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
        ("s3://b//", "s3://b//out"),
        ("s3://b///", "s3://b///out"),
        ("s3://b/out", "s3://b/out2"),
        ("s3://b/out", "s3://b/out.csv"),
        ("s3://b/out", "s3://b/Out/x"),
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

    assert of_association(store, x, slash) == [
        Evidence("", "same address in another spelling", "SameAs", (), NOON, inferred=True)
    ]
    assert of_association(store, x, inner) == [
        Evidence("", "inside an owned prefix", "DerivedFrom", (), NOON, inferred=True)
    ]
    assert of_association(store, inner, x) == []


# ------------------------------------------------------------------------------------------------------- a plain model


def base(uri: str) -> str:
    return uri[:-1] if uri.endswith("/") else uri


def is_bucket(uri: str) -> bool:
    return set(uri.removeprefix("s3://b")) <= {"/"}


def inside(inner: str, folder: str) -> bool:
    return not is_bucket(folder) and base(inner).startswith(f"{folder}/")


def seen(writer: str, reader: str, times: Times) -> str:
    """What a reader saw of a writing: all, part or nothing."""
    if writer == reader:
        return "nothing"
    if writer.startswith("group-") or times[writer][1] <= times[reader][0]:
        return "all"
    return "part" if times[writer][0] < times[reader][1] else "nothing"


def concluded(derived: Sequence[Link], times: Times) -> dict[tuple[str, str], tuple[str, str, set[str]]]:
    """All links by address, found by comparing everything with everything: type, grade and readers of each pair."""
    links = {(one.source, one.destination): one.type for one in derived}
    artifacts = {name for pair in links for name in pair if isinstance(thing(name), Artifact)}
    wrote = {(end, source) for (source, end), type_ in links.items() if type_ == PRODUCED} | {
        pair for pair, type_ in links.items() if type_ == ASSOCIATED and pair[1].startswith("group-")
    }
    found: dict[tuple[str, str], tuple[str, str, set[str]]] = {}

    def conclude(source: str, destination: str, grade: str, reader: str) -> None:
        _, best, readers = found.setdefault((source, destination), ("DerivedFrom", grade, set()))
        if best == Grade.TIME != grade:
            found[source, destination] = ("DerivedFrom", grade, {reader})
        elif best == grade:
            readers.add(reader)

    for (read_uri, reader), type_ in links.items():
        if type_ == CONTRIBUTED:
            for outer, grade in read_from(read_uri, reader, links, wrote, times):
                conclude(outer, read_uri, grade, reader)
            for written, writer in wrote:
                by_name = "." not in read_uri.rpartition("/")[2] and not read_uri.endswith("/")
                covered = written.startswith(read_uri) and base(written) != read_uri if by_name else False
                much = seen(writer, reader, times)
                if is_bucket(read_uri) or much == "nothing":
                    continue
                if covered or inside(written, base(read_uri)):
                    conclude(written, read_uri, Grade.READ if much == "all" else Grade.TIME, reader)
    for one in artifacts:
        for other in artifacts - {one}:
            if base(one) == base(other):
                found[one, other] = ("SameAs", Grade.SAME, set())
    return found


def read_from(
    uri: str,
    reader: str,
    links: dict[tuple[str, str], AssociationType],
    wrote: set[tuple[str, str]],
    times: Times,
) -> Iterator[tuple[str, str]]:
    """The folders that a reader can have got an address from, each with a grade."""
    if any(base(written) == base(uri) and seen(by, reader, times) != "nothing" for written, by in wrote):
        return
    for folder in sorted({base(written) for written, _ in wrote if inside(uri, base(written))}, key=len, reverse=True):
        here = {(written, by) for written, by in wrote if base(written) == folder}
        types = {thing(name).type for pair in links for name in pair if base(name) == folder}
        if "DebugHook" in types:
            here = {(written, by) for written, by in here if f"{uri}/".startswith(f"{folder}/{by}/")}
        whole = {(written, by) for written, by in here if seen(by, reader, times) == "all"}
        for written in {written for written, by in here if seen(by, reader, times) == "part"}:
            yield written, Grade.TIME
        groups = {by for _, by in whole if by.startswith("group-")}
        makers = {by for _, by in whole}
        older = {other for (source, other), type_ in links.items() if source == uri and type_ == CONTRIBUTED}
        sure = (
            len(groups or makers) == 1
            and "Checkpoint" not in types
            and not any(by != other and seen(by, other, times) == "nothing" for other in older for by in makers)
            and (
                bool(groups)
                or not any(
                    inside(written, folder) and by not in (*makers, reader) and times[by][0] < times[reader][0]
                    for written, by in wrote
                    if by.startswith("run-")
                )
            )
        )
        for written in {written for written, _ in whole}:
            yield written, Grade.OWNED if sure else Grade.TIME
        if whole:
            return


def links(derived: Sequence[Link], *, inferred: bool) -> dict[tuple[str, str], tuple[bool, str]]:
    """All links by the rules."""
    found: dict[tuple[str, str], tuple[bool, str]] = {}
    for last in {(one.source, one.destination): one for one in derived}.values():
        if inferred or not last.inferred:
            found[last.source, last.destination] = (last.inferred, last.type.value)
    if inferred:
        for pair, (type_, grade, _) in concluded(derived, ONCE).items():
            if grade != Grade.TIME:
                found[pair] = min(found.get(pair, (True, type_)), (True, type_))
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


parts = ["", "a", "out", "out2", "0", "é", "debug", "ckpt", "run-1", "x.y"]
addresses = st.lists(st.sampled_from(parts), min_size=0, max_size=3).map(lambda parts: "/".join(["s3://b", *parts]))
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

        found = walk(store, [thing(start).arn], way, depth=depth, inferred=inferred, all_time=True)

        assert {named[one.arn]: one.hops for one in found.vertices} == near
        assert found.complete == (near == whole)
        assert set(found.edges) == {
            Edge(thing(source).arn, thing(end).arn, type_, ours)
            for (source, end), (ours, type_) in everything.items()
            if source in near and end in near
        }

        limit = data.draw(st.integers(1, len(names)))
        cut = walk(store, [thing(start).arn], way, limit=limit, inferred=inferred, all_time=True)

        assert [one.hops for one in cut.vertices] == sorted(whole.values())[:limit]
        assert all(whole[named[one.arn]] == one.hops for one in cut.vertices)
        assert cut.complete == (len(whole) <= limit)

    check()


run_times = st.fixed_dictionaries(
    {run: st.tuples(st.integers(1, 6), st.integers(0, 4)).map(lambda span: (span[0], sum(span))) for run in ONCE}
)


@pytest.mark.law
def test_links_by_address_are_those_of_a_plain_model(store: Store, backend: Backend) -> None:
    @settings(max_examples=scaled(300 if backend == "sqlite" else 60))
    @given(derivations, run_times)
    def check(derived: list[Link], times: dict[str, tuple[int, int]]) -> None:
        saved(emptied(store), derived, times)
        expected = concluded(derived, times)

        def look(tx: Transaction) -> tuple[list[Inferred], list[Inferred], dict[int, str]]:
            rows = tx.connection.execute(select(entity.c.id, entity.c.lineage_type, entity.c.name, entity.c.source_uri))
            named = {row.id: row.source_uri if row.lineage_type == "Artifact" else row.name for row in rows}
            near = {number: uri for number, uri in named.items() if uri.startswith("s3://")}
            back = [link for number in near for link in towards(tx.connection, {number: near[number]}, by_time=True)]
            return back, onwards(tx.connection, near, by_time=True), named

        back, on, named = store.read(look)

        for found in (back, on):
            assert {
                (named[one.source], named[one.destination]): (
                    one.type.value, one.grade, {named[number] for number in one.readers}
                )
                for one in found
            } == expected  # fmt: skip

    check()
