"""The nouns of lineage: artifacts, trial components, contexts, actions, trials, experiments and what links them.

All are frozen and equal by value. Times are epoch milliseconds. ARNs are compared without case everywhere.
"""

from __future__ import annotations

import hashlib
from enum import StrEnum
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple

import msgspec

NAME_LIMIT = 120
"""The longest name SageMaker gives an entity, in characters."""


GROUP = "sagemaker-default-lineage-group"
"""The one lineage group of an account and region, made with its first entity (evidence.md#lineage-group)."""

LONGEST_URI = 2048
"""The longest source URI that SageMaker keeps, in bytes here: a database cannot index a text without end."""


class AssociationType(StrEnum):
    """How a source and a destination are linked."""

    CONTRIBUTED_TO = "ContributedTo"
    PRODUCED = "Produced"
    DERIVED_FROM = "DerivedFrom"
    ASSOCIATED_WITH = "AssociatedWith"
    SAME_AS = "SameAs"


_NONE: Any = MappingProxyType({})
"""No entries, shared by all that have none: a dictionary for each would be most of what a batch makes."""


class Entity(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What all entities have.

    Attributes:
        arn: Its identity, compared without case.
        type: ArtifactType, ContextType, ActionType, or the SourceType of a trial component.
        name: Its name, with its case; empty for artifacts that SageMaker captured.
        source_uri: What it stands for: a URI, or the ARN of a job, package or endpoint.
        created: When it was created, in epoch milliseconds.
        weight: Where several resources describe one entity, the heaviest description is believed. That of the resource
            which the entity stands for weighs `OWNER`.
        status: Of what it stands for, or empty.
        family: What a run in no experiment shares with runs that were made in the same way: inferred.
        created_by: The ARN or the name of the identity that made it, or empty.
        modified_by: The identity that changed it last, likewise.
        tags: Its tags; only those of a description that weighs `CLIENT` or more are saved.
    """

    lineage_type: ClassVar[str]
    details: ClassVar[tuple[str, ...]] = ("created_by", "modified_by")
    """The attributes that have no column of their own in the store."""

    arn: str
    type: str = ""
    name: str = ""
    source_uri: str = ""
    created: int = 0
    weight: int = 0
    status: str = ""
    family: str = ""
    created_by: str = ""
    modified_by: str = ""
    tags: dict[str, str] = _NONE

    @property
    def key(self) -> str:
        """The ARN as it is compared."""
        return self.arn.lower()


MENTIONED, REPORTED, CLIENT, OWNER = 0, 1, 90, 100
"""How much the description of an entity weighs: it is only mentioned; a resource reports it; a client made it; the
resource that it stands for describes it."""


class Artifact(Entity, frozen=True, kw_only=True, gc=False):
    """A thing with an address: a data set, an image, a model. Its weight follows from its type.

    Attributes:
        source_types: Other names of its source: (type, value).
        modified: When a client changed it last, or None.
        properties: Its other properties.
        metadata: Where it came from (MetadataProperties), as the resource that it stands for reports.
    """

    lineage_type: ClassVar[str] = "Artifact"
    details: ClassVar[tuple[str, ...]] = ("source_types", "properties", "metadata", "modified", *Entity.details)

    source_types: tuple[tuple[str, str], ...] = ()
    modified: int | None = None
    properties: dict[str, str] = _NONE
    metadata: dict[str, str] = _NONE


class Measured(NamedTuple):
    """A metric of a trial component.

    Attributes:
        last: The last value.
        time: When that was measured, in epoch milliseconds, or None.
        low: The least; None, like all that follows, where it was measured once.
        high: The greatest.
        mean: Their mean.
        deviation: Their standard deviation, of all of them (and not of a sample).
        points: How many there are.
    """

    last: float
    time: int | None = None
    low: float | None = None
    high: float | None = None
    mean: float | None = None
    deviation: float | None = None
    points: int | None = None


class TrialComponent(Entity, frozen=True, kw_only=True, gc=False):
    """One run of a training, processing or transform job.

    Attributes:
        billable_seconds: The seconds that are paid for, or None when they are unknown.
        parameters: Name -> (string, number): either or both are given.
        metrics: Name -> what was measured.
        inputs: Name -> (media type or empty, URI); outputs likewise.
        metadata: Where it came from: repository, commit, who generated it (MetadataProperties).
    """

    lineage_type: ClassVar[str] = "TrialComponent"
    details: ClassVar[tuple[str, ...]] = (
        "display_name", "message", "started", "ended", "modified", "billable_seconds", "inputs", "outputs", "metadata",
        *Entity.details,
    )  # fmt: skip

    display_name: str = ""
    message: str = ""
    started: int | None = None
    ended: int | None = None
    modified: int | None = None
    billable_seconds: int | None = None
    parameters: dict[str, tuple[str | None, float | None]] = _NONE
    metrics: dict[str, Measured] = _NONE
    inputs: dict[str, tuple[str, str]] = _NONE
    outputs: dict[str, tuple[str, str]] = _NONE
    metadata: dict[str, str] = _NONE


class Context(Entity, frozen=True, kw_only=True, gc=False):
    """What groups others: an endpoint, a model package group, a feature group."""

    lineage_type: ClassVar[str] = "Context"
    details: ClassVar[tuple[str, ...]] = (
        "description", "ended", "modified", "source_type", "source_id", "properties", *Entity.details,
    )  # fmt: skip

    description: str = ""
    source_type: str = ""
    source_id: str = ""
    ended: int | None = None
    modified: int | None = None
    properties: dict[str, str] = _NONE


class Action(Entity, frozen=True, kw_only=True, gc=False):
    """An act in the workflow: a deployment, an approval."""

    lineage_type: ClassVar[str] = "Action"
    details: ClassVar[tuple[str, ...]] = (
        "description", "ended", "modified", "source_type", "source_id", "properties", "metadata", *Entity.details,
    )  # fmt: skip

    description: str = ""
    source_type: str = ""
    source_id: str = ""
    ended: int | None = None
    modified: int | None = None
    properties: dict[str, str] = _NONE
    metadata: dict[str, str] = _NONE


class Experiment(Entity, frozen=True, kw_only=True, gc=False):
    """A collection of trials."""

    lineage_type: ClassVar[str] = "Experiment"
    details: ClassVar[tuple[str, ...]] = (
        "display_name", "description", "started", "ended", "modified", "properties", *Entity.details,
    )  # fmt: skip

    display_name: str = ""
    description: str = ""
    started: int | None = None
    ended: int | None = None
    modified: int | None = None
    properties: dict[str, str] = _NONE


class Trial(Entity, frozen=True, kw_only=True, gc=False):
    """A set of trial components that were run together.

    Attributes:
        experiment_name: What its maker called the experiment that it is in, whose own name may have other capitals.
    """

    lineage_type: ClassVar[str] = "Trial"
    details: ClassVar[tuple[str, ...]] = (
        "display_name", "experiment_name", "started", "ended", "modified", "properties", "metadata", *Entity.details,
    )  # fmt: skip

    display_name: str = ""
    experiment_name: str = ""
    started: int | None = None
    ended: int | None = None
    modified: int | None = None
    properties: dict[str, str] = _NONE
    metadata: dict[str, str] = _NONE


class Association(msgspec.Struct, frozen=True, gc=False):
    """A directed link between two entities.

    Attributes:
        source: The ARN of what contributed, produced, and so on.
        destination: The ARN of the other end.
        type: How they are linked.
        since: From when it held, in epoch milliseconds.
        until: Until when; None: it still does.
        inferred: True if it is ours, and not among those that SageMaker captures.
    """

    source: str
    destination: str
    type: AssociationType
    since: int = 0
    until: int | None = None
    inferred: bool = False


class Membership(msgspec.Struct, frozen=True, gc=False):
    """A trial component in a trial, or a trial in an experiment; both by ARN."""

    parent: str
    child: str


class Lineage(msgspec.Struct, frozen=True, gc=False):
    """What one resource contributes: entities, and links between them. Every end of a link is among the entities."""

    entities: tuple[Entity, ...] = ()
    associations: tuple[Association, ...] = ()
    memberships: tuple[Membership, ...] = ()

    def __or__(self, other: Lineage) -> Lineage:
        """The entities and links of both."""
        return Lineage(
            self.entities + other.entities,
            self.associations + other.associations,
            self.memberships + other.memberships,
        )


ARTIFACT_WEIGHTS = {"Model": 60, "Checkpoint": 50, "TensorBoard": 40, "DebugHook": 30, "Image": 20, "DataSet": 10}
"""An artifact is of the strongest type that any resource gives it, so its type does not depend on which came first."""


def artifact(
    partition: str,
    type_: str,
    source_uri: str,
    created: int,
    metadata: dict[str, str] | None = None,
    properties: dict[str, str] | None = None,
    *,
    source_types: tuple[tuple[str, str], ...] = (),
) -> Artifact:
    """The artifact for an address.

    Args:
        partition: The ARN's beginning, `arn:aws:sagemaker:<region>:<account>:`.
        type_: Its ArtifactType.
        source_uri: Its address, exactly as given: `.../train` and `.../train/` are two artifacts, as they are in AWS.
        created: When it was first mentioned.
        metadata: Where it came from, as the resource that it stands for reports; this outweighs other descriptions.
        properties: Its other properties, likewise.
        source_types: Other names of its source, sorted: with other ones it is another artifact.

    Raises:
        ValueError: The address is longer than any that SageMaker takes.
    """
    if len(source_uri.encode()) > LONGEST_URI:
        raise ValueError(f"a source URI of more than {LONGEST_URI:,} bytes: {source_uri[:60]}...")
    identity = hashlib.blake2b(msgspec.json.encode((source_uri, source_types)), digest_size=16).hexdigest()
    return Artifact(
        arn=f"{partition}artifact/{identity}",
        type=type_,
        source_uri=source_uri,
        created=created,
        weight=ARTIFACT_WEIGHTS.get(type_, 5) + bool(metadata or properties),
        metadata=metadata or _NONE,
        properties=properties or _NONE,
        source_types=source_types,
    )


def entity_name(*parts: str) -> str:
    """A name of at most `NAME_LIMIT` characters from parts joined by dashes.

    A longer one keeps its beginning and its last part and gets a digest between, so that no two become one.
    """
    name = "-".join(parts)
    if len(name) <= NAME_LIMIT:
        return name
    tail = f"-{hashlib.blake2b(name.lower().encode(), digest_size=6).hexdigest()}-{parts[-1]}"
    return name[: NAME_LIMIT - len(tail)] + tail


MADE_BY_HAND = "SageMakerExperimentTrialComponent"
"""The type of a trial component that stands for no job, as an end of associations (evidence.md#association-types)."""


def query_type(type_: str) -> str:
    """A type in QueryLineage's spelling: ListAssociations' `SageMakerTrainingJob` is its `TrainingJob`.

    Source: evidence.md#association-types.
    """
    return type_.removeprefix("SageMaker") if type_.endswith("Job") else type_
