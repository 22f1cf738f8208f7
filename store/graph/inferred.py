"""Links between artifacts that follow from their addresses, where exact addresses miss them (docs/decisions/0008).

`s3://b/x` and `s3://b/x/` are the same thing. What a run read inside of what another run produced, or inside of a
feature group's offline store, was derived from it. Such links have no rows: they are found at each walk, by the
index on addresses, so it does not matter which side came last.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from enum import StrEnum

import msgspec
from sqlalchemy import ColumnElement, Connection, exists, or_, select

from store import bulk
from store.lineage import Artifact, AssociationType
from store.tables import Words, association, entity

_S3 = "s3://"


class Reason(StrEnum):
    """Why two addresses are linked."""

    SAME = "same address"
    INSIDE = "inside"


TYPES: Mapping[Reason, AssociationType] = {
    Reason.SAME: AssociationType.SAME_AS,
    Reason.INSIDE: AssociationType.DERIVED_FROM,
}


class Inferred(msgspec.Struct, frozen=True, gc=False):
    """A link between two artifacts, by their ids."""

    source: int
    destination: int
    reason: Reason


def towards(connection: Connection, artifacts: Mapping[int, str]) -> list[Inferred]:
    """All links by address that lead to some artifacts, given by id and address."""
    near = _in_s3(artifacts)
    around = _at(connection, {text for uri in near.values() for text in (*spellings(uri), *_above(uri))}, near)
    found = [
        Inferred(same, number, Reason.SAME)
        for number, uri in near.items()
        for spelling in spellings(uri)
        for same in around.get(spelling, ())
        if same != number
    ]
    pairs = [
        (outer, number)
        for number, uri in near.items()
        for prefix in _above(uri)
        for outer in around.get(prefix, ())
    ]  # fmt: skip
    if pairs:
        made = _made(connection, {outer for outer, _ in pairs})
        inner = {number: near[number] for outer, number in pairs if outer in made}
        read = _read(connection, inner)
        found += [Inferred(*pair, Reason.INSIDE) for pair in pairs if pair[0] in made and pair[1] in read]
    return found


def onwards(connection: Connection, artifacts: Mapping[int, str]) -> list[Inferred]:
    """All links by address that lead on from some artifacts, given by id and address."""
    near = _in_s3(artifacts)
    around = _at(connection, {spelling for uri in near.values() for spelling in spellings(uri)}, near)
    found = [
        Inferred(number, same, Reason.SAME)
        for number, uri in near.items()
        for spelling in spellings(uri)
        for same in around.get(spelling, ())
        if same != number
    ]
    folders: dict[str, list[int]] = {}
    for number in _made(connection, [number for number, uri in near.items() if _is_folder(uri)]):
        folders.setdefault(_base(near[number]), []).append(number)
    if folders:
        inside = _inside(connection, folders)
        read = _read(connection, {number: uri for _, number, uri in inside})
        found += [
            Inferred(outer, number, Reason.INSIDE)
            for base, number, _ in inside
            if number in read
            for outer in folders[base]
        ]
    return found


def between(connection: Connection, source: int, destination: int) -> Inferred | None:
    """The link by address from one entity to another, or None."""
    wanted = select(entity.c.id, entity.c.source_uri).where(
        entity.c.id == destination, entity.c.lineage_type == Artifact.lineage_type
    )
    near = {row.id: row.source_uri for row in connection.execute(wanted)}
    return next((link for link in towards(connection, near) if link.source == source), None)


def spellings(uri: str) -> tuple[str, ...]:
    """An address with and without a slash at its end."""
    base = _base(uri)
    return (f"{base}/",) if base.endswith("/") else (base, f"{base}/")


def _base(uri: str) -> str:
    return uri.removesuffix("/")


def _is_folder(uri: str) -> bool:
    """True unless it is a bare bucket: too much lies in one to conclude that all of it was derived from it."""
    return bool(_base(uri).removeprefix(_S3).partition("/")[2])


def _in_s3(artifacts: Mapping[int, str]) -> dict[int, str]:
    return {number: uri for number, uri in artifacts.items() if uri.startswith(_S3) and uri != _S3}


def _above(uri: str) -> Iterator[str]:
    """The addresses that this one lies in, each with and without a slash at its end; a bare bucket is none."""
    base = _base(uri)
    key = base.find("/", len(_S3)) + 1
    slash = base.find("/", key + 1) if key else -1
    while slash != -1:
        yield from spellings(base[:slash])
        slash = base.find("/", slash + 1)


def _at(connection: Connection, texts: Collection[str], given: Collection[int]) -> dict[str, list[int]]:
    """Artifacts at some addresses: address -> ids. `given` are ids of artifacts that need not be read."""
    found: dict[str, list[int]] = {}
    if texts:
        wanted = select(entity.c.source_uri, entity.c.id).where(
            bulk.among(connection, entity.c.source_uri, sorted(texts))
        )
        there = connection.execute(
            wanted
        ).all()  # the index has both; of artifacts that are given, nothing else is needed
        others = [number for _, number in there if number not in given]
        artifacts = _those(connection, others, entity.c.lineage_type == Artifact.lineage_type)
        for uri, number in there:
            if number in given or number in artifacts:
                found.setdefault(uri, []).append(number)
    return found


def _inside(connection: Connection, bases: Collection[str]) -> list[tuple[str, int, str]]:
    """Artifacts that lie in some folders, each as (folder, id, address); folders have no slash at their end."""
    folder = bulk.listed(connection, bases, Words)
    there = select(entity.c.id, entity.c.source_uri).where(
        entity.c.source_uri > folder + "/",
        entity.c.source_uri < folder + "0",  # which follows the slash
        entity.c.lineage_type == Artifact.lineage_type,
    )
    if connection.dialect.name == "sqlite":
        wanted = there.with_only_columns(folder, entity.c.id, entity.c.source_uri)
    else:
        # Of a range for each folder PostgreSQL expects so much that it would read the table; the order makes it go
        # through the index for one folder at a time.
        one = there.order_by(entity.c.source_uri).lateral()
        wanted = select(folder, one.c.id, one.c.source_uri)
    return [(base, number, uri) for base, number, uri in connection.execute(wanted).all()]


def _made(connection: Connection, numbers: Collection[int]) -> set[int]:
    """Those of some artifacts that a run produced, or that are a feature group's offline store."""
    group = entity.alias()
    stores = (
        select(association.c.source_id)
        .join(group, group.c.id == association.c.destination_id)
        .where(
            association.c.source_id == entity.c.id,
            association.c.type == AssociationType.ASSOCIATED_WITH.value,
            group.c.lineage_type == "Context",
            group.c.type == "FeatureGroup",
        )
    )
    return _those(connection, numbers, or_(_produced(), stores.exists()))


def _read(connection: Connection, artifacts: Mapping[int, str]) -> set[int]:
    """Those of some artifacts that contributed to a run, and that no run produced at their very address."""
    contributed = exists().where(
        association.c.source_id == entity.c.id, association.c.type == AssociationType.CONTRIBUTED_TO.value
    )
    read = _those(connection, artifacts, contributed)
    around = _at(connection, {spelling for number in read for spelling in spellings(artifacts[number])}, artifacts)
    produced = _those(connection, {number for numbers in around.values() for number in numbers}, _produced())
    return {
        number
        for number in read
        if not any(same in produced for spelling in spellings(artifacts[number]) for same in around.get(spelling, ()))
    }


def _produced() -> ColumnElement[bool]:
    return exists().where(
        association.c.destination_id == entity.c.id, association.c.type == AssociationType.PRODUCED.value
    )


def _those(connection: Connection, numbers: Collection[int], condition: ColumnElement[bool]) -> set[int]:
    if not numbers:
        return set()
    wanted = select(entity.c.id).where(bulk.among(connection, entity.c.id, numbers), condition)
    return set(connection.scalars(wanted).all())
