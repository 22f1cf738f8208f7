"""What a resource type is; and a resource as rules see it: one incarnation, typed, with the way to others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Generic, Literal, NamedTuple, Protocol, TypeVar, cast

import msgspec

from consumers.arns import account_prefix, build_arn, name_in, parse_arn, with_case
from consumers.kind import ResourceKind
from consumers.resources.attempts import Attempt
from consumers.resources.calls import CallEffect
from consumers.resources.descriptions import Description
from consumers.resources.fields import as_map, identity_of, instant, read
from consumers.resources.s3_spelling import with_s3_uris
from consumers.state import (
    CREATED_BY,
    DELETED,
    MODIFIED_BY,
    Incarnation,
    ResourceState,
    detail,
    has_ours,
    incarnations,
    modified,
    moment,
    tags,
)
from ingest.event import Malformed
from ingest.sagemaker_operations import ListOperation
from store.lineage import ARTIFACT_WEIGHTS, CLIENT, OWNER, Action, Artifact, Entity, Lineage, Measured

D_co = TypeVar("D_co", bound=msgspec.Struct, covariant=True)
D = TypeVar("D", bound=msgspec.Struct)
T = TypeVar("T")


class Change(msgspec.Struct, frozen=True):
    """The tracked values at a time, in epoch milliseconds."""

    time: int
    values: tuple[str, ...]


class Turn(NamedTuple, Generic[T]):
    """A value in a history: from when, until when (None: it still is)."""

    value: T
    since: int
    until: int | None


def turns(history: Iterable[tuple[int, T]], end: int | None) -> list[Turn[T]]:
    """The values of a history, in turn; equal ones that follow each other are no change.

    Args:
        history: Values with their times, in order.
        end: Until when the last one holds; None: it still does.
    """
    found: list[Turn[T]] = []
    for time, value in history:
        if not found or value != found[-1].value:
            if found:
                found[-1] = found[-1]._replace(until=time)
            found.append(Turn(value, time, end))
    return found


class Resource(msgspec.Struct, Generic[D_co], frozen=True):
    """One incarnation of a resource.

    Attributes:
        kind: Its kind.
        arn: Its ARN.
        name: Its name with its case, where its fields have it; else what its ARN says after its kind.
        detail: Its fields, as its type has them.
        created: When it was made, as near as any observation says, in epoch milliseconds.
        modified: When the newest of its fields was observed.
        replaced: When another was made under its name, or None.
        again: True if another had its name before.
        deleted: When it was deleted, where a call says so, or None.
        changes: The tracked values, in the order of time; equal ones may follow each other.
        tags: Its tags, as they are now.
        created_by: Who made it: the ARN of an identity, or empty.
        modified_by: Who changed it last, likewise.
        measured: Of a trial component: the metrics that clients put, by name.
    """

    kind: ResourceKind
    arn: str
    name: str
    detail: D_co
    created: int
    modified: int
    replaced: int | None = None
    again: bool = False
    deleted: int | None = None
    changes: tuple[Change, ...] = ()
    tags: dict[str, str] = {}
    created_by: str = ""
    modified_by: str = ""
    measured: dict[str, Measured] = {}

    @property
    def arn_prefix(self) -> str:
        """Its ARN up to its account: `arn:aws:sagemaker:us-east-1:111122223333:`."""
        return account_prefix(self.arn)

    @property
    def tail(self) -> str:
        """What its ARN says after its kind: a name, or `<group>/<version>`."""
        return name_in(self.arn)

    @property
    def gone(self) -> bool:
        """True if it was deleted, or another was made under its name."""
        return self.deleted is not None or self.replaced is not None

    @property
    def source_types(self) -> tuple[tuple[str, str], ...]:
        """What tells its artifact from that of the first incarnation, which has the same ARN; nothing for the first."""
        return (("Custom", str(self.created // 1000)),) if self.again else ()

    def describe(self, operation: str) -> Iterator[DescribeRequest]:
        """The request to describe it, by its name with its case; none once it is deleted or replaced."""
        if not self.gone:
            yield DescribeRequest(f"{self.arn[: -len(self.tail)]}{self.name}", operation)

    def arn_beside(self, kind: ResourceKind, name: str) -> str:
        """The ARN of a resource of the same account and region, from its name or its ARN."""
        return name if name.startswith("arn:") else f"{self.arn_prefix}{kind}/{name}"

    def key_beside(self, kind: ResourceKind, name: str) -> str:
        """The key of a resource of the same account and region, from its name or its ARN."""
        return self.arn_beside(kind, name).lower()


class Lookup(Protocol):
    """The way to other resources."""

    def __call__(self, key: str, fields: type[D], at: int | None = None) -> Resource[D] | None:
        """A resource, as it stood.

        Args:
            key: Its ARN in lower case.
            fields: The type of its fields.
            at: When, in epoch milliseconds: the incarnation that stood then, or the newest.

        Returns:
            The resource, or None when nothing is known of it.
        """


class DescribeRequest(NamedTuple):
    """A question for SageMaker that events leave open.

    Attributes:
        arn: The resource: an ARN, with the name's own case where that is known.
        operation: The operation of SageMaker's API.
    """

    arn: str
    operation: str


class Envelope(NamedTuple):
    """Where an observation comes from, and the ARNs that stand beside its fields."""

    account: str
    region: str
    resources: tuple[str, ...]

    def arn(self, resource: str, service: str = "sagemaker") -> str | None:
        """The ARN of a resource of this account and region, or None where these are missing."""
        return build_arn(self.region, self.account, resource, service)


Mark = Literal["observed", "documented", "plausible", "ours"]
"""What a rule rests on (docs/evidence.md); ours, where SageMaker captures nothing."""


@dataclass(frozen=True, kw_only=True)
class ResourceType(Generic[D_co]):
    """All about one type of resource.

    Callers use the methods, which take a resource of any type and check that it is of this one.

    Attributes:
        kind: The kind of its resources.
        name: For evidence and logs.
        mark: What its rule rests on.
        version: Goes up when the rule says something else than before.
        passes_on: True if what a resource references matters to those that reference the resource.
        fields: The type of its fields.
        lineage: The rule: the lineage of a resource.
        references: The keys of what the rule looks up: when one of these changes, the resource is derived again.
        missing: What events leave out and lineage needs: requests to SageMaker.
        arn_field: The field with its ARN.
        name_field: The field with its name, which makes the ARN where that is missing.
        identity: Makes its ARN of its fields, where that takes more than its name; None where they do not say it.
        status_fields: The fields with its status: the main one, then a finer one.
        clock_fields: The fields with the time of a change. The latest counts.
        created_field: The field that differs between the incarnations of a name, where a name can be used again.
        began_field: The field with the time when it began, where nothing may say when it was made.
        tracked: The values whose whole history the rule needs.
        resumed: True if fields report that it runs again after an end, since when only their envelope says.
        attempt: Of what runs again after an end: the fields that belong to one attempt, and when the newest one began.
        also: What an observation of it says of other resources: from its ARN, its fields, and their time.
        events: The detail-types of the events that report it.
        calls: What recorded calls do to it, by operation; one of another service is named `<service> <operation>`.
        described_by: The operation that describes it.
        further_descriptions: Further operations that describe something of it.
        listed_by: The operation that lists it.
        listed_within: The kind of what it is listed in, if not all are listed at once.
    """

    kind: ResourceKind
    name: str
    mark: Mark
    version: int = 1
    passes_on: bool = False
    fields: type[D_co]
    lineage: Callable[[Resource[D_co], Lookup], Lineage]
    references: Callable[[Resource[D_co]], Iterable[str]] | None = None
    missing: Callable[[Resource[D_co], Lookup], Iterable[DescribeRequest]] | None = None
    arn_field: str = ""
    name_field: str = ""
    identity: Callable[[D_co, Envelope], str | None] | None = None
    status_fields: tuple[str, ...] = ()
    clock_fields: tuple[str, ...] = ("last_modified_time", "creation_time")
    created_field: str | None = "creation_time"
    began_field: str | None = None
    tracked: Callable[[D_co], tuple[str, ...]] | None = None
    resumed: Callable[[D_co], bool] | None = None
    attempt: Attempt | None = None
    also: Callable[[str, D_co, int], tuple[ResourceState, ...]] | None = None
    events: tuple[str, ...] = ()
    calls: Mapping[str, CallEffect] = field(default_factory=dict)
    described_by: Description | None = None
    further_descriptions: tuple[Description, ...] = ()
    listed_by: ListOperation | None = None
    listed_within: ResourceKind | None = None

    @cached_property
    def decoder(self) -> msgspec.json.Decoder[D_co]:
        """Reads fields of the type."""
        return msgspec.json.Decoder(self.fields)

    @property
    def signature(self) -> str:
        """Its name and its version, for evidence."""
        return f"{self.name}/{self.version}"

    @property
    def descriptions(self) -> tuple[Description, ...]:
        """All operations that describe something of it, its description first."""
        return (*((self.described_by,) if self.described_by else ()), *self.further_descriptions)

    def lineage_of(self, resource: Resource[msgspec.Struct], lookup: Lookup) -> Lineage:
        """The lineage of a resource; an entity that stands for the resource itself says who made and changed it."""
        lineage = with_s3_uris(self.lineage(self._checked(resource), lookup))
        if not (resource.created_by or resource.modified_by):
            return lineage
        return msgspec.structs.replace(lineage, entities=tuple(_signed(one, resource) for one in lineage.entities))

    def references_of(self, resource: Resource[msgspec.Struct]) -> Iterable[str]:
        """The keys of what a resource references."""
        return self.references(self._checked(resource)) if self.references else ()

    def missing_of(self, resource: Resource[msgspec.Struct], lookup: Lookup) -> Iterable[DescribeRequest]:
        """The describe requests that the lineage of a resource needs."""
        return self.missing(self._checked(resource), lookup) if self.missing else ()

    def identity_of(self, fields: msgspec.Struct, envelope: Envelope) -> str:
        """The ARN of the resource that an observation is about: its own, else one beside it, else one put together.

        Raises:
            Malformed: None of these say it.
        """
        if self.identity:
            if arn := self.identity(self._checked_fields(fields), envelope):
                return arn
            raise Malformed(f"does not say which {self.kind} it is about")
        for candidate in (getattr(fields, self.arn_field), *envelope.resources):
            if candidate and (parts := parse_arn(candidate)) and parts.part == self.kind:
                return str(candidate)
        name = getattr(fields, self.name_field)
        if name and (made := envelope.arn(f"{self.kind}/{name.lower()}")):
            return made
        missing = "account and region" if name else "name"
        raise Malformed(f"does not say which {self.kind} it is about: it has no ARN, and no {missing} to make one from")

    def tracked_of(self, fields: msgspec.Struct) -> tuple[str, ...]:
        """The values whose history the rule needs."""
        return self.tracked(self._checked_fields(fields)) if self.tracked else ()

    def resumed_of(self, fields: msgspec.Struct) -> bool:
        """True if fields report that the resource runs again after an end, since when only their envelope says."""
        return self.resumed is not None and self.resumed(self._checked_fields(fields))

    def current(self, incarnation: Incarnation) -> Incarnation:
        """An incarnation without what earlier attempts reported."""
        return self.attempt.newest(incarnation) if self.attempt else incarnation

    def also_of(self, arn: str, fields: msgspec.Struct, time: int) -> tuple[ResourceState, ...]:
        """What an observation of a resource says of other resources."""
        return self.also(arn, self._checked_fields(fields), time) if self.also else ()

    def resources(self, state: ResourceState) -> list[Resource[D_co]]:
        """Each incarnation of a resource as rules see it, the oldest first."""
        found = incarnations(state)
        replaced = [begun * 1000 if begun else None for begun, _ in found[1:]]
        return [
            self._resource(state, created, incarnation, until, again=number > 0)
            for number, ((created, incarnation), until) in enumerate(zip(found, [*replaced, None], strict=True))
        ]

    def created(self, resource: Resource[msgspec.Struct]) -> int:
        """When a resource was made, in epoch milliseconds; when it began, where nothing says that."""
        if self.began_field is None or getattr(resource.detail, "creation_time", None):
            return resource.created
        return instant(getattr(resource.detail, self.began_field)) or resource.created

    def _resource(
        self, state: ResourceState, created: int | None, incarnation: Incarnation, replaced: int | None, *, again: bool
    ) -> Resource[D_co]:
        incarnation = self.current(incarnation)
        fields = read(detail(incarnation), self.decoder)
        exactly = instant(getattr(fields, "creation_time", None))
        roughly = created * 1000 if created else state.earliest
        together = as_map(getattr(fields, "tags", None))
        ours = has_ours(incarnation)
        deleted = incarnation.fields.get(DELETED) if ours else None
        return Resource(
            kind=state.kind,
            arn=state.arn,
            name=with_case(name_in(state.arn), getattr(fields, self.name_field, None)),
            detail=fields,
            created=exactly or roughly or 0,
            modified=modified(incarnation),
            replaced=replaced,
            again=again,
            deleted=(msgspec.json.decode(deleted[1], type=int) or None) if deleted else None,
            changes=tuple(Change(moment(stamped), values) for stamped, values in incarnation.changes),
            tags=tags(incarnation, together) if ours else together,
            created_by=_identity(incarnation, CREATED_BY, "CreatedBy"),
            modified_by=_identity(incarnation, MODIFIED_BY, "LastModifiedBy"),
        )

    def _checked(self, resource: Resource[msgspec.Struct]) -> Resource[D_co]:
        self._checked_fields(resource.detail)
        return cast("Resource[D_co]", resource)

    def _checked_fields(self, fields: msgspec.Struct) -> D_co:
        if not isinstance(fields, self.fields):
            raise TypeError(f"{type(fields).__name__} are not the fields of a {self.name}")
        return fields


AnyResource = Resource[msgspec.Struct]
AnyResourceType = ResourceType[msgspec.Struct]


def _signed(entity: Entity, resource: AnyResource) -> Entity:
    # An approval or a deployment is not the doing of the identity that made the package or the endpoint.
    itself = entity.weight >= CLIENT or (isinstance(entity, Artifact) and entity.source_uri == resource.arn)
    if not itself or (isinstance(entity, Action) and entity.weight == OWNER):
        return entity
    weight = entity.weight
    if isinstance(entity, Artifact) and weight < CLIENT:  # more than those count that only mention it, by its type
        weight = max(weight, ARTIFACT_WEIGHTS.get(entity.type, 5) + 1)
    return msgspec.structs.replace(
        entity, created_by=resource.created_by, modified_by=resource.modified_by, weight=weight
    )


def _identity(incarnation: Incarnation, recorded: str, described: str) -> str:
    """Who made or changed it: as a recorded call says, or else SageMaker's own description."""
    if recorded in incarnation.fields:
        return msgspec.json.decode(incarnation.fields[recorded][1], type=str)
    if described in incarnation.fields:
        return identity_of(incarnation.fields[described][1])
    return ""
