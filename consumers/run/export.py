"""Every event of a store's ledger into an archive."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Protocol

import zstandard

from ingest.delivery import Refused
from ingest.os_errors import reason
from store.database import Store
from store.ledger import events


class Writable(Protocol):
    """What bytes can be written to."""

    def write(self, data: bytes, /) -> object:
        """Write all of them."""


def export(store: Store, file: Writable) -> int:
    """Write every event of the ledger as a line of JSON, in the order of arrival.

    Returns:
        How many there are.
    """
    count = 0
    for body in events.events(store):
        file.write(body + b"\n")
        count += 1
    return count


def export_to_file(store: Store, path: Path) -> int:
    """Write every event of the ledger to a file; `.gz` and `.zst` compress it. The file is there whole or not at all.

    Returns:
        How many events there are.

    Raises:
        Refused: The file cannot be written.
    """
    target = path.resolve()
    if target.is_dir():
        raise Refused(f"{path} is a folder: name a file in it")
    # What is not a file (a pipe, /dev/null) is written to as it is.
    unfinished = target.with_name(target.name + ".unfinished") if target.is_file() or not target.exists() else target
    try:
        with _compressed(unfinished, target.suffix) as file:
            count = export(store, file)
        if unfinished != target:
            unfinished.replace(target)
    except OSError as why:
        if unfinished != target:
            unfinished.unlink(missing_ok=True)
        raise Refused(f"cannot write {path}: {reason(why)}; check the folder and its permissions") from why
    return count


@contextmanager
def _compressed(path: Path, suffix: str) -> Iterator[IO[bytes] | gzip.GzipFile | zstandard.ZstdCompressionWriter]:
    with path.open("wb") as raw:
        if suffix == ".gz":
            with gzip.GzipFile(fileobj=raw, mode="wb", mtime=0) as file:
                yield file
        elif suffix == ".zst":
            with zstandard.ZstdCompressor().stream_writer(raw, closefd=False) as file:
                yield file
        else:
            yield raw
