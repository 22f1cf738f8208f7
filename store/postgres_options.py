"""Headwater's own options in the URL of a PostgreSQL store; all others in it are libpq's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.engine import URL


class BadOption(Exception):
    """An option has a value that it cannot have; the message says which it can."""


@dataclass(frozen=True, slots=True)
class Options:
    """How to use a PostgreSQL server.

    Attributes:
        pool_size: Connections that are kept.
        max_overflow: Connections beyond these for as long as they are needed.
        statement_timeout: Seconds after which the server gives up a statement; 0: never.
        pgbouncer: True when PgBouncer, or another pooler that hands a connection on after each transaction, is
            between: then no setting outlives a transaction.
    """

    pool_size: int = 2
    max_overflow: int = 8
    statement_timeout: float = 300
    pgbouncer: bool = False

    def connect_args(self, url: URL, limits: Mapping[str, int]) -> dict[str, Any]:
        """Arguments for the driver; options in the URL take precedence.

        Args:
            url: Without Headwater's own options.
            limits: Settings of the server.
        """
        arguments: dict[str, Any] = {
            "connect_timeout": 10,
            "application_name": "headwater",
            # A server that vanishes is noticed within a minute, not after two hours.
            "keepalives_idle": 30,
            "keepalives_interval": 10,
            "keepalives_count": 3,
        }
        arguments = {name: value for name, value in arguments.items() if name not in url.query}
        if self.pgbouncer:
            return arguments | {"prepare_threshold": None}
        settings = " ".join(f"-c {name}={value}" for name, value in limits.items())
        return arguments | {"options": " ".join([settings, *_all(url, "options")])}


def split(url: URL) -> tuple[URL, Options]:
    """A URL for the driver, and Headwater's own options that were in it.

    Raises:
        BadOption: One has a value that it cannot have.
    """
    options: dict[str, Any] = {}
    for name, (read, can_be) in _OPTIONS.items():
        match _all(url, name):
            case []:
                continue
            case [text]:
                try:
                    options[name] = read(text)
                except (ValueError, KeyError):
                    raise BadOption(f"{name}={text} in the database URL cannot be: {can_be}") from None
            case _:
                raise BadOption(f"{name} is in the database URL more than once: say it once")
    return url.difference_update_query(list(_OPTIONS)), Options(**options)


def _all(url: URL, name: str) -> list[str]:
    found = url.query.get(name, ())
    return [found] if isinstance(found, str) else list(found)


def _count(least: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not text.isascii() or not text.isdigit() or not least <= int(text) <= 1000:
            raise ValueError(text)
        return int(text)

    return read


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 <= seconds <= 86_400:  # which NaN is not either
        raise ValueError(text)
    return seconds


_OPTIONS: Mapping[str, tuple[Callable[[str], Any], str]] = {
    "pool_size": (_count(1), "say how many connections to keep, from 1 to 1000"),
    "max_overflow": (_count(0), "say how many connections more there may be for a while, from 0 to 1000"),
    "statement_timeout": (_seconds, "say seconds, from 0 (no limit) to 86400"),
    "pgbouncer": ({"true": True, "false": False}.__getitem__, "say true or false"),
}
