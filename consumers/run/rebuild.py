"""A store made anew from another one's ledger, through the same code as live events."""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from consumers.cli.output import LEDGER_OF
from consumers.run.replay import Filled, fill, stopped_at
from ingest.delivery import Batch, Delivery, Refused, Unavailable
from store import migrate
from store.database import Store
from store.database import Unavailable as StoreUnavailable
from store.ledger import arrivals


@dataclass(frozen=True, slots=True)
class Position:
    """Where reading stopped.

    Attributes:
        event: The number of the last event that was acknowledged, or 0.
        dead_letter: Of the last dead letter, or 0.
    """

    event: int = 0
    dead_letter: int = 0


@dataclass(slots=True)
class _Handed:
    """A batch that was handed out, and where reading stood after it."""

    position: Position
    acked: bool = False


_Page = tuple[Sequence[Delivery], Position]


class LedgerSource:
    """All that a store was told: its events in the order of arrival, then its dead letters."""

    def __init__(self, store: Store, *, batch_size: int, start_at: Position | None = None) -> None:
        """Nothing is read yet.

        Args:
            store: At the newest schema; the caller closes it.
            batch_size: The most messages in a batch.
            start_at: Where an earlier reading of the same store stopped; this one goes on behind it.
        """
        self.position = start_at
        """Where reading stopped, as of the last acknowledged batch; None before the first."""
        self._store = store
        self._batch_size = batch_size
        self._at = start_at or Position()
        self._end = Position()
        self._ahead: asyncio.Future[_Page] | None = None
        self._handed: deque[_Handed] = deque()

    def so_far(self) -> tuple[int, int]:
        """How much was read, and of how much: numbers, of which some may be missing."""
        return self._at.event + self._at.dead_letter, self._end.event + self._end.dead_letter

    async def find(self) -> None:
        """Look how much there is.

        Raises:
            Unavailable: The store did not answer.
        """
        self._end = Position(*await asyncio.to_thread(arrivals.newest, self._store))

    async def read(self) -> Batch | None:
        """The next batch, or None at the end.

        Raises:
            Unavailable: The store did not answer.
        """
        if self._ahead is None:
            self._ahead = asyncio.get_running_loop().run_in_executor(None, self._page)
        await asyncio.wait([self._ahead])  # cancelled here, it leaves the page to the next read
        taken, self._ahead = self._ahead, None
        deliveries, self._at = taken.result()
        if not deliveries:
            return None
        handed = _Handed(self._at)
        self._handed.append(handed)

        async def ack() -> None:
            handed.acked = True
            while self._handed and self._handed[0].acked:  # never past a batch that is still being worked on
                self.position = self._handed.popleft().position

        return Batch(deliveries, ack)

    async def aclose(self) -> None:
        """Let a page that is being read come to its end."""
        if self._ahead:
            await asyncio.gather(self._ahead, return_exceptions=True)

    def _page(self) -> _Page:
        event, dead_letter = self._at.event, self._at.dead_letter
        try:
            if found := arrivals.events(self._store, event, self._batch_size):
                told = [Delivery(body, f"event {number} of {self._store}") for number, body in found]
                return told, Position(found[-1][0], dead_letter)
            letters = arrivals.dead_letters(self._store, dead_letter, self._batch_size)
        except StoreUnavailable as why:
            raise Unavailable(str(why)) from why
        last = letters[-1].id if letters else dead_letter
        return [Delivery(letter.body, letter.origin) for letter in letters], Position(event, last)


def rebuild(source: Store, target: Store, *, resume: bool, batch_size: int, workers: int) -> Filled:
    """Derive anew, into another store, all that a store was told; see `headwater rebuild --help`.

    Args:
        source: Whose ledger is read, at the newest schema.
        target: What to make; another one.
        resume: Go on with what was begun before.
        batch_size: Events in a transaction.
        workers: How many processes handle them.

    Raises:
        Refused: The target was told something before.
        Unusable, Unavailable: One of the stores cannot be used.
        Lost: A worker process has died.
    """
    if not resume and migrate.current(target) is not None and arrivals.told_anything(target):
        raise Refused(f"{target} is not empty: name a new store, or go on with what was begun there by --resume")
    migrate.migrate(target)
    where = os.path.realpath(source.url.database or "") if source.sqlite else ""
    name = LEDGER_OF + (f"sqlite:///{where}" if where else str(source))
    start_at = stopped_at(target, name, Position) if resume else None
    ledger = LedgerSource(source, batch_size=batch_size, start_at=start_at)
    return fill(ledger, target, name, workers, ledger.so_far)
