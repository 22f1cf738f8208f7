"""How the fields of resources are read: what all types have in common, checked once.

Field names are SageMaker's. Everything is optional, since events leave out what they like: a plain value that is not
there is None, a structure that is not there is an empty one.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import inspect

from ingest.event import Malformed, milliseconds

Time = str | int | float
"""A time in any of the spellings that `ingest.event.milliseconds` reads."""
Number = float

Name = Annotated[str, msgspec.Meta(max_length=256)]
Uri = Annotated[str, msgspec.Meta(max_length=2048)]
"""A URI or an ARN. SageMaker refuses longer ones; so do we, since no database can index a text without end."""


class Fields(msgspec.Struct, frozen=True, rename="pascal", gc=False):
    """What the fields of all types are: PascalCase keys, all optional."""


class Tag(msgspec.Struct, frozen=True, gc=False):
    """One tag, as the API spells it and as CloudTrail does."""

    upper_key: Name | None = msgspec.field(name="Key", default=None)
    upper_value: Name | None = msgspec.field(name="Value", default=None)
    lower_key: Name | None = msgspec.field(name="key", default=None)
    lower_value: Name | None = msgspec.field(name="value", default=None)


Tags = dict[Name, Name | None] | list[Tag] | None


class MetadataProperties(Fields, frozen=True):
    """Where something came from."""

    generated_by: Uri | None = None
    commit_id: str | None = None
    repository: str | None = None
    project_id: str | None = None

    def as_map(self) -> dict[str, str]:
        """The properties that have a value, with SageMaker's names."""
        return texts(
            {
                "CommitId": self.commit_id,
                "GeneratedBy": self.generated_by,
                "ProjectId": self.project_id,
                "Repository": self.repository,
            }
        )


class IamIdentity(Fields, frozen=True):
    """An identity of IAM."""

    arn: Uri | None = None


class UserContext(Fields, frozen=True):
    """Who did something, as SageMaker's descriptions say it."""

    user_profile_arn: Uri | None = None
    iam_identity: IamIdentity = IamIdentity()


_user = msgspec.json.Decoder(UserContext)


def identity_of(user: bytes | msgspec.Raw) -> str:
    """The ARN of a UserContext: of a user of Studio, or of an identity of IAM; empty where it cannot be read."""
    try:
        context = read(user, _user)
    except Malformed:
        return ""
    return context.user_profile_arn or context.iam_identity.arn or ""


D = TypeVar("D", bound=msgspec.Struct)


def read(content: bytes | msgspec.Raw, decoder: msgspec.json.Decoder[D]) -> D:
    """Fields as their type.

    Args:
        content: A JSON object.
        decoder: Of the type.

    Raises:
        Malformed: A value that rules read is of another type, whatever way it is looked at.
    """
    try:
        return decoder.decode(content)
    except msgspec.ValidationError:
        return _read_leniently(content, decoder)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as why:
        raise Malformed(f"detail cannot be read: {why}") from why


def _read_leniently(content: bytes | msgspec.Raw, decoder: msgspec.json.Decoder[D]) -> D:
    # "" and {} stand for an absent value, and numbers come as strings: rare enough to be read twice.
    try:
        value = _without_nothing(msgspec.json.decode(content), _type_info(decoder.type))
        return msgspec.convert(value, decoder.type, strict=False)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as why:
        raise Malformed(f"detail cannot be read: {why}") from why


_type_info = cache(inspect.type_info)
_NOTHING: tuple[Any, ...] = (None, "", {})
"""What SageMaker writes for an absent value."""


def _without_nothing(value: Any, type_: inspect.Type) -> Any:
    """A JSON value without the members of structures that hold nothing.

    From maps and lists, whose content is their users', only what their type has no place for is taken: an empty
    hyperparameter is a value.
    """
    for one in _types(type_):
        match one:
            case inspect.StructType() if isinstance(value, dict):
                members = {member.encode_name: member.type for member in one.fields}
                return {
                    name: _without_nothing(inner, members[name])
                    for name, inner in value.items()
                    if name in members and inner not in _NOTHING
                }
            case inspect.DictType() if isinstance(value, dict):
                return {
                    name: _without_nothing(inner, one.value_type)
                    for name, inner in value.items()
                    if _has_place(one.value_type, inner)
                }
            case inspect.ListType() if isinstance(value, list):
                return [_without_nothing(inner, one.item_type) for inner in value if _has_place(one.item_type, inner)]
    return value


def _has_place(type_: inspect.Type, value: Any) -> bool:
    if value not in _NOTHING:
        return True
    fitting = inspect.NoneType if value is None else inspect.StrType if value == "" else inspect.DictType
    return any(isinstance(one, (fitting, inspect.AnyType)) for one in _types(type_))


def _types(type_: inspect.Type) -> tuple[inspect.Type, ...]:
    while isinstance(type_, inspect.Metadata):
        type_ = type_.type
    return type_.types if isinstance(type_, inspect.UnionType) else (type_,)


def as_map(tags: Tags) -> dict[str, str]:
    """Tags as a map, from any of the spellings that events use."""
    if not tags:
        return {}
    if isinstance(tags, dict):
        return {key: value or "" for key, value in tags.items() if key}
    pairs = ((tag.upper_key or tag.lower_key, tag.upper_value or tag.lower_value) for tag in tags)
    return {key: value or "" for key, value in pairs if key}


def instant(time: Time | None) -> int | None:
    """A time that was checked when its event was observed, in epoch milliseconds."""
    return milliseconds(time, "time") if time else None


def instant_or_none(time: Time | None) -> int | None:
    """A time on which nothing depends, in epoch milliseconds: one that cannot be read counts as absent."""
    try:
        return instant(time)
    except Malformed:
        return None


def described_status(status: str | None) -> str:
    """A status as the API spells it, InService: endpoints' events say IN_SERVICE, images' descriptions CREATED.

    Source: evidence.md#status-case.
    """
    given = status or ""
    return "".join(word.capitalize() for word in given.split("_")) if given.isupper() else given


def plain_status(status: str | None) -> str:
    """A status in the one spelling that `InService`, `IN_SERVICE` and `inservice` share: the last."""
    return (status or "").replace("_", "").lower()


def texts(values: Mapping[str, str | None]) -> dict[str, str]:
    """The texts that are there, and not empty."""
    return {name: text for name, text in values.items() if text}


def whole_number(version: str | float, field: str) -> str:
    """A version, which comes as 3, 3.0 or "3", without a fraction.

    Raises:
        Malformed: It is not a whole number.
    """
    number, _, zeros = str(version).partition(".")
    if not number.isdecimal() or zeros.strip("0"):
        raise Malformed(f"{field} is not a number: {str(version)[:40]!r}")
    return number
