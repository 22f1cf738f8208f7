"""Seconds and megabytes, and how they are printed."""

from __future__ import annotations

import multiprocessing
import resource
import statistics
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from time import perf_counter
from typing import NamedTuple, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class Row(NamedTuple):
    """A line of the table. `ratio` is to the floor of the same run, where there is one."""

    name: str
    value: float
    unit: str
    ratio: float | None = None
    aim: str = ""


def table(rows: Iterable[Row]) -> str:
    """The rows under each other, in columns."""
    cells = [("", "value", "unit", "ratio", "aim")]
    for row in rows:
        value = f"{row.value:,.0f}" if row.value >= 100 else f"{row.value:,.2f}"
        cells.append((row.name, value, row.unit, "" if row.ratio is None else f"{row.ratio:.2f}", row.aim))
    a, b, c, d, _ = (max(map(len, column)) for column in zip(*cells, strict=True))
    lines = (f"{name:{a}}  {value:>{b}}  {unit:{c}}  {ratio:>{d}}  {aim}" for name, value, unit, ratio, aim in cells)
    return "\n".join(line.rstrip() for line in lines)


def timed(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> tuple[T, float]:
    """What `function` returns, and the seconds it took."""
    begun = perf_counter()
    result = function(*args, **kwargs)
    return result, perf_counter() - begun


def spread(seconds: Sequence[float]) -> tuple[float, float]:
    """Median and 95th percentile, of at least two."""
    return statistics.median(seconds), statistics.quantiles(seconds, n=20, method="inclusive")[-1]


def apart(function: Callable[..., T], *args: object, **kwargs: object) -> tuple[T, float]:
    """What `function` returns in a fresh process of its own, and the most memory that process held, in MB.

    The function, its arguments and its result are pickled.
    """
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_watched, function, args, kwargs).result()


def _watched(function: Callable[..., T], args: Sequence[object], kwargs: Mapping[str, object]) -> tuple[T, float]:
    return function(*args, **kwargs), peak()


def peak() -> float:
    """The most memory this process has held so far, in MB (10^6 bytes)."""
    status = Path("/proc/self/status")
    if status.exists():  # Linux's ru_maxrss begins with what the parent held when it started this process
        (held,) = (line.split()[1] for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(held) * 1024 / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6
