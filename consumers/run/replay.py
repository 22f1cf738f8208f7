"""Archives into a store, and a store into an archive."""

from __future__ import annotations

import asyncio
import gzip
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, Protocol, TypeVar

import msgspec
import zstandard
from rich.console import Console

from consumers.cli import output as report
from consumers.cli.progress import SoFar, progress
from consumers.run.runtime import set_up_logs, stopping
from consumers.run.worker import Totals, work
from consumers.run.worker_pool import WorkerPool, work_together
from ingest.archive import ArchivePosition, ArchiveSource
from ingest.delivery import Refused, Source
from ingest.os_errors import reason
from store.checkpoints import read_checkpoint, save_checkpoint
from store.database import Store
from store.ledger import events

T = TypeVar("T")


class Resumable(Source, Protocol):
    """A source that can go on where an earlier reading of it stopped."""

    @property
    def position(self) -> Any:
        """Where reading stopped, as of the last acknowledged batch: a dataclass; None before the first."""

    async def find(self) -> None:
        """Look for what there is to read."""


@dataclass(frozen=True, slots=True)
class Filled:
    """What became of all that was read.

    Attributes:
        totals: All batches' settlements.
        seconds: How long it took.
        complete: False when it was stopped before the end.
    """

    totals: Totals
    seconds: float
    complete: bool

    def told(self) -> dict[str, Any]:
        """The same for programs."""
        return {
            "events": self.totals.events,
            "kept": self.totals.kept,
            "dead": self.totals.dead,
            "rule_failures": self.totals.failed,
            "seconds": round(self.seconds, 3),
            "events_per_second": round(self.totals.events / self.seconds) if self.seconds else 0,
            "complete": self.complete,
        }


def replay(
    sources: Sequence[str],
    store: Store,
    *,
    resume: bool,
    batch_size: int,
    workers: int,
    region: str | None,
    endpoint_url: str | None,
    as_json: bool,
) -> int:
    """Take events from archives; see `headwater replay --help`.

    Returns:
        The exit code: 0 when all was read, 1 when it was stopped before the end.

    Raises:
        Refused, Unusable, Unavailable: A source cannot be read, or the store cannot be used.
        Lost: A worker process has died.
    """
    names = (source if source == "-" or "://" in source else str(Path(source).resolve()) for source in sources)
    name = " ".join(names).encode("utf-8", "backslashreplace").decode()
    with store:
        source = ArchiveSource(
            *sources,
            batch_size=batch_size,
            start_at=stopped_at(store, name, ArchivePosition) if resume else None,
            leave_out=[f"{store.url.database}{end}" for end in ("", "-wal", "-shm")] if store.sqlite else (),
            region=region,
            endpoint_url=endpoint_url,
        )
        filled = fill(source, store, name, workers, lambda: (source.bytes_read, source.total_bytes))
    if as_json:
        print(msgspec.json.encode(filled.told()).decode())
    else:
        again = "the same command with --resume goes on there" if "-" not in sources else "replay it from its beginning"
        report.filled(Console(highlight=False), filled.totals, filled.seconds, None if filled.complete else again)
    return 0 if filled.complete else 1


def stopped_at(store: Store, name: str, position: Callable[..., T]) -> T | None:
    """Where an earlier reading stopped; None, which is said, when there was none.

    Args:
        store: That was filled.
        name: What was read, as `fill` was told.
        position: Makes a position of its fields.
    """
    told = read_checkpoint(store, name)
    if told is None:
        print("nothing to go on with: reading from the start", file=sys.stderr)
        return None
    return position(**json.loads(told))


def fill(source: Resumable, store: Store, name: str, workers: int, so_far: SoFar, *, patience: float = 0) -> Filled:
    """Take all that a source has, until SIGTERM or Ctrl-C; the store remembers where it stopped before the end.

    Args:
        source: What to read; closed at the end.
        store: At the newest schema.
        name: What is read, for the store to remember the position by.
        workers: How many processes handle batches; 1: this one.
        so_far: How far reading has come.
        patience: Seconds that a single process waits for what does not answer.

    Raises:
        Refused, Unusable, Unavailable: The source cannot be read, or the store cannot be used.
        Lost: A worker process has died.
    """
    set_up_logs("auto", "error")
    totals = Totals()
    began = time.monotonic()

    def keep(told: str | None) -> None:
        save_checkpoint(store, name, told)

    def position() -> str | None:
        # Not msgspec's JSON: a file's name need not be UTF-8.
        return json.dumps(asdict(source.position)) if source.position else None

    async def main() -> bool:
        kept_at = time.monotonic()
        async with stopping() as stop:
            try:
                if not await _found(source, stop):
                    return True
                with ExitStack() as leaving:
                    crew = leaving.enter_context(WorkerPool(store, workers)) if workers > 1 else None
                    tell = leaving.enter_context(progress(so_far))

                    def keep_in_turn() -> None:
                        with crew.turn if crew else nullcontext():
                            keep(position())

                    async def settled() -> None:
                        nonlocal kept_at
                        tell(totals)
                        if time.monotonic() - kept_at > 1:
                            kept_at = time.monotonic()
                            await asyncio.to_thread(keep_in_turn)

                    if crew:
                        await work_together(source, store, stop, crew, totals=totals, settled=settled)
                    else:
                        await work(source, store, stop, totals=totals, settled=settled, patience=patience)
            except BaseException:
                keep(position())
                raise
            finally:
                await source.aclose()
            return stop.is_set()

    stopped = asyncio.run(main())
    keep(position() if stopped else None)
    return Filled(totals, time.monotonic() - began, not stopped)


async def _found(source: Resumable, stop: asyncio.Event) -> bool:
    """Whether a source has looked for what there is, before it was told to stop."""
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


def export(store: Store, output: Path | None) -> None:
    """Write every event of the ledger as JSON lines, to a file (packed by its ending) or to standard output.

    Raises:
        Refused: The file cannot be written.
    """
    if output is None:
        for body in events.events(store):
            sys.stdout.buffer.write(body + b"\n")
        sys.stdout.buffer.flush()
        return
    target = output.resolve()
    if target.is_dir():
        raise Refused(f"{output} is a folder: name a file in it")
    # A file is there whole or not at all; what is no file (a pipe, /dev/null) is written to as it is.
    unfinished = target.with_name(target.name + ".unfinished") if target.is_file() or not target.exists() else target
    try:
        with _packed(unfinished, target.suffix) as file:
            count = 0
            for body in events.events(store):
                file.write(body + b"\n")
                count += 1
        if unfinished != target:
            unfinished.replace(target)
    except OSError as why:
        if unfinished != target:
            unfinished.unlink(missing_ok=True)
        raise Refused(f"cannot write {output}: {reason(why)}; check the folder and its permissions") from why
    print(f"{count:,} events in {output}")


@contextmanager
def _packed(path: Path, suffix: str) -> Iterator[IO[bytes]]:
    with path.open("wb") as raw:
        if suffix == ".gz":
            with gzip.GzipFile(fileobj=raw, mode="wb", mtime=0) as file:
                yield file  # type: ignore[misc]  # a file of bytes in all that is done with it
        elif suffix == ".zst":
            with zstandard.ZstdCompressor().stream_writer(raw, closefd=False) as file:
                yield file
        else:
            yield raw
