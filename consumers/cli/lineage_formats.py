"""A walk as text: a tree for people, JSON for programs, DOT and Mermaid for pictures, CSV for spreadsheets.

All functions are pure, and no text they return ends in a newline. Whatever a name or a URI holds (quotes, newlines,
brackets, escape sequences) is shown and never obeyed.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import msgspec
from rich.cells import cell_len, get_character_cell_size
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.segment import Segment

from store.graph.lineage import Walk
from store.graph.traversal import Direction, Edge, Vertex

# ---------------------------------------------------------------------------------------------- what a vertex is called

_ECR = re.compile(r"\d+\.dkr\.ecr[^/]*\.amazonaws\.com[^/]*/(.+)", re.DOTALL)
_DIGEST = re.compile(r"(@sha256:[0-9a-f]{12})[0-9a-f]{52}\Z")
_CAPTURED = re.compile(
    r"(.+)(?:-aws-(?:training|processing|transform|tuning|auto-ml)-job"
    r"|-(?:\d+|[0-9a-f]{8})-aws-(?:endpoint|model-package-group|feature-group))\Z"
)
_APPROVAL = re.compile(r"(.+)-([A-Z][A-Za-z]+)-\d+-aws-model-package\Z")


def _called(walk: Walk) -> dict[str, str]:
    """ARN -> the shortest label that tells it from the others of its type in this walk."""
    chosen: dict[str, str] = {}
    unnamed: Sequence[Vertex] = walk.vertices
    for form in (_short, _whole):
        labels = {vertex.arn: form(vertex) for vertex in unnamed}
        seen = Counter((vertex.type, _status(vertex), labels[vertex.arn]) for vertex in unnamed)
        unique = [vertex for vertex in unnamed if seen[vertex.type, _status(vertex), labels[vertex.arn]] == 1]
        chosen |= {vertex.arn: labels[vertex.arn] for vertex in unique}
        unnamed = [vertex for vertex in unnamed if vertex.arn not in chosen]
    return chosen | {vertex.arn: f"{_whole(vertex)} ({_resource(vertex.arn)})" for vertex in unnamed}


def _short(vertex: Vertex) -> str:
    """A name without what SageMaker adds to it (its type says that); of an ARN or an image's URI, the useful end."""
    if vertex.name:
        captured = _approval(vertex) or _CAPTURED.match(vertex.name)
        return captured[1] if captured else vertex.name
    uri = vertex.source_uri or vertex.arn
    if image := _ECR.fullmatch(uri):
        return _DIGEST.sub(r"\1", image[1])
    return _resource(uri)


def _resource(uri: str) -> str:
    return uri.split(":", 5)[5] if uri.startswith("arn:") and uri.count(":") >= 5 else uri


def _whole(vertex: Vertex) -> str:
    return vertex.name or vertex.source_uri or vertex.arn


def _status(vertex: Vertex) -> str:
    """Its status; of an approval the decision, which its name tells: its status says only that it was made."""
    approval = _approval(vertex)
    return approval[2] if approval else vertex.status


def _approval(vertex: Vertex) -> re.Match[str] | None:
    return _APPROVAL.match(vertex.name) if vertex.type == "Approval" else None


def _visible(text: str) -> str:
    """The text with what cannot be seen (newlines, escape sequences, marks that turn text around) spelled out."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _shortened(label: str, room: int, gap: str = "…") -> str:
    """The label in so many columns: a name without its middle, a URI without its beginning."""
    if cell_len(label) <= room:
        return label
    room = max(0, room - cell_len(gap))
    if "/" not in label:
        end = _fitting(reversed(label), room // 2)[::-1]
        return _fitting(label, room - cell_len(end)) + gap + end
    end = _fitting(reversed(label), room)[::-1]
    folder = end.find("/")
    return gap + (end[folder:] if 0 < folder < 4 else end)


def _fitting(characters: Iterable[str], room: int) -> str:
    kept = []
    for character in characters:
        room -= get_character_cell_size(character)
        if room < 0:
            break
        kept.append(character)
    return "".join(kept)


# ---------------------------------------------------------------------------------------------------------------- tree


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
"""Before the type of a link that is ours, and not among those that SageMaker captures."""


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
        if not walk.complete:
            yield (_Styled("Not complete: there is more. A greater --depth or --limit shows it.", "yellow"),)


def _sections(walk: Walk) -> Iterator[tuple[str, _Branches]]:
    """What is printed one below the other, each with its heading if it needs one."""
    called = _called(walk)
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
        self.called = _called(walk)
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
        head.append(_Styled(f"{_shortened(self._safe(vertex.type), _TYPE_ROOM, glyphs.gap)}  ", "cyan"))
        if not row.full:
            sign = glyphs.above if self.home[row.section, row.arn] < position else glyphs.below
            tail.append(_Styled(f"  {sign} see [{number}]", "magenta"))
        elif status := _status(vertex):
            tail.append(_Styled(f"  {self._safe(status)}", _colour(status)))
        if row.hops:
            tail.append(_Styled(f"  ({row.hops} hops away)", "dim"))
        room = max(8, self.width - sum(cell_len(part.text) for part in (*head, *tail)))
        style = ("" if row.edge else "bold") if row.full else "dim"
        return [*head, _Styled(_shortened(self._safe(self.called[row.arn]), room, glyphs.gap), style), *tail]

    def _safe(self, text: str) -> str:
        seen = _visible(text)
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


# ---------------------------------------------------------------------------------------------------------------- JSON


def as_json(walk: Walk) -> str:
    """The walk for programs; `start` is an ARN, or a list of ARNs unless there is just one."""
    start = walk.start[0] if len(walk.start) == 1 else walk.start
    return msgspec.json.format(msgspec.json.encode(msgspec.structs.asdict(walk) | {"start": start}), indent=2).decode()


# ------------------------------------------------------------------------------------------------------------ pictures

_ROOM = 64
"""Columns for a label in a picture."""

_SHAPES = {
    "TrialComponent": ('shape=box, style="rounded,filled", fillcolor="#eef4fb"', '(["', '"])'),
    "Context": ('shape=folder, style=filled, fillcolor="#f4f0fa"', '[["', '"]]'),
    "Action": ('shape=hexagon, style=filled, fillcolor="#fdf6e6"', '{{"', '"}}'),
}
_PLAIN = ('shape=box, style=filled, fillcolor="#ffffff"', '["', '"]')
"""What a lineage type looks like: in DOT, and around its label in Mermaid; artifacts and all others are plain."""


def _captions(walk: Walk) -> Iterator[tuple[str, Vertex, list[str]]]:
    """For each vertex an id for this picture, and its lines: type, label, status."""
    called = _called(walk)
    for number, vertex in enumerate(walk.vertices, start=1):
        label = _shortened(_visible(called[vertex.arn]), _ROOM)
        yield f"n{number}", vertex, [_visible(vertex.type), label, *filter(None, [_visible(_status(vertex))])]


def as_dot(walk: Walk) -> str:
    """The walk for Graphviz; a tooltip holds the whole name or URI. A bold border marks a start.

    Inferred links are dashed.
    """
    ids: dict[str, str] = {}
    starts = set(walk.start)
    lines = ["digraph lineage {", "  rankdir=LR;", '  node [fontname="Helvetica"];', '  edge [fontname="Helvetica"];']
    for number, vertex, caption in _captions(walk):
        ids[vertex.arn] = number
        shape, _, _ = _SHAPES.get(vertex.lineage_type, _PLAIN)
        label = r"\n".join(map(_dot, caption))
        bold = ", penwidth=3" if vertex.arn in starts else ""
        tooltip = _dot(_visible(_whole(vertex)).replace("\\", "\\\\"))  # Graphviz reads its backslashes twice
        lines.append(f'  {number} [label="{label}", tooltip="{tooltip}", {shape}{bold}];')
    links = (
        f'  {ids[edge.source]} -> {ids[edge.destination]} [label="{_dot(_visible(edge.type))}"'
        f"{', style=dashed' if edge.inferred else ''}];"
        for edge in walk.edges
    )
    return "\n".join([*lines, *links, "}"])


def _dot(text: str) -> str:
    r"""For a quoted string: Graphviz reads `\n`, `\N`, `\"` as its own, and `&lt;` as HTML would."""
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("&", "&amp;")


def as_mermaid(walk: Walk) -> str:
    """The walk for Mermaid, which renders in Markdown on GitHub and elsewhere; there up to 500 associations.

    Inferred links are dashed.
    """
    ids: dict[str, str] = {}
    lines = ["flowchart LR"]
    for number, vertex, caption in _captions(walk):
        ids[vertex.arn] = number
        _, opening, closing = _SHAPES.get(vertex.lineage_type, _PLAIN)
        lines.append(f"  {number}{opening}{'<br/>'.join(map(_mermaid, caption))}{closing}")
    lines += [
        f'  {ids[edge.source]} {"-.->" if edge.inferred else "-->"}|"{_mermaid(_visible(edge.type))}"| '
        f"{ids[edge.destination]}"
        for edge in walk.edges
    ]
    if starts := [ids[arn] for arn in walk.start if arn in ids]:
        lines += ["  classDef begin stroke-width:3px", f"  class {','.join(starts)} begin"]
    return "\n".join(lines)


_MEANT = re.compile(r"[!-*;-@[-^`{-~]")
"""All that is neither letter nor digit in ASCII, but for `+ , - . / : _`, which URIs are full of."""


def _mermaid(text: str) -> str:
    """For a quoted label: whatever could mean something, to Mermaid, Markdown or HTML, by its number."""
    return _MEANT.sub(lambda found: f"#{ord(found[0])};", text)


# --------------------------------------------------------------------------------------------------------- spreadsheet

_ENDS = ("arn", "type", "", "uri", "status", "hops")
_COLUMNS = [f"source_{part}".rstrip("_") for part in _ENDS]
_HEADER = [*_COLUMNS, "association", *(column.replace("source", "destination", 1) for column in _COLUMNS), "inferred"]

_FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What a formula may begin with, in full width too (OWASP, CSV injection); what cannot be seen is spelled out."""


def as_csv(walk: Walk) -> str:
    """The walk for spreadsheets: a row for each association with both of its ends; hops are counted from the start.

    `source` and `destination` are names, or URIs of what has no name. A vertex without associations has a row of its
    own, with no destination; `inferred` is `true` of a link that is ours. A cell that
    a spreadsheet would take for a formula begins with an apostrophe.
    """
    vertices = {vertex.arn: vertex for vertex in walk.vertices}
    linked = {arn for edge in walk.edges for arn in (edge.source, edge.destination)}
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_HEADER)
    for edge in walk.edges:
        ends = _cells(vertices[edge.source]), _cells(vertices[edge.destination])
        writer.writerow([*ends[0], cell(edge.type), *ends[1], "true" if edge.inferred else "false"])
    for vertex in walk.vertices:
        if vertex.arn not in linked:
            writer.writerow([*_cells(vertex), "", *("" for _ in _ENDS), ""])
    return out.getvalue().removesuffix("\n")


def _cells(vertex: Vertex) -> list[str]:
    told = (vertex.arn, vertex.type, _whole(vertex), vertex.source_uri, vertex.status)
    return [*map(cell, told), str(vertex.hops)]


def cell(text: str) -> str:
    """A text for a spreadsheet, which is to take it for no formula."""
    return ("'" if text.startswith(_FORMULA) else "") + _visible(text)


FORMATS: Mapping[str, Callable[[Walk], str]] = {
    "json": as_json,
    "dot": as_dot,
    "mermaid": as_mermaid,
    "csv": as_csv,
}
"""What `--format` may name, beside `tree`."""
