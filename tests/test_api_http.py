"""Bad clients: half requests, garbage, slow and greedy ones. Each gets an error, and none delays another."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from consumers.api.app import ClientLimits
from tests.support.api_server import SETTINGS, Api, served
from tests.support.laws import scaled
from tests.support.stores import sqlite_store

TARGET = {"X-Amz-Target": "SageMaker.ListContexts"}


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """A server with low limits that answers to any host name."""
    store = sqlite_store(tmp_path_factory.mktemp("narrow") / "store.db")
    limits = ClientLimits(body=100_000, seconds=0.3, waiting=4)
    with served(store, msgspec.structs.replace(SETTINGS, client_limits=limits)) as api:
        yield api
    store.close()


def send(
    api: Api,
    body: bytes | str | None = b"{}",
    *,
    method: str = "POST",
    path: str = "/",
    headers: dict[str, str] | None = None,
) -> tuple[int, dict[str, Any]]:
    """The status, and the response if it is JSON."""
    connection = http.client.HTTPConnection("127.0.0.1", api.port, timeout=30)
    try:
        connection.request(method, path, body, TARGET if headers is None else headers)
        response = connection.getresponse()
        text = response.read()
        content_type = response.headers["content-type"] or ""
        return response.status, json.loads(text) if "json" in content_type else {"text": text.decode()}
    finally:
        connection.close()


def raw(api: Api, *pieces: bytes, end: bool = False) -> bytes:
    """The whole response to some bytes, until the server closes the connection."""
    with socket.create_connection(("127.0.0.1", api.port), timeout=30) as connection:
        for piece in pieces:
            connection.sendall(piece)
        if end:
            connection.shutdown(socket.SHUT_WR)
        found = b""
        while some := connection.recv(65536):
            found += some
        return found


def is_well(api: Api) -> bool:
    """True if another client gets a response."""
    return send(api)[0] == 200


def test_the_error_for_a_request_without_a_target_names_the_operations(api: Api) -> None:
    for headers in ({}, {"X-Amz-Target": ""}, {"X-Amz-Target": "SageMaker."}, {"X-Amz-Target": "SageMaker.Fly"}):
        status, response = send(api, headers=headers)
        assert (status, response["__type"]) == (400, "UnknownOperationException")
        assert "it has AddAssociation, AddTags, " in response["message"]


@pytest.mark.parametrize(
    "body",
    [
        b"{", b"[]", b"7", b'"text"', b"null", b"nonsense", b"\xff\xfe", b'{"a": NaN}', b"{}{}", b'{"SortOrder": 1}',
        b"[" * 50_000, b'{"a":' * 20_000, b'{"NextToken": "\xed\xa0\x80"}', b'{"SortBy": {"a": []}}',
    ],
)  # fmt: skip
def test_a_body_that_is_not_what_it_should_be_is_refused(api: Api, body: bytes) -> None:
    status, response = send(api, body)

    assert (status, response["__type"]) == (400, "SerializationException")
    assert response["message"]
    assert is_well(api)


def test_an_empty_body_is_a_request_without_members(api: Api) -> None:
    assert send(api, b"") == send(api, None) == (200, {"ContextSummaries": []})


@pytest.mark.parametrize("kind", ["text/plain", "application/x-amz-json-1.0", "multipart/form-data", "", "\xff"])
def test_the_kind_of_content_does_not_matter(api: Api, kind: str) -> None:
    assert send(api, headers={**TARGET, "Content-Type": kind})[0] == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 200),
        ("GET", "/health", 200),
        ("PUT", "/", 405),
        ("DELETE", "/", 405),
        ("TRACE", "/", 405),
        ("PATCH", "/BatchPutMetrics", 405),
        ("GET", "/BatchGetMetrics", 405),
        ("POST", "/nowhere", 404),
        ("GET", "/../../etc/passwd", 404),
        ("POST", "/%00", 404),
        ("POST", "/BatchPutMetrics/", 404),
        ("OPTIONS", "/", 405),
    ],
)
def test_other_methods_and_paths_are_refused(api: Api, method: str, path: str, status: int) -> None:
    assert send(api, b"", method=method, path=path)[0] in (status, 307)
    assert is_well(api)


def test_a_response_has_the_id_of_its_request(api: Api) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", api.port, timeout=30)
    seen = set()
    for body in (b"{}", b"{"):
        connection.request("POST", "/", body, TARGET)
        response = connection.getresponse()
        response.read()
        assert response.headers["content-type"] == "application/x-amz-json-1.1"
        seen.add(response.headers["x-amzn-requestid"])
        assert response.headers["x-amzn-errortype"] == (None if body == b"{}" else "SerializationException")
    connection.close()
    assert len(seen) == 2


def test_http_1_0_is_understood(api: Api) -> None:
    response = raw(api, b"POST / HTTP/1.0\r\nX-Amz-Target: SageMaker.ListContexts\r\nContent-Length: 2\r\n\r\n{}")

    assert response.startswith(b"HTTP/1.1 200 OK\r\n")
    assert response.endswith(b'{"ContextSummaries":[]}')


def test_a_client_that_waits_for_continue_gets_it(api: Api) -> None:
    with socket.create_connection(("127.0.0.1", api.port), timeout=30) as connection:
        connection.sendall(
            b"POST / HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: SageMaker.ListContexts\r\n"
            b"Expect: 100-continue\r\nContent-Length: 2\r\nConnection: close\r\n\r\n"
        )
        assert connection.recv(1000).startswith(b"HTTP/1.1 100 Continue\r\n")
        connection.sendall(b"{}")
        found = b""
        while some := connection.recv(1000):
            found += some
    assert found.startswith(b"HTTP/1.1 200 OK\r\n")


def test_a_body_may_come_in_chunks_and_requests_one_after_the_other(api: Api) -> None:
    head = b"POST / HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: SageMaker.ListContexts\r\n"
    chunked = head + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n"
    last = head + b"Connection: close\r\nContent-Length: 2\r\n\r\n{}"

    assert raw(api, chunked * 3 + last).count(b"HTTP/1.1 200 OK\r\n") == 4


@pytest.mark.parametrize(
    "rubbish",
    [
        b"\0" * 1000,
        b"nonsense\r\n\r\n",
        b"POST / HTTP/9.9\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: minus\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
def test_what_is_no_http_is_refused(api: Api, rubbish: bytes) -> None:
    response = raw(api, rubbish, end=True)
    assert response == b"" or response.startswith(b"HTTP/1.1 400 ")
    assert is_well(api)


@pytest.mark.parametrize("host", ["[", "]:1", "a b", "\xff", ":", "x:99999999", "", "[::1", "@", "http://x/"])
def test_a_name_that_is_none_makes_no_failure(narrow: Api, host: str) -> None:
    headers = {"Host": host, **TARGET}
    assert send(narrow, headers=headers)[0] in (200, 400)
    assert send(narrow, headers={"Host": host}, method="PUT", path="/BatchPutMetrics")[0] == 400
    assert send(narrow, headers={"Host": host}, method="GET")[0] in (200, 400)


def test_a_body_that_is_too_large_is_refused_and_read_no_further(narrow: Api) -> None:
    status, response = send(narrow, b'{"NextToken": "%s"}' % (b"x" * 120_000))

    assert (status, response["__type"]) == (413, "RequestEntityTooLargeException")
    assert response["message"] == "The request has more than 100,000 bytes"
    assert is_well(narrow)


def test_a_slow_body_times_out_and_delays_no_other_client(narrow: Api) -> None:
    with socket.create_connection(("127.0.0.1", narrow.port), timeout=30) as slow:
        slow.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{")
        assert is_well(narrow)
        response = slow.recv(65536)
    assert response.startswith(b"HTTP/1.1 408 ")
    assert b"RequestTimeoutException" in response


def test_half_a_request_delays_no_other_client(narrow: Api) -> None:
    head = b"POST / HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: SageMaker.ListContexts\r\n"
    halves = []
    for half in (b"", b"POST", head, head + b"Content-Length: 100\r\n\r\n{") * 5:
        one = socket.create_connection(("127.0.0.1", narrow.port), timeout=30)
        one.sendall(half)
        if half.endswith(b"{"):
            one.close()  # gone in the middle of its body
        else:
            halves.append(one)
    assert is_well(narrow)
    for one in halves:
        one.close()
    assert is_well(narrow)


def test_a_request_beyond_the_limit_is_throttled(narrow: Api) -> None:
    waiting = [socket.create_connection(("127.0.0.1", narrow.port), timeout=30) for _ in range(4)]
    for one in waiting:
        one.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n{")
    answers: list[tuple[int, dict[str, Any]]] = []
    while not answers or answers[-1][0] == 200:  # until all four are inside, which only a refusal shows
        answers.append(send(narrow))
    for one in waiting:
        one.close()

    assert answers[-1][0] == 400
    assert answers[-1][1]["__type"] == "ThrottlingException"


def test_a_client_that_does_not_read_delays_no_other_client(api: Api) -> None:
    silent = socket.create_connection(("127.0.0.1", api.port), timeout=30)
    one = b"POST / HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: SageMaker.Fly\r\nContent-Length: 2\r\n\r\n{}"
    sending = threading.Thread(target=lambda: _send(silent, one * 20_000))
    sending.start()
    with ThreadPoolExecutor(4) as others:
        assert all(others.map(lambda _: is_well(api), range(20)))
    silent.shutdown(socket.SHUT_RDWR)
    silent.close()
    sending.join()


def _send(connection: socket.socket, data: bytes) -> None:
    with suppress(OSError):  # hung up
        connection.sendall(data)


@pytest.mark.law
@settings(max_examples=scaled(60), suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.binary(max_size=60),
    st.dictionaries(st.sampled_from(["X-Amz-Target", "Authorization", "Host", "X-A"]), st.binary(max_size=20)),
)
def test_no_bytes_make_the_server_fail(narrow: Api, body: bytes, headers: dict[str, bytes]) -> None:
    head = b"".join(b"%s: %s\r\n" % (name.encode(), value) for name, value in headers.items())

    response = raw(
        narrow,
        b"POST / HTTP/1.1\r\nConnection: close\r\n%sContent-Length: %d\r\n\r\n%s" % (head, len(body), body),
        end=True,
    )

    assert not response.startswith(b"HTTP/1.1 5")
