"""The events in a file, as bytes, whatever the file's format and compression.

msgspec decides what is JSON. The code here only proposes where an event may end, so that a broken event costs its
neighbours nothing and memory stays bounded: docs/decisions/0012-where-an-event-ends.md.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain
from typing import Any

import msgspec
import zstandard

from ingest.delivery import Refused

LONGEST = 16 << 20  # bytes of one event; anything longer is no event and is cut here
_PACKED = 1 << 14  # compressed bytes to unpack at a time: one can become more than a thousand
_LONGEST_OPENING = 256
_USUAL = 1 << 15  # bytes of one event: looking further ahead for the next one would cost more than it saves
_BOM = b"\xef\xbb\xbf"


def unpacked(blocks: Iterator[bytes], name: str) -> Iterator[bytes]:
    """The blocks of a file, decompressed if its first bytes or its name show that it is compressed.

    Raises:
        Refused: The file is damaged. Everything before the damage, to within _PACKED bytes, has been yielded.
    """
    start = b""
    while len(start) < 4 and (block := next(blocks, b"")):
        start += block
    blocks = chain((start,), blocks)
    looks_plain = start.removeprefix(_BOM).lstrip()[:1] in (b"{", b"[")  # some servers decompress what they send
    if start.startswith(b"\x1f\x8b") or (name.endswith(".gz") and not looks_plain):
        return _decompressed(blocks, name, partial(zlib.decompressobj, wbits=31))
    if start.startswith(b"\x28\xb5\x2f\xfd") or (name.endswith(".zst") and not looks_plain):
        return _decompressed(blocks, name, zstandard.ZstdDecompressor().decompressobj)
    return blocks


def _decompressed(blocks: Iterator[bytes], name: str, start_member: Callable[[], Any]) -> Iterator[bytes]:
    member = None  # a file may hold several in a row
    for block in blocks:
        for at in range(0, len(block), _PACKED):
            packed = block[at : at + _PACKED]
            while packed:
                if member is None:
                    packed = packed.lstrip(b"\0")  # padding between members
                    if not packed:
                        break
                    member = start_member()
                try:
                    plain = member.decompress(packed)
                except (zlib.error, zstandard.ZstdError) as why:
                    raise Refused(f"{name} is damaged ({why}): replace it, or leave it out") from why
                if plain:
                    yield plain
                packed = member.unused_data
                if member.eof:
                    member = None
    if member is not None:
        raise Refused(f"{name} is damaged (it ends too early): replace it, or leave it out")


def events(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """The events in a file, byte for byte but without the whitespace around each."""
    start = b""
    as_lines = None
    looked_at = 0
    for block in blocks:
        start += block
        if len(start) < 2 * looked_at:  # looking again after every block would be slow
            continue
        looked_at = len(start)
        as_lines = _is_lines(start)
        if as_lines is not None or looked_at > LONGEST:
            break
    if as_lines is None:
        as_lines = _is_lines(start + b"\n") is not False
    blocks = chain((start.removeprefix(_BOM),), blocks)
    return chain.from_iterable(_lines(blocks)) if as_lines else _objects(blocks)


def _is_lines(start: bytes) -> bool | None:
    """Whether a file that begins with these bytes has one event on each line; None when they do not show it yet.

    It has if its first line is an object or is not JSON. In arrays, and where an object covers several lines or
    shares its line with others, the end of each object has to be found, which takes longer.
    """
    start = start.removeprefix(_BOM).lstrip()
    if _BOM.startswith(start):
        return None
    if not start.startswith(b"{"):
        return not start.startswith(b"[")
    first, newline, _ = start.partition(b"\n")
    end = _end_of_object(first, 0, len(first))
    if end is not None and first[end:].strip():
        return False
    return end is not None if newline else None


def _lines(blocks: Iterator[bytes]) -> Iterator[list[bytes]]:
    """The lines that are not blank, each cut at LONGEST."""
    begun: list[bytes] = []  # a line that continues in the next block
    length = 0
    for block in blocks:
        lines = block.split(b"\n")
        if length < LONGEST:
            begun.append(lines[0])
            length += len(lines[0])
        if len(lines) > 1:
            lines[0] = b"".join(begun)[:LONGEST]
            begun = [lines.pop()]
            length = len(begun[0])
            yield [line for line in map(bytes.strip, lines) if line]
    if last := b"".join(begun)[:LONGEST].strip():
        yield [last]


# Commas and square brackets between objects mean nothing here: an array, even of arrays, is read as its objects.
_SEPARATORS = b" \t\n\r\f\v,[]"
_BETWEEN = re.compile(rb"[\s,\[\]]*")
_NO_OBJECT = re.compile(rb"[^{\n]+")
# No possessive quantifiers, which are broken before Python 3.11.5; and a group is repeated 100 times at most, since
# each repetition takes memory. No string in JSON holds a newline.
_TO_BRACKET = re.compile(rb'[^"{}\[\]]*(?:"[^"\\\n]*"[^"{}\[\]]*){0,100}')  # past strings without escapes
_TO_END_OF_STRING = re.compile(rb'[^"\\\n]*(?:\\[^\n][^"\\\n]*){0,100}')
_OPENING = re.compile(rb'\{\s{0,80}"[^"\n]{1,100}"|')

_raw = msgspec.json.Decoder(msgspec.Raw)  # checks the whole text and builds nothing


def _objects(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """The objects in an array or a stream, and anything else found between them."""
    window = b""
    at = 0
    damaged = False
    previous = b""
    while True:
        at = _reach(_BETWEEN, window, at, len(window))
        opening = _opening(window, at)
        end = _likely_end(window, at, opening) if opening and opening == previous else None
        if end is None:
            end = _end_of_piece(window, at, opening, damaged)
        if end is None and len(window) - at <= LONGEST and (more := _gather(blocks, len(window) - at)):
            window, at = window[at:] + more, 0
            continue
        if at == len(window):
            return
        if end is None:  # an object without an end is cut where another one seems to begin
            damaged = True
            end = _next_opening(window, at, opening)
            yield window[at : min(end, at + LONGEST)].rstrip(b" \t\r\n,")
            while end == len(window) and (block := next(blocks, b"")):
                window = window[-_LONGEST_OPENING:] + block
                end = _next_opening(window, 0, opening)
        else:
            yield window[at : min(end, at + LONGEST)].rstrip(b" \t\r\n,")
        at = end
        previous = opening


def _gather(blocks: Iterator[bytes], size: int) -> bytes:
    """The next blocks, at least `size` bytes in all: a window that doubles is searched only twice as long in all."""
    gathered = []
    for block in blocks:
        gathered.append(block)
        size -= len(block)
        if size <= 0:
            break
    return b"".join(gathered)


def _likely_end(window: bytes, at: int, opening: bytes) -> int | None:
    """Where the object that begins here ends, if another one begins in the same way and this one is JSON up to it."""
    begins = window.find(opening, at + 1, at + _USUAL)
    if begins < 0:
        return None
    piece = window[at:begins].rstrip(_SEPARATORS)
    return at + len(piece) if _is_json(piece) else None


def _end_of_piece(window: bytes, at: int, opening: bytes, damaged: bool) -> int | None:
    """Where the object that begins here ends, or the text that is no object; None if that is beyond the window.

    Args:
        window: A part of the file.
        at: Where in it the piece begins.
        opening: How the object begins; empty for text that is no object.
        damaged: Whether an object without an end was found in this file. Then an object ends at the latest where
            another one seems to begin: else one more without an end would swallow all objects behind it.
    """
    if window[at : at + 1] != b"{":
        end = _reach(_NO_OBJECT, window, at, len(window))
        return end if end < len(window) else None
    limit = _next_opening(window, at, opening) if damaged else len(window)
    end_of_object = _end_of_object(window, at, limit)
    if end_of_object is None:
        return limit if limit < len(window) else None
    if not _is_json(window[at:end_of_object]):  # if a quote is missing, for example, this end lies in the next object
        return min(end_of_object, _next_opening(window, at, opening))
    return end_of_object


def _is_json(piece: bytes) -> bool:
    try:
        _raw.decode(piece)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


def _end_of_object(window: bytes, at: int, limit: int) -> int | None:
    """Where the bracket that opens here is closed; None if that is beyond the limit, or a string has no end."""
    depth = 0
    while (at := _reach(_TO_BRACKET, window, at, limit)) < limit:
        first = window[at]
        at += 1
        if first == ord('"'):  # with escapes, or the 101st in a row
            end = _end_of_string(window, at, limit)
            if end is None:
                return None
            at = end
        else:
            depth += 1 if first in b"{[" else -1
            if depth == 0:
                return at
    return None


def _end_of_string(window: bytes, at: int, limit: int) -> int | None:
    """Where the string ends whose characters begin here; None if that is beyond a newline or the limit."""
    while (end := _reach(_TO_END_OF_STRING, window, at, limit)) > at:
        at = end
    return at + 1 if window.startswith(b'"', at, limit) else None


def _opening(window: bytes, at: int) -> bytes:
    """The first key of the object here and what stands before it: the next object is likely to begin the same way."""
    return window[at : _reach(_OPENING, window, at, len(window))]


def _next_opening(window: bytes, at: int, opening: bytes) -> int:
    """Where the next object seems to begin, on a line of its own or like the one before it; else the window's end."""
    alike = window.find(opening, at + 1) if opening else -1
    limit = len(window) if alike < 0 else alike
    line = window.find(b"\n{", at, limit)
    return limit if line < 0 else line + 1


def _reach(pattern: re.Pattern[bytes], window: bytes, at: int, limit: int) -> int:
    found = pattern.match(window, at, limit)
    return found.end() if found else at
