"""`python -m bench`: what Headwater costs on this machine, beside the least that the same work can cost."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

from bench import api, generate, kafka, large, postgresql, servers, workloads
from bench.baseline import closures, commits, floor
from bench.graph import Graph, TooSmall, graph, starts
from bench.latency import latency
from bench.measure import Row, apart, spread, table, timed
from bench.options import Options, smallest
from store.database import Store, pragmas


def replay(options: Options) -> list[Row]:
    """An archive, replayed into SQLite: the whole, and a fifth of it, to see that memory does not grow."""
    archive, part, store = options.folder / "events.jsonl", options.folder / "part.jsonl", options.folder / "replay.db"
    events = options.events or 100_000
    with archive.open("wb") as file:
        _, made = timed(generate.write, file, events, options.seed)
    with archive.open("rb") as whole, part.open("wb") as file:
        file.writelines(islice(whole, events // 5))
    _, less = apart(workloads.replayed, part, store)
    replayed, memory = apart(workloads.replayed, archive, store)
    least, _ = apart(
        floor, archive, store, options.folder / "floor.db", pragmas=pragmas(Store(f"sqlite:///{store}").cache_mb)
    )
    rate, bound = replayed["events_per_second"], least.events / least.seconds
    size = store.stat().st_size / 1e6
    workloads.remove(store)
    return [
        Row("archive", archive.stat().st_size / 1e6, "MB"),
        Row("archive, made", events / made, "events/s"),
        Row("floor: orjson and the same rows by raw executemany", bound, "events/s"),
        Row("floor: of which orjson", least.events / least.decode, "events/s"),
        Row("floor: of which rows", least.rows / least.insert, "rows/s"),
        Row("replay", rate, "events/s", rate / bound, "0.35 of the floor, 10,000 events/s"),
        Row("replay, peak memory", memory, "MB", memory / less, "250 MB; ratio: to a fifth of the archive"),
        Row("replay, size of the store", size, "MB", size / (archive.stat().st_size / 1e6)),
    ]


def one_by_one(options: Options) -> list[Row]:
    """One event at a time through `handle`, each committed, beside a bare commit of one row."""
    archive = options.folder / "one.jsonl"
    count = min(options.events or 3_000, 3_000)
    with archive.open("wb") as file:
        generate.write(file, count, options.seed)
    taken, _ = apart(workloads.handled, archive, options.folder / "one.db", count)
    bare, _ = apart(commits, options.folder / "commits.db", count)
    workloads.remove(options.folder / "one.db")
    median, p95 = spread(taken)
    least, _ = spread(bare)
    return [
        Row("floor: a row committed alone, median", least * 1e3, "ms"),
        Row("one event, median", median * 1e3, "ms", median / least),
        Row("one event, p95", p95 * 1e3, "ms"),
        Row("one event at a time", len(taken) / sum(taken), "events/s", sum(bare) / sum(taken)),
    ]


def lineage(options: Options) -> list[Row]:
    """Ascendants in a large graph: whole entities over Headwater's own query, and bare ids.

    Measured three times: with inferred links looked for though there are none, without looking for them, with some.
    """
    large, made = timed(graph, options.entities or 1_000_000, seed=options.seed)
    rows = [
        Row("graph, entities", len(large), ""),
        Row("graph, associations", len(large.sources), ""),
        Row("graph, made", made, "s"),
    ]
    store, arns = workloads.stored(large, options.folder / "graph.db")
    aims = {min(size, options.largest): aim for size, aim in AIMS.items()}
    chosen = {size: [arns[start] for start in some] for size, some in _starts(large, aims)}
    found: dict[int, list[int]] = {}
    plain: dict[int, float] = {}
    with closures(large, options.folder / "closures.db") as ascendants:
        numbers = {arn: number for number, arn in enumerate(arns)}
        for size in chosen:
            aim = aims[size]
            ids = [numbers[arn] for arn in chosen[size]]
            found[size] = [len(ascendants(start)) for start in ids]  # the pages it needs are in the cache from now on
            assert found[size] == [len(workloads.queried(store, arn).vertices) for arn in chosen[size]], "not the same"
            least, _ = spread([timed(ascendants, start)[1] for start in ids])
            median, p95 = spread([timed(workloads.queried, store, arn)[1] for arn in chosen[size]])
            bare, _ = spread([timed(workloads.queried, store, arn, inferred=False)[1] for arn in chosen[size]])
            always, _ = spread([timed(workloads.queried, store, arn, all_time=True)[1] for arn in chosen[size]])
            plain[size] = median
            rows += [
                Row(f"floor: ids of {size:,} ascendants, median", least * 1e3, "ms"),
                Row(f"lineage of {size:,} ascendants, median", median * 1e3, "ms", median / least, aim),
                Row(f"lineage of {size:,} ascendants, p95", p95 * 1e3, "ms", None, aim),
                Row("the same without looking for inferred links, median", bare * 1e3, "ms", bare / median),
                Row("the same at all times, median", always * 1e3, "ms", median / always,
                    "ratio: of the walk that respects time to this one: 1.3"),
            ]  # fmt: skip
    rows.append(Row("graph, links now by address", workloads.split_data_sets(store, share=10), ""))
    for size in chosen:
        walks = [workloads.queried(store, arn) for arn in chosen[size]]
        assert all(len(one.vertices) >= least for one, least in zip(walks, found[size], strict=True)), "some are lost"
        median, _ = spread([timed(workloads.queried, store, arn)[1] for arn in chosen[size]])
        rows.append(
            Row(f"lineage of {size:,} ascendants over them, median", median * 1e3, "ms", median / plain[size],
                "ratio: to the same without any")
        )  # fmt: skip
    rows += _written_again(store, chosen)
    store.close()
    workloads.remove(options.folder / "graph.db")
    return rows


def _starts(large: Graph, sizes: Iterable[int]) -> Iterator[tuple[int, list[int]]]:
    """Where lineages of some sizes begin, the least first; those that a graph has too few of are left out."""
    for place, size in enumerate(sizes):
        try:
            yield size, starts(large, size, how_many=30)
        except TooSmall as why:
            if place == 0:
                raise
            print(f"not measured: {why}", file=sys.stderr)


def _written_again(store: Store, chosen: Mapping[int, Sequence[str]]) -> list[Row]:
    """The same where data sets are written again later: what respects time, and what does not."""
    rows = [Row("graph, data sets that are written again", workloads.write_again(store, share=20), "")]
    for size, arns in chosen.items():
        walks = [timed(workloads.queried, store, arn) for arn in arns]
        always = [timed(workloads.queried, store, arn, all_time=True) for arn in arns]
        assert sum(one.left_out for one, _ in walks) > 0, "nothing is left out"
        (median, _), (longest, _) = (spread([taken for _, taken in some]) for some in (walks, always))
        reached, more = (sum(len(one.vertices) for one, _ in some) / len(some) for some in (walks, always))
        rows += [
            Row(f"lineage of {size:,} ascendants, written again, median", median * 1e3, "ms", median / longest,
                "ratio: to the same at all times: 1.3"),
            Row("the same, entities reached on average", reached, "", reached / more, "ratio: likewise"),
        ]  # fmt: skip
    return rows


Bench = Callable[[Options], list[Row]]

AIMS: Mapping[int, str] = {100: "5 ms", 10_000: "250 ms"}
"""Number of ascendants -> the longest that their query may take."""

PARTS: Mapping[str, Bench] = {
    "replay": replay,
    "one-by-one": one_by_one,
    "lineage": lineage,
}
WITH_SERVERS: Mapping[str, Bench] = {
    "api": api.api,
    "postgresql": postgresql.replay,
    "kafka": kafka.kafka,
    "latency": latency,
    "large": large.large,
}


def main() -> None:
    """Speed and size, as ratios from one run."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=main.__doc__)
    parser.add_argument(
        "part",
        nargs="?",
        choices=[*PARTS, *WITH_SERVERS, "all"],
        default="all",
        help=f"all, the default, are those that need no server: {', '.join(PARTS)}; "
        f"the others start servers of their own, Kafka's needs Java: {', '.join(WITH_SERVERS)}",
    )
    parser.add_argument(
        "--events",
        type=int,
        metavar="N",
        help="in the archive; default: 100,000 for replay, 3,000 for one-by-one (and no more), 30,000 for postgresql, "
        "20,000 for kafka; in the ledger of large: 10,000,000",
    )
    parser.add_argument(
        "--entities",
        type=int,
        metavar="N",
        help="in the graph, with three times as many associations; default: 1,000,000 for lineage, 3,000,000 for large",
    )
    parser.add_argument(
        "--seed", type=int, default=1, metavar="N", help="which archive and graph; default: %(default)s"
    )
    parser.add_argument(
        "--seconds",
        type=float,
        default=20,
        metavar="N",
        help="of each way of latency, and of each operation of each server of api; default: %(default)s",
    )
    parser.add_argument(
        "--smallest",
        action="store_true",
        help="the least of everything, to see that it works: its numbers mean nothing",
    )
    parser.add_argument("--folder", type=Path, default=Options().folder, help="for its files; default: %(default)s")
    arguments = parser.parse_args()
    options = (
        smallest(arguments.folder)
        if arguments.smallest
        else Options(
            arguments.folder, arguments.events, arguments.entities, seed=arguments.seed, seconds=arguments.seconds
        )
    )
    options.folder.mkdir(exist_ok=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that servers are stopped
    parts = {**PARTS, **WITH_SERVERS}
    for name in PARTS if arguments.part == "all" else [arguments.part]:
        try:
            print(f"{table(parts[name](options))}\n", flush=True)
        except (TooSmall, servers.NoBroker, servers.Stuck) as error:
            parser.exit(1, f"{error}\n")


if __name__ == "__main__":
    main()
