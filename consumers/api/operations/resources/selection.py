"""Which resources a List operation of SageMaker's model selects, and in what order, by the names of its members.

The members follow one pattern: `NameContains`, `StatusEquals`, `CreationTimeAfter`. Any other, `<Member>`,
`<Member>Equals`, `<Member>Contains`, `<Member>After` or `<Member>Before`, is about a member of the resources.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from consumers.api.errors import Invalid
from consumers.api.operations.resources.paging import is_ascending
from consumers.api.request import Request
from consumers.api.resource_views import Condition
from consumers.api.service_model import naming_members
from consumers.kind import ResourceKind
from consumers.resources import RESOURCE_TYPES
from consumers.resources.fields import described_status, instant_or_none, plain_status
from store.resource_pages import Listing, SortBy, Span

if TYPE_CHECKING:
    from botocore.model import Shape

_PAGING = frozenset({"NextToken", "MaxResults", "SortBy", "SortOrder", "NameContains"})
_CREATED, _MODIFIED = ("CreationTime", "Created"), ("LastModifiedTime", "ModifiedTime")
_TIMES = frozenset(f"{name}{end}" for name in (*_CREATED, *_MODIFIED) for end in ("After", "Before"))

_OTHER_NAMES: Mapping[str, str] = {
    "AdditionalCodeRepositoryEquals": "AdditionalCodeRepositories",
    "AppTypeEquals": "StudioLifecycleConfigAppType",
    "DefaultForDomainId": "DefaultDomainIdList",
}
"""Members of requests about a member of the resources that has another name."""
_REFUSED = frozenset({"Filters", "OptimizationContains"})
"""Members of requests by which Headwater cannot select."""

_Test = Callable[[Any, Any], bool]
"""Whether a value of a resource is as a member of the request wants it."""


class _Wanted(NamedTuple):
    """What must be true of a member of a resource."""

    member: str
    test: _Test
    value: Any


def selection(request: Request, kind: ResourceKind, *, below: str = "") -> tuple[Listing, Condition | None]:
    """The resources that a request lists, and what else must be true of them.

    Args:
        request: The request.
        kind: The kind of the resources.
        below: How their ARNs begin, if a member of the request that is required says it.

    Raises:
        Invalid: It wants an order in which Headwater cannot list, or selects in a way that Headwater cannot.
    """
    given = request.input
    statuses = _status_members(kind)
    status = next((given[name] for name in sorted(statuses & given.keys())), "")
    sort_by = _order(given.get("SortBy"))
    if sort_by is None:
        raise Invalid(
            f"Headwater cannot sort this list by {given['SortBy']}: sort it by name or by the time of creation"
        )
    listing = Listing(
        kind,
        below or request.arn(kind, ""),
        contains=given.get("NameContains", ""),
        status=described_status(status),
        created=_span(given, _CREATED),
        modified=_span(given, _MODIFIED),
        sort_by=sort_by,
        ascending=is_ascending(request),
    )
    used = _PAGING | _TIMES | statuses | set(naming_members(request.operation) if below else ())
    others = [_wanted(name, value) for name, value in given.items() if name not in used]

    def where(resource: Mapping[str, Any]) -> bool:
        return all(any(one.test(value, one.value) for value in _values(resource, one.member)) for one in others)

    return listing, where if others else None


def _status_members(kind: ResourceKind) -> frozenset[str]:
    """The members of a request that say which status resources must have."""
    resource_type = RESOURCE_TYPES[kind]
    names = {field.name: field.encode_name for field in msgspec.structs.fields(resource_type.fields)}
    main = {names[name] for name in resource_type.status_fields[:1]}
    return frozenset({"Status", "StatusEquals", *main}) if main else frozenset()


def _span(given: Mapping[str, Any], names: tuple[str, ...]) -> Span:
    first, last = (next((given[f"{name}{end}"] for name in names if f"{name}{end}" in given), None)
                   for end in ("After", "Before"))  # fmt: skip
    return Span(first, last)


def _order(sort_by: str | None) -> SortBy | None:
    """What a list is sorted by; None if Headwater cannot sort it so."""
    order = plain_status(sort_by)  # CREATION_TIME in some lists, CreationTime in others
    if order in ("", "creationtime", "createdate"):
        return SortBy.CREATED
    if order.endswith("name"):
        return SortBy.NAME
    return SortBy.STATUS if order.endswith("status") else None


def differences(request: Shape) -> str:
    """What is refused of a list's requests, in sentences; empty if nothing is.

    Args:
        request: The shape of the requests.
    """
    members: Mapping[str, Shape] = request.members
    orders = [one for one in members["SortBy"].enum if _order(one) is None] if "SortBy" in members else []
    refused = [*(f"SortBy {one}" for one in orders), *sorted(_REFUSED & members.keys())]
    return " ".join(f"{one} is refused." for one in refused)


def _wanted(name: str, value: Any) -> _Wanted:
    if name in _REFUSED:
        raise Invalid(f"Headwater cannot select by {name} here: leave it out")
    for end, test in _TESTS.items():
        if name.endswith(end):
            return _Wanted(_OTHER_NAMES.get(name, name.removesuffix(end)), test, value)
    return _Wanted(_OTHER_NAMES.get(name, name), _equals, value)


def _equals(value: Any, wanted: Any) -> bool:
    return bool(wanted in value if isinstance(value, list) else value == wanted)


def _contains(value: Any, wanted: Any) -> bool:
    return isinstance(value, str) and wanted.lower() in value.lower()


def _after(value: Any, wanted: int) -> bool:
    time = instant_or_none(value)
    return time is not None and time >= wanted


def _before(value: Any, wanted: int) -> bool:
    time = instant_or_none(value)
    return time is not None and time <= wanted


_TESTS: Mapping[str, _Test] = {"Equals": _equals, "Contains": _contains, "After": _after, "Before": _before}


def summary(description: Mapping[str, Any], shape: Shape) -> Mapping[str, Any]:
    """A description with the members of a list's items that it has further down, or under a shorter name.

    Args:
        description: Of one resource.
        shape: The items of the list: `EndpointName` of a schedule, `MonitoringJobDefinitionName` of a definition.
    """
    found = dict(description)
    for name in shape.members:
        if name not in found:
            shorter = [part for part in _endings(name) if part in description]
            values = [description[part] for part in shorter] or list(_values(description, name))
            if values:
                found[name] = values[0]
    return found


def _endings(name: str) -> Iterator[str]:
    """The endings of a name that have at least two words, the longest first."""
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z][a-z\d]*", name)
    yield from ("".join(words[at:]) for at in range(1, len(words) - 1))


def _values(description: Any, member: str) -> Iterator[Any]:
    """The values of a member of a description, at any depth."""
    if isinstance(description, Mapping):
        if member in description:
            yield description[member]
        for inner in description.values():
            yield from _values(inner, member)
    elif isinstance(description, list):
        for inner in description:
            yield from _values(inner, member)
