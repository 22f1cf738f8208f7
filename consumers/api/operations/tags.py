"""Tags of entities, and of the jobs, models, pipelines and other resources that events report."""

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
"""The most tags of one resource, as in AWS, and on one page."""


def add_tags(service: Service, request: Request) -> Response:
    """Add tags, or replace their values; all tags are returned."""
    arn = request.input["ResourceArn"]
    new = {tag["Key"]: tag["Value"] for tag in request.input["Tags"]}
    before = _tags(service, arn)
    if len({**before, **new}) > MOST:
        raise Invalid(f"'{arn}' would have more than {MOST} tags: delete some first (DeleteTags)")

    with suppress(NothingToDo):
        service.writer.write(request, arn, request.input, lambda view: _guard(view, arn, not new))
    return {"Tags": as_list({**before, **new})}


def delete_tags(service: Service, request: Request) -> Response:
    """Delete tags by their keys; keys that the resource does not have are ignored."""
    arn = request.input["ResourceArn"]
    deleted = _tags(service, arn).keys() & set(request.input["TagKeys"])
    with suppress(NothingToDo):
        service.writer.write(request, arn, request.input, lambda view: _guard(view, arn, not deleted))
    return {}


def list_tags(service: Service, request: Request) -> Response:
    """List tags."""
    tags = list(_tags(service, request.input["ResourceArn"]).items())
    after = page_tokens.page_key(request, (str,))
    start = next((index + 1 for index, (key, _) in enumerate(tags) if after and key == after[0]), 0)
    size = request.input.get("MaxResults", MOST)
    shown = tags[start : start + size]
    more = len(tags) > start + size
    return {"Tags": as_list(dict(shown)), "NextToken": page_tokens.token(request, (shown[-1][0],)) if more else None}


def _tags(service: Service, arn: str) -> dict[str, str]:
    """All tags of a resource or entity, in the order in which they were added, where that is recorded.

    Raises:
        Invalid: There is no such resource or entity.
    """

    def read(tx: Transaction) -> dict[str, str] | None:
        entity = entity_records.find(tx, arn)
        return entity_records.parts(tx, [entity.id], measured=False).tags.get(entity.id, {}) if entity else None

    of_entity, of_resource = service.store.read(read), service.descriptions.tags(arn)
    if of_entity is None and of_resource is None:
        raise Invalid(f"There is no resource '{arn}' in Headwater: it has no tags")
    if of_entity is None:
        return dict(of_resource or {})
    order = {key: place for place, key in enumerate(of_resource or {})}  # a job's own tags came before these
    return dict(sorted(of_entity.items(), key=lambda tag: (order.get(tag[0], -1), tag[0])))


def _guard(view: StoreView, arn: str, nothing: bool) -> Mapping[str, Any]:
    if nothing:
        raise NothingToDo
    entity = entity_records.find(view.transaction, arn)
    return preconditions.check_changeable(view, entity) if entity else {}


_DERIVED = (
    "Only artifacts and trial components take tags if they are derived; all else has those that its events report."
)

OPERATIONS: Mapping[str, Operation] = {
    "AddTags": Operation(add_tags, writes=True, differs=_DERIVED),
    "DeleteTags": Operation(delete_tags, writes=True, differs=_DERIVED),
    "ListTags": Operation(list_tags),
}
"""The operations on tags."""
