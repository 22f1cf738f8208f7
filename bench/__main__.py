"""`python -m bench`: what Headwater costs on this machine, beside the least that the same work could cost."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path

from bench import generate
from bench.floor import closures, decoded
from bench.graph import TooSmall, graph, starts
from bench.measure import Row, apart, spread, table, timed

DATA = Path(__file__).parent / "data"


def replay(asked: argparse.Namespace) -> list[Row]:
    """An archive, replayed into SQLite."""
    archive = DATA / "events.jsonl"
    with archive.open("wb") as file:
        _, made = timed(generate.write, file, asked.events, asked.seed)
    (events, seconds), _ = apart(decoded, archive)
    return [
        Row("archive", archive.stat().st_size / 1e6, "MB"),
        Row("archive, made", events / made, "events/s"),
        Row("floor: orjson alone", events / seconds, "events/s"),
    ]


def lineage(asked: argparse.Namespace) -> list[Row]:
    """Ascendants in a large graph."""
    large, made = timed(graph, asked.entities, seed=asked.seed)
    rows = [
        Row("graph, entities", len(large), ""),
        Row("graph, associations", len(large.sources), ""),
        Row("graph, made", made, "s"),
    ]
    with closures(large, DATA / "closures.db") as ascendants:
        for size in (100, 10_000):
            chosen = starts(large, size, how_many=30)
            for start in chosen:
                ascendants(start)  # the pages it needs are in the cache from now on
            median, p95 = spread([timed(ascendants, start)[1] for start in chosen])
            rows.append(Row(f"floor: ids of {size:,} ascendants, median", median * 1e3, "ms"))
            rows.append(Row(f"floor: ids of {size:,} ascendants, p95", p95 * 1e3, "ms"))
    return rows


PARTS: Mapping[str, Callable[[argparse.Namespace], list[Row]]] = {"replay": replay, "lineage": lineage}


def main() -> None:
    """Speed and size, as ratios from one run."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=main.__doc__)
    parser.add_argument("part", nargs="?", choices=[*PARTS, "all"], default="all", help="default: %(default)s")
    parser.add_argument("--events", type=int, default=100_000, metavar="N", help="in the archive; default: %(default)s")
    parser.add_argument(
        "--entities", type=int, default=1_000_000, metavar="N", help="in the graph, with thrice as many associations"
    )
    parser.add_argument(
        "--seed", type=int, default=1, metavar="N", help="which archive and graph; default: %(default)s"
    )
    asked = parser.parse_args()
    DATA.mkdir(exist_ok=True)
    for name in PARTS if asked.part == "all" else [asked.part]:
        try:
            print(f"{table(PARTS[name](asked))}\n", flush=True)
        except TooSmall as why:
            parser.exit(1, f"{why}\n")


if __name__ == "__main__":
    main()
