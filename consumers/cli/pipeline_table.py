"""A pipeline execution as text for people."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from consumers.cli.text import age, moment
from consumers.pipeline_executions import Execution, Step


def execution(console: Console, found: Execution) -> None:
    """A pipeline execution, and its steps in the order of time."""
    title = f"[bold]{escape(found.pipeline)}[/bold] {escape(found.name)}".rstrip()
    console.print(f"{title}  {_colored(found.status)}  {_lasted(found.started, found.ended)}".rstrip(), soft_wrap=True)
    console.print(escape(found.arn), soft_wrap=True)
    for what, value in (
        ("", found.description),
        ("started by ", found.started_by),
        ("failed: ", found.failure),
        *((f"{name} = ", value) for name, value in found.parameters.items()),
    ):
        if value:
            console.print(f"  {escape(what + value)}", soft_wrap=True)
    if not found.steps:
        console.print("no steps are known")
        return
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in ("step", "type", "status", "began", "took", "tries", "what it made, and how it went"):
        table.add_column(column, overflow="fold")
    for step in found.steps:
        table.add_row(
            escape(step.name),
            escape(step.type),
            _colored(step.status),
            moment(step.started) if step.started else "",
            age((step.ended - step.started) / 1000) if step.started and step.ended else "",
            "" if step.attempts is None else str(step.attempts),
            escape("\n".join(_details(step))),
        )
    console.print(table)


def _details(step: Step) -> Iterator[str]:
    if step.made:
        yield step.made.split(":", 5)[-1]
    for arn in step.earlier:
        yield f"before that {arn.split(':', 5)[-1]}"
    if step.cached_from:
        yield f"found in the cache: {step.cached_from.rpartition('/')[2]}"
    if step.reused_from:
        yield f"not selected, taken over from: {step.reused_from.rpartition('/')[2]}"
    yield from (f"{name}: {value}" for name, value in step.details.items())
    if step.failure:
        yield f"failed: {step.failure}"
    if step.earlier_failure:
        yield f"an earlier attempt failed: {step.earlier_failure}"


def _colored(status: str) -> str:
    color = "red" if status == "Failed" else "green" if status == "Succeeded" else "yellow"
    return f"[{color}]{escape(status)}[/{color}]" if status else ""


def _lasted(started: int | None, ended: int | None) -> str:
    if started is None:
        return ""
    return f"{moment(started)}, took {age((ended - started) / 1000)}" if ended else f"since {moment(started)}"
