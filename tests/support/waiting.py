"""Waiting for what is awaited, however busy the machine: the limit only keeps a test from hanging."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

PATIENCE = 120.0
"""Seconds until a test gives up."""


def until(true: Callable[[], bool], otherwise: str = "it never was") -> None:
    """Wait until something is true.

    Raises:
        AssertionError: It did not become true; the message is `otherwise`.
    """
    late = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < late, otherwise
        time.sleep(0.01)


async def soon(true: Callable[[], bool], otherwise: str = "it never was") -> None:
    """Wait until something is true, while other tasks go on.

    Raises:
        AssertionError: It did not become true; the message is `otherwise`.
    """
    late = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < late, otherwise
        await asyncio.sleep(0.01)
