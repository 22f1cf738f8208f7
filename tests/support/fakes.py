"""Stand-ins that keep the promises of what they stand for; tests/contracts holds them to it."""

from __future__ import annotations

from collections import deque

from ingest.delivery import Batch, Delivery


class MemoryQueue:
    """A queue in memory: what is read stays invisible until it is acknowledged or `redeliver` shows it again."""

    def __init__(self, *bodies: bytes, batch_size: int = 10):
        self._batch_size = batch_size
        self._waiting = deque(Delivery(body, "memory") for body in bodies)
        self._in_hand: dict[int, list[Delivery]] = {}
        self._batches = 0
        self._closed = False

    def put(self, *bodies: bytes) -> None:
        """Add messages at the end."""
        self._waiting.extend(Delivery(body, "memory") for body in bodies)

    def redeliver(self) -> None:
        """Show what is in hand again, as a queue does when the time for it is over."""
        for deliveries in self._in_hand.values():
            self._waiting.extend(deliveries)
        self._in_hand.clear()

    async def read(self) -> Batch | None:
        """The next batch, empty when nothing waits, or None once closed."""
        if self._closed:
            return None
        deliveries = [self._waiting.popleft() for _ in range(min(self._batch_size, len(self._waiting)))]
        number = self._batches = self._batches + 1
        if deliveries:
            self._in_hand[number] = deliveries

        async def ack() -> None:
            self._in_hand.pop(number, None)

        return Batch(deliveries, ack)

    async def depth(self) -> int:
        """How many messages wait or are in hand."""
        return len(self._waiting) + sum(map(len, self._in_hand.values()))

    async def aclose(self) -> None:
        """Give back what is in hand."""
        self._closed = True
        self.redeliver()
