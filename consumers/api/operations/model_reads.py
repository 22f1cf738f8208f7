"""Every other Describe and List operation of SageMaker's model: from state, or an empty list, or AWS's "not found".

No operation is named here: what one is about, which member holds its list and what it lists belongs to are read from
the model and from the resource types.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Set
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from consumers.api import page_tokens, service_model
from consumers.api.completeness import KINDS
from consumers.api.errors import Invalid, NotFound, Refusal
from consumers.api.missing import missing
from consumers.api.operations.resources.paging import listed
from consumers.api.operations.resources.selection import differences, selection, summary
from consumers.api.request import Request, Response
from consumers.api.service import Operation, Service
from consumers.api.service_model import naming_members
from consumers.kind import ResourceKind
from consumers.resources.kept import BY_KIND
from store.resource_pages import Listing

if TYPE_CHECKING:
    from botocore.model import OperationModel, Shape

_EMPTY = "Nothing reports these to Headwater: the list is empty."
_MISSING = "Nothing reports these to Headwater: each is answered as one that does not exist."


def other_reads(own: Mapping[str, Operation]) -> Mapping[str, Operation]:
    """The Describe and List operations of the model that no module here has.

    Args:
        own: The operations that have a function of their own.
    """
    names = [name for name in service_model.names(service_model.SAGEMAKER) if name not in own]
    found = dict(own)
    for name in names:
        if name.startswith("Describe"):
            found[name] = Operation(describe, differs="" if name in KINDS else _MISSING)
    for name in names:
        if name.startswith("List"):
            container = _container(name, [one for one in found if one.startswith("Describe")])
            run = partial(list_, found[container], container) if container else partial(list_, None, "")
            request = service_model.operation(name).input_shape
            found[name] = Operation(run, differs=differences(request) if name in KINDS else _EMPTY)
    return {name: found[name] for name in names if name in found}


def describe(service: Service, request: Request) -> Response:
    """Describe a resource from its state, or refuse as AWS does where there is none."""
    kind = _kind(request.operation)
    kept = BY_KIND.get(kind)
    named = {name: request.input[name] for name in _general_first(request.operation)}
    tail = kept.tail(request.input) if kept else None
    arn = request.arn(kind, tail or "/".join(map(str, named.values())))
    gone = missing(request.operation, arn)
    if request.operation not in KINDS:
        raise gone
    description: Mapping[str, Any] | None = service.descriptions.describe(arn)
    if description is None and kept and tail is None:
        description = _by_members(service, request, kind, named)
    if description is None:
        raise gone
    _check_selected(request.input, named.keys(), description, gone)
    return {kept.inside: description} if kept and kept.inside else description


def _general_first(operation: str) -> list[str]:
    """The members that name what an operation describes, the one with its own name or id last: a fleet, its device."""
    what = operation.removeprefix("Describe")
    return sorted(naming_members(operation), key=lambda name: what.endswith(re.sub("(Name|Id|Arn)$", "", name)))


def _by_members(
    service: Service, request: Request, kind: ResourceKind, named: Mapping[str, Any]
) -> Mapping[str, Any] | None:
    """The newest resource of a kind with these members, whose ARN they do not say: it has an id of AWS's."""
    listing = Listing(kind, request.arn(kind, ""))
    found = service.descriptions.page(listing, None, 1, lambda one: named.items() <= {**one}.items())
    return found[0][1] if found else None


def _check_selected(given: Mapping[str, Any], naming: Set[str], description: Mapping[str, Any], gone: Refusal) -> None:
    """Refuse what a request selects of a resource by further members, unless it is what is known.

    Raises:
        Refusal: Another one is selected, which is missing; or Headwater does not keep what the member selects.
    """
    for name in given.keys() - naming:
        if name not in description:
            raise Invalid(f"Headwater does not keep what {name} selects: leave it out")
        if description[name] != given[name]:
            raise gone


def list_(container: Operation | None, describes: str, service: Service, request: Request) -> Response:
    """List resources from their state, or none where nothing is known of them.

    Args:
        container: The operation that describes what they belong to, which must exist; None if they belong to nothing.
        describes: Its name.
        service: What operations work with.
        request: The request.
    """
    model = service_model.operation(request.operation)
    if container:
        naming = naming_members(describes)
        named = {name: request.input[name] for name in naming}
        container.run(service, msgspec.structs.replace(request, operation=describes, input=named))
    member, kind = list_member(model), KINDS.get(request.operation)
    if kind is None:
        if request.input.get("NextToken"):
            raise page_tokens.unknown_token()
        return {member: []}
    wanted, where = selection(request, kind)
    answer = listed(service, request, member, wanted, where)
    items = service_model.operation(request.operation).output_shape.members[member].member
    return {**answer, member: [summary(one, items) for one in answer[member]]}


def list_member(model: OperationModel) -> str:
    """The member of a List operation's response that holds the list: the only list in it."""
    members: Mapping[str, Shape] = model.output_shape.members
    return next(name for name, shape in members.items() if shape.type_name == "list")


def _container(name: str, describing: list[str]) -> str:
    """The operation that describes what a list belongs to; empty if it belongs to nothing that must exist.

    A list that can fail with ResourceNotFound belongs to what its required members name: as many of them as one
    operation describes something by.
    """
    model = service_model.operation(name)
    if not any(shape.name == NotFound.code for shape in model.error_shapes):
        return ""
    naming = set(naming_members(name))
    able = {one: set(naming_members(one)) for one in describing}
    inside = [one for one, named in able.items() if named <= naming and _identifies(one)]
    return min(inside, key=lambda one: (-len(able[one]), len(one)), default="")


def _identifies(operation: str) -> bool:
    """True if what a request describes has a name, and is not one of a fixed set of values alone."""
    members = service_model.operation(operation).input_shape.members
    return any(not members[name].enum for name in naming_members(operation))


def _kind(operation: str) -> ResourceKind:
    """How ARNs of what an operation describes begin: `code-repository`, for DescribeCodeRepository."""
    if operation in KINDS:
        return KINDS[operation]
    return ResourceKind(re.sub(r"(?<=[a-z\d])(?=[A-Z])", "-", operation.removeprefix("Describe")).lower())
