"""Links between artifacts that follow from their addresses, where exact addresses miss them (docs/decisions/0015).

`s3://b/x` and `s3://b/x/` are the same thing. What a run read inside of what one other run alone produced before, or
inside of a feature group's offline store, was derived from it; and so was a prefix that a run read from what was
produced inside of it before. Such links have no rows: they are found at each walk, by the index on addresses, so it
does not matter which side came last.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from enum import StrEnum
from functools import lru_cache
from typing import Any

import msgspec
from sqlalchemy import Connection, Select, select

from store import bulk
from store.graph import addresses
from store.graph.uses import (
    Seen,
    Use,
    has_type,
    names,
    owns,
    readings,
    seen,
    uses_at,
    was_read,
    was_written,
    writings,
)
from store.lineage import Artifact, AssociationType
from store.tables import Words, association, entity


class Grade(StrEnum):
    """How an inferred link was concluded, and so how far it can be trusted."""

    SAME = "same address in another spelling"
    ACROSS = "same source in another account or region"
    OWNED = "inside an owned prefix"
    READ = "inside a prefix that was read"
    TIME = "by time only"


class Inferred(msgspec.Struct, frozen=True, gc=False):
    """A link between two artifacts, by their ids.

    Attributes:
        source: What it leads from.
        destination: What it leads to.
        type: As SageMaker would call it.
        grade: How it was concluded.
        readers: Of a prefix and what lies in it: the ids of the runs that read the destination and can have seen what
            was written to the source; the link says nothing of its other readers. Empty for the same address.
    """

    source: int
    destination: int
    type: AssociationType
    grade: Grade
    readers: frozenset[int] = frozenset()


def towards(connection: Connection, artifacts: Mapping[int, str], *, by_time: bool = False) -> list[Inferred]:
    """All links by address that lead to some artifacts.

    Args:
        connection: Where.
        artifacts: Their addresses by their ids.
        by_time: Whether those are among them for which only the time speaks.
    """
    near = {number: uri for number, uri in artifacts.items() if addresses.in_s3(uri)}
    if not near:
        return []
    found = [Inferred(same, number, AssociationType.SAME_AS, Grade.SAME) for same, number in _same(connection, near)]
    read = {number: near[number] for number in _those(connection, near, AssociationType.CONTRIBUTED_TO)}
    inside, covered = _out_of(connection, read), _covered(connection, read)
    return found + [one for one in (*inside, *covered) if by_time or one.grade is not Grade.TIME]


def onwards(connection: Connection, artifacts: Mapping[int, str], *, by_time: bool = False) -> list[Inferred]:
    """All links by address that lead on from some artifacts; as `towards`."""
    near = {number: uri for number, uri in artifacts.items() if addresses.in_s3(uri)}
    if not near:
        return []
    found = [Inferred(number, same, AssociationType.SAME_AS, Grade.SAME) for same, number in _same(connection, near)]
    written = writings(connection, near)
    folders = {f"{addresses.base(near[number])}/" for number in written if addresses.is_folder(near[number])}
    inner = {number: uri for _, number, uri in _beginning(connection, folders, AssociationType.CONTRIBUTED_TO)}
    around = _at(connection, {text for number in written for text in addresses.prefixes(near[number])}, near)
    outer = {number: uri for uri, numbers in around.items() for number in numbers}
    links = [
        *(one for one in _out_of(connection, inner) if one.source in near),
        *_covering(near, written, around, readings(connection, outer)),
    ]
    return found + [one for one in links if by_time or one.grade is not Grade.TIME]


def between(connection: Connection, source: int, destination: int) -> Inferred | None:
    """The link by address from one entity to another, or None."""
    wanted = select(entity.c.id, entity.c.source_uri).where(entity.c.id == destination, has_type(Artifact))
    near = {row.id: row.source_uri for row in connection.execute(wanted)}
    return next((link for link in towards(connection, near, by_time=True) if link.source == source), None)


# ----------------------------------------------------------------------------------------- an input inside of an output


class _Origin(msgspec.Struct, frozen=True, gc=False):
    """What one reader of an address can have got it from: a folder, who wrote there, and how that was concluded."""

    inner: int
    reader: Use
    folder: str
    writers: tuple[Use, ...]
    grade: Grade


class _Places(msgspec.Struct, frozen=True, gc=False):
    """The artifacts around some addresses, what wrote them and of what type they are."""

    at: Mapping[str, list[int]]
    written: Mapping[int, list[Use]]
    types: Mapping[int, str]

    def writers(self, folder: str, uri: str) -> list[Use]:
        """What wrote to a folder, as far as an address in it can be of it."""
        shared = any(
            self.types[number] in _OF_MANY
            for spelled in addresses.spellings(folder)
            for number in self.at.get(spelled, ())
        )
        return [use for _, use in uses_at(self.at, self.written, folder) if owns(use, folder, uri, shared=shared)]

    def artifacts(self, folder: str, writers: Collection[Use]) -> set[int]:
        """The artifacts of a folder that these wrote."""
        return {number for number, use in uses_at(self.at, self.written, folder) if use in writers}

    def keeps_state(self, folder: str) -> bool:
        """True of a folder of checkpoints: a job finds there what others left, and what it left itself."""
        return any(
            self.types[number] == "Checkpoint"
            for spelled in addresses.spellings(folder)
            for number in self.at.get(spelled, ())
        )


_OF_MANY = ("DebugHook", "TensorBoard")
"""The types of prefixes that SageMaker makes a folder in for each job."""


def _out_of(connection: Connection, inner: Mapping[int, str]) -> list[Inferred]:
    """Links to artifacts that were read from what they lie in."""
    texts = {
        spelled
        for uri in inner.values()
        for place in (addresses.base(uri), *addresses.above(uri))
        for spelled in addresses.spellings(place)
    }
    at = _at(connection, texts, inner)
    around = {number for numbers in at.values() for number in numbers}
    written = writings(connection, around)
    if not written:
        return []
    # Thousands may read one address: only the readers of what lies in something that was written are of interest.
    inner = {number: uri for number, uri in inner.items() if _lies_in(uri, at, written)}
    readers = readings(connection, inner)
    places = _Places(at, written, _types(connection, around))
    origins = [
        origin
        for number, uri in inner.items()
        for reader in readers.get(number, ())
        for origin in _origins(places, number, uri, reader, readers[number])
    ]
    others = _writing_inside(connection, {one.folder for one in origins if one.grade is Grade.OWNED})
    return _merged(
        (outer, one.inner, _doubted(one, others), one.reader.run)
        for one in origins
        for outer in places.artifacts(one.folder, one.writers)
    )


def _lies_in(uri: str, at: Mapping[str, list[int]], written: Mapping[int, list[Use]]) -> bool:
    """True if something was written to a folder that an address lies in."""
    return any(True for folder in addresses.above(uri) for _ in uses_at(at, written, folder))


def _origins(places: _Places, number: int, uri: str, reader: Use, readers: Collection[Use]) -> Iterator[_Origin]:
    """What one reader of an address can have got it from: the nearest folder to which something was written before.

    Nothing, where its very address was written before: what wrote it is known.
    """
    if any(seen(use, reader) for _, use in uses_at(places.at, places.written, addresses.base(uri))):
        return
    for folder in addresses.above(uri):
        can_be = [(use, seen(use, reader)) for use in places.writers(folder, uri)]
        whole = tuple(use for use, much in can_be if much is Seen.ALL)
        partly = tuple(use for use, much in can_be if much is Seen.PART)
        exact = tuple(use for use in whole if names(use, folder, uri))
        if partly:
            yield _Origin(number, reader, folder, partly, Grade.TIME)
        if exact:
            yield _Origin(number, reader, folder, exact, Grade.OWNED)
        elif whole:
            groups = {use.owner for use in whole if use.is_group}
            alone = len(groups or {use.owner for use in whole}) == 1 and not places.keeps_state(folder)
            older = any(not seen(use, other) for other in readers for use in whole if other.run != use.run)
            yield _Origin(number, reader, folder, whole, Grade.OWNED if alone and not older else Grade.TIME)
        if whole:
            return


def _doubted(origin: _Origin, others: Mapping[str, Mapping[int, int]]) -> Grade:
    """The grade of an origin: by time only, if others had begun to write into the folder before the reader began."""
    if origin.grade is not Grade.OWNED or any(use.is_group or use.is_deployment for use in origin.writers):
        return origin.grade
    runs = {origin.reader.run, *(use.run for use in origin.writers)}
    begun = others.get(origin.folder, {})
    shared = any(since < origin.reader.first for run, since in begun.items() if run not in runs)
    return Grade.TIME if shared else Grade.OWNED


# --------------------------------------------------------------------------------------- an output inside of an input


def _covered(connection: Connection, outer: Mapping[int, str]) -> list[Inferred]:
    """Links to prefixes that were read from what was produced inside of them."""
    beginnings: dict[str, list[int]] = {}
    for number, uri in outer.items():
        if addresses.is_folder(uri):
            beginning = uri if addresses.is_prefix(uri) else f"{addresses.base(uri)}/"
            beginnings.setdefault(beginning, []).append(number)
    inside = [
        (number, inner, uri)
        for beginning, inner, uri in _beginning(connection, beginnings, AssociationType.PRODUCED)
        for number in beginnings[beginning]
        if inner != number
    ]
    readers = readings(connection, {number for number, _, _ in inside})
    written = writings(connection, {inner for _, inner, _ in inside})
    return _merged(
        (inner, number, grade, reader.run)
        for number, inner, uri in inside
        for reader, grade in _seen_in(outer[number], uri, readers[number], written.get(inner, ()))
    )


def _covering(
    near: Mapping[int, str],
    written: Mapping[int, list[Use]],
    around: Mapping[str, list[int]],
    readers: Mapping[int, list[Use]],
) -> list[Inferred]:
    """Links from artifacts that were produced to prefixes that were read and cover them."""
    return _merged(
        (inner, number, grade, reader.run)
        for inner, uses in written.items()
        for text in addresses.prefixes(near[inner])
        if addresses.is_folder(text)
        for number in around.get(text, ())
        if inner != number
        for reader, grade in _seen_in(text, near[inner], readers.get(number, ()), uses)
    )


def _seen_in(outer: str, uri: str, readers: Iterable[Use], writers: Iterable[Use]) -> Iterator[tuple[Use, Grade]]:
    for reader in readers:
        if addresses.covers(outer, uri, by_prefix=_by_prefix(reader)):
            much = max((seen(writer, reader, until_its_end=True) for writer in writers), default=Seen.NOTHING)
            if much:
                yield reader, Grade.READ if much is Seen.ALL else Grade.TIME


def _by_prefix(reader: Use) -> bool:
    """True of jobs: they read all keys that begin with an address, where models are loaded from folders."""
    return reader.lineage_type == "TrialComponent"


# ------------------------------------------------------------------------------------------------------ what is there


def _merged(links: Iterable[tuple[int, int, Grade, int]]) -> list[Inferred]:
    """One link for each pair: of the best grade, for the readers of that grade."""
    found: dict[tuple[int, int], tuple[Grade, set[int]]] = {}
    for source, destination, grade, reader in links:
        best, readers = found.setdefault((source, destination), (grade, set()))
        if best is Grade.TIME and grade is not best:
            found[source, destination] = grade, {reader}
        elif grade is best:
            readers.add(reader)
    return [
        Inferred(source, destination, AssociationType.DERIVED_FROM, grade, frozenset(readers))
        for (source, destination), (grade, readers) in found.items()
    ]


def _same(connection: Connection, near: Mapping[int, str]) -> Iterator[tuple[int, int]]:
    """Pairs of another artifact at the same address, and the artifact."""
    around = _at(
        connection, {spelling for uri in near.values() for spelling in addresses.spellings(addresses.base(uri))}, near
    )
    for number, uri in near.items():
        for spelling in addresses.spellings(addresses.base(uri)):
            for same in around.get(spelling, ()):
                if same != number:
                    yield same, number


def _at(connection: Connection, texts: Collection[str], given: Collection[int]) -> dict[str, list[int]]:
    """Artifacts at some addresses: address -> ids. `given` are ids of artifacts that need not be read."""
    found: dict[str, list[int]] = {}
    if texts:
        dialect = connection.dialect.name
        # The index has both; of artifacts that are given, nothing else is needed.
        there = bulk.read(connection, _addressed(dialect), {"texts": bulk.many(dialect, sorted(texts))}).fetchall()
        artifacts = _types(connection, [number for _, number in there if number not in given])
        for uri, number in there:
            if number in given or number in artifacts:
                found.setdefault(uri, []).append(number)
    return found


def _types(connection: Connection, numbers: Collection[int]) -> dict[int, str]:
    """The types of those among some entities that are artifacts."""
    if not numbers:
        return {}
    dialect = connection.dialect.name
    return dict(bulk.read(connection, _typed(dialect), {"numbers": bulk.many(dialect, numbers)}).fetchall())


def _those(connection: Connection, artifacts: Collection[int], type_: AssociationType) -> set[int]:
    """Those of some artifacts that something wrote (`PRODUCED`), or that contributed to something."""
    if not artifacts:
        return set()
    dialect = connection.dialect.name
    rows = bulk.read(connection, _used(dialect, type_), {"numbers": bulk.many(dialect, artifacts)})
    return {number for (number,) in rows}


@lru_cache(maxsize=2)
def _addressed(dialect: str) -> Select[Any]:
    return select(entity.c.source_uri, entity.c.id).where(bulk.among_named(dialect, entity.c.source_uri, "texts"))


@lru_cache(maxsize=2)
def _typed(dialect: str) -> Select[Any]:
    wanted = select(entity.c.id, entity.c.type)
    return wanted.where(bulk.among_named(dialect, entity.c.id, "numbers"), has_type(Artifact))


@lru_cache(maxsize=4)
def _used(dialect: str, type_: AssociationType) -> Select[Any]:
    used = was_written() if type_ is AssociationType.PRODUCED else was_read()
    return select(entity.c.id).where(bulk.among_named(dialect, entity.c.id, "numbers"), used)


def _beginning(
    connection: Connection, beginnings: Collection[str], type_: AssociationType
) -> list[tuple[str, int, str]]:
    """Artifacts whose addresses begin with some texts and are longer, as (text, id, address).

    Args:
        connection: Where.
        beginnings: The texts.
        type_: `PRODUCED` for those that something wrote, `CONTRIBUTED_TO` for those that contributed to something.
    """
    if not beginnings:
        return []
    dialect = connection.dialect.name
    found = bulk.read(connection, _longer(dialect), {"beginnings": bulk.many(dialect, beginnings)}).fetchall()
    numbers = _those(connection, {number for _, number, _ in found}, type_)
    return [(beginning, number, uri) for beginning, number, uri in found if number in numbers]


@lru_cache(maxsize=2)
def _longer(dialect: str) -> Select[Any]:
    text = bulk.listed(dialect, "beginnings", Words)
    there = select(entity.c.id, entity.c.source_uri).where(
        entity.c.source_uri > text,
        entity.c.source_uri < text + addresses.BEYOND,
        has_type(Artifact),
    )
    if dialect == "sqlite":
        return there.with_only_columns(text, entity.c.id, entity.c.source_uri)
    # Of a range for each text PostgreSQL expects so much that it would read the table; the order makes it go through
    # the index for one text at a time.
    one = there.order_by(entity.c.source_uri).lateral()
    return select(text, one.c.id, one.c.source_uri)


def _writing_inside(connection: Connection, folders: Collection[str]) -> dict[str, dict[int, int]]:
    """What wrote into some folders, deeper than these: folder -> the id of what wrote -> since when."""
    inside = _beginning(connection, [f"{folder}/" for folder in folders], AssociationType.PRODUCED)
    deeper: dict[int, list[str]] = {}
    for beginning, number, uri in inside:
        if uri != beginning:
            deeper.setdefault(number, []).append(addresses.base(beginning))
    found: dict[str, dict[int, int]] = {}
    if deeper:
        wanted = select(association.c.destination_id, association.c.source_id, association.c.since).where(
            bulk.among(connection, association.c.destination_id, deeper),
            association.c.type == AssociationType.PRODUCED.value,
        )
        for number, run, since in connection.execute(wanted):
            for folder in deeper[number]:
                begun = found.setdefault(folder, {})
                begun[run] = min(since, begun.get(run, since))
    return found
