"""The command that shows everything on this machine, without AWS."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console
from rich.markup import escape

from consumers.cli.options import PORT, Failed, Port


def demo_command(
    *,
    store: Annotated[
        Path | None, Parameter(help="A SQLite file to make; by default headwater-demo.db, which is replaced.")
    ] = None,
    serve: Annotated[
        bool | None,
        Parameter(help="Answer SageMaker's API from the store afterwards, until Ctrl-C; the default on a terminal."),
    ] = None,
    port: Port = PORT,
) -> None:
    """A whole AWS in miniature on this machine, a real pipeline run's events through it, and the lineage that follows.

    Needs the extra: `pip install 'headwater[demo]'`. Nothing outside this machine is asked or changed.
    """
    from consumers.cli.worker import serve_command
    from consumers.demo.aws import MotoMissing
    from consumers.run.runtime import set_up_logs

    path = store or Path("headwater-demo.db")
    if store and store.exists():
        raise Failed(f"{store} is there already: name a file that is not")
    set_up_logs("auto", "error")
    console = Console(highlight=False)
    try:
        asyncio.run(_show(path, console))
    except MotoMissing as why:
        raise Failed(str(why)) from why
    if serve if serve is not None else sys.stdin.isatty() and sys.stdout.isatty():
        _print_step(console, "SageMaker's own API on it, until Ctrl-C:")
        serve_command(port=port, database_url=f"sqlite:///{path}")


async def _show(path: Path, console: Console) -> None:
    from consumers.cli.lineage_tree import tree
    from consumers.demo.steps import demo_steps

    async for step in demo_steps(path):
        _print_step(console, step.title, *step.details)
        if step.walk:
            console.print(tree(step.walk))


def _print_step(console: Console, title: str, *details: str) -> None:
    console.print(f"[bold green]»[/bold green] [bold]{escape(title)}[/bold]", soft_wrap=True)
    for line in details:
        console.print(f"  {escape(line)}", soft_wrap=True)
