"""Contexts and actions: made, described, changed, deleted and listed by their names."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

from consumers.api import preconditions
from consumers.api.entity_views import RECORDS
from consumers.api.errors import NotFound
from consumers.api.operations.entity_lists import entries
from consumers.api.request import Answer, Asked, Row, Service, Writing
from store import entity_records


class Sort(NamedTuple):
    """A sort of entity that has a name: its lineage type, as it is called in operations, and as in ARNs."""

    lineage_type: str
    part: str


CONTEXT, ACTION = Sort("Context", "context"), Sort("Action", "action")


def create(sort: Sort, service: Service, asked: Asked) -> Answer:
    """Make one of a new name."""
    name = asked.input[f"{sort.lineage_type}Name"]
    arn = asked.arn(sort.part, name)

    def guard(writing: Writing) -> Mapping[str, Any]:
        preconditions.absent(writing, arn, f"{sort.lineage_type} with name ({name})")
        return {}

    return service.writer.write(asked, arn, {**asked.input, f"{sort.lineage_type}Arn": arn}, guard)


def describe(sort: Sort, service: Service, asked: Asked) -> Answer:
    """Describe one."""
    arn = asked.arn(sort.part, asked.input[f"{sort.lineage_type}Name"])
    found = service.store.read(lambda tx: entity_records.find(tx, arn))
    if found is None or found.lineage_type != sort.lineage_type:
        raise NotFound(f"{preconditions.WORDS[sort.lineage_type]} '{arn}' does not exist.")
    return RECORDS[sort.lineage_type](found)


def update(sort: Sort, service: Service, asked: Asked) -> Answer:
    """Change what is told of one."""
    named = f"{sort.lineage_type}Name"
    arn = asked.arn(sort.part, asked.input[named])
    news = {name: value for name, value in asked.input.items() if name != named}  # which may be in another case

    def guard(writing: Writing) -> Mapping[str, Any]:
        return preconditions.changeable(writing, preconditions.present(writing, arn, sort.lineage_type))

    return service.writer.write(asked, arn, news, guard)


def delete(sort: Sort, service: Service, asked: Asked) -> Answer:
    """Delete one that has no associations."""
    arn = asked.arn(sort.part, asked.input[f"{sort.lineage_type}Name"])

    def guard(writing: Writing) -> Mapping[str, Any]:
        return preconditions.deletable_alone(writing, preconditions.present(writing, arn, sort.lineage_type), arn)

    return service.writer.write(asked, arn, {}, guard)


def list_all(sort: Sort, service: Service, asked: Asked) -> Answer:
    """List them."""
    told = asked.input
    return entries(
        service,
        asked,
        sort.lineage_type,
        f"{sort.lineage_type}Summaries",
        RECORDS[sort.lineage_type],
        source_uri=told.get("SourceUri"),
        type=told.get(f"{sort.lineage_type}Type"),
    )


_DERIVED = "What events derive says what they tell, and is neither changed nor deleted."


def _rows(sort: Sort) -> Mapping[str, Row]:
    name = sort.lineage_type
    return {
        f"Create{name}": Row(partial(create, sort), writes=True),
        f"Describe{name}": Row(partial(describe, sort)),
        f"Update{name}": Row(partial(update, sort), writes=True, differs=_DERIVED),
        f"Delete{name}": Row(partial(delete, sort), writes=True, differs=_DERIVED),
        f"List{name}s": Row(partial(list_all, sort)),
    }


OPERATIONS: Mapping[str, Row] = {**_rows(CONTEXT), **_rows(ACTION)}
"""How contexts and actions are asked for."""
