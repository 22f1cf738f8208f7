"""Three kinds of failures of a database, distinguished on both: an outage, refused data, and a fault of ours."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from structlog.testing import capture_logs

from consumers.handle import handle
from consumers.run.worker import work
from ingest.delivery import Delivery
from store import bulk
from store.database import RefusedData, Store, Unavailable, Unusable
from store.digest import digest
from store.ledger import events as ledger
from store.migrate import migrate
from store.tables import dead_letter, entity
from tests.support.events import ACCOUNT, NOON, PARTITION, REGION, case_events
from tests.support.fakes import MemoryQueue
from tests.support.stores import MakeStore, fed

ABALONE = case_events("abalone")


def without_a_column(make_empty: MakeStore) -> Store:
    """A store as a statement of ours that is wrong meets it: it names a column that is not there."""
    store = make_empty()
    migrate(store)
    store.raw(lambda connection: connection.execute(text("ALTER TABLE ledger DROP COLUMN received")))
    return store


def measured(step: int) -> bytes:
    """A metric point at a step."""
    point = {"MetricName": "loss", "Timestamp": NOON, "Value": 0.5, "Step": step}
    detail = {"Operation": "BatchPutMetrics", "Request": {"Put": 1, "MetricData": [point]}, "Time": NOON}
    about = f"{PARTITION}experiment-trial-component/c"
    event: dict[str, Any] = {"detail-type": "Headwater Call", "account": ACCOUNT, "region": REGION, "time": NOON}
    return json.dumps(event | {"resources": [about], "detail": detail}).encode()


async def test_a_statement_that_is_wrong_stops_the_worker_and_nothing_is_acknowledged_or_buried(
    make_empty: MakeStore,
) -> None:
    queue, store = MemoryQueue(*ABALONE), without_a_column(make_empty)
    with pytest.raises((DBAPIError, sqlite3.Error), match="received"):
        await asyncio.wait_for(work(queue, store, asyncio.Event()), 30)
    assert (await queue.depth(), ledger.dead_letters(store)) == (len(ABALONE), [])


def test_a_statement_that_is_wrong_is_no_outage_and_no_refusal(make_empty: MakeStore) -> None:
    store = without_a_column(make_empty)
    with pytest.raises((DBAPIError, sqlite3.Error), match="received"):
        handle([Delivery(body) for body in ABALONE], store)
    assert ledger.dead_letters(store) == []


def test_a_row_of_too_few_values_is_a_fault_of_ours(store: Store) -> None:
    with pytest.raises((DBAPIError, sqlite3.Error, ValueError)) as failure:
        store.write(lambda tx: bulk.insert(tx.connection, dead_letter, [(1, b"key", "reason")]))
    assert not isinstance(failure.value, Unavailable | Unusable | RefusedData)


@pytest.mark.parametrize("fault", [TypeError("None + 1"), AttributeError("no such field"), KeyError("kind")])
async def test_a_fault_of_ours_outside_of_the_database_stops_the_worker_too(
    fault: Exception, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise fault

    monkeypatch.setattr("store.ledger.events.partitions.require", fail)
    queue = MemoryQueue(*ABALONE)
    with pytest.raises(type(fault)):
        await asyncio.wait_for(work(queue, store, asyncio.Event()), 30)
    assert (await queue.depth(), ledger.dead_letters(store)) == (len(ABALONE), [])


@pytest.mark.parametrize("backend", ["sqlite"])
@pytest.mark.parametrize("step", ["catch_up", "handle"])
async def test_a_fault_of_ours_is_in_the_log_with_its_traceback(
    step: str, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise KeyError("kind")

    monkeypatch.setattr(f"consumers.run.worker.{step}", fail)
    with capture_logs() as lines, pytest.raises(KeyError):
        await asyncio.wait_for(work(MemoryQueue(*ABALONE), store, asyncio.Event()), 30)
    [line] = lines
    assert (line["log_level"], line["exc_info"]) == ("error", True)
    assert line["event"] == "stopped by a fault of Headwater: nothing of the batch in hand is acknowledged"


async def test_a_message_whose_data_the_database_refuses_is_buried_and_harms_no_other(make_store: MakeStore) -> None:
    async def at_rest() -> bool:
        return True

    store, bad = make_store(), measured(step=10**30)
    queue = MemoryQueue(*ABALONE[:15], bad, *ABALONE[15:])
    totals = await asyncio.wait_for(work(queue, store, asyncio.Event(), at_rest=at_rest), 60)
    [letter] = ledger.dead_letters(store)
    assert (totals.events, await queue.depth(), letter.body) == (len(ABALONE), 0, bad)
    assert letter.reason.startswith("the store refuses it: ")
    assert digest(store) == digest(fed(make_store(), ABALONE))


@pytest.mark.parametrize(
    "row",
    [
        (1, "k", "a", "Artifact", "", "", "", "", 2**63, 0, "{}", "", 0),  # a number that is too large
        (1, "k", "a", "Artifact", "", "\ud800", "", "", 0, 0, "{}", "", 0),  # half a character
        (1, "k", None, "Artifact", "", "", "", "", 0, 0, "{}", "", 0),  # nothing where something must be
    ],
)
def test_values_that_no_database_keeps_are_refused_data(row: bulk.Row, store: Store) -> None:
    with pytest.raises(RefusedData):
        store.write(lambda tx: bulk.insert(tx.connection, entity, [row]))


@pytest.mark.parametrize("backend", ["postgresql"])
def test_a_nul_character_is_refused_data_where_the_database_keeps_none(store: Store) -> None:
    row = (1, "k", "a\0", "Artifact", "", "", "", "", 0, 0, "{}", "", 0)
    with pytest.raises(RefusedData, match="NUL"):
        store.write(lambda tx: bulk.insert(tx.connection, entity, [row]))


def test_a_key_that_is_there_every_time_is_refused_data_and_no_race(store: Store) -> None:
    row = (1, "k", "a", "Artifact", "", "", "", "", 0, 0, "{}", "", 0)
    store.busy_seconds = 1
    store.write(lambda tx: bulk.insert(tx.connection, entity, [row]))
    with pytest.raises(RefusedData):
        store.write(lambda tx: bulk.insert(tx.connection, entity, [row]))
