"""What a vertex is called in a tree or a picture: short, and different from the others."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from rich.cells import cell_len, get_character_cell_size

from store.graph.borders import account_of, place_of
from store.graph.lineage import Walk
from store.graph.traversal import Vertex

_ECR = re.compile(r"\d+\.dkr[.-]ecr[^/]*/(.+)", re.DOTALL)  # its host differs among partitions
_DIGEST = re.compile(r"(@sha256:[0-9a-f]{12})[0-9a-f]{52}\Z")
_CAPTURED = re.compile(
    r"(.+)(?:-aws-(?:training|processing|transform|tuning|auto-ml)-job"
    r"|-(?:\d+|[0-9a-f]{8})-aws-(?:endpoint|model-package-group|feature-group))\Z"
)
_APPROVAL = re.compile(r"(.+)-([A-Z][A-Za-z]+)-\d+-aws-model-package\Z")


def labels_of(walk: Walk) -> dict[str, str]:
    """ARN -> the shortest label that no other entity of its type has in this walk."""
    chosen: dict[str, str] = {}
    unnamed: Sequence[Vertex] = walk.vertices
    for form in (_short, _with_account, _with_place, full_name):
        candidates = {vertex.arn: form(vertex) for vertex in unnamed}
        seen = Counter((vertex.type, status_of(vertex), candidates[vertex.arn]) for vertex in unnamed)
        unique = [vertex for vertex in unnamed if seen[vertex.type, status_of(vertex), candidates[vertex.arn]] == 1]
        chosen |= {vertex.arn: candidates[vertex.arn] for vertex in unique}
        unnamed = [vertex for vertex in unnamed if vertex.arn not in chosen]
    return chosen | {vertex.arn: f"{full_name(vertex)} ({_resource(vertex.arn)})" for vertex in unnamed}


def _short(vertex: Vertex) -> str:
    """A name without what SageMaker adds to it (its type says that); of an ARN or an image's URI, the useful end."""
    if vertex.name:
        captured = _approval(vertex) or _CAPTURED.match(vertex.name)
        return captured[1] if captured else vertex.name
    uri = vertex.source_uri or vertex.arn
    if image := _ECR.fullmatch(uri):
        return _DIGEST.sub(r"\1", image[1])
    return _resource(uri)


def _with_account(vertex: Vertex) -> str:
    account = account_of(vertex.arn)
    return f"{_short(vertex)} ({account})" if account else full_name(vertex)


def _with_place(vertex: Vertex) -> str:
    region, account = place_of(vertex.arn)
    return f"{_short(vertex)} ({account}, {region})" if account else full_name(vertex)


def _resource(uri: str) -> str:
    return uri.split(":", 5)[5] if uri.startswith("arn:") and uri.count(":") >= 5 else uri


def full_name(vertex: Vertex) -> str:
    """Its name, or the source URI or ARN of what has no name."""
    return vertex.name or vertex.source_uri or vertex.arn


def status_of(vertex: Vertex) -> str:
    """Its status; of an approval the decision, which is in its name: its status says only that it was made."""
    approval = _approval(vertex)
    return approval[2] if approval else vertex.status


def _approval(vertex: Vertex) -> re.Match[str] | None:
    return _APPROVAL.match(vertex.name) if vertex.type == "Approval" else None


def shortened(label: str, room: int, gap: str = "…") -> str:
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
