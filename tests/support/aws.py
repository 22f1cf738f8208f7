"""An AWS in miniature (moto's server) to test with, and what tests do with its queues.

`conftest.py` makes the fixtures known to all tests.
"""

from __future__ import annotations

import logging
import time
import urllib.request
from collections.abc import AsyncIterator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import boto3
import pytest
from aiobotocore.session import get_session
from moto.server import ThreadedMotoServer
from moto.sqs.models import Queue

REGION = "us-west-2"
ACCOUNT = "123456789012"
"""moto's."""
ROLE = f"arn:aws:iam::{ACCOUNT}:role/lineage"


def arn_of(resource: str, region: str = REGION, account: str = ACCOUNT) -> str:
    """The ARN of something in SageMaker, such as `model/a-model`."""
    return f"arn:aws:sagemaker:{region}:{account}:{resource}"


_delete = Queue.delete_message


def _deleting_alone(queue: Queue, receipt: str) -> None:
    with queue._messages_lock:
        _delete(queue, receipt)


@pytest.fixture(scope="session")
def moto_server() -> Iterator[str]:
    """The URL of moto's server, one for the whole run; the environment leads every AWS client to it."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    with pytest.MonkeyPatch.context() as environment:
        # moto's SQS asks for the time by way of two dates for each message in the queue at each call, which makes a
        # queue of 2,000 take minutes: the same time, asked for directly.
        environment.setattr("moto.sqs.models.unix_time_millis", lambda _=None: time.time() * 1000)
        # It deletes by making a new list of the others, and loses what another thread has just put into the old one;
        # and it reads what others change for groups of messages, which our queues do not have.
        environment.setattr("moto.sqs.models.Queue.delete_message", _deleting_alone)
        environment.setattr("moto.sqs.models.Queue.pending_message_groups", frozenset())
        logging.getLogger("werkzeug").setLevel(logging.ERROR)  # a line for each request otherwise
        for name in ("AWS_PROFILE", "AWS_REGION", "AWS_SESSION_TOKEN"):
            environment.delenv(name, raising=False)
        environment.setenv("AWS_ENDPOINT_URL", url)
        environment.setenv("AWS_ACCESS_KEY_ID", "testing")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        environment.setenv("AWS_DEFAULT_REGION", REGION)
        environment.setenv("AWS_CONFIG_FILE", "/dev/null")
        environment.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
        environment.setenv("AWS_EC2_METADATA_DISABLED", "true")  # else a test without credentials waits for them
        environment.setenv("AWS_MAX_ATTEMPTS", "1")  # else a failure that a test wants takes 15 s
        yield url
    server.stop()


@pytest.fixture
def aws(moto_server: str) -> str:
    """The URL of an AWS with nothing in it."""
    reset = urllib.request.Request(f"{moto_server}/moto-api/reset", method="POST")
    with urllib.request.urlopen(reset):
        return moto_server


@pytest.fixture
async def as_nobody(aws: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """For the rest of the test, the environment's credentials are those of a user who may do nothing."""
    async with get_session().create_client("iam") as client:
        await client.create_user(UserName="nobody")
        key = (await client.create_access_key(UserName="nobody"))["AccessKey"]
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])
    _check_rights_after(aws, "0")
    yield
    _check_rights_after(aws, "inf")


def _check_rights_after(aws: str, requests: str) -> None:
    """Have moto's server check what a user may do, after so many more requests."""
    headers = {"Content-Type": "text/plain"}
    setting = urllib.request.Request(f"{aws}/moto-api/reset-auth", requests.encode(), headers)
    with urllib.request.urlopen(setting):
        pass


def filled_queue(url: str, bodies: Sequence[bytes], name: str = "events") -> str:
    """The URL of a new queue with these messages."""
    queue: str = boto3.client("sqs", endpoint_url=url).create_queue(QueueName=name)["QueueUrl"]
    send(url, queue, bodies)
    return queue


def send(url: str, queue: str, bodies: Sequence[bytes]) -> None:
    """Put messages into a queue."""
    sqs = boto3.client("sqs", endpoint_url=url)

    def send_ten(at: int) -> None:
        entries = [{"Id": str(n), "MessageBody": body.decode()} for n, body in enumerate(bodies[at : at + 10])]
        assert not sqs.send_message_batch(QueueUrl=queue, Entries=entries).get("Failed")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(send_ten, range(0, len(bodies), 10)))


def left_in(url: str, queue: str) -> int:
    """How many messages a queue holds, visible or not."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    attributes = boto3.client("sqs", endpoint_url=url).get_queue_attributes(QueueUrl=queue, AttributeNames=names)
    return sum(int(attributes["Attributes"][name]) for name in names)
