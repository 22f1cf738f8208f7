"""How details are read: what all types have in common, checked once.

Field names are SageMaker's. Everything is optional, since events leave out what they like: a plain value that is not
there is None, a structure that is not there is an empty one.
"""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

import msgspec

from ingest.event import Malformed

Time = str | int | float
"""A time in any of the spellings that `ingest.event.milliseconds` reads."""
Number = float

Name = Annotated[str, msgspec.Meta(max_length=256)]
Uri = Annotated[str, msgspec.Meta(max_length=2048)]
"""A URI or an ARN. SageMaker refuses longer ones; so do we, since no database can index a text without end."""


class Shape(msgspec.Struct, frozen=True, rename="pascal", gc=False):
    """What all details are: PascalCase keys, all optional."""


class Tag(msgspec.Struct, frozen=True, gc=False):
    """One tag, as the API spells it and as CloudTrail does."""

    upper_key: Name | None = msgspec.field(name="Key", default=None)
    upper_value: Name | None = msgspec.field(name="Value", default=None)
    lower_key: Name | None = msgspec.field(name="key", default=None)
    lower_value: Name | None = msgspec.field(name="value", default=None)


Tags = dict[Name, Name | None] | list[Tag] | None


class IamIdentity(Shape, frozen=True):
    """An identity of IAM."""

    arn: Uri | None = None


class UserContext(Shape, frozen=True):
    """Who did something, as SageMaker's answers tell it."""

    user_profile_arn: Uri | None = None
    iam_identity: IamIdentity = IamIdentity()


_user = msgspec.json.Decoder(UserContext)


def who(told: bytes | msgspec.Raw) -> str:
    """The ARN of whoever did something: a user of Studio, or an identity of IAM; empty where it cannot be read."""
    try:
        user = read(told, _user)
    except Malformed:
        return ""
    return user.user_profile_arn or user.iam_identity.arn or ""


D = TypeVar("D", bound=msgspec.Struct)


def read(detail: bytes | msgspec.Raw, decoder: msgspec.json.Decoder[D]) -> D:
    """A detail as its type.

    Args:
        detail: A JSON object.
        decoder: Of the type.

    Raises:
        Malformed: A value that rules read is of another type, whatever way it is looked at.
    """
    try:
        return decoder.decode(detail)
    except msgspec.ValidationError:
        return _read_leniently(detail, decoder)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as why:
        raise Malformed(f"detail cannot be read: {why}") from why


def _read_leniently(detail: bytes | msgspec.Raw, decoder: msgspec.json.Decoder[D]) -> D:
    # "" and {} stand for an absent value anywhere, and numbers come as strings: rare enough to be read twice.
    try:
        unplaced = msgspec.convert(without_empty(msgspec.json.decode(detail)), decoder.type, strict=False)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as why:
        raise Malformed(f"detail cannot be read: {why}") from why
    return unplaced


def without_empty(value: Any) -> Any:
    """A JSON value without what SageMaker writes for nothing: null, "" and {}, at every level."""
    if isinstance(value, dict):
        return {key: without_empty(inner) for key, inner in value.items() if inner not in (None, "", {})}
    if isinstance(value, list):
        return [without_empty(inner) for inner in value if inner not in (None, "", {})]
    return value


def tags(told: Tags) -> dict[str, str]:
    """Tags as a map, from any of the spellings that events use."""
    if not told:
        return {}
    if isinstance(told, dict):
        return {key: value or "" for key, value in told.items() if key}
    pairs = ((tag.upper_key or tag.lower_key, tag.upper_value or tag.lower_value) for tag in told)
    return {key: value or "" for key, value in pairs if key}
