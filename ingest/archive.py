"""Deliveries from archives: events in files, folders, S3 or standard input, and where reading stopped."""

from __future__ import annotations

import asyncio
import glob
import os
import re
import select
import stat
import sys
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any, Protocol

import zstandard

from ingest.delivery import Batch, Delivery, Refused, Unavailable

LONGEST = 16 << 20  # bytes of one event; a longer one is cut here, and what is left cannot be read as an event
_BATCH_BYTES = 32 << 20  # a batch ends here even when it has fewer events than it may
_BLOCK = 1 << 20  # bytes read at a time
_PACKED = 1 << 14  # compressed bytes unpacked at a time: they may become a thousand times as many
_STDIN = "-"


@dataclass(frozen=True, slots=True)
class Position:
    """Where reading stopped.

    Attributes:
        file: The last file that was read from, by the name it was found under.
        events: How many of its events have been acknowledged.
    """

    file: str
    events: int


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes | None: ...
    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class _File:
    name: str
    size: int | None
    open: Callable[[], _Readable]


@dataclass(slots=True)
class _Handed:
    """A batch that was handed out, and where reading stood after it."""

    position: Position
    acked: bool = False


class ArchiveSource:
    """Events kept in files: JSON lines, JSON arrays, one event a file, or objects one after the other; .gz, .zst.

    Formats are told by what a file begins with. Files are read in the order in which their sources are named, those
    of a folder, a glob or a prefix sorted by name; a file named twice is read once. Memory does not grow with the
    size of the archive. What cannot be read as an event is handed out as it stands.
    """

    def __init__(
        self,
        *sources: str,
        batch_size: int = 1000,
        start_at: Position | None = None,
        region: str | None = None,
        endpoint_url: str | None = None,
        config: Any = None,
    ):
        """Nothing is opened before `find` or the first read.

        Args:
            sources: Files, folders (hidden files are left out), globs, `s3://bucket/prefix`, or `-` for standard input.
            batch_size: The most events in a batch.
            start_at: Where an earlier reading of these sources stopped; this one goes on behind it.
            region: Where the buckets are; else as AWS's own settings say.
            endpoint_url: Another server than AWS.
            config: Settings for the S3 client, an AioConfig.
        """
        self.position = start_at
        """Where reading stopped, as of the last acknowledged batch; None before the first."""
        self.bytes_read = 0
        """How much was read of the files so far, as they are stored."""
        self._sources = sources
        self._batch_size = batch_size
        self._start_at = start_at
        self._client_arguments = {"region_name": region, "endpoint_url": endpoint_url, "config": config}
        self._client: Any = None
        self._stack = AsyncExitStack()
        self._reading = asyncio.Lock()
        self._files: list[_File] | None = None
        self._handed: deque[_Handed] = deque()
        self._ahead: asyncio.Task[tuple[list[Delivery], Position | None]] | None = None
        self._closed = False
        # Where reading stands, ahead of what was handed out; only `_take` touches these, in its thread.
        self._index = 0
        self._events = 0
        self._bodies: Iterator[bytes] | None = None
        self._opened: _Readable | None = None
        self._refused: Refused | None = None

    @property
    def files(self) -> int:
        """How many files there are; 0 before they were looked for."""
        return len(self._files or ())

    @property
    def total_bytes(self) -> int | None:
        """The size of all files as they are stored; None when one of them has no size, or before `find`."""
        sizes = [file.size for file in self._files or ()]
        return sum(size or 0 for size in sizes) if sizes and None not in sizes else None

    async def find(self) -> None:
        """Look for the files, so that `files` and `total_bytes` are known; the first read does it otherwise.

        Raises:
            Refused: There are none, they may not be read, or `start_at` names a file that is not among them.
            Unavailable: S3 did not answer.
        """
        if self._files is not None:
            return
        found: dict[str, _File] = {}
        for source in self._sources:
            in_s3 = source.startswith("s3://")
            for file in await self._find_objects(source) if in_s3 else await asyncio.to_thread(_find_files, source):
                found.setdefault(file.name, file)
        if self._start_at:
            name = self._start_at.file
            if name == _STDIN:
                raise Refused("standard input cannot be read from where it stopped: read it from its start")
            if name not in found:
                raise Refused(f"reading stopped in {name}, which is not there any more: read from the start")
            self._index = list(found).index(name)
            self._events = self._start_at.events
            self.bytes_read = sum(file.size or 0 for file in list(found.values())[: self._index])
        self._files = list(found.values())

    async def read(self) -> Batch | None:
        """The next batch, or None at the end; the one after it is read meanwhile.

        Raises:
            Refused: A file is missing, damaged or may not be read; all events before that were handed out.
            Unavailable: S3 did not answer; the next read goes on where this one failed.
        """
        async with self._reading:
            if self._closed:
                return None
            await self.find()
            if self._ahead is None:
                self._ahead = asyncio.create_task(asyncio.to_thread(self._take))
            await asyncio.wait([self._ahead])  # cancelled, it leaves the task and its batch to the next read
            done, self._ahead = self._ahead, None
            deliveries, position = done.result()
            if position is None or self._closed:
                return None
            self._ahead = asyncio.create_task(asyncio.to_thread(self._take))
        handed = _Handed(position)
        self._handed.append(handed)

        async def ack() -> None:
            handed.acked = True
            while self._handed and self._handed[0].acked:
                self.position = self._handed.popleft().position

        return Batch(deliveries, ack)

    async def aclose(self) -> None:
        """Close files and connections."""
        self._closed = True
        if self._ahead:
            await asyncio.wait([self._ahead])
            self._ahead.exception()  # nobody will ask for it any more
            self._ahead = None
        await asyncio.to_thread(self._shut)
        self._client = None
        await self._stack.aclose()

    async def _find_objects(self, source: str) -> list[_File]:
        from ingest.sqs import FAILURES, failure  # AWS's client takes a while to import: only where S3 is read

        bucket, _, prefix = source.removeprefix("s3://").partition("/")
        loop = asyncio.get_running_loop()
        files = []
        try:
            if self._client is None:
                from aiobotocore.session import get_session

                client = get_session().create_client("s3", **self._client_arguments)
                self._client = await self._stack.enter_async_context(client)
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
            async for page in pages:
                for item in page.get("Contents", ()):
                    key = item["Key"]
                    name = f"s3://{bucket}/{key}"
                    if key.endswith("/"):  # consoles make these, to show an empty folder
                        continue
                    opener = _opener(self._client, loop, bucket, key)
                    files.append(_File(name, item["Size"], opener))
                    if key == prefix:  # one object was named, not all that begin like it
                        return files
        except FAILURES as why:
            raise failure(why, f"bucket {bucket!r}", ": check its name") from why
        if not files:
            raise Refused(f"nothing in bucket {bucket!r} begins with {prefix!r}: check the prefix")
        return files

    def _take(self) -> tuple[list[Delivery], Position | None]:
        """The next batch and where it ends; runs in a thread, never two at a time."""
        if self._refused:
            raise self._refused
        deliveries: list[Delivery] = []
        position = None
        try:
            while not self._closed and self._files and self._index < len(self._files):
                file = self._files[self._index]
                if self._bodies is None:
                    self._bodies = self._open(file)
                full = self._fill(deliveries, file.name, self._bodies)
                if self._events:
                    position = Position(file.name, self._events)
                if full:
                    break
                self._shut()
                self._index += 1
                self._events = 0
        except Unavailable:
            self._shut()
            self.bytes_read = sum(file.size or 0 for file in (self._files or ())[: self._index])
            if not deliveries:
                raise
        except Refused as why:
            self._shut()
            self._refused = why
            if not deliveries:
                raise
        return deliveries, position if deliveries else None
