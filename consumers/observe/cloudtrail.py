"""Calls of SageMaker's API, as CloudTrail records them: who called, with which parameters, and when.

A record contains the request, in lowerCamel at every level, and a response with little more than ARNs. A refused call
changes nothing. Source: evidence.md#cloudtrail.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import msgspec

from consumers.arns import kind_of
from consumers.kind import ResourceKind
from consumers.observe.observation import observe_fields
from consumers.resources import CALLS, RESOURCE_TYPES
from consumers.resources.calls import CallEffect, Effect, JsonObject
from consumers.resources.fields import Name, Tag, Uri, as_map, read
from consumers.resources.spelling import pascal
from consumers.resources.types import Envelope
from consumers.state import CREATED_BY, DELETED, MODIFIED_BY, RANKS, TAG, ResourceState, entry
from ingest.event import Event, Malformed, milliseconds

T = TypeVar("T")


class UserIdentity(msgspec.Struct, frozen=True, rename="camel"):
    """Who called: a role's session, a user, or a service of AWS."""

    arn: Uri | None = None
    user_name: Name | None = None
    invoked_by: Name | None = None

    @property
    def name(self) -> str:
        """Its ARN, which for a role includes the session; or its name: a service has no ARN."""
        return self.arn or self.user_name or self.invoked_by or ""


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
class GrantedCall:
    """A call that was granted.

    Attributes:
        parameters: Its parameters, with SageMaker's names; the members of its response are there as well.
        envelope: The account and region, and the ARNs that the record names.
        time: When, in epoch milliseconds.
        by: The identity that called: its ARN, or the name of a service; empty where the record does not say it.
    """

    parameters: JsonObject
    envelope: Envelope
    time: int
    by: str

    def read(self, name: str, type_: type[T], default: T) -> T:
        """One of the parameters, or the default where it is absent.

        Raises:
            Malformed: It is of another type.
        """
        value = self.parameters.get(name)
        try:
            return default if value is None else msgspec.convert(value, type_)
        except msgspec.ValidationError as why:
            raise Malformed(f"{name} cannot be read: {why}") from why


def apply_call(name: str, call: GrantedCall) -> tuple[ResourceState, ...]:
    """What a granted call says of resources, the one that it is about first; nothing if no type knows the call.

    Args:
        name: The operation; one of another service is named `<service> <operation>`.
        call: The call.

    Raises:
        Malformed: It does not say what it is about, or a value that rules need cannot be read.
    """
    if name in _TAGGING:
        return _TAGGING[name](call)
    if name not in CALLS:
        return ()
    kind, effect = CALLS[name]
    parameters = effect.rewrite(call.parameters) if effect.rewrite else call.parameters
    return () if parameters is None else _EFFECTS[effect.effect](kind, effect, replace(call, parameters=parameters))


def handled_calls() -> set[str]:
    """The names of the calls that say something of resources."""
    return {*CALLS, *_TAGGING}


def observe_parameters(
    kind: ResourceKind, call: GrantedCall, fields: JsonObject, *, begins: bool = False, least: int = 0
) -> tuple[ResourceState, ...]:
    """What fields say of a resource of a kind, at the time of a call.

    CloudTrail records times in whole seconds: `least` is how the call ranks among others of the same second. What makes
    a resource comes first, then what changes it, then what deletes it.
    """
    content = msgspec.json.encode(fields)
    return observe_fields(
        RESOURCE_TYPES[kind], content, call.envelope, call.time, begins=begins, own_time=True, least=least
    )


def _create(kind: ResourceKind, _: CallEffect, call: GrantedCall) -> tuple[ResourceState, ...]:
    return observe_parameters(kind, call, {**call.parameters, CREATED_BY: call.by, DELETED: 0}, begins=True)


def _start(kind: ResourceKind, _: CallEffect, call: GrantedCall) -> tuple[ResourceState, ...]:
    return observe_parameters(kind, call, {**call.parameters, CREATED_BY: call.by}, begins=True)


def _update(kind: ResourceKind, effect: CallEffect, call: GrantedCall) -> tuple[ResourceState, ...]:
    maps = effect.maps
    for name in maps:  # as a whole they are what the kind's type says they are
        read(msgspec.json.encode({name: call.parameters.get(name)}), RESOURCE_TYPES[kind].decoder)
    fields = {name: value for name, value in call.parameters.items() if name not in maps}
    for name in maps:
        fields |= {entry(name, key): value for key, value in call.read(name, dict[str, Any], {}).items()}
        fields |= {entry(name, key): None for key in call.read(f"{name}ToRemove", list[str], [])}
    return observe_parameters(kind, call, {**fields, MODIFIED_BY: call.by}, least=1)


def _delete(kind: ResourceKind, _: CallEffect, call: GrantedCall) -> tuple[ResourceState, ...]:
    fields = {**call.parameters, DELETED: call.time, MODIFIED_BY: call.by}
    return observe_parameters(kind, call, fields, least=RANKS - 1)


def _link(kind: ResourceKind, _: CallEffect, call: GrantedCall) -> tuple[ResourceState, ...]:
    fields = {**call.parameters, CREATED_BY: call.by, DELETED: 0, "CreationTime": call.time}
    return observe_parameters(kind, call, fields)


_EFFECTS: Mapping[Effect, Callable[[ResourceKind, CallEffect, GrantedCall], tuple[ResourceState, ...]]] = {
    Effect.CREATES: _create,
    Effect.STARTS: _start,
    Effect.UPDATES: _update,
    Effect.DELETES: _delete,
    Effect.LINKS: _link,
}


def _add_tags(call: GrantedCall) -> tuple[ResourceState, ...]:
    return _tagged(call, dict(as_map(call.read("Tags", list[Tag], []))))


def _delete_tags(call: GrantedCall) -> tuple[ResourceState, ...]:
    return _tagged(call, dict.fromkeys(call.read("TagKeys", list[str], [])))


def _tagged(call: GrantedCall, tags: Mapping[str, str | None]) -> tuple[ResourceState, ...]:
    arn = call.read("ResourceArn", str, "")
    kind = kind_of(arn)
    if kind is None or kind not in RESOURCE_TYPES or not tags:
        return ()
    about = replace(call, envelope=call.envelope._replace(resources=(arn,)))
    return observe_parameters(kind, about, {f"{TAG}{key}": value for key, value in tags.items()}, least=1)


_TAGGING: Mapping[str, Callable[[GrantedCall], tuple[ResourceState, ...]]] = {
    "AddTags": _add_tags,
    "DeleteTags": _delete_tags,
}
"""Calls about a resource of any type."""

_decoder = msgspec.json.Decoder(Record)


def observe(event: Event) -> tuple[ResourceState, ...]:
    """What a recorded call says of resources; nothing if it was refused, or says nothing that lineage needs.

    Raises:
        Malformed: The record cannot be read, or does not say what the call was about.
    """
    record = _read(event)
    name = _name(record)
    if record.error_code or not (name in CALLS or name in _TAGGING):
        return ()
    when = milliseconds(record.event_time, "eventTime") if record.event_time else event.time
    if when is None:
        raise Malformed("has no time: neither eventTime in its record nor a time in its envelope")
    parameters = {**pascal(record.request_parameters or {}), **pascal(record.response_elements or {})}
    account, region = record.recipient_account_id or event.account, record.aws_region or event.region
    envelope = Envelope(account, region, event.resources)
    return apply_call(name, GrantedCall(parameters, envelope, when, record.user_identity.name))


def operation(event: Event) -> str:
    """The name of a recorded call; of another service than SageMaker with the service before it.

    Raises:
        Malformed: The record cannot be read.
    """
    return _name(_read(event))


def _name(record: Record) -> str:
    name = (record.event_name or "unnamed")[:100]
    service = (record.event_source or "sagemaker").partition(".")[0][:100]  # what follows differs among partitions
    return name if service == "sagemaker" else f"{service} {name}"


def _read(event: Event) -> Record:
    try:
        return _decoder.decode(event.detail)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as why:
        raise Malformed(f"not a record of CloudTrail: {why}") from why
