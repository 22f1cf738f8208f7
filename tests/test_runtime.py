"""What every long-running process needs: its logs."""

from __future__ import annotations

import subprocess
import sys

import pytest

FAILING = """
import structlog
from consumers.run.runtime import set_up_logs

def connect(password):
    raise ValueError("the host does not answer")

set_up_logs({form!r}, "info")
try:
    connect("hunter" + "2")
except ValueError:
    structlog.get_logger().exception("failed")
"""


@pytest.mark.parametrize("form", ["console", "json"])
def test_a_traceback_in_the_log_shows_no_values_of_variables(form: str) -> None:
    run = subprocess.run(
        [sys.executable, "-c", FAILING.format(form=form)], capture_output=True, text=True, check=True, timeout=300
    )
    assert "the host does not answer" in run.stderr
    assert "connect" in run.stderr
    assert "hunter2" not in run.stderr
