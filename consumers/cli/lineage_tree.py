"""A walk as a tree for people, on a console of any width, with or without colour, in any encoding.

Whatever a name or a URI holds (quotes, newlines, brackets, escape sequences) is shown and never obeyed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.segment import Segment

from consumers.cli.lineage_labels import labels_of, shortened, status_of
from consumers.cli.text import visible
from store.graph.lineage import Walk
from store.graph.traversal import Direction, Edge


def tree(walk: Walk) -> RenderableType:
    """The walk as a tree, for a console of any width, with or without colour, in any encoding.

    An entity is shown in full once, where it is nearest to the start; elsewhere one line refers to it by a number.
    What would be indented too far goes on further down in the same way. So each association is one line, and cycles
    and long chains come to an end.
    """
    return _Tree(walk)


_GOOD = {"active", "approved", "available", "completed", "created", "inservice", "succeeded"}
_BAD = {"failed", "outofservice", "rejected", "unhealthy"}


def _colour(status: str) -> str:
    plain = status.replace("_", "").lower()
    if plain in _GOOD:
        return "green"
    if plain in _BAD or plain.endswith("failed"):
        return "red"
    return "yellow" if plain.endswith(("ing", "progress")) or plain.startswith("pending") else "dim"


_HEADINGS = {
    Direction.ASCENDANTS: "Ascendants: what it came from",
    Direction.DESCENDANTS: "Descendants: what came of it",
}

_LINE_ROOM = 56
"""Columns that are kept for the text of a line; what is left may go into indentation."""

_ALL_TIME = "--all-time follows all."

_TYPE_ROOM = 24
"""Columns for a type; SageMaker's own have up to 15, its users may have longer ones."""


class _Styled(NamedTuple):
    """A piece of a line, and what it looks like."""

    text: str
    style: str


class _Glyphs(NamedTuple):
    """What lines are drawn with: a fork, the last branch, a line passing by; the signs in between."""

    fork: str
    last: str
    passing: str
    towards: str
    away: str
    above: str
    below: str
    gap: str


_UNICODE = _Glyphs("├", "└", "│", "← ", "→ ", "↑", "↓", "…")
_ASCII = _Glyphs("|", "`", "|", "<- ", "-> ", "^", "v", "...")
_INFERRED = "~"
"""Before the type of an inferred link, which SageMaker does not write."""


@dataclass(frozen=True, slots=True)
class _Row:
    """One line: an entity, in full or as a reference to where it is in full.

    Attributes:
        section: In which section it is; an entity may be in full in each.
        bars: For each level it is indented by, whether a line passes by.
        last: Whether it is the last branch here.
        way: Which way its edge is read.
        edge: What it hangs on, or None at the left margin.
        arn: Which entity.
        full: False if it refers.
        hops: From the start, where a tree is taken up again; else 0.
    """

    section: int
    bars: tuple[bool, ...]
    last: bool
    way: Direction
    edge: Edge | None
    arn: str
    full: bool
    hops: int = 0


class _Branches:
    """What hangs on what in one section: every edge once, an entity in full where it is nearest to a root."""

    def __init__(self, way: Direction, onward: Mapping[str, Sequence[tuple[Edge, str]]], roots: Iterable[str]) -> None:
        self.way = way
        self.onward = onward
        self.roots = list(dict.fromkeys(roots))
        self.hops = dict.fromkeys(self.roots, 0)
        self.full: set[Edge] = set()
        frontier = deque(self.roots)
        while frontier:
            near = frontier.popleft()
            for edge, far in onward.get(near, ()):
                if far not in self.hops:
                    self.hops[far] = self.hops[near] + 1
                    self.full.add(edge)
                    frontier.append(far)

    @property
    def nothing(self) -> bool:
        """Whether there is but one entity, and nothing hangs on it."""
        return len(self.hops) == 1 and not self.onward.get(self.roots[0])

    def rows(self, section: int, levels: int) -> Iterator[_Row]:
        """The lines of this section, indented by no more than so many levels."""
        waiting = deque((root, 0) for root in self.roots)
        while waiting:
            top, hops = waiting.popleft()
            yield _Row(section, (), True, self.way, None, top, True, hops)
            stack = self._below(top, ())
            while stack:
                bars, last, edge, far = stack.pop()
                full = edge in self.full
                if full and len(bars) + 1 == levels and self.onward.get(far):
                    waiting.append((far, self.hops[far]))
                    full = False
                yield _Row(section, bars, last, self.way, edge, far, full)
                if full:
                    stack += self._below(far, (*bars, not last))

    def _below(self, near: str, bars: tuple[bool, ...]) -> list[tuple[tuple[bool, ...], bool, Edge, str]]:
        hanging = self.onward.get(near, ())
        return [(bars, last == 0, edge, far) for last, (edge, far) in enumerate(reversed(hanging))]


@dataclass(frozen=True, slots=True)
class _Tree:
    walk: Walk

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        # Segments, not Text: the lines are cut to measure already, and there may be a hundred thousand.
        for line in self.lines(options.max_width, options.encoding):
            segments = [Segment(text, console.get_style(style)) for text, style in line]
            yield from Segment.adjust_line_length(segments, options.max_width, pad=False)
            yield Segment.line()

    def lines(self, width: int, encoding: str) -> Iterator[Sequence[_Styled]]:
        walk = self.walk
        glyphs = _UNICODE if _writable("".join(_UNICODE), encoding) else _ASCII
        step = len(glyphs.fork + glyphs.towards)
        sections = list(_sections(walk))
        levels = max(3, (width - _LINE_ROOM) // step)
        rows = [row for number, (_, branches) in enumerate(sections) for row in branches.rows(number, levels)]
        drawn = _Lines(walk, rows, glyphs, width, encoding)
        for position, row in enumerate(rows):
            heading, branches = sections[row.section]
            first = position == 0 or rows[position - 1].section != row.section
            if position and (first or (not row.edge and rows[position - 1].edge)):
                yield ()
            if first and heading:
                yield (_Styled(heading, "bold underline"),)
            yield drawn.line(position)
            if first and walk.complete and branches.nothing:
                yield (_Styled(f"{' ' * step}no {row.way} are known", "dim"),)
        if rows:
            yield ()
        entities = _count(walk.vertices, "entity", "entities")
        inferred = sum(edge.inferred for edge in walk.edges)
        ours = f", {inferred:,} of them inferred ({_INFERRED})" if inferred else ""
        yield (_Styled(f"{entities}, {_count(walk.edges, 'association', 'associations')}{ours}", ""),)
        if walk.left_out:
            links = _count(range(walk.left_out), "link is", "links are")
            yield (_Styled(f"{links} left out: written after it was read, or replaced before. {_ALL_TIME}", "dim"),)
        if not walk.complete:
            yield (_Styled("Not complete: there is more. A greater --depth or --limit shows it.", "yellow"),)


def _sections(walk: Walk) -> Iterator[tuple[str, _Branches]]:
    """What is printed one below the other, each with its heading if it needs one."""
    called = labels_of(walk)
    vertices = {vertex.arn: vertex for vertex in walk.vertices}
    edges = dict.fromkeys(walk.edges)
    begin = [arn for arn in walk.start if arn in vertices]
    left = dict.fromkeys(vertices)
    ways = {
        Direction.ASCENDANTS: {edge: (edge.destination, edge.source) for edge in edges},
        Direction.DESCENDANTS: {edge: (edge.source, edge.destination) for edge in edges},
    }
    for way, ends in ways.items():
        onward: dict[str, list[tuple[Edge, str]]] = {}
        for edge, (near, far) in ends.items():
            onward.setdefault(near, []).append((edge, far))
        for hanging in onward.values():  # what ends here comes first, so that long branches keep it near what it is of
            hanging.sort(key=lambda one: (one[1] in onward, vertices[one[1]].type, called[one[1]], one[1], one[0].type))
        if walk.direction in (way, Direction.BOTH) and begin:
            branches = _Branches(way, onward, begin)
            left = {arn: None for arn in left if arn not in branches.hops}
            yield _HEADINGS[way] if walk.direction is Direction.BOTH else "", branches
    if left:
        yield "Not connected to the start", _Branches(Direction.DESCENDANTS, {}, left)


class _Lines:
    """Rows as lines, with numbers for those that others refer to."""

    def __init__(self, walk: Walk, rows: Sequence[_Row], glyphs: _Glyphs, width: int, encoding: str) -> None:
        self.rows, self.glyphs, self.width, self.encoding = rows, glyphs, width, encoding
        self.called = labels_of(walk)
        self.vertices = {vertex.arn: vertex for vertex in walk.vertices}
        self.home = {(row.section, row.arn): position for position, row in enumerate(rows) if row.full}
        sought = {(row.section, row.arn) for row in rows if not row.full}
        self.numbers = {key: number for number, key in enumerate((key for key in self.home if key in sought), start=1)}

    def line(self, position: int) -> list[_Styled]:
        row = self.rows[position]
        vertex = self.vertices[row.arn]
        glyphs = self.glyphs
        number = self.numbers.get((row.section, row.arn))
        head: list[_Styled] = []
        tail: list[_Styled] = []
        if row.edge:
            blank = " " * len(glyphs.towards)
            bars = "".join((glyphs.passing if bar else " ") + blank for bar in row.bars)
            branch = glyphs.last if row.last else glyphs.fork
            arrow = glyphs.towards if row.way is Direction.ASCENDANTS else glyphs.away
            mark = _INFERRED if row.edge.inferred else ""
            head.append(_Styled(f"{bars}{branch}{arrow}{mark}{self._safe(row.edge.type)}  ", "dim"))
        if row.full and number:
            head.append(_Styled(f"[{number}] ", "magenta"))
        head.append(_Styled(f"{shortened(self._safe(vertex.type), _TYPE_ROOM, glyphs.gap)}  ", "cyan"))
        if not row.full:
            sign = glyphs.above if self.home[row.section, row.arn] < position else glyphs.below
            tail.append(_Styled(f"  {sign} see [{number}]", "magenta"))
        elif status := status_of(vertex):
            tail.append(_Styled(f"  {self._safe(status)}", _colour(status)))
        if row.hops:
            tail.append(_Styled(f"  ({row.hops} hops away)", "dim"))
        room = max(8, self.width - sum(cell_len(part.text) for part in (*head, *tail)))
        style = ("" if row.edge else "bold") if row.full else "dim"
        return [*head, _Styled(shortened(self._safe(self.called[row.arn]), room, glyphs.gap), style), *tail]

    def _safe(self, text: str) -> str:
        seen = visible(text)
        if _writable(seen, self.encoding):
            return seen
        return seen.encode(self.encoding, "backslashreplace").decode(self.encoding)


def _writable(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def _count(things: Sequence[object], one: str, several: str) -> str:
    return f"{len(things):,} {one if len(things) == 1 else several}"
