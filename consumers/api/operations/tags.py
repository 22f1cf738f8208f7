"""Tags of anything that has an ARN: entities, and the jobs, models and pipelines that events tell of."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from consumers.api import page_tokens, preconditions
from consumers.api.client_writes import StoreView
from consumers.api.entity_views import tags as as_list
from consumers.api.errors import Invalid, NothingToDo
from consumers.api.request import Request, Response
from consumers.api.service import Operation, Service
from store import entity_records
from store.database import Transaction

MOST = 50
"""Tags on one resource, at the most, as in AWS; and on a page of them."""


def add_tags(service: Service, request: Request) -> Response:
    """Add tags, or give those that are there other values; all tags are answered."""
    arn = request.input["ResourceArn"]
    new = {tag["Key"]: tag["Value"] for tag in request.input["Tags"]}
    before = _tags(service, arn)
    if len({**before, **new}) > MOST:
        raise Invalid(f"'{arn}' would have more than {MOST} tags: delete some first (DeleteTags)")

    with suppress(NothingToDo):
        service.writer.write(request, arn, request.input, lambda view: _guard(view, arn, not new))
    return {"Tags": as_list({**before, **new})}


def delete_tags(service: Service, request: Request) -> Response:
    """Delete tags by their keys; those that are not there are none afterwards either."""
    arn = request.input["ResourceArn"]
    gone = _tags(service, arn).keys() & set(request.input["TagKeys"])
    with suppress(NothingToDo):
        service.writer.write(request, arn, request.input, lambda view: _guard(view, arn, not gone))
    return {}


def list_tags(service: Service, request: Request) -> Response:
    """List tags."""
    found = list(_tags(service, request.input["ResourceArn"]).items())
    after = page_tokens.page_key(request, (str,))
    start = next((place + 1 for place, (key, _) in enumerate(found) if after and key == after[0]), 0)
    size = request.input.get("MaxResults", MOST)
    shown = found[start : start + size]
    more = len(found) > start + size
    return {"Tags": as_list(dict(shown)), "NextToken": page_tokens.token(request, (shown[-1][0],)) if more else None}


def _tags(service: Service, arn: str) -> dict[str, str]:
    """All tags of something, in the order in which they were added, as far as that is known.

    Raises:
        Invalid: Nothing is known of it.
    """

    def look(tx: Transaction) -> dict[str, str] | None:
        one = entity_records.find(tx, arn)
        return entity_records.parts(tx, [one.id], measured=False).tags.get(one.id, {}) if one else None

    kept, told = service.store.read(look), service.descriptions.tags(arn)
    if kept is None and told is None:
        raise Invalid(f"Nothing is known of '{arn}': it has no tags")
    if kept is None:
        return dict(told or {})
    order = {key: place for place, key in enumerate(told or {})}  # a job's own tags were there before these
    return dict(sorted(kept.items(), key=lambda tag: (order.get(tag[0], -1), tag[0])))


def _guard(view: StoreView, arn: str, nothing: bool) -> Mapping[str, Any]:
    if nothing:
        raise NothingToDo
    one = entity_records.find(view.transaction, arn)
    return preconditions.changeable(view, one) if one else {}


_DERIVED = "What events derive has the tags that they tell, but for artifacts and trial components."

OPERATIONS: Mapping[str, Operation] = {
    "AddTags": Operation(add_tags, writes=True, differs=_DERIVED),
    "DeleteTags": Operation(delete_tags, writes=True, differs=_DERIVED),
    "ListTags": Operation(list_tags),
}
"""How tags are asked for."""
