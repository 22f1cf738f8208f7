"""What SageMaker answered when it was asked: kept as events of our own, so that a replay asks nobody."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from consumers.known import Kind, Known
from consumers.telling import TELLINGS, Where, observed
from ingest.event import Event, Malformed


class Answer(msgspec.Struct, frozen=True, rename="pascal"):
    """What was asked, and what came back."""

    operation: str | None = None
    response: msgspec.Raw = msgspec.Raw()


Reading = Callable[[Event, msgspec.Raw], tuple[Known, ...]]
"""What an answer tells, the resource that it is about first."""


def describes(kind: Kind) -> Reading:
    """An answer that describes a resource as its events do."""

    def read(event: Event, response: msgspec.Raw) -> tuple[Known, ...]:
        return observed(TELLINGS[kind], response, _where(event), event.time)

    return read


def _tags(event: Event, response: msgspec.Raw) -> tuple[Known, ...]:
    """Tags of whatever was asked about."""
    for arn in event.resources:
        part = arn.split(":", 5)[-1].partition("/")[0].lower()
        if part in _KINDS:
            return observed(TELLINGS[Kind(part)], response, _where(event), event.time)
    return ()


DESCRIBED_BY: Mapping[Kind, str] = {
    Kind.TRAINING_JOB: "DescribeTrainingJob",
    Kind.PROCESSING_JOB: "DescribeProcessingJob",
    Kind.TRANSFORM_JOB: "DescribeTransformJob",
    Kind.MODEL: "DescribeModel",
    Kind.MODEL_PACKAGE: "DescribeModelPackage",
    Kind.MODEL_PACKAGE_GROUP: "DescribeModelPackageGroup",
    Kind.ENDPOINT_CONFIG: "DescribeEndpointConfig",
    Kind.ENDPOINT: "DescribeEndpoint",
    Kind.FEATURE_GROUP: "DescribeFeatureGroup",
}
"""The operation that describes each kind of resource in the words of its events."""

ANSWERS: Mapping[str, Reading] = {
    **{operation: describes(kind) for kind, operation in DESCRIBED_BY.items()},
    "ListTags": _tags,
}
"""What answers tell, by the operation that was asked."""

_KINDS = {kind.value for kind in TELLINGS}
_decoder = msgspec.json.Decoder(Answer)


def observe(event: Event) -> tuple[Known, ...]:
    """What an answer tells.

    Raises:
        Malformed: It cannot be read, or does not say what it is about.
    """
    answer = _read(event)
    reading = ANSWERS.get(answer.operation or "")
    return reading(event, answer.response) if reading else ()


def operation(event: Event) -> str:
    """The operation that was asked.

    Raises:
        Malformed: The answer cannot be read.
    """
    return (_read(event).operation or "unnamed")[:100]


def _read(event: Event) -> Answer:
    try:
        answer = _decoder.decode(event.detail)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as why:
        raise Malformed(f"not an answer that was kept: {why}") from why
    if not bytes(answer.response).lstrip().startswith(b"{"):
        raise Malformed("not an answer that was kept: it has no Response that is an object")
    return answer


def _where(event: Event) -> Where:
    return Where(event.account, event.region, event.resources)
