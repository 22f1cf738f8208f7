"""Deliveries from an SQS queue: received, kept invisible while they are worked on, deleted when acknowledged."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import structlog
from aiobotocore.config import AioConfig
from aiobotocore.session import get_session

from ingest.aws_errors import FAILURES, failure
from ingest.delivery import Batch, Delivery, Refused, Unavailable, nothing_to_ack

_TEN = 10  # what one call to SQS takes or gives at most
_PAUSES = (0.1, 0.5, 2.0)  # seconds before each further try to delete
_REGION_IN_URL = re.compile(r"https://sqs\.([a-z]+(?:-[a-z]+)+-\d+)\.[a-z]")  # what follows differs among partitions

log = structlog.get_logger(__name__)


@dataclass(eq=False, slots=True)
class _Held:
    """The messages of one batch, ours until they are deleted or given back."""

    receipts: list[str] = field(default_factory=list)
    heartbeat: asyncio.Task[None] | None = None


class SqsSource:
    """A queue in SQS.

    A batch is put together from several receives of ten. Its messages stay invisible to other workers until it is
    acknowledged or the source is closed; if this process dies they come back after `visibility` seconds.
    """

    def __init__(
        self,
        queue: str,
        *,
        region: str | None = None,
        batch_size: int = 500,
        wait: int = 20,
        visibility: int = 60,
        endpoint_url: str | None = None,
        config: AioConfig | None = None,
        credentials: Mapping[str, str] | None = None,
    ):
        """Nothing is requested from AWS before the first read.

        Args:
            queue: The queue's URL, or its name in this account and region.
            region: Where it is; else as its URL says, else as AWS's own settings say.
            batch_size: The most messages in a batch.
            wait: How many seconds a read waits for a first message, 0 to 20.
            visibility: How many seconds messages stay invisible after our last heartbeat.
            endpoint_url: Another server than AWS.
            config: Settings for the client: time limits, retries, proxies.
            credentials: `aws_access_key_id` and `aws_secret_access_key`; else as AWS's own settings say.
        """
        in_url = _REGION_IN_URL.match(queue)
        self._queue = queue
        self._url = queue if "://" in queue else ""
        self._region = region or (in_url and in_url[1])
        self._batch_size = batch_size
        self._wait = wait
        self._visibility = visibility
        self._endpoint_url = endpoint_url
        self._credentials = credentials or {}
        connections = AioConfig(max_pool_connections=max(_TEN, -(-batch_size // _TEN)))  # one for each receive of ten
        self._config = connections.merge(config) if config else connections
        self._client: Any = None
        self._stack = AsyncExitStack()
        self._opening = asyncio.Lock()
        self._held: set[_Held] = set()
        self._closed = False

    async def read(self) -> Batch | None:
        """The next batch, empty when nothing came within `wait` seconds, or None once the source is closed.

        Raises:
            Refused: The queue does not exist, or we may not read it.
            Unavailable: SQS did not answer.
        """
        if self._closed:
            return None
        held = _Held()
        self._held.add(held)  # from the start, so that `aclose` gives back what a cancelled read had received
        try:
            deliveries = await self._receive(held, min(self._batch_size, _TEN), self._wait)
        except (Refused, Unavailable):
            self._held.discard(held)
            raise
        if not deliveries:
            self._held.discard(held)
            return Batch((), nothing_to_ack)
        await self._receive_more(held, deliveries)
        held.heartbeat = asyncio.create_task(self._keep_invisible(held.receipts))

        async def ack() -> None:
            await self._ack(held)

        return Batch(deliveries, ack)

    async def depth(self) -> int | None:
        """About how many messages wait or are being worked on; None when SQS does not say."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        try:
            reply = await self._call("get_queue_attributes", AttributeNames=names)
        except (Refused, Unavailable):
            return None
        return sum(int(reply["Attributes"][name]) for name in names)

    async def aclose(self) -> None:
        """Make the messages in hand visible to other workers at once, as far as SQS answers, and disconnect."""
        self._closed = True
        held, self._held = self._held, set()
        await _stop(*held)
        receipts = [receipt for one in held for receipt in one.receipts]
        if receipts and (why := await self._change_visibility(receipts, 0)):
            log.warning("messages not given back: they come again when they time out", queue=self._url, why=why)
        async with self._opening:
            self._client = None
            await self._stack.aclose()

    async def _receive(self, held: _Held, most: int, wait: int) -> list[Delivery]:
        reply = await self._call(
            "receive_message", MaxNumberOfMessages=most, WaitTimeSeconds=wait, VisibilityTimeout=self._visibility
        )
        messages = reply.get("Messages", ())
        held.receipts.extend(message["ReceiptHandle"] for message in messages)
        return [Delivery(message["Body"].encode("utf-8", "surrogatepass"), self._url) for message in messages]

    async def _receive_more(self, held: _Held, deliveries: list[Delivery]) -> None:
        """Fill a batch with what is there right now.

        A busy queue fills it in three rounds, each larger than the one before; a quiet one gets no fifty requests for
        each message, and one that trickles is not waited for. A failure ends it: what has come is handed out, and the
        next read raises the failure.
        """
        for calls in (4, 16, 64):
            room = self._batch_size - len(deliveries)
            sizes = [min(_TEN, room - start) for start in range(0, room, _TEN)][:calls]
            replies = await asyncio.gather(*(self._receive(held, size, 0) for size in sizes), return_exceptions=True)
            came = 0
            for reply in replies:
                if isinstance(reply, list):
                    deliveries.extend(reply)
                    came += len(reply)
                elif not isinstance(reply, Refused | Unavailable):
                    raise reply
            if not came:
                return

    async def _keep_invisible(self, receipts: Sequence[str]) -> None:
        while True:
            await asyncio.sleep(self._visibility / 3)  # two may fail before a message shows
            if why := await self._change_visibility(receipts, self._visibility):
                log.warning("messages not kept invisible: others may get them too", queue=self._url, why=why)

    async def _change_visibility(self, receipts: Sequence[str], seconds: int) -> str:
        """Returns why it failed for some of them, or nothing."""
        replies = await asyncio.gather(
            *(
                self._call(
                    "change_message_visibility_batch",
                    Entries=[{**entry, "VisibilityTimeout": seconds} for entry in _entries(ten)],
                )
                for ten in _tens(receipts)
            ),
            return_exceptions=True,
        )
        whys = [str(reply) if isinstance(reply, BaseException) else _why_failed(reply) for reply in replies]
        return next(filter(None, whys), "")

    async def _ack(self, held: _Held) -> None:
        """Delete a batch's messages. Those that cannot be deleted are delivered again, which changes nothing.

        Raises:
            Refused: We may not delete from this queue: every message would be worked on again and again.
        """
        if held not in self._held:  # acknowledged before, or given back
            return
        self._held.discard(held)
        await _stop(held)
        left = await asyncio.gather(*(self._delete(ten) for ten in _tens(held.receipts)))
        if count := sum(number for number, _ in left):
            why = next(why for _, why in left if why)
            log.warning("messages not deleted: they are delivered again", queue=self._url, messages=count, why=why)

    async def _delete(self, receipts: Sequence[str]) -> tuple[int, str]:
        """Returns how many of these, ten at most, could not be deleted, and why."""
        for pause in (*_PAUSES, None):
            try:
                reply = await self._call("delete_message_batch", Entries=_entries(receipts))
            except Unavailable as down:
                why = str(down)
            else:
                receipts = [receipts[int(failed["Id"])] for failed in reply.get("Failed", ())]
                why = _why_failed(reply)
            if not receipts or pause is None:
                break
            await asyncio.sleep(pause)
        return len(receipts), why

    async def _call(self, operation: str, **arguments: Any) -> dict[str, Any]:
        """Ask SQS something of this queue; its failures become ours here."""
        try:
            client = await self._open()
            reply: dict[str, Any] = await getattr(client, operation)(QueueUrl=self._url, **arguments)
        except FAILURES as why:
            raise self._failure(why) from why
        return reply

    async def _open(self) -> Any:
        async with self._opening:
            if self._client is None:
                if self._closed:
                    raise Unavailable("the source is closed")
                self._client = await self._stack.enter_async_context(
                    get_session().create_client(
                        "sqs",
                        region_name=self._region,
                        endpoint_url=self._endpoint_url,
                        config=self._config,
                        **self._credentials,
                    )
                )
            if not self._url:
                self._url = (await self._client.get_queue_url(QueueName=self._queue))["QueueUrl"]
            return self._client

    def _failure(self, why: Exception) -> Refused | Unavailable:
        region = self._client.meta.region_name if self._client else self._region
        return failure(why, f"queue {self._queue!r}", f" in {region}: check the name, or set --region")


async def _stop(*held: _Held) -> None:
    beating = [one.heartbeat for one in held if one.heartbeat]
    for task in beating:
        task.cancel()
    await asyncio.gather(*beating, return_exceptions=True)


def _tens(receipts: Sequence[str]) -> list[Sequence[str]]:
    return [receipts[start : start + _TEN] for start in range(0, len(receipts), _TEN)]


def _entries(receipts: Sequence[str]) -> list[dict[str, Any]]:
    return [{"Id": str(index), "ReceiptHandle": receipt} for index, receipt in enumerate(receipts)]


def _why_failed(reply: dict[str, Any]) -> str:
    return next((failed.get("Message") or failed["Code"] for failed in reply.get("Failed", ())), "")
