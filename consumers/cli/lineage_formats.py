"""A walk as text: JSON for programs, DOT and Mermaid for pictures, CSV for spreadsheets.

All functions are pure, and no text they return ends in a newline. Whatever a name or a URI holds (quotes, newlines,
brackets, escape sequences) is shown and never obeyed.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping

import msgspec

from consumers.cli.lineage_labels import full_name, labels_of, shortened, status_of
from consumers.cli.text import csv_cell, visible
from store.graph.lineage import Walk
from store.graph.traversal import Vertex


def as_json(walk: Walk) -> str:
    """The walk for programs; `start` is an ARN, or a list of ARNs unless there is just one."""
    first = {
        "start": walk.start[0] if len(walk.start) == 1 else walk.start,
        "direction": walk.direction,
        "complete": walk.complete,
        "left_out": walk.left_out,
    }
    return msgspec.json.format(msgspec.json.encode(first | msgspec.structs.asdict(walk) | first), indent=2).decode()


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
    called = labels_of(walk)
    for number, vertex in enumerate(walk.vertices, start=1):
        label = shortened(visible(called[vertex.arn]), _ROOM)
        yield f"n{number}", vertex, [visible(vertex.type), label, *filter(None, [visible(status_of(vertex))])]


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
        tooltip = _dot(visible(full_name(vertex)).replace("\\", "\\\\"))  # Graphviz reads its backslashes twice
        lines.append(f'  {number} [label="{label}", tooltip="{tooltip}", {shape}{bold}];')
    if walk.left_out:
        lines.append(f"  // {_left_out(walk)}")
    links = (
        f'  {ids[edge.source]} -> {ids[edge.destination]} [label="{_dot(visible(edge.type))}"'
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
    if walk.left_out:
        lines.append(f"  %% {_left_out(walk)}")
    for number, vertex, caption in _captions(walk):
        ids[vertex.arn] = number
        _, opening, closing = _SHAPES.get(vertex.lineage_type, _PLAIN)
        lines.append(f"  {number}{opening}{'<br/>'.join(map(_mermaid, caption))}{closing}")
    lines += [
        f'  {ids[edge.source]} {"-.->" if edge.inferred else "-->"}|"{_mermaid(visible(edge.type))}"| '
        f"{ids[edge.destination]}"
        for edge in walk.edges
    ]
    if starts := [ids[arn] for arn in walk.start if arn in ids]:
        lines += ["  classDef begin stroke-width:3px", f"  class {','.join(starts)} begin"]
    return "\n".join(lines)


def _left_out(walk: Walk) -> str:
    return f"links that are left out since time rules them out: {walk.left_out}"


_MEANT = re.compile(r"[!-*;-@[-^`{-~]")
"""All that is neither letter nor digit in ASCII, but for `+ , - . / : _`, which URIs are full of."""


def _mermaid(text: str) -> str:
    """For a quoted label: whatever could mean something, to Mermaid, Markdown or HTML, by its number."""
    return _MEANT.sub(lambda found: f"#{ord(found[0])};", text)


_ENDS = ("arn", "type", "", "uri", "status", "hops")
_COLUMNS = [f"source_{part}".rstrip("_") for part in _ENDS]
_HEADER = [*_COLUMNS, "association", *(column.replace("source", "destination", 1) for column in _COLUMNS), "inferred"]


def as_csv(walk: Walk) -> str:
    """The walk for spreadsheets: a row for each association with both of its ends; hops are counted from the start.

    `source` and `destination` are names, or URIs of what has no name. A vertex without associations has a row of its
    own, with no destination; `inferred` is `true` of a link that Headwater infers. A cell
    that a spreadsheet would take for a formula begins with an apostrophe.
    """
    vertices = {vertex.arn: vertex for vertex in walk.vertices}
    linked = {arn for edge in walk.edges for arn in (edge.source, edge.destination)}
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_HEADER)
    for edge in walk.edges:
        ends = _cells(vertices[edge.source]), _cells(vertices[edge.destination])
        writer.writerow([*ends[0], csv_cell(edge.type), *ends[1], "true" if edge.inferred else "false"])
    for vertex in walk.vertices:
        if vertex.arn not in linked:
            writer.writerow([*_cells(vertex), "", *("" for _ in _ENDS), ""])
    return out.getvalue().removesuffix("\n")


def _cells(vertex: Vertex) -> list[str]:
    cells = (vertex.arn, vertex.type, full_name(vertex), vertex.source_uri, vertex.status)
    return [*map(csv_cell, cells), str(vertex.hops)]


FORMATS: Mapping[str, Callable[[Walk], str]] = {
    "json": as_json,
    "dot": as_dot,
    "mermaid": as_mermaid,
    "csv": as_csv,
}
"""What `--format` may name, beside `tree`."""
