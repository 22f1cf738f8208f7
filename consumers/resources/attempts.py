"""What runs again after an end, as executions of pipelines and their steps do: what belongs to which attempt."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import msgspec

from consumers.state import Field, Incarnation, moment

FINISHED = frozenset({"Succeeded", "Failed", "Stopped", "CompletedWithFailures"})
"""How executions and steps end."""


class Attempt(NamedTuple):
    """Which fields belong to one attempt.

    Attributes:
        fields: Their names: an attempt that does not report one of them has none.
        began: When the newest attempt began, in epoch milliseconds; 0 when there was no other.
    """

    fields: tuple[str, ...]
    began: Callable[[Incarnation], int]

    def earlier(self, incarnation: Incarnation) -> dict[str, Field]:
        """The fields that an earlier attempt reported, and no later one."""
        began = self.began(incarnation)
        fields = {name: one for name in self.fields if (one := incarnation.fields.get(name))}
        return {name: one for name, one in fields.items() if moment(one[0]) < began}

    def newest(self, incarnation: Incarnation) -> Incarnation:
        """An incarnation without what earlier attempts reported."""
        earlier = self.earlier(incarnation)
        if not earlier:
            return incarnation
        fields = {name: one for name, one in incarnation.fields.items() if name not in earlier}
        return msgspec.structs.replace(incarnation, fields=fields)


def is_resumed(current: str | None, previous: str | None) -> bool:
    """True if these statuses report that something runs again: its event repeats when it first began (plausible).

    Source: evidence.md#pipeline-retry.
    """
    return previous in FINISHED and bool(current) and current not in FINISHED


def began_after_end(incarnation: Incarnation, status: str, end: str) -> int:
    """When something runs again, the time after its end; 0 while it has not ended, or ended last.

    Args:
        incarnation: Its state.
        status: The name of the field with its status.
        end: The name of the field with its end.
    """
    fields = incarnation.fields
    if status not in fields or end not in fields:
        return 0
    stamped, value = fields[status]
    ended = moment(fields[end][0])
    return ended + 1 if msgspec.json.decode(value) not in FINISHED and ended < moment(stamped) else 0
