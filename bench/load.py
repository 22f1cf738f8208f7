"""Clients that call a server without pause, at little cost: sockets and prepared requests, in one thread."""

from __future__ import annotations

import selectors
import socket
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack
from time import perf_counter
from typing import Any, NamedTuple

import msgspec

Client = Generator[bytes, bytes, None]
"""The requests of one client; each may depend on the response to the one before."""

# moto reads the service and the region from it; Headwater requires no signatures here.
_SIGNED = (
    "AWS4-HMAC-SHA256 Credential=bench/20240301/us-west-2/sagemaker/aws4_request, "
    "SignedHeaders=host;x-amz-date, Signature=0"
)


class BadResponse(Exception):
    """The status of a response was not 200; the message is the response."""


class Load(NamedTuple):
    """How fast requests were handled.

    Attributes:
        rate: Responses per second.
        seconds: How long each took.
    """

    rate: float
    seconds: Sequence[float]


class _Connection:
    """A client's connection, with one request at a time."""

    def __init__(self, port: int, client: Client, waiting: selectors.BaseSelector) -> None:
        self._port, self._client, self._waiting = port, client, waiting
        self._connection = _connected(port)
        waiting.register(self._connection, selectors.EVENT_READ, self)
        self._received = b""
        self._send(next(client))

    def receive(self) -> float | None:
        """Receive some bytes. When they complete a response, send the next request and return the seconds it took."""
        self._received += _received(self._connection)
        response = _response(self._received)
        if response is None:
            return None
        seconds = perf_counter() - self._begun
        self._received = b""
        if response.last:  # always so with moto's server
            self.close()
            self._connection = _connected(self._port)
            self._waiting.register(self._connection, selectors.EVENT_READ, self)
        self._send(self._client.send(response.body))
        return seconds

    def close(self) -> None:
        """Close the connection."""
        self._waiting.unregister(self._connection)
        self._connection.close()

    def _send(self, content: bytes) -> None:
        self._begun = perf_counter()
        self._connection.sendall(content)


def request(operation: str, parameters: Any, *, unlimited: bool = False) -> bytes:
    """A request of SageMaker's API."""
    body = msgspec.json.encode(parameters)
    head = (
        "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-amz-json-1.1\r\n"
        f"X-Amz-Target: SageMaker.{operation}\r\nAuthorization: {_SIGNED}\r\nContent-Length: {len(body)}\r\n"
    )
    return f"{head}{'x-headwater-limits: none' if unlimited else 'accept: */*'}\r\n\r\n".encode() + body


def repeated(requests: Sequence[bytes], client: int) -> Client:
    """The same requests without end; each client begins at another one."""
    place = client * 7
    while True:
        yield requests[place % len(requests)]
        place += 1


def load(port: int, client: Callable[[int], Client], *, clients: int, seconds: float, warm_up: float = 0.5) -> Load:
    """Clients of a server on this machine, each with one request at a time on a connection of its own.

    Args:
        port: The server's.
        client: Number of a client -> its requests.
        clients: How many.
        seconds: For how long; longer if that is too short for as many responses as there are clients.
        warm_up: For how long before that, in seconds, requests are sent but not counted.

    Raises:
        BadResponse: A request failed.
    """
    taken: list[float] = []
    with selectors.DefaultSelector() as waiting, ExitStack() as leaving:
        for number in range(clients):
            leaving.callback(_Connection(port, client(number), waiting).close)
        begin = perf_counter() + warm_up
        while (now := perf_counter()) < begin + seconds or len(taken) < clients:
            for key, _ in waiting.select(1):
                took = key.data.receive()
                if took is not None and perf_counter() >= begin:
                    taken.append(took)
    return Load(len(taken) / (now - begin), taken)


def sent(port: int, content: bytes) -> bytes:
    """The response to one request.

    Raises:
        BadResponse: The request failed.
    """
    with _connected(port) as connection:
        connection.sendall(content)
        received = b""
        while (response := _response(received)) is None:
            received += _received(connection)
        return response.body


def _connected(port: int) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def _received(connection: socket.socket) -> bytes:
    some = connection.recv(1 << 20)
    if not some:
        raise BadResponse("the server closed the connection")
    return some


class _Response(NamedTuple):
    """A response, and whether the server closes the connection after it."""

    body: bytes
    last: bool


def _response(received: bytes) -> _Response | None:
    """The response; None while it is incomplete."""
    head, end, body = received.partition(b"\r\n\r\n")
    head = head.lower()
    if not end or len(body) < int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0]):
        return None
    if not head.startswith(b"http/1.1 200"):
        raise BadResponse(body[:1000].decode())
    return _Response(body, b"connection: close" in head)
