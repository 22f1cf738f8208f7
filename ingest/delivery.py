"""Deliveries: what a source hands to us, and how it learns what became of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Delivery:
    """One handing-over of a message.

    Attributes:
        body: The message as it came, envelopes and all.
        origin: Where it came from, for people: a queue's URL, or a file's name and the number of its event.
    """

    body: bytes
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Batch:
    """Some deliveries and the one acknowledgement of them all.

    Until `ack` is awaited the source may deliver every one of them again. The source keeps them to itself for as
    long as the batch is neither acknowledged nor given back.
    """

    deliveries: Sequence[Delivery]
    ack: Callable[[], Awaitable[None]]


class Source(Protocol):
    """Where deliveries come from: a queue, an archive."""

    async def read(self) -> Batch | None:
        """The next batch, empty when nothing came for a while, or None when there will never be more.

        Raises:
            Refused: The source cannot be read, and trying again will not help.
            Unavailable: The source did not answer; it may the next time.
        """

    async def aclose(self) -> None:
        """Let go of connections and files. Batches not acknowledged are delivered again some day."""


class Refused(Exception):
    """What was asked for is not there or not allowed; the message is one sentence that says what to do."""


class Unavailable(Exception):
    """Something we depend on did not answer: try again later."""
