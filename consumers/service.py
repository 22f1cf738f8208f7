"""Long work from the command line: the worker, replays and exports; how they start, tell of themselves and stop."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import msgspec
import structlog
import zstandard
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from consumers import metrics, report
from consumers.worker import Outages, Totals, work
from ingest.archive import ArchiveSource, Position
from ingest.delivery import Refused
from store import ledger
from store.database import Store
from store.status import keep_position, read_up_to

if TYPE_CHECKING:
    from ingest.sqs import SqsSource

GRACE = 9.0
"""Seconds that a worker has for the batch in hand, once it is told to stop."""
DEPTH_EVERY = 15.0
"""Seconds between two looks at how much is in the queue."""
TELL_EVERY = 5.0
"""Seconds between two lines of progress where there is no terminal."""

log = structlog.get_logger()


def run(
    queue: str,
    *,
    opened_store: Callable[[], Store],
    region: str | None,
    endpoint_url: str | None,
    batch_size: int,
    visibility: int,
    until_empty: bool,
    metrics_at: tuple[str, int] | None,
    log_format: str,
    log_level: str,
) -> None:
    """Run the worker until SIGTERM or SIGINT; see `headwater run --help`.

    Raises:
        Refused, Unusable, Unavailable: What it needs cannot be had, at its start or for good.
    """
    from ingest.sqs import SqsSource  # AWS's client takes long to import: only where a queue is read

    set_up_logs(log_format, log_level)
    source = SqsSource(
        queue,
        region=region,
        endpoint_url=endpoint_url,
        batch_size=batch_size,
        visibility=visibility,
        wait=1 if until_empty else 20,
    )

    async def main() -> None:
        health = metrics.Health()
        stop_metrics = metrics_served(metrics_at, health)
        store: Store | None = None
        try:
            async with stopping(force_after=GRACE) as stop:
                store = await Outages(stop, health, patient=True).wait_out(partial(asyncio.to_thread, opened_store))
                if store is None:  # told to stop before the store could be had
                    return
                log.info("worker started", queue=queue, store=str(store), batch_size=batch_size)
                watching = asyncio.create_task(_watch_depth(source))
                try:
                    at_rest = (lambda: _drained(source)) if until_empty else None
                    totals = await work(source, store, stop, health=health, at_rest=at_rest)
                finally:
                    watching.cancel()
                    await source.aclose()
                log.info("worker stopped", events=totals.events, dead=sum(totals.dead.values()), batches=totals.batches)
        finally:
            stop_metrics()
            if store:
                store.close()

    asyncio.run(main())


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


@asynccontextmanager
async def stopping(force_after: float | None = None) -> AsyncIterator[asyncio.Event]:
    """An event that SIGTERM or Ctrl-C sets.

    Args:
        force_after: Seconds after which the process is ended, whatever it does then: nothing of it was acknowledged.
    """
    stop = asyncio.Event()
    timer: threading.Timer | None = None
    loop = asyncio.get_running_loop()

    def end() -> None:
        log.error("the batch in hand took too long: stopped without it, its messages come again", seconds=force_after)
        logging.shutdown()
        os._exit(1)

    def told() -> None:
        nonlocal timer
        stop.set()
        if force_after and timer is None:
            timer = threading.Timer(force_after, end)
            timer.daemon = True
            timer.start()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told)
    try:
        yield stop
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
        if timer:
            timer.cancel()


def metrics_served(at: tuple[str, int] | None, health: metrics.Health) -> Callable[[], None]:
    """Serve metrics and health at (host, port), if any; what stops it.

    Raises:
        Refused: The port cannot be had.
    """
    if at is None:
        return lambda: None
    try:
        return metrics.serve(*at, health)
    except (OSError, OverflowError) as why:
        raise Refused(f"cannot serve metrics on {at[0]}:{at[1]} ({why}): choose another --metrics-port") from why


async def _drained(source: SqsSource) -> bool:
    """True when a queue holds nothing, not even messages that other workers have in hand."""
    return await source.depth() == 0


async def _watch_depth(source: SqsSource) -> None:
    while True:
        depth = await source.depth()
        if depth is not None:
            metrics.QUEUE_DEPTH.set(depth)
        await asyncio.sleep(DEPTH_EVERY)


@contextmanager
def progress(source: ArchiveSource) -> Iterator[Callable[[ArchiveSource, Totals], None]]:
    """What to call after each batch: it moves a bar on a terminal, and prints a line now and then elsewhere."""
    if not sys.stderr.isatty():
        yield _line_by_line()
        return
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    with bar:
        task: TaskID = bar.add_task(f"{source.files} files", total=source.total_bytes, rate="")
        began = time.monotonic()

        def move(now: ArchiveSource, totals: Totals) -> None:
            rate = totals.events / max(time.monotonic() - began, 0.001)
            bar.update(
                task,
                completed=now.bytes_read,
                description=f"{totals.events:,} events",
                rate=f"{rate:,.0f}/s" + (f", {sum(totals.dead.values()):,} dead" if totals.dead else ""),
            )

        yield move


def _line_by_line() -> Callable[[ArchiveSource, Totals], None]:
    began = last = time.monotonic()

    def line(now: ArchiveSource, totals: Totals) -> None:
        nonlocal last
        if time.monotonic() - last < TELL_EVERY:
            return
        last = time.monotonic()
        share = f", {now.bytes_read / now.total_bytes:.0%}" if now.total_bytes else ""
        print(
            f"{totals.events:,} events{share}, {totals.events / (last - began):,.0f}/s, "
            f"{sum(totals.dead.values()):,} dead letters",
            file=sys.stderr,
            flush=True,
        )

    return line


def set_up_logs(form: str, level: str) -> None:
    """Logs to standard error: lines for people on a terminal, JSON elsewhere, unless told otherwise."""
    for_people = form == "console" or (form == "auto" and sys.stderr.isatty())
    renderer: Any = structlog.dev.ConsoleRenderer() if for_people else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *([] if for_people else [structlog.processors.format_exc_info]),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
