"""A store filled from a source that ends: progress as values, an orderly stop, and a position to resume from."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from typing import Any, Protocol, TypeVar

from consumers.run.runtime import set_up_logs, stopping
from consumers.run.worker import Totals, work
from consumers.run.worker_pool import WorkerPool, work_in_parallel
from ingest.delivery import Source
from store.checkpoints import read_checkpoint, save_checkpoint
from store.database import Store

T = TypeVar("T")

LEDGER_OF = "the ledger of "
"""Under this name, followed by that of a store, the position of a rebuild from its ledger is saved."""
BACKFILL = "headwater backfill"
"""Under this name, which is the command itself, the position of a backfill is saved."""
SAVE_EVERY = 1.0
"""Seconds between two savings of the position."""

SoFar = Callable[[], tuple[int, int | None]]
"""How much of a source was read, and of how much; None where that is not known."""


@dataclass(frozen=True, slots=True)
class Started:
    """Reading begins.

    Attributes:
        resumed: Whether it goes on from the position of an earlier reading.
    """

    resumed: bool


@dataclass(frozen=True, slots=True)
class Progress:
    """How far reading has come.

    Attributes:
        totals: What became of all batches so far.
        read: How much of the source was read, in units of its own.
        total: Of how much, or None where that is not known.
    """

    totals: Totals
    read: int
    total: int | None


@dataclass(frozen=True, slots=True)
class FillResult:
    """What became of everything that was read.

    Attributes:
        totals: All batches' settlements.
        seconds: How long it took.
        complete: False if it was stopped before the end.
    """

    totals: Totals
    seconds: float
    complete: bool


class Resumable(Source, Protocol):
    """A source that can go on from where an earlier reading of it stopped."""

    @property
    def position(self) -> Any:
        """Where reading stopped, as of the last acknowledged batch: a dataclass; None before the first."""

    async def find(self) -> None:
        """Look for what there is to read."""


def saved_position(store: Store, name: str, position: Callable[..., T]) -> T | None:
    """Where an earlier reading stopped, or None if there was none or it reached the end.

    Args:
        store: That was filled.
        name: What was read, as given to `fill`.
        position: Makes a position of its fields.
    """
    saved = read_checkpoint(store, name)
    return None if saved is None else position(**json.loads(saved))


def fill(
    source: Resumable,
    store: Store,
    name: str,
    workers: int,
    so_far: SoFar,
    *,
    patience: float = 0,
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> FillResult:
    """Handle all that a source delivers, until SIGTERM or Ctrl-C; the store keeps the position until the end.

    Args:
        source: What to read; closed at the end.
        store: At the newest schema.
        name: What is read: the position is saved under this name.
        workers: How many processes handle batches; 1: this one.
        so_far: How far reading has come.
        patience: Seconds that a single process waits for what does not answer.
        on_progress: Called before the first batch and after each one.

    Raises:
        Refused, Unusable, Unavailable: The source cannot be read, or the store cannot be used.
        WorkerDied: A worker process has died.
    """
    set_up_logs("auto", "error")
    totals = Totals()
    began = time.monotonic()

    def save() -> None:
        # Not msgspec's JSON: a file's name need not be UTF-8.
        save_checkpoint(store, name, json.dumps(asdict(source.position)) if source.position else None)

    async def main() -> bool:
        async with stopping() as stop:
            try:
                if not await _found(source, stop):
                    return True
                on_progress(Progress(totals, *so_far()))
                await _read(source, store, stop, workers, totals, save, so_far, patience, on_progress)
            except BaseException:
                save()
                raise
            finally:
                await source.aclose()
            return stop.is_set()

    stopped = asyncio.run(main())
    if stopped:
        save()
    else:
        save_checkpoint(store, name, None)
    return FillResult(totals, time.monotonic() - began, not stopped)


async def _read(
    source: Resumable,
    store: Store,
    stop: asyncio.Event,
    workers: int,
    totals: Totals,
    save: Callable[[], None],
    so_far: SoFar,
    patience: float,
    on_progress: Callable[[Progress], None],
) -> None:
    """Handle batches in this process, or in several."""
    saved_at = time.monotonic()
    with WorkerPool(store, workers) if workers > 1 else nullcontext() as pool:

        def save_in_turn() -> None:
            with pool.turn if pool else nullcontext():
                save()

        async def settled() -> None:
            nonlocal saved_at
            on_progress(Progress(totals, *so_far()))
            if time.monotonic() - saved_at > SAVE_EVERY:
                saved_at = time.monotonic()
                await asyncio.to_thread(save_in_turn)

        if pool:
            await work_in_parallel(source, store, stop, pool, totals=totals, settled=settled)
        else:
            await work(source, store, stop, totals=totals, settled=settled, patience=patience)


async def _found(source: Resumable, stop: asyncio.Event) -> bool:
    """Whether a source has found what there is to read, before `stop` was set."""
    finding, stopping = asyncio.create_task(source.find()), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({finding, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if finding.done():
            finding.result()
        return finding.done()
    finally:
        for task in (finding, stopping):
            task.cancel()
        await asyncio.gather(finding, stopping, return_exceptions=True)
