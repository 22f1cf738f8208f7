"""Failures of the operating system as one sentence each, and standard output with failures of its own."""

from __future__ import annotations

import errno
import io
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ingest.os_errors import reason

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_ADDRESS = (errno.EADDRINUSE, errno.EADDRNOTAVAIL)


class OutputFailed(Exception):
    """Standard output cannot be written; the message is one sentence."""


class ReaderGone(Exception):
    """The reader of the output has closed it, as `head` does: no failure."""


class _StandardOutput(io.FileIO):
    """Standard output; its failures are no OSError, so that nobody takes them for those of a file or a socket."""

    def write(self, data: ReadableBuffer, /) -> int:
        try:
            return super().write(data)
        except BrokenPipeError as why:
            raise ReaderGone from why
        except OSError as why:
            said = "it is closed" if why.errno == errno.EBADF else reason(why)
            raise OutputFailed(f"cannot write to standard output: {said}") from why


@contextmanager
def standard_output() -> Iterator[None]:
    """Have failures to write to standard output raised as OutputFailed or ReaderGone, until the block ends.

    Raises:
        OutputFailed, ReaderGone: What was printed last cannot be written.
    """
    before = sys.stdout
    if before is None:  # the process began without one: printing fails, rather than go into a file opened meanwhile
        nowhere = os.open(os.devnull, os.O_RDONLY)
        before = io.TextIOWrapper(io.BufferedWriter(io.FileIO(nowhere, "w")))
    try:
        number = before.fileno()
    except (OSError, ValueError):  # a string that output is collected in
        yield
        return
    before.flush()
    raw = _StandardOutput(number, "w", closefd=False)
    lines = getattr(before, "line_buffering", False)
    sys.stdout = io.TextIOWrapper(io.BufferedWriter(raw), before.encoding, before.errors, line_buffering=lines)
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except (OutputFailed, ReaderGone):  # what is left goes nowhere, or Python tries it once more and complains
        os.dup2(os.open(os.devnull, os.O_WRONLY), number)
        raise
    finally:
        sys.stdout = before


def os_failure(why: OSError) -> str:
    """A failure of the operating system as a sentence that names the file or the address, if there is one."""
    said = reason(why)
    if why.filename is not None:
        return f"cannot use {os.fsdecode(why.filename)}: {said}".encode("utf-8", "backslashreplace").decode()
    if why.errno in _ADDRESS and not isinstance(why, socket.gaierror):
        return f"an address cannot be used, choose another host or port: {why.strerror or said}"
    if isinstance(why, socket.gaierror):
        return f"cannot find a host: {said}"
    if isinstance(why, ConnectionError | TimeoutError):
        return f"a connection failed: {said}"
    return f"the operating system refuses: {said}"
