"""How far long work has come: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)

from consumers.cli.output import age
from consumers.run.worker import Totals

TELL_EVERY = 5.0
"""Seconds between two lines of progress where there is no terminal."""


SoFar = Callable[[], tuple[int, int | None]]
"""Tells how much of a source was read, and of how much; None when nobody can tell."""


@contextmanager
def progress(so_far: SoFar) -> Iterator[Callable[[Totals], None]]:
    """What to call after each batch: it moves a bar on a terminal, and prints a line now and then elsewhere."""
    if not sys.stderr.isatty():
        yield _line_by_line(so_far)
        return
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    with bar:
        task: TaskID = bar.add_task("reading", total=so_far()[1], rate="")
        began = time.monotonic()

        def move(totals: Totals) -> None:
            rate = totals.events / max(time.monotonic() - began, 0.001)
            bar.update(
                task,
                completed=so_far()[0],
                description=f"{totals.events:,} events",
                rate=f"{rate:,.0f}/s" + (f", {sum(totals.dead.values()):,} dead" if totals.dead else ""),
            )

        yield move


def _line_by_line(so_far: SoFar) -> Callable[[Totals], None]:
    began = last = time.monotonic()

    def line(totals: Totals) -> None:
        nonlocal last
        if time.monotonic() - last < TELL_EVERY:
            return
        last = time.monotonic()
        read, total = so_far()
        share = f", {read / total:.0%}" if total else ""
        if total and read:
            share += f", about {age((last - began) * (total - read) / read)} left"
        print(
            f"{totals.events:,} events{share}, {totals.events / (last - began):,.0f}/s, "
            f"{sum(totals.dead.values()):,} dead letters",
            file=sys.stderr,
            flush=True,
        )

    return line


@contextmanager
def asking() -> Iterator[Callable[[int, int], None]]:
    """What to call with the number of questions that were asked and of how many: a bar, or a line now and then."""
    if sys.stderr.isatty():
        columns = (TextColumn("asking SageMaker"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task("", total=None)
            yield lambda asked, of: bar.update(task, completed=asked, total=of)
        return
    last = time.monotonic()

    def line(asked: int, of: int) -> None:
        nonlocal last
        if time.monotonic() - last >= TELL_EVERY:
            last = time.monotonic()
            print(f"asked {asked:,} of {of:,} questions", file=sys.stderr, flush=True)

    yield line
