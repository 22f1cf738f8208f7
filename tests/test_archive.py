"""Archives: every shape that events are kept in reads back as the same events, from any place on."""

from __future__ import annotations

import asyncio
import bz2
import gzip
import io
import json
import os
import subprocess
import sys
import tracemalloc
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

import msgspec
import pytest
import zstandard
from aiobotocore.session import get_session
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest import archive
from ingest.archive import ArchiveSource, Position
from ingest.delivery import Refused, Unavailable

# Every character that could mislead a reader which looks for the ends of objects, and some that no one expects.
texts = st.text(st.sampled_from('ab{}[]",:\\/\n\r\t \ufeffé\u2028😀'), max_size=12)
scalars = texts | st.integers(-(10**30), 10**30) | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    scalars | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
events = st.dictionaries(texts, values, max_size=4)

Write = Callable[[Sequence[bytes]], bytes]

# Events as bytes, each on one line -> a file of them
SHAPES: dict[str, Write] = {
    "lines": b"\n".join,
    "lines, the last one ended": lambda events: b"".join(event + b"\n" for event in events),
    "lines of Windows": b"\r\n".join,
    "lines with blank ones between": b"\n\n \t\n".join,
    "array": lambda events: b"[" + b",".join(events) + b"]",
    "array over lines": lambda events: b"[\n" + b",\n".join(events) + b"\n]\n",
    "array of arrays": lambda events: b"[[" + b"],\n[".join(events) + b"]]",
    "one after the other": b"".join,
    "one after the other, with blanks": b"  ".join,
    "first two on a line": lambda events: b"".join(events[:2]) + b"\n" + b"\n".join(events[2:]),
}
PACKINGS: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "with a byte order mark": lambda content: b"\xef\xbb\xbf" + content,
    "gz": gzip.compress,
    "gz of many members": lambda content: b"".join(gzip.compress(part) for part in parts(content)) + b"\0\0",
    "zst": zstandard.compress,
    "zst of many frames": lambda content: b"".join(zstandard.compress(part) for part in parts(content)),
    "zst that does not tell its size": lambda content: zstandard.ZstdCompressor().compressobj().compress(content),
}
del PACKINGS["zst that does not tell its size"]


def parts(content: bytes) -> list[bytes]:
    return [content[at : at + 7] for at in range(0, len(content), 7)] or [b""]


def one_line(event: object) -> bytes:
    return json.dumps(event, ensure_ascii=False).encode("utf-8", "surrogatepass")


def pretty(event: object) -> bytes:
    return json.dumps(event, indent=2).encode()


async def all_of(source: ArchiveSource) -> list[bytes]:
    """What a source gives up to its end, each batch acknowledged."""
    bodies = []
    async with aclosing(source):
        while batch := await source.read():
            bodies += [delivery.body for delivery in batch.deliveries]
            await batch.ack()
    return bodies


def read(*names: Path | str, **settings: Any) -> list[bytes]:
    return asyncio.run(all_of(ArchiveSource(*map(str, names), **settings)))


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A place for one file, written anew for each example."""
    return tmp_path_factory.mktemp("archive") / "events"


@pytest.fixture(scope="module", params=[1, 3, 64, 1 << 20])
def block(request: pytest.FixtureRequest) -> Any:
    """How much is read and unpacked at a time: whatever it is, it falls between two bytes that belong together."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(archive, "_BLOCK", request.param)
        patched.setattr(archive, "_PACKED", min(request.param, 1 << 14))
        yield request.param


@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize("shape", SHAPES)
@settings(max_examples=15, deadline=None)
@given(written=st.lists(events.map(one_line), min_size=1, max_size=8), batch_size=st.integers(1, 9))
def test_events_read_back_as_they_were_written(
    file: Path, block: int, shape: str, packing: str, written: list[bytes], batch_size: int
) -> None:
    file.write_bytes(PACKINGS[packing](SHAPES[shape](written)))
    assert read(file, batch_size=batch_size) == written
