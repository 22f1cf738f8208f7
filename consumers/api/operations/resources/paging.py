"""How all that events told is described and listed: one resource, or a page of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from consumers.api import page_tokens
from consumers.api.errors import Refusal
from consumers.api.request import Answer, Asked, Service, Where
from store.paging import PageKey
from store.resource_pages import Listing, SortBy, Span

PAGE = 10
"""How many are listed where nobody says how many."""

_ORDERS = {"Name": SortBy.NAME, "PipelineExecutionArn": SortBy.NAME}
_ORDERS |= dict.fromkeys(("Status", "FeatureGroupStatus"), SortBy.STATUS)


def described(service: Service, arn: str, missing: Refusal) -> Mapping[str, Any]:
    """What is known of a resource.

    Raises:
        Refusal: `missing`, if nothing is.
    """
    told = service.described.describe(arn)
    if told is None:
        raise missing
    return told


def listing(
    asked: Asked,
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
        asked: The request.
        kind: What is listed.
        below: What the ARNs begin with, where it is more than what all have.
        near: As in `Listing`.
        versioned: As in `Listing`.
        order: The `SortBy` where nobody says any.
        ascending: The order where nobody says any.
    """
    told = asked.input
    made = Span(
        told.get("CreationTimeAfter", told.get("CreatedAfter")),
        told.get("CreationTimeBefore", told.get("CreatedBefore")),
    )
    return Listing(
        kind,
        below or asked.arn(kind, ""),
        contains=told.get("NameContains", ""),
        status=told.get("StatusEquals", told.get("FeatureGroupStatusEquals", "")),
        created=made,
        modified=Span(told.get("LastModifiedTimeAfter"), told.get("LastModifiedTimeBefore")),
        versioned=versioned,
        sort_by=_ORDERS.get(told.get("SortBy", order), SortBy.CREATED),
        ascending=upwards(asked, ascending),
        near=near,
    )


def upwards(asked: Asked, default: bool = False) -> bool:
    """True if the least comes first."""
    told = asked.input.get("SortOrder")
    return told == "Ascending" if told else default


def listed(service: Service, asked: Asked, member: str, wanted: Listing, where: Where | None = None) -> Answer:
    """A page of a list.

    Args:
        service: Tells what is known.
        asked: The request: how many, and behind what.
        member: Of the answer, that holds the list.
        wanted: Which, and in what order.
        where: What else must be true of them.
    """
    size = asked.input.get("MaxResults", PAGE)
    return _page(asked, member, service.described.page(wanted, page_tokens.begin(asked), size + 1, where), size)


def cut(asked: Asked, member: str, all_: Iterable[tuple[PageKey, Mapping[str, Any]]], *, ascending: bool) -> Answer:
    """A page of few things, all of which are at hand, each with its position in the order."""
    after = page_tokens.begin(asked)
    ordered = sorted(all_, key=lambda one: one[0], reverse=not ascending)
    if after is not None:
        ordered = [one for one in ordered if (one[0] > after if ascending else one[0] < after)]
    return _page(asked, member, ordered, asked.input.get("MaxResults", PAGE))


def _page(asked: Asked, member: str, found: list[tuple[PageKey, Mapping[str, Any]]], size: int) -> Answer:
    answer: dict[str, Any] = {member: [told for _, told in found[:size]]}
    if len(found) > size:
        answer["NextToken"] = page_tokens.token(asked, found[size - 1][0])
    return answer
