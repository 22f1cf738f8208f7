"""One state change as EventBridge sends it: bytes -> Event, whatever envelope it came in.

AWS's events have quirks: times in five spellings, empty values in four, envelopes without an account or a region. They
are read here once, so that no code behind this module has to deal with them.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import msgspec

DEEPEST = 100
"""Levels of nesting in an event, at the most. SageMaker's have a dozen; much deeper ones would exhaust the stack."""
LONGEST_ARN = 2048
"""Characters in an ARN, at the most."""

_BRACKET = re.compile(rb'"(?:[^"\\\\]|\\\\.)*"|[][{}]', re.DOTALL)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_LATEST_MS = 253_402_300_799_999  # the last millisecond of the year 9999
_SECONDS = 100_000_000_000  # numbers below are seconds: as milliseconds they would be before 1973
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


class Malformed(Exception):
    """This message can never become lineage: make it a dead letter with this reason."""


class Event(msgspec.Struct, frozen=True, gc=False):
    """An EventBridge event, checked.

    Attributes:
        kind: Its `detail-type`.
        detail: Its `detail`, the JSON object as it came.
        time: Its `time` in epoch milliseconds, or None when it has none.
        id: Its `id`; empty when hand-made.
        source: Its `source`, usually `aws.sagemaker`.
        account: The twelve digits, or empty.
        region: The region, or empty.
        resources: The ARNs it names.
        body: The event as it came, on one line and without an SNS envelope.
    """

    kind: str
    detail: msgspec.Raw
    time: int | None
    id: str
    source: str
    account: str
    region: str
    resources: tuple[str, ...]
    body: bytes

    def key(self) -> bytes:
        """16 bytes that identify this event: equal bytes are the same event, however often they are delivered."""
        return hashlib.blake2b(self.body, digest_size=16).digest()


class _Envelope(msgspec.Struct, gc=False):
    kind: str | None = msgspec.field(name="detail-type", default=None)
    detail: msgspec.Raw = msgspec.Raw()  # empty: there is none
    time: str | int | float | None = None
    id: str | int | None = None
    source: str | None = None
    account: str | int | None = None
    region: str | None = None
    resources: list[str | None] | str | None = None
    # SNS's own envelope
    type: str | None = msgspec.field(name="Type", default=None)
    message: str | None = msgspec.field(name="Message", default=None)


_envelope = msgspec.json.Decoder(_Envelope)


def decode(body: bytes) -> Event:
    """The event in a message: an EventBridge event, or an SNS notification around one.

    Raises:
        Malformed: It is not JSON, not an event, or contains what no database can store.
    """
    envelope = _read(body)
    if envelope.kind is None and envelope.message is not None:
        body = envelope.message.encode("utf-8", "surrogatepass")
        envelope = _read(body)
    if b"\n" in body:  # so that one event is one line wherever it is stored, and has one key
        body = msgspec.json.format(body, indent=-1)
        envelope = _read(body)
    if not envelope.kind:
        raise Malformed("not an EventBridge event: it has no detail-type")
    if not bytes(envelope.detail).lstrip().startswith(b"{"):
        raise Malformed("not an EventBridge event: it has no detail that is an object")
    if b"\\u0000" in body and _NUL.search(body):
        raise Malformed("holds a NUL character, which no database keeps in a text")
    try:
        body.decode()  # fields that no rule reads are stored without being decoded, and must still be JSON in an export
    except UnicodeDecodeError as why:
        raise Malformed(f"not UTF-8: {why.reason} at byte {why.start}") from why
    if body.count(b"{") + body.count(b"[") > DEEPEST and _depth(body) > DEEPEST:
        raise Malformed(f"nested more than {DEEPEST} levels deep")
    resources = envelope.resources
    if isinstance(resources, str):
        resources = [resources]
    account = envelope.account
    return Event(
        kind=envelope.kind,
        detail=envelope.detail,
        time=None if envelope.time in (None, "") else milliseconds(envelope.time, "time"),
        id="" if envelope.id is None else str(envelope.id),
        source=envelope.source or "",
        account=f"{account:012d}" if isinstance(account, int) else account or "",
        region=envelope.region or "",
        resources=_arns(resources or ()),
        body=body,
    )


def _arns(resources: Iterable[str | None]) -> tuple[str, ...]:
    arns = tuple(filter(None, resources))
    if any(len(arn) > LONGEST_ARN for arn in arns):
        raise Malformed(f"names a resource by more than {LONGEST_ARN:,} characters")
    return arns


def _depth(body: bytes) -> int:
    """How deep a JSON text is nested; brackets within strings do not count."""
    depth = deepest = 0
    for bracket in _BRACKET.finditer(body):
        if bracket[0] in b"{[":
            depth += 1
            deepest = max(deepest, depth)
        elif bracket[0] in b"}]":
            depth -= 1
    return deepest


def _read(body: bytes) -> _Envelope:
    try:
        return _envelope.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as why:
        raise Malformed(f"not an EventBridge event: {why}") from why
    except RecursionError as why:
        raise Malformed("not an EventBridge event: nested too deeply") from why


def milliseconds(value: str | int | float, field: str) -> int:
    """Epoch milliseconds, from any spelling of a time that SageMaker's events use.

    Args:
        value: ISO 8601 with 0 to 9 decimals, or epoch milliseconds as a number, a float or a string. CloudTrail and
            API clients send epoch seconds: a number that would be before 1973 in milliseconds is read as seconds.
        field: The name of the field, for the error.

    Raises:
        Malformed: It is not a time, or lies outside the years that a calendar has.
    """
    if type(value) is int and _SECONDS <= value <= _LATEST_MS:  # as most are
        return value
    try:
        if isinstance(value, str) and not value.replace(".", "", 1).isdecimal():
            when = datetime.fromisoformat(value)
            number: float = ((when if when.tzinfo else when.replace(tzinfo=UTC)) - _EPOCH) // _MILLISECOND
        else:
            number = float(value)
            number *= 1000 if abs(number) < _SECONDS else 1
    except (ValueError, OverflowError):
        number = -1
    if isinstance(value, bool) or not 0 <= number <= _LATEST_MS:  # which includes NaN
        shown = repr(value[:40]) if isinstance(value, str) else f"{number:.16g}"
        raise Malformed(f"{field} is not a time: {shown}")
    return int(number)
