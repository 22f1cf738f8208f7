"""Describe and list resources in SageMaker: descriptions become events of our own, so that a replay calls no API.

How an operation is called is in `ingest.sagemaker_operations`; the caller says which operations there are.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import math
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from aiobotocore.config import AioConfig
from aiobotocore.session import get_session
from aiolimiter import AsyncLimiter
from botocore import xform_name
from botocore.exceptions import ClientError

from ingest.aws_errors import FAILURES, Missing, Unsupported, failure
from ingest.delivery import Refused, Unavailable
from ingest.sagemaker_operations import DescribeOperation, ListOperation

DESCRIPTION = "Headwater Description"
"""The detail-type of a description."""

DESCRIBE_PER_SECOND = 5.0
LIST_PER_SECOND = 2.0
"""Calls a second of an operation that describes one resource, and of one that lists resources, by default.

AWS publishes no figures for SageMaker's control plane but that each operation has a limit of its own in each account
and region; users report about 10 a second for Describe* and less for List*. We leave half of it to others, and slow
down when AWS throttles.
"""
CONCURRENCY = 10
"""Calls under way at the same time, at most."""
PAGE = 100
"""Resources on a page of List*, the most that SageMaker gives."""

_ARN = re.compile(r"arn:aws[a-z-]*:sagemaker:([a-z0-9-]+):(\d{12}):([^/]+)/(.+)", re.IGNORECASE | re.DOTALL)


class Elsewhere(Refused):
    """The response describes a resource of another account or region."""


@dataclass(frozen=True, slots=True)
class ListedResource:
    """A resource in a list.

    Attributes:
        arn: Its ARN.
        name: Its name, with its case.
        created: When it was made, in epoch milliseconds; 0 when the list does not say.
    """

    arn: str
    name: str
    created: int


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a list.

    Attributes:
        resources: The resources on it.
        next_token: The token of the next page; None at the end.
    """

    resources: Sequence[ListedResource]
    next_token: str | None


class SageMaker:
    """A client of SageMaker's API: paced, a few calls at a time, in any region.

    Each operation has a pace of its own in each region, as AWS counts them; when AWS throttles all the same, its client
    slows down and tries again. A failure is named for what to do next: `Missing`, `Denied`, `Invalid`, `Unsupported`
    and `Elsewhere` do not change by calling again; `Unavailable` may.
    """

    def __init__(
        self,
        *,
        region: str | None = None,
        per_second: float | None = None,
        concurrency: int = CONCURRENCY,
        endpoint_url: str | None = None,
        config: AioConfig | None = None,
        credentials: Mapping[str, str] | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ):
        """Nothing is called yet.

        Args:
            region: Where to list; else as AWS's own settings say. A resource is described in its own region.
            per_second: How often each operation is called; else 5 times, and those that list resources twice.
            concurrency: Calls under way at the same time, at most.
            endpoint_url: Another server than AWS.
            config: Settings for the clients: time limits, retries, proxies.
            credentials: `aws_access_key_id` and `aws_secret_access_key`; else as AWS's own settings say.
            now: The clock.
        """
        self._region = region
        self._per_second = per_second
        self._endpoint_url = endpoint_url
        self._credentials = credentials or {}
        ours = AioConfig(retries={"mode": "adaptive"}, max_pool_connections=concurrency)
        self._config = ours.merge(config) if config else ours
        self._now = now
        self._slots = asyncio.Semaphore(concurrency)
        self._paces: dict[tuple[str | None, str], AsyncLimiter] = {}
        self._clients: dict[str | None, Any] = {}
        self._opening = asyncio.Lock()
        self._stack = AsyncExitStack()

    def per_second(self, operation: DescribeOperation | ListOperation) -> float:
        """Calls of an operation in a second, at most."""
        lists = isinstance(operation, ListOperation) or operation.lists
        return self._per_second or (LIST_PER_SECOND if lists else DESCRIBE_PER_SECOND)

    async def describe(self, operation: DescribeOperation, arn: str, name: str | None = None) -> bytes:
        """A description of a resource, as an event.

        Args:
            operation: How it is called.
            arn: The resource's ARN.
            name: Its name with its case, where it is known. An ARN has it in lower case; SageMaker's names are unique
                without case, and most are found in any. What is not is `Missing`.

        Returns:
            An event of detail-type DESCRIPTION. The same response at the same time has the same id.

        Raises:
            Missing: There is no such resource.
            Denied: Our role may not call this operation.
            Unsupported: This server has no such operation.
            Invalid: SageMaker rejects the request.
            Elsewhere: SageMaker describes another account's resource of this name.
            Refused: The ARN is not one of SageMaker's, or there are no credentials.
            Unavailable: It did not answer; it may later.
        """
        match = _ARN.fullmatch(arn)
        if match is None:
            raise Refused(f"{operation.name} cannot be called about {arn}: it is not the ARN of something in SageMaker")
        region, account, _, tail = match.groups()
        called_at = self._now()
        try:
            response = await self._whole(operation, region, arn, dict(operation.parameters(arn, name or tail)))
        except (Missing, Unsupported) as why:
            if operation.older is None:
                raise
            try:
                return await self.describe(operation.older, arn, name)
            except Unsupported:
                raise why from None
        subject = _subject(response, operation.subject)
        if subject and _account(subject) != _account(arn):
            raise Elsewhere(f"{arn} belongs to another account: this role sees {subject} under its name")
        return _event(operation.name, arn, region.lower(), account, called_at, response)

    async def list_resources(
        self,
        operation: ListOperation,
        region: str | None = None,
        *,
        since: datetime | None = None,
        start_token: str | None = None,
        **arguments: Any,
    ) -> AsyncIterator[Page]:
        """The resources that there are, page by page, the oldest first.

        Args:
            operation: How it is called.
            region: Where; else in the region that this was made for.
            since: Leave out what was made before that.
            start_token: Where to continue: the `next_token` of an earlier page. AWS keeps it for a day at most.
            arguments: What else the operation takes: `PipelineName`.

        Raises:
            Missing, Denied, Unsupported, Invalid, Refused, Unavailable: As `describe`.
        """
        request: dict[str, Any] = {**operation.parameters, **arguments, "MaxResults": PAGE}
        if since:
            request[operation.after] = since
        token = start_token
        while True:
            more = {"NextToken": token} if token else {}
            response = await self._call(
                operation, region or self._region, f"what {operation.name} lists", request | more
            )
            found = [_listed(item, operation) for item in response.get(operation.items, ())]
            earliest = since.timestamp() * 1000 if since else -math.inf
            token = response.get("NextToken")
            # Servers that stand in for AWS leave nothing out.
            yield Page([one for one in found if not one.created or one.created >= earliest], token)
            if not token:
                return

    async def aclose(self) -> None:
        """Disconnect."""
        async with self._opening:
            self._clients.clear()
            await self._stack.aclose()

    async def _whole(
        self, operation: DescribeOperation, region: str, arn: str, request: dict[str, Any]
    ) -> dict[str, Any]:
        """A response, all of its pages joined."""
        whole = await self._call(operation, region.lower(), arn, request)
        token = whole.pop("NextToken", None)
        while token:
            page = await self._call(operation, region.lower(), arn, {**request, "NextToken": token})
            token = page.pop("NextToken", None)
            for name, value in page.items():
                whole[name] = whole.get(name, []) + value
        return whole

    async def _call(
        self, operation: DescribeOperation | ListOperation, region: str | None, thing: str, request: dict[str, Any]
    ) -> dict[str, Any]:
        """One call; its failures become ours here."""
        name = operation.name
        pace = self._paces.get((region, name))
        if pace is None:  # one at a time, at even distances: a rate below one a second is one too
            pace = self._paces[region, name] = AsyncLimiter(1, 1 / self.per_second(operation))
        await pace.acquire()
        async with self._slots:
            client = None
            try:
                client = await self._open(region)
                response: dict[str, Any] = await getattr(client, xform_name(name))(**request)
            except FAILURES as why:
                raise self._failure(why, name, thing, client) from why
        response.pop("ResponseMetadata", None)
        return response

    async def _open(self, region: str | None) -> Any:
        async with self._opening:
            if region not in self._clients:
                self._clients[region] = await self._stack.enter_async_context(
                    get_session().create_client(
                        "sagemaker",
                        region_name=region,
                        endpoint_url=self._endpoint_url,
                        config=self._config,
                        **self._credentials,
                    )
                )
            return self._clients[region]

    def _failure(self, why: Exception, operation: str, thing: str, client: Any) -> Refused | Unavailable:
        if isinstance(why, ClientError) and "amazonaws" not in client.meta.endpoint_url:
            # moto answers with an HTML page when it lacks an operation.
            message = str(why.response.get("Error", {}).get("Message", ""))
            if message.startswith("<!doctype html"):
                return Unsupported(thing, operation)
        return failure(why, thing, ", or is not this account's", "sagemaker")


def _subject(response: Mapping[str, Any], path: tuple[str, ...]) -> str:
    """The ARN at a path in a response, of a list's first item; empty when there is none."""
    found: Any = response
    for step in path:
        found = (found[0] if found else {}) if isinstance(found, list) else found
        found = found.get(step, {})
    return found if isinstance(found, str) else ""


def _account(arn: str) -> list[str]:
    """The account and region of an ARN: AWS is not of one mind about case."""
    return arn.lower().split(":")[1:5]


def _listed(item: Mapping[str, Any], how: ListOperation) -> ListedResource:
    arn = item[how.arn]
    created = item.get(how.created)
    name = item.get(how.item_name) or arn.partition("/")[2]
    return ListedResource(arn, name, int(created.timestamp() * 1000) if created else 0)


def _event(operation: str, arn: str, region: str, account: str, called_at: datetime, response: dict[str, Any]) -> bytes:
    """A response as an event."""
    time = _iso(called_at)
    detail = {"Operation": operation, "Response": _plain(response)}
    content = json.dumps([operation, arn, time, detail], sort_keys=True).encode()
    event = {
        "version": "0",
        "id": hashlib.blake2b(content, digest_size=16).hexdigest(),
        "detail-type": DESCRIPTION,
        "source": "headwater",
        "account": account,
        "time": time,
        "region": region,
        "resources": [arn],
        "detail": detail,
    }
    return json.dumps(event, separators=(",", ":")).encode()


def _plain(value: Any) -> Any:
    """A value as JSON can say it: times as text, no numbers that are none."""
    if isinstance(value, Mapping):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, datetime):
        return _iso(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _iso(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
