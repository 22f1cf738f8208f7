"""The server's health and metrics."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from socket import create_server
from urllib.error import HTTPError
from urllib.request import ProxyHandler, build_opener

from consumers.api.server import StoreHealth
from consumers.run.metrics import STORE_OUTAGES
from store.database import Store
from tests.support.api_server import client, refused, served
from tests.support.stores import MakeStore

ROOT = Path(__file__).parents[1]


def unused_port() -> int:
    """A port without a listener."""
    with create_server(("127.0.0.1", 0)) as one:
        return int(one.getsockname()[1])


def get(url: str) -> tuple[int, str]:
    """The status and the text of a response."""
    try:
        with build_opener(ProxyHandler({})).open(url, timeout=30) as response:
            return response.status, response.read().decode()
    except HTTPError as why:
        return why.code, why.read().decode()


def outages() -> float:
    """How many store outages were counted."""
    [family] = STORE_OUTAGES.collect()
    return next(one.value for one in family.samples if one.name.endswith("_total"))


def test_a_server_is_healthy_while_its_store_answers(make_store: MakeStore) -> None:
    assert StoreHealth(make_store()).look() is None
    nowhere = Store(f"postgresql://nobody@127.0.0.1:{unused_port()}/nothing")
    assert "127.0.0.1" in (StoreHealth(nowhere).look() or "")


def test_a_store_outage_is_counted_and_clients_get_an_error_that_they_retry() -> None:
    nowhere = Store(f"postgresql://nobody@127.0.0.1:{unused_port()}/nothing")
    before = outages()
    with served(nowhere) as api:
        assert refused(api.sagemaker.list_actions).startswith("ServiceUnavailable")
        assert get(f"{api.url}/health")[0] == 503
    assert outages() == before + 1


def test_health_and_metrics_have_a_port_of_their_own(tmp_path: Path) -> None:
    port = unused_port()
    command = [sys.executable, "-m", "consumers.cli", "serve", "--port", "0", "--metrics-port", str(port)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HEADWATER_")}
    environment |= {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout
            said = re.search(r"answers SageMaker's API at (\S+)", server.stdout.readline())
            assert said
            assert get(f"{said[1]}/health") == get(f"http://127.0.0.1:{port}/health") == (200, "ok\n")
            assert client("sagemaker", said[1]).list_actions()["ActionSummaries"] == []
            counted = 'headwater_api_requests_total{code="ok",operation="ListActions"} 1.0'
            assert counted in get(f"http://127.0.0.1:{port}/metrics")[1].splitlines()
        finally:
            server.terminate()
        assert server.wait() == 0
