"""How runs used artifacts, and which writing a reader can have seen (docs/decisions/0015).

A writer is a run, a deployment that captures, or a feature group; a reader is whatever an artifact contributed to.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from enum import IntEnum
from functools import lru_cache
from typing import Any

import msgspec
from sqlalchemy import Column, ColumnElement, Connection, Select, or_, select

from store import bulk
from store.graph import addresses
from store.lineage import Action, Artifact, AssociationType, Context, TrialComponent
from store.tables import association, entity

FOREVER = 2**63 - 1
"""The end of what has none yet, in epoch milliseconds."""
_UNDER_WAY = frozenset({"inprogress", "stopping", "starting", "pending"})


class Use(msgspec.Struct, frozen=True, gc=False):
    """How a run used an artifact.

    Attributes:
        run: The id of the run, deployment or feature group.
        owner: What the place belongs to if none but it writes there: a job, an endpoint, a feature group.
        name: The name of the job or endpoint, or empty.
        first: When it began, in epoch milliseconds.
        last: When it ended; `FOREVER` if it has not.
        lasting: True of deployments and feature groups, which write and read all the time and not at an end of it.
        lineage_type: What sort of entity it is.
        inputs: The addresses that a transform job reads.
    """

    run: int
    owner: str
    name: str
    first: int
    last: int
    lasting: bool
    lineage_type: str
    inputs: tuple[str, ...] = ()

    @property
    def is_group(self) -> bool:
        """True of a feature group."""
        return self.lineage_type == Context.lineage_type

    @property
    def is_deployment(self) -> bool:
        """True of a deployment."""
        return self.lasting and self.lineage_type == Action.lineage_type


class Seen(IntEnum):
    """What a reader can have seen of a writing."""

    NOTHING = 0
    PART = 1
    ALL = 2


def seen(writer: Use, reader: Use, *, until_its_end: bool = False) -> Seen:
    """What a reader can have seen of a writing: all of what was finished before, part of what was under way.

    Args:
        writer: What wrote.
        reader: What read.
        until_its_end: Whether the reader, if it lasts, reads all the time and not only when it begins.
    """
    if writer.run == reader.run:
        return Seen.NOTHING
    begins = reader.last if until_its_end and reader.lasting else reader.first
    if (writer.first if writer.lasting else writer.last) <= begins:
        return Seen.ALL
    return Seen.PART if writer.first < reader.last else Seen.NOTHING


def names(writer: Use, folder: str, uri: str) -> bool:
    """True if a writer is known to give this name to what it writes into a folder.

    Source: evidence.md#transform-output, documented: a transform job adds `.out` to the name of its input.
    """
    written = addresses.base(uri).removeprefix(f"{folder}/")
    return any(written == f"{one.rpartition('/')[2]}.out" for one in writer.inputs if addresses.base(one) == one)


def owns(writer: Use, folder: str, uri: str, *, shared: bool) -> bool:
    """True if what lies at an address in a folder can be of this writer.

    Args:
        writer: What wrote into the folder.
        folder: Without a slash at its end.
        uri: An address inside of it.
        shared: True if the folder is one that jobs write to with a folder of their own for each: a debugger's,
            TensorBoard's, or one that endpoints capture into.

    Source: evidence.md#debugger-output, evidence.md#capture-path, documented.
    """
    first = uri.removeprefix(f"{folder}/").partition("/")[0]
    return not (shared or writer.is_deployment) or (bool(writer.name) and first.lower() == writer.name.lower())


class _Document(msgspec.Struct, gc=False):
    started: int | None = None
    ended: int | None = None
    modified: int | None = None
    inputs: dict[str, tuple[str, str]] = {}


_document = msgspec.json.Decoder(_Document)
_RUN = (
    entity.c.lineage_type, entity.c.type, entity.c.key, entity.c.source_uri, entity.c.status, entity.c.document,
)  # fmt: skip


def has_type(one: type[Artifact | Context]) -> ColumnElement[bool]:
    """The condition that an entity is of a lineage type. No index finds by it: all are where the others lead."""
    return entity.c.lineage_type.concat("") == one.lineage_type


def was_written() -> ColumnElement[bool]:
    """The condition that something produced an entity, or that it is the offline store of a feature group."""
    group = entity.alias()
    produced = select(association.c.source_id).where(
        association.c.destination_id == entity.c.id, association.c.type == AssociationType.PRODUCED.value
    )
    kept = (
        select(association.c.source_id)
        .join(group, group.c.id == association.c.destination_id)
        .where(
            association.c.source_id == entity.c.id,
            association.c.type == AssociationType.ASSOCIATED_WITH.value,
            group.c.lineage_type.concat("") == Context.lineage_type,
            group.c.type == "FeatureGroup",
        )
    )
    return or_(produced.exists(), kept.exists())


def was_read() -> ColumnElement[bool]:
    """The condition that an entity contributed to something."""
    contributed = select(association.c.source_id).where(
        association.c.source_id == entity.c.id, association.c.type == AssociationType.CONTRIBUTED_TO.value
    )
    return contributed.exists()


def writings(connection: Connection, artifacts: Collection[int]) -> dict[int, list[Use]]:
    """What wrote some artifacts: id -> what produced it, and the feature groups whose offline store it is."""
    return _uses(connection, artifacts, _wrote(connection.dialect.name))


def readings(connection: Connection, artifacts: Collection[int]) -> dict[int, list[Use]]:
    """What read some artifacts: id -> what it contributed to."""
    return _uses(connection, artifacts, _read(connection.dialect.name))


@lru_cache(maxsize=2)
def _wrote(dialect: str) -> tuple[Select[Any], ...]:
    produced = association.c.destination_id, association.c.source_id, AssociationType.PRODUCED
    kept = association.c.source_id, association.c.destination_id, AssociationType.ASSOCIATED_WITH
    keeps = _linked(dialect, *kept).where(has_type(Context), entity.c.type == "FeatureGroup")
    return _linked(dialect, *produced), keeps


@lru_cache(maxsize=2)
def _read(dialect: str) -> tuple[Select[Any], ...]:
    contributed = association.c.source_id, association.c.destination_id, AssociationType.CONTRIBUTED_TO
    return (_linked(dialect, *contributed),)


def _linked(dialect: str, near: Column[int], far: Column[int], type_: AssociationType) -> Select[Any]:
    """Selects what associations of a type link some artifacts to, at the far end."""
    return (
        select(near, far, association.c.since, association.c.until, *_RUN)
        .join(entity, entity.c.id == far)
        .where(bulk.among_named(dialect, near, "artifacts"), association.c.type == type_.value)
    )


def _uses(connection: Connection, artifacts: Collection[int], wanted: Iterable[Select[Any]]) -> dict[int, list[Use]]:
    found: dict[int, dict[int, Use]] = {}
    if artifacts:
        near = {"artifacts": bulk.many(connection.dialect.name, artifacts)}
        for statement in wanted:
            for row in bulk.read(connection, statement, near):
                one = _use(row)
                uses = found.setdefault(row[0], {})
                other = uses.get(one.run)
                uses[one.run] = one if other is None else min(one, other, key=lambda use: (use.first, use.last))
    return {number: list(uses.values()) for number, uses in found.items()}


def _use(row: Any) -> Use:
    _, run, since, until, lineage_type, type_, key, source_uri, status, document = row
    detail = _document.decode(document)
    lasting = lineage_type == Context.lineage_type or type_ == "ModelDeployment"
    first = since if lasting or detail.started is None else detail.started
    last = until if lasting else detail.ended
    if last is None:
        last = FOREVER if lasting or status.lower() in _UNDER_WAY else (detail.modified or first if status else first)
    transforms = lineage_type == TrialComponent.lineage_type and type_ == "SageMakerTransformJob"
    return Use(
        run,
        source_uri.lower() or key,
        source_uri.rpartition("/")[2],
        first,
        max(first, last),
        lasting,
        lineage_type,
        tuple(uri for _, uri in detail.inputs.values()) if transforms else (),
    )


def uses_at(
    places: Mapping[str, Sequence[int]], uses: Mapping[int, Sequence[Use]], bare: str
) -> Iterator[tuple[int, Use]]:
    """How the artifacts at an address were used, with and without a slash at its end: (artifact, use)."""
    for spelling in addresses.spellings(bare):
        for number in places.get(spelling, ()):
            for use in uses.get(number, ()):
                yield number, use
