"""Links across accounts and regions: artifacts of several that stand for the same thing are `SameAs` each other.

A package that another account deploys, model data that it registers, an image that it runs: each account has an
artifact of its own for the same source, in each region. SageMaker associates those of several accounts whose ids are
equal (evidence.md#same-as). Such links have no rows: they are found at each walk, by the index on addresses, so it does
not matter which came first.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from sqlalchemy import Connection, select

from store import bulk
from store.lineage import Artifact
from store.tables import entity


class Crossing(NamedTuple):
    """Two artifacts of different accounts or regions that have the same source.

    Attributes:
        near: The id of the one that was given.
        far: The id of the other one.
        captured: Whether SageMaker associates them too: within a region, where the ids in their ARNs are equal. These
            are not where clients gave their sources different types.
    """

    near: int
    far: int
    captured: bool


def across(connection: Connection, near: Collection[int]) -> list[Crossing]:
    """All links that lead from some entities, given by id, into other accounts and regions."""
    if not has_several(connection):
        return []
    given = connection.execute(
        select(entity.c.id, entity.c.key, entity.c.source_uri).where(
            bulk.among(connection, entity.c.id, near), entity.c.lineage_type == Artifact.lineage_type
        )
    ).all()
    if not given:
        return []
    there: dict[str, list[tuple[int, str]]] = {}
    alike = select(entity.c.source_uri, entity.c.id, entity.c.key).where(
        bulk.among(connection, entity.c.source_uri, sorted({uri for _, _, uri in given})),
        entity.c.lineage_type == Artifact.lineage_type,
    )
    for uri, number, key in connection.execute(alike):
        there.setdefault(uri, []).append((number, key))
    return [
        Crossing(number, other, _captured(key, other_key))
        for number, key, uri in given
        for other, other_key in there[uri]
        if place_of(key) != place_of(other_key)
    ]


def between(connection: Connection, source: int, destination: int) -> bool:
    """Whether such a link leads from one entity to another."""
    return any(one.far == source for one in across(connection, [destination]))


def place_of(arn: str) -> tuple[str, str]:
    """The region and the account in an ARN; empty where it has none."""
    parts = arn.split(":", 5)
    return (parts[3], parts[4]) if len(parts) == 6 else ("", "")


def account_of(arn: str) -> str:
    """The account in an ARN; empty where it has none."""
    return place_of(arn)[1]


def has_several(connection: Connection) -> bool:
    """Whether a store has entities of more than one account or region."""
    by_key = select(entity.c.key).order_by(entity.c.key).limit(1)
    first, last = connection.scalar(by_key), connection.scalar(by_key.order_by(None).order_by(entity.c.key.desc()))
    return first is not None and last is not None and place_of(first) != place_of(last)


def _captured(key: str, other: str) -> bool:
    (region, account), (other_region, other_account) = place_of(key), place_of(other)
    same_id = key.rpartition("/")[2] == other.rpartition("/")[2]
    return same_id and region == other_region and account != other_account
