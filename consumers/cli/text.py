"""Times, spans of time and foreign text as people and spreadsheets may see them."""

from __future__ import annotations

from datetime import UTC, datetime

_FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What a formula may begin with, in full width too (OWASP, CSV injection); what cannot be seen is spelled out."""


def moment(milliseconds: int) -> str:
    """A time for people, in UTC."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")


def age(seconds: float) -> str:
    """A span of time for people."""
    for unit, size in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:,.0f} {unit}"
    return f"{seconds:,.0f} seconds"


def visible(text: str) -> str:
    """The text with what cannot be seen (newlines, escape sequences, marks that turn text around) spelled out."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def csv_cell(text: str) -> str:
    """A text for a spreadsheet, which must not take it for a formula."""
    return ("'" if text.startswith(_FORMULA) else "") + visible(text)
