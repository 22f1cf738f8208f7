"""Times on the wire: epoch seconds with a fraction, or ISO 8601; inside Headwater they are epoch milliseconds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)

EARLIEST = (datetime(1, 1, 1, tzinfo=UTC) - _EPOCH) // _MILLISECOND
LATEST = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // _MILLISECOND
"""The first and the last millisecond that clients can read: of the years 1 and 9999."""


def from_seconds(seconds: float) -> int | None:
    """The millisecond nearest to epoch seconds, the later one of two; None outside of the years 1 to 9999."""
    if not EARLIEST / 1000 - 1 < seconds < LATEST / 1000 + 1:  # false of NaN
        return None
    over, under = seconds.as_integer_ratio()  # a product of floats would be rounded twice
    return _in_calendar((2000 * over + under) // (2 * under))


def from_text(text: str) -> int | None:
    """The millisecond nearest to a time in ISO 8601, in UTC unless it has a zone; None if it is not such a time."""
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        return None
    return _in_calendar(
        ((when if when.tzinfo else when.replace(tzinfo=UTC)) - _EPOCH + _MILLISECOND / 2) // _MILLISECOND
    )


def seconds(time: int) -> int | float | None:
    """Epoch seconds from epoch milliseconds: an integer if they are whole; None outside of the years 1 to 9999."""
    if not EARLIEST <= time <= LATEST:
        return None
    whole, rest = divmod(time, 1000)
    return time / 1000 if rest else whole


def _in_calendar(time: int) -> int | None:
    return time if EARLIEST <= time <= LATEST else None
