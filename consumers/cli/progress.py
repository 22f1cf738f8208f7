"""How far long work has come: a bar on a terminal, a line now and then elsewhere; on standard error."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

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

from consumers.cli.text import age
from consumers.run import fill

LINE_EVERY = 5.0
"""Seconds between two lines of progress where there is no terminal."""


@contextmanager
def reading() -> Iterator[Callable[[fill.Progress], None]]:
    """What to call before the first batch and after each one."""
    with ExitStack() as leaving:
        yield _Bar(leaving) if sys.stderr.isatty() else _Lines()


class _Bar:
    """A bar, from the first call on: then it is known how much there is to read."""

    def __init__(self, leaving: ExitStack) -> None:
        self._leaving = leaving
        self._began = 0.0
        self._task: TaskID | None = None
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )

    def __call__(self, progress: fill.Progress) -> None:
        totals = progress.totals
        if self._task is None:
            self._began = time.monotonic()
            self._leaving.enter_context(self._bar)
            self._task = self._bar.add_task("reading", total=progress.total, rate="")
            return
        rate = totals.events / max(time.monotonic() - self._began, 0.001)
        self._bar.update(
            self._task,
            completed=progress.read,
            description=f"{totals.events:,} events",
            rate=f"{rate:,.0f}/s" + (f", {sum(totals.dead.values()):,} dead" if totals.dead else ""),
        )


class _Lines:
    """A line every few seconds."""

    def __init__(self) -> None:
        self._began = self._last = time.monotonic()

    def __call__(self, progress: fill.Progress) -> None:
        now = time.monotonic()
        if now - self._last < LINE_EVERY:
            return
        self._last = now
        totals, read, total = progress.totals, progress.read, progress.total
        share = f", {read / total:.0%}" if total else ""
        if total and read:
            share += f", about {age((now - self._began) * (total - read) / read)} left"
        print(
            f"{totals.events:,} events{share}, {totals.events / (now - self._began):,.0f}/s, "
            f"{sum(totals.dead.values()):,} dead letters",
            file=sys.stderr,
            flush=True,
        )


@contextmanager
def describing() -> Iterator[Callable[[int, int], None]]:
    """What to call with the number of describe requests that were made, and of how many."""
    if sys.stderr.isatty():
        columns = (TextColumn("asking SageMaker"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task("", total=None)
            yield lambda made, of: bar.update(task, completed=made, total=of)
        return
    last = time.monotonic()

    def line(made: int, of: int) -> None:
        nonlocal last
        if time.monotonic() - last >= LINE_EVERY:
            last = time.monotonic()
            print(f"{made:,} of {of:,} describe requests made", file=sys.stderr, flush=True)

    yield line
