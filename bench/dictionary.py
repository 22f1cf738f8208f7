"""`python -m bench.dictionary`: train the dictionary that stores pack events with, on real events.

Existing stores continue with theirs: a new dictionary needs a migration that adds it, and a higher id.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import msgspec
import zstandard

from bench.generate import events

HERE = Path(__file__).parent
SHIPPED = HERE.parent / "store" / "events.zdict"


def samples() -> list[bytes | bytearray | memoryview]:
    """Real events, each on one line; none of the generated ones, which the benches measure with."""
    tests = HERE.parent / "tests"
    real: list[bytes | bytearray | memoryview] = []
    real += [msgspec.json.format(path.read_bytes(), indent=-1) for path in sorted(tests.glob("events/*.json"))]
    real += (tests / "cases" / "abalone" / "events.jsonl").read_bytes().splitlines()
    return real * 8  # the trainer needs many samples, and uses what recurs


def main() -> None:
    """Train a dictionary, and print how small it makes events that it has not seen."""
    parser = argparse.ArgumentParser(prog="python -m bench.dictionary", description=main.__doc__)
    parser.add_argument("--size", type=int, default=16_384, help="bytes; default: %(default)s")
    parser.add_argument("--id", type=int, default=1, help="the id that packed bytes will name; default: %(default)s")
    parser.add_argument("--output", type=Path, default=SHIPPED)
    arguments = parser.parse_args()
    trained = zstandard.train_dictionary(arguments.size, samples(), dict_id=arguments.id)
    arguments.output.write_bytes(trained.as_bytes())
    unseen = list(events(2_000, seed=13))
    for name, packer in (
        ("alone", zstandard.ZstdCompressor(level=1)),
        ("with the dictionary", zstandard.ZstdCompressor(level=1, dict_data=trained)),
    ):
        packed = sum(len(packer.compress(event)) for event in unseen)
        print(f"{name}: {packed / len(unseen):,.0f} bytes an event of {sum(map(len, unseen)) / len(unseen):,.0f}")


if __name__ == "__main__":
    main()
