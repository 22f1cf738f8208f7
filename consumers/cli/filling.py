"""Commands that fill a store."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from consumers.cli.options import AsJson, Console, Database, Endpoint, Failed, Misused, Region, at_least_one, opened
from store.database import DEFAULT_URL


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
        batch_size=at_least_one("--batch-size", batch_size),
        visibility=at_least_one("--visibility", visibility),
        until_empty=until_empty,
        metrics_at=None if metrics_port is None else (metrics_host, metrics_port),
        log_format=log_format,
        log_level=log_level,
    )


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
    from consumers import archives

    return archives.replay(
        sources,
        opened(database_url, migrated=True),
        resume=resume,
        batch_size=at_least_one("--batch-size", batch_size),
        region=region,
        endpoint_url=endpoint_url,
        as_json=as_json,
    )


def demo(
    *,
    store: Annotated[Path | None, Parameter(help="A SQLite file to make; headwater-demo.db is made anew.")] = None,
) -> None:
    """A whole AWS in miniature on this machine, a real pipeline run's events through it, and the lineage that follows.

    Needs the extra: `pip install 'headwater[demo]'`. Nothing outside this machine is asked or changed.
    """
    from consumers.demo import MotoMissing
    from consumers.demo import demo as show_all
    from consumers.process import set_up_logs

    if store and store.exists():
        raise Failed(f"{store} is there already: name a file that is not")
    set_up_logs("auto", "error")
    try:
        asyncio.run(show_all(store or Path("headwater-demo.db"), Console(highlight=False)))
    except MotoMissing as why:
        raise Failed(str(why)) from why
