"""Clients that sign by themselves, boto3 and curl: verified, and refused in the codes that they know."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from consumers.api.access import Principal
from consumers.api.errors import Refusal
from tests.support.signatures import ANN, KEY, NOW, SECRET, VERIFIER


@pytest.fixture
def endpoint() -> Iterator[tuple[str, list[Principal]]]:
    """A server that verifies and responds with `{}` or the error; and the callers that it accepted."""
    passed: list[Principal] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            path, _, query = self.path.partition("?")
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, answer = 200, {}
            try:
                passed.append(VERIFIER.verify(self.command, path, query, headers, body, datetime.now(UTC)))
            except Refusal as why:
                status, answer = why.status, {"__type": why.code, "message": why.message}
            self.send_response(status)
            text = json.dumps(answer).encode()
            self.send_header("content-length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_PUT = do_POST  # noqa: N815  # named by http.server

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=[0.01])
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", passed
    server.shutdown()
    thread.join()
    server.server_close()


def client(service: str, endpoint: str, **keys: str) -> Any:
    return boto3.client(
        service,
        region_name="eu-central-1",
        endpoint_url=endpoint,
        config=Config(retries={"max_attempts": 0}),
        **{"aws_access_key_id": KEY, "aws_secret_access_key": SECRET} | keys,
    )


def test_boto3_is_verified(endpoint: tuple[str, list[Principal]]) -> None:
    url, passed = endpoint
    for at in (url, f"{url}/", url.replace("127.0.0.1", "LOCALHOST")):
        client("sagemaker", at).list_artifacts(SourceUri="s3://bucket/ä b?c=d")
    client("sagemaker-metrics", url).batch_put_metrics(
        TrialComponentName="job", MetricData=[{"MetricName": "loss", "Timestamp": NOW, "Value": 0.5}]
    )
    assert passed == [ANN] * 4


@pytest.mark.parametrize(
    ("keys", "code"),
    [
        ({"aws_secret_access_key": "another"}, "InvalidSignatureException"),
        ({"aws_access_key_id": "AKIABOB"}, "UnrecognizedClientException"),
        ({"aws_session_token": "FwoGZXIvYXdzE"}, "UnrecognizedClientException"),
    ],
)
@pytest.mark.parametrize("service", ["sagemaker", "sagemaker-metrics"])
def test_boto3_is_refused_in_the_codes_it_knows(
    endpoint: tuple[str, list[Principal]], service: str, keys: dict[str, str], code: str
) -> None:
    url, passed = endpoint
    one = client(service, url, **keys)
    with pytest.raises(ClientError) as refused:
        one.list_artifacts() if service == "sagemaker" else one.batch_get_metrics(
            MetricQueries=[
                {
                    "MetricName": "loss",
                    "ResourceArn": "arn:aws:sagemaker:eu-central-1:123456789012:training-job/job",
                    "MetricStat": "Last",
                    "Period": "OneHour",
                    "XAxisType": "Timestamp",
                }
            ]
        )
    assert refused.value.response["Error"]["Code"] == code
    assert passed == []


def test_another_signer_than_botocores_is_verified(endpoint: tuple[str, list[Principal]]) -> None:
    curl = shutil.which("curl")
    if (
        curl is None
        or "aws-sigv4" not in subprocess.run([curl, "--help", "all"], capture_output=True, text=True).stdout
    ):
        pytest.skip("curl cannot sign")
    url, passed = endpoint
    subprocess.run(
        [
            curl,
            "--silent",
            "--noproxy",
            "*",
            "--show-error",
            "--aws-sigv4",
            "aws:amz:eu-central-1:sagemaker",
            "--user",
            f"{KEY}:{SECRET}",
            "--request",
            "PUT",
            "--header",
            "content-type: application/json",
            "--data",
            '{"a": 1}',
            f"{url}/BatchPutMetrics",
        ],
        check=True,
        capture_output=True,
        timeout=60,
    )
    assert passed == [ANN]
