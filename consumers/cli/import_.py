"""Commands that fill a store."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number
from rich.console import Console

from consumers.cli.options import (
    PORT,
    AsJson,
    Database,
    Endpoint,
    Failed,
    Kafka,
    Misused,
    Port,
    Region,
    at_least_one,
    moment,
    opened,
    print_json,
)
from store.database import DEFAULT_URL

BatchSize = Annotated[int, Parameter(help="Events in a transaction.")]
Workers = Annotated[
    int,
    Parameter(
        validator=Number(gte=1, lte=64),
        help="Processes that work on it at a time: PostgreSQL lets them, SQLite little, as one writes at a time.",
    ),
]


def replay(
    *sources: Annotated[
        str,
        Parameter(
            allow_leading_hyphen=True, help="Files, folders, globs, s3://bucket/prefix, or - for standard input."
        ),
    ],
    database_url: Database = DEFAULT_URL,
    resume: Annotated[bool, Parameter(negative="", help="Go on where the last replay of these stopped.")] = False,
    batch_size: BatchSize = 2000,
    workers: Workers = 1,
    to_kafka: Annotated[
        bool, Parameter(negative="", group="Kafka", help="Put them onto the Kafka topic, and not into a store.")
    ] = False,
    kafka: Kafka | None = None,
    region: Region = None,
    endpoint_url: Endpoint = None,
    as_json: AsJson = False,
) -> int:
    """Take events from archives, through the same code as live ones.

    JSON lines, JSON arrays, one event a file; .gz and .zst. What was replayed before changes nothing. Ctrl-C stops in
    order; the same command with --resume goes on there. With --to-kafka they go onto a topic, for `run --kafka`.
    """
    options = [source for source in sources if source.startswith("-") and source != "-"]
    if options:
        raise Misused(f"there is no option {options[0]}; headwater replay --help tells which there are")
    if not sources:
        raise Misused("say what to replay: a file, a folder, a glob, s3://bucket/prefix, or - for standard input")
    at_least_one("--batch-size", batch_size)
    if to_kafka:
        if resume or workers > 1:
            raise Misused("--to-kafka reads archives from the start in one process: leave --resume and --workers out")
        return _onto_topic(sources, kafka or Kafka(), batch_size, region, endpoint_url, as_json=as_json)
    from consumers.run import replay as archives
    from consumers.run.worker_pool import Lost

    try:
        return archives.replay(
            sources,
            opened(database_url, migrated=True),
            resume=resume,
            batch_size=batch_size,
            workers=workers,
            region=region,
            endpoint_url=endpoint_url,
            as_json=as_json,
        )
    except Lost as why:
        raise Failed(str(why)) from why


def _onto_topic(
    sources: Sequence[str],
    kafka: Kafka,
    batch_size: int,
    region: str | None,
    endpoint_url: str | None,
    *,
    as_json: bool,
) -> int:
    connection = kafka.connection()
    from consumers.run.forward import fill_topic
    from ingest.archive import ArchiveSource

    archive = ArchiveSource(*sources, batch_size=batch_size, region=region, endpoint_url=endpoint_url)
    passed = fill_topic(archive, connection, kafka.kafka_topic)
    if as_json:
        print_json(passed)
    else:
        rate = passed.messages / max(passed.seconds, 0.001)
        print(f"{passed.messages:,} messages on the topic {kafka.kafka_topic} in {passed.seconds:.1f} s, {rate:,.0f}/s")
        if not passed.complete:
            print("stopped before the end: the same command begins anew, and repetition does no harm")
    return 0 if passed.complete else 1


def backfill(
    *,
    since: Annotated[
        str | None, Parameter(help="Leave out what was made before: an age in days, as 90d, or a date, as 2025-01-31.")
    ] = None,
    kinds: Annotated[
        str | None, Parameter(help="Look for these alone: training-job,model,endpoint … as ARNs spell them.")
    ] = None,
    dry_run: Annotated[
        bool, Parameter(negative="", help="Only list what there is, and say what it would take.")
    ] = False,
    anew: Annotated[bool, Parameter(negative="", help="Begin anew, and not where the last one stopped.")] = False,
    per_second: Annotated[
        float | None,
        Parameter(
            validator=Number(gt=0, lte=1000),
            help="Calls of one operation in a second: 5 if left out, 2 of those that list.",
        ),
    ] = None,
    database_url: Database = DEFAULT_URL,
    region: Region = None,
    endpoint_url: Endpoint = None,
    as_json: AsJson = False,
) -> int:
    """Ask SageMaker for what exists already: jobs, models, packages, endpoints, pipelines, experiments and the rest.

    Everything is listed, then described; the answers go through the same code as live events, and into the ledger.
    Nothing of SageMaker's is changed. Ctrl-C stops in order, and the same command goes on there. It needs a role that
    may List and Describe: docs/deploy.md tells which permissions.
    """
    from consumers.cli.output import BACKFILL
    from consumers.run import backfill as filling
    from ingest.sagemaker import SageMaker

    chosen = [kind.strip() for kind in kinds.split(",")] if kinds is not None else list(filling.KINDS)
    if unknown := sorted(set(chosen) - set(filling.KINDS)):
        raise Misused(f"--kinds does not know {', '.join(map(repr, unknown))}: choose of {','.join(filling.KINDS)}")
    after = datetime.fromtimestamp(moment("--since", since) / 1000, UTC) if since else None
    sagemaker = SageMaker(region=region, per_second=per_second, endpoint_url=endpoint_url)
    if dry_run:
        return filling.rehearse(sagemaker, kinds=chosen, since=after, as_json=as_json)
    with opened(database_url, migrated=True) as store:
        return filling.backfill(
            store,
            sagemaker,
            kinds=chosen,
            since=after,
            reading=f"{BACKFILL} --since {since}" if since else BACKFILL,
            anew=anew,
            as_json=as_json,
        )


def demo(
    *,
    store: Annotated[Path | None, Parameter(help="A SQLite file to make; headwater-demo.db is made anew.")] = None,
    serve: Annotated[
        bool | None,
        Parameter(
            help="Answer SageMaker's API from the store afterwards, until Ctrl-C; done on a terminal if not told."
        ),
    ] = None,
    port: Port = PORT,
) -> None:
    """A whole AWS in miniature on this machine, a real pipeline run's events through it, and the lineage that follows.

    Needs the extra: `pip install 'headwater[demo]'`. Nothing outside this machine is asked or changed.
    """
    from consumers.cli.worker import serve as serve_api
    from consumers.demo.aws import MotoMissing
    from consumers.demo.aws import demo as show_all
    from consumers.run.runtime import set_up_logs

    path = store or Path("headwater-demo.db")
    if store and store.exists():
        raise Failed(f"{store} is there already: name a file that is not")
    set_up_logs("auto", "error")
    console = Console(highlight=False)
    try:
        asyncio.run(show_all(path, console))
    except MotoMissing as why:
        raise Failed(str(why)) from why
    if serve if serve is not None else sys.stdin.isatty() and sys.stdout.isatty():
        console.print("[bold green]»[/bold green] [bold]SageMaker's own API on it, until Ctrl-C:[/bold]")
        serve_api(port=port, database_url=f"sqlite:///{path}")
