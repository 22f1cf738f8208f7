"""What a person means by an ARN of anything, a URI or a name; and similar names, where nothing matches."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Select, func, literal, or_, select

from store.database import Store, Transaction
from store.graph.borders import place_of
from store.graph.traversal import Vertex
from store.lineage import OWNER, query_type
from store.tables import entity, membership, mention, reference, resource


class Match(msgspec.Struct, frozen=True):
    """Something that a person may have meant.

    Attributes:
        vertex: The entity.
        starts: Where a walk from it begins: itself, and the artifacts that other accounts have of its source; of a
            trial or an experiment, its trial components.
    """

    vertex: Vertex
    starts: tuple[str, ...]


_CAPTURED = re.compile(
    r"-(\d+-)?aws-(training-job|processing-job|transform-job|endpoint|model-package-group|feature-group)"
)
_EXECUTION = "SageMakerPipelineExecution"
_PREFERENCE = ("TrialComponent", "Artifact", "Context", "Trial", "Experiment", "Action")


def find(store: Store, ref: str) -> list[Match]:
    """What a person means by an ARN of anything, a URI, or a name.

    Returns:
        All that match equally well: mostly one; several where a name was used again; none.
    """
    return store.read(lambda tx: meant(tx.connection, ref.strip()))


def meant(connection: Connection, ref: str) -> list[Match]:
    """As `find`, within a transaction."""
    low = ref.lower()
    if not low:
        return []
    statements: list[Select[Any]] = [select(entity).where(entity.c.key == low)]
    statements.append(select(entity).where(entity.c.source_uri.in_({ref, low})))
    if low.startswith("arn:"):
        described = select(mention.c.entity_id).join(resource).where(resource.c.key == low, mention.c.weight > 0)
        itself = select(entity).where(entity.c.id.in_(described))
        reads = select(reference.c.resource_id.label("id")).where(reference.c.target == low).cte(recursive=True)
        further = (
            select(reference.c.resource_id)
            .join(resource, resource.c.key == reference.c.target)
            .join(reads, reads.c.id == resource.c.id)
        )
        reads = reads.union(further)
        readers = select(mention.c.entity_id).join(reads, reads.c.id == mention.c.resource_id)
        statements += [
            itself.where(func.lower(entity.c.source_uri) == low),  # however the events spelled it
            itself,
            select(entity).where(entity.c.id.in_(readers.where(mention.c.weight == OWNER))),
        ]
    else:
        # A literal, and not a parameter: the index is of names that are not empty.
        named = select(entity).where(entity.c.name != literal("", literal_execute=True))
        statements.append(named.where(entity.c.name == ref))
        begins = (entity.c.name >= f"{ref}-") & (entity.c.name < f"{ref}.")
        statements.append(named.where(begins, entity.c.name.contains("-aws-")))
        tail = func.lower(entity.c.source_uri).like(f"%/{_escaped(low)}", escape="\\")
        statements.append(select(entity).where(or_(func.lower(entity.c.name) == low, tail)))
    for number, statement in enumerate(statements):
        found = connection.execute(statement.limit(1000)).all()
        if number == 3 and not low.startswith("arn:"):
            found = [row for row in found if _CAPTURED.fullmatch(row.name[len(ref) :])]
        if found:
            best = min(_PREFERENCE.index(row.lineage_type) for row in found)
            preferred = [row for row in found if _PREFERENCE.index(row.lineage_type) == best]
            rows = sorted(preferred, key=lambda row: (row.created, row.key))
            return [_match(connection, *alike) for alike in _by_thing(rows)]
    return []


def _by_thing(rows: Sequence[Any]) -> Iterator[list[Any]]:
    """Entities by what they stand for: the artifacts that accounts have of one source are one thing, its owner's first.

    Where an account has several of one source in a region, these are different things.
    """
    places: dict[str, list[tuple[str, str]]] = {}
    for row in rows:
        places.setdefault(row.source_uri, []).append(place_of(row.key))
    alike: dict[str, list[Any]] = {}
    for row in rows:
        there = places[row.source_uri]
        shared = row.lineage_type == "Artifact" and len(there) == len(set(there))
        alike.setdefault(row.source_uri if shared else row.key, []).append(row)
    for things in alike.values():
        yield sorted(things, key=lambda row: place_of(row.key) != place_of(row.source_uri.lower()))


def _match(connection: Connection, row: Any, *others: Any) -> Match:
    vertex = Vertex(row.arn, query_type(row.type), row.lineage_type, row.name, row.source_uri, row.status)
    if row.lineage_type not in ("Trial", "Experiment"):
        return Match(vertex, (row.arn, *(other.arn for other in others)))
    inside = select(membership.c.child_id.label("id")).where(membership.c.parent_id == row.id).cte(recursive=True)
    inside = inside.union(select(membership.c.child_id).join(inside, membership.c.parent_id == inside.c.id))
    parts = select(entity.c.arn).join(inside, entity.c.id == inside.c.id)
    return Match(vertex, tuple(connection.scalars(parts.where(entity.c.lineage_type == "TrialComponent"))))


def executions(store: Store, ref: str) -> list[str]:
    """The ARNs of the pipeline executions that a person means: by ARN, by id, or by a pipeline, whose newest it is.

    Returns:
        All that match equally well: mostly one; none.
    """

    def look(tx: Transaction) -> list[str]:
        given, low = ref.strip(), ref.strip().lower()
        # A literal, and not a parameter: the index is of names that are not empty.
        has_name = entity.c.name != literal("", literal_execute=True)
        trials = select(entity.c.source_uri).where(entity.c.lineage_type == "Trial", entity.c.type == _EXECUTION)
        exactly = trials.where(or_(entity.c.key == low, entity.c.source_uri.in_({given, low})))
        named = trials.where(has_name, entity.c.name.in_({given, low}))
        for statement in (exactly, named):
            if found := set(tx.connection.scalars(statement)):
                return sorted(found)
        experiments = select(entity.c.id).where(entity.c.lineage_type == "Experiment")
        for means in (
            entity.c.source_uri.in_({given, low}),
            has_name & entity.c.name.in_({given, low}),
            has_name & (func.lower(entity.c.name) == low),
        ):
            inside = trials.join(membership, membership.c.child_id == entity.c.id)
            newest = inside.where(membership.c.parent_id.in_(list(tx.connection.scalars(experiments.where(means)))))
            if arn := tx.connection.scalar(newest.order_by(entity.c.created.desc(), entity.c.key).limit(1)):
                return [str(arn)]
        return []

    return store.read(look)


def runs_of(tx: Transaction, maker: str) -> list[str]:
    """What the trial components in a trial stand for: the ARNs of a tuning job's training jobs.

    Args:
        tx: To read in.
        maker: The ARN that the trial stands for: the tuning job's.
    """
    trials = select(entity.c.id).where(entity.c.source_uri == maker, entity.c.lineage_type == "Trial")
    inside = select(membership.c.child_id).where(membership.c.parent_id.in_(trials))
    runs = select(entity.c.source_uri).where(entity.c.id.in_(inside), entity.c.source_uri != "")
    return list(tx.connection.scalars(runs.order_by(entity.c.key)))


def nearest(store: Store, ref: str, count: int = 3) -> list[str] | None:
    """Names and URIs that resemble one that nothing matches, or None when the store is empty."""
    words = sorted(re.findall(r"[A-Za-z0-9]{3,}", ref.rpartition("/")[2] or ref), key=len, reverse=True)

    def look(tx: Transaction) -> list[str] | None:
        candidates: set[str] = set()
        for word in [*words[:3], ""]:
            pattern = f"%{_escaped(word[:12].lower())}%"
            for column in (entity.c.name, entity.c.source_uri):
                like = select(column).where(column != "", func.lower(column).like(pattern, escape="\\"))
                candidates |= set(tx.connection.scalars(like.limit(500)))
            if len(candidates) >= count:
                break
        return difflib.get_close_matches(ref, sorted(candidates), n=count, cutoff=0.4) if candidates else None

    return store.read(look)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
