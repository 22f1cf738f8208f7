"""Archives: files, folders, S3 and standard input are read in order, and reading continues where it stopped."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import subprocess
import sys
import threading
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiobotocore.session import get_session
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.archive import ArchivePosition, ArchiveSource
from ingest.archive_format import LONGEST
from ingest.delivery import Batch, Refused, Unavailable
from tests.support.archive_files import ON_LINES, ONE_BY_ONE, Write, events, one_line, pretty, writers
from tests.support.laws import scaled


async def all_of(source: ArchiveSource) -> list[bytes]:
    """All events of a source, each batch acknowledged."""
    bodies = []
    async with aclosing(source):
        while batch := await source.read():
            bodies += [delivery.body for delivery in batch.deliveries]
            await batch.ack()
    return bodies


async def batches(source: ArchiveSource) -> AsyncIterator[Batch]:
    """The batches of a source, each acknowledged when the next one is read."""
    while batch := await source.read():
        yield batch
        await batch.ack()


def until_refused(*names: str, **settings: Any) -> tuple[list[bytes], str]:
    """The events that sources deliver before they raise Refused, and its message."""

    async def reading() -> tuple[list[bytes], str]:
        bodies: list[bytes] = []
        async with aclosing(ArchiveSource(*names, batch_size=3, **settings)) as source:
            try:
                async for batch in batches(source):
                    bodies += [delivery.body for delivery in batch.deliveries]
            except Refused as refused:
                return bodies, str(refused)
        pytest.fail("it was not refused")

    return asyncio.run(reading())


def read(*names: Path | str, **settings: Any) -> list[bytes]:
    return asyncio.run(all_of(ArchiveSource(*map(str, names), **settings)))


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A place for one file."""
    return tmp_path_factory.mktemp("archive") / "events"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A place for some files, which each example writes again."""
    return tmp_path_factory.mktemp("archives")


@pytest.mark.law
@settings(max_examples=scaled(100), deadline=None)
@given(
    st.lists(st.tuples(st.lists(events.map(one_line), max_size=5), writers(ON_LINES | ONE_BY_ONE)), max_size=4),
    st.integers(1, 7),
    st.integers(0, 20),
)
def test_reading_goes_on_where_it_stopped(
    folder: Path, files: list[tuple[list[bytes], Write]], batch_size: int, batches: int
) -> None:
    for old in folder.iterdir():
        old.unlink()
    (folder / "0").write_bytes(b"")
    for number, (bodies, write) in enumerate(files, 1):
        (folder / str(number)).write_bytes(write(bodies))

    async def stop_and_go_on() -> list[bytes]:
        begun = ArchiveSource(str(folder), batch_size=batch_size)
        bodies = []
        async with aclosing(begun):
            for _ in range(batches):
                if batch := await begun.read():
                    bodies += [delivery.body for delivery in batch.deliveries]
                    await batch.ack()
            await begun.read()  # never acknowledged
        kept = msgspec.json.encode(begun.position)
        position = msgspec.json.decode(kept, type=ArchivePosition | None)
        return bodies + await all_of(ArchiveSource(str(folder), start_at=position))

    assert asyncio.run(stop_and_go_on()) == [body for bodies, _ in files for body in bodies]


BODIES = [one_line({"detail-type": "T", "detail": {"n": n}}) for n in range(10)]
LINES = b"\n".join(BODIES)


@pytest.fixture
def lines(tmp_path: Path) -> str:
    """The name of a file of ten events."""
    file = tmp_path / "lines"
    file.write_bytes(LINES)
    return str(file)


async def test_reading_stopped_before_the_first_batch_not_yet_acknowledged(lines: str) -> None:
    async with aclosing(ArchiveSource(lines, batch_size=2)) as source:
        first, second, third = [await source.read() for _ in range(3)]
        assert first
        assert second
        assert third
        assert source.position is None
        await first.ack()
        await third.ack()
        assert source.position == ArchivePosition(lines, 2)
        await second.ack()
        assert source.position == ArchivePosition(lines, 6)


async def test_going_on_counts_events_as_the_first_reading_did(lines: str) -> None:
    async with aclosing(ArchiveSource(lines, start_at=ArchivePosition(lines, 8))) as source:
        batch = await source.read()
        assert batch
        assert [delivery.origin for delivery in batch.deliveries] == [f"{lines}:9", f"{lines}:10"]
        await batch.ack()
        assert source.position == ArchivePosition(lines, 10)


async def test_a_cancelled_read_loses_nothing(lines: str) -> None:
    source = ArchiveSource(lines, batch_size=2)
    bodies = []
    for _ in range(5):
        for _ in range(3):
            reading = asyncio.create_task(source.read())
            await asyncio.sleep(0)
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
        batch = await source.read()
        assert batch
        bodies += [delivery.body for delivery in batch.deliveries]
    assert bodies == BODIES
    await source.aclose()


# What is broken


async def test_a_refusal_is_repeated(lines: str) -> None:
    async with aclosing(ArchiveSource(lines, "s3://")) as source:
        for _ in range(2):
            with pytest.raises(Refused):
                await source.read()


def test_large_pieces_make_small_batches(file: Path) -> None:
    file.write_bytes(b"\n".join([b"x" * (LONGEST - 1)] * 4))

    async def sizes() -> list[int]:
        async with aclosing(ArchiveSource(str(file))) as source:
            return [len(batch.deliveries) async for batch in batches(source)]

    assert asyncio.run(sizes()) == [3, 1]


# Where files are


def test_a_folder_is_read_in_the_order_of_names_without_hidden_files(tmp_path: Path) -> None:
    for number, name in enumerate(["2024/01/b", "2024/01/c.gz", "2024/02/a", "a", "a.b", ".hidden", ".git/config"]):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(pretty({"n": number}))
    assert [json.loads(body)["n"] for body in read(tmp_path)] == [0, 1, 2, 3, 4]


def test_a_glob_is_read_in_the_order_of_names(tmp_path: Path) -> None:
    for name in ["b.json", "a.json", "sub/c.json", "d.txt", "sub/e.txt"]:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(json.dumps({"name": name}))
    assert [json.loads(body)["name"] for body in read(f"{tmp_path}/*.json")] == ["a.json", "b.json"]
    assert [json.loads(body)["name"] for body in read(f"{tmp_path}/**/*.json")] == ["a.json", "b.json", "sub/c.json"]
    assert [json.loads(body)["name"] for body in read(f"{tmp_path}/s*")] == ["sub/c.json", "sub/e.txt"]


def test_a_name_that_looks_like_a_glob_is_a_name_first(tmp_path: Path) -> None:
    (tmp_path / "a[1].json").write_bytes(BODIES[0])
    assert read(tmp_path / "a[1].json") == BODIES[:1]


def test_a_file_named_twice_is_read_once(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(BODIES[0])
    (tmp_path / "b").write_bytes(BODIES[1])
    assert read(tmp_path / "b", tmp_path) == [BODIES[1], BODIES[0]]


def test_a_pipe_is_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with subprocess.Popen(["/bin/sh", "-c", 'printf "%s" "$1" > "$2"', "sh", LINES.decode(), str(tmp_path / "pipe")]):
        assert read(tmp_path / "pipe") == BODIES


def test_a_pipe_in_a_folder_is_passed_over(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "a").write_bytes(BODIES[0])
    assert read(tmp_path) == BODIES[:1]


READ_STANDARD_INPUT = """
import asyncio
from ingest.archive import ArchiveSource
async def main():
    source = ArchiveSource("-")
    while batch := await source.read():
        for delivery in batch.deliveries:
            print(delivery.origin, delivery.body.decode(), source.total_bytes)
    await source.aclose()
asyncio.run(main())
"""

CLOSE_STANDARD_INPUT = """
import asyncio
from ingest.archive import ArchiveSource
async def main():
    source = ArchiveSource("-")
    try:
        await asyncio.wait_for(source.read(), 0.05)
    except TimeoutError:
        await source.aclose()
asyncio.run(main())
"""


@pytest.mark.parametrize("content", [LINES, gzip.compress(LINES)], ids=["plain", "gz"])
def test_standard_input_is_read(content: bytes) -> None:
    done = subprocess.run([sys.executable, "-c", READ_STANDARD_INPUT], input=content, capture_output=True, check=True)
    assert done.stdout.decode().splitlines() == [f"-:{n} {body.decode()} None" for n, body in enumerate(BODIES, 1)]


def test_closing_does_not_wait_for_the_end_of_standard_input() -> None:
    with subprocess.Popen([sys.executable, "-c", CLOSE_STANDARD_INPUT], stdin=subprocess.PIPE) as process:
        assert process.wait(120) == 0


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("missing.jsonl", "{0}/missing.jsonl does not exist: check the path"),
        ("empty", "no files in folder {0}/empty: name another one"),
        ("*.jsonl", "no file matches {0}/*.jsonl: check the pattern"),
        ("loop", "cannot read {0}/loop (Too many levels of symbolic links): check that we may, or leave it out"),
    ],
)
def test_a_source_that_cannot_be_read_is_refused_with_a_reason(tmp_path: Path, name: str, said: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert until_refused(str(tmp_path / name)) == ([], said.format(tmp_path))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_source_without_permission_is_refused_with_a_reason(tmp_path: Path) -> None:
    (tmp_path / "file").touch(0o000)
    assert until_refused(str(tmp_path / "file"))[1] == (
        f"cannot read {tmp_path}/file (Permission denied): check that we may, or leave it out"
    )
    (tmp_path / "folder").mkdir(0o000)
    assert until_refused(str(tmp_path / "folder"))[1] == (
        f"cannot read folder {tmp_path}/folder (Permission denied): check that we may"
    )


@pytest.mark.parametrize(
    ("start_at", "said"),
    [
        (
            ArchivePosition("gone", 1),
            "reading stopped in gone, which is not among the files any more: read from the start",
        ),
        (ArchivePosition("-", 1), "standard input cannot be read from where it stopped: read it from its start"),
    ],
)
def test_a_position_in_a_file_that_is_gone_is_refused(file: Path, start_at: ArchivePosition, said: str) -> None:
    file.write_bytes(LINES)
    assert until_refused(str(file), "-", start_at=start_at) == ([], said)


def test_a_position_behind_the_end_of_its_file_is_refused(lines: str) -> None:
    assert until_refused(lines, start_at=ArchivePosition(lines, 11)) == (
        [],
        f"{lines} is shorter than when reading stopped in it: read from the start",
    )


async def test_progress_is_in_bytes_as_they_are_stored(tmp_path: Path) -> None:
    (tmp_path / "a.gz").write_bytes(gzip.compress(LINES, mtime=0))
    (tmp_path / "b").write_bytes(LINES)
    async with aclosing(ArchiveSource(str(tmp_path), batch_size=3)) as source:
        assert (source.files, source.total_bytes, source.bytes_read) == (0, None, 0)
        await source.find()
        size = len(gzip.compress(LINES, mtime=0)) + len(LINES)
        assert (source.files, source.total_bytes, source.bytes_read) == (2, size, 0)
        progress = [source.bytes_read async for _ in batches(source)]
        assert progress == sorted(progress)
        assert progress[-1] == size


async def test_progress_counts_the_files_that_were_read_before(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(LINES)
    (tmp_path / "b").write_bytes(LINES)
    async with aclosing(ArchiveSource(str(tmp_path), start_at=ArchivePosition(str(tmp_path / "b"), 3))) as source:
        assert sum([len(batch.deliveries) async for batch in batches(source)]) == 7
        assert source.bytes_read == source.total_bytes == 2 * len(LINES)


# S3


class Bucket:
    def __init__(self, client: Any):
        self._client = client

    async def put(self, key: str, content: bytes) -> None:
        await self._client.put_object(Bucket="kept", Key=key, Body=content)

    async def delete(self, key: str) -> None:
        await self._client.delete_object(Bucket="kept", Key=key)


@pytest.fixture
async def bucket(aws: str) -> AsyncIterator[Bucket]:
    async with get_session().create_client("s3") as client:
        await client.create_bucket(Bucket="kept", CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
        yield Bucket(client)


async def test_a_prefix_is_read_in_the_order_of_keys(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "2")  # in a page of the list
    written = {
        "e/2": LINES,
        "e/1.gz": gzip.compress(b"".join(BODIES)),
        "e/": b"",
        "e/10": BODIES[0],
        "e/3/4": BODIES[1],
    }
    for key, content in {**written, "f": b"other"}.items():
        await bucket.put(key, content)
    source = ArchiveSource("s3://kept/e/")
    assert await all_of(source) == [*BODIES, BODIES[0], *BODIES, BODIES[1]]
    assert source.files == 4
    assert source.bytes_read == source.total_bytes == sum(map(len, written.values()))
    assert source.position == ArchivePosition("s3://kept/e/3/4", 1)


async def test_an_object_is_read_without_those_whose_names_begin_like_it(bucket: Bucket) -> None:
    await bucket.put("events", LINES)
    await bucket.put("events.old", b"old")
    assert await all_of(ArchiveSource("s3://kept/events")) == BODIES


async def test_a_whole_bucket_is_read(bucket: Bucket) -> None:
    await bucket.put("events", LINES)
    assert await all_of(ArchiveSource("s3://kept")) == BODIES


async def test_an_object_larger_than_a_block_is_streamed(bucket: Bucket) -> None:
    bodies = [one_line({"n": n, "text": "x" * 3000}) for n in range(2000)]
    await bucket.put("events", b"\n".join(bodies))
    assert await all_of(ArchiveSource("s3://kept/events")) == bodies


async def test_an_s3_source_closes_in_the_middle_of_an_object(bucket: Bucket) -> None:
    await bucket.put("events", b"\n".join([one_line({"text": "x" * 3000})] * 5000))
    async with aclosing(ArchiveSource("s3://kept/events", batch_size=10)) as source:
        assert await source.read()


async def test_an_object_deleted_meanwhile_is_refused(bucket: Bucket) -> None:
    await bucket.put("events", LINES)
    async with aclosing(ArchiveSource("s3://kept/events")) as source:
        await source.find()
        await bucket.delete("events")
        with pytest.raises(Refused, match=r"^s3://kept/events does not exist any more: read from the start$"):
            await source.read()


@pytest.fixture
def cutting(aws: str) -> Iterator[tuple[str, list[int]]]:
    """A server in front of AWS that cuts the next objects short, and the list of how many bytes it sends of each."""
    cuts: list[int] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            with urllib.request.urlopen(urllib.request.Request(aws + self.path, headers=dict(self.headers))) as reply:
                content = reply.read()
                self.send_response(reply.status)
                for name in ("Content-Type", "Content-Length"):
                    self.send_header(name, reply.headers[name])
                self.end_headers()
            is_list = "list-type" in self.path
            self.wfile.write(content if is_list or not cuts else content[: cuts.pop(0)])

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", cuts
    server.shutdown()
    thread.join()
    server.server_close()


async def test_reading_goes_on_where_s3_broke_off(bucket: Bucket, cutting: tuple[str, list[int]]) -> None:
    bodies = [one_line({"n": n, "text": "x" * 3000}) for n in range(500)]
    await bucket.put("events", b"\n".join(bodies))
    url, cuts = cutting
    came: list[bytes] = []
    async with aclosing(ArchiveSource("s3://kept/events", endpoint_url=url)) as source:
        cuts[:] = [100, 1_000_000]
        with pytest.raises(Unavailable, match="AWS did not answer"):
            await source.read()
        assert not came
        async for batch in batches(source):
            came += [delivery.body for delivery in batch.deliveries]
        assert cuts == []
        assert source.bytes_read == source.total_bytes
    assert came == bodies


async def refusal(name: str) -> str:
    async with aclosing(ArchiveSource(name)) as source:
        with pytest.raises(Refused) as refused:
            await source.read()
        return str(refused.value)


async def test_a_bucket_that_does_not_exist_is_refused(aws: str) -> None:
    assert await refusal("s3://nowhere/events") == "bucket 'nowhere' does not exist: check its name"


async def test_a_prefix_of_nothing_is_refused(bucket: Bucket) -> None:
    assert await refusal("s3://kept/none") == "nothing in bucket 'kept' begins with 'none': check the prefix"


async def test_a_bucket_without_a_name_is_refused(aws: str) -> None:
    assert await refusal("s3:///events") == "s3:///events names no bucket: write s3://bucket/prefix"


async def test_s3_without_credentials_is_refused(aws: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    assert await refusal("s3://kept/events") == (
        "no AWS credentials: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    )


async def test_a_bucket_we_may_not_list_is_refused(bucket: Bucket, as_nobody: None) -> None:
    assert await refusal("s3://kept/events") == "not allowed to read bucket 'kept': give this role s3:ListBucket"
