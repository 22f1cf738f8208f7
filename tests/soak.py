"""`make soak`: the laws with twenty times the examples of `make test` and fresh seeds, for an hour or SOAK_MINUTES.

Each law runs in a process of its own, as many at a time as there are processors; all laws come up in turn, in an order
that is drawn at each run. It prints every seed, and for what fails how to run it again.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
PYTEST = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
GRACE = 900.0
"""Seconds that a law may go on after the time is over; it is stopped then, which is no finding."""


class Run(NamedTuple):
    """A law with a seed: a test's node id, such as `tests/test_state.py::test_x[sqlite]`."""

    test: str
    seed: int

    @property
    def environment(self) -> Mapping[str, str]:
        """What makes it this run."""
        return {"HYPOTHESIS_PROFILE": "soak", "HEADWATER_FIRST_SEED": str(self.seed)}

    @property
    def options(self) -> list[str]:
        """pytest's, after the test."""
        return [f"--hypothesis-seed={self.seed}"]

    def command_line(self) -> str:
        """The same for a shell."""
        settings = " ".join(f"{name}={value}" for name, value in self.environment.items())
        return f"{settings} .venv/bin/pytest '{self.test}' {' '.join(self.options)}"


class Soak:
    """Laws that are run until the time is over.

    Attributes:
        done: How many runs ended well.
        cut: How many had not ended when the time was over.
        failed: Those that did not end well.
        laws: The test functions that ran at least once.
    """

    def __init__(self, minutes: float, seed: int) -> None:
        self._ends = time.monotonic() + 60 * minutes
        self._next = runs(random.Random(seed))
        self._lock = Lock()
        self.done = 0
        self.cut = 0
        self.failed: list[Run] = []
        self.laws: set[str] = set()

    def work(self) -> None:
        """Run one law after the other until the time is over."""
        while time.monotonic() < self._ends:
            with self._lock:
                run = next(self._next)
            self._try(run)

    def _try(self, run: Run) -> None:
        began = time.monotonic()
        command = [*PYTEST, run.test, *run.options]
        try:
            ended = subprocess.run(
                command,
                cwd=ROOT,
                env={**os.environ, **run.environment},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=self._ends - began + GRACE,
                check=False,
            )
        except subprocess.TimeoutExpired:
            with self._lock:
                self.cut += 1
                print(f"seed {run.seed}  {time.monotonic() - began:6.0f} s  not ended in time: {run.test}", flush=True)
            return
        with self._lock:
            self.laws.add(run.test.partition("[")[0])
            word = "ok" if ended.returncode == 0 else "FAILED"
            print(f"seed {run.seed}  {time.monotonic() - began:6.0f} s  {word}: {run.test}", flush=True)
            if ended.returncode:
                self.failed.append(run)
                print(f"{ended.stdout}\nRun it again with:\n  {run.command_line()}\n", flush=True)
            else:
                self.done += 1


def laws() -> list[str]:
    """The node ids of all laws."""
    command, environment = [*PYTEST, "-m", "law", "--collect-only"], {**os.environ, "HYPOTHESIS_PROFILE": "soak"}
    listed = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    found = [line for line in listed.stdout.splitlines() if "::" in line]
    if listed.returncode or not found:
        sys.exit(f"the laws cannot be listed:\n{listed.stdout}{listed.stderr}")
    return found


def runs(chance: random.Random) -> Iterator[Run]:
    """Runs without end: each law in turn, with the next of its parameters."""
    by_law: dict[str, list[str]] = defaultdict(list)
    tests = laws()
    chance.shuffle(tests)
    for test in tests:
        by_law[test.partition("[")[0]].append(test)
    turn = 0
    while True:
        for law in chance.sample(sorted(by_law), len(by_law)):
            yield Run(by_law[law][turn % len(by_law[law])], chance.randrange(2**32))
        turn += 1


def main() -> int:
    """Soak; 0 when no law was broken."""
    minutes = float(os.environ.get("SOAK_MINUTES") or 60)
    seed = int(os.environ.get("SOAK_SEED") or random.SystemRandom().randrange(2**32))
    print(f"The laws for {minutes:g} minutes; SOAK_SEED={seed} draws the same seeds in the same order.", flush=True)
    soak = Soak(minutes, seed)
    workers = os.cpu_count() or 1
    with ThreadPoolExecutor(workers) as pool:
        for worker in [pool.submit(soak.work) for _ in range(workers)]:
            worker.result()
    print(f"{soak.done} runs of {len(soak.laws)} laws kept them; {soak.cut} were cut short; {len(soak.failed)} failed.")
    for run in soak.failed:
        print(f"  {run.command_line()}")
    return 1 if soak.failed else 0


if __name__ == "__main__":
    sys.exit(main())
