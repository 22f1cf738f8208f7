"""Events to test with: real ones from files, and how to make others."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

HERE = Path(__file__).parents[1]
ABALONE = HERE / "cases" / "abalone" / "events.jsonl"
"""The events of a real pipeline run."""
ABALONE_PACKAGE = "arn:aws:sagemaker:us-west-2:000000000000:model-package/abalonemodelpackagegroupname/1"
"""The model package that this run registers."""
SAMPLES = HERE / "events"
"""A sample of every kind of event, a file each (origins: events/README.md)."""
REGION = "us-east-1"
ACCOUNT = "111122223333"
PARTITION = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:"
NOON = 1_700_000_000_000
"""A round time, in epoch milliseconds."""


@cache
def abalone() -> tuple[bytes, ...]:
    """The events of a real pipeline run, in the order of time."""
    return case_events("abalone")


def case_events(name: str) -> tuple[bytes, ...]:
    """The events of a case."""
    return tuple((HERE / "cases" / name / "events.jsonl").read_bytes().splitlines())


@cache
def samples() -> dict[str, bytes]:
    """Samples of every kind of event, by the name of their file (origins: events/README.md)."""
    return {path.stem: path.read_bytes() for path in sorted((HERE / "events").glob("*.json"))}


def event(kind: str, detail: dict[str, Any], *, time: int | None = NOON, resources: Sequence[str] = ()) -> bytes:
    """An EventBridge event about something in `ACCOUNT`; `kind` is its detail-type without SageMaker's name."""
    envelope: dict[str, Any] = {
        "version": "0",
        "id": "0bd4a141-0a02-9d8a-f977-3924c3fb259c",
        "detail-type": f"SageMaker {kind}",
        "source": "aws.sagemaker",
        "account": ACCOUNT,
        "region": REGION,
        "resources": list(resources),
        "detail": {name: value for name, value in detail.items() if value is not None},
    }
    if time is not None:
        envelope["time"] = iso(time)
    return json.dumps(envelope).encode()


def call(
    name: str,
    asked: dict[str, Any],
    answered: dict[str, Any] | None = None,
    *,
    time: int = NOON,
    who: str = f"arn:aws:sts::{ACCOUNT}:assumed-role/data-science/ada",
    **more: Any,
) -> bytes:
    """A call of SageMaker's API as CloudTrail records it; its times are in whole seconds."""
    detail = {
        "eventVersion": "1.09",
        "userIdentity": {"type": "AssumedRole", "arn": who, "accountId": ACCOUNT},
        "eventTime": iso(time // 1000 * 1000).replace(".000", ""),
        "eventSource": "sagemaker.amazonaws.com",
        "eventName": name,
        "awsRegion": REGION,
        "requestParameters": asked,
        "responseElements": answered,
        "eventType": "AwsApiCall",
        "recipientAccountId": ACCOUNT,
        **more,
    }
    return event("AWS API Call via CloudTrail", detail, time=time).replace(b'"SageMaker AWS', b'"AWS')


def answer(operation: str, response: dict[str, Any], *, arn: str, time: int = NOON) -> bytes:
    """A description that SageMaker gave, as the event that the ledger keeps."""
    body = event("", {"Operation": operation, "Response": response}, time=time, resources=[arn])
    return body.replace(b'"SageMaker "', b'"Headwater Description"').replace(b'"aws.sagemaker"', b'"headwater"')


def iso(milliseconds: int) -> str:
    """A time as EventBridge's envelope spells it."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def again(body: bytes, later: int, number: int = 0) -> bytes:
    """The same event under another id, in an envelope that is some milliseconds later if it has a time."""
    copy = json.loads(body)
    copy["id"] = f"00000000-0000-4000-8000-{number:012d}"
    when = copy.get("time")
    if when:
        before = int(when) if when.isdigit() else int(datetime.fromisoformat(when).timestamp() * 1000)
        copy["time"] = iso(before + later)
    return json.dumps(copy).encode()
