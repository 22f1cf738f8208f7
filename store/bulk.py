"""Many rows in one statement, in either database: no ORM and no row-by-row work on the hot path.

SQLite takes a prepared statement and a list of tuples; PostgreSQL takes whole columns as arrays.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Literal, Protocol

import msgspec
from sqlalchemy import (
    ARRAY,
    BindParameter,
    Column,
    ColumnElement,
    CompoundSelect,
    Connection,
    Delete,
    Select,
    Table,
    Text,
    bindparam,
    column,
    delete,
    func,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.types import TypeEngine

Row = tuple[Any, ...]
Conflict = Literal["fail", "ignore", "replace"]


def insert(connection: Connection, table: Table, rows: Sequence[Row], conflict: Conflict = "fail") -> None:
    """Put rows into a table.

    Args:
        connection: Within a transaction that may write.
        table: Whose columns, all of them and in their order, each row has.
        rows: No two with the same primary key; sorted by it where several workers write the same rows.
        conflict: What to do with a row whose key is there: `fail`, `ignore` it, or `replace` what is there.
    """
    if not rows:
        return
    statement, names = _insert(connection.dialect.name, table, conflict)
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(statement, list(rows))
    else:
        columns = zip(*rows, strict=True)
        connection.execute(statement, {name: list(column) for name, column in zip(names, columns, strict=True)})


def remove(connection: Connection, table: Table, keys: Sequence[Row]) -> None:
    """Delete the rows with these primary keys, each as a tuple in the key's order."""
    if not keys:
        return
    statement, names = _delete(connection.dialect.name, table)
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(statement, list(keys))
    else:
        columns = zip(*keys, strict=True)
        connection.execute(statement, {name: list(column) for name, column in zip(names, columns, strict=True)})


def change(connection: Connection, table: Table, names: Sequence[str], rows: Sequence[Row]) -> None:
    """Write some columns of rows that are there.

    Args:
        connection: Within a transaction that may write.
        table: With an `id`.
        names: Which columns.
        rows: Each an id, and the values of these columns.
    """
    if not rows:
        return
    statement = _update(connection.dialect.name, table, tuple(names))
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(statement, [(*rest, number) for number, *rest in rows])
    else:
        columns = zip(*rows, strict=True)
        connection.execute(
            statement, {f"_{name}": list(column) for name, column in zip(("id", *names), columns, strict=True)}
        )


def among(connection: Connection, column: ColumnElement[Any], values: Iterable[Any]) -> ColumnElement[bool]:
    """The condition that a column is one of many texts or numbers: one parameter, however many they are."""
    dialect = connection.dialect.name
    return _among(dialect, column, bindparam(None, many(dialect, values), type_=_type_of_many(dialect, column)))


class Rows(Protocol):
    """The rows of a result, as tuples."""

    def __iter__(self) -> Iterator[Any]:
        """One after the other."""

    def fetchone(self) -> Any:
        """The first, or None."""

    def fetchall(self) -> Sequence[Any]:
        """All."""


def read(connection: Connection, statement: Select[Any] | CompoundSelect[Any], values: Mapping[str, Any]) -> Rows:
    """Execute a statement that is executed often, and is the same object each time.

    SQLAlchemy takes longer to compile a statement than to execute it, and several times as long to execute it as SQLite
    does for a few rows: the compiled text is cached.

    Args:
        connection: Where.
        statement: Without values in it that differ from one time to the next.
        values: Of its parameters.
    """
    if connection.dialect.name != "sqlite":
        return connection.execute(statement, values)
    text, names, constants = _lite(statement)
    driver: Any = connection.connection.driver_connection
    rows: Rows = driver.execute(text, [values[name] if name in values else constants[name] for name in names])
    return rows


@lru_cache(maxsize=1024)
def _lite(statement: Select[Any]) -> tuple[str, Sequence[str], Mapping[str, Any]]:
    made = statement.compile(dialect=sqlite.dialect(paramstyle="qmark"))
    return str(made), made.positiontup or (), made.params


def of_many(connection: Connection, table: Table, column: Column[Any], values: Iterable[Any]) -> Rows:
    """The rows of a table in which a column is one of many texts or numbers."""
    dialect = connection.dialect.name
    return read(connection, _of_many(dialect, table, column), {"values": many(dialect, values)})


@lru_cache(maxsize=128)
def _of_many(dialect: str, table: Table, column: Column[Any]) -> Select[Any]:
    return select(table).where(among_named(dialect, column, "values"))


def among_named(dialect: str, column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    """As `among`, for a statement that is made once and executed often: pass the value of `many` by this name."""
    return _among(dialect, column, bindparam(name, type_=_type_of_many(dialect, column)))


def many(dialect: str, values: Iterable[Any]) -> Any:
    """Many texts or numbers as one parameter."""
    return msgspec.json.encode(list(values)).decode() if dialect == "sqlite" else list(values)


def _among(dialect: str, column: ColumnElement[Any], values: BindParameter[Any]) -> ColumnElement[bool]:
    if dialect == "sqlite":
        return column.in_(select(func.json_each(values).table_valued("value").c.value))
    return column == func.any(values)


def _type_of_many(dialect: str, column: ColumnElement[Any]) -> TypeEngine[Any]:
    return Text() if dialect == "sqlite" else ARRAY(column.type)


def distinct(connection: Connection, column: ColumnElement[Any]) -> Sequence[Any]:
    """All values of a column that an index begins with, sorted: each is found by one step in that index."""
    first = select(func.min(column).label("value")).cte(recursive=True)
    following = select(func.min(column)).where(column > first.c.value).scalar_subquery()
    every = first.union_all(select(following).where(first.c.value.is_not(None)))
    return connection.scalars(select(every.c.value).where(every.c.value.is_not(None))).all()


def unindexed(column: ColumnElement[str]) -> ColumnElement[str]:
    """A column whose index SQLite shall not use, since another one finds fewer rows."""
    return column.concat("")


def contains(column: ColumnElement[Any], text: str) -> ColumnElement[bool]:
    """The condition that a column contains a text (not empty), case-sensitively: LIKE ignores case on SQLite."""
    return func.replace(column, text, "") != column


def listed(dialect: str, name: str, type_: TypeEngine[Any]) -> ColumnElement[Any]:
    """A column of many texts or numbers, to join with: pass the value of `many` by this name."""
    value = column("value", type_)
    if dialect == "sqlite":
        each = func.json_each(bindparam(name, type_=Text())).table_valued(value)
    else:
        each = func.unnest(bindparam(name, type_=ARRAY(type_))).table_valued(value).render_derived()
    return each.c.value


def new_ids(connection: Connection, table: Table, count: int) -> list[int]:
    """Ids for `count` new rows of a table with an `id`."""
    if not count:
        return []
    if connection.dialect.name == "sqlite":  # one writer at a time, so the highest id cannot change
        (highest,) = read(connection, _highest(table), {}).fetchone()
        return list(range(highest + 1, highest + 1 + count))
    sequence = func.pg_get_serial_sequence(table.name, "id")
    series = func.generate_series(1, count).table_valued("n")
    return list(connection.scalars(select(func.nextval(sequence)).select_from(series)))


@lru_cache(maxsize=128)
def _highest(table: Table) -> Select[Any]:
    return select(func.coalesce(func.max(table.c.id), 0))


@lru_cache(maxsize=128)
def _insert(dialect: str, table: Table, conflict: Conflict) -> tuple[Any, tuple[str, ...]]:
    names = tuple(column.name for column in table.columns)
    keys = [column.name for column in table.primary_key]
    if dialect == "sqlite":
        lite = sqlite.insert(table).values({name: bindparam(name) for name in names})
        if conflict == "ignore" or (conflict == "replace" and len(keys) == len(names)):
            lite = lite.on_conflict_do_nothing()
        elif conflict == "replace":
            lite = lite.on_conflict_do_update(keys, set_={n: lite.excluded[n] for n in names if n not in keys})
        return str(lite.compile(dialect=sqlite.dialect(paramstyle="qmark"))), names
    arrays = (
        func.unnest(*(bindparam(c.name, type_=ARRAY(c.type)) for c in table.columns))
        .table_valued(*names)
        .render_derived()
    )
    many = postgresql.insert(table).from_select(list(names), select(*(arrays.c[name] for name in names)))
    if conflict == "ignore" or (conflict == "replace" and len(keys) == len(names)):
        many = many.on_conflict_do_nothing()
    elif conflict == "replace":
        many = many.on_conflict_do_update(
            index_elements=keys, set_={n: many.excluded[n] for n in names if n not in keys}
        )
    return many, names


@lru_cache(maxsize=128)
def _delete(dialect: str, table: Table) -> tuple[Any, tuple[str, ...]]:
    keys = list(table.primary_key)
    names = tuple(column.name for column in keys)
    gone: Delete
    if dialect == "sqlite":
        gone = delete(table).where(*(column == bindparam(column.name) for column in keys))
        return str(gone.compile(dialect=sqlite.dialect(paramstyle="qmark"))), names
    arrays = func.unnest(*(bindparam(c.name, type_=ARRAY(c.type)) for c in keys)).table_valued(*names).render_derived()
    gone = delete(table).where(*(column == arrays.c[column.name] for column in keys))
    return gone, names


@lru_cache(maxsize=128)
def _update(dialect: str, table: Table, names: tuple[str, ...]) -> Any:
    if dialect == "sqlite":
        lite = update(table).where(table.c.id == bindparam("_id")).values({n: bindparam(f"_{n}") for n in names})
        return str(lite.compile(dialect=sqlite.dialect(paramstyle="qmark")))
    columns = [table.c[name] for name in ("id", *names)]
    arrays = (
        func.unnest(*(bindparam(f"_{c.name}", type_=ARRAY(c.type)) for c in columns))
        .table_valued(*(c.name for c in columns))
        .render_derived()
    )
    return update(table).where(table.c.id == arrays.c.id).values({name: arrays.c[name] for name in names})
