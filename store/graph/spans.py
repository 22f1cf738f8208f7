"""When runs read and wrote, and which of several writings of one address a reader can have seen (docs/decisions/0014).

Times are epoch milliseconds. A time that is unknown rules nothing out.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate
from typing import NamedTuple

import msgspec

FOREVER = 1 << 62
"""A time after all others: of what has not ended, or not so far as is known."""


class Span(NamedTuple):
    """The times of one run, action or model package.

    Attributes:
        began: Since when it may have written: its creation; 0 when that is unknown.
        reads: Since when it reads: its start; -1 when that is unknown.
        last: Until when it reads.
        ended: Until when it wrote.
        overwrites: True if it was completed, so that what was there before it is there no longer.
    """

    began: int = 0
    reads: int = -1
    last: int = FOREVER
    ended: int = FOREVER
    overwrites: bool = False


class TimedRow(NamedTuple):
    """An entity's row, as far as a span is made of it."""

    id: int
    lineage_type: str
    type: str
    status: str
    source_uri: str
    created: int
    document: str


class _Times(msgspec.Struct):
    started: int | None = None
    ended: int | None = None


_TIMES = msgspec.json.Decoder(_Times)
_WHOLE = frozenset({"completed", "succeeded"})
_UNDER_WAY = frozenset({"inprogress", "running", "starting", "stopping"})


def span_of(row: TimedRow) -> Span:
    """The span of an entity.

    A run reads from its start, and may have written since its creation. A deployment, and a model package, read what
    they consist of when they are made. What has no time of its own, such as a context, has a span without limits.
    """
    if row.lineage_type == "TrialComponent":
        return _run(row, _TIMES.decode(row.document))
    if row.lineage_type == "Action":
        ended = _TIMES.decode(row.document).ended
        if row.type == "ModelDeployment":
            return _moment(row.created)._replace(began=row.created, ended=FOREVER if ended is None else ended)
        return _run(row, _Times(row.created if 0 < row.created < (ended or FOREVER) else None, ended))
    if row.lineage_type == "Artifact" and is_package(row.source_uri):
        return _moment(row.created)
    return Span()


def is_package(source_uri: str) -> bool:
    """True of the ARN of a model package: an artifact that is made of others at one moment."""
    return source_uri.startswith("arn:") and ":model-package/" in source_uri


def is_overwritten(source_uri: str) -> bool:
    """True of an address whose content the next writing replaces; a feature group, by its ARN, keeps all of it."""
    return source_uri[:4].lower() != "arn:" or ":feature-group/" not in source_uri.lower()


def _moment(created: int) -> Span:
    return Span(reads=created, last=created) if created > 0 else Span()


def _run(row: TimedRow, times: _Times) -> Span:
    started, ended = times.started, times.ended
    began = 0
    if row.created > 0 and (started is not None or row.status.lower() in _UNDER_WAY):
        began = row.created if started is None else min(row.created, started)
    reads = -1 if started is None else started
    if ended is None:
        return Span(began=began, reads=reads)
    if began >= ended:  # no more than its end was reported
        began = 0
    whole = row.status.lower() in _WHOLE and ended > reads
    return Span(began, reads, max(ended, row.created), ended, whole)


class Writings:
    """The writings of one address, and which of them a reader can have seen.

    Those that began before the reader ended, but for those that ended before another one began which was completed
    before the reader began: that one replaced them.
    """

    def __init__(self, writers: Iterable[int], spans: Mapping[int, Span], *, replaced: bool) -> None:
        """Sort them.

        Args:
            writers: The ids of what wrote there, under any spelling of the address.
            spans: The span of each, and of each reader.
            replaced: Whether the next writing replaces what was written.
        """
        self._spans = spans
        self._writers = sorted(set(writers), key=lambda writer: spans[writer].began)
        self._began = [spans[writer].began for writer in self._writers]
        self._until = list(accumulate((spans[writer].ended for writer in self._writers), max))
        completed = [spans[writer] for writer in self._writers if replaced and spans[writer].overwrites]
        completed.sort(key=lambda span: span.ended)
        self._completed = [span.ended for span in completed]
        self._replaced = list(accumulate((span.began for span in completed), max))

    def seen_by(self, reader: int, *, inside: bool) -> Iterator[int]:
        """The writers that a reader can have seen, and never itself.

        Args:
            reader: Its id.
            inside: Whether it reads a part of the address only: then a later writing need not have replaced an earlier.
        """
        span = self._spans[reader]
        finished = 0 if inside else bisect_right(self._completed, span.reads)
        since = self._replaced[finished - 1] if finished else 0
        for place in range(bisect_right(self._began, span.last) - 1, -1, -1):
            if self._until[place] < since:
                return
            writer = self._writers[place]
            if writer != reader and self._spans[writer].ended >= since:
                yield writer
