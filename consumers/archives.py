"""Archives into a store, and a store into an archive."""

from __future__ import annotations

import asyncio
import gzip
import json
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import IO

import msgspec
import zstandard
from rich.console import Console

from consumers import report
from consumers.process import set_up_logs, stopping
from consumers.progress import progress
from consumers.worker import Totals, work
from ingest.archive import ArchiveSource, Position
from ingest.delivery import Refused
from store import ledger
from store.database import Store
from store.status import keep_position, read_up_to


def replay(
    sources: Sequence[str],
    store: Store,
    *,
    resume: bool,
    batch_size: int,
    region: str | None,
    endpoint_url: str | None,
    as_json: bool,
) -> int:
    """Take events from archives; see `headwater replay --help`.

    Returns:
        The exit code: 0 when all was read, 1 when it was stopped before the end.

    Raises:
        Refused, Unusable, Unavailable: A source cannot be read, or the store cannot be used.
    """
    set_up_logs("auto", "error")
    names = (source if source == "-" or "://" in source else str(Path(source).resolve()) for source in sources)
    name = " ".join(names).encode("utf-8", "backslashreplace").decode()
    told = read_up_to(store, name) if resume else None
    position = Position(**json.loads(told)) if told else None
    if resume and position is None:
        print("nothing to go on with: reading from the start", file=sys.stderr)
    source = ArchiveSource(
        *sources,
        batch_size=batch_size,
        start_at=position,
        leave_out=[f"{store.url.database}{end}" for end in ("", "-wal", "-shm")] if store.sqlite else (),
        region=region,
        endpoint_url=endpoint_url,
    )
    totals = Totals()
    began = time.monotonic()

    def keep() -> None:
        # Not msgspec's JSON: a file's name need not be UTF-8.
        keep_position(store, name, json.dumps(asdict(source.position)) if source.position else None)

    async def main() -> bool:
        kept_at = time.monotonic()

        async def settled() -> None:
            nonlocal kept_at
            tell(source, totals)
            if time.monotonic() - kept_at > 1:
                await asyncio.to_thread(keep)
                kept_at = time.monotonic()

        async with stopping() as stop:
            try:
                await source.find()
                with progress(source) as tell:
                    await work(source, store, stop, totals=totals, settled=settled, patient=False)
            except BaseException:
                keep()
                raise
            finally:
                await source.aclose()
            return stop.is_set()

    try:
        stopped = asyncio.run(main())
        if stopped:
            keep()
        else:
            keep_position(store, name, None)
    finally:
        store.close()
    seconds = time.monotonic() - began
    if as_json:
        rate = round(totals.events / seconds) if seconds else 0
        said = {
            "events": totals.events,
            "kept": totals.kept,
            "dead": totals.dead,
            "rule_failures": totals.failed,
            "seconds": round(seconds, 3),
            "events_per_second": rate,
            "complete": not stopped,
        }
        print(msgspec.json.encode(said).decode())
    else:
        report.replayed(Console(highlight=False), totals, seconds, stopped=stopped, resumable="-" not in sources)
    return 1 if stopped else 0


def export(store: Store, output: Path | None) -> None:
    """Write every event of the ledger as JSON lines, to a file (packed by its ending) or to standard output.

    Raises:
        Refused: The file cannot be written.
    """
    if output is None:
        for body in ledger.events(store):
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
            for body in ledger.events(store):
                file.write(body + b"\n")
                count += 1
        if unfinished != target:
            unfinished.replace(target)
    except OSError as why:
        if unfinished != target:
            unfinished.unlink(missing_ok=True)
        raise Refused(f"cannot write {output}: {why.strerror}; check the folder and its permissions") from why
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
