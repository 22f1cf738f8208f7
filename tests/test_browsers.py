"""A server that asks for no signature is for the programs of its machine: no page in a browser there can use it."""

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
"""What a browser says of a request that a page of elsewhere may make without asking first."""
PUT = json.dumps(
    {"TrialComponentName": "mine", "MetricData": [{"MetricName": "loss", "Timestamp": 1700000000, "Value": 1}]}
)


def answered(api: Api, method: str, path: str, body: str = "{}", **headers: str) -> int:
    """The status by which something is answered."""
    connection = HTTPConnection("127.0.0.1", api.port)
    try:
        connection.request(method, path, body, {**PAGE, **headers})
        return connection.getresponse().status
    finally:
        connection.close()


def test_a_page_writes_no_metrics(api: Api) -> None:
    api.sagemaker.create_trial_component(TrialComponentName="mine")
    assert answered(api, "POST", "/BatchPutMetrics", PUT) == 405
    assert api.sagemaker.describe_trial_component(TrialComponentName="mine")["Metrics"] == []
    assert answered(api, "PUT", "/BatchPutMetrics", PUT) == 200  # for which a browser asks first
    assert len(api.sagemaker.describe_trial_component(TrialComponentName="mine")["Metrics"]) == 1


@pytest.mark.parametrize("path", ["/", *(f"/{name}" for name in sorted(METRICS))])
def test_a_browser_that_asks_whether_a_page_may_is_not_told_so(api: Api, path: str) -> None:
    wanted = {"Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "x-amz-target"}
    assert answered(api, "OPTIONS", path, **wanted) == 405


def test_a_page_that_gives_this_machine_a_name_of_its_own_is_not_answered(make_store: MakeStore) -> None:
    target = {"X-Amz-Target": "SageMaker.ListArtifacts"}
    with served(make_store(), Settings(ACCOUNT, REGION, hosts=host_names(ServeOptions("127.0.0.1", 0)))) as api:
        assert answered(api, "POST", "/", **target) == 200
        assert answered(api, "POST", "/", **target, Host="page.example") == 400
        assert answered(api, "POST", "/", **target, Host="localhost") == 200


def test_where_callers_sign_or_come_from_elsewhere_any_name_will_do() -> None:
    assert host_names(ServeOptions("127.0.0.1", 0, credentials=Path("keys"))) is None
    assert host_names(ServeOptions("0.0.0.0", 0, insecure=True)) is None
