"""What calls of SageMaker's API do to a resource, as data; `consumers.observe.cloudtrail` interprets it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto

JsonObject = Mapping[str, object]
"""The members of a JSON object, with SageMaker's names."""

Rewrite = Callable[[JsonObject], JsonObject | None]
"""Turns a call's parameters into the fields that events use; None where they do not say which resource is meant."""


class Effect(Enum):
    """What a call does to a resource."""

    CREATES = auto()
    STARTS = auto()
    """It begins a run that nothing deletes."""
    UPDATES = auto()
    DELETES = auto()
    LINKS = auto()
    """It makes a link, or makes it again: the link has no description of its own."""


@dataclass(frozen=True, slots=True)
class CallEffect:
    """What one operation does to a resource of a type.

    Attributes:
        effect: What it does.
        maps: The fields to which it adds entries, and from which it takes those in `<field>ToRemove`.
        rewrite: Turns its parameters into the fields that events use, where these differ.
    """

    effect: Effect
    maps: tuple[str, ...] = ()
    rewrite: Rewrite | None = None


def creates(rewrite: Rewrite | None = None) -> CallEffect:
    """A call that makes a resource."""
    return CallEffect(Effect.CREATES, rewrite=rewrite)


def starts(rewrite: Rewrite | None = None) -> CallEffect:
    """A call that starts a run, which nothing deletes."""
    return CallEffect(Effect.STARTS, rewrite=rewrite)


def updates(*maps: str, rewrite: Rewrite | None = None) -> CallEffect:
    """A call that changes a resource, and adds entries to these maps or takes them away."""
    return CallEffect(Effect.UPDATES, maps, rewrite)


def deletes(rewrite: Rewrite | None = None) -> CallEffect:
    """A call that deletes a resource: its state stays, and so does the time when it ended."""
    return CallEffect(Effect.DELETES, rewrite=rewrite)


def links() -> CallEffect:
    """A call that links two entities."""
    return CallEffect(Effect.LINKS)
