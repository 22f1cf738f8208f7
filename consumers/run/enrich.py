"""Questions that lineage needs answered, put to SageMaker while the worker works.

An answer goes through `handle` as any event does, so it is in the ledger and a replay asks nobody. Nothing waits for an
answer: a question that has none yet stays in the store, with the reason.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple, Protocol

import structlog

from consumers.handle import handle
from consumers.resources import DESCRIBE_OPERATIONS
from consumers.resources.types import DescribeRequest
from consumers.run import metrics
from ingest.aws_errors import Denied, Missing, Unsupported
from ingest.delivery import Delivery, Refused, Unavailable
from ingest.sagemaker import Elsewhere
from ingest.sagemaker_operations import DescribeOperation
from store import describe_requests
from store.database import Store
from store.database import Unavailable as StoreUnavailable
from store.describe_requests import ANSWERED, MISSING, OPEN, DescribeRequestRow

log = structlog.get_logger()

EVERY = 5.0
"""Seconds between two looks for questions that are due."""
AT_A_TIME = 100
"""Questions that are taken at a time."""
LEASE = 600_000
"""Milliseconds after which others may ask what was taken and not settled: whoever took it has died."""
MINUTE, HOUR = 60_000, 3_600_000
ORIGIN = "SageMaker's answers"


class Asker(Protocol):
    """Whoever knows."""

    async def ask(self, operation: DescribeOperation, arn: str) -> bytes:
        """The answer as an event; raises as `ingest.sagemaker.SageMaker.ask`."""


class Outcome(NamedTuple):
    """What came of asking once.

    Attributes:
        question: What was asked.
        answer: The event to keep, or None.
        why: Why there is none, in words that many questions can share.
        again: Milliseconds after which to ask again.
        most: How often it is worth asking.
    """

    question: DescribeRequest
    answer: bytes | None
    why: str = ""
    again: int = 0
    most: float = math.inf


@dataclass(slots=True)
class Answered:
    """How many questions were answered, and how many were not."""

    answered: int = 0
    unanswered: int = 0


class Enricher:
    """Asks what is due, again and again."""

    def __init__(
        self, store: Store, sagemaker: Asker, now: Callable[[], int] = lambda: time.time_ns() // 1_000_000
    ) -> None:
        """Nothing is asked yet.

        Args:
            store: Whose questions to ask.
            sagemaker: Whom to ask.
            now: Tells the time, in epoch milliseconds.
        """
        self._store = store
        self._sagemaker = sagemaker
        self._now = now
        self._said: set[str] = set()
        self._keeping: asyncio.Task[None] | None = None

    async def go_on(self, stop: asyncio.Event) -> None:
        """Ask what is due until told to stop. Whatever goes wrong is logged, and tried again later."""
        while not stop.is_set():
            try:
                asked = await self.once()
            except StoreUnavailable as why:
                log.warning("questions wait", why=str(why))
                asked = Answered()
            except Exception:  # whatever it is, work goes on, and what was taken is asked for again
                log.exception("questions failed")
                asked = Answered()
            if not asked.answered + asked.unanswered:
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), EVERY)

    async def once(self) -> Answered:
        """Ask what is due; one lot of questions.

        Raises:
            Unavailable, Unusable: The store does not answer, or cannot be used.
        """
        now = self._now()
        taken = await asyncio.to_thread(describe_requests.take, self._store, now, AT_A_TIME, now + LEASE)
        outcomes = await self.ask({DescribeRequest(one.arn, one.operation) for one in taken}, taken)
        answered = sum(one.answer is not None for one in outcomes)
        return Answered(answered, len(outcomes) - answered)

    async def ask(
        self, wanted: Collection[DescribeRequest], rows: Sequence[DescribeRequestRow] = ()
    ) -> Sequence[Outcome]:
        """Ask, each question once, and keep what is answered.

        Args:
            wanted: What to ask.
            rows: The store's questions that are settled by it.

        Raises:
            Unavailable, Unusable: The store does not answer, or cannot be used.
        """
        outcomes = await asyncio.gather(*map(self._asked, sorted(wanted)))
        self._keeping = asyncio.create_task(asyncio.to_thread(self._keep, outcomes, rows))
        await asyncio.shield(self._keeping)
        return outcomes

    async def aclose(self) -> None:
        """Let what is being written come to its end."""
        if self._keeping:
            await asyncio.wait({self._keeping})

    async def _asked(self, question: DescribeRequest) -> Outcome:
        try:
            answer = await self._sagemaker.ask(_operation(question.operation), question.arn)
            return Outcome(question, answer)
        except (Refused, Unavailable) as failed:
            why, again, most = _reason(failed, question.operation)
            if why not in self._said:  # once in the log: status counts the others
                self._said.add(why)
                log.warning("no answer; headwater status counts all for this reason", why=str(failed))
            return Outcome(question, None, why, again, most)

    def _keep(self, outcomes: Sequence[Outcome], rows: Sequence[DescribeRequestRow]) -> None:
        """Answers first: who dies before the questions are settled has them asked once more, and loses nothing."""
        answers = [Delivery(one.answer, ORIGIN) for one in outcomes if one.answer is not None]
        if answers:
            handle(answers, self._store)
        by_question = {one.question: one for one in outcomes}
        settled = [
            _settled(row, outcome, self._now())
            for row in rows
            if (outcome := by_question.get(DescribeRequest(row.arn, row.operation)))
        ]
        if settled:
            self._store.write(partial(describe_requests.settle, settled=settled))
        metrics.QUESTIONS.labels("answered").inc(len(answers))
        metrics.QUESTIONS.labels("unanswered").inc(len(outcomes) - len(answers))


def _operation(name: str) -> DescribeOperation:
    """How an operation is called; a newer version of Headwater may have written its name into the store."""
    if name not in DESCRIBE_OPERATIONS:
        raise Refused(f"this version of Headwater does not know the operation {name}")
    return DESCRIBE_OPERATIONS[name]


def _reason(failed: Refused | Unavailable, operation: str) -> tuple[str, int, float]:
    """Why there is no answer, without the name of what was asked about; when to ask again, and how often at most."""
    match failed:
        case Missing():  # what was made a moment ago may not be found yet
            return f"{operation}: it does not exist", 10 * MINUTE, 3
        case Denied():
            return f"{operation}: not allowed, give this role {failed.permission}", HOUR, math.inf
        case Elsewhere():
            return f"{operation}: it belongs to another account", 0, 1
        case Unsupported():
            return f"{operation}: this server has no such operation", 0, 1
        case Unavailable():
            return f"{operation}: SageMaker did not answer", MINUTE, math.inf
        case _:
            return f"{operation}: {failed}", 10 * MINUTE, math.inf


def _settled(one: DescribeRequestRow, outcome: Outcome, now: int) -> DescribeRequestRow:
    tries = one.tries + 1
    if outcome.answer is not None:
        return one._replace(state=ANSWERED, tries=tries, reason="", due=now)
    later = outcome.again * 2 ** min(one.tries, 5)
    state = OPEN if tries < outcome.most else MISSING
    return one._replace(state=state, tries=tries, reason=outcome.why, due=now + later)
