"""The queue's manners: long polls, invisibility, deletion in tens, and what is said when it goes wrong."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from aiobotocore.session import get_session
from structlog.testing import capture_logs

from ingest.delivery import Batch, Refused, Unavailable
from ingest.sqs import SqsSource

Reply = tuple[int, dict[str, Any]]
HELD: Reply = (0, {})


class Between:
    """A server between us and AWS: counts what is asked, and answers it by itself while it has replies for it.

    Attributes:
        url: Where it listens.
        asked: How often each operation was asked for.
        waits: How many seconds each receive was ready to wait.
        replies: For an operation, what to answer next; None lets one through, and HELD never answers it. Once they are
            used up all go through.
        closing: Set when the test is over.
    """

    def __init__(self, aws: str):
        self.asked: Counter[str] = Counter()
        self.waits: list[int] = []
        self.replies: dict[str, list[Reply | None]] = {}
        self.closing = threading.Event()
        between = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                operation = self.headers["X-Amz-Target"].split(".")[-1]
                between.asked[operation] += 1
                if operation == "ReceiveMessage":
                    between.waits.append(json.loads(body)["WaitTimeSeconds"])
                replies = between.replies.get(operation)
                reply = replies.pop(0) if replies else None
                if reply is HELD:
                    between.closing.wait(300)
                    return
                if reply:
                    status, content = reply[0], json.dumps(reply[1]).encode()
                else:
                    status, content = forward(aws, body, dict(self.headers))
                self.send_response(status)
                self.send_header("Content-Type", "application/x-amz-json-1.0")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    async def until(self, operation: str, times: int) -> None:
        while self.asked[operation] < times:  # noqa: ASYNC110  # the server counts in another thread
            await asyncio.sleep(0)


def forward(aws: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(urllib.request.Request(aws, body, headers)) as reply:
            return reply.status, reply.read()
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.read()


@pytest.fixture
def between(aws: str) -> Iterator[Between]:
    between = Between(aws)
    thread = threading.Thread(target=between.server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield between
    between.closing.set()
    between.server.shutdown()
    thread.join()
    between.server.server_close()


class Queue:
    def __init__(self, client: Any, url: str):
        self._client = client
        self.url = url

    async def send(self, count: int) -> None:
        for start in range(0, count, 10):
            entries = [{"Id": str(n), "MessageBody": f"message {n}"} for n in range(start, min(start + 10, count))]
            await self._client.send_message_batch(QueueUrl=self.url, Entries=entries)

    async def delete(self) -> None:
        await self._client.delete_queue(QueueUrl=self.url)


@pytest.fixture
async def queue(aws: str) -> AsyncIterator[Queue]:
    async with get_session().create_client("sqs", endpoint_url=aws) as client:
        yield Queue(client, (await client.create_queue(QueueName="events"))["QueueUrl"])


async def read(source: SqsSource) -> Batch:
    batch = await source.read()
    assert batch is not None
    return batch


async def test_a_queue_is_found_by_its_name(queue: Queue) -> None:
    await queue.send(1)
    async with aclosing(SqsSource("events", wait=0)) as source:
        batch = await read(source)
        assert [(delivery.body, delivery.origin) for delivery in batch.deliveries] == [(b"message 0", queue.url)]


async def test_a_batch_is_put_together_from_many_receives(queue: Queue) -> None:
    await queue.send(35)
    async with aclosing(SqsSource(queue.url, batch_size=100)) as source:
        assert len((await read(source)).deliveries) == 35


async def test_a_batch_may_end_between_two_tens(queue: Queue) -> None:
    await queue.send(30)
    async with aclosing(SqsSource(queue.url, batch_size=12)) as source:
        assert len((await read(source)).deliveries) == 12


async def test_an_empty_queue_gives_an_empty_batch(queue: Queue) -> None:
    async with aclosing(SqsSource(queue.url, wait=0)) as source:
        batch = await read(source)
        assert not batch.deliveries
        await batch.ack()


async def test_a_message_ends_the_wait_for_it(queue: Queue) -> None:
    async with aclosing(SqsSource(queue.url, wait=20)) as source:
        waiting = asyncio.create_task(read(source))
        await asyncio.sleep(0.1)
        await queue.send(1)
        batch = await asyncio.wait_for(waiting, 19)
        assert len(batch.deliveries) == 1


async def test_a_lone_message_does_not_cost_a_receive_for_every_ten_of_the_batch(
    queue: Queue, between: Between
) -> None:
    await queue.send(1)
    async with aclosing(SqsSource(queue.url, batch_size=500, endpoint_url=between.url)) as source:
        await read(source)
        assert between.asked["ReceiveMessage"] <= 5


async def test_only_the_first_receive_of_a_batch_waits(queue: Queue, between: Between) -> None:
    await queue.send(15)
    async with aclosing(SqsSource(queue.url, wait=1, endpoint_url=between.url)) as source:
        await read(source)
        assert between.waits[0] == 1
        assert set(between.waits[1:]) == {0}


async def test_what_came_is_handed_out_though_a_further_receive_fails(queue: Queue, between: Between) -> None:
    await queue.send(40)
    between.replies["ReceiveMessage"] = [None, *[DOWN] * 4]
    async with aclosing(SqsSource(queue.url, endpoint_url=between.url)) as source:
        assert len((await read(source)).deliveries) == 10
        assert len((await read(source)).deliveries) == 30


async def test_a_slow_batch_stays_invisible(queue: Queue) -> None:
    await queue.send(12)
    async with aclosing(SqsSource(queue.url, visibility=4)) as source, aclosing(SqsSource(queue.url, wait=0)) as other:
        await read(source)
        await asyncio.sleep(5)
        assert not (await read(other)).deliveries


async def test_invisibility_that_cannot_be_kept_is_reported_and_costs_no_batch(queue: Queue, between: Between) -> None:
    await queue.send(1)
    between.replies["ChangeMessageVisibilityBatch"] = [DOWN]
    async with aclosing(SqsSource(queue.url, visibility=1, endpoint_url=between.url)) as source:
        batch = await read(source)
        with capture_logs() as logs:
            await between.until("ChangeMessageVisibilityBatch", 2)
        assert [line["event"] for line in logs] == ["messages not kept invisible: others may get them too"]
        await batch.ack()
        assert await source.depth() == 0


async def test_the_heartbeat_ends_with_the_batch(queue: Queue, between: Between) -> None:
    await queue.send(1)
    async with aclosing(SqsSource(queue.url, visibility=1, endpoint_url=between.url)) as source:
        await (await read(source)).ack()
        before = between.asked["ChangeMessageVisibilityBatch"]
        await asyncio.sleep(1.5)
        assert between.asked["ChangeMessageVisibilityBatch"] == before


async def test_closing_gives_unacknowledged_messages_back_at_once(queue: Queue) -> None:
    await queue.send(15)
    source = SqsSource(queue.url, visibility=600)
    await read(source)
    await source.aclose()
    async with aclosing(SqsSource(queue.url, wait=0)) as other:
        assert len((await read(other)).deliveries) == 15


async def test_closing_gives_back_what_a_cancelled_read_had_received(queue: Queue, between: Between) -> None:
    await queue.send(10)
    source = SqsSource(queue.url, visibility=600, endpoint_url=between.url)
    between.replies["ReceiveMessage"] = [None] + [HELD] * 4  # the first brings all ten; the others never reach AWS
    reading = asyncio.create_task(read(source))
    await between.until("ReceiveMessage", 2)
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    await source.aclose()
    async with aclosing(SqsSource(queue.url, wait=0)) as other:
        assert len((await read(other)).deliveries) == 10


async def test_closing_is_quiet_when_aws_is_gone(queue: Queue, between: Between) -> None:
    await queue.send(1)
    source = SqsSource(queue.url, endpoint_url=between.url)
    await read(source)
    between.replies["ChangeMessageVisibilityBatch"] = [DOWN]
    with capture_logs() as logs:
        await source.aclose()
    assert [line["event"] for line in logs] == ["messages not given back: they come again when they time out"]


async def test_acknowledging_after_closing_deletes_nothing(queue: Queue) -> None:
    await queue.send(1)
    source = SqsSource(queue.url)
    batch = await read(source)
    await source.aclose()
    await batch.ack()
    async with aclosing(SqsSource(queue.url, wait=0)) as other:
        assert len((await read(other)).deliveries) == 1


async def test_acknowledging_twice_deletes_once(queue: Queue, between: Between) -> None:
    await queue.send(1)
    async with aclosing(SqsSource(queue.url, endpoint_url=between.url)) as source:
        batch = await read(source)
        await batch.ack()
        await batch.ack()
        assert between.asked["DeleteMessageBatch"] == 1


async def test_the_depth_counts_what_waits_and_what_is_in_hand(queue: Queue) -> None:
    await queue.send(25)
    async with aclosing(SqsSource(queue.url, batch_size=10)) as source:
        batch = await read(source)
        assert await source.depth() == 25
        await batch.ack()
        assert await source.depth() == 15


async def test_the_depth_is_unknown_when_aws_does_not_say(queue: Queue, between: Between) -> None:
    async with aclosing(SqsSource(queue.url, endpoint_url=between.url)) as source:
        between.replies["GetQueueAttributes"] = [DOWN, FORBIDDEN]
        assert await source.depth() is None
        assert await source.depth() is None
        assert await source.depth() == 0


NOT_DELETED = (200, {"Failed": [{"Id": "1", "Code": "InternalError", "Message": "not now", "SenderFault": False}]})
DOWN = (503, {"__type": "com.amazonaws.sqs#ServiceUnavailable", "message": "down"})
FORBIDDEN = (400, {"__type": "com.amazonaws.sqs#AccessDeniedException", "message": "no identity-based policy"})


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.sqs._PAUSES", (0, 0, 0))


@pytest.mark.usefixtures("no_pauses")
async def test_only_what_was_not_deleted_is_deleted_again(queue: Queue, between: Between) -> None:
    await queue.send(2)
    async with aclosing(SqsSource(queue.url, endpoint_url=between.url)) as source:
        batch = await read(source)
        between.replies["DeleteMessageBatch"] = [NOT_DELETED]  # nothing was: so the first stays, the second goes
        await batch.ack()
        assert between.asked["DeleteMessageBatch"] == 2
        assert await source.depth() == 1


@pytest.mark.usefixtures("no_pauses")
async def test_deleting_outlasts_a_short_outage(queue: Queue, between: Between) -> None:
    await queue.send(25)
    async with aclosing(SqsSource(queue.url, endpoint_url=between.url)) as source:
        batch = await read(source)
        between.replies["DeleteMessageBatch"] = [DOWN, DOWN, DOWN]
        with capture_logs() as logs:
            await batch.ack()
        assert logs == []
        assert await source.depth() == 0


@pytest.mark.usefixtures("no_pauses")
@pytest.mark.parametrize("reply", [DOWN, (200, {"Failed": [{"Id": "0", "Code": "InternalError", "Message": "gone"}]})])
async def test_what_cannot_be_deleted_is_reported_and_comes_again(queue: Queue, between: Between, reply: Reply) -> None:
    await queue.send(1)
    async with aclosing(SqsSource(queue.url, endpoint_url=between.url)) as source:
        batch = await read(source)
        between.replies["DeleteMessageBatch"] = [reply] * 4
        with capture_logs() as logs:
            await batch.ack()
        assert [(line["event"], line["messages"]) for line in logs] == [
            ("messages not deleted: they are delivered again", 1)
        ]


async def test_a_worker_that_may_not_delete_stops(queue: Queue, between: Between) -> None:
    await queue.send(1)
    async with aclosing(SqsSource("events", endpoint_url=between.url)) as source:
        batch = await read(source)
        between.replies["DeleteMessageBatch"] = [FORBIDDEN]
        with pytest.raises(Refused) as refusal:
            await batch.ack()
        assert str(refusal.value) == "not allowed to read queue 'events': give this role sqs:DeleteMessage"


async def refusal(source: SqsSource) -> str:
    async with aclosing(source):
        with pytest.raises(Refused) as refusal:
            await source.read()
        return str(refusal.value)


async def test_a_queue_that_does_not_exist_is_refused(aws: str) -> None:
    assert await refusal(SqsSource("nowhere")) == (
        "queue 'nowhere' does not exist in us-west-2: check the name, or set --region"
    )


async def test_a_url_of_no_queue_is_refused(aws: str) -> None:
    url = f"{aws}/123456789012/nowhere"
    assert await refusal(SqsSource(url, region="eu-west-1")) == (
        f"queue '{url}' does not exist in eu-west-1: check the name, or set --region"
    )


async def test_a_queue_deleted_meanwhile_is_refused(queue: Queue) -> None:
    async with aclosing(SqsSource("events", wait=0)) as source:
        await source.read()
        await queue.delete()
        with pytest.raises(Refused, match="queue 'events' does not exist in us-west-2"):
            await source.read()


@pytest.mark.parametrize(
    ("region", "suffix"),
    [
        ("eu-central-1", "amazonaws.com"),
        ("us-gov-west-1", "amazonaws.com"),
        ("cn-north-1", "amazonaws.com.cn"),
        ("eusc-de-east-1", "amazonaws.eu"),
        ("us-iso-east-1", "c2s.ic.gov"),
    ],
)
async def test_a_url_names_the_region(region: str, suffix: str, aws: str) -> None:
    url = f"https://sqs.{region}.{suffix}/123456789012/nowhere"
    assert f"does not exist in {region}:" in await refusal(SqsSource(url))


async def test_no_region_is_refused(aws: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    assert await refusal(SqsSource("events")) == "no AWS region: set --region or AWS_DEFAULT_REGION"


async def test_no_credentials_are_refused(aws: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    assert await refusal(SqsSource("events")) == (
        "no AWS credentials: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    )


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (FORBIDDEN, "not allowed to read queue 'events': give this role sqs:ReceiveMessage"),
        (
            (403, {"__type": "com.amazon.coral.service#ExpiredTokenException", "message": "it is old"}),
            "AWS does not accept these credentials (ExpiredTokenException): renew them, or choose others",
        ),
        (
            (400, {"__type": "com.amazonaws.sqs#InvalidAddress", "message": "not valid for this endpoint"}),
            "AWS refuses queue 'events': An error occurred (InvalidAddress) when calling the ReceiveMessage operation: "
            "not valid for this endpoint",
        ),
    ],
    ids=["forbidden", "expired", "another"],
)
async def test_what_aws_refuses_is_said_in_a_sentence(queue: Queue, between: Between, reply: Reply, said: str) -> None:
    between.replies["ReceiveMessage"] = [reply]
    assert await refusal(SqsSource("events", endpoint_url=between.url)) == said


async def test_a_queue_we_may_not_read_is_refused(queue: Queue, as_nobody: None) -> None:
    assert await refusal(SqsSource("events")) == ("not allowed to read queue 'events': give this role sqs:GetQueueUrl")


async def test_an_address_that_is_none_is_refused(aws: str) -> None:
    said = await refusal(SqsSource("events", endpoint_url="nowhere"))
    assert said == "cannot ask AWS for queue 'events': Invalid endpoint: nowhere"


@pytest.mark.parametrize(
    "reply",
    [
        DOWN,
        (400, {"__type": "com.amazonaws.sqs#RequestThrottled", "message": "slow down"}),
        (400, {"__type": "com.amazonaws.sqs#OverLimit", "message": "too many in flight"}),
    ],
    ids=["down", "throttled", "too many in flight"],
)
async def test_an_outage_is_reported_and_reading_goes_on_behind_it(
    queue: Queue, between: Between, reply: Reply
) -> None:
    await queue.send(1)
    between.replies["ReceiveMessage"] = [reply]
    async with aclosing(SqsSource("events", endpoint_url=between.url)) as source:
        with pytest.raises(Unavailable, match=r"^queue 'events': AWS did not answer"):
            await source.read()
        assert len((await read(source)).deliveries) == 1


async def test_a_server_that_is_not_there_is_unavailable(aws: str) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        async with aclosing(SqsSource("events", endpoint_url=url)) as source:
            with pytest.raises(Unavailable, match=f'Could not connect to the endpoint URL: "{url}'):
                await source.read()
