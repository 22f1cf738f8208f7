"""Clients that ask a server again and again, and cost it little: sockets and ready-made requests, in one thread."""

from __future__ import annotations

import selectors
import socket
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack
from time import perf_counter
from typing import Any, NamedTuple

import msgspec

Talk = Generator[bytes, bytes, None]
"""What one client says: requests, each with a look at the answer to the one before."""

# moto finds the service and the region in it; Headwater has nobody sign here.
_SIGNED = (
    "AWS4-HMAC-SHA256 Credential=bench/20240301/us-west-2/sagemaker/aws4_request, "
    "SignedHeaders=host;x-amz-date, Signature=0"
)


class BadAnswer(Exception):
    """A server answered with something else than 200; the message is its answer."""


class Load(NamedTuple):
    """What became of requests.

    Attributes:
        rate: How many were answered in a second.
        seconds: How long each took.
    """

    rate: float
    seconds: Sequence[float]


class _Client:
    """A client with one request at a time."""

    def __init__(self, port: int, talk: Talk, waiting: selectors.BaseSelector) -> None:
        self._port, self._talk, self._waiting = port, talk, waiting
        self._connection = _connected(port)
        waiting.register(self._connection, selectors.EVENT_READ, self)
        self._heard = b""
        self._say(next(talk))

    def listen(self) -> float | None:
        """Take what comes; when it is an answer, ask for more and tell the seconds that it took."""
        self._heard += _received(self._connection)
        answer = _answer(self._heard)
        if answer is None:
            return None
        seconds = perf_counter() - self._begun
        self._heard = b""
        if answer.last:  # as moto's server says each time
            self.close()
            self._connection = _connected(self._port)
            self._waiting.register(self._connection, selectors.EVENT_READ, self)
        self._say(self._talk.send(answer.body))
        return seconds

    def close(self) -> None:
        """Hang up."""
        self._waiting.unregister(self._connection)
        self._connection.close()

    def _say(self, said: bytes) -> None:
        self._begun = perf_counter()
        self._connection.sendall(said)


def request(operation: str, parameters: Any, *, unlimited: bool = False) -> bytes:
    """A request of SageMaker's API."""
    body = msgspec.json.encode(parameters)
    head = (
        "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-amz-json-1.1\r\n"
        f"X-Amz-Target: SageMaker.{operation}\r\nAuthorization: {_SIGNED}\r\nContent-Length: {len(body)}\r\n"
    )
    return f"{head}{'x-headwater-limits: none' if unlimited else 'accept: */*'}\r\n\r\n".encode() + body


def repeated(requests: Sequence[bytes], client: int) -> Talk:
    """The same requests for ever; each client begins at another one."""
    place = client * 7
    while True:
        yield requests[place % len(requests)]
        place += 1


def load(port: int, talk: Callable[[int], Talk], *, clients: int, seconds: float, unheard: float = 0.5) -> Load:
    """Clients that ask a server on this machine, each with one request at a time on a connection of its own.

    Args:
        port: The server's.
        talk: Number of a client -> what it says.
        clients: How many.
        seconds: For how long, and longer where that is too short for as many answers as there are clients.
        unheard: How long before that they ask already.

    Raises:
        BadAnswer: One was not granted.
    """
    taken: list[float] = []
    with selectors.DefaultSelector() as waiting, ExitStack() as leaving:
        for number in range(clients):
            leaving.callback(_Client(port, talk(number), waiting).close)
        begin = perf_counter() + unheard
        while (now := perf_counter()) < begin + seconds or len(taken) < clients:
            for key, _ in waiting.select(1):
                took = key.data.listen()
                if took is not None and perf_counter() >= begin:
                    taken.append(took)
    return Load(len(taken) / (now - begin), taken)


def ask(port: int, said: bytes) -> bytes:
    """The answer to one request.

    Raises:
        BadAnswer: It was not granted.
    """
    with _connected(port) as connection:
        connection.sendall(said)
        heard = b""
        while (answer := _answer(heard)) is None:
            heard += _received(connection)
        return answer.body


def _connected(port: int) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def _received(connection: socket.socket) -> bytes:
    some = connection.recv(1 << 20)
    if not some:
        raise BadAnswer("the server hung up")
    return some


class _Answer(NamedTuple):
    """An answer, and whether the server hangs up after it."""

    body: bytes
    last: bool


def _answer(heard: bytes) -> _Answer | None:
    """The answer, when all of it is there."""
    head, end, body = heard.partition(b"\r\n\r\n")
    head = head.lower()
    if not end or len(body) < int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0]):
        return None
    if not head.startswith(b"http/1.1 200"):
        raise BadAnswer(body[:1000].decode())
    return _Answer(body, b"connection: close" in head)
