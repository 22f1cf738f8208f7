"""How large a bench is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Options:
    """How large a bench is, and where it puts its files.

    Attributes:
        folder: Where archives and SQLite files go while they are needed.
        events: How many, in an archive or in the ledger; None for the bench's own number.
        entities: How many, in a graph; None for the bench's own number.
        seed: Which archive and graph.
        seconds: Of each way of `latency`, and of each operation of each server of `api`.
        rounds: How often a measurement is repeated for its median.
        largest: The most ascendants that the lineage of an entity may have.
    """

    folder: Path = Path(__file__).parent / "data"
    events: int | None = None
    entities: int | None = None
    seed: int = 1
    seconds: float = 20
    rounds: int = 3
    largest: int = 10_000


def smallest(folder: Path) -> Options:
    """The least that a bench can run with: what it measures then means nothing."""
    return Options(folder, events=300, entities=6_000, seconds=0.1, rounds=1, largest=100)
