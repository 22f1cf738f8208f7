"""How completely Headwater knows the resources that an operation reads: a header of each response to a read says it."""

from __future__ import annotations

from collections.abc import Mapping

from consumers.kind import ASSOCIATION, ENTITIES, ResourceKind
from consumers.resources import RESOURCE_TYPES
from consumers.resources.kept import KEPT_KINDS

HEADER = "x-headwater-completeness"
"""The header of a response that says how the resources that it is about are known."""
NEVER = "never"
"""Nothing reports them: an empty list or a missing resource says nothing about AWS."""


def completeness(operation: str) -> str:
    """How resources become known that an operation describes or lists.

    Args:
        operation: One that describes or lists resources.

    Returns:
        `events` if SageMaker sends events of the kind; `calls` if only calls that CloudTrail records, and descriptions,
        report it; `never` if nothing does.
    """
    kind = KINDS.get(operation)
    if kind is None:
        return NEVER
    return "events" if RESOURCE_TYPES[kind].events else "calls"


def _kinds() -> Mapping[str, ResourceKind]:
    found: dict[str, ResourceKind] = {}
    for kind, one in RESOURCE_TYPES.items():
        if kind in ENTITIES or kind == ASSOCIATION:
            continue
        if one.listed_by:
            found[one.listed_by.name] = kind
        for description in one.descriptions:
            for operation in filter(None, (description.operation, description.operation.older)):
                found.setdefault(operation.name, kind)
    found.pop("ListTags", None)
    found |= {one.listed_by: one.kind for one in KEPT_KINDS}
    return found


KINDS: Mapping[str, ResourceKind] = _kinds()
"""The kind of the resources that each operation describes or lists, of those that have a type."""
