"""The schema of a store: which step it is at, and taking it to the newest."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from store.database import Store, Unusable

# Any number will do that nothing else in the database locks.
_MIGRATION_LOCK = 7_205_759_403


def newest() -> str:
    """The step that this version of Headwater works with."""
    return ScriptDirectory.from_config(_config()).get_current_head() or ""


def current(store: Store) -> str | None:
    """The step a store is at, or None when it holds no schema yet.

    Raises:
        Unavailable: The database did not answer.
    """
    return store.raw(_revision, writes=False)


def migrate(store: Store) -> tuple[str | None, str]:
    """Take a store to the newest step, whatever it is at; two at once do no harm.

    Returns:
        The step before, and the step now.

    Raises:
        Unusable: The store is of a newer schema than this version of Headwater knows.
        Unavailable: The database did not answer.
    """
    return store.raw(lambda connection: _upgrade(connection, store), writes=True)


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


def _upgrade(connection: Connection, store: Store) -> tuple[str | None, str]:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _MIGRATION_LOCK})
    before = _revision(connection)
    if before is not None:
        _refuse_newer(before, store)
    if before != newest():
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    return before, newest()


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
