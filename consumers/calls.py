"""Calls of SageMaker's API, as CloudTrail records them: who asked for what, and when.

A record says what was asked for, in lowerCamel at every level, and an answer that holds little but ARNs (CAPTURE A3).
A call that was refused changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from consumers.known import CREATED_BY, DELETED, MODIFIED_BY, Kind, Known
from consumers.telling import TELLINGS, Where, observed
from ingest.event import Event, Malformed, milliseconds

_SERVICE = ".amazonaws.com"


class SessionIssuer(msgspec.Struct, frozen=True, rename="camel"):
    """The role behind a session."""

    arn: str | None = None


class UserIdentity(msgspec.Struct, frozen=True, rename="camel"):
    """Who called."""

    arn: str | None = None
    principal_id: str | None = None
    user_name: str | None = None
    invoked_by: str | None = None


class Record(msgspec.Struct, frozen=True, rename="camel"):
    """A record of CloudTrail, as far as it is read."""

    event_name: str | None = None
    event_source: str | None = None
    event_time: str | int | float | None = None
    aws_region: str | None = None
    recipient_account_id: str | None = None
    error_code: str | None = None
    request_parameters: dict[str, Any] | None = None
    response_elements: dict[str, Any] | None = None
    user_identity: UserIdentity = UserIdentity()


@dataclass(frozen=True, slots=True)
class Made:
    """A call that was granted.

    Attributes:
        asked: What was asked for, with SageMaker's names; what the answer adds to it is there as well.
        where: The account and region, and the ARNs that the record names.
        time: When, in epoch milliseconds.
        by: Who called: the ARN of an identity, or empty.
    """

    asked: Mapping[str, Any]
    where: Where
    time: int
    by: str


Call = Callable[[Made], tuple[Known, ...]]
"""What a call tells, the resource that it is about first."""


def creates(kind: Kind) -> Call:
    """A call that makes a resource, told with the names of its description."""

    def tell(made: Made) -> tuple[Known, ...]:
        return told(kind, made, {**made.asked, CREATED_BY: made.by}, begins=True)

    return tell


def updates(kind: Kind) -> Call:
    """A call that changes a resource, told with the names of its description."""

    def tell(made: Made) -> tuple[Known, ...]:
        return told(kind, made, {**made.asked, MODIFIED_BY: made.by})

    return tell


def deletes(kind: Kind) -> Call:
    """A call that deletes a resource: what was known of it stays, and that it ended then."""

    def tell(made: Made) -> tuple[Known, ...]:
        return told(kind, made, {**made.asked, DELETED: made.time, MODIFIED_BY: made.by})

    return tell


def told(kind: Kind, made: Made, fields: Mapping[str, Any], *, begins: bool = False) -> tuple[Known, ...]:
    """What fields tell of a resource of a kind, at the time of a call."""
    return observed(TELLINGS[kind], msgspec.json.encode(fields), made.where, made.time, begins=begins, own_time=True)


CALLS: Mapping[str, Call] = {
    "CreateTrainingJob": creates(Kind.TRAINING_JOB),
    "StopTrainingJob": updates(Kind.TRAINING_JOB),
    "DeleteTrainingJob": deletes(Kind.TRAINING_JOB),
    "CreateProcessingJob": creates(Kind.PROCESSING_JOB),
    "StopProcessingJob": updates(Kind.PROCESSING_JOB),
    "DeleteProcessingJob": deletes(Kind.PROCESSING_JOB),
    "CreateTransformJob": creates(Kind.TRANSFORM_JOB),
    "StopTransformJob": updates(Kind.TRANSFORM_JOB),
    "CreateModel": creates(Kind.MODEL),
    "DeleteModel": deletes(Kind.MODEL),
    "CreateModelPackageGroup": creates(Kind.MODEL_PACKAGE_GROUP),
    "DeleteModelPackageGroup": deletes(Kind.MODEL_PACKAGE_GROUP),
    "CreateEndpointConfig": creates(Kind.ENDPOINT_CONFIG),
    "DeleteEndpointConfig": deletes(Kind.ENDPOINT_CONFIG),
    "CreateEndpoint": creates(Kind.ENDPOINT),
    "DeleteEndpoint": deletes(Kind.ENDPOINT),
    "CreateFeatureGroup": creates(Kind.FEATURE_GROUP),
    "DeleteFeatureGroup": deletes(Kind.FEATURE_GROUP),
}
"""What calls tell, by name; those of another service are named `<service> <operation>`."""

_decoder = msgspec.json.Decoder(Record)


def observe(event: Event) -> tuple[Known, ...]:
    """What a recorded call tells; nothing if it was refused, or tells nothing that lineage needs.

    Raises:
        Malformed: The record cannot be read, or does not say what the call was about.
    """
    record = _read(event)
    call = CALLS.get(_name(record))
    if call is None or record.error_code:
        return ()
    when = milliseconds(record.event_time, "eventTime") if record.event_time else event.time
    if when is None:
        raise Malformed("tells no time: neither eventTime in its record nor a time in its envelope")
    asked = {**pascal(record.request_parameters or {}), **pascal(record.response_elements or {})}
    where = Where(record.recipient_account_id or event.account, record.aws_region or event.region, event.resources)
    return call(Made(asked, where, when, record.user_identity.arn or ""))


def named(event: Event) -> str:
    """The name of a recorded call; of another service than SageMaker with the service before it.

    Raises:
        Malformed: The record cannot be read.
    """
    return _name(_read(event))


def _name(record: Record) -> str:
    name = (record.event_name or "unnamed")[:100]
    service = (record.event_source or "sagemaker").removesuffix(_SERVICE)[:100]
    return name if service == "sagemaker" else f"{service} {name}"


def _read(event: Event) -> Record:
    try:
        return _decoder.decode(event.detail)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as why:
        raise Malformed(f"not a record of CloudTrail: {why}") from why


MAPS = frozenset(
    {
        "customerMetadataProperties",
        "environment",
        "hyperParameters",
        "inputArtifacts",
        "outputArtifacts",
        "parameters",
        "properties",
        "staticHyperParameters",
    }
)
"""Members whose keys are not SageMaker's but their users', and stay as they are."""


def pascal(value: Any, *, keys: bool = True) -> Any:
    """A JSON value with SageMaker's names: lowerCamel keys begin with a capital, at every level.

    Args:
        value: As CloudTrail records it.
        keys: False if its own keys are data.
    """
    if isinstance(value, dict):
        return {
            name[:1].upper() + name[1:] if keys else name: pascal(inner, keys=not (keys and name in MAPS))
            for name, inner in value.items()
        }
    if isinstance(value, list):
        return [pascal(inner) for inner in value]
    return value
