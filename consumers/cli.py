"""The command line: every command, and all wiring."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from cyclopts import App, CycloptsError, Parameter
from rich.console import Console
from rich.markup import escape
from stamina.instrumentation import set_on_retry_hooks

from ingest.delivery import Refused
from ingest.delivery import Unavailable as SourceUnavailable
from store.database import DEFAULT_URL, BadUrl, Store, Unavailable, Unusable
from store.ledger import DeadLetter
from store.query import LIMIT, Direction

app = App(
    name="headwater",
    version=lambda: version("headwater"),
    help="""Lineage for Amazon SageMaker, kept in a SQL store you own.

    Feed it events (`run`, `replay`), then ask (`lineage`). `demo` shows all of it on this machine, without AWS.
    """,
    help_format="markdown",
)

Database = Annotated[
    str,
    Parameter(
        name="--database-url",
        env_var="HEADWATER_DATABASE_URL",
        help="Where lineage is kept: sqlite:///path/to/file.db or postgresql://user:password@host/database.",
    ),
]
AsJson = Annotated[bool, Parameter(name="--json", negative="", help="Print JSON, for programs.")]
Region = Annotated[
    str | None, Parameter(env_var=["HEADWATER_REGION", "AWS_REGION", "AWS_DEFAULT_REGION"], help="The AWS region.")
]
Endpoint = Annotated[
    str | None,
    Parameter(env_var="HEADWATER_ENDPOINT_URL", help="Another server that speaks AWS's protocols, as moto does."),
]


LONGEST_REF = 4096
"""Characters in what is asked for, at the most: no ARN, URI or name is longer."""


class _Console(Console):
    """rich's console; a pipe that was closed is told on, as by any other output."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


class Failed(Exception):
    """What was asked for cannot be done; the message is one sentence that says what to do."""


class Misused(Failed):
    """The command was called wrongly."""


def main() -> None:
    """Run the command line; errors are one sentence, exit codes 0 done, 1 something failed, 2 wrong usage."""
    # Events make many objects that live for a batch and few that point at each other: collecting them after every
    # 700 costs a tenth of the speed and finds nothing.
    gc.set_threshold(100_000, 20, 20)
    set_on_retry_hooks(())  # waiting for a lock is no news
    try:
        try:
            code = app(sys.argv[1:], exit_on_error=False, print_error=False)
        finally:
            sys.stdout.flush()  # here, where a pipe that was closed is no failure
    except CycloptsError as why:
        _say_error(f"{_plain(why)}; headwater --help tells more")
        sys.exit(2)
    except (BadUrl, Misused) as why:
        _say_error(str(why))
        sys.exit(2)
    except (Failed, Refused, SourceUnavailable, Unavailable, Unusable) as why:
        _say_error(str(why))
        sys.exit(1)
    except BrokenPipeError:  # whoever read our output has had enough
        _drop_output()
        sys.exit(0)
    except OSError as why:
        _drop_output()
        _say_error(f"cannot write what was asked for: {why.strerror}")
        sys.exit(1)
    except KeyboardInterrupt:
        _say_error("interrupted")
        sys.exit(1)
    sys.exit(code if isinstance(code, int) else 0)


def _drop_output() -> None:
    """Let what could not be written go nowhere, or Python tries it once more when it ends, and complains."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _plain(why: CycloptsError) -> str:
    return " ".join(str(why).split()).rstrip(".")


def _say_error(sentence: str) -> None:
    Console(stderr=True, highlight=False, soft_wrap=True).print(f"[red]headwater:[/red] {escape(sentence)}")


def opened(database_url: str, *, migrated: bool = False) -> Store:
    """The store of a URL, at the newest schema.

    Args:
        database_url: Of SQLite or PostgreSQL.
        migrated: True to make it, or take it to the newest schema, where need be.

    Raises:
        Unusable, Unavailable: It cannot be had.
    """
    from store import schema

    store = Store(database_url)
    if not migrated and store.sqlite and not os.path.exists(store.url.database or ""):
        raise Unusable(f"{store} does not exist: replay or run makes it, or name another with --database-url")
    try:
        schema.migrate(store) if migrated else schema.check(store)
    except BaseException:
        store.close()
        raise
    return store


# ------------------------------------------------------------------------------------------ filling


@app.command
def run(
    queue: Annotated[str, Parameter(env_var="HEADWATER_QUEUE", help="The queue's URL or its name.")],
    /,
    *,
    database_url: Database = DEFAULT_URL,
    region: Region = None,
    endpoint_url: Endpoint = None,
    batch_size: Annotated[int, Parameter(env_var="HEADWATER_BATCH_SIZE", help="The most messages at a time.")] = 500,
    visibility: Annotated[
        int,
        Parameter(env_var="HEADWATER_VISIBILITY", help="Seconds until messages of a worker that died come again."),
    ] = 60,
    until_empty: Annotated[bool, Parameter(negative="", help="Stop when the queue is empty.")] = False,
    metrics_port: Annotated[
        int | None, Parameter(env_var="HEADWATER_METRICS_PORT", help="Serve /metrics and /health on this port.")
    ] = None,
    metrics_host: Annotated[
        str, Parameter(env_var="HEADWATER_METRICS_HOST", help="The address to serve them on.")
    ] = "127.0.0.1",
    log_format: Annotated[
        Literal["auto", "console", "json"],
        Parameter(env_var="HEADWATER_LOG_FORMAT", help="auto: console on a terminal, JSON elsewhere."),
    ] = "auto",
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], Parameter(env_var="HEADWATER_LOG_LEVEL")
    ] = "info",
) -> None:
    """The worker: take events from an SQS queue and keep the lineage that follows.

    It makes or migrates the store when it starts, and runs until SIGTERM or Ctrl-C: the batch in hand is finished,
    nothing is lost. Start as many as you like, on one queue and one store.
    """
    from consumers import service

    service.run(
        queue,
        opened_store=lambda: opened(database_url, migrated=True),
        region=region,
        endpoint_url=endpoint_url,
        batch_size=_at_least_one("--batch-size", batch_size),
        visibility=_at_least_one("--visibility", visibility),
        until_empty=until_empty,
        metrics_at=None if metrics_port is None else (metrics_host, metrics_port),
        log_format=log_format,
        log_level=log_level,
    )


@app.command
def replay(
    *sources: Annotated[
        str,
        Parameter(
            allow_leading_hyphen=True, help="Files, folders, globs, s3://bucket/prefix, or - for standard input."
        ),
    ],
    database_url: Database = DEFAULT_URL,
    resume: Annotated[bool, Parameter(negative="", help="Go on where the last replay of these stopped.")] = False,
    batch_size: Annotated[int, Parameter(help="Events in a transaction.")] = 2000,
    region: Region = None,
    endpoint_url: Endpoint = None,
    as_json: AsJson = False,
) -> int:
    """Take events from archives, through the same code as live ones.

    JSON lines, JSON arrays, one event a file; .gz and .zst. What was replayed before changes nothing. Ctrl-C stops in
    order; the same command with --resume goes on there.
    """
    options = [source for source in sources if source.startswith("-") and source != "-"]
    if options:
        raise Misused(f"there is no option {options[0]}; headwater replay --help tells which there are")
    if not sources:
        raise Misused("say what to replay: a file, a folder, a glob, s3://bucket/prefix, or - for standard input")
    from consumers import service

    return service.replay(
        sources,
        opened(database_url, migrated=True),
        resume=resume,
        batch_size=_at_least_one("--batch-size", batch_size),
        region=region,
        endpoint_url=endpoint_url,
        as_json=as_json,
    )


@app.command
def migrate(*, database_url: Database = DEFAULT_URL) -> None:
    """Make the store, or take it to the newest schema. `run` and `replay` do it when they start."""
    from store import schema

    with Store(database_url) as store:
        before, now = schema.migrate(store)
    if before == now:
        print(f"{store} is at schema {now} already")
    else:
        print(f"{store} is at schema {now} now" + (f", it was at {before}" if before else ""))


# ------------------------------------------------------------------------------------------ asking


@app.command
def lineage(
    ref: Annotated[str, Parameter(help="An ARN of anything (entity, job, endpoint, package), an S3 URI, or a name.")],
    /,
    *,
    direction: Annotated[
        Direction, Parameter(help="To what it came from, to what came of it, or both of these.")
    ] = Direction.BOTH,
    depth: Annotated[int | None, Parameter(help="How many links to follow at most; all unless told.")] = None,
    limit: Annotated[int, Parameter(help="How many entities to show at most, in each direction.")] = LIMIT,
    format: Annotated[Literal["tree", "json", "dot", "mermaid", "csv"], Parameter(help="What to print.")] = "tree",
    database_url: Database = DEFAULT_URL,
) -> None:
    """What something came from and what came of it.

    Examples: `headwater lineage s3://bucket/train.csv --direction descendants`, `headwater lineage my-endpoint`,
    `headwater lineage arn:aws:sagemaker:eu-west-1:111122223333:model-package/churn/7 --format mermaid`.
    """
    from consumers import formats
    from store import find, query

    if len(ref) > LONGEST_REF or ref != ref.encode("utf-8", "replace").decode():
        raise Misused(f"what is asked for must be UTF-8 text of at most {LONGEST_REF:,} characters")
    if depth is not None and depth < 0:
        raise Misused("--depth counts links: 0 or more")
    _at_least_one("--limit", limit)
    with opened(database_url) as store:
        found = find.find(store, ref)
        near = [] if found else find.nearest(store, ref)
    if near is None:
        raise Failed(f"nothing is known of {ref!r}: the store is empty, feed it with replay or run")
    if not found:
        hint = f"did you mean {' or '.join(near)}?" if near else "say an ARN, an S3 URI or a name that events have told"
        raise Failed(f"nothing is known of {ref!r}; {hint}")
    if len(found) > 1:
        lines = "\n".join(f"  {match.vertex.arn}" for match in found)
        raise Failed(f"{ref!r} means several things; say one of their ARNs:\n{lines}")
    if not found[0].starts:
        raise Failed(f"{found[0].vertex.name or ref!r} has no trial components yet: nothing to follow")
    with store:
        walk = query.walk(store, found[0].starts, direction, depth=depth, limit=limit)
    if format == "tree":
        # Where nobody looks at it, long URIs need not fit a screen.
        console = _Console(highlight=False, width=None if sys.stdout.isatty() else 200)
        console.print(formats.tree(walk))
    else:
        sys.stdout.write(formats.FORMATS[format](walk).rstrip("\n") + "\n")


@app.command
def digest(
    *,
    verbose: Annotated[bool, Parameter(negative="", help="Print counts as well.")] = False,
    database_url: Database = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """The SHA-256 of the canonical graph: two stores that were told the same events print the same."""
    from store.digest import digest as compute

    with opened(database_url) as store:
        value, counts = compute(store)
    if as_json:
        _print_json({"digest": value, "counts": counts})
        return
    print(value)
    if verbose:
        for sort, number in sorted(counts.items()):
            print(f"{number:>12,} {sort}")


@app.command
def status(*, database_url: Database = DEFAULT_URL, as_json: AsJson = False) -> None:
    """What the store holds, how far behind it is, and what is the matter with it."""
    from consumers import report
    from store.status import status as ask

    with opened(database_url) as store:
        found = ask(store)
    if as_json:
        _print_json(found)
    else:
        report.status(_Console(highlight=False), str(store), found)


@app.command
def export(
    *,
    output: Annotated[Path | None, Parameter(name=["--output", "-o"], help="A file; .gz and .zst pack it.")] = None,
    database_url: Database = DEFAULT_URL,
) -> None:
    """Every event of the ledger as JSON lines, in the order of arrival: what `replay` makes the same store from."""
    from consumers import service

    with opened(database_url) as store:
        service.export(store, output)


letters = App(name="dead-letters", help="Messages that could not be understood: look at them, send them round again.")
app.command(letters)

Numbers = Annotated[list[int] | None, Parameter(help="Their numbers.", consume_multiple=True)]
All = Annotated[bool, Parameter(name="--all", negative="", help="All of them.")]


@letters.command(name="list")
def list_(*, database_url: Database = DEFAULT_URL, as_json: AsJson = False) -> None:
    """Every dead letter: its number, when it came, from where, and why it is dead."""
    from consumers import report
    from store.ledger import dead_letters

    with opened(database_url) as store:
        found = dead_letters(store)
    if as_json:
        _print_json([_shown(letter) for letter in found])
    else:
        report.dead_letters(_Console(highlight=False), found)


@letters.command
def show(number: int, /, *, database_url: Database = DEFAULT_URL) -> None:
    """One dead letter, its message as it came."""
    from store.ledger import dead_letters

    with opened(database_url) as store:
        found = dead_letters(store, [number])
    for letter in found:
        print(f"{letter.reason}\n", file=sys.stderr)
        sys.stdout.buffer.write(letter.body + b"\n")
        return
    raise Failed(f"there is no dead letter {number}: dead-letters list shows those there are")


@letters.command
def redrive(*numbers: int, every: All = False, database_url: Database = DEFAULT_URL) -> int:
    """Send dead letters round again; those that are understood now are taken away."""
    from consumers.handle import redrive as again

    with opened(database_url) as store:
        understood, dead = again(store, _chosen(store, numbers, every=every))
    print(f"{understood:,} understood, {dead:,} still dead")
    return 1 if dead else 0


@letters.command
def discard(*numbers: int, every: All = False, database_url: Database = DEFAULT_URL) -> None:
    """Take dead letters away for good."""
    from store import ledger

    with opened(database_url) as store:
        chosen = _chosen(store, numbers, every=every)
        store.write(lambda tx: ledger.discard(tx, chosen))
    print(f"{len(chosen):,} discarded")


@app.command
def demo(
    *,
    store: Annotated[Path | None, Parameter(help="A SQLite file to make; headwater-demo.db is made anew.")] = None,
) -> None:
    """A whole AWS in miniature on this machine, a real pipeline run's events through it, and the lineage that follows.

    Needs the extra: `pip install 'headwater[demo]'`. Nothing outside this machine is asked or changed.
    """
    from consumers import service
    from consumers.demo import MotoMissing
    from consumers.demo import demo as show_all

    if store and store.exists():
        raise Failed(f"{store} is there already: name a file that is not")
    service.set_up_logs("auto", "error")
    try:
        asyncio.run(show_all(store or Path("headwater-demo.db"), _Console(highlight=False)))
    except MotoMissing as why:
        raise Failed(str(why)) from why


def _chosen(store: Store, numbers: tuple[int, ...], *, every: bool) -> list[int]:
    from store.ledger import dead_letters

    if every == bool(numbers):
        raise Misused("say which: numbers from dead-letters list, or --all")
    there = [letter.id for letter in dead_letters(store, None if every else numbers)]
    missing = sorted(set(numbers) - set(there))
    if missing:
        raise Failed(f"there is no dead letter {missing[0]}: dead-letters list shows those there are")
    return there


def _shown(letter: DeadLetter) -> dict[str, object]:
    return {**letter._asdict(), "body": letter.body.decode("utf-8", "replace")}


def _at_least_one(option: str, value: int) -> int:
    if not 1 <= value <= 1_000_000_000:
        raise Misused(f"{option} must be from 1 to 1,000,000,000, not {value}")
    return value


def _print_json(value: object) -> None:
    sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n")


if __name__ == "__main__":
    main()
