"""How far long work has come: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from consumers.worker import Totals
from ingest.archive import ArchiveSource

TELL_EVERY = 5.0
"""Seconds between two lines of progress where there is no terminal."""


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
