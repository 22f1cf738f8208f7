"""SageMaker's protocols over HTTP: JSON 1.1 for the service itself, REST with JSON for its metrics, on one port.

An event loop reads requests and writes answers; what lies between is done in threads, since the store is synchronous.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable
from concurrent.futures import Executor
from datetime import UTC, datetime
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from consumers.api import serializer, service_model, validator
from consumers.api.access import Principal, permitted
from consumers.api.errors import Busy, Internal, Refusal, Slow, TooLarge, Unavailable, UnknownOperation, Unreadable
from consumers.api.operations import METRICS, OPERATIONS
from consumers.api.request import Asked, Service
from consumers.api.signature import Verifier, region_of
from store import entity_records
from store.database import Unavailable as StoreUnavailable

JSON = "application/x-amz-json-1.1"
TARGET = "SageMaker."
LIMITS = "x-headwater-limits"
"""The header by which a client asks for AWS's limits not to hold: `none`."""


class Limits(msgspec.Struct, frozen=True):
    """What one client may cost.

    Attributes:
        body: The most bytes of a request.
        seconds: How long a request may take to come.
        waiting: How many requests may be in hand and waiting; who comes after them is told to come again.
    """

    body: int = 4 << 20
    seconds: float = 20
    waiting: int = 512


class Handled(msgspec.Struct, frozen=True):
    """What became of a request; nothing secret is in it.

    Attributes:
        request_id: By which the client and the log name it.
        operation: What was asked for, or empty where that could not be read.
        code: The error's code, or empty.
        status: HTTP's.
        seconds: How long it took.
        who: The name of whoever asked, or empty.
        client: The address they asked from.
        size: Bytes of the answer.
    """

    request_id: str
    operation: str
    code: str
    status: int
    seconds: float
    who: str
    client: str
    size: int


class Settings(msgspec.Struct, frozen=True):
    """How requests are answered.

    Attributes:
        account: The account that ARNs are made with.
        region: Of requests that tell none.
        verifier: Verifies signatures; None if nobody has to sign.
        hosts: The names by which the server may be called; None for all.
        limits: False if AWS's limits on depth and starts hold for nobody.
        costs: What one client may cost.
    """

    account: str
    region: str
    verifier: Verifier | None = None
    hosts: tuple[str, ...] | None = None
    limits: bool = True
    costs: Limits = Limits()


def application(
    service: Service,
    settings: Settings,
    threads: Executor,
    handled: Callable[[Handled], None],
    failed: Callable[[str, Exception], None],
) -> Starlette:
    """The server's application.

    Args:
        service: What operations work with.
        settings: How requests are answered.
        threads: Where they are.
        handled: Is told what became of each.
        failed: Is told of each that failed for no fault of its own: its id, and why.
    """
    door = RequestHandler(service, settings, threads, handled, failed)
    hosts = settings.hosts
    return Starlette(
        routes=[
            Route("/", door.by_target, methods=["POST"]),
            # BatchPutMetrics by PUT alone, as AWS has it: a page in a browser could POST it without being allowed to.
            *(
                Route(f"/{name}", door.by_path, methods=[service_model.operation(name).http["method"]])
                for name in METRICS
            ),
            Route("/health", door.health, methods=["GET"]),
            Route("/", _welcome, methods=["GET"]),
        ],
        # A page in a browser must not reach what listens on this machine alone by a name of its own.
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=list(hosts))] if hosts else [],
    )


async def _welcome(request: Request) -> Response:
    return PlainTextResponse(
        f"Headwater answers SageMaker's API here: set AWS_ENDPOINT_URL_SAGEMAKER={request.base_url} and "
        f"AWS_ENDPOINT_URL_SAGEMAKER_METRICS={request.base_url}\n"
    )


class _Request(msgspec.Struct):
    """A request on its way."""

    id: str
    operation: str
    client: str
    method: str
    path: str
    query: str
    headers: Any
    body: bytes = b""
    who: str = ""


class RequestHandler:
    """Where requests come in and answers go out."""

    def __init__(
        self,
        service: Service,
        settings: Settings,
        threads: Executor,
        handled: Callable[[Handled], None],
        failed: Callable[[str, Exception], None],
    ) -> None:
        self.service, self.settings, self.threads = service, settings, threads
        self.handled, self.failed = handled, failed
        self.inside = 0

    async def by_target(self, request: Request) -> Response:
        """A request of the service itself."""
        return await self._answer(request, request.headers.get("x-amz-target", "").removeprefix(TARGET))

    async def by_path(self, request: Request) -> Response:
        """A request of the metrics service."""
        return await self._answer(request, request.url.path[1:])

    async def health(self, _request: Request) -> Response:
        """Whether the store answers."""
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(self.threads, self.service.store.read, lambda tx: entity_records.find(tx, ""))
        except Exception as why:  # noqa: BLE001  # whatever it is, the answer is no
            return PlainTextResponse(f"{why}\n", 503)
        return PlainTextResponse("ok\n")

    async def _answer(self, request: Request, operation: str) -> Response:
        began = time.perf_counter()
        scope = request.scope
        asked = _Request(
            id=str(uuid.uuid4()),
            operation=operation,
            client=request.client.host if request.client else "",
            method=request.method,
            path=scope.get("raw_path", b"/").decode("ascii", "replace"),
            query=scope.get("query_string", b"").decode("ascii", "replace"),
            headers=request.headers,
        )
        if self.inside >= self.settings.costs.waiting:
            status, body, code = _refused(Busy("Too many requests at a time: try again in a moment"))
        else:
            self.inside += 1
            try:
                status, body, code = await self._granted(request, asked)
            finally:
                self.inside -= 1
        headers = {"x-amzn-RequestId": asked.id, "content-type": JSON if operation not in METRICS else JSON_PLAIN}
        if code:
            headers["x-amzn-ErrorType"] = code
        taken = time.perf_counter() - began
        self.handled(
            Handled(
                request_id=asked.id,
                operation=operation if operation in OPERATIONS else "",
                code=code,
                status=status,
                seconds=taken,
                who=asked.who,
                client=asked.client,
                size=len(body),
            )
        )
        return Response(body, status, headers)

    async def _granted(self, request: Request, asked: _Request) -> tuple[int, bytes, str]:
        try:
            asked.body = await asyncio.wait_for(self._body(request), self.settings.costs.seconds)
        except TimeoutError:
            return _refused(Slow(f"The request did not come within {self.settings.costs.seconds:g} s"))
        except ClientDisconnect:
            return _refused(Unreadable("The request ended before its body did"))
        except Refusal as why:
            return _refused(why)
        return await asyncio.get_running_loop().run_in_executor(self.threads, self._outcome, asked)

    async def _body(self, request: Request) -> bytes:
        most = self.settings.costs.body
        found = bytearray()
        async for chunk in request.stream():
            found += chunk
            if len(found) > most:
                raise TooLarge(f"The request has more than {most:,} bytes")
        return bytes(found)

    def _outcome(self, asked: _Request) -> tuple[int, bytes, str]:
        try:
            return 200, self._done(asked), ""
        except Refusal as why:
            return _refused(why)
        except StoreUnavailable as why:
            self.failed(asked.id, why)
            return _refused(Unavailable("The store does not answer: try again in a moment"))
        except Exception as why:  # noqa: BLE001  # whatever it is, this client is answered, and others go on
            self.failed(asked.id, why)
            return _refused(Internal(f"Headwater failed at this; its log tells why, by the request's id {asked.id}"))

    def _done(self, asked: _Request) -> bytes:
        principal = self._principal(asked)
        row = OPERATIONS.get(asked.operation)
        if row is None:
            raise UnknownOperation(
                f"Headwater has no operation {asked.operation[:100]!r}; it has {', '.join(sorted(OPERATIONS))}"
            )
        if principal:
            permitted(principal, asked.operation, writes=row.writes)
        limits = self.settings.limits and asked.headers.get(LIMITS) != "none"
        region = principal.region if principal else region_of(asked.headers) or self.settings.region
        account = self.settings.account
        ready = Asked(
            operation=asked.operation,
            input=validator.checked(
                service_model.operation(asked.operation).input_shape, _json(asked.body), limits=limits
            ),
            region=region,
            account=account,
            partition=f"{_partition(region)}:sagemaker:{region}:{account}:",
            by=principal.arn if principal else "",
            limits=limits,
        )
        return serializer.encoded(asked.operation, row.run(self.service, ready))

    def _principal(self, asked: _Request) -> Principal | None:
        if self.settings.verifier is None:
            return None
        principal = self.settings.verifier.verify(
            asked.method, asked.path, asked.query, asked.headers, asked.body, datetime.now(UTC)
        )
        asked.who = principal.name
        return principal


JSON_PLAIN = "application/json"


def _refused(why: Refusal) -> tuple[int, bytes, str]:
    return why.status, msgspec.json.encode({"__type": why.code, "message": why.message}), why.code


def _json(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body or b"{}")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as why:
        raise Unreadable(f"The request is not JSON: {why}") from None


def _partition(region: str) -> str:
    """The beginning of ARNs in a region."""
    if region.startswith("cn-"):
        return "arn:aws-cn"
    return "arn:aws-us-gov" if region.startswith("us-gov-") else "arn:aws"
