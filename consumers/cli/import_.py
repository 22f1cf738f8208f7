"""Commands that fill a store: from archives, and from SageMaker itself."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from cyclopts.validators import Number
from rich.console import Console

from consumers.cli.options import (
    AsJson,
    Database,
    Endpoint,
    Failed,
    Kafka,
    Misused,
    Region,
    at_least_one,
    opened,
    past_moment,
    print_json,
    print_json_line,
)
from store.database import DEFAULT_URL

if TYPE_CHECKING:
    from consumers.run.backfill import Omissions

NOTHING_TO_RESUME = "nothing to go on with: reading from the start"
"""What --resume says where no earlier reading stopped before its end."""

BatchSize = Annotated[int, Parameter(help="Events in a transaction.")]
Workers = Annotated[
    int,
    Parameter(
        validator=Number(gte=1, lte=64),
        help="How many processes work on it: of use with PostgreSQL; SQLite has one writer at a time.",
    ),
]


def replay_command(
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

    JSON lines, JSON arrays, one event a file; .gz and .zst. Replaying an event twice changes nothing. Ctrl-C stops in
    order; the same command with --resume goes on there. With --to-kafka they go onto a topic, for `run --kafka`.
    """
    options = [source for source in sources if source.startswith("-") and source != "-"]
    if options:
        raise Misused(f"there is no option {options[0]}; see headwater replay --help")
    if not sources:
        raise Misused("say what to replay: a file, a folder, a glob, s3://bucket/prefix, or - for standard input")
    at_least_one("--batch-size", batch_size)
    if to_kafka:
        if resume or workers > 1:
            raise Misused("--to-kafka reads archives from the start in one process: leave --resume and --workers out")
        return _onto_topic(sources, kafka or Kafka(), batch_size, region, endpoint_url, as_json=as_json)
    from consumers.cli import output
    from consumers.cli.progress import reading
    from consumers.run.fill import Progress, Started
    from consumers.run.replay import replay
    from consumers.run.worker_pool import WorkerDied

    with opened(database_url, migrated=True) as store, reading() as show:

        def on_progress(progress: Started | Progress) -> None:
            if isinstance(progress, Progress):
                show(progress)
            elif resume and not progress.resumed:
                print(NOTHING_TO_RESUME, file=sys.stderr)

        try:
            result = replay(
                sources,
                store,
                resume=resume,
                batch_size=batch_size,
                workers=workers,
                region=region,
                endpoint_url=endpoint_url,
                on_progress=on_progress,
            )
        except WorkerDied as why:
            raise Failed(str(why)) from why
    if as_json:
        print_json_line(output.filled_json(result))
    else:
        again = "replay it from its beginning" if "-" in sources else "the same command with --resume goes on there"
        output.filled(Console(highlight=False), result, again)
    return 0 if result.complete else 1


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
    from consumers.cli.progress import reading
    from consumers.run.forward import fill_topic
    from ingest.archive import ArchiveSource

    archive = ArchiveSource(*sources, batch_size=batch_size, region=region, endpoint_url=endpoint_url)
    with reading() as show:
        done = fill_topic(archive, connection, kafka.kafka_topic, show)
    if as_json:
        print_json(done)
    else:
        rate = done.messages / max(done.seconds, 0.001)
        print(f"{done.messages:,} messages on the topic {kafka.kafka_topic} in {done.seconds:.1f} s, {rate:,.0f}/s")
        if not done.complete:
            print("stopped before the end: the same command begins again from the start, and repetition does no harm")
    return 0 if done.complete else 1


def backfill_command(
    *,
    since: Annotated[
        str | None, Parameter(help="Leave out what was made before: an age in days, as 90d, or a date, as 2025-01-31.")
    ] = None,
    kinds: Annotated[
        str | None, Parameter(help="Look for these alone: training-job,model,endpoint … as ARNs spell them.")
    ] = None,
    dry_run: Annotated[
        bool, Parameter(negative="", help="Only list what exists, and estimate what describing it takes.")
    ] = False,
    restart: Annotated[
        bool, Parameter(name="--anew", negative="", help="Begin from the start, not where the last backfill stopped.")
    ] = False,
    per_second: Annotated[
        float | None,
        Parameter(
            validator=Number(gt=0, lte=1000),
            help="Calls of each operation in a second; by default 5, and 2 of operations that list.",
        ),
    ] = None,
    database_url: Database = DEFAULT_URL,
    region: Region = None,
    endpoint_url: Endpoint = None,
    as_json: AsJson = False,
) -> int:
    """Describe what exists in SageMaker already: jobs, models, packages, endpoints, pipelines, experiments and more.

    Everything is listed, then described; descriptions go through the same code as live events, and into the ledger.
    Nothing in SageMaker is changed. Ctrl-C stops in order, and the same command goes on there. It needs a role that
    may List and Describe: docs/deploy.md lists the permissions.
    """
    from consumers.cli import output
    from consumers.cli.progress import reading
    from consumers.run.backfill import KINDS, Estimate, backfill, plan_backfill
    from consumers.run.fill import BACKFILL, Progress, Started
    from ingest.sagemaker import SageMaker

    chosen = [kind.strip() for kind in kinds.split(",")] if kinds is not None else list(KINDS)
    if unknown := sorted(set(chosen) - set(KINDS)):
        raise Misused(f"--kinds does not know {', '.join(map(repr, unknown))}: choose from {','.join(KINDS)}")
    after = datetime.fromtimestamp(past_moment("--since", since) / 1000, UTC) if since else None
    sagemaker = SageMaker(region=region, per_second=per_second, endpoint_url=endpoint_url)
    console = Console(highlight=False)
    if dry_run:
        estimate, omissions = plan_backfill(sagemaker, kinds=chosen, since=after)
        if as_json:
            print_json_line(output.planned_json(estimate, omissions))
        else:
            output.planned(console, estimate, omissions)
        return _exit_code(omissions, complete=True)
    with opened(database_url, migrated=True) as store, reading() as show:

        def on_progress(progress: Started | Estimate | Progress) -> None:
            if isinstance(progress, Progress):
                show(progress)
            elif isinstance(progress, Estimate):
                print(output.estimated(progress), file=sys.stderr, flush=True)
            elif progress.resumed:
                print("going on where the last backfill stopped; --anew begins from the start", file=sys.stderr)

        result = backfill(
            store,
            sagemaker,
            kinds=chosen,
            since=after,
            name=f"{BACKFILL} --since {since}" if since else BACKFILL,
            restart=restart,
            on_progress=on_progress,
        )
    if as_json:
        print_json_line(output.backfilled_json(result))
    else:
        output.backfilled(console, result)
    return _exit_code(result.omissions, complete=result.filled.complete)


def _exit_code(omissions: Omissions, *, complete: bool) -> int:
    from consumers.cli.output import denial

    if denied := denial(omissions):
        print(f"headwater: {denied}", file=sys.stderr)
    return 0 if complete and not denied else 1
