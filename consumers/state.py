"""The state of one resource: a value that grows by joining, so that the order of events cannot matter.

The law: `|` is commutative, associative and idempotent. Events that are folded in any order, in any batches, with any
repetitions, end in the same value.
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
"""A field's newest value: its stamp, and its JSON as observed."""

RANKS = 64
"""How many ranks of statuses a stamp can hold within a millisecond."""


def stamp(milliseconds: int, rank: int) -> int:
    """The order of observations: the time of the change, then the rank of its status in the life cycle."""
    return milliseconds * RANKS + rank


def moment(stamped: int) -> int:
    """The epoch milliseconds of a stamp."""
    return stamped // RANKS


OURS = "headwater:"
"""The beginning of the names of our own fields; few resources have any."""
DELETED = "headwater:deleted"
"""Our field with the time when a resource was deleted, in epoch milliseconds; 0 when it was made."""
CREATED_BY, MODIFIED_BY = "headwater:created-by", "headwater:modified-by"
"""The fields with the identities that made a resource and that changed it last."""
ENTRY = "headwater:in:"
"""The beginning of the names of fields for one entry of a map: its value, or null when it was taken away."""


def entry(field: str, key: str) -> str:
    """The name of the field for one entry of a map."""
    return f"{ENTRY}{field}:{key}"


TAG = entry("Tags", "")
"""The beginning of the names of fields for one tag."""


class Incarnation(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The state of one incarnation of a resource, or what one observation reports of it.

    Attributes:
        fields: Each field's newest value. A later event that lacks a field does not erase it.
        changes: Every value of the tracked fields, whose history lineage needs: (stamp, values).
    """

    fields: dict[str, Field] = {}
    changes: tuple[tuple[int, tuple[str, ...]], ...] = ()

    def __or__(self, other: Incarnation) -> Incarnation:
        """Both: each field from its newest observation, and the changes of either."""
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
    """An observation that is joined only when lineage is derived, once all other observations are known.

    It has no time of its own, so that the same observation under two envelope times must count once, at the earlier
    one; or it does not say which incarnation of the resource it is about.

    Attributes:
        stamp: By the earliest envelope that brought it.
        created: The incarnation that it is about, in epoch seconds, or None when it does not say.
        incarnation: What it reports.
        begins: True if an incarnation begins with it: it is about the one that begins nearest to it.
    """

    stamp: int
    created: int | None
    incarnation: Incarnation
    begins: bool = False


class ResourceState(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """All that is known of one resource.

    Attributes:
        kind: Its kind.
        arn: Its ARN; where events spell it in several ways, the first in the order of code points.
        earliest: The earliest time in any observation of it, in epoch milliseconds.
        incarnations: The state of each incarnation, by its CreationTime in epoch seconds: a name can be used again.
        unplaced: Observations that are placed into an incarnation only when deriving, by a digest of their content.
    """

    kind: ResourceKind
    arn: str
    earliest: int | None = None
    incarnations: dict[int, Incarnation] = {}
    unplaced: dict[str, UnplacedObservation] = {}

    def __or__(self, other: ResourceState) -> ResourceState:
        """All that is in either."""
        incarnations = self.incarnations
        if other.incarnations:
            incarnations = dict(incarnations)
            for created, incarnation in other.incarnations.items():
                mine = incarnations.get(created)
                incarnations[created] = incarnation if mine is None else mine | incarnation
        unplaced = self.unplaced
        if other.unplaced:
            unplaced = dict(unplaced)
            for digest, theirs in other.unplaced.items():
                ours = unplaced.get(digest)
                if ours is None or _earlier(theirs, ours):
                    unplaced[digest] = theirs
        return ResourceState(
            self.kind,
            self.arn if self.arn <= other.arn else other.arn,
            _least(self.earliest, other.earliest),
            incarnations,
            unplaced,
        )


def _earlier(theirs: UnplacedObservation, ours: UnplacedObservation) -> bool:
    """True if theirs is to replace ours: the same observation, perhaps in another spelling of its JSON."""
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
    """JSON in the one spelling that equal values share; itself, where a number in it is too large to be read."""
    try:
        return msgspec.json.encode(msgspec.json.decode(value), order="sorted")
    except msgspec.DecodeError:
        return bytes(value)


def unplaced_observation(
    fields: Mapping[str, msgspec.Raw],
    stamped: int,
    created: int | None,
    incarnation: Incarnation,
    *,
    begins: bool = False,
) -> tuple[str, UnplacedObservation]:
    """An observation to be placed later, and the digest that makes its repetitions one."""
    content = b"\0".join(name.encode() + b"\0" + canonical(fields[name]) for name in sorted(fields))
    digest = hashlib.blake2b(content, digest_size=16, person=str(created).encode()).hexdigest()
    return digest, UnplacedObservation(stamped, created, incarnation, begins)


def incarnations(state: ResourceState) -> list[tuple[int | None, Incarnation]]:
    """Each incarnation of a resource with all that is known of it, the oldest first.

    Returns:
        Its CreationTime in epoch seconds (None when no observation says it), and its state.
    """
    placed: dict[int | None, Incarnation] = dict(state.incarnations.items())
    begun = _beginnings(state) if state.unplaced else set()
    for one in sorted(state.unplaced.values(), key=lambda unplaced: unplaced.stamp):
        # What was deleted and made again within a second was deleted first.
        when = moment(one.stamp) - (_ends(one) and any(created * 1000 < moment(one.stamp) for created in begun))
        created = one.created if one.created is not None else _incarnation_at(begun, when, one.begins)
        incarnation = restamped(one)
        mine = placed.get(created)
        placed[created] = incarnation if mine is None else mine | incarnation
    if not placed:
        placed[None] = Incarnation()
    return sorted(placed.items(), key=lambda item: (item[0] is not None, item[0] or 0))


def restamped(one: UnplacedObservation) -> Incarnation:
    """What an unplaced observation reports, as of the earliest envelope that brought it."""
    return Incarnation(
        {name: (one.stamp, value) for name, (_, value) in one.incarnation.fields.items()},
        tuple((one.stamp, values) for _, values in one.incarnation.changes),
    )


_NEAR = 60
"""Seconds between a request to make something and its CreationTime, at most."""


def _beginnings(state: ResourceState) -> set[int]:
    """When each incarnation began, in epoch seconds: its CreationTime, or the time of the request that made it."""
    unplaced = state.unplaced.values()
    begun = set(state.incarnations) | {one.created for one in unplaced if one.created is not None}
    ended = [moment(one.stamp) // 1000 for one in unplaced if _ends(one)]
    for one in sorted((one for one in unplaced if one.begins), key=lambda unplaced: unplaced.stamp):
        requested = moment(one.stamp) // 1000
        if not any(_same_incarnation(created, requested, ended) for created in begun):
            begun.add(requested)
    return begun


def _same_incarnation(created: int, requested: int, ended: Collection[int]) -> bool:
    """True if what was made at one time is what was requested at the other: near, and not deleted in between."""
    deleted = any(created <= end <= requested and created < requested for end in ended)
    return abs(created - requested) <= _NEAR and not deleted


def _ends(one: UnplacedObservation) -> bool:
    return DELETED in one.incarnation.fields and bytes(one.incarnation.fields[DELETED][1]) != b"0"


def _incarnation_at(begun: Collection[int], milliseconds: int, begins: bool) -> int | None:
    """The incarnation that a time falls into: the last that had begun, or the first when none had.

    An observation with which an incarnation begins is about the one that begins nearest to it.
    """
    if begins:
        return min(begun, key=lambda created: (abs(created - milliseconds // 1000), created), default=None)
    earlier = [created for created in begun if created * 1000 <= milliseconds]
    return max(earlier) if earlier else min(begun, default=None)


def _least(one: int | None, other: int | None) -> int | None:
    if one is None or other is None:
        return other if one is None else one
    return min(one, other)


_decoder = msgspec.json.Decoder(ResourceState)


def encode(state: ResourceState) -> bytes:
    """A state as bytes for the store."""
    return msgspec.json.encode(state)


def decode(data: bytes) -> ResourceState:
    """A state from the bytes of `encode`."""
    return _decoder.decode(data)


@lru_cache(maxsize=4096)
def _quoted(name: str) -> bytes:
    return msgspec.json.encode(name)


def detail(incarnation: Incarnation) -> bytes:
    """The newest value of each field, as one JSON object, as an event would have it.

    Maps are as they are now, single entries included; but tags, which come in several spellings: see `tags`.
    """
    values = {name: value for name, (_, value) in incarnation.fields.items()}
    if has_ours(incarnation):
        single = {name[len(ENTRY) :].partition(":")[0] for name in values if name.startswith(ENTRY)}
        for field in single - {"Tags"}:
            whole = _map(values.get(field))
            values[field] = msgspec.Raw(msgspec.json.encode(with_entries(incarnation, field, whole)))
    inside = b",".join([b"%s:%s" % (_quoted(name), value) for name, value in values.items()])
    return b"{" + inside + b"}"


def has_ours(incarnation: Incarnation) -> bool:
    """True if an incarnation has fields of our own: the names of SageMaker's have no colon."""
    return ":" in "".join(incarnation.fields)


def with_entries(incarnation: Incarnation, field: str, whole: Mapping[str, Any]) -> dict[str, Any]:
    """A map as it is now: as it was last observed as a whole, and the single entries that changed after that.

    Args:
        incarnation: The state.
        field: The name of the map.
        whole: The map as it was last observed as a whole.
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
"""What SageMaker reports beside a resource, in lists of their own."""


def modified(incarnation: Incarnation) -> int:
    """The time of the newest field, in epoch milliseconds.

    SageMaker does not count tags as a change of what they are on; and lists are as old as the request for them.
    """
    fields = incarnation.fields
    if not _BESIDE.isdisjoint(fields) or has_ours(incarnation):
        fields = {name: one for name, one in fields.items() if name not in _BESIDE and not name.startswith(TAG)}
    return moment(max(fields.values(), key=_stamp_of)[0]) if fields else 0


_stamp_of = itemgetter(0)


def tags(incarnation: Incarnation, whole: Mapping[str, str]) -> dict[str, str]:
    """Its tags, as they are now.

    Args:
        incarnation: The state.
        whole: The tags as they were last observed together.
    """
    return {key: str(value) for key, value in with_entries(incarnation, "Tags", whole).items()}


def _map(value: msgspec.Raw | None) -> dict[str, Any]:
    whole = msgspec.json.decode(value) if value else {}
    return whole if isinstance(whole, dict) else {}
