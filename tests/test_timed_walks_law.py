"""Walks that respect time against a plain model of their rules, on any history (docs/decisions/0014)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store import resources as table
from store.database import Store, Transaction
from store.graph.lineage import walk
from store.graph.traversal import Direction, Edge
from store.lineage import OWNER, Association, AssociationType, Entity, Lineage, TrialComponent, artifact
from store.save import save
from tests.support.events import PARTITION
from tests.support.laws import examples
from tests.support.stores import Backend, emptied

READ, WROTE = AssociationType.CONTRIBUTED_TO, AssociationType.PRODUCED
LATE = 1_000
ADDRESSES = ("s3://b/a", "s3://b/a/", "s3://b/a/1", "s3://b/c")


class Run(NamedTuple):
    """One run: its times, 0 where they are unknown, and what it read and wrote."""

    created: int
    started: int
    ended: int
    status: str
    reads: frozenset[str]
    writes: frozenset[str]


@st.composite
def runs(draw: st.DrawFn) -> Run:
    """A run whose times are in order, as far as they are known."""
    created, started, ended = sorted(draw(st.lists(st.integers(1, 12), min_size=3, max_size=3)))
    known = draw(st.sampled_from([*["all"] * 6, "no start", "no end", "none"]))
    addresses = st.frozensets(st.sampled_from([*ADDRESSES[:1] * 4, *ADDRESSES]), max_size=2)
    return Run(
        0 if known == "none" else created,
        0 if known in ("none", "no start") else started,
        0 if known in ("none", "no end") else ended,
        draw(st.sampled_from([*["Completed"] * 5, "Failed", "InProgress", ""])),
        draw(addresses),
        draw(addresses),
    )


def component(number: int, run: Run) -> TrialComponent:
    return TrialComponent(
        arn=f"{PARTITION}experiment-trial-component/run-{number}",
        type="SageMakerTrainingJob",
        weight=OWNER,
        created=run.created,
        started=run.started or None,
        ended=run.ended or None,
        status=run.status,
    )


def saved(store: Store, history: Sequence[Run]) -> dict[str, Run]:
    """Save a history: the ARN of each run -> the run."""
    artifacts = {uri: artifact(PARTITION, "DataSet", uri, 1) for uri in ADDRESSES}
    components: dict[str, TrialComponent] = {}
    links = []
    for number, run in enumerate(history):
        one = component(number, run)
        components[one.arn] = one
        links += [Association(artifacts[uri].arn, one.arn, READ, run.created) for uri in run.reads]
        links += [Association(one.arn, artifacts[uri].arn, WROTE, run.created) for uri in run.writes]
    entities: tuple[Entity, ...] = (*artifacts.values(), *components.values())

    def write(tx: Transaction) -> None:
        rows = table.claim(tx, {f"{PARTITION}training-job/job": "training-job"})
        save(tx, {row.id: Lineage(entities, tuple(links)) for row in rows.values()})

    store.write(write)
    return dict(zip(components, history, strict=True))


class Model:
    """A history, and what a reader of it can have seen."""

    def __init__(self, runs: Mapping[str, Run], edges: Sequence[Edge]) -> None:
        self.runs, self.edges = runs, edges
        self.same = {(edge.source, edge.destination) for edge in edges if edge.type == "SameAs"}

    def writers(self, place: str) -> set[str]:
        """All that wrote there, under any spelling of the address."""
        places = {place} | {one for pair in self.same if place in pair for one in pair}
        return {edge.source for edge in self.edges if edge.type == WROTE and edge.destination in places}

    def saw(self, reader: str, writer: str, place: str, inside: bool) -> bool:
        """Whether a run can have seen what another one wrote."""
        one, other = self.runs[reader], self.runs[writer]
        if reader == writer or (self.began(other) and one.ended and self.began(other) > one.ended):
            return False
        return inside or not any(
            last.status == "Completed"
            and self.began(last)
            and other.ended
            and last.started < last.ended <= one.started
            and other.ended < self.began(last)
            for last in (self.runs[arn] for arn in self.writers(place))
        )

    @staticmethod
    def began(run: Run) -> int:
        """Since when a run may have written, where that is known: 0 if only one of its times is."""
        known = run.created and (run.started or run.status == "InProgress")
        return run.created if known and run.created != run.ended else 0

    def steps(self, state: tuple[str, str, bool], up: bool) -> list[tuple[Edge, tuple[str, str, bool] | None]]:
        """The links onward from a state, each with the state behind it, or None where time rules it out."""
        here, via, inside = state
        found: list[tuple[Edge, tuple[str, str, bool] | None]] = []
        for edge in self.edges:
            near, far = (edge.destination, edge.source) if up else (edge.source, edge.destination)
            if near != here:
                continue
            if edge.inferred:
                found.append((edge, (far, via, bool(via) and (inside or edge.type != "SameAs"))))
            elif edge.type == (READ if up else WROTE):
                found.append((edge, (far, here, False)))
            elif via and not self.saw(via if up else far, far if up else via, here, inside):
                found.append((edge, None))
            else:
                found.append((edge, (far, "", False)))
        return found

    def walk(
        self, start: str, up: bool, depth: int
    ) -> tuple[dict[str, int], set[tuple[str, str]], set[tuple[str, str]], bool]:
        """Hops, links followed, links left out, and whether that is all."""
        hops, complete = {start: 0}, True
        level = {(start, "", False)}
        visited = set(level)
        followed, ruled_out = set(), set()
        for hop in range(depth + 1):
            ahead = set()
            for state in level:
                for edge, following in self.steps(state, up):
                    if following is None:
                        ruled_out.add((edge.source, edge.destination))
                    else:
                        followed.add((edge.source, edge.destination))
                        ahead.add(following)
            new = {state[0] for state in ahead} - hops.keys()
            if hop == depth:
                complete = not new
            else:
                hops |= dict.fromkeys(new, hop + 1)
            level = ahead - visited
            visited |= level
        kept = {pair for pair in followed if pair[0] in hops and pair[1] in hops}
        return hops, kept, ruled_out - followed, complete


@pytest.mark.law
@pytest.mark.parametrize("up", [True, False], ids=["ascendants", "descendants"])
def test_a_walk_follows_what_time_allows_and_nothing_else(up: bool, store: Store, backend: Backend) -> None:
    @given(st.lists(runs(), min_size=2, max_size=9), st.none() | st.integers(0, 5), st.data())
    @examples(200, 30, backend)
    def holds(history: list[Run], depth: int | None, data: st.DataObject) -> None:
        runs = saved(emptied(store), history)
        arns = [*runs, *(artifact(PARTITION, "DataSet", uri, 1).arn for uri in ADDRESSES)]
        edges = {edge for arn in arns for edge in walk(store, [arn], Direction.BOTH, depth=1, all_time=True).edges}
        model = Model(runs, sorted(edges, key=lambda edge: (edge.source, edge.destination)))
        start = data.draw(st.sampled_from(arns))
        direction = Direction.ASCENDANTS if up else Direction.DESCENDANTS
        hops, links, left_out, complete = model.walk(start, up, LATE if depth is None else depth)
        # No more than it reaches: where more can be reached at other times, it has to go level by level.
        limit = len(hops) + data.draw(st.sampled_from([0, 100]))

        found = walk(store, [start], direction, depth=depth, limit=limit)

        assert {vertex.arn: vertex.hops for vertex in found.vertices} == hops
        assert {(edge.source, edge.destination) for edge in found.edges} == links
        if complete:
            assert (found.left_out, found.complete) == (len(left_out), True)

    holds()
