"""What every long-running process needs: an orderly end, logs, and metrics to read."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import structlog

from consumers.run import metrics
from ingest.delivery import Refused
from ingest.os_errors import reason

log = structlog.get_logger()


@asynccontextmanager
async def stopping(
    force_after: float | None = None,
    forced: str = "the batch in hand took too long: stopped without it, its messages come again",
) -> AsyncIterator[asyncio.Event]:
    """An event that SIGTERM or Ctrl-C sets.

    Args:
        force_after: Seconds after the signal when the process is ended by force; what is in hand is not acknowledged.
        forced: What the log says then.
    """
    stop = asyncio.Event()
    timer: threading.Timer | None = None
    loop = asyncio.get_running_loop()

    def end() -> None:
        log.error(forced, seconds=force_after)
        logging.shutdown()
        os._exit(1)

    def on_signal() -> None:
        nonlocal timer
        stop.set()
        if force_after and timer is None:
            timer = threading.Timer(force_after, end)
            timer.daemon = True
            timer.start()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal)
    try:
        yield stop
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
        if timer:
            timer.cancel()


def metrics_served(at: tuple[str, int] | None, health: metrics.Health) -> Callable[[], None]:
    """Serve metrics and health at (host, port), if any; returns a function that stops the server.

    Raises:
        Refused: The port cannot be used.
    """
    if at is None:
        return lambda: None
    try:
        return metrics.serve(*at, health)
    except (OSError, OverflowError) as why:
        raise Refused(
            f"cannot serve metrics on {at[0]}:{at[1]} ({reason(why)}): choose another --metrics-port"
        ) from why


def set_up_logs(form: str, level: str) -> None:
    """Write logs to standard error: as `form` says, or with `auto` as lines on a terminal and as JSON elsewhere."""
    for_people = form == "console" or (form == "auto" and sys.stderr.isatty())
    # Plain tracebacks: with the values of variables, a log would show passwords and whole events.
    for_terminals = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    renderer: Any = for_terminals if for_people else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *([] if for_people else [structlog.processors.format_exc_info]),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
