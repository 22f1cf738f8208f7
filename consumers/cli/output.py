"""What commands print for people, as sentences and counts, and the JSON that goes with it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
from rich.console import Console
from rich.markup import escape

from consumers.cli.text import age, moment
from consumers.observe.unhandled import why_kept
from consumers.run.fill import BACKFILL, LEDGER_OF, FillResult
from store.compare import WAYS, Comparison
from store.describe_requests import ANSWERED, MISSING, OPEN
from store.digest import PART_FIELDS
from store.ledger.events import DeadLetter
from store.status import NEWEST, Reach, Status

if TYPE_CHECKING:
    from consumers.run.backfill import BackfillResult, Estimate, Omissions
    from consumers.run.reconcile import Gap, Reconciled

SHOWN = 5
"""How many reasons or kinds are shown before the rest is counted."""


def filled(console: Console, result: FillResult, resume: str) -> None:
    """What became of everything that was read.

    Args:
        console: Where to print it.
        result: What became of it.
        resume: What to do if it was stopped before the end.
    """
    totals = result.totals
    rate = totals.events / result.seconds if result.seconds else 0
    console.print(f"{totals.events:,} events in {result.seconds:,.1f} s ({rate:,.0f}/s)")
    _kept(console, totals.kept)
    if totals.dead:
        dead = sum(totals.dead.values())
        console.print(f"[red]{dead:,} not understood[/red], see headwater dead-letters list:")
        _most(console, totals.dead)
    if totals.failed:
        console.print(f"[red]{totals.failed:,} rules failed[/red], see headwater status")
    if not result.complete:
        console.print(f"stopped before the end: {resume}")


def filled_json(result: FillResult) -> dict[str, Any]:
    """The same for programs."""
    totals = result.totals
    return {
        "events": totals.events,
        "kept": totals.kept,
        "dead": totals.dead,
        "rule_failures": totals.failed,
        "seconds": round(result.seconds, 3),
        "events_per_second": round(totals.events / result.seconds) if result.seconds else 0,
        "complete": result.complete,
    }


def estimated(found: Estimate) -> str:
    """What a backfill takes, in a sentence."""
    resources, calls = sum(found.resources.values()), sum(found.calls.values())
    return (
        f"{resources:,} resources of {len(found.resources)} kinds: {calls:,} calls, or more where answers have several "
        f"pages, at least {age(found.seconds)}"
    )


def planned(console: Console, found: Estimate, omissions: Omissions) -> None:
    """What a backfill would describe."""
    for kind, number in found.resources.items():
        console.print(f"{number:>8,}  {kind}")
    console.print(estimated(found), soft_wrap=True)
    _not_described(console, omissions)
    console.print("nothing was described yet: leave --dry-run out to do it", soft_wrap=True)


def planned_json(found: Estimate, omissions: Omissions) -> dict[str, Any]:
    """The same for programs."""
    return {
        "resources": found.resources,
        "calls": found.calls,
        "seconds_at_least": round(found.seconds, 1),
        **_not_described_json(omissions),
    }


def backfilled(console: Console, result: BackfillResult) -> None:
    """What came of a backfill."""
    console.print(f"{result.described:,} resources described")
    filled(console, result.filled, "the same command goes on there")
    _not_described(console, result.omissions)


def backfilled_json(result: BackfillResult) -> dict[str, Any]:
    """The same for programs."""
    return {**filled_json(result.filled), "resources": result.described, **_not_described_json(result.omissions)}


def _not_described(console: Console, omissions: Omissions) -> None:
    if omissions.unsupported:
        names = ", ".join(sorted(omissions.unsupported))
        console.print(escape(f"this server has no operation {names}: went on without"), soft_wrap=True)
    for (operation, kind), (number, first) in omissions.invalid.items():
        refused = f"{operation} was refused for {number:,} of the kind {kind}: {first}"
        console.print(escape(refused), soft_wrap=True)
    if omissions.gone:
        console.print(f"{omissions.gone:,} were listed, but deleted before they were described", soft_wrap=True)
    if omissions.elsewhere:
        console.print(f"{omissions.elsewhere:,} belong to other accounts", soft_wrap=True)


def _not_described_json(omissions: Omissions) -> dict[str, Any]:
    return {
        "denied": {permission: sorted(kinds) for permission, kinds in sorted(omissions.denied.items())},
        "unsupported": {operation: sorted(kinds) for operation, kinds in sorted(omissions.unsupported.items())},
        "invalid": {f"{operation} {kind}": number for (operation, kind), (number, _) in omissions.invalid.items()},
        "gone": omissions.gone,
        "elsewhere": omissions.elsewhere,
    }


def denial(omissions: Omissions) -> str:
    """What our role lacks, and what to do about it; empty when it lacks nothing."""
    if not omissions.denied:
        return ""
    kinds = ",".join(sorted(set().union(*omissions.denied.values())))
    return (
        f"not allowed to describe everything: give this role {', '.join(sorted(omissions.denied))}, "
        f"then: headwater backfill --kinds {kinds}"
    )


def compared(console: Console, here: str, there: str, found: Comparison) -> None:
    """What differs between two stores."""
    if found.same:
        entities = sum(number for kind, number in found.counts.items() if kind not in PART_FIELDS)
        console.print(f"the same: {entities:,} entities, digest {found.here}", soft_wrap=True)
        return
    for word, store, digest in (("here ", here, found.here), ("there", there, found.there)):
        console.print(f"{word}  {escape(store)}  {digest}", soft_wrap=True)
    console.print(f"{'':<16}{'only here':>12}{'only there':>12}{'different':>12}")
    for kind, counted in found.differences.items():
        console.print(f"{kind:<16}" + "".join(f"{counted[how]:>12,}" for how in WAYS))
    for one in found.shown:
        link = one.kind in ("Association", "Membership")
        about = f"{one.entity} -> {one.part}" if link else " of ".join(filter(None, (one.part, one.entity)))
        console.print(escape(f"{one.how.replace('_', ' ')}: {one.kind} {about}"), soft_wrap=True)
        if one.here is not None and one.there is not None:
            for name in {**one.here, **one.there}:
                values = f"{_value(one.here, name)} here, {_value(one.there, name)} there"
                console.print(escape(f"    {name}: {values}"), soft_wrap=True)
    hidden = sum(map(sum, (counted.values() for counted in found.differences.values()))) - len(found.shown)
    if hidden:
        console.print(f"and {hidden:,} others: --limit shows more")


def _value(fields: Mapping[str, Any], name: str) -> str:
    return msgspec.json.encode(fields[name]).decode() if name in fields else "nothing"


def _most(console: Console, counted: Mapping[str, int]) -> None:
    ordered = sorted(counted.items(), key=lambda item: (-item[1], item[0]))
    for what, number in ordered[:SHOWN]:
        console.print(f"  {number:>8,}  {escape(what)}", soft_wrap=True)
    if len(ordered) > SHOWN:
        console.print(f"  and {len(ordered) - SHOWN:,} others")


def reconciled(console: Console, done: Reconciled, *, dry_run: bool) -> None:
    """What was missing, and what became of it."""
    from consumers.run.reconcile import counted  # AWS's client: only where it is used

    if not done.found:
        console.print("nothing is missing, as far as the store shows")
        return
    found, mended = counted(done.found), counted(done.mended)
    for gap, number in found.items():
        became = "" if dry_run else f", {mended.get(gap, 0):,} recovered"
        console.print(f"{number:>8,}  {_GAPS[gap]}{became}")
        for one in [one for one in (done.found if dry_run else done.left) if one.gap == gap][:SHOWN]:
            console.print(escape(f"          {one.about}: {one.seen}"), soft_wrap=True)
    if dry_run:
        console.print("nothing was asked: the same command without --dry-run asks SageMaker")
        return
    console.print(f"{done.answered:,} describe requests answered, {sum(done.reasons.values()):,} not")
    _most(console, done.reasons)
    if done.left:
        console.print(
            f"[yellow]{len(done.left):,} still missing[/yellow], for the reasons above: the same command tries again"
        )


_GAPS: Mapping[Gap, str] = {
    "unfinished": "still under way long after it must have ended",
    "unknown": "referenced by others, but never reported",
    "unproduced": "model data that is used, but produced by no known job",
    "unanswered": "descriptions that lineage needs and events leave out",
}


def reconciled_json(done: Reconciled) -> dict[str, Any]:
    """The same for programs."""
    from consumers.run.reconcile import counted

    return {
        "found": counted(done.found),
        "mended": counted(done.mended),
        "answered": done.answered,
        "reasons": done.reasons,
        "left": [{"gap": one.gap, "about": one.about, "seen": one.seen} for one in done.left],
    }


def dead_letters(console: Console, letters: Sequence[DeadLetter]) -> None:
    """Dead letters, two lines each."""
    if not letters:
        console.print("no dead letters")
        return
    for letter in letters:
        about = (
            f"{letter.id:>6}  {moment(letter.received)}  {len(letter.body):,} bytes from {letter.origin or 'nowhere'}"
        )
        console.print(escape(about), soft_wrap=True)
        console.print(f"        [red]{escape(letter.reason)}[/red]", soft_wrap=True)
    console.print("dead-letters show NUMBER prints one; redrive handles it again, discard deletes it", soft_wrap=True)


def status(console: Console, where: str, found: Status) -> None:
    """A store in numbers."""
    console.print(f"[bold]{escape(where)}[/bold]", soft_wrap=True)
    if found.last_received is None:
        console.print("empty: feed it with headwater replay or headwater run")
    else:
        ago = (time.time_ns() // 1_000_000 - found.last_received) / 1000
        newest = f", the newest is of {moment(found.last_event)}" if found.last_event else ""
        console.print(f"last event received {age(ago)} ago{newest}")
    kept = found.events.get("kept", {})
    console.print(f"{sum(sum(kinds.values()) for kinds in found.events.values()):,} events in the ledger")
    _kept(console, kept)
    if found.events.get("nothing"):
        console.print(f"{sum(found.events['nothing'].values()):,} of them report nothing, as refused calls do:")
        _most(console, found.events["nothing"])
    _numbers(console, "resources", found.resources)
    _numbers(console, "entities", found.entities)
    console.print(f"{found.associations:,} associations")
    _reaching(console, "models", found.models)
    _reaching(console, "endpoints", found.endpoints)
    if found.questions:
        outcomes = ", ".join(f"{found.questions.get(state, 0):,} {word}" for state, word in _OUTCOMES.items())
        console.print(f"describe requests to SageMaker: {outcomes}", soft_wrap=True)
    if found.refusals:
        console.print(f"[yellow]{sum(found.refusals.values()):,} of them were not answered:[/yellow]")
        _most(console, found.refusals)
    if found.dead_letters:
        console.print(f"[red]{found.dead_letters:,} dead letters[/red]: headwater dead-letters list")
    if found.underived:
        console.print(
            f"[yellow]{found.underived:,} resources not derived yet[/yellow]: a worker does it when it starts"
        )
    for key, why in found.problems:
        console.print(f"[red]rule failed[/red] on {escape(key)}: {escape(why)}", soft_wrap=True)
    for name in found.readings:
        command = f"headwater replay {name} --resume"
        if name.startswith(LEDGER_OF):
            source = name.removeprefix(LEDGER_OF)
            command = f"headwater rebuild --into {where} --database-url {source} --resume"
        if name.startswith(BACKFILL):
            command = name
        console.print(escape(f"stopped before its end, to go on: {command}"), soft_wrap=True)


_OUTCOMES = {OPEN: "waiting", ANSWERED: "answered", MISSING: "about what does not exist"}


def _kept(console: Console, kept: Mapping[str, int]) -> None:
    """What nothing is derived from: on purpose, by reason; for want of a rule, by kind."""
    reasons: Counter[str] = Counter()
    unknown: dict[str, int] = {}
    for kind, number in kept.items():
        if why := why_kept(kind):
            reasons[why] += number
        else:
            unknown[kind] = number
    if reasons:
        console.print(f"{reasons.total():,} of them kept on purpose, with nothing derived from them:")
        _most(console, reasons)
    if unknown:
        console.print(f"{sum(unknown.values()):,} of them kept for later, their kind has no rule yet:")
        _most(console, unknown)


def _reaching(console: Console, what: str, found: Reach) -> None:
    if found.asked:
        least = "" if found.complete else "at least "
        share = f"{least}{found.reaching / found.asked:.0%}"
        newest = f"the newest {found.asked:,} {what}" if found.asked == NEWEST else f"{found.asked:,} {what}"
        console.print(f"{share} of {newest} lead back to a data set")


def _numbers(console: Console, what: str, counted: Mapping[str, int]) -> None:
    console.print(f"{sum(counted.values()):,} {what}")
    for name, number in counted.items():
        console.print(f"  {number:>8,}  {escape(name)}")
