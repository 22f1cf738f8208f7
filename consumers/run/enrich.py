"""Describe requests: what lineage needs and events leave out, requested from SageMaker while the worker works.

A description goes through `handle` like any event, so it is in the ledger, and a replay makes no requests. Nothing
waits for a description: a request that failed stays in the store, with the reason.
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
"""Seconds between two looks for describe requests that are due."""
AT_A_TIME = 100
"""Questions that are taken at a time."""
LEASE = 600_000
"""Milliseconds after which others may take a request that was taken and not settled: that worker has died."""
MINUTE, HOUR = 60_000, 3_600_000
ORIGIN = "SageMaker's descriptions"


class Describer(Protocol):
    """SageMaker, or a fake of it."""

    async def ask(self, operation: DescribeOperation, arn: str) -> bytes:
        """The description as an event; raises like `ingest.sagemaker.SageMaker.ask`."""


class Outcome(NamedTuple):
    """What came of one describe request.

    Attributes:
        request: The request.
        description: The event to handle, or None.
        why: Why there is none, in words that many requests can share.
        again: Milliseconds after which to try again.
        most: How often it is worth trying.
    """

    request: DescribeRequest
    description: bytes | None
    why: str = ""
    again: int = 0
    most: float = math.inf


@dataclass(slots=True)
class EnrichCounts:
    """How many describe requests were answered, and how many were not."""

    answered: int = 0
    unanswered: int = 0


class Enricher:
    """Makes the describe requests that are due, until it is stopped."""

    def __init__(
        self, store: Store, sagemaker: Describer, now: Callable[[], int] = lambda: time.time_ns() // 1_000_000
    ) -> None:
        """Nothing is requested yet.

        Args:
            store: Where the describe requests are.
            sagemaker: The client to ask.
            now: The time, in epoch milliseconds.
        """
        self._store = store
        self._sagemaker = sagemaker
        self._now = now
        self._logged: set[str] = set()
        self._committing: asyncio.Task[None] | None = None

    async def go_on(self, stop: asyncio.Event) -> None:
        """Make the requests that are due until `stop` is set. Every failure is logged, and tried again later."""
        while not stop.is_set():
            try:
                counts = await self.once()
            except StoreUnavailable as why:
                log.warning("describe requests wait", why=str(why))
                counts = EnrichCounts()
            except Exception:  # whatever it is, work goes on, and what was taken is requested again
                log.exception("describe requests failed")
                counts = EnrichCounts()
            if not counts.answered + counts.unanswered:
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), EVERY)

    async def once(self) -> EnrichCounts:
        """Make the requests that are due, a hundred at most.

        Raises:
            Unavailable, Unusable: The store does not answer, or cannot be used.
        """
        now = self._now()
        taken = await asyncio.to_thread(describe_requests.take, self._store, now, AT_A_TIME, now + LEASE)
        outcomes = await self.ask({DescribeRequest(one.arn, one.operation) for one in taken}, taken)
        answered = sum(one.description is not None for one in outcomes)
        return EnrichCounts(answered, len(outcomes) - answered)

    async def ask(
        self, wanted: Collection[DescribeRequest], rows: Sequence[DescribeRequestRow] = ()
    ) -> Sequence[Outcome]:
        """Make each request once, and handle the descriptions.

        Args:
            wanted: The requests.
            rows: The store's rows that are settled by them.

        Raises:
            Unavailable, Unusable: The store does not answer, or cannot be used.
        """
        outcomes = await asyncio.gather(*map(self._request, sorted(wanted)))
        self._committing = asyncio.create_task(asyncio.to_thread(self._commit, outcomes, rows))
        await asyncio.shield(self._committing)
        return outcomes

    async def aclose(self) -> None:
        """Wait for what is being written."""
        if self._committing:
            await asyncio.wait({self._committing})

    async def _request(self, request: DescribeRequest) -> Outcome:
        try:
            answer = await self._sagemaker.ask(_operation(request.operation), request.arn)
            return Outcome(request, answer)
        except (Refused, Unavailable) as failed:
            why, again, most = _reason(failed, request.operation)
            if why not in self._logged:  # once in the log: status counts the others
                self._logged.add(why)
                log.warning(
                    "not described; headwater status counts all requests that failed for this reason", why=str(failed)
                )
            return Outcome(request, None, why, again, most)

    def _commit(self, outcomes: Sequence[Outcome], rows: Sequence[DescribeRequestRow]) -> None:
        """Descriptions first: if we die before the requests are settled they are made again, and nothing is lost."""
        descriptions = [Delivery(one.description, ORIGIN) for one in outcomes if one.description is not None]
        if descriptions:
            handle(descriptions, self._store)
        by_request = {one.request: one for one in outcomes}
        settled = [
            _settled(row, outcome, self._now())
            for row in rows
            if (outcome := by_request.get(DescribeRequest(row.arn, row.operation)))
        ]
        if settled:
            self._store.write(partial(describe_requests.settle, settled=settled))
        metrics.QUESTIONS.labels("answered").inc(len(descriptions))
        metrics.QUESTIONS.labels("unanswered").inc(len(outcomes) - len(descriptions))


def _operation(name: str) -> DescribeOperation:
    """How an operation is called; a newer version of Headwater may have written its name into the store."""
    if name not in DESCRIBE_OPERATIONS:
        raise Refused(f"this version of Headwater does not know the operation {name}")
    return DESCRIBE_OPERATIONS[name]


def _reason(failed: Refused | Unavailable, operation: str) -> tuple[str, int, float]:
    """Why a request failed, without the resource's name; when to try again, and how often at most."""
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
    if outcome.description is not None:
        return one._replace(state=ANSWERED, tries=tries, reason="", due=now)
    later = outcome.again * 2 ** min(one.tries, 5)
    state = OPEN if tries < outcome.most else MISSING
    return one._replace(state=state, tries=tries, reason=outcome.why, due=now + later)
