"""What a store holds, in numbers."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from sqlalchemy import Select, exists, func, or_, select

from store import describe_requests
from store.database import Store, Transaction
from store.graph.lineage import walk
from store.graph.traversal import Direction
from store.ledger import events as ledger
from store.tables import association, checkpoint, dead_letter, entity, resource
from store.tables import ledger as events

NEWEST = 200
"""How many of the newest models, and of the newest endpoints, are checked for a path to their data."""
FARTHEST = 20_000
"""How many ascendants of all of them together are looked at for that, the nearest first."""


class Reach(msgspec.Struct, frozen=True):
    """How many of some entities came, however indirectly, from a data set.

    Attributes:
        asked: How many were looked at.
        reaching: How many of these did.
        complete: False if not all ascendants were looked at, so that more may reach their data.
    """

    asked: int
    reaching: int
    complete: bool


class Status(msgspec.Struct, frozen=True):
    """A store in numbers; times in epoch milliseconds.

    Attributes:
        events: In the ledger, by outcome and kind.
        resources: Resources with a state, by kind.
        entities: By lineage type and type.
        associations: How many there are.
        dead_letters: How many there are.
        underived: Resources whose lineage is behind their state.
        problems: Resources whose rule failed: (key, why); the first twenty.
        last_received: When the last event came in, or None.
        last_event: The newest time of any event, or None.
        readings: Archives that were being read: name -> where reading stopped.
        questions: How many describe requests there are, by state.
        refusals: Why requests went without a description, the most frequent twenty reasons, and how many did so.
        models: Whether the newest models (packages, and what something was made of or serves) reach their data.
        endpoints: Whether the newest endpoints do.
    """

    events: Mapping[str, Mapping[str, int]]
    resources: Mapping[str, int]
    entities: Mapping[str, int]
    associations: int
    dead_letters: int
    underived: int
    problems: tuple[tuple[str, str], ...]
    last_received: int | None
    last_event: int | None
    readings: Mapping[str, str]
    questions: Mapping[str, int]
    refusals: Mapping[str, int]
    models: Reach
    endpoints: Reach


def status(store: Store) -> Status:
    """What a store holds."""
    models, endpoints = (_reach(store, wanted) for wanted in (_newest_models(), _newest_endpoints()))

    def look(tx: Transaction) -> Status:
        connection = tx.connection
        one = connection.scalar
        kinds = select(resource.c.kind, func.count()).where(resource.c.version > 0).group_by(resource.c.kind)
        types = select(entity.c.lineage_type, entity.c.type, func.count()).group_by(
            entity.c.lineage_type, entity.c.type
        )
        problems = select(resource.c.key, resource.c.problem).where(resource.c.problem.is_not(None)).limit(20)
        newest = select(events.c.received).order_by(events.c.id.desc()).limit(1)
        return Status(
            events=ledger.counts(tx),
            resources={row[0]: row[1] for row in connection.execute(kinds.order_by(resource.c.kind))},
            entities={
                f"{row[0]} {row[1]}".strip(): row[2]
                for row in connection.execute(types.order_by(entity.c.lineage_type, entity.c.type))
            },
            associations=one(select(func.count()).select_from(association)) or 0,
            dead_letters=one(select(func.count()).select_from(dead_letter)) or 0,
            underived=one(select(func.count()).where(resource.c.derived < resource.c.version)) or 0,
            problems=tuple((row[0], row[1]) for row in connection.execute(problems)),
            last_received=one(newest),
            last_event=one(select(func.max(events.c.time))),
            readings={row[0]: row[1] for row in connection.execute(select(checkpoint.c.name, checkpoint.c.position))},
            questions=describe_requests.counts(tx),
            refusals=dict(describe_requests.refusals(tx, 20)),
            models=models,
            endpoints=endpoints,
        )

    return store.read(look)


def _newest_models() -> Select[str]:
    used = exists().where(association.c.source_id == entity.c.id)
    package = entity.c.source_uri.like("arn:%:model-package/%")
    models = select(entity.c.arn).where(
        entity.c.lineage_type == "Artifact", entity.c.type == "Model", or_(package, used)
    )
    return models.order_by(entity.c.id.desc()).limit(NEWEST)


def _newest_endpoints() -> Select[str]:
    endpoints = select(entity.c.arn).where(entity.c.lineage_type == "Context", entity.c.type == "Endpoint")
    return endpoints.order_by(entity.c.id.desc()).limit(NEWEST)


def _reach(store: Store, wanted: Select[str]) -> Reach:
    """Walk from all of these at once to their ascendants, and back from the data sets among these."""
    starts = store.read(lambda tx: tx.connection.scalars(wanted).all())
    walked = walk(store, starts, Direction.ASCENDANTS, limit=FARTHEST)
    onward: dict[str, list[str]] = {}
    for edge in walked.edges:
        onward.setdefault(edge.source, []).append(edge.destination)
    ahead = [vertex.arn for vertex in walked.vertices if vertex.type == "DataSet"]
    reached = set(ahead)
    while ahead:
        new = set(onward.get(ahead.pop(), ())) - reached
        reached |= new
        ahead += new
    return Reach(len(starts), len(reached.intersection(starts)), walked.complete)
