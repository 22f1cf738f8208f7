"""A server without signatures answers the programs of its machine, and no page in a browser there."""

from __future__ import annotations

import json
from http.client import HTTPConnection
from pathlib import Path

import pytest

from consumers.api.app import Settings
from consumers.api.operations import METRICS
from consumers.api.server import ServeOptions, host_names
from tests.support.api_server import ACCOUNT, REGION, Api, served
from tests.support.stores import MakeStore

PAGE = {"Origin": "http://page.example", "Content-Type": "text/plain"}
"""The headers of requests that a page from elsewhere may send without a preflight."""
PUT = json.dumps(
    {"TrialComponentName": "mine", "MetricData": [{"MetricName": "loss", "Timestamp": 1700000000, "Value": 1}]}
)


def status_of(api: Api, method: str, path: str, body: str = "{}", **headers: str) -> int:
    """The status of a response."""
    connection = HTTPConnection("127.0.0.1", api.port)
    try:
        connection.request(method, path, body, {**PAGE, **headers})
        return connection.getresponse().status
    finally:
        connection.close()


def test_a_page_writes_no_metrics(api: Api) -> None:
    api.sagemaker.create_trial_component(TrialComponentName="mine")
    assert status_of(api, "POST", "/BatchPutMetrics", PUT) == 405
    assert api.sagemaker.describe_trial_component(TrialComponentName="mine")["Metrics"] == []
    assert status_of(api, "PUT", "/BatchPutMetrics", PUT) == 200  # for which a browser asks first
    assert len(api.sagemaker.describe_trial_component(TrialComponentName="mine")["Metrics"]) == 1


@pytest.mark.parametrize("path", ["/", *(f"/{name}" for name in sorted(METRICS))])
def test_a_preflight_gets_no_permission(api: Api, path: str) -> None:
    wanted = {"Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "x-amz-target"}
    assert status_of(api, "OPTIONS", path, **wanted) == 405


def test_a_page_that_gives_this_machine_a_name_of_its_own_is_refused(make_store: MakeStore) -> None:
    target = {"X-Amz-Target": "SageMaker.ListArtifacts"}
    with served(make_store(), Settings(ACCOUNT, REGION, hosts=host_names(ServeOptions("127.0.0.1", 0)))) as api:
        assert status_of(api, "POST", "/", **target) == 200
        assert status_of(api, "POST", "/", **target, Host="page.example") == 400
        assert status_of(api, "POST", "/", **target, Host="localhost") == 200


def test_where_callers_sign_or_come_from_elsewhere_any_name_will_do() -> None:
    assert host_names(ServeOptions("127.0.0.1", 0, credentials=Path("keys"))) is None
    assert host_names(ServeOptions("0.0.0.0", 0, insecure=True)) is None
