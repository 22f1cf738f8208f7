"""How a resource is spoken of: which fields tell its identity, its status, its times; and what such news tell.

Events, recorded API calls and SageMaker's own answers tell of resources in the same words, so one row serves them all.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

from consumers import shapes
from consumers.kind import ResourceKind
from consumers.state import ENTRY, Incarnation, ResourceState, stamp, unplaced_observation
from ingest.event import Malformed, milliseconds


class Where(NamedTuple):
    """Where news come from, and the ARNs that they name beside what they tell."""

    account: str
    region: str
    resources: tuple[str, ...]


class Telling(msgspec.Struct, frozen=True):
    """How one kind of resource is spoken of.

    Attributes:
        kind: The resource.
        decoder: Reads what is told of it.
        arn: The field with its ARN.
        name: The field with its name, for news that lack the ARN.
        status: The fields with its status: the main one, then a finer one.
        clock: The fields with the change's own time. The latest that is there counts.
        created: The field that tells one life from another, where a name can be used again.
        began: The field that tells when it began, where it may be that none tells when it was made.
        tracked: The values whose whole history lineage needs.
        also: What else is told, of other resources.
        identity: Makes its ARN of what is told, where that takes more than its name; None where it does not say.
    """

    kind: ResourceKind
    decoder: msgspec.json.Decoder[Any]
    arn: str
    name: str
    status: tuple[str, ...]
    clock: tuple[str, ...]
    created: str | None = "creation_time"
    began: str | None = None
    tracked: Callable[[Any], tuple[str, ...]] = lambda detail: ()
    also: Callable[[str, Any, int], tuple[ResourceState, ...]] = lambda arn, detail, time: ()
    identity: Callable[[Any, Where], str | None] | None = None


def observed(
    telling: Telling,
    told: bytes | msgspec.Raw,
    where: Where,
    time: int | None,
    *,
    begins: bool = False,
    own_time: bool = False,
    unchanged: bool = False,
    least: int = 0,
) -> tuple[ResourceState, ...]:
    """What is told of a resource, that resource first.

    Args:
        telling: How its kind is spoken of.
        told: A JSON object, with SageMaker's names for its fields.
        where: Where it comes from.
        time: When it was told, in epoch milliseconds: an envelope's time, or None.
        begins: True if it tells that a life of the resource begins.
        own_time: True if `time` is the change's own, and not one that a repetition would tell anew.
        unchanged: True if what tells no time of a change has not changed since it was made.
        least: What it ranks at the least, among changes of the same millisecond.

    Raises:
        Malformed: It does not name its resource, or a value that rules need cannot be read.
    """
    detail = shapes.read(told, telling.decoder)
    arn = _identity(telling, detail, where)
    fields = _present(told)

    clock = telling.clock
    if unchanged and telling.created and not any(getattr(detail, name) for name in clock):
        clock = (telling.created,)
    times = [milliseconds(value, name) for name in clock if (value := getattr(detail, name))]
    changed = max(times, default=time if own_time else None)
    when = changed if changed is not None else time
    if when is None:
        raise Malformed(f"tells no time: neither {telling.clock[0]} in its detail nor a time in its envelope")
    created: int | None = 0
    if telling.created:
        created_at = getattr(detail, telling.created)
        created = milliseconds(created_at, telling.created) // 1000 if created_at else None

    stamped = stamp(when, max(least, _rank(detail, telling.status)))
    tracked = telling.tracked(detail)
    incarnation = Incarnation(
        {name: (stamped, value) for name, value in fields.items()},
        ((stamped, tracked),) if any(tracked) else (),
    )
    earliest = created * 1000 if created else when
    also = telling.also(arn, detail, earliest)
    if changed is None or created is None:
        content = fields if times or not own_time else {**fields, "": msgspec.Raw(b"%d" % when)}
        digest, unplaced = unplaced_observation(content, stamped, created, incarnation, begins=begins)
        return ResourceState(telling.kind, arn, earliest, unplaced={digest: unplaced}), *also
    return ResourceState(telling.kind, arn, earliest, incarnations={created: incarnation}), *also


_raw_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])
_EMPTY = (b"null", b'""', b"{}")


def _present(told: bytes | msgspec.Raw) -> dict[str, msgspec.Raw]:
    """The fields of a JSON object that hold something, or say that an entry of a map was taken away."""
    fields = _raw_fields.decode(told).items()
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


def _rank(detail: msgspec.Struct, fields: tuple[str, ...]) -> int:
    """How far along the life cycle a status is, 0 to 63: it decides between changes of the same millisecond."""
    return _rank_of(*(getattr(detail, field) for field in fields))


@lru_cache(maxsize=1024)
def _rank_of(status: str | None = None, finer: str | None = None) -> int:
    primary, secondary = ((told or "").replace("_", "").lower() for told in (status, finer))
    return _PRIMARY.get(primary, 0) * 8 + _SECONDARY.get(secondary, 0)


ARN = re.compile(r"(arn:aws[a-z0-9-]*:[a-z0-9-]+:[a-z0-9-]+:\d{12}:)([^/]+)/(.+)", re.IGNORECASE | re.DOTALL)


def _identity(telling: Telling, detail: Any, where: Where) -> str:
    """The ARN of the resource that news are about: as they tell it, else as they name it beside, else put together."""
    part = telling.kind.value
    if telling.identity:
        if found := telling.identity(detail, where):
            return found
        raise Malformed(f"does not say which {part} it is about")
    for told in (getattr(detail, telling.arn), *where.resources):
        if told and (match := ARN.fullmatch(told)) and match[2].lower() == part:
            return str(told)
    name = getattr(detail, telling.name)
    if name and (arn := arn_of(where, f"{part}/{name.lower()}")):
        return arn
    missing = "account and region" if name else "name"
    raise Malformed(f"does not say which {part} it is about: it has no ARN, and no {missing} to make one from")


def arn_of(where: Where, resource: str, service: str = "sagemaker") -> str | None:
    """An ARN put together from its last part, or None where account and region are not told."""
    if not re.fullmatch(r"\d{12}", where.account) or not where.region:
        return None
    return f"{partition_of(where.region)}:{service}:{where.region}:{where.account}:{resource}"


def camel(value: Any) -> Any:
    """A JSON value in the spelling of pipelines' events: keys begin with a small letter, at every level."""
    if isinstance(value, Mapping):
        return {name[:1].lower() + name[1:]: camel(inner) for name, inner in value.items()}
    return [camel(inner) for inner in value] if isinstance(value, list) else value


def partition_of(region: str) -> str:
    """The beginning of ARNs in a region: `arn:aws`, `arn:aws-cn` or `arn:aws-us-gov`."""
    if region.startswith("cn-"):
        return "arn:aws-cn"
    return "arn:aws-us-gov" if region.startswith("us-gov-") else "arn:aws"


def kind_in(arn: str) -> tuple[str, str] | None:
    """What sort of thing an ARN names, in lower case, and the name; None if it is no ARN of a thing with a name."""
    match = ARN.fullmatch(arn)
    return (match[2].lower(), match[3]) if match else None


def kind_of(arn: str) -> ResourceKind | None:
    """The kind of resource that an ARN names, if rules know it."""
    part, name = kind_in(arn) or ("", "")
    if part == ResourceKind.PIPELINE and "/execution/" in name:
        return ResourceKind.PIPELINE_EXECUTION
    return _KINDS.get(part)


_KINDS = {kind.value: kind for kind in ResourceKind}
