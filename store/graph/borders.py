"""Links across accounts and regions: artifacts of several that stand for the same thing are `SameAs` each other.

A package that another account deploys, model data that it registers, an image that it runs: each account has an
artifact of its own for the same source, in each region. SageMaker associates those of several accounts whose ids are
equal (evidence.md#same-as). Such links have no rows: they are found at each walk, by the index on addresses, so it does
not matter which came first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, func, select

from store import bulk
from store.database import Store, Transaction
from store.graph.uses import has_type
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


class Borders:
    """The borders in a store: most have none, and then a walk looks for nothing across them."""

    def __init__(self, connection: Connection) -> None:
        """Read nothing yet."""
        self._connection = connection
        self._dialect = connection.dialect.name
        self._several: bool | None = None

    def across(self, near: Collection[int]) -> list[Crossing]:
        """All links that lead from some entities, given by id, into other accounts and regions."""
        if self._several is None:
            self._several = self._has_several()
        if not self._several:
            return []
        given = bulk.read(self._connection, _given(self._dialect), {"near": bulk.many(self._dialect, near)})
        here = [(number, key, uri) for number, key, uri in given]
        if not here:
            return []
        uris = bulk.many(self._dialect, sorted({uri for _, _, uri in here}))
        there: dict[str, list[tuple[int, str]]] = {}
        for uri, number, key in bulk.read(self._connection, _alike(self._dialect), {"uris": uris}):
            there.setdefault(uri, []).append((number, key))
        return [
            Crossing(number, other, _captured(key, other_key))
            for number, key, uri in here
            for other, other_key in there[uri]
            if place_of(key) != place_of(other_key)
        ]

    def _has_several(self) -> bool:
        """Whether the store has entities of more than one account or region."""
        first, last = bulk.read(self._connection, _ENDS, {}).fetchone() or (None, None)
        return first is not None and last is not None and place_of(first) != place_of(last)


def between(connection: Connection, source: int, destination: int) -> bool:
    """Whether such a link leads from one entity to another."""
    return any(one.far == source for one in Borders(connection).across([destination]))


_ENDS = select(
    select(entity.c.key).order_by(entity.c.key).limit(1).scalar_subquery(),
    select(entity.c.key).order_by(entity.c.key.desc()).limit(1).scalar_subquery(),
)
"""The first and the last key, which differ up to their accounts where there are several."""


@lru_cache(maxsize=2)
def _given(dialect: str) -> Select[Any]:
    wanted = select(entity.c.id, entity.c.key, entity.c.source_uri)
    return wanted.where(bulk.among_named(dialect, entity.c.id, "near"), has_type(Artifact))


@lru_cache(maxsize=2)
def _alike(dialect: str) -> Select[Any]:
    wanted = select(entity.c.source_uri, entity.c.id, entity.c.key)
    return wanted.where(bulk.among_named(dialect, entity.c.source_uri, "uris"), has_type(Artifact))


def places(store: Store) -> list[tuple[str, str]]:
    """The accounts and regions of all entities: (account, region), those that a sample has most of first."""
    sample = select(func.substr(entity.c.key, 1, _LONGEST_PLACE)).order_by(entity.c.id.desc()).limit(1000)

    def look(tx: Transaction) -> list[tuple[str, str]]:
        counted = Counter(place_of(arn) for arn in tx.connection.scalars(sample))
        found = [place for place, _ in counted.most_common()]
        after = ""
        while key := tx.connection.scalar(
            select(entity.c.key).where(entity.c.key > after).order_by(entity.c.key).limit(1)
        ):
            found.append(place_of(key))
            after = f"{':'.join(key.split(':')[:5])};"  # which follows the colon: one step in the index for each place
        return [(account, region) for region, account in dict.fromkeys(found)]

    return store.read(look)


_LONGEST_PLACE = 80


def place_of(arn: str) -> tuple[str, str]:
    """The region and the account in an ARN; empty where it has none."""
    parts = arn.split(":", 5)
    return (parts[3], parts[4]) if len(parts) == 6 else ("", "")


def account_of(arn: str) -> str:
    """The account in an ARN; empty where it has none."""
    return place_of(arn)[1]


def _captured(key: str, other: str) -> bool:
    (region, account), (other_region, other_account) = place_of(key), place_of(other)
    same_id = key.rpartition("/")[2] == other.rpartition("/")[2]
    return same_id and region == other_region and account != other_account
