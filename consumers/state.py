"""What is known of one resource: a value that grows by joining, so that the order of events cannot matter.

The law: `|` is commutative, associative and idempotent. Whoever folds events in whatever order, in whatever
batches, with whatever repetitions, ends with the same value.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from functools import lru_cache
from operator import itemgetter
from typing import Any

import msgspec

from consumers.kind import ResourceKind

Field = tuple[int, msgspec.Raw]
"""A field's newest value: its stamp, and the JSON that was told."""

RANKS = 64
"""How many statuses a stamp tells apart within a millisecond."""


def stamp(milliseconds: int, rank: int) -> int:
    """When something was so: the change's time, then the rank of its status in the life cycle."""
    return milliseconds * RANKS + rank


def moment(stamped: int) -> int:
    """The epoch milliseconds of a stamp."""
    return stamped // RANKS


OURS = "headwater:"
"""What the fields begin with that no field of SageMaker's does: few resources have any."""
DELETED = "headwater:deleted"
"""The field that says when a resource was deleted, in epoch milliseconds, or 0 as it was made: no field of SageMaker's
does."""
CREATED_BY, MODIFIED_BY = "headwater:created-by", "headwater:modified-by"
"""The fields that say who made a resource and who changed it last."""
ENTRY = "headwater:in:"
"""What the fields begin with that say what became of one entry of a map: its value, or null when it was taken away."""


def entry(field: str, key: str) -> str:
    """The field that says what became of one entry of a map that is a field."""
    return f"{ENTRY}{field}:{key}"


TAG = entry("Tags", "")
"""What the fields begin with that say what became of one tag."""


class Incarnation(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What is known of one life of a resource, or what one observation tells of it.

    Attributes:
        fields: Each field's newest value. A later event that lacks a field does not erase it.
        changes: Every value that the fields whose history lineage needs have had: (stamp, values).
    """

    fields: dict[str, Field] = {}
    changes: tuple[tuple[int, tuple[str, ...]], ...] = ()

    def __or__(self, other: Incarnation) -> Incarnation:
        """All that either knows: each field from its newest observation, the changes of both."""
        fields = self.fields
        if fields != other.fields:
            fields = dict(fields)
            for name, theirs in other.fields.items():
                ours = fields.get(name)
                if ours is None or newer(theirs, ours):
                    fields[name] = theirs
        changes = self.changes
        if changes != other.changes:
            changes = tuple(sorted({*changes, *other.changes}))
        return Incarnation(fields, changes)


class UnplacedObservation(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An observation that cannot be joined before everything is known.

    It tells no time of its own, so that the same news under two envelope times must count once, at the earlier; or
    it does not tell which life of the resource it speaks of.

    Attributes:
        stamp: By the earliest envelope that brought it.
        created: The life it speaks of, in epoch seconds, or None when it does not tell.
        life: What it tells.
        begins: True if it tells that a life begins, in a moment: it speaks of the one that begins nearest to it.
    """

    stamp: int
    created: int | None
    incarnation: Incarnation
    begins: bool = False


class ResourceState(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """All that is known of one resource.

    Attributes:
        kind: What sort of thing it is.
        arn: Its ARN; where events spell it in several ways, the first in the order of code points.
        earliest: The earliest time that anyone who speaks of it can tell, in epoch milliseconds.
        lives: What is known of each life, by its CreationTime in epoch seconds: a name can be used again.
        loose: Observations that are given to a life only when deriving, by a digest of what they tell.
    """

    kind: ResourceKind
    arn: str
    earliest: int | None = None
    incarnations: dict[int, Incarnation] = {}
    unplaced: dict[str, UnplacedObservation] = {}

    def __or__(self, other: ResourceState) -> ResourceState:
        """All that either knows."""
        incarnations = self.incarnations
        if other.incarnations:
            incarnations = dict(incarnations)
            for created, incarnation in other.incarnations.items():
                mine = incarnations.get(created)
                incarnations[created] = incarnation if mine is None else mine | incarnation
        unplaced = self.unplaced
        if other.unplaced:
            unplaced = dict(unplaced)
            for digest, told in other.unplaced.items():
                mine_loose = unplaced.get(digest)
                if mine_loose is None or _earlier(told, mine_loose):
                    unplaced[digest] = told
        return ResourceState(
            self.kind,
            self.arn if self.arn <= other.arn else other.arn,
            _least(self.earliest, other.earliest),
            incarnations,
            unplaced,
        )


def _earlier(theirs: UnplacedObservation, ours: UnplacedObservation) -> bool:
    """True if theirs is to replace ours: the same news, perhaps in another spelling of its JSON."""
    if theirs.stamp != ours.stamp:
        return theirs.stamp < ours.stamp
    return theirs != ours and msgspec.json.encode(theirs) < msgspec.json.encode(ours)


def newer(theirs: Field, ours: Field) -> bool:
    """True if theirs is to replace ours. A tie of stamps is broken by the value, never by arrival."""
    if theirs[0] != ours[0]:
        return theirs[0] > ours[0]
    one, other = bytes(theirs[1]), bytes(ours[1])
    return one != other and (canonical(one), one) > (canonical(other), other)


def canonical(value: bytes | msgspec.Raw) -> bytes:
    """JSON in the one spelling that equal values share; itself, where numbers in it are beyond all reckoning."""
    try:
        return msgspec.json.encode(msgspec.json.decode(value), order="sorted")
    except msgspec.DecodeError:
        return bytes(value)


def unplaced_observation(
    told: Mapping[str, msgspec.Raw],
    stamped: int,
    created: int | None,
    incarnation: Incarnation,
    *,
    begins: bool = False,
) -> tuple[str, UnplacedObservation]:
    """An observation to be placed later, and the digest that makes its repetitions one."""
    content = b"\0".join(name.encode() + b"\0" + canonical(told[name]) for name in sorted(told))
    digest = hashlib.blake2b(content, digest_size=16, person=str(created).encode()).hexdigest()
    return digest, UnplacedObservation(stamped, created, incarnation, begins)


def incarnations(known: ResourceState) -> list[tuple[int | None, Incarnation]]:
    """Each life of a resource with all that is known of it, the oldest first.

    Returns:
        Its CreationTime in epoch seconds (None when nobody has told it), and what is known.
    """
    grown: dict[int | None, Incarnation] = dict(known.incarnations.items())
    born = _born(known) if known.unplaced else set()
    for told in sorted(known.unplaced.values(), key=lambda unplaced: unplaced.stamp):
        # What was deleted and made anew within a second was deleted first.
        when = moment(told.stamp) - (_ends(told) and any(created * 1000 < moment(told.stamp) for created in born))
        created = told.created if told.created is not None else _life_at(born, when, told.begins)
        incarnation = restamped(told)
        mine = grown.get(created)
        grown[created] = incarnation if mine is None else mine | incarnation
    if not grown:
        grown[None] = Incarnation()
    return sorted(grown.items(), key=lambda item: (item[0] is not None, item[0] or 0))


def restamped(told: UnplacedObservation) -> Incarnation:
    """What a loose observation tells, as of the earliest envelope that brought it."""
    return Incarnation(
        {name: (told.stamp, value) for name, (_, value) in told.incarnation.fields.items()},
        tuple((told.stamp, values) for _, values in told.incarnation.changes),
    )


_NEAR = 60
"""Seconds between a request to make something and its CreationTime, at the most."""


def _born(known: ResourceState) -> set[int]:
    """When each life began, in epoch seconds: as told, or as the request told that made it."""
    born = set(known.incarnations) | {told.created for told in known.unplaced.values() if told.created is not None}
    ended = [moment(told.stamp) // 1000 for told in known.unplaced.values() if _ends(told)]
    for told in sorted((told for told in known.unplaced.values() if told.begins), key=lambda unplaced: unplaced.stamp):
        asked = moment(told.stamp) // 1000
        if not any(_same_life(created, asked, ended) for created in born):
            born.add(asked)
    return born


def _same_life(created: int, asked: int, ended: Collection[int]) -> bool:
    """True if what was made at one time is what was asked for at the other: near, and not deleted between."""
    return abs(created - asked) <= _NEAR and not any(created <= end <= asked and created < asked for end in ended)


def _ends(told: UnplacedObservation) -> bool:
    return DELETED in told.incarnation.fields and bytes(told.incarnation.fields[DELETED][1]) != b"0"


def _life_at(born: Collection[int], milliseconds: int, begins: bool) -> int | None:
    """The life that a time falls into: the last that had begun, or the first when none had.

    What tells that a life begins speaks of the one that begins nearest to it.
    """
    if begins:
        return min(born, key=lambda created: (abs(created - milliseconds // 1000), created), default=None)
    begun = [created for created in born if created * 1000 <= milliseconds]
    return max(begun) if begun else min(born, default=None)


def _least(one: int | None, other: int | None) -> int | None:
    if one is None or other is None:
        return other if one is None else one
    return min(one, other)


_decoder = msgspec.json.Decoder(ResourceState)


def encode(known: ResourceState) -> bytes:
    """Bytes for the store."""
    return msgspec.json.encode(known)


def decode(data: bytes) -> ResourceState:
    """What `encode` wrote."""
    return _decoder.decode(data)


@lru_cache(maxsize=4096)
def _quoted(name: str) -> bytes:
    return msgspec.json.encode(name)


def detail(incarnation: Incarnation) -> bytes:
    """The newest value of each field, as one JSON object, the way an event would tell it.

    Maps of which single entries were told are as they are now; but tags, which come in several spellings: see `tags`.
    """
    told = {name: value for name, (_, value) in incarnation.fields.items()}
    if has_ours(incarnation):
        single = {name[len(ENTRY) :].partition(":")[0] for name in told if name.startswith(ENTRY)}
        for field in single - {"Tags"}:
            told[field] = msgspec.Raw(msgspec.json.encode(with_entries(incarnation, field, _map(told.get(field)))))
    inside = b",".join([b"%s:%s" % (_quoted(name), value) for name, value in told.items()])
    return b"{" + inside + b"}"


def has_ours(incarnation: Incarnation) -> bool:
    """True if anything is known of a life in fields that are not SageMaker's, whose names have no colon."""
    return ":" in "".join(incarnation.fields)


def with_entries(incarnation: Incarnation, field: str, whole: Mapping[str, Any]) -> dict[str, Any]:
    """A map as it is now: what was told as a whole, and what became of single entries after that.

    Args:
        incarnation: What is known.
        field: The map's.
        whole: The newest that was told as a whole.
    """
    found = dict(whole)
    together = incarnation.fields[field][0] if field in incarnation.fields else -1
    beginning = entry(field, "")
    for name, (stamped, value) in incarnation.fields.items():
        if name.startswith(beginning) and stamped > together:
            key = name.removeprefix(beginning)
            one = msgspec.json.decode(value)
            if one is None:
                found.pop(key, None)
            else:
                found[key] = one
    return found


_BESIDE = frozenset({"Tags", "TrainingJobSummaries", "pipelineParameters"})
"""What is told beside a resource, in lists of their own."""


def modified(incarnation: Incarnation) -> int:
    """When the newest of what is known was so, in epoch milliseconds.

    SageMaker does not count tags as a change of what they are on; and lists are as old as the question for them.
    """
    fields = incarnation.fields
    if not _BESIDE.isdisjoint(fields) or has_ours(incarnation):
        fields = {name: told for name, told in fields.items() if name not in _BESIDE and not name.startswith(TAG)}
    return moment(max(fields.values(), key=_stamp_of)[0]) if fields else 0


_stamp_of = itemgetter(0)


def tags(incarnation: Incarnation, whole: Mapping[str, str]) -> dict[str, str]:
    """Its tags, as they are now.

    Args:
        incarnation: What is known.
        whole: The newest that were told together.
    """
    return {key: str(value) for key, value in with_entries(incarnation, "Tags", whole).items()}


def _map(told: msgspec.Raw | None) -> dict[str, Any]:
    whole = msgspec.json.decode(told) if told else {}
    return whole if isinstance(whole, dict) else {}
