"""How many messages may become dead letters before the worker stops and leaves the rest where they are."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from consumers.handle import Settlement
from consumers.run import metrics
from ingest.delivery import Delivery, Refused

WINDOW = 200
"""Of how many deliveries the share of dead letters is taken: the last ones."""


class TooManyDeadLetters(Refused):
    """More messages became dead letters than is allowed; the message says what to do."""


class DeadLetterLimit:
    """Counts dead letters, in a row and among the last deliveries.

    One bad message is put aside and costs its neighbours nothing. When most are bad, the worker or the sender is more
    likely at fault, and the messages are better left where they are.
    """

    def __init__(self, *, in_a_row: int = 20, share: float = 0.5) -> None:
        """Begin with nothing counted.

        Args:
            in_a_row: The most dead letters in a row; 0 for any number.
            share: The largest share of dead letters among the last `WINDOW` deliveries, from 0 to 1; 0 for any.
        """
        self._most_in_a_row = in_a_row
        self._most_of_the_last = share * WINDOW
        self._in_a_row = 0
        self._last: deque[bool] = deque(maxlen=WINDOW)
        self._dead_of_last = 0

    def count(self, deliveries: Sequence[Delivery], settlement: Settlement) -> None:
        """Count a settled batch, which may be acknowledged if nothing is raised.

        Args:
            deliveries: The batch, in the order of its messages.
            settlement: What became of it.

        Raises:
            TooManyDeadLetters: The batch holds more dead letters than are allowed: it must not be acknowledged.
        """
        dead = {id(delivery) for delivery, _ in settlement.dead}
        problem = ""
        for delivery in deliveries:
            is_dead = id(delivery) in dead
            self._in_a_row = self._in_a_row + 1 if is_dead else 0
            self._dead_of_last += is_dead - (len(self._last) == WINDOW and self._last[0])
            self._last.append(is_dead)
            if is_dead and not problem:
                problem = self._problem()
        metrics.DEAD_SHARE.set(self._dead_of_last / WINDOW)
        if problem:
            metrics.TOO_MANY_DEAD.set(1)
            raise TooManyDeadLetters(
                f"{problem}: stopped, and the batch in hand is not acknowledged but comes again; headwater "
                "dead-letters list shows the reasons: mend the cause and start again, or put all such messages aside "
                "with --max-dead-in-a-row 0 --max-dead-share 0"
            )

    def _problem(self) -> str:
        if self._most_in_a_row and self._in_a_row > self._most_in_a_row:
            return f"{self._in_a_row} messages in a row became dead letters (--max-dead-in-a-row {self._most_in_a_row})"
        if self._most_of_the_last and self._dead_of_last > self._most_of_the_last:
            share = self._most_of_the_last / WINDOW
            return (
                f"{self._dead_of_last} of the last {len(self._last)} messages became dead letters"
                f" (--max-dead-share {share:g} of {WINDOW})"
            )
        return ""
