"""The server as a process: who is let in, over TLS; when it refuses to start; how it stops."""

from __future__ import annotations

import http.client
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config

from store.database import Store
from store.ledger import events
from tests.support.api_server import REGION, refused
from tests.support.certificates import certificates
from tests.support.cli import CommandResult, Headwater
from tests.support.waiting import until

ROOT = Path(__file__).parent.parent
SECRETS = {"ann": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYANN", "ci": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYCI", "root": "x" * 30}
ROLES = {"ann": "write", "ci": "read", "root": "write"}


class Server(NamedTuple):
    """A server that runs.

    Attributes:
        process: Its process.
        url: Where it listens.
        folder: Where its files are.
    """

    process: subprocess.Popen[str]
    url: str
    folder: Path

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        return "127.0.0.1", int(self.url.rpartition(":")[2])

    @property
    def log(self) -> str:
        """All that it has logged."""
        return (self.folder / "log").read_text()


def environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HEADWATER_", "AWS_"))}
    return {**kept, "PYTHONPATH": str(ROOT)}


@contextmanager
def running(folder: Path, *words: str | Path) -> Iterator[Server]:
    """`headwater serve` on a free port."""
    command = [sys.executable, "-m", "consumers.cli", "serve", "--port", "0", *map(str, words)]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            command, cwd=folder, env=environment(), stdout=subprocess.PIPE, stderr=log, text=True
        )
    assert process.stdout
    try:
        said = re.search(r" at (https?://\S+)", process.stdout.readline())
        assert said, (folder / "log").read_text()
        yield Server(process, said[1], folder)
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


def written(folder: Path) -> Path:
    """A file of credentials."""
    file = folder / "credentials"
    file.touch(0o600)
    file.write_text(
        "".join(
            f"[{name}]\naws_access_key_id = AKIA{name.upper()}\n"
            f"aws_secret_access_key = {secret}\nrole = {ROLES[name]}\n"
            for name, secret in SECRETS.items()
        )
    )
    return file


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with credentials, over TLS."""
    folder = tmp_path_factory.mktemp("guarded")
    certificates(folder)
    tls = ("--tls-cert", folder / "broker.pem", "--tls-key", folder / "broker.pem")
    with running(folder, "--credentials", written(folder), *tls, "--log-format", "json") as server:
        yield server


def as_(name: str | None, server: Server, service: str = "sagemaker", secret: str | None = None, **more: Any) -> Any:
    """A client with the keys of this identity; without a name it does not sign."""
    config = Config(retries={"total_max_attempts": 1}, **({} if name else {"signature_version": UNSIGNED}))
    return boto3.client(
        service,
        region_name=more.pop("region", REGION),
        endpoint_url=server.url,
        verify=str(server.folder / "ca.pem"),
        aws_access_key_id=f"AKIA{name.upper()}" if name else None,
        aws_secret_access_key=secret or SECRETS.get(name or "", "a secret of nobody"),
        config=config,
        **more,
    )


CONTEXT: dict[str, Any] = {"ContextType": "Project", "Source": {"SourceUri": "s3://bucket/x"}}
POINT = {"MetricName": "loss", "Timestamp": 1_700_000_000, "Value": 0.5}


def test_roles_are_enforced(guarded: Server) -> None:
    as_("ann", guarded).create_context(ContextName="by-ann", **CONTEXT)
    as_("root", guarded).create_context(ContextName="by-root", **CONTEXT)
    reader = as_("ci", guarded)

    names = {one["ContextName"] for one in reader.list_contexts()["ContextSummaries"]}
    assert names >= {"by-ann", "by-root"}
    why = refused(reader.create_context, ContextName="by-ci", **CONTEXT)
    assert why == (
        "AccessDeniedException: User: arn:aws:iam::000000000000:user/ci is not authorized to perform: "
        "sagemaker:CreateContext on resource: * because its role is read, and CreateContext takes the role write"
    )
    why = refused(as_("ci", guarded, "sagemaker-metrics").batch_put_metrics, TrialComponentName="c", MetricData=[POINT])
    assert why.startswith("AccessDeniedException")


def test_metrics_are_signed_too(guarded: Server) -> None:
    as_("ann", guarded).create_trial_component(TrialComponentName="measured")
    response = as_("ann", guarded, "sagemaker-metrics").batch_put_metrics(
        TrialComponentName="measured", MetricData=[POINT]
    )
    assert "Errors" not in response


@pytest.mark.parametrize(
    ("name", "secret", "code"),
    [
        ("ann", "x" * 30, "InvalidSignatureException"),
        ("eve", None, "UnrecognizedClientException"),
        (None, None, "MissingAuthenticationTokenException"),
    ],
)
def test_callers_that_cannot_be_identified_are_refused_with_aws_s_codes(
    guarded: Server, name: str | None, secret: str | None, code: str
) -> None:
    assert refused(as_(name, guarded, secret=secret).list_contexts).startswith(f"{code}: ")
    put = as_(name, guarded, "sagemaker-metrics", secret=secret).batch_put_metrics
    assert refused(put, TrialComponentName="c", MetricData=[POINT]).startswith(f"{code}: ")


def test_a_session_token_is_refused(guarded: Server) -> None:
    assert refused(as_("ann", guarded, aws_session_token="a token").list_contexts).startswith("InvalidClientToken") or (
        refused(as_("ann", guarded, aws_session_token="a token").list_contexts).startswith(
            "UnrecognizedClientException"
        )
    )


def test_the_caller_that_created_or_changed_an_entity_is_described(guarded: Server) -> None:
    user = "arn:aws:iam::000000000000:user/"
    as_("ann", guarded).create_trial_component(
        TrialComponentName="known", MetadataProperties={"CommitId": "c0ffee"}, DisplayName="first"
    )
    as_("root", guarded).update_trial_component(TrialComponentName="known", DisplayName="second")
    as_("ann", guarded).create_context(ContextName="known", **CONTEXT)
    artifact = as_("ann", guarded).create_artifact(Source={"SourceUri": "known"}, ArtifactType="x")["ArtifactArn"]
    as_("root", guarded).update_artifact(ArtifactArn=artifact, ArtifactName="known")
    reader = as_("ci", guarded)

    component = reader.describe_trial_component(TrialComponentName="known")
    assert component["MetadataProperties"] == {"CommitId": "c0ffee"}
    assert component["CreatedBy"] == {"IamIdentity": {"Arn": f"{user}ann"}}
    assert component["LastModifiedBy"] == {"IamIdentity": {"Arn": f"{user}root"}}
    [entry] = reader.list_trial_components(MaxResults=1, SortBy="Name")["TrialComponentSummaries"]
    assert entry["CreatedBy"] == {"IamIdentity": {"Arn": f"{user}ann"}}
    context = reader.describe_context(ContextName="known")
    assert context["CreatedBy"] == {"IamIdentity": {"Arn": f"{user}ann"}}
    assert "LastModifiedBy" not in context
    described = reader.describe_artifact(ArtifactArn=artifact)
    assert described["CreatedBy"] == {"IamIdentity": {"Arn": f"{user}ann"}}
    assert described["LastModifiedBy"] == {"IamIdentity": {"Arn": f"{user}root"}}


@pytest.mark.parametrize(("region", "partition"), [("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")])
def test_the_arn_of_a_caller_is_in_the_partition_of_its_region(guarded: Server, region: str, partition: str) -> None:
    client = as_("ann", guarded, region=region)
    client.create_context(ContextName="elsewhere", **CONTEXT)

    described = client.describe_context(ContextName="elsewhere")
    assert described["ContextArn"] == f"arn:{partition}:sagemaker:{region}:000000000000:context/elsewhere"
    assert described["CreatedBy"] == {"IamIdentity": {"Arn": f"arn:{partition}:iam::000000000000:user/ann"}}


def test_the_log_names_callers_and_operations_and_no_secrets(guarded: Server) -> None:
    before = guarded.log.count("\n")
    as_("ann", guarded).list_actions()
    refused(as_("ann", guarded, secret="a wrong secret of someone").list_actions)
    refused(as_("eve", guarded, secret="another secret of someone").create_context, ContextName="x", **CONTEXT)
    until(lambda: guarded.log.count("\n") >= before + 3)  # a request is answered before it is logged

    lines = guarded.log.splitlines()

    assert any('"operation": "ListActions"' in line and '"who": "ann"' in line for line in lines)
    assert any('"code": "InvalidSignatureException"' in line for line in lines)
    for secret in (*SECRETS.values(), "secret of someone", "Signature=", "Credential="):
        assert secret not in guarded.log


def test_connections_without_tls_are_closed(guarded: Server) -> None:
    with socket.create_connection(guarded.address, timeout=30) as plain:
        plain.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n")
        assert b"HTTP" not in plain.recv(1000)
    as_("ci", guarded).list_contexts()


# ------------------------------------------------------------------------------------------------- start and stop


def refusal(said: CommandResult) -> str:
    """The error of a command that does not start."""
    assert said.code == 1
    assert "Traceback" not in said.err
    return " ".join((said.err + said.out).split())


def test_it_does_not_start_where_other_machines_reach_it_without_signing(headwater: Headwater) -> None:
    said = refusal(headwater("serve", "--host", "0.0.0.0"))
    assert (
        "0.0.0.0 can be reached from other machines: say --credentials FILE, so that callers have to sign, or" in said
    )


def test_it_does_not_start_on_a_port_that_is_taken(headwater: Headwater) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert f"cannot listen on 127.0.0.1:{port} (" in refusal(headwater("serve", "--port", str(port)))


def test_it_does_not_start_with_credentials_that_others_can_read(headwater: Headwater, tmp_path: Path) -> None:
    file = written(tmp_path)
    file.chmod(0o644)
    said = refusal(headwater("serve", "--credentials", file, "--host", "0.0.0.0"))
    assert "others can read or change these secrets" in said
    assert SECRETS["ann"] not in said


def test_it_does_not_start_with_a_certificate_that_is_invalid(headwater: Headwater, tmp_path: Path) -> None:
    (tmp_path / "x.pem").write_text("nothing")
    said = refusal(headwater("serve", "--tls-cert", "x.pem", "--tls-key", "x.pem"))
    assert "cannot serve TLS with x.pem and x.pem (" in said


def status(connection: socket.socket) -> int:
    """The status of a response, which is read to its end."""
    response = http.client.HTTPResponse(connection)
    response.begin()
    response.read()
    return response.status


def send(connection: socket.socket, host: str) -> int:
    """The status of the response to a request with this host name."""
    connection.sendall(
        b"POST / HTTP/1.1\r\nHost: %s\r\nX-Amz-Target: SageMaker.ListContexts\r\nContent-Length: 2\r\n\r\n{}"
        % host.encode()
    )
    return status(connection)


def test_it_answers_to_its_own_names_and_stops_when_open_requests_are_done(tmp_path: Path) -> None:
    certificates(tmp_path)
    tls = ("--tls-cert", tmp_path / "broker.pem", "--tls-key", tmp_path / "broker.pem")
    trusting = ssl.create_default_context(cafile=tmp_path / "ca.pem")
    body = b'{"ContextName": "last", "ContextType": "x", "Source": {"SourceUri": "u"}}'
    with running(tmp_path, *tls) as server, ExitStack() as leaving:

        def connected() -> socket.socket:
            plain = leaving.enter_context(socket.create_connection(server.address, timeout=30))
            return leaving.enter_context(trusting.wrap_socket(plain, server_hostname="127.0.0.1"))

        idle, late = connected(), connected()
        for host, expected in (("localhost:1", 200), ("127.0.0.1", 200), ("rebound.example", 400)):
            assert send(idle, host) == expected
        late.sendall(
            b"POST / HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: SageMaker.CreateContext\r\n"
            b"Content-Length: %d\r\n\r\n%s" % (len(body), body[:-1])
        )
        assert send(idle, "localhost") == 200  # by then the other is in hand
        server.process.send_signal(signal.SIGTERM)
        idle.settimeout(60)
        with suppress(ConnectionResetError):
            assert idle.recv(1000) == b""  # it has heard
        late.sendall(body[-1:])
        assert status(late) == 200
        late.close()
        assert server.process.wait(timeout=60) == 0
        assert "exceeded" not in server.log  # uvicorn's word for what was cut short
    store = Store(f"sqlite:///{tmp_path}/headwater.db")
    assert len(list(events.events(store))) == 1
    store.close()
