"""Runs as text: a table for people, CSV for spreadsheets."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Mapping, Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from consumers.cli.text import age, csv_cell, moment
from store.search.runs import Group, Run, RunList

INFERRED = "~"
"""Before what Headwater infers and SageMaker does not write."""
_OURS = "SageMaker."
"""What SageMaker's own parameters begin with: not values that somebody chose to try."""


def table(console: Console, found: RunList, names: Collection[str]) -> None:
    """Runs, one a row; named parameters and metrics have columns of their own, all others are listed.

    Args:
        console: Where to print it.
        found: Which runs.
        names: Names of parameters and metrics in conditions, and what they were sorted by.
    """
    known = {name for run in found.runs for name in (*run.parameters, *run.metrics)}
    columns = [name for name in dict.fromkeys(names) if name in known]
    drawn = _columns("run", "status", "began", "took", "on", "in", *columns, "metrics", "parameters")
    for run in found.runs:
        chosen = {name: value for name, value in run.parameters.items() if not name.startswith(_OURS)}
        drawn.add_row(
            escape(run.display_name),
            escape(run.status),
            moment(run.started or run.created),
            "" if run.duration is None else age(run.duration),
            escape(_machine(run)),
            escape(_place(run)),
            *(escape(_value(run.metrics.get(name, run.parameters.get(name, "")))) for name in columns),
            escape(_listed(run.metrics, columns)),
            escape(_listed(chosen, columns)),
        )
    if found.runs:
        console.print(drawn)
    more = f"; the first {len(found.runs):,} are shown, --limit shows more" if found.total > len(found.runs) else ""
    console.print(f"{found.total:,} run{'' if found.total == 1 else 's'}{more}")


def groups(console: Console, found: Sequence[Group]) -> None:
    """Experiments and families, one a row."""
    if not found:
        console.print("there are no runs yet")
        return
    drawn = _columns("experiment", "trials", "runs")
    for group in found:
        drawn.add_row(
            escape(f"{INFERRED if group.inferred else ''}{group.name}"),
            "" if group.inferred else f"{group.trials:,}",
            f"{group.runs:,}",
        )
    console.print(drawn)
    if any(group.inferred for group in found):
        console.print(f"{INFERRED} inferred: runs in no experiment, by how they were made")


def as_csv(runs: Sequence[Run]) -> str:
    """Runs for spreadsheets, a column for each parameter and each metric that any of them has."""
    parameters = sorted({name for run in runs for name in run.parameters})
    metrics = sorted({name for run in runs for name in run.metrics})
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    fixed = [name for name in Run.__struct_fields__ if name not in ("parameters", "metrics")]
    names = [*(f"metric {name}" for name in metrics), *(f"parameter {name}" for name in parameters)]
    writer.writerow([*fixed, *map(csv_cell, names)])
    for run in runs:
        fixed_values = [getattr(run, name) for name in fixed]
        measured = [run.metrics.get(name, "") for name in metrics]
        writer.writerow(
            [*map(_cell, (*fixed_values, *measured, *(run.parameters.get(name, "") for name in parameters)))]
        )
    return out.getvalue().removesuffix("\n")


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return _value(value)
    if isinstance(value, tuple):
        return csv_cell("; ".join(value))
    return csv_cell(str(value)) if value is not None else ""


def _columns(*names: str) -> Table:
    drawn = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in names:
        drawn.add_column(escape(name), overflow="fold")
    return drawn


def _machine(run: Run) -> str:
    count = f"{run.instance_count} " if run.instance_count and run.instance_type else ""
    return f"{count}{run.instance_type}"


def _place(run: Run) -> str:
    if run.family:
        return f"{INFERRED}{run.family}"
    return ", ".join(run.experiments or run.trials)


def _listed(values: Mapping[str, str | float], elsewhere: Collection[str]) -> str:
    return "\n".join(f"{name}={_value(value)}" for name, value in values.items() if name not in elsewhere)


def _value(value: str | float) -> str:
    """A number without needless digits: 5, not 5.0."""
    return str(value).removesuffix(".0") if isinstance(value, float) else str(value)
