"""A new store made from another one's ledger, through the same code as live events."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from consumers.run.fill import LEDGER_OF, FillResult, Progress, Started, fill, saved_position
from ingest.delivery import AckTracker, Batch, Delivery, Refused, Unavailable
from store import migrate
from store.database import Store
from store.database import Unavailable as StoreUnavailable
from store.ledger import events as ledger


@dataclass(frozen=True, slots=True)
class LedgerPosition:
    """Where reading stopped.

    Attributes:
        event: The number of the last event that was acknowledged, or 0.
        dead_letter: Of the last dead letter, or 0.
    """

    event: int = 0
    dead_letter: int = 0


_Page = tuple[Sequence[Delivery], LedgerPosition]


class LedgerSource:
    """All that came into a store: its events in the order of arrival, then its dead letters."""

    def __init__(self, store: Store, *, batch_size: int, start_at: LedgerPosition | None = None) -> None:
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
        self._at = start_at or LedgerPosition()
        self._end = LedgerPosition()
        self._ahead: asyncio.Future[_Page] | None = None
        self._acks: AckTracker[LedgerPosition] = AckTracker(self._move)

    def so_far(self) -> tuple[int, int]:
        """How much was read, and of how much: by ids, some of which may be missing."""
        return self._at.event + self._at.dead_letter, self._end.event + self._end.dead_letter

    async def find(self) -> None:
        """Look up how much there is.

        Raises:
            Unavailable: The store did not answer.
        """
        self._end = LedgerPosition(*await asyncio.to_thread(ledger.newest, self._store))

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
        return self._acks.batch(deliveries, self._at)

    async def aclose(self) -> None:
        """Wait for the page that is being read."""
        if self._ahead:
            await asyncio.gather(self._ahead, return_exceptions=True)

    def _move(self, position: LedgerPosition) -> None:
        self.position = position

    def _page(self) -> _Page:
        event, dead_letter = self._at.event, self._at.dead_letter
        try:
            if found := ledger.event_page(self._store, event, self._batch_size):
                deliveries = [Delivery(body, f"event {number} of {self._store}") for number, body in found]
                return deliveries, LedgerPosition(found[-1][0], dead_letter)
            letters = ledger.dead_letter_page(self._store, dead_letter, self._batch_size)
        except StoreUnavailable as why:
            raise Unavailable(str(why)) from why
        last = letters[-1].id if letters else dead_letter
        return [Delivery(letter.body, letter.origin) for letter in letters], LedgerPosition(event, last)


def rebuild(
    source: Store,
    target: Store,
    *,
    resume: bool,
    batch_size: int,
    workers: int,
    on_progress: Callable[[Started | Progress], None] = lambda progress: None,
) -> FillResult:
    """Handle all events of a store's ledger again, into another store; see `headwater rebuild --help`.

    Args:
        source: Whose ledger is read, at the newest schema.
        target: The store to make; another one.
        resume: Go on with a rebuild that was begun before.
        batch_size: Events in a transaction.
        workers: How many processes handle them.
        on_progress: Called when reading begins, and after each batch.

    Raises:
        Refused: The target holds events already.
        Unusable, Unavailable: One of the stores cannot be used.
        WorkerDied: A worker process has died.
    """
    if not resume and migrate.current(target) is not None and not ledger.is_unused(target):
        raise Refused(f"{target} is not empty: name a new store, or go on with what was begun there by --resume")
    migrate.migrate(target)
    where = os.path.realpath(source.url.database or "") if source.sqlite else ""
    name = LEDGER_OF + (f"sqlite:///{where}" if where else str(source))
    start_at = saved_position(target, name, LedgerPosition) if resume else None
    on_progress(Started(start_at is not None))
    events = LedgerSource(source, batch_size=batch_size, start_at=start_at)
    return fill(events, target, name, workers, events.so_far, on_progress=on_progress)
