"""The command line to test with: in this process as `headwater`, or as a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import structlog

from consumers import cli

ROOT = Path(__file__).parents[2]


class CommandResult(NamedTuple):
    """What a command did."""

    code: int
    out: str
    err: str


Headwater = Callable[..., CommandResult]
"""Runs a command with these words."""


@pytest.fixture
def headwater(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Iterator[Headwater]:
    """Runs a command in an empty folder, as from a shell that sets nothing."""
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.startswith("HEADWATER_") and name != "HEADWATER_TEST_POSTGRES_URL":
            monkeypatch.delenv(name)

    def run(*words: str | Path) -> CommandResult:
        monkeypatch.setattr(sys, "argv", ["headwater", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        code = ended.value.code
        return CommandResult(code if isinstance(code, int) else 0, *capfd.readouterr())

    yield run
    structlog.reset_defaults()  # a command configures logging as if the process were its own


def process(*words: str | Path, cwd: Path, stdin: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    """A command as a process of its own, when it has ended."""
    command = [sys.executable, "-m", "consumers.cli", *map(str, words)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=cwd, input=stdin, capture_output=True, env=environment, check=False)
