"""A resource as rules see it: one life of it, typed, and the way to what it refers to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Generic, Literal, NamedTuple, Protocol, TypeVar

import msgspec

from consumers.kind import ResourceKind
from consumers.shapes import Time
from ingest.event import milliseconds
from store.lineage import ARTIFACT_WEIGHTS, CLIENT, OWNER, Action, Artifact, Entity, Lineage, Measured

D_co = TypeVar("D_co", bound=msgspec.Struct, covariant=True)
D = TypeVar("D", bound=msgspec.Struct)


class Change(msgspec.Struct, frozen=True):
    """What the tracked values were at a time, in epoch milliseconds."""

    time: int
    values: tuple[str, ...]


class Resource(msgspec.Struct, Generic[D], frozen=True):
    """One life of a resource.

    Attributes:
        kind: What sort of thing it is.
        arn: Its ARN.
        detail: All that is known of it, as its type.
        created: When it was made, as near as anyone tells, in epoch milliseconds.
        modified: When the newest of it was so.
        replaced: When another was made under its name, or None.
        deleted: When it was deleted, where a call tells so, or None.
        changes: What its tracked values have been, in order; equal ones may follow each other.
        tags: Its tags, as they are now.
        created_by: Who made it: the ARN of an identity, or empty.
        modified_by: Who changed it last, likewise.
        measured: Of a trial component: what clients measured, by the name of the metric.
    """

    kind: ResourceKind
    arn: str
    detail: D
    created: int
    modified: int
    replaced: int | None = None
    deleted: int | None = None
    changes: tuple[Change, ...] = ()
    tags: dict[str, str] = {}
    created_by: str = ""
    modified_by: str = ""
    measured: dict[str, Measured] = {}

    @property
    def partition(self) -> str:
        """Its ARN up to its account: `arn:aws:sagemaker:us-east-1:111122223333:`."""
        return partition(self.arn)

    @property
    def tail(self) -> str:
        """What its ARN says after its kind: a name, or `<group>/<version>`."""
        return self.arn.split(":", 5)[5].partition("/")[2]

    def named(self, name: str | None) -> str:
        """Its name with its case, if that is the name which its ARN speaks of; else what the ARN says."""
        tail = self.tail
        return name if name and name.lower() == tail.lower() else tail

    def asked(self, operation: str, name: str | None) -> Iterator[DescribeRequest]:
        """The question about it, by its name with its case; none about what is no more."""
        if not (self.deleted or self.replaced):
            yield DescribeRequest(f"{self.arn[: -len(self.tail)]}{self.named(name)}", operation)

    def beside(self, kind: ResourceKind, name: str) -> str:
        """The ARN of a resource of the same account and region, from its name or its ARN."""
        return name if name.startswith("arn:") else f"{self.partition}{kind}/{name}"

    def sibling(self, kind: ResourceKind, name: str) -> str:
        """The key of a resource of the same account and region, from its name or its ARN."""
        return self.beside(kind, name).lower()


class Lookup(Protocol):
    """The way to other resources."""

    def __call__(self, key: str, kind: type[D], at: int | None = None) -> Resource[D] | None:
        """A resource, as it stood.

        Args:
            key: Its ARN in lower case.
            kind: The type of its detail.
            at: When, in epoch milliseconds: the life that stood then, or the newest.

        Returns:
            The resource, or None when nothing is known of it.
        """


class DescribeRequest(NamedTuple):
    """What SageMaker is to be asked.

    Attributes:
        arn: What about: an ARN, with the name's own case where that is known.
        operation: By which operation of its API.
    """

    arn: str
    operation: str


Mark = Literal["observed", "documented", "plausible", "ours"]


@dataclass(frozen=True)
class Rule:
    """How one kind of resource becomes lineage.

    Attributes:
        name: For evidence.
        shape: The type of the resource's detail.
        lineage: What a resource says.
        mark: What it rests on (CAPTURE): observed, documented, plausible; or ours, where SageMaker captures nothing.
        refers: The keys of what it reads over `Lookup`: when one of these changes, it is derived anew.
        asks: What its news leave out and lineage needs: to be asked of SageMaker.
        version: Goes up when the rule says something else than before.
        passes_on: True if what it refers to matters to those who refer to it.
    """

    name: str
    shape: type[msgspec.Struct]
    lineage: Any  # Callable[[Resource[D], Lookup], Lineage]: D is bound to `shape`, which a field cannot say
    mark: Mark
    refers: Any = None  # Callable[[Resource[D]], Iterable[str]]
    asks: Any = None  # Callable[[Resource[D], Lookup], Iterable[Question]]
    version: int = 1
    passes_on: bool = False

    @cached_property
    def decoder(self) -> msgspec.json.Decoder[Any]:
        """Reads details of the shape."""
        return msgspec.json.Decoder(self.shape)

    @property
    def signature(self) -> str:
        """Its name and its version, for evidence."""
        return f"{self.name}/{self.version}"

    def apply(self, resource: Resource[Any], lookup: Lookup) -> Lineage:
        """What the resource says; of what stands for itself also who made it, and who changed it last."""
        said: Lineage = self.lineage(resource, lookup)
        if not (resource.created_by or resource.modified_by):
            return said
        return msgspec.structs.replace(said, entities=tuple(_signed(one, resource) for one in said.entities))

    def references(self, resource: Resource[Any]) -> Iterable[str]:
        """The keys of what the resource refers to."""
        keys: Iterable[str] = self.refers(resource) if self.refers else ()
        return keys

    def questions(self, resource: Resource[Any], lookup: Lookup) -> Iterable[DescribeRequest]:
        """What SageMaker is to be asked for the sake of the resource."""
        asked: Iterable[DescribeRequest] = self.asks(resource, lookup) if self.asks else ()
        return asked


def _signed(one: Entity, resource: Resource[Any]) -> Entity:
    # An approval or a deployment is not the doing of whoever made the package or the endpoint.
    itself = one.weight >= CLIENT or (isinstance(one, Artifact) and one.source_uri == resource.arn)
    if not itself or (isinstance(one, Action) and one.weight == OWNER):
        return one
    weight = one.weight
    if isinstance(one, Artifact) and weight < CLIENT:  # more than what others say, who know only its type
        weight = max(weight, ARTIFACT_WEIGHTS.get(one.type, 5) + 1)
    return msgspec.structs.replace(one, created_by=resource.created_by, modified_by=resource.modified_by, weight=weight)


@lru_cache(maxsize=4096)  # each is asked for several times in a row
def partition(arn: str) -> str:
    """An ARN up to its account."""
    return arn[: len(arn) - len(arn.split(":", 5)[5])].lower()


def instant(told: Time | None) -> int | None:
    """A time that was checked when it came, in epoch milliseconds."""
    return milliseconds(told, "time") if told else None
