"""The command that explains an entity or an association: its rule, its events, and when it held."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated

import msgspec
from cyclopts import Parameter
from rich.console import Console
from rich.markup import escape

from consumers.cli.lineage_labels import full_name
from consumers.cli.options import AsJson, Database, Failed, Misused, at_least_one, opened, print_json, wide_console
from consumers.cli.references import checked, one_match
from consumers.cli.text import moment, visible
from store.database import DEFAULT_URL, Store
from store.graph.borders import place_of
from store.graph.evidence import Evidence, SourceEvent
from store.graph.inferred import Grade
from store.graph.traversal import Direction, Vertex

EVENTS_SHOWN = 10
"""How many events of each resource are shown to people before the rest is counted."""
LINKS_SHOWN = 5
"""How many associations of an entity are named where the requested one does not exist."""
_REF = "An ARN of anything (entity, job, endpoint, package), an S3 URI, or a name."


class _Explained(msgspec.Struct, frozen=True):
    """Evidence of an entity, or of an association with its ends."""

    evidence: Evidence
    source: Vertex | None = None
    destination: Vertex | None = None


def explain_command(
    ref: Annotated[str, Parameter(help=_REF)],
    other: Annotated[str | None, Parameter(help="The other end of an association, in either order.")] = None,
    /,
    *,
    events: Annotated[bool, Parameter(negative="", help="Print the events, as JSON lines.")] = False,
    limit: Annotated[int, Parameter(help="How many resources to show at most.")] = 20,
    database_url: Database = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """Why an entity or an association is in the store: which rule has it, from which events, since and until when.

    Examples: `headwater explain my-group/7`, `headwater explain s3://bucket/train.csv my-training-job`,
    `headwater explain my-endpoint --events`.
    """
    at_least_one("--limit", limit)
    if events and as_json:
        raise Misused("--events prints JSON lines, --json evidence: leave one of them out")
    with opened(database_url) as store:
        ends = [one_match(store, checked(one)).vertex for one in (ref, other) if one is not None]
        found = _of_association(store, *ends) if other is not None else _of_entity(store, ends[0], limit + 1)
    shown = found[:limit]
    if events:
        for event in _events(shown):
            sys.stdout.buffer.write(event.body + b"\n")
    elif as_json:
        print_json(_json(ends, shown, complete=len(found) <= limit))
    else:
        _print(wide_console(), ends, shown)
        if len(found) > limit:
            print("there are more: a greater --limit shows them")


def _of_entity(store: Store, entity: Vertex, limit: int) -> list[_Explained]:
    from store.graph.evidence import of_entity

    return [_Explained(evidence) for evidence in of_entity(store, entity.arn, limit=limit)]


def _of_association(store: Store, one: Vertex, other: Vertex) -> list[_Explained]:
    from store.graph.evidence import of_association

    if one.arn == other.arn:
        raise Failed(f"both are {full_name(one)}: name two entities, or one")
    found = [
        _Explained(evidence, source, destination)
        for source, destination in ((one, other), (other, one))
        for evidence in of_association(store, source.arn, destination.arn)
    ]
    if not found:
        raise Failed(f"no association links {full_name(one)} and {full_name(other)}; {_links(store, one)}")
    # SameAs leads both ways, and either end may come first.
    return sorted(found, key=lambda each: (each.evidence.resource == "", each.source.arn if each.source else ""))


def _links(store: Store, entity: Vertex) -> str:
    """What an entity is linked with, to be said where it is not linked with what was named."""
    from store.graph.lineage import walk

    found = walk(store, [entity.arn], Direction.BOTH, depth=1)
    vertices = {vertex.arn: vertex for vertex in found.vertices}
    lines = []
    for edge in found.edges[:LINKS_SHOWN]:
        away = edge.source == entity.arn
        far = vertices[edge.destination if away else edge.source]
        lines.append(f"  {'->' if away else '<-'} {edge.type}  {full_name(far)}  {far.arn}")
    name = full_name(entity)
    if not lines:
        return f"{name} has no associations"
    if len(found.edges) > LINKS_SHOWN:
        lines.append(f"  and {len(found.edges) - LINKS_SHOWN:,} others: headwater lineage shows them")
    return f"{name} is linked with:\n" + "\n".join(lines)


def _events(found: Iterable[_Explained]) -> list[SourceEvent]:
    """The events of all evidence, each once, in the order of arrival."""
    events = {event.ledger_id: event for one in found for event in one.evidence.events}
    return [event for _, event in sorted(events.items())]


def _json(ends: Sequence[Vertex], found: Sequence[_Explained], *, complete: bool) -> dict[str, object]:
    return {
        "entities": [
            {name: getattr(end, name) for name in ("arn", "type", "lineage_type", "name", "source_uri")} for end in ends
        ],
        "complete": complete,
        "evidence": [
            {
                **({"source": one.source.arn} if one.source else {}),
                **({"destination": one.destination.arn} if one.destination else {}),
                **{name: getattr(one.evidence, name) for name in Evidence.__struct_fields__ if name != "events"},
                "events": [
                    {name: getattr(event, name) for name in SourceEvent.__struct_fields__ if name != "body"}
                    for event in one.evidence.events
                ],
            }
            for one in found
        ],
    }


def _print(console: Console, ends: Sequence[Vertex], found: Sequence[_Explained]) -> None:
    if len(ends) == 1:
        [entity] = ends
        console.print(_safe(f"{entity.type} {full_name(entity)}"), style="bold", soft_wrap=True)
        console.print(_safe(f"  entity {entity.arn}"), soft_wrap=True)
    before = None
    for one in found:
        if one.source and one.destination:
            link = one.source.arn, one.evidence.type
            if link != before:
                title = f"{full_name(one.source)} -> {one.evidence.type} -> {full_name(one.destination)}"
                console.print(_safe(title), style="bold", soft_wrap=True)
            before = link
        for line in _lines(one):
            console.print(_safe(line), soft_wrap=True)


def _lines(one: _Explained) -> Iterator[str]:
    evidence = one.evidence
    yield _by(one)
    if evidence.rule == Grade.ACROSS:
        yield "  inferred: SageMaker writes it only where the accounts share their lineage"
    elif evidence.inferred:
        yield "  inferred: Headwater concludes it, SageMaker does not write it"
    until = f", until {moment(evidence.until)} UTC" if evidence.until is not None else " UTC"
    yield f"  since {moment(evidence.since)}{until}"
    if not evidence.events:
        yield "  its events are in the ledger no longer: headwater prune deleted them"
        return
    for event in evidence.events[:EVENTS_SHOWN]:
        time = moment(event.time) if event.time is not None else "without a time    "
        yield f"    {time}  {event.kind}  {event.event_id or f'(no id, ledger {event.ledger_id})'}"
    if len(evidence.events) > EVENTS_SHOWN:
        yield f"    and {len(evidence.events) - EVENTS_SHOWN:,} other events: --events prints all"


def _by(one: _Explained) -> str:
    """Which rule has it, of which resource; of a link by address, how the addresses are related."""
    evidence = one.evidence
    if evidence.resource:
        name, _, version = evidence.rule.rpartition("/")
        return f"by rule {name!r}, version {version}, of {evidence.resource}"
    source = one.source.source_uri if one.source else ""
    destination = one.destination.source_uri if one.destination else ""
    if evidence.rule == Grade.ACROSS and one.source and one.destination:
        here, there = (" in ".join(reversed(place_of(vertex.arn))) for vertex in (one.source, one.destination))
        return f"by address: both stand for {source}, of the accounts {here} and {there}"
    if evidence.rule == Grade.SAME:
        shorter, longer = sorted((source, destination), key=len)
        return f"by address: {shorter} and {longer} differ by a slash at the end"
    if evidence.rule == Grade.OWNED:
        return f"by address: {destination} lies inside of {source}, to which one alone had written when it was read"
    if evidence.rule == Grade.READ:
        return f"by address: {source} lies inside of {destination}, and was written before that was read"
    inner, outer = (source, destination) if source.startswith(destination) else (destination, source)
    return f"by time only: {inner} lies inside of {outer}, but others write there too, or wrote while it was read"


def _safe(text: str) -> str:
    return escape(visible(text))
