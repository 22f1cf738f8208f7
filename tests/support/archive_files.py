"""Files of events in every format and compression that archives may have."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Sequence

import zstandard
from hypothesis import strategies as st

# Every character that could mislead a search for the end of an object, and some that are rare.
texts = st.text(st.sampled_from('ab{}[]",:\\/\n\r\t \ufeffé\u2028😀'), max_size=12)
scalars = texts | st.integers(-(10**30), 10**30) | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    scalars | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
events = st.dictionaries(texts, values, max_size=4)

Write = Callable[[Sequence[bytes]], bytes]

ON_LINES: dict[str, Write] = {
    "lines": b"\n".join,
    "lines, the last one ended": lambda events: b"".join(event + b"\n" for event in events),
    "lines of Windows": b"\r\n".join,
    "lines with blank ones between": b"\n\n \t\n".join,
}
ONE_BY_ONE: dict[str, Write] = {
    "array": lambda events: b"[" + b",".join(events) + b"]",
    "array over lines": lambda events: b"[\n  " + b",\n  ".join(events) + b"\n]\n",
    "array of arrays": lambda events: b"[[" + b"],\n[".join(events) + b"]]",
    "one after the other": b"".join,
    "one after the other, with blanks": b"  ".join,
    "first two on a line": lambda events: b"".join(events[:2]) + b"\n" + b"\n".join(events[2:]),
}
PACKINGS: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "with a byte order mark": lambda content: b"\xef\xbb\xbf" + content,
    "gz": gzip.compress,
    "gz of many members": lambda content: b"".join(map(gzip.compress, _parts(content))) + b"\0\0",
    "zst": zstandard.compress,
    "zst of many frames": lambda content: b"".join(map(zstandard.compress, _parts(content))),
}


def _parts(content: bytes) -> list[bytes]:
    return [content[at : at + 7] for at in range(0, len(content), 7)] or [b""]


def one_line(event: object) -> bytes:
    """An event as JSON on one line."""
    return json.dumps(event, ensure_ascii=False).encode("utf-8", "surrogatepass")


def pretty(event: object) -> bytes:
    """An event as indented JSON over several lines."""
    return json.dumps(event, indent=2).encode()


def writers(shapes: dict[str, Write]) -> st.SearchStrategy[Write]:
    """Ways to write events into a file."""
    return st.tuples(st.sampled_from(sorted(shapes)), st.sampled_from(sorted(PACKINGS))).map(
        lambda names: lambda events: PACKINGS[names[1]](shapes[names[0]](events))
    )
