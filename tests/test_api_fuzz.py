"""Any request: the server does not fail, and botocore can read its response."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from botocore.parsers import create_parser
from hypothesis import given
from hypothesis import strategies as st

from consumers.api import service_model
from consumers.api.app import Settings
from consumers.api.operations import METRICS, OPERATIONS
from tests.support.api_server import Api, served
from tests.support.events import NOON, case_events
from tests.support.laws import examples
from tests.support.model_values import mutated, places, requests
from tests.support.stores import Backend, MakeStore, fed

ACCOUNT, REGION = "000000000000", "us-west-2"
PARTITION = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:"
CASES = ("abalone", "experiment_of_a_client", "approvals", "pipeline_retried_and_cached")


class Client:
    """A client that sends any bytes, and reads responses as botocore does.

    Attributes:
        known: ARNs, names and addresses of what the store has, to ask for something that is there now and then.
    """

    def __init__(self, api: Api) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", api.port, timeout=60)
        self.known = sorted({value for page in _everything(api) for value in _texts(page) if 0 < len(value) < 300})

    def send(self, operation: str, body: Any) -> tuple[int, dict[str, Any]]:
        """The HTTP status and the response, or the error.

        Raises:
            Exception: botocore cannot read it.
        """
        target = {} if operation in METRICS else {"X-Amz-Target": f"SageMaker.{operation}"}
        method = "PUT" if operation == "BatchPutMetrics" else "POST"
        path = f"/{operation}" if operation in METRICS else "/"
        kind = "application/json" if operation in METRICS else "application/x-amz-json-1.1"
        self._connection.request(method, path, json.dumps(body).encode(), {"Content-Type": kind, **target})
        response = self._connection.getresponse()
        received = {"status_code": response.status, "headers": dict(response.headers.items()), "body": response.read()}
        parser = create_parser("rest-json" if operation in METRICS else "json")
        parsed: dict[str, Any] = parser.parse(received, service_model.operation(operation).output_shape)
        return response.status, parsed

    def close(self) -> None:
        """Hang up."""
        self._connection.close()


def _everything(api: Api) -> Iterator[Any]:
    for name in ("artifacts", "contexts", "actions", "experiments", "trials", "trial_components", "associations"):
        yield getattr(api.sagemaker, f"list_{name}")(MaxResults=6)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, inner in value.items():
            if name != "ResponseMetadata":
                yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)


def write_some(api: Api) -> None:
    """Create an entity of each type, linked, tagged and measured."""
    client = api.sagemaker
    source = {"SourceUri": "s3://bucket/mine"}
    arn = client.create_artifact(Source=source, ArtifactType="DataSet")["ArtifactArn"]
    context = client.create_context(ContextName="review", ContextType="Review", Source=source)["ContextArn"]
    client.create_action(ActionName="check", ActionType="Check", Source=source)
    client.create_experiment(ExperimentName="mine")
    client.create_trial(TrialName="try", ExperimentName="mine")
    client.create_trial_component(TrialComponentName="run", Parameters={"eta": {"NumberValue": 0.5}})
    client.associate_trial_component(TrialName="try", TrialComponentName="run")
    client.add_association(SourceArn=arn, DestinationArn=context)
    client.add_tags(ResourceArn=arn, Tags=[{"Key": "team", "Value": "a"}])
    api.metrics.batch_put_metrics(
        TrialComponentName="run", MetricData=[{"MetricName": "loss", "Timestamp": NOON / 1000, "Value": 1.0}]
    )


@pytest.fixture
def client(make_store: MakeStore) -> Iterator[Client]:
    """Asks a server over a store that has some of everything."""
    store = fed(make_store(), [body for case in CASES for body in case_events(case)])
    with served(store, Settings(account=ACCOUNT, region=REGION)) as api:
        write_some(api)
        with closing(Client(api)) as client:
            yield client


@st.composite
def any_request(draw: st.DrawFn, operation: str, known: list[str]) -> Any:
    """A request that may be valid or not, about entities that may exist or not."""
    if draw(st.booleans()):
        return draw(mutated(operation))
    request = {"": draw(requests(operation))}
    for shape, container, key in list(places(service_model.operation(operation).input_shape, request, "")):
        if shape.type_name == "string" and not shape.enum and draw(st.booleans()):
            container[key] = draw(st.sampled_from(known))
    return request[""]


def test_no_request_makes_the_server_fail_and_botocore_reads_every_response(client: Client, backend: Backend) -> None:
    for operation in sorted(OPERATIONS):
        law(client, operation, backend)


def law(client: Client, operation: str, backend: Backend) -> None:
    """Any request gets a response or an error of the client's."""

    @examples(8, 2, backend)
    @given(any_request(operation, client.known))
    def holds(body: Any) -> None:
        status, response = client.send(operation, body)
        assert status in (200, 400), (operation, response)
        if status == 400:
            assert response["Error"]["Code"] not in ("", "400", "Unknown")
            assert response["Error"]["Message"]

    holds()
