"""Commands that keep a store in order."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from consumers.cli.options import Database, opened
from store.database import DEFAULT_URL, Store


def migrate(*, database_url: Database = DEFAULT_URL) -> None:
    """Make the store, or take it to the newest schema. `run` and `replay` do it when they start."""
    from store import schema

    with Store(database_url) as store:
        before, now = schema.migrate(store)
    if before == now:
        print(f"{store} is at schema {now} already")
    else:
        print(f"{store} is at schema {now} now" + (f", it was at {before}" if before else ""))


def export(
    *,
    output: Annotated[Path | None, Parameter(name=["--output", "-o"], help="A file; .gz and .zst pack it.")] = None,
    database_url: Database = DEFAULT_URL,
) -> None:
    """Every event of the ledger as JSON lines, in the order of arrival: what `replay` makes the same store from."""
    from consumers import archives

    with opened(database_url) as store:
        archives.export(store, output)
