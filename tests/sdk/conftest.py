"""Headwater's server and S3 in miniature, both in processes of Headwater's own environment; and their clients."""

from __future__ import annotations

import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
import pytest

from tests.sdk.clients import V3, new_session

HERE = Path(__file__).parent
BIN = Path(os.environ["HEADWATER_BIN"])
"""The folder of Headwater's own programs, which `make test-sdk` sets."""
REGION = "us-east-1"
ACCOUNT = "111122223333"
CHURN = ("training_job", "endpoint_of_a_package", "experiment_config")
"""Cases about one thing: two jobs make a model, its package is approved, and an endpoint serves it."""

collect_ignore = [] if V3 else ["test_resources.py"]


@pytest.fixture(scope="session", autouse=True)
def _environment(server: str, s3: str) -> Iterator[None]:
    """The environment directs every client to the servers of this run, with meaningless credentials."""
    with pytest.MonkeyPatch.context() as environment:
        for name in ("AWS_PROFILE", "AWS_REGION", "AWS_SESSION_TOKEN"):
            environment.delenv(name, raising=False)
        environment.setenv("AWS_ENDPOINT_URL_SAGEMAKER", server)
        environment.setenv("AWS_ENDPOINT_URL_SAGEMAKER_METRICS", server)
        environment.setenv("AWS_ENDPOINT_URL_S3", s3)
        environment.setenv("AWS_ACCESS_KEY_ID", "testing")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        environment.setenv("AWS_DEFAULT_REGION", REGION)
        environment.setenv("AWS_CONFIG_FILE", os.devnull)
        environment.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
        environment.setenv("SAGEMAKER_USER_CONFIG_OVERRIDE", str(HERE / "defaults.yaml"))
        environment.setenv("AWS_EC2_METADATA_DISABLED", "true")
        environment.setenv("AWS_MAX_ATTEMPTS", "1")  # otherwise failures are retried and look like slowness
        yield


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server of the Churn cases, and of what the tests create."""
    files = [HERE.parent / "cases" / case / "events.jsonl" for case in CHURN]
    with _serving(tmp_path_factory.mktemp("churn"), [*files, HERE / "job_of_a_run.jsonl"], ACCOUNT) as url:
        yield url


@pytest.fixture(scope="session")
def abalone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A session of the SDK whose server holds the Abalone run and nothing else."""
    events = HERE.parent / "cases" / "abalone" / "events.jsonl"
    with _serving(tmp_path_factory.mktemp("abalone"), [events], "000000000000") as url:
        boto = boto3.Session(region_name="us-west-2")
        yield new_session(boto_session=boto, sagemaker_client=boto.client("sagemaker", endpoint_url=url))


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An S3 in miniature."""
    port = _free_port()
    command: list[str | Path] = [BIN / "moto_server", "--host", "127.0.0.1", "--port", str(port)]
    with _running(command, f"http://127.0.0.1:{port}", "/moto-api/", tmp_path_factory.mktemp("s3") / "log") as url:
        yield url


@pytest.fixture(scope="session")
def session() -> Any:
    """A session of the SDK."""
    return new_session(boto_session=boto3.Session())


@pytest.fixture
def sagemaker(session: Any) -> Any:
    """The session's own client of SageMaker, to read what was saved without the SDK's classes."""
    return session.sagemaker_client


@pytest.fixture(scope="session")
def bucket() -> str:
    """A bucket to upload to."""
    boto3.client("s3").create_bucket(Bucket="uploads")
    return "uploads"


@pytest.fixture
def unique() -> str:
    """The beginning of names that no other test uses."""
    return f"t{uuid4().hex[:12]}"


@pytest.fixture
def unthrottled(monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDKs sleep for seconds between calls because AWS throttles them; Headwater does not."""
    monkeypatch.setattr(time, "sleep", lambda _: None)


@contextmanager
def _serving(folder: Path, events: Sequence[Path], account: str) -> Iterator[str]:
    database = ["--database-url", f"sqlite:///{folder}/store.db"]
    subprocess.run([BIN / "headwater", "replay", *events, *database], check=True, capture_output=True)
    port = _free_port()
    command: list[str | Path] = [BIN / "headwater", "serve", "--port", str(port), *database, "--account", account]
    with _running(command, f"http://127.0.0.1:{port}", "/health", folder / "log") as url:
        yield url


@contextmanager
def _running(command: Sequence[str | Path], url: str, path: str, log: Path) -> Iterator[str]:
    """A server in a process, from its first response on."""
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output) as process:
        try:
            while not _answers(url + path):
                if process.poll() is not None:
                    raise RuntimeError(f"{command[0]} ended with {process.returncode}: {log.read_text()}")
                time.sleep(0.1)
            yield url
        finally:
            process.terminate()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
