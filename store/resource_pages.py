"""Resources in an order, page by page: jobs, models, endpoints, pipelines and all the others."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, FromClause, String, cast, exists, func, literal, null, select, union_all
from sqlalchemy.types import BigInteger, Integer, LargeBinary

from store import paging
from store.database import Transaction
from store.paging import PageKey, SortColumn
from store.resources import ResourceRow
from store.tables import Words, entity, resource

PIPELINE = "pipeline"


class SortBy(StrEnum):
    """What resources are sorted by."""

    CREATED = "created"
    NAME = "name"
    STATUS = "status"


class Span(msgspec.Struct, frozen=True):
    """From when until when, in epoch milliseconds, both included; None: without an end."""

    first: int | None = None
    last: int | None = None


class Listing(msgspec.Struct, frozen=True):
    """Which resources, and in what order.

    Attributes:
        kind: Their resource type: `training-job`.
        beginning: What their ARNs begin with, up to and with a `/`.
        contains: What the rest of the ARN contains, whatever its case.
        status: The status, as SageMaker's API spells it; empty for any.
        created: When they were created.
        modified: When they were last modified.
        versioned: True for those alone that have a version in their ARN, False for those that have none, None for all.
        sort_by: What they are sorted by.
        ascending: The least first, or the greatest.
        near: True if few have ARNs that begin so: then all of these are read, and no others.
    """

    kind: str
    beginning: str
    contains: str = ""
    status: str = ""
    created: Span = Span()
    modified: Span = Span()
    versioned: bool | None = None
    sort_by: SortBy = SortBy.CREATED
    ascending: bool = False
    near: bool = False


def listed(
    transaction: Transaction, listing: Listing, after: PageKey | None, limit: int
) -> list[tuple[PageKey, ResourceRow]]:
    """Those that have not been deleted, with their keys.

    A pipeline that no event is about is inferred from its executions: its row has only its ARN, its name and a time.

    Args:
        transaction: To read in.
        listing: Which, and in what order.
        after: The key of the page before, or None for the first page.
        limit: How many at most.
    """
    source = _pipelines() if listing.kind == PIPELINE else resource
    columns = {column.name: column for column in source.columns}
    order = _order(listing, columns)
    wanted = select(source).where(*_conditions(listing, columns))
    statement = paging.statement(wanted, [SortColumn(column, listing.ascending) for column in order], after, limit)
    rows = [ResourceRow(*row) for row in transaction.connection.execute(statement)]
    return [(_key(listing, row), row) for row in rows]


def mentioned_pipelines(transaction: Transaction, keys: list[str]) -> list[ResourceRow]:
    """Pipelines with these keys that no event is about, and of which there are executions."""
    source = _pipelines()
    found = select(source).where(source.c.key.in_(keys), source.c.state.is_(None))
    return [ResourceRow(*row) for row in transaction.connection.execute(found)]


def _order(listing: Listing, columns: dict[str, Any]) -> list[ColumnElement[Any]]:
    """The columns that a listing is sorted by; ARNs, which are in lower case, sort as names do."""
    if listing.sort_by is SortBy.NAME:
        return [columns["key"]]
    return [columns[listing.sort_by.value], columns["key"]]


def _key(listing: Listing, row: ResourceRow) -> PageKey:
    if listing.sort_by is SortBy.NAME:
        return (row.key,)
    return (row.created if listing.sort_by is SortBy.CREATED else row.status, row.key)


def _conditions(listing: Listing, columns: dict[str, Any]) -> list[ColumnElement[bool]]:
    key = columns["key"]
    low = listing.beginning.lower()
    by_key = listing.near or listing.sort_by is SortBy.NAME
    found = [
        # An expression that no index is on, where the one on ARNs is to be read: it has the order, or finds the few.
        (columns["kind"] + "" if by_key else columns["kind"]) == listing.kind,
        columns["version"] > 0,
        columns["deleted"] == 0,
        key >= low,
        key < low[:-1] + chr(ord(low[-1]) + 1),
    ]
    for column, span in ((columns["created"], listing.created), (columns["modified"], listing.modified)):
        if span.first is not None:
            found.append(column >= span.first)
        if span.last is not None:
            found.append(column <= span.last)
    if listing.status:
        found.append(columns["status"] == listing.status)
    rest = func.substr(key, len(low) + 1, type_=String)
    if listing.contains:
        found.append(rest.contains(listing.contains.lower(), autoescape=True))
    if listing.versioned is not None:
        found.append(rest.contains("/") if listing.versioned else ~rest.contains("/"))
    return found


def _pipelines() -> FromClause:
    """Pipelines as resources are: those that events are about, and those of which there are only executions."""
    key = func.lower(entity.c.source_uri)
    mentioned = select(
        cast(null(), BigInteger).label("id"),
        key.label("key"),
        literal(PIPELINE, Words).label("kind"),
        literal(1, Integer).label("version"),
        literal(1, Integer).label("derived"),
        cast(null(), Words).label("rule"),
        cast(null(), Words).label("problem"),
        cast(null(), LargeBinary).label("state"),
        entity.c.name.label("name"),
        literal("", Words).label("status"),
        entity.c.created.label("created"),
        entity.c.created.label("modified"),
        literal(0, Integer).label("deleted"),
    ).where(
        entity.c.lineage_type == "Experiment",
        entity.c.type == "SageMakerPipeline",
        ~exists().where(resource.c.key == key, resource.c.version > 0),
    )
    return union_all(select(resource).where(resource.c.kind == PIPELINE), mentioned).subquery()
