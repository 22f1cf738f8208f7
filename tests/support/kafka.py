"""Kafka to test with: a broker that is this run's own, or librdkafka's mock cluster where Java is not to be had.

`conftest.py` makes the fixtures known to all tests.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.kafka_broker import Broker, Cluster, NoBroker, mock_cluster

_stand_in = pytest.StashKey[str]()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests with Kafka run in one process, on one broker; all others wherever there is room."""
    for item in items:
        if {"kafka", "real_kafka", "broker"} & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.xdist_group("kafka"))


@pytest.fixture(scope="session")
def kafka(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A Kafka for the whole run: that of KAFKA_BOOTSTRAP, else one of our own, else librdkafka's mock cluster."""
    if given := os.environ.get("KAFKA_BOOTSTRAP"):
        yield Cluster(given)
        return
    try:
        own = Broker(tmp_path_factory.mktemp("kafka"))
    except NoBroker as why:
        described = f"librdkafka's mock cluster, {why}"
        pytestconfig.stash[_stand_in] = described
        if hasattr(pytestconfig, "workeroutput"):
            pytestconfig.workeroutput["kafka"] = described
        cluster, _holding = mock_cluster()
        yield cluster
        return
    with own:
        yield own


@pytest.fixture
def real_kafka(kafka: Cluster) -> Cluster:
    """The Kafka of the whole run, for tests of what only a real one does."""
    if not kafka.real:
        pytest.skip("a mock cluster cannot do this: it takes Java 17 and Maven, or KAFKA_BOOTSTRAP")
    return kafka


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    """A broker that is this test's own, to stop and kill."""
    try:
        own = Broker(tmp_path / "kafka")
    except NoBroker as why:
        pytest.skip(f"no broker of our own, {why}")
    with own:
        yield own


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """A process of tests has ended: record which Kafka it used."""
    if described := getattr(node, "workeroutput", {}).get("kafka"):
        node.config.stash[_stand_in] = described


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say it when the tests with Kafka ran on less than Kafka."""
    if described := config.stash.get(_stand_in, None):
        terminalreporter.write_line(f"Kafka: {described}")
