"""Paths respect time: who read an address that is written again and again comes from what it can have seen there."""

from __future__ import annotations

import json
from collections.abc import Iterable

import msgspec
import pytest

from store import resources as table
from store.database import Store, Transaction
from store.graph.lineage import Walk, walk
from store.graph.resolve import find
from store.graph.spans import Span, TimedRow, span_of
from store.graph.traversal import Direction
from store.lineage import (
    OWNER,
    Action,
    Artifact,
    Association,
    AssociationType,
    Entity,
    Lineage,
    TrialComponent,
    artifact,
)
from store.save import save
from tests.support.events import PARTITION, case_events
from tests.support.stores import fed

READ, WROTE = AssociationType.CONTRIBUTED_TO, AssociationType.PRODUCED
DAILY = "s3://b/daily/"
DAY = 86_400_000


def run(
    name: str, start: float, end: float | None = None, *, status: str = "Completed", queued: float = 0.01
) -> TrialComponent:
    """A run of some days of a month, which was created before it started."""
    return TrialComponent(
        arn=f"{PARTITION}experiment-trial-component/{name}",
        type="SageMakerProcessingJob",
        name=name,
        weight=OWNER,
        created=round((start - queued) * DAY),
        started=round(start * DAY),
        ended=round((start + 0.1 if end is None else end) * DAY),
        status=status,
    )


def timeless(name: str) -> TrialComponent:
    """A run of which only its end is known to have been."""
    arn = f"{PARTITION}experiment-trial-component/{name}"
    return TrialComponent(arn=arn, type="SageMakerProcessingJob", name=name, weight=OWNER, created=99 * DAY)


def at(uri: str) -> Artifact:
    return artifact(PARTITION, "DataSet", uri, DAY)


Links = Iterable[tuple[Entity | str, Entity | str]]


def saved(store: Store, links: Links) -> Store:
    """The store with these links: a run or an address, and what it led to."""
    entities: dict[str, Entity] = {}
    found = []
    for pair in links:
        source, end = (at(one) if isinstance(one, str) else one for one in pair)
        entities |= {source.arn: source, end.arn: end}
        found.append(Association(source.arn, end.arn, READ if isinstance(source, Artifact) else WROTE, DAY))
    lineage = Lineage(tuple(entities.values()), tuple(found))

    def write(tx: Transaction) -> None:
        rows = table.claim(tx, {f"{PARTITION}training-job/job": "training-job"})
        save(tx, {row.id: lineage for row in rows.values()})

    store.write(write)
    return store


def named(found: Walk) -> set[str]:
    """What was reached, without the starts: the names of runs and of what has one, else addresses."""
    return {one.name or one.source_uri for one in found.vertices if one.arn not in found.start}


def above(store: Store, start: Entity, **how: bool) -> set[str]:
    return named(walk(store, [start.arn], Direction.ASCENDANTS, **how))


def below(store: Store, start: Entity, **how: bool) -> set[str]:
    return named(walk(store, [start.arn], Direction.DESCENDANTS, **how))


def daily(days: int, *others: tuple[Entity | str, Entity | str]) -> Links:
    """Each day a run writes what was collected, and a report reads it."""
    for day in range(1, days + 1):
        yield f"s3://b/raw-{day}", run(f"write-{day}", day)
        yield run(f"write-{day}", day), DAILY
        yield DAILY, run(f"report-{day}", day + 0.5)
    yield from others


def test_a_reader_comes_from_the_last_writing_before_it(store: Store) -> None:
    saved(store, daily(3))

    found = walk(store, [run("report-2", 0).arn], Direction.ASCENDANTS)

    assert named(found) == {DAILY, "write-2", "s3://b/raw-2"}
    assert (found.left_out, found.complete) == (2, True)


def test_what_was_written_leads_to_those_who_read_it_before_the_next_writing(store: Store) -> None:
    saved(store, daily(3))

    found = walk(store, [at("s3://b/raw-2").arn], Direction.DESCENDANTS)

    assert named(found) == {"write-2", DAILY, "report-2"}
    assert found.left_out == 2


def test_at_all_times_everything_is_linked_and_nothing_left_out(store: Store) -> None:
    saved(store, daily(3))

    found = walk(store, [run("report-2", 0).arn], Direction.ASCENDANTS, all_time=True)

    assert {"write-1", "write-2", "write-3"} < named(found)
    assert found.left_out == 0


def test_an_address_itself_comes_from_all_who_wrote_there(store: Store) -> None:
    saved(store, daily(3))

    found = walk(store, [at(DAILY).arn], Direction.BOTH, depth=1)

    assert named(found) == {f"{one}-{day}" for one in ("write", "report") for day in (1, 2, 3)}
    assert (found.left_out, len(found.edges)) == (0, 6)


@pytest.mark.parametrize(("depth", "reached"), [(1, {DAILY}), (2, {DAILY, "write-3"})])
def test_a_walk_that_ends_at_a_depth_respects_time_too(depth: int, reached: set[str], store: Store) -> None:
    saved(store, daily(3))

    found = walk(store, [run("report-3", 0).arn], Direction.ASCENDANTS, depth=depth)

    assert (named(found), found.complete) == (reached, False)


def test_a_limit_counts_only_what_time_allows(store: Store) -> None:
    saved(store, daily(30))

    found = walk(store, [run("report-3", 0).arn], Direction.ASCENDANTS, limit=4)

    assert (named(found), found.complete) == ({DAILY, "write-3", "s3://b/raw-3"}, True)


def test_what_was_written_after_it_was_read_does_not_lead_to_the_reader(store: Store) -> None:
    january, march = run("january", 1), run("march", 60)
    saved(store, [(DAILY, january), (march, DAILY)])

    assert above(store, january) == {DAILY}
    assert below(store, march) == {DAILY}


def test_a_writer_that_is_under_way_may_be_seen_and_hides_nothing(store: Store) -> None:
    reader = run("reader", 3, 5)
    saved(
        store, [(run("before", 1, 2), DAILY), (run("while", 2.5, 4), DAILY), (run("after", 6), DAILY), (DAILY, reader)]
    )

    assert above(store, reader) == {DAILY, "before", "while"}


def test_writers_at_the_same_time_hide_each_other_never_but_all_before_them(store: Store) -> None:
    shards = [run(f"shard-{number}", 2 + number / 10, 3 + number / 10) for number in range(3)]
    reader = run("reader", 5)
    saved(store, [(run("yesterday", 1, 1.5), DAILY), *((shard, DAILY) for shard in shards), (DAILY, reader)])

    assert above(store, reader) == {DAILY, "shard-0", "shard-1", "shard-2"}


@pytest.mark.parametrize("status", ["Failed", "Stopped", "InProgress", ""])
def test_a_writer_that_was_not_completed_may_be_seen_and_hides_nothing(status: str, store: Store) -> None:
    reader = run("reader", 5)
    saved(store, [(run("good", 1), DAILY), (run("other", 3, status=status), DAILY), (DAILY, reader)])

    assert above(store, reader) == {DAILY, "good", "other"}


def test_what_has_no_time_is_seen_by_all_and_sees_all(store: Store) -> None:
    reader = run("reader", 3)
    saved(
        store,
        [
            (run("old", 1), DAILY),
            (run("new", 2), DAILY),
            (timeless("some-day"), DAILY),
            (DAILY, reader),
            (DAILY, timeless("anyone")),
        ],
    )

    assert above(store, reader) == {DAILY, "new", "some-day"}
    assert above(store, timeless("anyone")) == {DAILY, "old", "new", "some-day"}
    assert below(store, timeless("some-day")) == {DAILY, "reader", "anyone"}


def test_a_run_reads_from_its_start_and_not_while_it_waits(store: Store) -> None:
    reader = run("reader", 3, queued=1.5)  # created while `old` was the last
    saved(store, [(run("old", 1), DAILY), (run("new", 2), DAILY), (DAILY, reader)])

    assert above(store, reader) == {DAILY, "new"}


def test_a_run_that_writes_what_it_reads_comes_from_the_one_before_and_not_from_itself(store: Store) -> None:
    chain = [run(f"update-{day}", day) for day in (1, 2, 3)]
    saved(store, [link for one in chain for link in ((DAILY, one), (one, DAILY))])

    found = walk(store, [chain[1].arn], Direction.ASCENDANTS)

    assert named(found) == {DAILY, "update-1"}
    assert {(edge.source, edge.destination) for edge in found.edges} == {
        (at(DAILY).arn, chain[1].arn),
        (chain[0].arn, at(DAILY).arn),
        (at(DAILY).arn, chain[0].arn),
    }
    assert below(store, chain[1]) == {DAILY, "update-3"}


def test_another_spelling_of_an_address_is_the_same_address(store: Store) -> None:
    reader = run("reader", 3)
    saved(store, [(run("old", 1), "s3://b/daily"), (run("new", 2), DAILY), ("s3://b/daily", reader)])

    assert above(store, reader) == {"s3://b/daily", DAILY, "new"}
    assert below(store, run("old", 1)) == {"s3://b/daily", DAILY}


def test_a_prefix_that_is_read_comes_from_all_who_can_have_written_inside_of_it(store: Store) -> None:
    reader, inner = run("reader", 2.5), f"{DAILY}part/"
    writers = [run(f"day-{day}", day) for day in (1, 2, 3)]
    saved(store, [*((one, inner) for one in writers), (DAILY, reader)])

    assert above(store, reader) == {DAILY, inner, "day-1", "day-2"}
    assert below(store, writers[2]) == {inner, DAILY}


@pytest.mark.parametrize("reader", ["deployment", "package"])
def test_a_deployment_and_a_package_read_when_they_are_made(reader: str, store: Store) -> None:
    package = f"{PARTITION}model-package/churn/1"
    made: Entity = (
        artifact(PARTITION, "Model", package, round(2.5 * DAY))
        if reader == "package"
        else Action(
            arn=f"{PARTITION}action/deployment", type="ModelDeployment", created=round(2.5 * DAY), ended=9 * DAY
        )
    )
    saved(
        store, [*((run(f"fit-{day}", day), "s3://b/model.tar.gz") for day in (1, 2, 3)), ("s3://b/model.tar.gz", made)]
    )

    assert above(store, made) == {"s3://b/model.tar.gz", "fit-2"}


def test_a_feature_group_keeps_all_that_was_written(store: Store) -> None:
    group = f"{PARTITION}feature-group/customers"
    reader = run("reader", 3)
    saved(store, [*((run(f"ingest-{day}", day), group) for day in (1, 2, 4)), (group, reader)])

    assert above(store, reader) == {group, "ingest-1", "ingest-2"}


def test_the_long_way_is_found_where_time_rules_out_the_short_one(store: Store) -> None:
    """`early` wrote too early for `late` to see it directly, but what came of it reached `late` by another way."""
    early, middle, late = run("early", 1), run("middle", 1.5), run("late", 4)
    links: Links = [
        (early, DAILY),
        (DAILY, middle),
        (middle, "s3://b/kept"),
        (run("newer", 3), DAILY),
        (DAILY, late),
        ("s3://b/kept", late),
    ]

    saved(store, links)
    found = walk(store, [late.arn], Direction.ASCENDANTS)

    assert {one.name: one.hops for one in found.vertices if one.name} == {
        "late": 0,
        "middle": 2,
        "newer": 2,
        "early": 4,
    }
    assert found.left_out == 0


def test_who_reads_a_prefix_and_writes_inside_of_it_hides_no_reader_farther_away(store: Store) -> None:
    """The nearest reader wrote the part itself; the one behind it can have seen that, though it ended before."""
    part, out = f"{DAILY}part/", "s3://b/out/"
    near, far, later = run("near", 1, 9), run("far", 2, 3), run("later", 10)
    middle = run("middle", 4)
    saved(
        store,
        [
            (DAILY, near), (near, part), (near, out),
            (DAILY, far), (far, "s3://b/kept"), ("s3://b/kept", middle), (middle, out),
            (DAILY, later),
        ],
    )  # fmt: skip

    found = walk(store, [at(out).arn], Direction.ASCENDANTS)

    assert (near.arn, at(part).arn) in {(edge.source, edge.destination) for edge in found.edges}
    assert found.left_out == 0


def test_of_readers_of_a_prefix_the_last_is_followed_however_far_away(store: Store) -> None:
    part, out = f"{DAILY}part/", "s3://b/out/"
    early, late, middle = [run("early-1", 2), run("early-2", 2)], run("late", 5), run("middle", 6)
    saved(
        store,
        [
            (run("first", 1), part), (run("second", 4), part),
            *(link for one in early for link in ((DAILY, one), (one, out))),
            (DAILY, late), (late, "s3://b/kept"), ("s3://b/kept", middle), (middle, out),
        ],
    )  # fmt: skip

    assert {"first", "second"} <= above(store, at(out))


def test_who_writes_inside_of_a_prefix_and_reads_it_hides_no_writer_farther_away(store: Store) -> None:
    """The first to write reads the prefix till the end, and can have seen what the writer behind it wrote there."""
    part, source = f"{DAILY}part/", "s3://b/source/"
    near, far, later = run("near", 1, 9), run("far", 4, 5), run("later", 10)
    saved(
        store,
        [
            (source, near), (near, part), (DAILY, near),
            (source, run("middle", 2)), (run("middle", 2), "s3://b/kept"), ("s3://b/kept", far), (far, part),
            (DAILY, later),
        ],
    )  # fmt: skip

    found = walk(store, [at(source).arn], Direction.DESCENDANTS)

    assert (at(DAILY).arn, near.arn) in {(edge.source, edge.destination) for edge in found.edges}
    assert found.left_out == 0


def test_of_writers_inside_of_a_prefix_the_first_is_followed_however_far_away(store: Store) -> None:
    part, source = f"{DAILY}part/", "s3://b/source/"
    late, first = [run("late-1", 6), run("late-2", 6)], run("first", 2)
    saved(
        store,
        [
            *(link for one in late for link in ((source, one), (one, part))),
            (source, run("middle", 1)), (run("middle", 1), "s3://b/kept"), ("s3://b/kept", first), (first, part),
            (DAILY, run("reader-1", 4)), (DAILY, run("reader-2", 8)),
        ],
    )  # fmt: skip

    assert {"reader-1", "reader-2"} <= below(store, at(source))


def test_who_writes_inside_of_a_prefix_does_not_lead_to_itself(store: Store) -> None:
    writer, part = run("writer", 2), f"{DAILY}part/"
    saved(store, [(DAILY, writer), (writer, part), (DAILY, run("reader", 4))])

    found = walk(store, [writer.arn], Direction.DESCENDANTS)

    assert named(found) == {part, DAILY, "reader"}
    assert found.left_out == 1


@pytest.mark.parametrize("direction", [Direction.ASCENDANTS, Direction.DESCENDANTS])
def test_the_only_run_that_writes_an_address_does_not_come_from_itself(direction: Direction, store: Store) -> None:
    alone = run("alone", 1)
    saved(store, [(DAILY, alone), (alone, DAILY)])

    found = walk(store, [alone.arn], direction)

    assert (named(found), len(found.edges), found.left_out) == ({DAILY}, 1, 1)


def test_a_long_writing_that_began_first_is_seen_past_those_that_were_replaced(store: Store) -> None:
    reader = run("reader", 10)
    saved(
        store,
        [
            (run("long", 1, 20), DAILY),
            (run("old", 2, 3), DAILY),
            (run("new", 5, 6), DAILY),
            (DAILY, reader),
        ],
    )

    assert above(store, reader) == {DAILY, "long", "new"}
    assert below(store, run("long", 0)) == {DAILY, "reader"}
    assert below(store, run("old", 0)) == {DAILY}


def test_what_ended_last_does_not_bring_back_what_another_replaced(store: Store) -> None:
    reader = run("reader", 10)
    saved(
        store,
        [
            (run("old", 2, 3), DAILY),
            (run("new", 5, 6), DAILY),
            (run("slow", 1, 9), DAILY),
            (DAILY, reader),
        ],
    )

    assert above(store, reader) == {DAILY, "new", "slow"}


def test_past_a_prefix_another_spelling_of_it_is_read_in_part_too(store: Store) -> None:
    """The reader can have kept a part that `upload` wrote: that the transform came later says nothing of it."""
    transform = msgspec.structs.replace(
        run("transform", 3), type="SageMakerTransformJob", inputs={"SageMaker.Input": ("", "s3://b/in/day.csv")}
    )
    reader = run("reader", 5)
    saved(
        store,
        [(run("upload", 1), "s3://b/out/"), (transform, "s3://b/out"), ("s3://b/out/day.csv.out", reader)],
    )

    assert above(store, reader) == {"s3://b/out/day.csv.out", "s3://b/out", "transform", "s3://b/out/", "upload"}


def timed_row(type_: str = "SageMakerTrainingJob", status: str = "", created: int = 0, **document: int) -> TimedRow:
    lineage_type = "Action" if type_ in ("Approval", "ModelDeployment") else "TrialComponent"
    return TimedRow(1, lineage_type, type_, status, "", created, json.dumps(document))


@pytest.mark.parametrize(
    ("row", "span"),
    [
        (timed_row(created=2, started=3, ended=5, status="Completed"), Span(2, 3, 5, 5, overwrites=True)),
        (timed_row(created=4, started=3, ended=5, status="Failed"), Span(3, 3, 5, 5)),
        (timed_row(created=5, started=5, ended=5, status="Completed"), Span(0, 5, 5, 5)),
        (timed_row(created=7, ended=5, status="Completed"), Span(0, -1, 7, 5, overwrites=True)),
        (timed_row(created=2, status="InProgress"), Span(2)),
        (timed_row(created=2), Span()),
        (timed_row("Approval", created=2, ended=5, status="Completed"), Span(2, 2, 5, 5, overwrites=True)),
        (timed_row("Approval", created=5, ended=5, status="Completed"), Span(0, -1, 5, 5, overwrites=True)),
        (timed_row("ModelDeployment", created=2), Span(2, 2, 2)),
        (timed_row("ModelDeployment", created=2, ended=5), Span(2, 2, 2, 5)),
    ],
)  # fmt: skip
def test_the_span_of_a_run_has_no_limit_where_its_time_is_unknown(row: TimedRow, span: Span) -> None:
    assert span_of(row) == span


def test_reports_of_a_data_set_that_is_overwritten_daily_come_from_their_own_day(store: Store) -> None:
    fed(store, case_events("data_set_overwritten_daily"))
    came_from = {}
    for name in ("report-day1", "report-day2", "report-day3"):
        (match,) = find(store, name)
        vertices = walk(store, match.starts, Direction.ASCENDANTS).vertices
        came_from[name] = {one.source_uri for one in vertices if "/raw/" in one.source_uri}

    assert came_from == {
        "report-day1": {"s3://lake/raw/day1.csv"},
        "report-day2": {"s3://lake/raw/day2.csv"},
        "report-day3": {"s3://lake/raw/day2.csv", "s3://lake/raw/day3.csv"},  # the export of day 3 failed
    }
