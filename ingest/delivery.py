"""Deliveries: what a source yields, how it is acknowledged, and how far a source may move its position."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

P = TypeVar("P")


@dataclass(frozen=True, slots=True)
class Delivery:
    """One handing-over of a message.

    Attributes:
        body: The message as it came, with its envelopes.
        origin: Where it came from, for people: a queue's URL, or a file's name and the number of the event in it.
    """

    body: bytes
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Batch:
    """Some deliveries, and one acknowledgement for all of them.

    Until `ack` is awaited, the source may deliver each of them again. No other reader gets them as long as this one
    holds the batch.
    """

    deliveries: Sequence[Delivery]
    ack: Callable[[], Awaitable[None]]


class Source(Protocol):
    """Where deliveries come from: a queue, a topic, an archive."""

    async def read(self) -> Batch | None:
        """The next batch; empty if nothing came for a while; None at the end of the source.

        Raises:
            Refused: The source cannot be read, and trying again will not help.
            Unavailable: The source did not answer; the next read may succeed.
        """

    async def aclose(self) -> None:
        """Close connections and files. Batches that are not acknowledged are delivered again."""


async def nothing_to_ack() -> None:
    """The `ack` of an empty batch."""


@dataclass(slots=True)
class _HandedOut(Generic[P]):
    """A batch that was handed out, and the position behind it."""

    position: P
    acked: bool = False


class AckTracker(Generic[P]):
    """Moves a source's position past a batch once that batch, and every batch before it, is acknowledged.

    Several batches may be handled at once and acknowledged in any order. If the position skipped one of them, that
    batch would be lost when reading continues from there.
    """

    def __init__(self, move: Callable[[P], None]) -> None:
        """Start without a batch.

        Args:
            move: Called with the position behind each batch, in the order in which they were handed out.
        """
        self._move = move
        self._handed_out: deque[_HandedOut[P]] = deque()

    def batch(self, deliveries: Sequence[Delivery], position: P) -> Batch:
        """The next batch to hand out, and the position behind it."""
        handed_out = _HandedOut(position)
        self._handed_out.append(handed_out)

        async def ack() -> None:
            handed_out.acked = True
            while self._handed_out and self._handed_out[0].acked:
                self._move(self._handed_out.popleft().position)

        return Batch(deliveries, ack)


class Refused(Exception):
    """What was requested does not exist or is not allowed; the message is one sentence that says what to do."""


class Unavailable(Exception):
    """Something we depend on did not answer: try again later."""
