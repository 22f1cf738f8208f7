"""The server: SageMaker's API over a store, until it is told to stop."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, AsyncExitStack, closing, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import structlog
import uvicorn
import uvloop
from starlette.applications import Starlette
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from consumers.api.access import BadCredentials, Credentials
from consumers.api.app import Handled, Settings, application
from consumers.api.client_writes import Writer
from consumers.api.request import Service
from consumers.api.resource_views import Descriptions
from consumers.api.signature import Verifier
from consumers.catch_up import catch_up
from consumers.run import metrics
from consumers.run.runtime import metrics_served, set_up_logs, stopping
from ingest.delivery import Refused
from ingest.os_errors import reason
from store import entity_records
from store.database import Store, Unavailable, Unusable

log = structlog.get_logger()

THREADS = 8
"""Requests that are worked on at a time: each waits for the database now and then."""
GRACE = 20
"""Seconds that requests in hand have to end when the server is told to stop."""
NO_ACCOUNT, FALLBACK_REGION = "000000000000", "us-east-1"
"""The account and region of ARNs made in a store that has none."""


@dataclass(frozen=True, slots=True)
class Serve:
    """How to serve.

    Attributes:
        host: The address to listen on.
        port: The port; 0 for any that is free.
        account: That ARNs are made with; None for the store's own.
        region: Of requests that tell none; None for the one that most of the store is of.
        limits: False if AWS's limits are to hold for nobody.
        credentials: The file of access keys, or None.
        insecure: True to let others in without credentials.
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
    """Where a server listens, and what it has to tell.

    Attributes:
        url: Its address.
        account: That ARNs are made with.
        regions: Of which there is lineage of that account.
    """

    url: str
    account: str
    regions: Sequence[str]


def serve(
    opened: Callable[[], Store],
    how: Serve,
    listening: Callable[[Listening], None],
    *,
    metrics_at: tuple[str, int] | None,
    log_format: str,
    log_level: str,
) -> None:
    """Serve until SIGTERM or Ctrl-C; what is in hand then is finished.

    Args:
        opened: Opens the store, at the newest schema.
        how: How to serve.
        listening: Is told where it listens.
        metrics_at: Where to serve metrics of the server itself, if at all.
        log_format: As `set_up_logs` takes it.
        log_level: Likewise.

    Raises:
        Refused: The port, the credentials or the certificate cannot be had.
        Unusable, Unavailable: The store cannot be used.
    """
    set_up_logs(log_format, log_level)
    if not (_is_loopback(how.host) or how.credentials or how.insecure):
        raise Refused(
            f"{how.host} can be reached from elsewhere: say --credentials FILE, so that callers have to sign, or "
            "--insecure to let everybody read and write"
        )
    credentials = _credentials(how.credentials) if how.credentials else None
    if how.tls:
        _check_tls(*how.tls)
    with opened() as store:
        catch_up(store)
        places = entity_records.places(store)
        account = how.account or (places[0][0] if places else NO_ACCOUNT)
        regions = [region for owner, region in places if owner == account]
        settings = Settings(
            account=account,
            region=how.region or next(iter(regions), FALLBACK_REGION),
            verifier=Verifier(credentials, account) if credentials else None,
            hosts=names(how),
            limits=how.limits,
        )

        def listens(url: str) -> None:
            listening(Listening(url, account, regions))

        with answering(store, settings) as app, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serving(app, how, listens, metrics_at, StoreHealth(store)))


def names(how: Serve) -> tuple[str, ...] | None:
    """The names by which a server may be called; None for all.

    Where nobody has to sign they are this machine's own: a page in a browser has another.
    """
    if how.credentials or not _is_loopback(how.host):
        return None
    return ("localhost", "127.0.0.1", "[::1]", how.host)


@contextmanager
def answering(store: Store, settings: Settings) -> Iterator[Starlette]:
    """The application that answers requests; what it was asked to write is written when it ends.

    Args:
        store: At the newest schema.
        settings: How requests are answered.
    """
    with ThreadPoolExecutor(THREADS, "api") as threads, closing(Writer(store)) as writer:
        yield application(Service(store, writer, Descriptions(store)), settings, threads, _handled, _failed)


def server(app: Starlette, tls: tuple[Path, Path] | None = None) -> uvicorn.Server:
    """The server of an application, which leaves signals to its caller.

    Args:
        app: The application.
        tls: The files of a certificate and of its key, or None.
    """
    certificate, key = tls or (None, None)
    return _Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=GRACE,
            lifespan="off",
            http=_Connection,
            ws="none",
            ssl_certfile=certificate,
            ssl_keyfile=key,
        )
    )


async def _serving(
    app: Starlette,
    how: Serve,
    listening: Callable[[str], None],
    metrics_at: tuple[str, int] | None,
    health: metrics.Health,
) -> None:
    async with AsyncExitStack() as leaving:
        leaving.callback(metrics_served(metrics_at, health))
        stop = await leaving.enter_async_context(stopping())
        listener = leaving.enter_context(_listener(how.host, how.port))
        web = server(app, how.tls)
        serving = asyncio.create_task(web.serve(sockets=[listener]))
        told = asyncio.create_task(stop.wait())
        while not web.started and not serving.done():  # noqa: ASYNC110  # uvicorn tells it in no other way
            await asyncio.sleep(0.01)
        host, port = listener.getsockname()[:2]
        listening(f"http{'s' if how.tls else ''}://{f'[{host}]' if ':' in host else host}:{port}")
        await asyncio.wait({serving, told}, return_when=asyncio.FIRST_COMPLETED)
        web.should_exit = True
        await serving
        told.cancel()


class StoreHealth(metrics.Health):
    """The server can do its work while the store answers: it is asked each time, as nobody else might ask."""

    def __init__(self, store: Store) -> None:
        super().__init__()
        self._store = store

    def look(self) -> str | None:
        """Why the store does not answer; None if it does."""
        try:
            self._store.read(lambda tx: entity_records.find(tx, ""))
        except (Unavailable, Unusable) as why:
            return str(why)
        return None


class _Connection(HttpToolsProtocol):
    """uvicorn's connection, which waits for no goodbye."""

    def shutdown(self) -> None:
        """End it, now if nothing is in hand: over TLS an idle client would be given 30 s to agree."""
        super().shutdown()
        if self.transport.is_closing():
            self.transport.abort()


class _Server(uvicorn.Server):
    """uvicorn's server, which leaves signals to us."""

    def capture_signals(self) -> AbstractContextManager[None]:  # type: ignore[override]  # a generator there
        """Leave them."""
        return nullcontext()


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


def _handled(one: Handled) -> None:
    """One line for each request, and its numbers."""
    metrics.REQUESTS.labels(one.operation or "none", one.code or "ok").inc()
    metrics.REQUEST_SECONDS.labels(one.operation or "none").observe(one.seconds)
    log.info(
        "request",
        operation=one.operation,
        status=one.status,
        code=one.code,
        ms=round(one.seconds * 1000, 1),
        bytes=one.size,
        who=one.who,
        client=one.client,
        id=one.request_id,
    )


def _failed(request_id: str, why: Exception) -> None:
    if isinstance(why, Unavailable):
        metrics.STORE_OUTAGES.inc()
    log.error("request failed", id=request_id, exc_info=why)
