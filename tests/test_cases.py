"""Rule by rule: events in, the whole lineage out. A new rule begins with a folder under cases/."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, select

from store.database import Store
from store.describe_requests import waiting
from store.graph.lineage import walk
from store.graph.resolve import find
from store.graph.traversal import Direction
from store.tables import association, describe_request, entity, membership, metric, parameter
from tests.support.events import HERE, abalone, case_events
from tests.support.stores import fed, sqlite_store

SHOWN = ("properties", "metadata", "billable_seconds")
"""What a case shows of an entity beside what it is; times and texts that are the same everywhere are left to others."""
CASES = sorted(folder.name for folder in (HERE / "cases").iterdir())


@pytest.mark.parametrize("case", CASES)
def test_a_case(case: str, tmp_path: Path) -> None:
    store = fed(sqlite_store(tmp_path / "store.db"), case_events(case))
    found = lineage(store)
    store.close()

    assert found == json.loads((HERE / "cases" / case / "lineage.json").read_text())


WALKED = sorted(case for case in CASES if (HERE / "cases" / case / "ascendants.json").exists())


@pytest.mark.parametrize("case", WALKED)
def test_what_things_in_a_case_came_from(case: str, tmp_path: Path) -> None:
    """Whatever the order in which its events come."""
    events = case_events(case)
    for number, order in enumerate((events, events[::-1], events[1::2] + events[::2])):
        store = fed(sqlite_store(tmp_path / f"{number}.db"), order, 1)
        expected = json.loads((HERE / "cases" / case / "ascendants.json").read_text())
        found = {name: came_from(store, name) for name in expected}
        store.close()

        assert found == expected


def came_from(store: Store, name: str) -> list[str]:
    """The names, or else the URIs, of all that something came from, images and itself left out."""
    [match] = find(store, name)
    found = walk(store, [match.vertex.arn], Direction.ASCENDANTS).vertices
    return sorted(one.name or one.source_uri for one in found if one.type != "Image" and one.hops)


def test_a_store_with_all_events_of_a_run_lacks_only_the_creation_time_of_its_package_group(tmp_path: Path) -> None:
    store = fed(sqlite_store(tmp_path / "store.db"), abalone())
    asked = [(one.arn.rpartition(":")[2], one.operation) for one in waiting(store)]
    store.close()

    assert asked == [("model-package-group/AbaloneModelPackageGroupName", "DescribeModelPackageGroup")]


def lineage(store: Store) -> dict[str, Any]:
    """The whole lineage for people, and what is asked: entities by name, or by URI if they have none; times in ISO."""
    return store.read(lambda tx: _lineage(tx.connection))


def _lineage(connection: Connection) -> dict[str, Any]:
    rows = {row.id: row for row in connection.execute(select(entity))}
    titles = {number: row.name or row.source_uri for number, row in rows.items()}
    values: dict[str, dict[str, dict[str, Any]]] = {"parameters": {}, "metrics": {}}
    for row in connection.execute(select(parameter).order_by(parameter.c.name)):
        values["parameters"].setdefault(titles[row.entity_id], {})[row.name] = (
            row.number if row.string is None else row.string if row.number is None else [row.string, row.number]
        )
    for row in connection.execute(select(metric).order_by(metric.c.name)):
        values["metrics"].setdefault(titles[row.entity_id], {})[row.name] = row.value
    found: dict[str, Any] = {
        "entities": sorted(
            (
                {"lineage_type": row.lineage_type, "type": row.type, "name": row.name}
                | ({"source_uri": row.source_uri} if row.source_uri else {})
                | ({"status": row.status} if row.status else {})
                | ({"family": row.family} if row.family else {})
                | {name: value for name, value in json.loads(row.document).items() if name in SHOWN}
                for row in rows.values()
            ),
            key=_sorting,
        ),
        "associations": sorted(
            (
                {
                    "source": titles[row.source_id],
                    "type": row.type,
                    "destination": titles[row.destination_id],
                    "since": _iso(row.since),
                    "until": None if row.until is None else _iso(row.until),
                }
                | ({"inferred": True} if row.inferred else {})
                for row in connection.execute(select(association))
            ),
            key=_sorting,
        ),
        "memberships": sorted(
            [titles[parent], titles[child]]
            for parent, child in connection.execute(select(membership.c.parent_id, membership.c.child_id).distinct())
        ),
        **values,
        "questions": sorted([row.arn, row.operation] for row in connection.execute(select(describe_request))),
    }
    for one in found["entities"]:
        if not one["name"]:
            del one["name"]
    return {name: value for name, value in found.items() if value}


def _sorting(found: dict[str, Any]) -> list[tuple[str, str]]:
    return [(name, str(value)) for name, value in found.items()]


def _iso(milliseconds: int) -> str:
    when = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return when.isoformat(timespec="milliseconds" if milliseconds % 1000 else "seconds").replace("+00:00", "Z")
