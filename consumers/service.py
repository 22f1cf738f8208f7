"""The worker as a service: what it reads, how it starts, tells of itself and stops."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import structlog

from consumers import metrics
from consumers.process import metrics_served, set_up_logs, stopping
from consumers.worker import Outages, work
from store.database import Store

if TYPE_CHECKING:
    from ingest.sqs import SqsSource

GRACE = 9.0
"""Seconds that a worker has for the batch in hand, once it is told to stop."""
DEPTH_EVERY = 15.0
"""Seconds between two looks at how much is in the queue."""

log = structlog.get_logger()


def run(
    queue: str,
    *,
    opened_store: Callable[[], Store],
    region: str | None,
    endpoint_url: str | None,
    batch_size: int,
    visibility: int,
    until_empty: bool,
    metrics_at: tuple[str, int] | None,
    log_format: str,
    log_level: str,
) -> None:
    """Run the worker until SIGTERM or SIGINT; see `headwater run --help`.

    Raises:
        Refused, Unusable, Unavailable: What it needs cannot be had, at its start or for good.
    """
    from ingest.sqs import SqsSource  # AWS's client takes long to import: only where a queue is read

    set_up_logs(log_format, log_level)
    source = SqsSource(
        queue,
        region=region,
        endpoint_url=endpoint_url,
        batch_size=batch_size,
        visibility=visibility,
        wait=1 if until_empty else 20,
    )

    async def main() -> None:
        health = metrics.Health()
        stop_metrics = metrics_served(metrics_at, health)
        store: Store | None = None
        try:
            async with stopping(force_after=GRACE) as stop:
                store = await Outages(stop, health, patient=True).wait_out(partial(asyncio.to_thread, opened_store))
                if store is None:  # told to stop before the store could be had
                    return
                log.info("worker started", queue=queue, store=str(store), batch_size=batch_size)
                watching = asyncio.create_task(_watch_depth(source))
                try:
                    at_rest = (lambda: _drained(source)) if until_empty else None
                    totals = await work(source, store, stop, health=health, at_rest=at_rest)
                finally:
                    watching.cancel()
                    await source.aclose()
                log.info("worker stopped", events=totals.events, dead=sum(totals.dead.values()), batches=totals.batches)
        finally:
            stop_metrics()
            if store:
                store.close()

    asyncio.run(main())


async def _drained(source: SqsSource) -> bool:
    """True when a queue holds nothing, not even messages that other workers have in hand."""
    return await source.depth() == 0


async def _watch_depth(source: SqsSource) -> None:
    while True:
        depth = await source.depth()
        if depth is not None:
            metrics.QUEUE_DEPTH.set(depth)
        await asyncio.sleep(DEPTH_EVERY)
