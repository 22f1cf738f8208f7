"""How SageMaker describes a resource: the operation, and how its response becomes the fields of resources."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from consumers.kind import ResourceKind
from consumers.resources.calls import JsonObject
from ingest.event import Malformed
from ingest.sagemaker_operations import LIST_TAGS, DescribeOperation, called_by_name


class Described(NamedTuple):
    """What a response says of one resource: its kind, and its fields as events spell them."""

    kind: ResourceKind
    fields: JsonObject


Reading = Callable[[JsonObject, tuple[str, ...]], Iterator[Described]]
"""Turns a response, and the ARNs that the request was about, into the fields of resources."""


@dataclass(frozen=True, slots=True)
class Description:
    """One operation that describes a resource.

    Attributes:
        operation: The operation.
        reading: Turns its response into fields; without one, the response has the fields of the resource's events.
        observed: False if nothing is observed in the response, which is only kept in the ledger.
    """

    operation: DescribeOperation
    reading: Reading | None = None
    observed: bool = True


def described(stem: str) -> Description:
    """The description of most resources: Describe<stem>, by <stem>Name, with <stem>Arn in the response."""
    return Description(called_by_name(f"Describe{stem}", f"{stem}Name", f"{stem}Arn"))


TAGS = Description(LIST_TAGS)
"""The tags of a resource, where its description has none."""


def items(response: JsonObject, field: str) -> list[dict[str, object]]:
    """The objects in a list of a response.

    Raises:
        Malformed: It is no list of objects.
    """
    found = response.get(field) or []
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise Malformed(f"{field} cannot be read: it is not a list of objects")
    return found
