"""The schema of a store: its current step, and the migration to the newest one."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from store.database import Again, Store, Unavailable, Unusable

# Any number will do that nothing else in the database locks.
_MIGRATION_LOCK = 7_205_759_403

_TRY_SECONDS = 2.0
"""Seconds that a step waits for the users of its tables: all that come after it wait behind it."""


def newest() -> str:
    """The step that this version of Headwater works with."""
    return ScriptDirectory.from_config(_config()).get_current_head() or ""


def current(store: Store) -> str | None:
    """The step a store is at, or None when it holds no schema yet.

    Raises:
        Unavailable: The database did not answer.
    """
    return store.raw(_revision, writes=False)


def migrate(
    store: Store, *, to: str = "", waiting: Callable[[str], None] | None = None, patience: float = 60
) -> tuple[str | None, str]:
    """Take a store from any step to the newest; two migrations at once do no harm.

    Workers may go on meanwhile. A step that needs a table for itself waits for its users, again and again for a short
    time, and they wait while it works.

    Args:
        store: Which one.
        to: A step to stop at, instead of the newest.
        waiting: Called with a sentence that says which processes the migration waits for.
        patience: For how many seconds it waits.

    Returns:
        The step before, and the step now.

    Raises:
        Unusable: The store is of a newer schema than this version of Headwater knows.
        Unavailable: The database did not answer, or other processes used its tables all the time.
    """
    to = to or newest()
    end = time.monotonic() + patience
    while True:
        try:
            return store.raw(partial(_upgrade, store=store, to=to), writes=True)
        except Again as why:
            users = store.raw(_users, writes=False)
            sentence = f"the migration of {store} waits for {', '.join(users) or 'others'}"
            if time.monotonic() > end:
                raise Unavailable(f"{sentence}: stop what keeps it, and run headwater migrate again") from why
            if waiting:
                waiting(sentence)
            time.sleep(_TRY_SECONDS / 2)


def check(store: Store) -> None:
    """Make sure that the store is at the newest step.

    Raises:
        Unusable: It is not; the message says what to do.
    """
    at = current(store)
    if at is None:
        raise Unusable(f"{store} holds no Headwater store yet: run headwater migrate")
    if at != newest():
        _refuse_newer(at, store)
        raise Unusable(f"{store} is at schema {at}, this Headwater needs {newest()}: run headwater migrate")


def _upgrade(connection: Connection, store: Store, to: str) -> tuple[str | None, str]:
    before = _revision(connection)
    if before == to:
        return before, to
    if connection.dialect.name == "postgresql":
        # Building an index takes as long as it takes, and so may another migration that is at it.
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        connection.execute(text("SET LOCAL lock_timeout = 0"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _MIGRATION_LOCK})
        connection.execute(text(f"SET LOCAL lock_timeout = '{_TRY_SECONDS}s'"))
        before = _revision(connection)
    if before is not None:
        _refuse_newer(before, store)
    if before != to:
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, to)
    return before, _revision(connection) or ""


def _users(connection: Connection) -> list[str]:
    """The processes that hold our tables, in words."""
    found = connection.execute(
        text(
            "SELECT pid, application_name, extract(epoch FROM clock_timestamp() - xact_start), state"
            " FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND pid IN"
            " (SELECT pid FROM pg_locks JOIN pg_class held ON held.oid = relation"
            " JOIN pg_class ours ON ours.relnamespace = held.relnamespace"
            " WHERE granted AND ours.oid = to_regclass('resource')) ORDER BY xact_start"
        )
    )
    return [
        f"process {pid} ({name or 'without a name'}, {state or 'at work'}, its transaction began {age or 0:.0f} s ago)"
        for pid, name, age, state in found
    ]


def _refuse_newer(at: str, store: Store) -> None:
    known = {step.revision for step in ScriptDirectory.from_config(_config()).walk_revisions()}
    if at not in known:
        raise Unusable(
            f"{store} is at schema {at}, which is newer than this Headwater knows ({newest()}): upgrade Headwater"
        )


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config
