"""The benches, at their smallest size: that they work, not how fast. Their numbers are never asserted."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bench.__main__ import PARTS, WITH_SERVERS
from tests.support.cli import ROOT
from tests.support.kafka_broker import NoBroker, java

WITH_KAFKA = ("kafka", "latency")


@pytest.mark.parametrize("part", [*PARTS, *WITH_SERVERS])
def test_a_bench_measures_something(part: str, tmp_path: Path) -> None:
    if part in WITH_KAFKA:
        try:
            java()
        except NoBroker as why:
            pytest.skip(f"no broker of our own, {why}")
    command = [sys.executable, "-m", "bench", part, "--smallest", "--folder", str(tmp_path)]

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    header, *rows = done.stdout.splitlines() or [done.stderr]
    assert (done.returncode, done.stderr, header.split()) == (0, "", ["value", "unit", "ratio", "aim"])
    assert len(rows) > 3
