"""Wrong usage, failures of the operating system, output that cannot be written: a sentence each, and no traceback."""

from __future__ import annotations

import errno
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from consumers.cli.failures import os_failure
from tests.support.cli import Headwater, process
from tests.support.events import ABALONE, ABALONE_PACKAGE


def test_a_reader_that_stops_reading_our_output_does_no_harm(tmp_path: Path) -> None:
    process("replay", ABALONE, cwd=tmp_path)
    for words in (["lineage", ABALONE_PACKAGE], ["status"], ["export"], ["digest"]):
        command = [sys.executable, "-m", "consumers.cli", *words]
        reader, writer = os.pipe()
        os.close(reader)
        done = subprocess.run(command, cwd=tmp_path, stdout=writer, stderr=subprocess.PIPE, check=False)
        os.close(writer)
        assert (done.returncode, done.stderr) == (0, b""), words


def failed_output(words: str, to: str, cwd: Path) -> tuple[int, str]:
    """The exit code and the errors of a command whose standard output cannot be written."""
    line = f"exec {sys.executable} -m consumers.cli {words} {to}"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
    done = subprocess.run(["sh", "-c", line], cwd=cwd, capture_output=True, env=environment, text=True, check=False)
    return done.returncode, done.stderr


@pytest.mark.parametrize("words", ["status", "status --json", "export", "digest", "lineage d84ewltjmxhe --format csv"])
def test_output_that_cannot_be_written_is_named_with_its_reason(tmp_path: Path, words: str) -> None:
    process("replay", ABALONE, cwd=tmp_path)
    full = "headwater: cannot write to standard output: No space left on device\n"
    assert failed_output(words, ">/dev/full", tmp_path) == (1, full)
    closed = "headwater: cannot write to standard output: it is closed\n"
    assert failed_output(words, ">&-", tmp_path) == (1, closed)


def test_a_command_that_prints_nothing_needs_no_standard_output(tmp_path: Path) -> None:
    process("replay", ABALONE, cwd=tmp_path)
    assert failed_output("export -o whole.jsonl.zst", ">&-", tmp_path) == (
        1,
        "headwater: cannot write to standard output: it is closed\n",
    )
    assert (
        process("replay", "whole.jsonl.zst", cwd=tmp_path).returncode == 0
    )  # written, though that could not be printed


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("nonsense", r'Unknown command "nonsense"\. Available commands: run, .*, \.\.\.; see headwater --help'),
        ("lineage", 'Command "lineage" parameter REF requires an argument; see headwater --help'),
        ("dead-letters show x", 'Invalid value for NUMBER: unable to convert "x" into int; see headwater --help'),
    ],
)
def test_a_command_that_is_used_wrongly_says_so_in_one_line(headwater: Headwater, words: str, sentence: str) -> None:
    said = headwater(*words.split())
    assert (said.code, said.out) == (2, "")
    assert re.fullmatch(f"headwater: {sentence}\n", said.err)


def test_a_file_that_cannot_be_used_is_named_with_its_reason(headwater: Headwater, tmp_path: Path) -> None:
    (tmp_path / "headwater-demo.db").mkdir()
    said = headwater("demo", "--no-serve")
    assert (said.code, said.err) == (1, "headwater: cannot use headwater-demo.db: Is a directory\n")
    headwater("replay", ABALONE)
    said = headwater("export", "-o", "/dev/full")
    assert said.code == 1
    assert said.err.startswith("headwater: cannot write /dev/full: No space left on device; ")


@pytest.mark.parametrize(
    "words", [["serve", "--port"], ["run", "queue", "--region", "eu-west-1", "--metrics-port"]], ids=["api", "metrics"]
)
def test_an_address_in_use_is_named(headwater: Headwater, words: list[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = headwater(*words, str(port))
    assert said.code == 1
    assert f"127.0.0.1:{port} (Address already in use)" in said.err
    assert len(said.err.splitlines()) == 1


@pytest.mark.parametrize(
    ("why", "sentence"),
    [
        (FileNotFoundError(errno.ENOENT, "No such file or directory", "in.csv"), "cannot use in.csv: No such file or"),
        (PermissionError(errno.EACCES, "Permission denied", b"\xff.csv"), "cannot use \\udcff.csv: Permission denied"),
        (OSError(errno.EADDRINUSE, "Address already in use"), "an address cannot be used, choose another host or"),
        (OSError(errno.EADDRINUSE, "while attempting to bind on address ('::1', 8950)"), "8950"),
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "cannot find a host: Name or service not"),
        (ConnectionRefusedError(errno.ECONNREFUSED, "Connect call failed"), "a connection failed: Connection refused"),
        (TimeoutError(), "a connection failed: no answer in time"),
        (OSError("Multiple exceptions: [Errno 111], [Errno 101]"), "refuses: Multiple exceptions"),
        (OSError(errno.EMFILE, "Too many open files"), "the operating system refuses: Too many open files"),
        (OSError(), "the operating system refuses: OSError"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_failure_of_the_operating_system_is_a_sentence_of_its_own(why: OSError, sentence: str) -> None:
    said = os_failure(why)
    assert sentence in said
    assert "None" not in said
    assert "\n" not in said
