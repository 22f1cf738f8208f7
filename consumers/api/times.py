"""Times on the wire: epoch seconds with a fraction, or ISO 8601; here they are epoch milliseconds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)

EARLIEST = (datetime(1, 1, 1, tzinfo=UTC) - _EPOCH) // _MILLISECOND
LATEST = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // _MILLISECOND
"""The first and the last millisecond that clients can read: of the years 1 and 9999."""


def from_seconds(told: float) -> int | None:
    """The millisecond nearest to epoch seconds, of two the later; None if no calendar holds it."""
    if not EARLIEST / 1000 - 1 < told < LATEST / 1000 + 1:  # never true of what is not a number
        return None
    over, under = told.as_integer_ratio()  # a product of floats would be rounded twice
    return _held((2000 * over + under) // (2 * under))


def from_text(told: str) -> int | None:
    """The millisecond nearest to a time in ISO 8601, in UTC unless it says otherwise; None if it is no such time."""
    try:
        when = datetime.fromisoformat(told)
    except ValueError:
        return None
    return _held(((when if when.tzinfo else when.replace(tzinfo=UTC)) - _EPOCH + _MILLISECOND / 2) // _MILLISECOND)


def seconds(time: int) -> int | float | None:
    """Epoch seconds from epoch milliseconds: an integer if they are whole; None if no calendar holds it."""
    if not EARLIEST <= time <= LATEST:
        return None
    whole, rest = divmod(time, 1000)
    return time / 1000 if rest else whole


def _held(time: int) -> int | None:
    return time if EARLIEST <= time <= LATEST else None
