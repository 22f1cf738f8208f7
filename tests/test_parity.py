"""Parity: what AWS's own tools printed for a real run comes out of a store fed with its events."""

from __future__ import annotations

import json
from typing import NamedTuple

from sqlalchemy import select

from store.database import Store, Transaction
from store.tables import association, entity
from tests.support.events import HERE, abalone
from tests.support.stores import fed


class Row(NamedTuple):
    """One line that AWS printed: about a step's resource, and something that is linked with it."""

    step: str
    name: str
    direction: str
    type: str
    association: str
    lineage_type: str


PRINTED = json.loads((HERE / "cases" / "abalone" / "parity.json").read_text())["steps"]


def printed() -> list[Row]:
    return sorted(
        Row(step["step"], row["name"], row["direction"], row["type"], row["association"], row["lineage_type"])
        for step in PRINTED
        for row in step["rows"]
    )


def rows_about(store: Store, step: str, resource: str) -> list[Row]:
    """Everything one association away from the trial component or artifact that stands for a resource."""

    def look(tx: Transaction) -> list[Row]:
        near, far = entity.alias(), entity.alias()
        found = []
        for direction, here, there in (
            ("Input", association.c.destination_id, association.c.source_id),
            ("Output", association.c.source_id, association.c.destination_id),
        ):
            linked = tx.connection.execute(
                select(far.c.name, far.c.source_uri, far.c.type, far.c.lineage_type, association.c.type.label("link"))
                .join(association, far.c.id == there)
                .join(near, near.c.id == here)
                .where(near.c.source_uri == resource, near.c.lineage_type.in_(("TrialComponent", "Artifact")))
                .where(association.c.inferred == 0)
            )
            found += [
                Row(step, row.name or row.source_uri, direction, row.type, row.link, row.lineage_type.lower())
                for row in linked
            ]
        return found

    return store.read(look)


def as_printed(row: Row) -> Row:
    """The row with its name cut where AWS's table cut it: names of actions and contexts show only their beginning."""
    cut = {line.name for line in printed() if line.lineage_type in ("action", "context")}
    beginning = next((name for name in cut if row.name.startswith(name)), row.name)
    return row._replace(name=beginning) if row.lineage_type in ("action", "context") else row


def test_a_store_fed_with_a_real_run_says_the_23_rows_that_aws_printed_and_no_others(store: Store) -> None:
    fed(store, abalone())

    rows = [row for step in PRINTED if step["resource"] for row in rows_about(store, step["step"], step["resource"])]

    assert len(printed()) == 23
    assert sorted(map(as_printed, rows)) == printed()
