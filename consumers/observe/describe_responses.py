"""SageMaker's responses to describe requests: kept as events of our own, so that a replay calls no API."""

from __future__ import annotations

from typing import Any

import msgspec

from consumers.arns import kind_of
from consumers.observe.observation import observe_fields
from consumers.resources import DESCRIPTIONS, RESOURCE_TYPES
from consumers.resources.descriptions import TAGS
from consumers.resources.types import Envelope
from consumers.state import ResourceState
from ingest.event import Event, Malformed

_TAGS = TAGS.operation.name


class DescribeResponse(msgspec.Struct, frozen=True, rename="pascal"):
    """An operation that was called, and its response."""

    operation: str | None = None
    response: msgspec.Raw = msgspec.Raw()


def observe(event: Event) -> tuple[ResourceState, ...]:
    """What a response says of resources, the one that the request was about first.

    Raises:
        Malformed: It cannot be read, or does not say what it is about.
    """
    described = _read(event)
    name = described.operation or ""
    if name == _TAGS:
        return _tags(event, described.response)
    if name not in DESCRIPTIONS:
        return ()
    kind, description = DESCRIPTIONS[name]
    if not description.observed:
        return ()
    envelope = _envelope(event)
    if description.reading is None:
        return observe_fields(RESOURCE_TYPES[kind], described.response, envelope, event.time, unchanged=True)
    return tuple(
        state
        for one in description.reading(_object(described.response), event.resources)
        for state in observe_fields(RESOURCE_TYPES[one.kind], msgspec.json.encode(one.fields), envelope, event.time)
    )


def operation(event: Event) -> str:
    """The operation that was called.

    Raises:
        Malformed: The response cannot be read.
    """
    return (_read(event).operation or "unnamed")[:100]


def handled_operations() -> set[str]:
    """The operations whose responses say something of resources."""
    return {_TAGS, *(name for name, (_, description) in DESCRIPTIONS.items() if description.observed)}


def _tags(event: Event, response: msgspec.Raw) -> tuple[ResourceState, ...]:
    """The tags of the resource that the request was about, whatever its type is."""
    for arn in event.resources:
        kind = kind_of(arn)
        if kind and kind in RESOURCE_TYPES:
            return observe_fields(RESOURCE_TYPES[kind], response, _envelope(event), event.time)
    return ()


_decoder = msgspec.json.Decoder(DescribeResponse)
_object_decoder = msgspec.json.Decoder(dict[str, Any])


def _object(response: msgspec.Raw) -> dict[str, Any]:
    try:
        return _object_decoder.decode(response)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as why:
        raise Malformed(f"a response that cannot be read: {why}") from why


def _read(event: Event) -> DescribeResponse:
    try:
        described = _decoder.decode(event.detail)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as why:
        raise Malformed(f"not a response to a describe request: {why}") from why
    if not bytes(described.response).lstrip().startswith(b"{"):
        raise Malformed("not a response to a describe request: it has no Response that is an object")
    return described


def _envelope(event: Event) -> Envelope:
    # Requests name a resource with its case, where that was known: ARNs are in lower case, unless an event spells them.
    return Envelope(event.account, event.region, tuple(arn.lower() for arn in event.resources))
