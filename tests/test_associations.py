"""Pages of associations, each pair once, against a plain model; and that an index has their order."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, event, insert

from store.associations import AssociationFilter, page
from store.database import Store
from store.tables import association, entity, resource
from tests.support.laws import examples
from tests.support.stores import emptied, sqlite_store

ARNS = ["arn:B", "arn:a", "arn:C", "arn:d"]
IDS = st.integers(0, len(ARNS) - 1)
ROWS = st.lists(
    st.tuples(
        IDS,
        IDS,
        st.integers(1, 3),
        st.sampled_from(["Produced", "ContributedTo"]),
        st.integers(0, 3),
        st.integers(0, 1),
    ),
    unique_by=lambda row: row[:3],
    max_size=20,
)
"""Associations: source, destination, the resource that has it, type, since when, and whether it is inferred."""
Row = tuple[int, int, int, str, int, int]
SORTED = ("source", "destination", "source_type", "destination_type", "since")


def filled(store: Store, rows: list[Row]) -> Store:
    """A store with these associations."""

    def fill(connection: Connection) -> None:
        keys = [{"id": one, "key": f"r{one}", "kind": "k", "version": 1, "derived": 1} for one in (1, 2, 3)]
        connection.execute(insert(resource), keys)
        plain = {"lineage_type": "Artifact", "name": "", "source_uri": "", "status": "", "created": 0, "weight": 1}
        entities = [
            {"id": number, "key": arn.lower(), "arn": arn, "type": f"T{number % 2}", "document": "{}", **plain}
            for number, arn in enumerate(ARNS)
        ]
        connection.execute(insert(entity), entities)
        names = ("source_id", "destination_id", "resource_id", "type", "since", "inferred")
        if rows:
            connection.execute(insert(association), [dict(zip(names, row, strict=True)) for row in rows])

    emptied(store).raw(fill)
    return store


def expected(rows: list[Row], sort_by: str, *, ascending: bool) -> list[tuple[str, str, str, int]]:
    """Source, destination, type and since of each pair that is not inferred, in order."""
    pairs: dict[tuple[int, int], list[Row]] = {}
    for row in rows:
        if not row[5]:
            pairs.setdefault(row[:2], []).append(row)

    def key(ends: tuple[int, int]) -> Any:
        source, destination = ends
        values = {
            "source": ARNS[source].lower(),
            "destination": ARNS[destination].lower(),
            "source_type": f"T{source % 2}",
            "destination_type": f"T{destination % 2}",
            "since": min(row[4] for row in pairs[ends]),
        }
        return values[sort_by], *(ends[::-1] if sort_by.startswith("destination") else ends)

    ordered = sorted(pairs, key=key, reverse=not ascending)
    return [
        (ARNS[ends[0]], ARNS[ends[1]], min(row[3] for row in pairs[ends]), min(row[4] for row in pairs[ends]))
        for ends in ordered
    ]


@pytest.mark.law
def test_pages_have_each_pair_once_and_in_order(store: Store, backend: str) -> None:
    @examples(60, 15, backend)
    @given(ROWS, st.sampled_from(SORTED), st.booleans(), st.integers(1, 4))
    def law(rows: list[Row], sort_by: str, ascending: bool, size: int) -> None:
        filled(store, rows)
        found: list[tuple[str, str, str, int]] = []
        after = None
        while True:
            one = page(store, AssociationFilter(), sort_by, ascending=ascending, size=size, after=after)
            found += [(link.source, link.destination, link.type, link.since) for link in one.rows]
            after = one.next
            if after is None:
                break

        assert found == expected(rows, sort_by, ascending=ascending)

    law()


@pytest.mark.parametrize("sort_by", ["since", "source", "destination"])
@pytest.mark.parametrize("ascending", [False, True])
def test_an_index_of_sqlite_has_the_order_of_a_list(tmp_path: Path, sort_by: str, ascending: bool) -> None:
    store = filled(sqlite_store(tmp_path / "store.db"), [(0, 1, 1, "Produced", 5, 0), (1, 2, 1, "Produced", 6, 0)])
    executed: list[str] = []
    event.listen(store.engine, "checkout", lambda connection, *_: connection.set_trace_callback(executed.append))
    first = page(store, AssociationFilter(), sort_by, ascending=ascending, size=1)
    page(store, AssociationFilter(), sort_by, ascending=ascending, size=1, after=first.next)
    store.close()

    with closing(sqlite3.connect(tmp_path / "store.db")) as connection:
        selects = [statement for statement in executed if statement.startswith("SELECT")]
        plans = [[row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}")] for statement in selects]
    assert len(plans) == 2
    assert [step for plan in plans for step in plan if "TEMP B-TREE" in step or step == "SCAN pair"] == []
