"""How all that events told is described and listed: one resource, or a page of them."""

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
"""How many are listed where nobody says how many."""

_ORDERS = {"Name": SortBy.NAME, "PipelineExecutionArn": SortBy.NAME}
_ORDERS |= dict.fromkeys(("Status", "FeatureGroupStatus"), SortBy.STATUS)
_KEY_TYPES = {SortBy.NAME: (str,), SortBy.STATUS: (str, str), SortBy.CREATED: (int, str)}
"""The types of page keys, by what a list is sorted by."""


def described(service: Service, arn: str, missing: Refusal) -> Mapping[str, Any]:
    """What is known of a resource.

    Raises:
        Refusal: `missing`, if nothing is.
    """
    told = service.descriptions.describe(arn)
    if told is None:
        raise missing
    return told


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
    """Which resources are asked for, by the names that all lists share.

    Args:
        request: The request.
        kind: What is listed.
        below: What the ARNs begin with, where it is more than what all have.
        near: As in `Listing`.
        versioned: As in `Listing`.
        order: The `SortBy` where nobody says any.
        ascending: The order where nobody says any.
    """
    told = request.input
    made = Span(
        told.get("CreationTimeAfter", told.get("CreatedAfter")),
        told.get("CreationTimeBefore", told.get("CreatedBefore")),
    )
    return Listing(
        kind,
        below or request.arn(kind, ""),
        contains=told.get("NameContains", ""),
        status=told.get("StatusEquals", told.get("FeatureGroupStatusEquals", "")),
        created=made,
        modified=Span(told.get("LastModifiedTimeAfter"), told.get("LastModifiedTimeBefore")),
        versioned=versioned,
        sort_by=_ORDERS.get(told.get("SortBy", order), SortBy.CREATED),
        ascending=upwards(request, ascending),
        near=near,
    )


def upwards(request: Request, default: bool = False) -> bool:
    """True if the least comes first."""
    told = request.input.get("SortOrder")
    return told == "Ascending" if told else default


def listed(
    service: Service, request: Request, member: str, wanted: Listing, where: Condition | None = None
) -> Response:
    """A page of a list.

    Args:
        service: Tells what is known.
        request: The request: how many, and behind what.
        member: Of the answer, that holds the list.
        wanted: Which, and in what order.
        where: What else must be true of them.
    """
    size = request.input.get("MaxResults", PAGE)
    after = page_tokens.page_key(request, _KEY_TYPES[wanted.sort_by])
    return _page(request, member, service.descriptions.page(wanted, after, size + 1, where), size)


def cut(
    request: Request, member: str, all_: Iterable[tuple[PageKey, Mapping[str, Any]]], *, ascending: bool
) -> Response:
    """A page of few things, all of which are at hand, each with its position in the order."""
    ordered = sorted(all_, key=lambda one: one[0], reverse=not ascending)
    if not ordered:
        return {member: []}
    types = [str if isinstance(value, str) else int | float for value in ordered[0][0]]
    after = page_tokens.page_key(request, types)
    if after is not None:
        ordered = [one for one in ordered if (one[0] > after if ascending else one[0] < after)]
    return _page(request, member, ordered, request.input.get("MaxResults", PAGE))


def _page(request: Request, member: str, found: list[tuple[PageKey, Mapping[str, Any]]], size: int) -> Response:
    answer: dict[str, Any] = {member: [told for _, told in found[:size]]}
    if len(found) > size:
        answer["NextToken"] = page_tokens.token(request, found[size - 1][0])
    return answer
