"""The command line: its commands, and how errors become a sentence and an exit code."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib.metadata import version

from cyclopts import App, CycloptsError
from rich.console import Console
from rich.markup import escape
from stamina.instrumentation import set_on_retry_hooks

from consumers.cli import dead_letters, demo, explain, import_, maintenance, query, worker
from consumers.cli.failures import OutputFailed, ReaderGone, os_failure, standard_output
from consumers.cli.options import Failed, Misused
from ingest.delivery import Refused
from ingest.delivery import Unavailable as SourceUnavailable
from store.database import BadUrl, Unavailable, Unusable

app = App(
    name="headwater",
    version=lambda: version("headwater"),
    help="""Lineage for Amazon SageMaker, kept in a SQL store you own.

    Feed it events (`run`, `replay`), then ask (`lineage`, `serve`). `demo` shows it on this machine, without AWS.
    """,
    help_format="markdown",
)

COMMANDS: Mapping[str, Callable[..., object]] = {
    "run": worker.run_command,
    "serve": worker.serve_command,
    "forward": worker.forward_command,
    "replay": import_.replay_command,
    "backfill": import_.backfill_command,
    "demo": demo.demo_command,
    "lineage": query.lineage_command,
    "explain": explain.explain_command,
    "runs": query.runs_command,
    "experiments": query.experiments_command,
    "pipeline": query.pipeline_command,
    "digest": query.digest_command,
    "compare": query.compare_command,
    "status": query.status_command,
    "migrate": maintenance.migrate_command,
    "export": maintenance.export_command,
    "rebuild": maintenance.rebuild_command,
    "prune": maintenance.prune_command,
    "reconcile": maintenance.reconcile_command,
}
"""Every command by its name, but for those of `dead-letters`."""

for name, command in COMMANDS.items():
    app.command(command, name=name)
app.command(dead_letters.app)


def main() -> None:
    """Run the command line; errors are one sentence, exit codes 0 done, 1 something failed, 2 wrong usage."""
    # Events make many objects that live for a batch and few that point at each other: collecting them after every
    # 700 costs a tenth of the speed and finds nothing.
    gc.set_threshold(100_000, 20, 20)
    set_on_retry_hooks(())  # waiting for a lock is not worth a log line
    try:
        with standard_output():
            code = app(sys.argv[1:], exit_on_error=False, print_error=False)
    except CycloptsError as why:
        _say_error(f"{_plain(why)}; see headwater --help")
        sys.exit(2)
    except (BadUrl, Misused) as why:
        _say_error(str(why))
        sys.exit(2)
    except (Failed, OutputFailed, Refused, SourceUnavailable, Unavailable, Unusable) as why:
        _say_error(str(why))
        sys.exit(1)
    except ReaderGone:
        sys.exit(0)
    except OSError as why:
        _say_error(os_failure(why))
        sys.exit(1)
    except KeyboardInterrupt:
        _say_error("interrupted")
        sys.exit(1)
    sys.exit(code if isinstance(code, int) else 0)


def _plain(why: CycloptsError) -> str:
    """Its sentence without the full stop; a list that is cut short keeps its dots."""
    text = " ".join(str(why).split())
    return text if text.endswith("...") else text.rstrip(".")


def _say_error(sentence: str) -> None:
    with suppress(OSError):  # where nobody can read it, the exit code still says it
        Console(stderr=True, highlight=False, soft_wrap=True).print(f"[red]headwater:[/red] {escape(sentence)}")
