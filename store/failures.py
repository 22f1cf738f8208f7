"""What a failure of the database means for its caller: wait, put one row's data aside, or stop.

An outage passes (`Unavailable`: wait). A refusal is about the values of a row, and will be repeated for the same values
(`RefusedData`: put the message aside). A database that cannot be used must be repaired or set up (`Unusable`: stop).
All else is a fault of Headwater, such as a wrong statement, and is left as it was raised: the process stops with the
traceback and acknowledges nothing.
"""

from __future__ import annotations

import sqlite3
from typing import Any

from sqlalchemy.exc import (
    DataError,
    IntegrityError,
    InterfaceError,
    InternalError,
    OperationalError,
    StatementError,
    TimeoutError,
)


class Unusable(Exception):
    """The database cannot serve, and trying again will not help; the message says what to do."""


class BadUrl(Unusable):
    """The URL does not name a database that could be used."""


class Unavailable(Exception):
    """The database did not answer, or others held it too long; it may answer the next time."""


class Again(Unavailable):
    """The transaction lost against another one: it has to be done again, from its beginning."""


class Conflict(Again):
    """A key or a rule of the schema was violated: by another transaction, or by the data itself if it happens again."""


class RefusedData(Exception):
    """The database refuses the values of a row, and will refuse them the next time; the message says why."""


DATABASE_ERRORS = (StatementError, TimeoutError, sqlite3.Error)
"""What SQLAlchemy and the drivers raise inside of a transaction, before `named` says what it means."""
FAILURES = (*DATABASE_ERRORS, OverflowError, UnicodeError)
"""The same, and what is raised for a value that cannot be handed to the database at all."""


def named(why: Exception, store: object) -> Exception:
    """A failure of `FAILURES`, named for what to do next.

    Args:
        why: As it was raised.
        store: The store's name, for the message.

    Returns:
        What to raise instead; the failure itself if it is a fault of Headwater.
    """
    if isinstance(why, TimeoutError):
        return Unavailable(f"all connections to {store} are in use: raise pool_size in its URL, or ask less at once")
    cause: Any = why.orig if isinstance(why, StatementError) else why
    if isinstance(cause, OverflowError | UnicodeError):
        return RefusedData(f"a value cannot be kept in {store}: {_reason(cause)}")
    if isinstance(cause, sqlite3.Error):
        return _of_sqlite(cause, store) or why
    return _of_postgresql(why, getattr(cause, "sqlstate", None) or "", _reason(cause), store) or why


_LITE_OUTAGES = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_INTERRUPT,
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_SCHEMA,
    sqlite3.SQLITE_NOMEM,
}
_LITE_UNUSABLE = {
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_AUTH,
}
_LITE_REFUSALS = {sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_MISMATCH}


def _of_sqlite(cause: sqlite3.Error, store: object) -> Exception | None:
    reason = _reason(cause)
    code = getattr(cause, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF  # without the extension
    if code in _LITE_OUTAGES:
        return Unavailable(f"{store} does not answer: {reason}")
    if code in _LITE_UNUSABLE:
        return Unusable(f"{store} cannot be used: {reason}; check the path and its permissions")
    if code in _LITE_REFUSALS:
        return RefusedData(f"{store} refuses a row: {reason}")
    if "no such table" in reason:
        return Unusable(f"{store} holds no Headwater store yet: run headwater migrate")
    return None


_LOST = {"40001", "40P01", "55P03"}
"""PostgreSQL's codes for: serialization failure, deadlock, a lock not had in time. They pass when it is done again."""
_CONFLICTS = {"23505", "23503", "23514"}
"""A key or a partition that another transaction has just inserted or deleted: they pass likewise."""
_OUTAGES = ("08", "53", "57", "58", "XX")
"""Classes: connections, resources, an operator's hand, the system, and the server's own faults."""
_READ_ONLY = "25006"  # a server that may not be written to, for now: a replica that is about to take over
_CANCELLED = "57014"
_TOO_LONG = "54000"
_REFUSALS = ("22", "23")
"""Classes: data that cannot be, and rules of the schema that data violate."""


def _of_postgresql(why: Exception, state: str, reason: str, store: object) -> Exception | None:
    if state in _CONFLICTS:
        return Conflict(f"{store} is busy with the work of others ({reason}): try again")
    if state in _LOST or "cached plan must not change" in reason:  # the latter: the store was migrated meanwhile
        return Again(f"{store} is busy with the work of others ({reason}): try again")
    if state == _CANCELLED:
        return Unavailable(
            f"{store} cancelled a statement ({reason}): see what keeps it busy, or raise statement_timeout in its URL"
        )
    if state == _TOO_LONG or state[:2] in _REFUSALS or (isinstance(why, IntegrityError | DataError) and not state):
        return RefusedData(f"{store} refuses a row: {reason}")
    if state == "42P01":
        return Unusable(f"{store} holds no Headwater store yet: run headwater migrate")
    if state in ("28P01", "28000", "3D000", "42501"):
        return Unusable(f"{store} refuses us: {reason}; check the user, its password and the database's name")
    if not state and ("invalid connection option" in reason or "invalid dsn" in reason):
        return BadUrl(f"{store} cannot be connected to: {reason}; check the options in the URL")
    outage = state == _READ_ONLY or state[:2] in _OUTAGES
    if outage or (not state and isinstance(why, OperationalError | InterfaceError | InternalError)):
        return Unavailable(f"{store} does not answer: {reason}")
    return None


def _reason(cause: BaseException) -> str:
    return next(iter(str(cause).strip().splitlines()), type(cause).__name__)
