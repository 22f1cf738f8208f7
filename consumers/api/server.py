"""The server: SageMaker's API over a store, until it is stopped."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import structlog
import uvicorn
import uvloop
from starlette.applications import Starlette
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from consumers.api.access import BadCredentials, Credentials
from consumers.api.app import Handled, Settings, application, store_problem
from consumers.api.client_writes import CLOSING_SECONDS, ClientWriter
from consumers.api.resource_views import Descriptions
from consumers.api.service import Service
from consumers.api.signature import Verifier
from consumers.catch_up import catch_up
from consumers.run import metrics
from consumers.run.runtime import metrics_served, set_up_logs, stopping
from ingest.delivery import Refused
from ingest.os_errors import reason
from store.database import Store, Unavailable
from store.graph.borders import places

log = structlog.get_logger()

THREADS = 8
"""Operations that run at a time: each waits for the database now and then."""
GRACE = 20
"""Seconds that open requests have to finish once the server is stopped."""
FORCED = GRACE + CLOSING_SECONDS + 5
"""Seconds after which a server that is stopped ends, whatever the store still does for it."""
NO_ACCOUNT, FALLBACK_REGION = "000000000000", "us-east-1"
"""The account and region in ARNs where the store has none yet."""


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """How to serve.

    Attributes:
        host: The address to listen on.
        port: The port; 0 for any that is free.
        account: The account of requests that name none; None for the one that most of the store belongs to, in the
            region where one is given.
        region: The region of requests whose credential scope has none; None for the one that most of the store
            belongs to.
        limits: False to lift AWS's limits for every client.
        credentials: The file of access keys, or None.
        insecure: True to accept unsigned requests from other machines.
        tls: The files of the certificate and of its key, or None.
    """

    host: str
    port: int
    account: str | None = None
    region: str | None = None
    limits: bool = True
    credentials: Path | None = None
    insecure: bool = False
    tls: tuple[Path, Path] | None = None


@dataclass(frozen=True, slots=True)
class Listening:
    """Where a server listens, and for what.

    Attributes:
        url: Its address.
        account: The account of requests that name none.
        accounts: The accounts of which the store has lineage, each with its regions.
    """

    url: str
    account: str
    accounts: Mapping[str, Sequence[str]]


def serve(
    opened: Callable[[], Store],
    options: ServeOptions,
    on_listening: Callable[[Listening], None],
    *,
    metrics_at: tuple[str, int] | None,
    log_format: str,
    log_level: str,
) -> None:
    """Serve until SIGTERM or Ctrl-C; open requests are finished first, within `FORCED` seconds.

    Args:
        opened: Opens the store, at the newest schema.
        options: How to serve.
        on_listening: Called once the server listens.
        metrics_at: Where to serve metrics of the server itself, if at all.
        log_format: As `set_up_logs` takes it.
        log_level: Likewise.

    Raises:
        Refused: The port, the credentials or the certificate cannot be used.
        Unusable, Unavailable: The store cannot be used.
    """
    set_up_logs(log_format, log_level)
    if not (_is_loopback(options.host) or options.credentials or options.insecure):
        raise Refused(
            f"{options.host} can be reached from other machines: say --credentials FILE, so that callers have to sign, "
            "or --insecure to let everybody read and write"
        )
    credentials = _credentials(options.credentials) if options.credentials else None
    if options.tls:
        _check_tls(*options.tls)
    with opened() as store:
        catch_up(store)
        accounts: dict[str, list[str]] = {}
        for owner, region in places(store):
            accounts.setdefault(owner, []).append(region)
        there = (owner for owner, regions in accounts.items() if options.region in regions)
        account = options.account or next(there, next(iter(accounts), NO_ACCOUNT))
        settings = Settings(
            account=account,
            region=options.region or next(iter(accounts.get(account, ())), FALLBACK_REGION),
            verifier=Verifier(credentials, account) if credentials else None,
            hosts=host_names(options),
            limits=options.limits,
        )

        def listens(url: str) -> None:
            on_listening(Listening(url, account, accounts))

        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve(store, settings, options, listens, metrics_at))


def host_names(options: ServeOptions) -> tuple[str, ...] | None:
    """The host names that a server answers to; None for all.

    Where requests are not signed they are this machine's own: a page in a browser has another.
    """
    if options.credentials or not _is_loopback(options.host):
        return None
    return ("localhost", "127.0.0.1", "[::1]", options.host)


@contextmanager
def open_application(store: Store, settings: Settings) -> Iterator[Starlette]:
    """The application over a store.

    At the end the writer is closed while requests may still run: their writes are refused, so that they end.

    Args:
        store: At the newest schema.
        settings: How requests are answered.
    """
    writer = ClientWriter(store)
    threads = ThreadPoolExecutor(THREADS, "api")
    try:
        yield application(Service(store, writer, Descriptions(store)), settings, threads, _log_request, _log_failure)
    finally:
        writer.close()
        threads.shutdown(cancel_futures=True)


def web_server(app: Starlette, tls: tuple[Path, Path] | None = None, *, grace: int = GRACE) -> WebServer:
    """The server of an application, which leaves signals to its caller.

    Args:
        app: The application.
        tls: The files of a certificate and of its key, or None.
        grace: Seconds that open requests have to finish once it is stopped.
    """
    certificate, key = tls or (None, None)
    return WebServer(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=grace,
            lifespan="off",
            http=_Connection,
            ws="none",
            ssl_certfile=certificate,
            ssl_keyfile=key,
        )
    )


async def _serve(
    store: Store,
    settings: Settings,
    options: ServeOptions,
    on_listening: Callable[[str], None],
    metrics_at: tuple[str, int] | None,
) -> None:
    # The application is closed before `stopping` ends, which is what bounds the wait for it.
    async with stopping(FORCED, "requests in hand took too long: stopped without them") as stop:
        with ExitStack() as stack:
            stack.callback(metrics_served(metrics_at, StoreHealth(store)))
            app = stack.enter_context(open_application(store, settings))
            listener = stack.enter_context(_listener(options.host, options.port))
            server = web_server(app, options.tls)
            serving = asyncio.create_task(server.serve(sockets=[listener]))
            stopped = asyncio.create_task(stop.wait())
            listening = asyncio.create_task(server.listening.wait())
            await asyncio.wait({serving, listening}, return_when=asyncio.FIRST_COMPLETED)
            listening.cancel()
            host, port = listener.getsockname()[:2]
            on_listening(f"http{'s' if options.tls else ''}://{f'[{host}]' if ':' in host else host}:{port}")
            await asyncio.wait({serving, stopped}, return_when=asyncio.FIRST_COMPLETED)
            server.should_exit = True
            await serving
            stopped.cancel()


class StoreHealth(metrics.Health):
    """A server is healthy while its store answers: that is checked each time, since there may be no other requests."""

    def __init__(self, store: Store) -> None:
        super().__init__()
        self._store = store

    def look(self) -> str | None:
        """Why the store does not answer; None if it does."""
        return store_problem(self._store)


class _Connection(HttpToolsProtocol):
    """uvicorn's connection, which does not wait for its client to agree to its end."""

    def shutdown(self) -> None:
        """End it, at once if no request is open: over TLS an idle client would have 30 s to agree."""
        super().shutdown()
        if self.transport.is_closing():
            self.transport.abort()


class WebServer(uvicorn.Server):
    """uvicorn's server, which leaves signals to us, and says when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen."""
        await super().startup(sockets)
        if self.started:
            self.listening.set()

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Leave them."""
        yield


def _listener(host: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=512)
    except (OSError, OverflowError) as why:
        raise Refused(f"cannot listen on {host}:{port} ({reason(why)}): choose another --port or --host") from why


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _credentials(path: Path) -> Credentials:
    try:
        return Credentials.read(path)
    except BadCredentials as why:
        raise Refused(str(why)) from why


def _check_tls(certificate: Path, key: Path) -> None:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as why:
        raise Refused(
            f"cannot serve TLS with {certificate} and {key} ({reason(why)}): give a certificate and its key"
        ) from why


def _log_request(one: Handled) -> None:
    """One log line for each request, and its metrics."""
    metrics.REQUESTS.labels(one.operation or "none", one.code or "ok").inc()
    metrics.REQUEST_SECONDS.labels(one.operation or "none").observe(one.seconds)
    log.info(
        "request",
        operation=one.operation,
        status=one.status,
        code=one.code,
        ms=round(one.seconds * 1000, 1),
        bytes=one.size,
        who=one.caller,
        client=one.client,
        id=one.request_id,
    )


def _log_failure(request_id: str, why: Exception) -> None:
    if isinstance(why, Unavailable):
        metrics.STORE_OUTAGES.inc()
    log.error("request failed", id=request_id, exc_info=why)
