"""What is in a file of events: the bytes of each, whatever the file's format and packing; told by how it begins."""

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

LONGEST = 16 << 20  # bytes of one event; what is longer cannot be one and is handed out up to here
_PACKED = 1 << 14  # compressed bytes unpacked at a time: each may become a thousand and more
_LONGEST_OPENING = 256
_BOM = b"\xef\xbb\xbf"


def unpacked(blocks: Iterator[bytes], name: str) -> Iterator[bytes]:
    """The blocks of a file, decompressed if it is compressed: told by how it begins, or by its name.

    Raises:
        Refused: It is damaged. What was unpacked before the damage, to within _PACKED bytes, has been handed out.
    """
    start = b""
    while len(start) < 4 and (block := next(blocks, b"")):
        start += block
    blocks = chain((start,), blocks)
    looks_plain = start.removeprefix(_BOM).lstrip()[:1] in (b"{", b"[")  # a server may have unpacked it on the way
    if start.startswith(b"\x1f\x8b") or (name.endswith(".gz") and not looks_plain):
        return _decompressed(blocks, name, partial(zlib.decompressobj, wbits=31))
    if start.startswith(b"\x28\xb5\x2f\xfd") or (name.endswith(".zst") and not looks_plain):
        return _decompressed(blocks, name, zstandard.ZstdDecompressor().decompressobj)
    return blocks


def _decompressed(blocks: Iterator[bytes], name: str, start_member: Callable[[], Any]) -> Iterator[bytes]:
    member = None  # a file may hold several, one after the other
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
    """The events in a file, each as it stands there but for the blanks around it."""
    start = b""
    as_lines = None
    looked_at = 0
    for block in blocks:
        start += block
        if len(start) < 2 * looked_at:  # looking again after every block would take long
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
    """Whether a file that begins so has one event on each line; None when more of it must be seen.

    It has when its first line is an object, or is no JSON. Objects over several lines, several on one line, and
    arrays have to be told apart bracket by bracket, which takes longer.
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
    """Lines that are not blank, cut where they are too long."""
    begun: list[bytes] = []  # a line that goes on in the next block
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


# Commas and square brackets between objects say nothing: an array, even of arrays, is read as the objects in it.
_BETWEEN = re.compile(rb"[\s,\[\]]*")
_NO_OBJECT = re.compile(rb"[^{\n]+")
# From one bracket to the next: strings are passed over, and no string in JSON holds a newline.
_TO_BRACKET = re.compile(rb'[^"{}\[\]]*+(?:"[^"\\\n]*+(?:\\.[^"\\\n]*+)*+"[^"{}\[\]]*+)*+')
_OPENING = re.compile(rb'\{\s{0,80}"[^"\n]{1,100}"|')

_unread = msgspec.json.Decoder(msgspec.Raw)  # checks, and makes nothing of it


def _objects(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """The objects in an array or a stream, and whatever else is between them."""
    window = b""
    at = 0
    damaged = False
    while True:
        at = _reach(_BETWEEN, window, at, len(window))
        end = _end_of_piece(window, at, damaged)
        if end is None and len(window) - at <= LONGEST and (more := _gather(blocks, len(window) - at)):
            window, at = window[at:] + more, 0
            continue
        if at == len(window):
            return
        if end is None:  # it does not end where an object must, so it ends where another one seems to begin
            damaged = True
            opening = _opening(window, at)
            end = _next_opening(window, at, opening)
            yield window[at : min(end, at + LONGEST)].rstrip(b" \t\r\n,")
            while end == len(window) and (block := next(blocks, b"")):
                window = window[-_LONGEST_OPENING:] + block
                end = _next_opening(window, 0, opening)
        else:
            yield window[at : min(end, at + LONGEST)].rstrip(b" \t\r\n,")
        at = end


def _gather(blocks: Iterator[bytes], size: int) -> bytes:
    """The next blocks, together of that size at least: whoever doubles what is looked at looks but twice."""
    gathered = []
    for block in blocks:
        gathered.append(block)
        size -= len(block)
        if size <= 0:
            break
    return b"".join(gathered)


def _end_of_piece(window: bytes, at: int, damaged: bool) -> int | None:
    """Where the object ends that begins here, or what is no object; None when the window ends before it.

    Args:
        window: A part of the file.
        at: Where in it the piece begins.
        damaged: Whether the file holds objects without an end. Then what looks like the start of another object ends
            this one; else one without end would swallow all that follow, and take long.
    """
    if window[at : at + 1] != b"{":
        end = _reach(_NO_OBJECT, window, at, len(window))
        return end if end < len(window) else None
    limit = _next_opening(window, at, _opening(window, at)) if damaged else len(window)
    end_of_object = _end_of_object(window, at, limit)
    if end_of_object is None:
        return limit if limit < len(window) else None
    if not _is_json(
        window[at:end_of_object]
    ):  # such as a quote too few: then the end was seen in a string of the next object
        return min(end_of_object, _next_opening(window, at, _opening(window, at)))
    return end_of_object


def _is_json(piece: bytes) -> bool:
    try:
        _unread.decode(piece)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


def _end_of_object(window: bytes, at: int, limit: int) -> int | None:
    """Where the brackets close that open here; None when they do not before the limit, or a string does not end."""
    depth = 0
    while (at := _reach(_TO_BRACKET, window, at, limit)) < limit:
        bracket = window[at]
        if bracket == ord('"'):  # of a string that does not end
            return None
        depth += 1 if bracket in b"{[" else -1
        at += 1
        if depth == 0:
            return at
    return None


def _opening(window: bytes, at: int) -> bytes:
    """How the object here begins, with its first key: the next one likely begins the same way."""
    return window[at : _reach(_OPENING, window, at, len(window))]


def _next_opening(window: bytes, at: int, opening: bytes) -> int:
    """Where the next object behind this place seems to begin, in a line of its own or like the one before it."""
    alike = window.find(opening, at + 1) if opening else -1
    limit = len(window) if alike < 0 else alike
    line = window.find(b"\n{", at, limit)
    return limit if line < 0 else line + 1


def _reach(pattern: re.Pattern[bytes], window: bytes, at: int, limit: int) -> int:
    found = pattern.match(window, at, limit)
    return found.end() if found else at
