"""A walk whose paths respect time: through what was written several times a reader leads back to what it can have seen.

What is allowed behind an artifact depends on how it was reached. So this walk goes from state to state: an entity with
the reader through which it was reached (towards ascendants) or the writer (towards descendants). Where a walk begins
everything is allowed, and likewise where no time rules anything out (docs/decisions/0014).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import NamedTuple

from store.graph.spans import FOREVER, Span, TimedRow, Writings, is_overwritten, span_of
from store.graph.traversal import EntityReader, EntityRow, Link
from store.lineage import AssociationType

_PRODUCED = AssociationType.PRODUCED.value
_CONTRIBUTED = AssociationType.CONTRIBUTED_TO.value
_SAME = AssociationType.SAME_AS.value

_ANY = 0
"""Instead of a reader or a writer where everything is allowed: no entity has this id."""


class _State(NamedTuple):
    """Where a walk is.

    Attributes:
        number: The id of an entity.
        via: The reader or the writer through which it was reached, or `_ANY`.
        inside: Whether that read or wrote only a part of this, or this is a part of what it wrote.
    """

    number: int
    via: int = _ANY
    inside: bool = False


class Found(NamedTuple):
    """Links: those that are stored, and those that follow from addresses."""

    stored: list[Link]
    by_address: list[Link]


class Paths(NamedTuple):
    """What a walk found.

    Attributes:
        hops: What was reached: id -> the number of links to the nearest start.
        followed: The links that were followed, by (source, destination).
        complete: False where the depth or the limit cut it.
        left_out: The links, likewise, that time rules out on every path that came to them.
    """

    hops: Mapping[int, int]
    followed: Mapping[tuple[int, int], Link]
    complete: bool
    left_out: Collection[tuple[int, int]] = ()


class TimedWalk:
    """One walk in one direction."""

    def __init__(
        self,
        up: bool,
        entities: EntityReader[EntityRow],
        times: EntityReader[TimedRow],
        written: Callable[[Collection[int]], Iterable[Link]],
    ) -> None:
        """Begin.

        Args:
            up: Towards ascendants.
            entities: Reads rows.
            times: Reads the times of these.
            written: Reads the stored links that lead to some artifacts.
        """
        self._up, self._entities, self._times, self._read_written = up, entities, times, written
        self._timed_type = _PRODUCED if up else _CONTRIBUTED
        self._onward: dict[int, list[Link]] = {}
        self._by_address: set[tuple[int, int]] = set()
        self._same: dict[int, set[int]] = {}
        self._written: dict[int, list[int]] = {}
        self._spans: dict[int, Span] = {}
        self._writings: dict[int, Writings] = {}
        self._readers: dict[int, dict[int, list[int]]] = {}
        self._timed: dict[int, dict[int, list[Link]]] = {}
        self._contested: Collection[int] | None = None

    def _learn(self, near: Collection[int], found: Found) -> None:
        """Note the links that lead on from some entities."""
        for links in found:
            for link in links:
                self._onward.setdefault(link[1] if self._up else link[0], []).append(link)
        for source, destination, type_, _ in found.by_address:
            self._by_address.add((source, destination))
            if type_ == _SAME:
                self._same.setdefault(source, set()).add(destination)
                self._same.setdefault(destination, set()).add(source)
        if self._up:
            self._note_writers(near, found.stored)

    def is_contested(self, near: Collection[int], found: Found) -> bool:
        """Whether time may rule out any of all links that can be followed; if so, `walk` needs to look for no others.

        That takes no more than times of creation: almost always what was written once was read thereafter.

        Args:
            near: The ids of all that can be reached.
            found: The links that lead on from it.
        """
        roots = self._roots(found)
        readers: dict[int, set[int]] = {}
        writers: dict[int, set[int]] = {}
        for source, destination, type_, _ in found.stored:
            if type_ == _CONTRIBUTED:
                readers.setdefault(roots.get(source, source), set()).add(destination)
            elif type_ == _PRODUCED:
                writers.setdefault(roots.get(destination, destination), set()).add(source)
        places = writers.keys() & readers.keys()
        if not self._up:  # what others wrote there is not among what was reached
            artifacts = places | roots.keys()
            self._note_writers(artifacts, self._read_written(artifacts))
            for artifact in artifacts:
                writers.setdefault(roots.get(artifact, artifact), set()).update(self._written[artifact])
        rows = self._entities.read({number for place in places for number in writers[place] | readers[place]})
        contested = {place for place in places if not _once(writers[place], readers[place], rows)}
        if contested:
            self._contested = contested | {artifact for artifact, root in roots.items() if root in contested}
            self._learn(near, found)
            self._prepare(self._contested)
        return bool(contested)

    def _roots(self, found: Found) -> dict[int, int]:
        """Artifacts that are the same as others or lie in them -> one of these, the same for all of them."""
        roots: dict[int, int] = {}

        def root(number: int) -> int:
            while (above := roots.setdefault(number, number)) != number:
                number = roots[number] = roots[above]
            return number

        for source, destination, _, _ in found.by_address:
            roots[root(source)] = root(destination)
        for source, destination, type_, _ in found.stored:
            if type_ == _SAME:
                roots[root(source)] = root(destination)
        return {number: root(number) for number in [*roots]}

    def _note_writers(self, artifacts: Iterable[int], found: Iterable[Link]) -> None:
        for artifact in artifacts:
            self._written.setdefault(artifact, [])
        for source, destination, type_, _ in found:
            if type_ == _PRODUCED:
                self._written[destination].append(source)

    def _prepare(self, artifacts: Collection[int]) -> None:
        """Read who wrote some artifacts, under any spelling of their addresses, and when all this was."""
        spelled = {same for artifact in artifacts for same in self._same.get(artifact, ())}.union(artifacts)
        unknown = spelled - self._written.keys()
        if unknown:
            self._note_writers(unknown, self._read_written(unknown))
        wanted = {writer for artifact in spelled for writer in self._written[artifact]}
        if not self._up:
            for artifact in artifacts:
                wanted.update(link[1] for link in self._onward.get(artifact, ()) if link[2] == _CONTRIBUTED)
        self._read_spans(wanted)

    def _read_spans(self, numbers: Collection[int]) -> None:
        missing = [number for number in numbers if number not in self._spans]
        if missing:
            rows = self._times.read(missing)
            self._spans.update((number, span_of(rows[number])) for number in missing)

    def walk(
        self, begin: Collection[int], depth: int | None, limit: int, look: Callable[[Collection[int]], Found] | None
    ) -> Paths:
        """Follow what time allows.

        Args:
            begin: The ids of the entities to begin at.
            depth: How many links to follow at most, or None for as many as there are.
            limit: How many entities to reach at most.
            look: Reads the links that lead on from some entities; None: all were learnt.
        """
        hops = dict.fromkeys(begin, 0)
        level = [_State(number) for number in hops]
        visited = set(level)
        best: dict[int, list[int]] = {}
        permitted: dict[tuple[int, int], Link] = {}
        complete, hop = True, 0
        while level:
            self._learn_of(level, look)
            ahead: dict[_State, None] = {}
            for state in level:
                for link, following in self._steps(state):
                    other = permitted.setdefault(link[:2], link)
                    if (link[3], link[2]) < (
                        other[3],
                        other[2],
                    ):  # several resources may have it, each with its own type
                        permitted[link[:2]] = link
                    ahead[following] = None
            new = {state.number for state in ahead} - hops.keys()
            complete = not new if hop == depth else len(hops) + len(new) <= limit
            if hop == depth:
                break
            hop += 1
            hops.update(dict.fromkeys(new if complete else sorted(new)[: max(limit - len(hops), 0)], hop))
            if not complete:
                break
            level = [state for state in ahead if self._is_new(state, visited, best)]
        followed = {pair: link for pair, link in permitted.items() if pair[0] in hops and pair[1] in hops}
        return Paths(hops, followed, complete, self._ruled_out(visited, permitted))

    def _learn_of(self, level: Collection[_State], look: Callable[[Collection[int]], Found] | None) -> None:
        if look:
            near = {state.number for state in level} - self._onward.keys()
            self._onward.update((number, []) for number in near)
            self._learn(near, look(near))
        timed = {state.number for state in level if state.via}
        self._read_spans({state.via for state in level if state.via})
        self._prepare(timed - self._timed.keys())

    def _is_new(self, state: _State, visited: set[_State], best: dict[int, list[int]]) -> bool:
        """Whether more may be allowed from this state than from those at the same entity that were visited.

        Of those that go by parts of an address it is the last reader, or the first writer, from which most is allowed;
        and the second, since none sees itself.
        """
        if state in visited or (state.via and _State(state.number) in visited):
            return False
        if state.inside:
            span = self._spans[state.via]
            bound = FOREVER - span.last if self._up else span.began
            bounds = best.setdefault(state.number, [])
            if len(bounds) == 2 and bounds[1] <= bound:
                return False
            bounds.append(bound)
            bounds.sort()
            del bounds[2:]
        visited.add(state)
        return True

    def _steps(self, state: _State) -> Iterator[tuple[Link, _State]]:
        """The links that may be followed from a state, each with the state that it leads to."""
        number, via, _ = state
        links = self._onward.get(number, ())
        if via:
            timed = self._timed_links(number)
            allowed = self._allowed(state)
            links = [*timed.get(_ANY, ()), *(link for far in allowed for link in timed.get(far, ()))]
        for link in links:
            yield link, self._following(state, link)

    def _following(self, state: _State, link: Link) -> _State:
        source, destination, type_, _ = link
        number, via, inside = state
        far = source if self._up else destination
        if via and (type_ == _SAME or (source, destination) in self._by_address):
            return _State(far, via, inside or far not in self._same.get(number, ()))
        if type_ == (_CONTRIBUTED if self._up else _PRODUCED) and self._is_timed(far):
            return _State(far, number)
        return _State(far)

    def _is_timed(self, number: int) -> bool:
        """Whether time may rule out links behind an entity."""
        if self._contested is not None:
            return number in self._contested
        return self._entities.read([number])[number].lineage_type == "Artifact"

    def _timed_links(self, number: int) -> dict[int, list[Link]]:
        """The links onward that depend on time, by their far ends, and all others under `_ANY`."""
        timed = self._timed.get(number)
        if timed is None:
            timed = self._timed[number] = {}
            for link in self._onward.get(number, ()):
                far = link[0] if self._up else link[1]
                timed.setdefault(far if link[2] == self._timed_type else _ANY, []).append(link)
        return timed

    def _allowed(self, state: _State) -> Iterable[int]:
        """The writers that a reader can have seen at an artifact, or the readers that can have seen a writer there."""
        number, via, inside = state
        if self._up:
            return self._writings_of(number).seen_by(via, inside=inside)
        readers = [reader for reader in self._timed_links(number) if reader != _ANY]
        if inside:
            began = self._spans[via].began
            return [reader for reader in readers if reader != via and began <= self._spans[reader].last]
        seen = self._readers.get(number)
        if seen is None:
            seen = self._readers[number] = {}
            writings = self._writings_of(number)
            for reader in readers:
                for writer in writings.seen_by(reader, inside=False):
                    seen.setdefault(writer, []).append(reader)
        return seen.get(via, ())

    def _writings_of(self, number: int) -> Writings:
        found = self._writings.get(number)
        if found is None:
            writers = [writer for same in (number, *self._same.get(number, ())) for writer in self._written[same]]
            replaced = is_overwritten(self._entities.read([number])[number].source_uri)
            found = self._writings[number] = Writings(writers, self._spans, replaced=replaced)
        return found

    def _ruled_out(self, visited: Iterable[_State], permitted: Collection[tuple[int, int]]) -> set[tuple[int, int]]:
        """The links onward from what was visited that no state permitted."""
        return {
            link[:2]
            for number in {state.number for state in visited if state.via and state.number in self._timed}
            for far, links in self._timed[number].items()
            if far != _ANY
            for link in links
            if link[:2] not in permitted
        }


def _once(writers: set[int], readers: set[int], rows: Mapping[int, EntityRow]) -> bool:
    """True of what was written once, and read by what was created thereafter."""
    if len(writers) > 1 or not writers.isdisjoint(readers):
        return False
    (writer,) = writers
    created = rows[writer].created
    return all(created <= rows[reader].created for reader in readers)
