"""Files of events: every format reads back as the same events, and a broken event costs its neighbours nothing."""

from __future__ import annotations

import gzip
import os
import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, repeat
from typing import Any

import pytest
import zstandard
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ingest import archive_format
from ingest.archive_format import LONGEST
from ingest.delivery import Refused
from tests.support.archive_files import ON_LINES, ONE_BY_ONE, Write, events, one_line, pretty, writers
from tests.support.laws import scaled

BLOCK = 1 << 20
BODIES = [one_line({"detail-type": "T", "detail": {"n": n}}) for n in range(10)]
LINES = b"\n".join(BODIES)


def blocks(content: bytes, size: int = BLOCK) -> Iterator[bytes]:
    """A file's content, so many bytes at a time; a small size falls between any two bytes that belong together."""
    return (content[at : at + size] for at in range(0, len(content), size))


def read(content: bytes | Iterable[bytes], size: int = BLOCK) -> list[bytes]:
    """The events in a file, decompressed and searched so many bytes at a time."""
    stored = blocks(content, size) if isinstance(content, bytes) else iter(content)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("ingest.archive_format._PACKED", min(size, 1 << 14))
        patched.setattr("ingest.archive_format._USUAL", min(16 * size, 1 << 18))
        return list(archive_format.events(archive_format.unpacked(stored, "events")))


def until_refused(content: bytes, name: str = "events") -> tuple[list[bytes], str]:
    """The events that a file gives before it is refused, and the reason."""
    bodies: list[bytes] = []
    with pytest.raises(Refused) as refused:
        bodies.extend(archive_format.events(archive_format.unpacked(blocks(content), name)))
    return bodies, str(refused.value)


sizes = st.sampled_from([1, 2, 3, 7, 64, BLOCK])


@pytest.mark.law
@settings(max_examples=scaled(200), deadline=None)
@given(st.lists(events.map(one_line), min_size=1, max_size=8), writers(ON_LINES | ONE_BY_ONE), sizes)
@example([rb'{":\"": null}'], ONE_BY_ONE["array"], 1)  # possessive quantifiers fail here before Python 3.11.5
def test_events_read_back_as_they_were_written(bodies: list[bytes], write: Write, size: int) -> None:
    assert read(write(bodies), size) == bodies


@pytest.mark.law
@settings(max_examples=scaled(100), deadline=None)
@given(
    st.lists(events.filter(bool).map(pretty), min_size=1, max_size=8),
    writers({**ONE_BY_ONE, "a line after each": b"\n".join}),
    sizes,
)
def test_events_over_many_lines_read_back_as_they_were_written(bodies: list[bytes], write: Write, size: int) -> None:
    assert read(write(bodies), size) == bodies


@pytest.mark.parametrize("shape", ONE_BY_ONE)
def test_events_that_begin_in_different_ways_read_back_as_they_were_written(shape: str) -> None:
    bodies = [one_line({f"key {n}": {"nested": [{f"key {n + 1}": 'a "quote", a \\ and {'}]}}) for n in range(1000)]
    assert read(ONE_BY_ONE[shape](bodies)) == bodies


@pytest.mark.parametrize("text", ["x", '"', "\\", "{"], ids=repr)
def test_a_large_event_reads_back_as_it_was_written(text: str) -> None:
    bodies = [one_line({"n": n, "definition": text * (3 << 20)}) for n in range(3)]
    assert read(ONE_BY_ONE["array"](bodies)) == bodies


# What is broken


@pytest.mark.law
@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress], ids=["gz", "zst"])
@settings(max_examples=scaled(40), deadline=None)
@given(cut=st.floats(0, 1, exclude_max=True))
def test_a_file_cut_short_gives_what_it_holds_and_is_refused(pack: Callable[[bytes], bytes], cut: float) -> None:
    whole = pack(LINES)
    bodies, said = until_refused(whole[: 4 + int(cut * (len(whole) - 4))])
    assert bodies == BODIES[: len(bodies)]
    assert said == "events is damaged (it ends too early): replace it, or leave it out"


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress], ids=["gz", "zst"])
def test_what_stands_before_the_damage_is_handed_out(pack: Callable[[bytes], bytes]) -> None:
    bodies = [one_line({"n": os.urandom(50).hex()}) for _ in range(2000)]
    packed = bytearray(pack(b"\n".join(bodies)))
    packed[-8000:-7000] = bytes(1000)
    came, said = until_refused(bytes(packed))
    assert came[:500] == bodies[:500]
    assert said.startswith("events is damaged (")


def test_a_file_that_only_calls_itself_compressed_is_damaged_unless_it_is_json() -> None:
    unpacked = archive_format.unpacked(blocks(LINES), "unpacked.gz")
    assert list(archive_format.events(unpacked)) == BODIES
    for name in ("broken.gz", "broken.zst"):
        assert until_refused(b"\0" + gzip.compress(LINES)[1:], name)[1].startswith(f"{name} is damaged (")


def test_a_line_that_is_no_json_is_handed_out() -> None:
    lines = [b"", BODIES[0], b"{broken", b"not JSON", b'{"a": 1}{"b": 2}', b"\xff\xfe", BODIES[1]]
    assert read(b"\n".join(lines)) == lines[1:]


def test_a_file_that_is_no_json_is_handed_out_by_lines() -> None:
    assert read(b"# Events\n\nof last year\n") == [b"# Events", b"of last year"]


def test_what_is_between_objects_is_handed_out() -> None:
    assert read(b'[null, {"a": 1}, "text"\n, {"b": 2} }] rest') == [
        b"null",
        b'{"a": 1}',
        b'"text"',
        b'{"b": 2}',
        b"}] rest",
    ]


@pytest.mark.parametrize("content", [b"", b"\n \n", b"\xef\xbb\xbf", b"[]", b"[\n]\n", gzip.compress(b"", mtime=0)])
def test_a_file_with_no_events_gives_none(content: bytes) -> None:
    assert read(content) == []


@pytest.mark.law
@settings(max_examples=scaled(100), deadline=None)
@given(
    st.lists(events.filter(bool), min_size=1, max_size=5),
    st.lists(events.filter(bool), min_size=1, max_size=5),
    st.sampled_from(sorted(ONE_BY_ONE)),
    st.sampled_from([one_line, pretty]),
    st.data(),
)
def test_a_broken_object_costs_its_neighbours_nothing(
    before: list[Any],
    after: list[Any],
    shape: str,
    write: Callable[[object], bytes],
    data: st.DataObject,
) -> None:
    good = [[write({"version": "0", **event}) for event in events] for events in (before, after)]
    whole = write({"version": "0", "detail": {"a": ["b", {"c": "d"}]}})
    broken = whole[: data.draw(st.integers(15, len(whole) - 1))]
    bodies = read(ONE_BY_ONE[shape]([*good[0], broken, *good[1]]))
    assert bodies[: len(before)] == good[0]
    assert bodies[-len(after) :] == good[1] or bodies[-len(after) - 1 : -1] == good[1]


def test_a_line_without_end_is_cut_and_reading_goes_on_behind_it() -> None:
    assert read(BODIES[0] + b"\n" + b"x" * (LONGEST + 3_000_000) + b"\n" + BODIES[1]) == [
        BODIES[0],
        b"x" * LONGEST,
        BODIES[1],
    ]


def test_only_a_line_by_itself_can_be_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.archive_format.LONGEST", 2 * len(BODIES[0]))
    assert read(b"\n".join(BODIES * 10), len(BODIES[0]) // 2) == BODIES * 10


def test_a_last_line_without_end_is_cut() -> None:
    assert read(BODIES[0] + b"\n" + b"x" * (LONGEST + 3_000_000)) == [BODIES[0], b"x" * LONGEST]


def test_an_object_without_end_is_cut_and_reading_goes_on_behind_it() -> None:
    first, cut, last = read(b'[{"a": 1}, {"a": "' + b"x" * (LONGEST + 3_000_000) + b'"}, {"a": 2}]')
    assert (first, len(cut), last) == (b'{"a": 1}', LONGEST, b'{"a": 2}')


@pytest.mark.parametrize(
    ("start", "filling"),
    [(b"", b" x"), (b"[{", b" x"), (b'[{"a": "', b" x"), (b'[{"a": "', rb"\""), (b'[{"a": [', b"0,"), (b"[{", b'""')],
    ids=repr,
)
def test_memory_does_not_grow_with_what_has_no_end(
    start: bytes, filling: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    longest = LONGEST // 4
    monkeypatch.setattr("ingest.archive_format.LONGEST", longest)
    block = filling * (1 << 17)
    tracemalloc.start()
    try:
        assert len(read(chain((start,), repeat(block, 100)))) == 1
        assert tracemalloc.get_traced_memory()[1] < 6 * longest
    finally:
        tracemalloc.stop()
