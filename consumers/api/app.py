"""SageMaker's protocols over HTTP: JSON 1.1 for the service itself, REST with JSON for its metrics, on one port.

An event loop reads requests and writes responses; operations run in threads, since the store is synchronous.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import ClientDisconnect
from starlette.requests import Request as HttpRequest
from starlette.responses import PlainTextResponse
from starlette.responses import Response as HttpResponse
from starlette.routing import Route

from consumers.api import serializer, service_model, validator
from consumers.api.access import Principal, check_permission
from consumers.api.accounts import IN_PATH, account_of, check_own
from consumers.api.completeness import HEADER, KINDS, completeness
from consumers.api.errors import (
    Internal,
    Refusal,
    RequestTimeout,
    ServiceUnavailable,
    Throttled,
    TooLarge,
    UnknownOperation,
    Unreadable,
)
from consumers.api.operations import METRICS, OPERATIONS, answered
from consumers.api.request import Request
from consumers.api.service import Service
from consumers.api.signature import Verifier, region_of
from consumers.arns import aws_partition
from store import entity_records
from store.database import Store, Unavailable, Unusable

JSON_1_1, JSON = "application/x-amz-json-1.1", "application/json"
TARGET_PREFIX = "SageMaker."
LIMITS_HEADER = "x-headwater-limits"
"""The header with which a client lifts AWS's limits: `none`."""


class ClientLimits(msgspec.Struct, frozen=True):
    """How much of the server one client may use.

    Attributes:
        body: The most bytes in a request.
        seconds: How long a request may take to arrive.
        waiting: The most requests that are worked on or wait; further ones are throttled.
    """

    body: int = 4 << 20
    seconds: float = 20
    waiting: int = 512


class Handled(msgspec.Struct, frozen=True):
    """How a request was answered, for logs and metrics; it holds nothing secret.

    Attributes:
        request_id: Names the request to the client and in the log.
        operation: The operation, or empty where there is no such operation.
        code: The error code, or empty.
        status: The HTTP status.
        seconds: How long it took.
        caller: The name of the caller, or empty.
        client: The caller's address.
        size: Bytes of the response.
    """

    request_id: str
    operation: str
    code: str
    status: int
    seconds: float
    caller: str
    client: str
    size: int


class Settings(msgspec.Struct, frozen=True):
    """How requests are answered.

    Attributes:
        account: The account of requests that name none, and of keys that name none.
        region: The region of requests whose credential scope has none.
        verifier: Verifies signatures; None if requests need not be signed.
        hosts: The host names that the server answers to; None for all.
        limits: False to lift AWS's limits on depth and start ARNs for every client.
        client_limits: How much of the server one client may use.
    """

    account: str
    region: str
    verifier: Verifier | None = None
    hosts: tuple[str, ...] | None = None
    limits: bool = True
    client_limits: ClientLimits = ClientLimits()


def store_problem(store: Store) -> str | None:
    """Why a store does not answer; None if it does."""
    try:
        store.read(lambda tx: entity_records.find(tx, ""))
    except (Unavailable, Unusable) as why:
        return str(why)
    return None


def application(
    service: Service,
    settings: Settings,
    threads: Executor,
    on_handled: Callable[[Handled], None],
    on_failure: Callable[[str, Exception], None],
) -> Starlette:
    """The server's application.

    Args:
        service: What operations work with.
        settings: How requests are answered.
        threads: Where operations run.
        on_handled: Called with each request that was answered.
        on_failure: Called with the id of each request that failed by no fault of its client, and why.
    """
    handler = RequestHandler(service, settings, threads, on_handled, on_failure)
    hosts = settings.hosts
    return Starlette(
        routes=[
            *(Route(path, handler.by_target, methods=["POST"]) for path in ("/", IN_PATH, f"{IN_PATH}/")),
            # BatchPutMetrics by PUT alone, as in AWS: a page in a browser could POST it without being allowed to.
            *(
                Route(f"{begin}/{name}", handler.by_path, methods=[service_model.operation(name).http["method"]])
                for name in METRICS
                for begin in ("", IN_PATH)
            ),
            Route("/health", handler.health, methods=["GET"]),
            Route("/", _welcome, methods=["GET"]),
        ],
        # A page in a browser must not reach a server of this machine alone under a host name of its own.
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=list(hosts))] if hosts else [],
    )


async def _welcome(request: HttpRequest) -> HttpResponse:
    return PlainTextResponse(
        f"Headwater answers SageMaker's API here: set AWS_ENDPOINT_URL_SAGEMAKER={request.base_url} and "
        f"AWS_ENDPOINT_URL_SAGEMAKER_METRICS={request.base_url}\n"
    )


@dataclass(slots=True)
class _Call:
    """An HTTP request before it is checked: what its signature is verified by, and what its log line says.

    Once its operation runs, also how completely Headwater knows what that reads; empty if that can be said of no kind.
    """

    id: str
    operation: str
    client: str
    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    account: str
    body: bytes = b""
    caller: str = ""
    completeness: str = ""


@dataclass(frozen=True, slots=True)
class _Reply:
    """The body of a response, its HTTP status, and the error code, or empty."""

    status: int
    body: bytes
    code: str = ""


class RequestHandler:
    """Reads requests, runs their operations and writes responses."""

    def __init__(
        self,
        service: Service,
        settings: Settings,
        threads: Executor,
        on_handled: Callable[[Handled], None],
        on_failure: Callable[[str, Exception], None],
    ) -> None:
        """Args: service, settings, threads, on_handled, on_failure: as `application` takes them."""
        self._service, self._settings, self._threads = service, settings, threads
        self._on_handled, self._on_failure = on_handled, on_failure
        self._operations = answered()  # which reads the model: no request has to wait for that
        self._open = 0

    async def by_target(self, request: HttpRequest) -> HttpResponse:
        """A request of the service itself."""
        return await self._respond(request, request.headers.get("x-amz-target", "").removeprefix(TARGET_PREFIX))

    async def by_path(self, request: HttpRequest) -> HttpResponse:
        """A request of the metrics service."""
        return await self._respond(request, request.scope["path"].rpartition("/")[2])

    async def health(self, _request: HttpRequest) -> HttpResponse:
        """Whether the store answers."""
        loop = asyncio.get_running_loop()
        problem = await loop.run_in_executor(self._threads, store_problem, self._service.store)
        return PlainTextResponse(f"{problem}\n", 503) if problem else PlainTextResponse("ok\n")

    async def _respond(self, request: HttpRequest, operation: str) -> HttpResponse:
        began = time.perf_counter()
        scope = request.scope
        call = _Call(
            id=str(uuid.uuid4()),
            operation=operation,
            client=request.client.host if request.client else "",
            method=request.method,
            path=scope.get("raw_path", b"/").decode("ascii", "replace"),
            query=scope.get("query_string", b"").decode("ascii", "replace"),
            headers=request.headers,
            account=request.path_params.get("account", ""),
        )
        if self._open >= self._settings.client_limits.waiting:
            reply = _refused(Throttled("Too many requests at a time: try again in a moment"))
        else:
            self._open += 1
            try:
                reply = await self._read_and_run(request, call)
            finally:
                self._open -= 1
        headers = {"x-amzn-RequestId": call.id, "content-type": JSON if operation in METRICS else JSON_1_1}
        if reply.code:
            headers["x-amzn-ErrorType"] = reply.code
        if call.completeness:
            headers[HEADER] = call.completeness
        self._on_handled(
            Handled(
                request_id=call.id,
                operation=operation if operation in self._operations else "",
                code=reply.code,
                status=reply.status,
                seconds=time.perf_counter() - began,
                caller=call.caller,
                client=call.client,
                size=len(reply.body),
            )
        )
        return HttpResponse(reply.body, reply.status, headers)

    async def _read_and_run(self, request: HttpRequest, call: _Call) -> _Reply:
        seconds = self._settings.client_limits.seconds
        try:
            call.body = await asyncio.wait_for(self._body(request), seconds)
        except TimeoutError:
            return _refused(RequestTimeout(f"The request did not arrive within {seconds:g} s"))
        except ClientDisconnect:
            return _refused(Unreadable("The connection ended before the request's body did"))
        except Refusal as why:
            return _refused(why)
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, self._reply, call)
        except asyncio.CancelledError:  # uvicorn stops and its grace is over: this task ends with its response
            return _refused(ServiceUnavailable("The server is stopping and did not finish this: try again in a moment"))

    async def _body(self, request: HttpRequest) -> bytes:
        most = self._settings.client_limits.body
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > most:
                raise TooLarge(f"The request has more than {most:,} bytes")
        return bytes(body)

    def _reply(self, call: _Call) -> _Reply:
        try:
            return _Reply(200, self._run(call))
        except Refusal as why:
            return _refused(why)
        except Unavailable as why:
            self._on_failure(call.id, why)
            return _refused(ServiceUnavailable("The store does not answer: try again in a moment"))
        except Exception as why:  # noqa: BLE001  # whatever it is, this client is answered, and others go on
            self._on_failure(call.id, why)
            return _refused(Internal(f"Headwater failed at this; its log says why, under the request id {call.id}"))

    def _run(self, call: _Call) -> bytes:
        principal = self._principal(call)
        operation = self._operations.get(call.operation)
        if operation is None:
            raise UnknownOperation(
                f"Headwater has no operation {call.operation[:100]!r}; it has {', '.join(sorted(self._operations))}"
            )
        if principal:
            check_permission(principal, call.operation, writes=operation.writes)
        if call.operation in KINDS or call.operation not in OPERATIONS:
            call.completeness = completeness(call.operation)
        limits = self._settings.limits and call.headers.get(LIMITS_HEADER) != "none"
        region = principal.region if principal else region_of(call.headers) or self._settings.region
        account = account_of(call.account, call.headers, principal, self._settings.account)
        request = Request(
            operation=call.operation,
            input=validator.checked(
                service_model.operation(call.operation).input_shape, _json(call.body), limits=limits
            ),
            region=region,
            account=account,
            arn_prefix=f"arn:{aws_partition(region)}:sagemaker:{region}:{account}:",
            caller=principal.arn if principal else "",
            limits=limits,
        )
        operation.check_used(request.input)
        if principal and operation.writes:
            check_own(principal, request.input)
        return serializer.encoded(call.operation, operation.run(self._service, request))

    def _principal(self, call: _Call) -> Principal | None:
        if self._settings.verifier is None:
            return None
        principal = self._settings.verifier.verify(
            call.method, call.path, call.query, call.headers, call.body, datetime.now(UTC)
        )
        call.caller = principal.name
        return principal


def _refused(why: Refusal) -> _Reply:
    return _Reply(why.status, msgspec.json.encode({"__type": why.code, "message": why.message}), why.code)


def _json(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body or b"{}")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as why:
        raise Unreadable(f"The request is not JSON: {why}") from None
