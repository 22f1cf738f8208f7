"""Writes of API clients while the writer, and the server with it, is stopped."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import ExitStack
from functools import partial
from typing import Any

import pytest
import stamina
from botocore.exceptions import ClientError
from sqlalchemy import text

from consumers.api.client_writes import ClientWriter, StoreView
from consumers.api.errors import Refusal
from consumers.api.request import Request
from store import entity_records
from store.database import Store
from tests.support.api_server import ACCOUNT, CONTEXT, PARTITION, REGION, served
from tests.support.stores import MakeStore

PATIENCE = 60
"""Seconds after which a test takes what it waits for to be lost."""


def nothing_more(_: StoreView) -> Mapping[str, Any]:
    return {}


def write(
    writer: ClientWriter, name: str, guard: Callable[[StoreView], Mapping[str, Any]] = nothing_more
) -> Mapping[str, Any]:
    """Create a context."""
    arn = f"{PARTITION}context/{name}"
    members = {"ContextName": name, "ContextType": "Project", "Source": {"SourceUri": "s3://bucket/x"}}
    request = Request("CreateContext", members, REGION, ACCOUNT, PARTITION)
    return writer.write(request, arn, {**members, "ContextArn": arn}, guard)


def contexts(store: Store, *names: str) -> list[str]:
    """Those of these contexts that are in the store."""
    found = {name: partial(entity_records.find, arn=f"{PARTITION}context/{name}") for name in names}
    return [name for name, find in found.items() if store.read(find)]


def start(call: Callable[..., Any], *args: Any, **members: Any) -> Future[Any]:
    """Call this in a thread that ends with the process at the latest."""
    result: Future[Any] = Future()

    def work() -> None:
        try:
            result.set_result(call(*args, **members))
        except Exception as why:  # noqa: BLE001  # whatever it is, the test sees it
            result.set_exception(why)

    threading.Thread(target=work, daemon=True).start()
    return result


def until(condition: Callable[[], bool]) -> None:
    """Wait until a condition is true."""
    for attempt in stamina.retry_context(on=AssertionError, timeout=PATIENCE, attempts=None, wait_max=0.05):
        with attempt:
            assert condition()


def outcome(write: Future[Any]) -> str:
    """`written`, or the error code and the HTTP status."""
    try:
        write.result(timeout=PATIENCE)
    except Refusal as why:
        return f"{why.code} {why.status}"
    return "written"


class Held:
    """A guard that holds the writer's transaction open until it is released."""

    def __init__(self) -> None:
        self.entered, self.released = threading.Event(), threading.Event()

    def __call__(self, _: StoreView) -> Mapping[str, Any]:
        self.entered.set()
        assert self.released.wait(PATIENCE)
        return {}


def test_a_write_that_comes_after_the_writer_is_closed_is_refused(store: Store) -> None:
    writer = ClientWriter(store)
    writer.close()

    assert outcome(start(write, writer, "late")) == "ServiceUnavailable 503"
    assert contexts(store, "late") == []


def test_writes_that_wait_when_the_writer_is_closed_are_committed(store: Store) -> None:
    writer, held = ClientWriter(store), Held()
    first = start(write, writer, "first", held)
    assert held.entered.wait(PATIENCE)
    rest = [start(write, writer, name) for name in ("second", "third")]
    until(lambda: writer.waiting == len(rest))
    closing = start(writer.close, PATIENCE)
    held.released.set()
    closing.result(timeout=PATIENCE)

    assert [outcome(one) for one in (first, *rest)] == ["written"] * 3
    assert contexts(store, "first", "second", "third") == ["first", "second", "third"]


def test_writes_that_cannot_begin_in_time_are_refused_and_not_written(store: Store) -> None:
    writer, held = ClientWriter(store), Held()
    first = start(write, writer, "first", held)
    assert held.entered.wait(PATIENCE)
    second = start(write, writer, "second")
    until(lambda: writer.waiting == 1)
    writer.close(seconds=0)

    assert outcome(second) == "ServiceUnavailable 503"
    held.released.set()
    assert outcome(first) == "written"
    writer.close(PATIENCE)
    assert contexts(store, "first", "second") == ["first"]


def writer_threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name == "writer"}


@pytest.mark.parametrize("backend", ["postgresql"])  # SQLite makes no read wait
def test_a_server_stops_though_a_request_writes_after_that(make_store: MakeStore) -> None:
    store = make_store()
    others = writer_threads()
    with ExitStack() as stack, store.engine.connect() as holder:
        api = stack.enter_context(served(store, grace=0))
        arn = CONTEXT.create(api)
        holder.execute(text("LOCK TABLE entity IN ACCESS EXCLUSIVE MODE"))
        # AddTags reads the tags that there are, and then writes.
        adding = start(api.sagemaker.add_tags, ResourceArn=arn, Tags=[{"Key": "team", "Value": "risk"}])
        until(lambda: holder.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")) == 1)
        stopping = start(stack.close)
        until(lambda: writer_threads() == others)
        holder.rollback()

        stopping.result(timeout=PATIENCE)
        with pytest.raises(ClientError, match="ServiceUnavailable"):
            adding.result(timeout=PATIENCE)
    with served(store) as api:
        assert api.sagemaker.list_tags(ResourceArn=arn)["Tags"] == []
