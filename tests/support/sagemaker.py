"""A SageMaker in miniature, for the operations that moto lacks and for the failures that moto never has.

It knows what a test has put into it and nothing else. Every request and every answer is held against botocore's
description of the service, so that it cannot answer what AWS could not.
"""

from __future__ import annotations

import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

import botocore.session
import pytest
from botocore.validate import ParamValidator

from consumers.api.missing import missing
from consumers.resources import RESOURCE_TYPES
from ingest.sagemaker import ListedResource
from tests.support.aws import ROLE, arn_of

NOW = datetime(2024, 5, 17, 12, 0, 0, 250_000, UTC)
"""When SageMaker is asked."""

Fault = Literal["throttle", "deny", "fail", "hang up", "unknown"]

_FAULTS: Mapping[str, tuple[int, str, str]] = {
    "throttle": (400, "ThrottlingException", "Rate exceeded"),
    "deny": (400, "AccessDeniedException", "User is not authorized to perform this"),
    "fail": (500, "InternalFailure", "An internal error occurred"),
    "unknown": (400, "UnknownOperationException", "The requested operation is not supported"),
}


@cache
def service() -> Any:
    """Botocore's description of SageMaker."""
    return botocore.session.get_session().get_service_model("sagemaker")


def wrong(shape: Any, value: object) -> str:
    """What is wrong with a value of a shape; nothing if it is right."""
    return str(ParamValidator().validate(value, shape).generate_report())


LIST_OPERATIONS = {one.listed_by.name: one.listed_by for one in RESOURCE_TYPES.values() if one.listed_by}
"""The operations that list resources, by name."""


@dataclass(frozen=True, slots=True)
class _Answer:
    request: Mapping[str, Any]
    response: Mapping[str, Any]

    def fits(self, request: Mapping[str, Any]) -> bool:
        """Names are found without case, as by SageMaker."""
        return all(str(request.get(name, "")).lower() == str(value).lower() for name, value in self.request.items())


@dataclass(slots=True)
class _Trouble:
    operation: str | None
    fault: Fault
    left: int | None


class FakeSageMaker:
    """What was put into it, over JSON 1.1.

    Attributes:
        calls: How often each operation was called.
        requests: Each call, in order.
        page_size: The most items in an answer of List*.
        delay: Seconds that an answer takes.
        busiest: The most calls that were under way at a time.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.calls: Counter[str] = Counter()
        self.requests: list[tuple[str, dict[str, Any]]] = []
        self.page_size = 100
        self.delay = 0.0
        self.busiest = 0
        self._busy = 0
        self._answers: dict[str, list[_Answer]] = {}
        self._troubles: list[_Trouble] = []
        self._lock = threading.Lock()

    def answers(self, operation: str, response: Mapping[str, Any], **request: Any) -> None:
        """From now on, an operation answers this to requests that hold these parameters."""
        problem = wrong(service().operation_model(operation).output_shape, response)
        assert not problem, f"{operation} could not answer that: {problem}"
        self._answers.setdefault(operation, []).insert(0, _Answer(request, response))

    def has(self, listed_by: str, describe: str, response: Mapping[str, Any], **more: Any) -> str:
        """A resource exists: it can be described and is in the list.

        Args:
            listed_by: The operation that lists it.
            describe: The operation that describes it.
            response: What that answers.
            more: What the list has beside the fields of the description.

        Returns:
            Its ARN.
        """
        how = LIST_OPERATIONS[listed_by]
        operation = service().operation_model(describe)
        [parameter] = operation.input_shape.required_members
        arn = str(response[how.arn])
        name = response.get(parameter) or response.get(how.item_name) or arn
        for asked_with in {str(name), arn}:
            self.answers(describe, response, **{parameter: asked_with})
        item = service().operation_model(listed_by).output_shape.members[how.items].member
        self.lists(listed_by, {name: response[name] for name in item.members if name in response} | more)
        return arn

    def lists(self, operation: str, item: Mapping[str, Any], **request: Any) -> None:
        """Something is in a list, of those requests that hold these parameters."""
        items = LIST_OPERATIONS[operation].items
        for answer in self._answers.get(operation, ()):
            if answer.request == request:
                answer.response[items].append(item)
                return
        self.answers(operation, {items: [item]}, **request)

    def fault(self, fault: Fault, operation: str | None = None, times: int | None = None) -> None:
        """Have an operation, or all of them, fail so many times, or until `mend`."""
        self._troubles.append(_Trouble(operation, fault, times))

    def mend(self) -> None:
        """All operations work again."""
        self._troubles.clear()

    @contextmanager
    def _under_way(self) -> Iterator[None]:
        with self._lock:
            self._busy += 1
            self.busiest = max(self.busiest, self._busy)
        time.sleep(self.delay)
        yield
        with self._lock:
            self._busy -= 1

    def _answer(self, operation: str, request: dict[str, Any]) -> tuple[int, Mapping[str, Any]] | None:
        """The status and body of an answer; None to hang up."""
        with self._lock:
            self.calls[operation] += 1
            self.requests.append((operation, request))
            if fault := self._fault(operation):
                return _error(*_FAULTS[fault]) if fault != "hang up" else None
        if operation not in service().operation_names:
            return _error(*_FAULTS["unknown"])
        model = service().operation_model(operation)
        if problem := wrong(model.input_shape, request):
            return _error(400, "ValidationException", problem)
        for answer in self._answers.get(operation, ()):
            if answer.fits(request):
                return 200, self._page(operation, answer.response, request)
        if operation in LIST_OPERATIONS:
            return 200, {LIST_OPERATIONS[operation].items: []}
        refusal = missing(operation, str(next(iter(request.values()), "")))
        return _error(400, refusal.code, str(refusal))

    def _fault(self, operation: str) -> Fault | None:
        for trouble in self._troubles:
            if trouble.operation in (None, operation) and trouble.left != 0:
                if trouble.left:
                    trouble.left -= 1
                return trouble.fault
        return None

    def _page(self, operation: str, response: Mapping[str, Any], request: Mapping[str, Any]) -> Mapping[str, Any]:
        """What of an answer that is a list belongs on the page asked for."""
        lists = [name for name, value in response.items() if isinstance(value, list)]
        if "NextToken" not in service().operation_model(operation).input_shape.members or len(lists) != 1:
            return response
        items = list(response[lists[0]])
        after = request.get("CreationTimeAfter", request.get("CreatedAfter"))
        created = "StartTime" if any("StartTime" in item and "CreationTime" not in item for item in items) else None
        if after is not None:
            items = [item for item in items if _epoch(item[created or "CreationTime"]) > float(after)]
        if request.get("SortBy") in ("CreationTime", "CREATION_TIME"):
            items.sort(key=lambda item: _epoch(item[created or "CreationTime"]))
        start = int(request.get("NextToken", 0))
        end = start + min(request.get("MaxResults", self.page_size), self.page_size)
        more = {"NextToken": str(end)} if end < len(items) else {}
        return {**response, lists[0]: items[start:end], **more}


def _epoch(time: Any) -> float:
    return float(time.timestamp() if isinstance(time, datetime) else time)


def _error(status: int, code: str, message: str) -> tuple[int, Mapping[str, Any]]:
    return status, {"__type": code, "message": message}


def at(seconds: float) -> datetime:
    """A time on the day on which tests take place."""
    return datetime.fromtimestamp(1_700_000_000 + seconds, UTC)


@contextmanager
def fake_sagemaker() -> Iterator[FakeSageMaker]:
    """One with nothing in it, on a port of the loopback interface."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            operation = self.headers["X-Amz-Target"].removeprefix("SageMaker.")
            with fake._under_way():
                answer = fake._answer(operation, json.loads(body))
            if answer is None:
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            status, response = answer
            payload = json.dumps(response, default=_epoch).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """A client that has gone is nothing to log."""

    server = Server(("127.0.0.1", 0), Handler)
    fake = FakeSageMaker(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield fake
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def sagemaker(moto_server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeSageMaker]:
    """A SageMaker of the test's own; the environment leads every AWS client to it."""
    with fake_sagemaker() as fake:
        monkeypatch.setenv("AWS_ENDPOINT_URL", fake.url)
        yield fake


def response_in(answer: bytes) -> dict[str, Any]:
    """What SageMaker responded, in the event that `ingest` makes of an answer."""
    response: dict[str, Any] = json.loads(answer)["detail"]["Response"]
    return response


def models(sagemaker: FakeSageMaker, count: int, start: float = 0) -> list[str]:
    """The ARNs of models that were made a second apart, each with a tag."""
    made = []
    for number in range(count):
        name = f"Model-{number}"
        answer = {
            "ModelName": name,
            "ModelArn": arn_of(f"model/{name.lower()}"),
            "CreationTime": at(start + number),
            "PrimaryContainer": {"Image": "an.image/x:1", "ModelDataUrl": f"s3://bucket/{number}/model.tar.gz"},
        }
        made.append(sagemaker.has("ListModels", "DescribeModel", answer))
        sagemaker.answers("ListTags", {"Tags": [{"Key": "n", "Value": str(number)}]}, ResourceArn=made[-1])
    return made


def labeling_jobs(sagemaker: FakeSageMaker, count: int) -> list[ListedResource]:
    """Jobs that were made a second apart, put in last first."""
    made: list[ListedResource] = []
    for number in reversed(range(count)):
        name = f"Job-{number}"
        answer = {
            "LabelingJobName": name,
            "LabelingJobArn": arn_of(f"labeling-job/{name.lower()}"),
            "LabelingJobStatus": "Completed",
            "LabelCounters": {},
            "CreationTime": at(number),
            "LastModifiedTime": at(number + 60),
            "JobReferenceCode": "x",
            "InputConfig": {"DataSource": {"S3DataSource": {"ManifestS3Uri": "s3://b/in.manifest"}}},
            "OutputConfig": {"S3OutputPath": "s3://b/out"},
            "RoleArn": ROLE,
            "HumanTaskConfig": {
                "WorkteamArn": arn_of("workteam/private-crowd/us"),
                "UiConfig": {},
                "TaskTitle": "t",
                "TaskDescription": "d",
                "NumberOfHumanWorkersPerDataObject": 1,
                "TaskTimeLimitInSeconds": 60,
            },
        }
        arn = sagemaker.has("ListLabelingJobs", "DescribeLabelingJob", answer, WorkteamArn=arn_of("workteam/x/y"))
        made.insert(0, ListedResource(arn, name, round(at(number).timestamp() * 1000)))
    return made
