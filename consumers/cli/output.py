"""What commands tell people: tables and sentences."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from consumers.observe.unhandled import why_kept
from consumers.run.worker import Totals
from store.compare import WAYS, Comparison
from store.describe_requests import ANSWERED, MISSING, OPEN
from store.digest import PART_FIELDS
from store.ledger.events import DeadLetter
from store.status import NEWEST, Reach, Status

if TYPE_CHECKING:
    from consumers.pipeline_executions import Execution, Step
    from consumers.run.reconcile import Reconciled

LEDGER_OF = "the ledger of "
"""What a rebuild's reading is named, before the name of the store."""
BACKFILL = "headwater backfill"
"""What a backfill's reading is named: the command."""
SHOWN = 5
"""How many reasons or kinds are shown before the rest is counted."""


def filled(console: Console, totals: Totals, seconds: float, go_on: str | None) -> None:
    """What became of all that was read.

    Args:
        console: Where to tell it.
        totals: All batches' settlements.
        seconds: How long it took.
        go_on: What to do about its being stopped before the end; None when it was not.
    """
    rate = totals.events / seconds if seconds else 0
    console.print(f"{totals.events:,} events in {seconds:,.1f} s ({rate:,.0f}/s)")
    _kept(console, totals.kept)
    if totals.dead:
        dead = sum(totals.dead.values())
        console.print(f"[red]{dead:,} not understood[/red], see headwater dead-letters list:")
        _most(console, totals.dead)
    if totals.failed:
        console.print(f"[red]{totals.failed:,} rules failed[/red], see headwater status")
    if go_on:
        console.print(f"stopped before the end: {go_on}")


def compared(console: Console, here: str, there: str, found: Comparison) -> None:
    """What differs between two stores."""
    if found.same:
        entities = sum(number for sort, number in found.counts.items() if sort not in PART_FIELDS)
        console.print(f"the same: {entities:,} entities, digest {found.here}", soft_wrap=True)
        return
    for word, store, digest in (("here ", here, found.here), ("there", there, found.there)):
        console.print(f"{word}  {escape(store)}  {digest}", soft_wrap=True)
    console.print(f"{'':<16}{'only here':>12}{'only there':>12}{'different':>12}")
    for sort, counted in found.differences.items():
        console.print(f"{sort:<16}" + "".join(f"{counted[how]:>12,}" for how in WAYS))
    for one in found.shown:
        link = one.sort in ("Association", "Membership")
        about = f"{one.entity} -> {one.part}" if link else " of ".join(filter(None, (one.part, one.entity)))
        console.print(escape(f"{one.how.replace('_', ' ')}: {one.sort} {about}"), soft_wrap=True)
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
    from consumers.run.reconcile import GAPS, counted  # AWS's client: only where it is used

    if not done.found:
        console.print("nothing is missing, as far as can be told from what is known")
        return
    found, mended = counted(done.found), counted(done.mended)
    for gap, number in found.items():
        became = "" if dry_run else f", {mended.get(gap, 0):,} mended"
        console.print(f"{number:>8,}  {GAPS[gap]}{became}")
        for one in [one for one in (done.found if dry_run else done.left) if one.gap == gap][:SHOWN]:
            console.print(escape(f"          {one.about}: {one.seen}"), soft_wrap=True)
    if dry_run:
        console.print("nobody was asked: the same command without --dry-run asks SageMaker")
        return
    console.print(f"{done.answered:,} questions answered, {sum(done.reasons.values()):,} not")
    _most(console, done.reasons)
    if done.left:
        console.print(
            f"[yellow]{len(done.left):,} still missing[/yellow]: see above why; to try again, the same command"
        )


def execution(console: Console, told: Execution) -> None:
    """A pipeline execution, and its steps in the order of time."""
    title = f"[bold]{escape(told.pipeline)}[/bold] {escape(told.name)}".rstrip()
    console.print(f"{title}  {_colored(told.status)}  {_lasted(told.started, told.ended)}".rstrip(), soft_wrap=True)
    console.print(escape(told.arn), soft_wrap=True)
    for what, value in (
        ("", told.description),
        ("started by ", told.started_by),
        ("failed: ", told.failure),
        *((f"{name} = ", value) for name, value in told.parameters.items()),
    ):
        if value:
            console.print(f"  {escape(what + value)}", soft_wrap=True)
    if not told.steps:
        console.print("no steps are known")
        return
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in ("step", "type", "status", "began", "took", "tries", "what it made, and how it went"):
        table.add_column(column, overflow="fold")
    for step in told.steps:
        table.add_row(
            escape(step.name),
            escape(step.type),
            _colored(step.status),
            moment(step.started) if step.started else "",
            age((step.ended - step.started) / 1000) if step.started and step.ended else "",
            "" if step.attempts is None else str(step.attempts),
            escape("\n".join(_of_step(step))),
        )
    console.print(table)


def _of_step(step: Step) -> Iterator[str]:
    if step.made:
        yield step.made.split(":", 5)[-1]
    for arn in step.earlier:
        yield f"before that {arn.split(':', 5)[-1]}"
    if step.cached_from:
        yield f"found in the cache: {step.cached_from.rpartition('/')[2]}"
    yield from (f"{name}: {value}" for name, value in step.details.items())
    if step.failure:
        yield f"failed: {step.failure}"


def _colored(status: str) -> str:
    color = "red" if status == "Failed" else "green" if status == "Succeeded" else "yellow"
    return f"[{color}]{escape(status)}[/{color}]" if status else ""


def _lasted(started: int | None, ended: int | None) -> str:
    if started is None:
        return ""
    return f"{moment(started)}, took {age((ended - started) / 1000)}" if ended else f"since {moment(started)}"


def dead_letters(console: Console, letters: Sequence[DeadLetter]) -> None:
    """Dead letters, two lines each."""
    if not letters:
        console.print("no dead letters")
        return
    for letter in letters:
        told = (
            f"{letter.id:>6}  {moment(letter.received)}  {len(letter.body):,} bytes from {letter.origin or 'nowhere'}"
        )
        console.print(escape(told), soft_wrap=True)
        console.print(f"        [red]{escape(letter.reason)}[/red]", soft_wrap=True)
    console.print("dead-letters show NUMBER prints one; redrive sends round again, discard takes away", soft_wrap=True)


def status(console: Console, where: str, found: Status) -> None:
    """A store in numbers."""
    console.print(f"[bold]{escape(where)}[/bold]", soft_wrap=True)
    if found.last_received is None:
        console.print("empty: feed it with headwater replay or headwater run")
    else:
        ago = (time.time_ns() // 1_000_000 - found.last_received) / 1000
        newest = f", the newest tells of {moment(found.last_event)}" if found.last_event else ""
        console.print(f"last event received {age(ago)} ago{newest}")
    kept = found.events.get("kept", {})
    console.print(f"{sum(sum(kinds.values()) for kinds in found.events.values()):,} events in the ledger")
    _kept(console, kept)
    if found.events.get("nothing"):
        console.print(f"{sum(found.events['nothing'].values()):,} of them tell nothing, as refused calls do:")
        _most(console, found.events["nothing"])
    _numbers(console, "resources", found.resources)
    _numbers(console, "entities", found.entities)
    console.print(f"{found.associations:,} associations")
    _reaching(console, "models", found.models)
    _reaching(console, "endpoints", found.endpoints)
    if found.questions:
        told = ", ".join(f"{found.questions.get(state, 0):,} {word}" for state, word in _ANSWERS.items())
        console.print(f"questions to SageMaker: {told}")
    if found.refusals:
        console.print(f"[yellow]{sum(found.refusals.values()):,} of them went without an answer:[/yellow]")
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


_ANSWERS = {OPEN: "waiting", ANSWERED: "answered", MISSING: "about what is not there"}


def _kept(console: Console, kept: Mapping[str, int]) -> None:
    """What nothing was derived from: on purpose, by reason; for want of a rule, by kind."""
    reasons: Counter[str] = Counter()
    unknown: dict[str, int] = {}
    for sort, number in kept.items():
        if why := why_kept(sort):
            reasons[why] += number
        else:
            unknown[sort] = number
    if reasons:
        console.print(f"{reasons.total():,} of them kept on purpose, and nothing derived from them:")
        _most(console, reasons)
    if unknown:
        console.print(f"{sum(unknown.values()):,} of them kept for later, no rule knows their kind yet:")
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


def moment(milliseconds: int) -> str:
    """A time for people, in UTC."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")


def age(seconds: float) -> str:
    """A span of time for people."""
    for unit, size in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:,.0f} {unit}"
    return f"{seconds:,.0f} seconds"
