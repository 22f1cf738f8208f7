"""One resource described, or a page of resources listed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from consumers.api import page_tokens
from consumers.api.errors import Refusal
from consumers.api.request import Request, Response
from consumers.api.resource_views import Condition
from consumers.api.service import Service
from store.paging import PageKey
from store.resource_pages import Listing, SortBy, Span

PAGE = 10
"""Entries on a page without MaxResults."""

_ORDERS = {"Name": SortBy.NAME, "PipelineExecutionArn": SortBy.NAME}
_ORDERS |= dict.fromkeys(("Status", "FeatureGroupStatus"), SortBy.STATUS)
_KEY_TYPES = {SortBy.NAME: (str,), SortBy.STATUS: (str, str), SortBy.CREATED: (int, str)}
"""The types of page keys, by what a list is sorted by."""


def described(service: Service, arn: str, missing: Refusal) -> Mapping[str, Any]:
    """The description of a resource.

    Raises:
        Refusal: `missing`, if there is none.
    """
    description = service.descriptions.describe(arn)
    if description is None:
        raise missing
    return description


def listing(
    request: Request,
    kind: str,
    *,
    below: str = "",
    near: bool = False,
    versioned: bool | None = None,
    order: str = "CreationTime",
    ascending: bool = False,
) -> Listing:
    """Which resources a request lists, by the members that all List operations share.

    Args:
        request: The request.
        kind: The type of the resources.
        below: How their ARNs begin; by default as those of all resources of the type.
        near: As in `Listing`.
        versioned: As in `Listing`.
        order: The default of `SortBy`.
        ascending: The default of `SortOrder`.
    """
    members = request.input
    created = Span(
        members.get("CreationTimeAfter", members.get("CreatedAfter")),
        members.get("CreationTimeBefore", members.get("CreatedBefore")),
    )
    return Listing(
        kind,
        below or request.arn(kind, ""),
        contains=members.get("NameContains", ""),
        status=members.get("StatusEquals", members.get("FeatureGroupStatusEquals", "")),
        created=created,
        modified=Span(members.get("LastModifiedTimeAfter"), members.get("LastModifiedTimeBefore")),
        versioned=versioned,
        sort_by=_ORDERS.get(members.get("SortBy", order), SortBy.CREATED),
        ascending=is_ascending(request, ascending),
        near=near,
    )


def is_ascending(request: Request, default: bool = False) -> bool:
    """True if the list is in ascending order."""
    order = request.input.get("SortOrder")
    return order.lower() == "ascending" if order else default  # ASCENDING in lists of images


def listed(
    service: Service, request: Request, member: str, wanted: Listing, where: Condition | None = None
) -> Response:
    """A page of a list.

    Args:
        service: What operations work with.
        request: The request: `MaxResults`, `NextToken`.
        member: The member of the response that holds the list.
        wanted: Which resources, and in what order.
        where: What else must be true of them.
    """
    size = request.input.get("MaxResults", PAGE)
    after = page_tokens.page_key(request, _KEY_TYPES[wanted.sort_by])
    return _page(request, member, service.descriptions.page(wanted, after, size + 1, where), size)


def page_of(
    request: Request, member: str, keyed: Iterable[tuple[PageKey, Mapping[str, Any]]], *, ascending: bool
) -> Response:
    """A page of a few descriptions that are all in memory, each with its key in the order."""
    ordered = sorted(keyed, key=lambda one: one[0], reverse=not ascending)
    if not ordered:
        return {member: []}
    types = [str if isinstance(value, str) else int | float for value in ordered[0][0]]
    after = page_tokens.page_key(request, types)
    if after is not None:
        ordered = [one for one in ordered if (one[0] > after if ascending else one[0] < after)]
    return _page(request, member, ordered, request.input.get("MaxResults", PAGE))


def _page(request: Request, member: str, found: list[tuple[PageKey, Mapping[str, Any]]], size: int) -> Response:
    response: dict[str, Any] = {member: [description for _, description in found[:size]]}
    if len(found) > size:
        response["NextToken"] = page_tokens.token(request, found[size - 1][0])
    return response
