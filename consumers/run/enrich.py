"""Missing descriptions: asked of SageMaker while the worker works.

A description goes through `handle` as any event does, so it is in the ledger, and a replay does not ask. Nothing waits
for it: a request without an answer stays in the store, with the reason.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import structlog

from consumers.handle import handle
from consumers.resources import DESCRIBE_OPERATIONS
from consumers.resources.types import DescribeRequest
from consumers.run import metrics
from ingest.aws_errors import Denied, Missing, Unsupported
from ingest.delivery import Delivery, Refused, Unavailable
from ingest.sagemaker import Elsewhere, SageMaker
from ingest.sagemaker_operations import DescribeOperation
from store import describe_requests
from store.database import Store
from store.database import Unavailable as StoreUnavailable
from store.describe_requests import ANSWERED, MISSING, OPEN, DescribeRequestRow

log = structlog.get_logger()

EVERY = 5.0
"""Seconds between two looks for requests that are due."""
AT_A_TIME = 100
"""Requests that are taken at a time."""
LEASE = 600_000
"""Milliseconds after which others may take a request that was taken and not settled: its worker has died."""
MINUTE, HOUR = 60_000, 3_600_000
ORIGIN = "SageMaker's answers"


class Outcome(NamedTuple):
    """What came of one describe request.

    Attributes:
        request: The request.
        description: The event that holds the description; None if there is none.
        why: Why there is none, in words that many requests can share.
        retry_after: Milliseconds after which to ask again.
        max_tries: How often it is worth asking.
    """

    request: DescribeRequest
    description: bytes | None
    why: str = ""
    retry_after: int = 0
    max_tries: float = math.inf


@dataclass(slots=True)
class Answered:
    """How many requests were answered, and how many were not."""

    answered: int = 0
    unanswered: int = 0


class Enricher:
    """Asks SageMaker for the missing descriptions that are due."""

    def __init__(
        self, store: Store, sagemaker: SageMaker, now: Callable[[], int] = lambda: time.time_ns() // 1_000_000
    ) -> None:
        """Nothing is asked yet.

        Args:
            store: Whose requests are sent.
            sagemaker: Where they are sent; the caller closes it.
            now: Returns the time, in epoch milliseconds.
        """
        self._store = store
        self._sagemaker = sagemaker
        self._now = now
        self._logged: set[str] = set()
        self._saving: asyncio.Task[None] | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Send what is due until `stop` is set. Whatever goes wrong is logged, and tried again later."""
        while not stop.is_set():
            try:
                count = await self.send_due()
            except StoreUnavailable as why:
                log.warning("describe requests wait", why=str(why))
                count = Answered()
            except Exception:  # whatever it is, the worker goes on, and what was taken is asked again
                log.exception("describe requests failed")
                count = Answered()
            if not count.answered + count.unanswered:
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), EVERY)

    async def send_due(self) -> Answered:
        """Send the requests that are due, `AT_A_TIME` at most.

        Raises:
            Unavailable, Unusable: The store does not answer, or cannot be used.
        """
        now = self._now()
        taken = await asyncio.to_thread(describe_requests.take, self._store, now, AT_A_TIME, now + LEASE)
        outcomes = await self.send({DescribeRequest(row.arn, row.operation) for row in taken}, taken)
        answered = sum(one.description is not None for one in outcomes)
        return Answered(answered, len(outcomes) - answered)

    async def send(
        self, requests: Collection[DescribeRequest], rows: Sequence[DescribeRequestRow] = ()
    ) -> Sequence[Outcome]:
        """Send requests, each once, and handle the descriptions.

        Args:
            requests: What to send.
            rows: The store's requests that are settled by the outcomes.

        Raises:
            Unavailable, Unusable: The store does not answer, or cannot be used.
        """
        outcomes = await asyncio.gather(*map(self._send_one, sorted(requests)))
        self._saving = asyncio.create_task(asyncio.to_thread(self._save, outcomes, rows))
        await asyncio.shield(self._saving)
        return outcomes

    async def aclose(self) -> None:
        """Wait for what is being written."""
        if self._saving:
            await asyncio.wait({self._saving})

    async def _send_one(self, request: DescribeRequest) -> Outcome:
        try:
            description = await self._sagemaker.describe(_operation(request.operation), request.arn)
            return Outcome(request, description)
        except (Refused, Unavailable) as failed:
            why, retry_after, max_tries = _reason(failed, request.operation)
            if why not in self._logged:  # once in the log: `headwater status` counts the others
                self._logged.add(why)
                log.warning("no description; headwater status counts all for this reason", why=str(failed))
            return Outcome(request, None, why, retry_after, max_tries)

    def _save(self, outcomes: Sequence[Outcome], rows: Sequence[DescribeRequestRow]) -> None:
        """Descriptions first: a worker that dies before it settles the requests sends them again, and loses nothing."""
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
        metrics.DESCRIBE_REQUESTS.labels("answered").inc(len(descriptions))
        metrics.DESCRIBE_REQUESTS.labels("unanswered").inc(len(outcomes) - len(descriptions))


def _operation(name: str) -> DescribeOperation:
    """How an operation is called; a newer version of Headwater may have written its name into the store."""
    if name not in DESCRIBE_OPERATIONS:
        raise Refused(f"this version of Headwater does not know the operation {name}")
    return DESCRIBE_OPERATIONS[name]


def _reason(failed: Refused | Unavailable, operation: str) -> tuple[str, int, float]:
    """Why there is no description, without the resource's name; when to ask again, and how often at most."""
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


def _settled(row: DescribeRequestRow, outcome: Outcome, now: int) -> DescribeRequestRow:
    tries = row.tries + 1
    if outcome.description is not None:
        return row._replace(state=ANSWERED, tries=tries, reason="", due=now)
    retry_after = outcome.retry_after * 2 ** min(row.tries, 5)
    state = OPEN if tries < outcome.max_tries else MISSING
    return row._replace(state=state, tries=tries, reason=outcome.why, due=now + retry_after)
