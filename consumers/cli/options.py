"""What commands share: their options, their errors, and the store."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import msgspec
from cyclopts import Parameter
from rich.console import Console as RichConsole

from store.database import Store, Unusable

Database = Annotated[
    str,
    Parameter(
        name="--database-url",
        env_var="HEADWATER_DATABASE_URL",
        help="Where lineage is kept: sqlite:///path/to/file.db or postgresql://user:password@host/database.",
    ),
]
AsJson = Annotated[bool, Parameter(name="--json", negative="", help="Print JSON, for programs.")]
Region = Annotated[
    str | None, Parameter(env_var=["HEADWATER_REGION", "AWS_REGION", "AWS_DEFAULT_REGION"], help="The AWS region.")
]
Endpoint = Annotated[
    str | None,
    Parameter(env_var="HEADWATER_ENDPOINT_URL", help="Another server that speaks AWS's protocols, as moto does."),
]


class Console(RichConsole):
    """rich's console; a pipe that was closed is told on, as by any other output."""

    def on_broken_pipe(self) -> None:
        """Tell on it."""
        raise BrokenPipeError


class Failed(Exception):
    """What was asked for cannot be done; the message is one sentence that says what to do."""


class Misused(Failed):
    """The command was called wrongly."""


def opened(database_url: str, *, migrated: bool = False) -> Store:
    """The store of a URL, at the newest schema.

    Args:
        database_url: Of SQLite or PostgreSQL.
        migrated: True to make it, or take it to the newest schema, where need be.

    Raises:
        Unusable, Unavailable: It cannot be had.
    """
    from store import schema

    store = Store(database_url)
    if not migrated and store.sqlite and not os.path.exists(store.url.database or ""):
        raise Unusable(f"{store} does not exist: replay or run makes it, or name another with --database-url")
    try:
        schema.migrate(store) if migrated else schema.check(store)
    except BaseException:
        store.close()
        raise
    return store


def at_least_one(option: str, value: int) -> int:
    """The value of an option that counts.

    Raises:
        Misused: It is less, or too much for a database.
    """
    if not 1 <= value <= 1_000_000_000:
        raise Misused(f"{option} must be from 1 to 1,000,000,000, not {value}")
    return value


def print_json(value: object) -> None:
    """Print a value as JSON on several lines."""
    sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n")
