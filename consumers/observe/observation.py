"""One description of a resource -> its state: when each field was so, and of which incarnation.

Events, recorded API calls and SageMaker's own descriptions use the same fields, so one function reads them all.
"""

from __future__ import annotations

from functools import lru_cache

import msgspec

from consumers.resources.fields import read
from consumers.resources.types import AnyResourceType, Envelope
from consumers.state import ENTRY, Incarnation, ResourceState, stamp, unplaced_observation
from ingest.event import Malformed, milliseconds


def observe_fields(
    resource_type: AnyResourceType,
    content: bytes | msgspec.Raw,
    envelope: Envelope,
    time: int | None,
    *,
    begins: bool = False,
    own_time: bool = False,
    unchanged: bool = False,
    least: int = 0,
) -> tuple[ResourceState, ...]:
    """What the fields of one resource say: the state of that resource first, then of others.

    Args:
        resource_type: The type of the resource.
        content: A JSON object, with SageMaker's names for its fields.
        envelope: Where it comes from.
        time: The time of the envelope in epoch milliseconds, or None.
        begins: True if an incarnation of the resource begins with it.
        own_time: True if `time` is the change's own, and not that of an envelope, which differs when the event repeats.
        unchanged: True if fields without a time of a change have not changed since the resource was made.
        least: The least rank among changes of the same millisecond.

    Raises:
        Malformed: It does not name its resource, or a value that rules need cannot be read.
    """
    fields = read(content, resource_type.decoder)
    arn = resource_type.identity_of(fields, envelope)
    values = _present(content)

    clock, created_field = resource_type.clock_fields, resource_type.created_field
    if unchanged and created_field and not any(getattr(fields, name) for name in clock):
        clock = (created_field,)
    times = [milliseconds(value, name) for name in clock if (value := getattr(fields, name))]
    changed = max(times, default=time if own_time else None)
    if resource_type.resumed_of(fields) and time is not None and not own_time:
        time, changed = max(time, changed or 0), None
    when = changed if changed is not None else time
    if when is None:
        raise Malformed(f"has no time: neither {clock[0]} in its detail nor a time in its envelope")
    created: int | None = 0
    if created_field:
        created_at = getattr(fields, created_field)
        created = milliseconds(created_at, created_field) // 1000 if created_at else None

    stamped = stamp(when, max(least, _rank(fields, resource_type.status_fields)))
    tracked = resource_type.tracked_of(fields)
    incarnation = Incarnation(
        {name: (stamped, value) for name, value in values.items()},
        ((stamped, tracked),) if any(tracked) else (),
    )
    earliest = created * 1000 if created else when
    also = resource_type.also_of(arn, fields, earliest)
    if changed is None or created is None:
        identifying = values if times or not own_time else {**values, "": msgspec.Raw(b"%d" % when)}
        digest, unplaced = unplaced_observation(identifying, stamped, created, incarnation, begins=begins)
        return ResourceState(resource_type.kind, arn, earliest, unplaced={digest: unplaced}), *also
    return ResourceState(resource_type.kind, arn, earliest, incarnations={created: incarnation}), *also


_raw_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])
_EMPTY = (b"null", b'""', b"{}")


def _present(content: bytes | msgspec.Raw) -> dict[str, msgspec.Raw]:
    """The fields of a JSON object that hold something, or say that an entry of a map was taken away."""
    fields = _raw_fields.decode(content).items()
    return {
        name: value for name, value in fields if len(value) > 4 or bytes(value) not in _EMPTY or name.startswith(ENTRY)
    }


_PRIMARY = {
    status: rank
    for rank, statuses in enumerate(
        (
            "pending starting creating",
            "inprogress executing running updating rollingback systemupdating",
            "inservice active created",
            "outofservice",
            "stopping",
            "completed failed stopped succeeded completedwithfailures timeout error createfailed updaterollbackfailed",
            "deleting deletefailed",
        ),
        start=1,
    )
    for status in statuses.split()
}
_SECONDARY = {
    status: rank
    for rank, statuses in enumerate(
        (
            "pending starting pendingmanualapproval",
            "launchingmlinstances preparingtrainingstack restarting updating rejected",
            "downloading downloadingtrainingimage approved",
            "training interrupted",
            "uploading",
            "stopping",
            "completed failed stopped maxruntimeexceeded maxwaittimeexceeded",
        ),
        start=1,
    )
    for status in statuses.split()
}


def _rank(fields: msgspec.Struct, names: tuple[str, ...]) -> int:
    """How far along the life cycle a status is, 0 to 63: it decides between changes of the same millisecond."""
    return _rank_of(*(getattr(fields, name) for name in names))


@lru_cache(maxsize=1024)
def _rank_of(status: str | None = None, finer: str | None = None) -> int:
    primary, secondary = ((value or "").replace("_", "").lower() for value in (status, finer))
    return _PRIMARY.get(primary, 0) * 8 + _SECONDARY.get(secondary, 0)
