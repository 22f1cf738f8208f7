"""Deliveries from archives: events in files, folders, S3 or standard input, and where reading stopped."""

from __future__ import annotations

import asyncio
import glob
import io
import os
import select
import stat
import sys
from collections.abc import Callable, Collection, Generator, Iterator
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any, Protocol

from ingest.archive_format import events, unpacked
from ingest.delivery import AckTracker, Batch, Delivery, Refused, Unavailable
from ingest.os_errors import reason

_BATCH_BYTES = 32 << 20  # a batch of this size ends, however few its events
_BLOCK = 1 << 20  # bytes read at a time
_STANDARD_INPUT = "-"


@dataclass(frozen=True, slots=True)
class ArchivePosition:
    """Where reading stopped.

    Attributes:
        file: The last file that was read from, by the name it was found under.
        events: How many of its events are acknowledged.
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


class ArchiveSource:
    """Events in files: JSON lines, JSON arrays, one event in each file, or objects in a row; plain, .gz or .zst.

    The first bytes of a file show its format. Files are read in the order of the sources, and those of a folder, glob
    or prefix in the order of their names; a file that is found twice is read once. Memory does not grow with the size
    of a file. A piece that is not an event is delivered as it is.
    """

    def __init__(
        self,
        *sources: str,
        batch_size: int = 1000,
        start_at: ArchivePosition | None = None,
        leave_out: Collection[str] = (),
        region: str | None = None,
        endpoint_url: str | None = None,
        config: Any = None,
    ):
        """Nothing is opened before `find` or the first read.

        Args:
            sources: Files, folders (hidden files are left out), globs, `s3://bucket/prefix`, or `-` for standard input.
            batch_size: The most events in a batch.
            leave_out: Files that are not archives, such as the database itself, wherever they are found.
            start_at: Where an earlier reading of the same sources stopped; this one continues from there.
            region: The region of the buckets; by default AWS's own setting.
            endpoint_url: A server to use in place of AWS.
            config: Settings for the S3 client, an AioConfig.
        """
        self.position = start_at
        """Where reading stopped, as of the last acknowledged batch; None before the first."""
        self.bytes_read = 0
        """How many bytes of the files were read so far, as they are stored."""
        self._sources = sources
        self._batch_size = batch_size
        self._start_at = start_at
        self._leave_out = {os.path.realpath(path) for path in leave_out}
        self._client_settings = {"region_name": region, "endpoint_url": endpoint_url, "config": config}
        self._client: Any = None
        self._stack = AsyncExitStack()
        self._reading = asyncio.Lock()
        self._files: list[_File] | None = None
        self._acks: AckTracker[ArchivePosition] = AckTracker(self._move)
        self._ahead: asyncio.Future[list[Delivery]] | None = None
        self._closed = False
        # Where reading is, ahead of what was delivered. Once files are found, only `_take` moves it.
        self._index = 0
        self._events = 0
        self._bytes_before = 0  # the index-th file
        self._deliveries: Generator[Delivery, None, None] | None = None
        self._refused: Refused | None = None

    @property
    def files(self) -> int:
        """How many files there are; 0 before `find`."""
        return len(self._files or ())

    @property
    def total_bytes(self) -> int | None:
        """The size of all files as they are stored; None if one has no size, or before `find`."""
        total = 0
        for file in self._files or ():
            if file.size is None:
                return None
            total += file.size
        return None if self._files is None else total

    async def find(self) -> None:
        """Look for the files, which sets `files` and `total_bytes`. Without this call, the first read looks for them.

        Raises:
            Refused: There are none, they may not be read, or `start_at` names a file that is not among them.
            Unavailable: S3 did not answer.
        """
        if self._files is not None:
            return
        found: dict[str, _File] = {}
        for source in self._sources:
            if source == _STANDARD_INPUT:
                files = [_File(source, None, partial(_StandardInput, lambda: self._closed))]
            elif source.startswith("s3://"):
                files = await self._find_objects(source)
            else:
                files = await asyncio.to_thread(self._find_here, source)
            for file in files:
                found.setdefault(file.name, file)
        if self._start_at:
            self._index = _index(self._start_at.file, list(found))
            self._events = self._start_at.events
            self._bytes_before = sum(file.size or 0 for file in islice(found.values(), self._index))
        self._files = list(found.values())

    async def read(self) -> Batch | None:
        """The next batch, or None at the end; the one after it is read meanwhile.

        Raises:
            Refused: A file is missing, damaged or may not be read. Everything before it was delivered.
            Unavailable: S3 did not answer; the next read continues where this one failed.
        """
        async with self._reading:
            if self._closed:
                return None
            await self.find()
            taking = self._ahead = self._ahead or self._take_in_thread()
            await asyncio.wait([taking])  # if this read is cancelled, the next one gets the batch
            if self._closed:
                return None
            self._ahead = None
            deliveries = taking.result()
            if not deliveries:
                return None
            self._ahead = self._take_in_thread()
        file, _, events = deliveries[-1].origin.rpartition(":")
        return self._acks.batch(deliveries, ArchivePosition(file, int(events)))

    async def aclose(self) -> None:
        """Close files and connections."""
        self._closed = True
        if self._ahead:
            await asyncio.gather(self._ahead, return_exceptions=True)
        if self._deliveries:
            await asyncio.to_thread(self._deliveries.close)
        await self._stack.aclose()

    def _move(self, position: ArchivePosition) -> None:
        self.position = position

    def _find_here(self, source: str) -> list[_File]:
        return [file for file in _find_files(source) if os.path.realpath(file.name) not in self._leave_out]

    async def _find_objects(self, source: str) -> list[_File]:
        from aiobotocore.session import get_session  # slow to import, so only if S3 is read

        from ingest.aws_errors import FAILURES, failure

        bucket, _, prefix = source.removeprefix("s3://").partition("/")
        if not bucket:
            raise Refused(f"{source} names no bucket: write s3://bucket/prefix")
        loop = asyncio.get_running_loop()
        files = []
        try:
            if self._client is None:
                client = get_session().create_client("s3", **self._client_settings)
                self._client = await self._stack.enter_async_context(client)
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
            async for page in pages:
                for found in page.get("Contents", ()):
                    key = found["Key"]
                    if key.endswith("/"):  # consoles make these to show a folder
                        continue
                    opened = partial(_Object, self._client, loop, bucket, key)
                    files.append(_File(f"s3://{bucket}/{key}", found["Size"], opened))
                    if key == prefix:  # one object was named, not all whose names begin like it
                        return files
        except FAILURES as why:
            raise failure(why, f"bucket {bucket!r}", ": check its name") from why
        if not files:
            raise Refused(f"nothing in bucket {bucket!r} begins with {prefix!r}: check the prefix")
        return files

    def _take_in_thread(self) -> asyncio.Future[list[Delivery]]:
        return asyncio.get_running_loop().run_in_executor(None, self._take)

    def _take(self) -> list[Delivery]:
        """The next batch's deliveries, none at the end; never runs twice at a time."""
        deliveries: list[Delivery] = []
        size = 0
        try:
            if self._refused:
                raise self._refused
            if self._deliveries is None:
                self._deliveries = self._read_on()
            for delivery in self._deliveries:
                deliveries.append(delivery)
                size += len(delivery.body)
                if len(deliveries) >= self._batch_size or size >= _BATCH_BYTES:
                    break
        except Unavailable:
            self._deliveries = None  # the next one opens the file again and skips what was read of it
            if not deliveries:
                raise
        except Refused as why:
            self._refused = why
            if not deliveries:
                raise
        return deliveries

    def _read_on(self) -> Generator[Delivery, None, None]:
        """All deliveries from where reading stands."""
        while self._files and self._index < len(self._files):
            file = self._files[self._index]
            self.bytes_read = self._bytes_before
            try:
                with closing(file.open()) as opened:
                    found = events(unpacked(self._blocks(opened), file.name))
                    if sum(1 for _ in islice(found, self._events)) < self._events:
                        raise Refused(f"{file.name} is shorter than when reading stopped in it: read from the start")
                    for body in found:
                        self._events += 1
                        yield Delivery(body, f"{file.name}:{self._events}")
            except OSError as why:
                raise Refused(f"cannot read {file.name} ({reason(why)}): check that we may, or leave it out") from why
            self._bytes_before = self.bytes_read
            self._index += 1
            self._events = 0

    def _blocks(self, opened: _Readable) -> Iterator[bytes]:
        while not self._closed and (block := opened.read(_BLOCK)):
            self.bytes_read += len(block)
            yield block


def _index(name: str, names: list[str]) -> int:
    if name == _STANDARD_INPUT:
        raise Refused("standard input cannot be read from where it stopped: read it from its start")
    if name not in names:
        raise Refused(f"reading stopped in {name}, which is not among the files any more: read from the start")
    return names.index(name)


# Where files are


def _find_files(source: str) -> list[_File]:
    """The file, the files in the folder, or those that the glob matches, sorted by name."""
    if os.path.lexists(source):
        found = _in_folder(source) if os.path.isdir(source) else [source]
        if not found:
            raise Refused(f"no files in folder {source}: name another one")
    elif glob.has_magic(source):
        matches = glob.glob(source, recursive=True)
        found = [file for match in matches for file in (_in_folder(match) if os.path.isdir(match) else [match])]
        if not found:
            raise Refused(f"no file matches {source}: check the pattern")
    else:
        raise Refused(f"{source} does not exist: check the path")
    return [_File(path, _size(path), partial(io.FileIO, path)) for path in sorted(found)]


def _in_folder(folder: str) -> list[str]:
    def refuse(why: OSError) -> None:
        raise Refused(f"cannot read folder {why.filename} ({reason(why)}): check that we may") from why

    found = []
    for path, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [os.path.join(path, name) for name in names if not name.startswith(".")]
    return [path for path in found if not _is_special(path)]


def _is_special(path: str) -> bool:
    """Whether it is a pipe, a socket or a device, where reading could wait without end."""
    return os.path.exists(path) and not os.path.isfile(path)


def _size(path: str) -> int | None:
    try:
        status = os.stat(path)
    except OSError:  # opening it reports the failure
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None


class _StandardInput:
    """Standard input, read as it comes, so that closing need not wait for its end."""

    def __init__(self, closed: Callable[[], bool]):
        self._closed = closed
        self._descriptor = sys.stdin.fileno()

    def read(self, size: int) -> bytes:
        while not select.select([self._descriptor], [], [], 0.1)[0]:
            if self._closed():
                return b""
        return os.read(self._descriptor, size)

    def close(self) -> None:
        """Leave standard input open: this process did not open it."""


class _Object:
    """An object in S3, streamed; its methods are called in a thread, the client lives in the event loop."""

    def __init__(self, client: Any, loop: asyncio.AbstractEventLoop, bucket: str, key: str):
        self._client = client
        self._loop = loop
        self._bucket = bucket
        self._key = key
        self._body: Any = None

    def read(self, size: int) -> bytes:
        return asyncio.run_coroutine_threadsafe(self._read(size), self._loop).result()

    def close(self) -> None:
        if self._body:
            self._loop.call_soon_threadsafe(self._body.close)

    async def _read(self, size: int) -> bytes:
        from ingest.aws_errors import FAILURES, failure

        try:
            if self._body is None:
                self._body = (await self._client.get_object(Bucket=self._bucket, Key=self._key))["Body"]
            block: bytes = await self._body.read(size)
        except FAILURES as why:
            name = f"s3://{self._bucket}/{self._key}"
            raise failure(why, name, " any more: read from the start") from why
        return block
