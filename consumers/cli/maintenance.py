"""Commands that keep a store in order."""

from __future__ import annotations

import asyncio
import re
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console

from consumers.cli.import_ import NOTHING_TO_RESUME, BatchSize, Workers
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
)
from store.database import DEFAULT_URL, Store


def migrate_command(
    *,
    database_url: Database = DEFAULT_URL,
    kafka_too: Annotated[bool, Parameter(name="--kafka", negative="", help="Make the Kafka topic as well.")] = False,
    partitions: Annotated[
        int, Parameter(group="Kafka", help="Of the topic: as many workers can share it, at most.")
    ] = 12,
    retention_hours: Annotated[int, Parameter(group="Kafka", help="How long the topic keeps messages.")] = 168,
    replication: Annotated[
        int | None, Parameter(group="Kafka", help="On how many brokers each message is; 3, or as many as there are.")
    ] = None,
    add_partitions: Annotated[
        bool, Parameter(group="Kafka", negative="", help="Give a topic that has fewer partitions the missing ones.")
    ] = False,
    kafka: Kafka | None = None,
) -> None:
    """Make the store, or take it to the newest schema. `run` and `replay` do it when they start.

    With `--kafka` the topic is made as well; of a topic that exists already, it says what differs.
    """
    from store.migrate import migrate

    with Store(database_url) as store:
        before, now = migrate(store, waiting=lambda why: print(why, file=sys.stderr))
    if before == now:
        print(f"{store} is at schema {now} already")
    else:
        print(f"{store} is at schema {now} now" + (f", it was at {before}" if before else ""))
    if not kafka_too:
        return
    kafka = kafka or Kafka()
    connection = kafka.connection()
    from ingest.kafka.topic import prepare_topic

    topic = asyncio.run(
        prepare_topic(
            connection,
            kafka.kafka_topic,
            partitions=at_least_one("--partitions", partitions),
            replication=None if replication is None else at_least_one("--replication", replication),
            retention_hours=at_least_one("--retention-hours", retention_hours),
            add_partitions=add_partitions,
        )
    )
    added = f", {topic.added} of them new" if topic.added else ""
    outcome = "made" if topic.made else "there already"
    print(f"the topic {kafka.kafka_topic} is {outcome}, with {topic.partitions} partitions{added}")
    for remark in topic.remarks:
        print(remark)


def export_command(
    *,
    output: Annotated[Path | None, Parameter(name=["--output", "-o"], help="A file; .gz and .zst compress it.")] = None,
    database_url: Database = DEFAULT_URL,
) -> None:
    """Every event of the ledger as JSON lines, in the order of arrival: `replay` makes the same store from them."""
    from consumers.run.export import export, export_to_file

    with opened(database_url) as store:
        if output is None:
            export(store, sys.stdout.buffer)
        else:
            print(f"{export_to_file(store, output):,} events in {output}")


def rebuild_command(
    *,
    into: Annotated[str, Parameter(help="The URL of the store to make; it must be empty.")],
    database_url: Database = DEFAULT_URL,
    resume: Annotated[bool, Parameter(negative="", help="Go on with a rebuild that was begun there.")] = False,
    batch_size: BatchSize = 2000,
    workers: Workers = 1,
    as_json: AsJson = False,
) -> int:
    """A new store made from this one's ledger: everything is derived again, by today's rules, on either database.

    Dead letters are handled again too. Events that `prune` deleted are missing; events that arrive meanwhile may be
    missed: stop the workers first, or rebuild once more with --resume, which adds only what is missing.
    `headwater compare` shows what differs.
    """
    from consumers.cli import output
    from consumers.cli.progress import reading
    from consumers.run.fill import Progress, Started
    from consumers.run.rebuild import rebuild
    from consumers.run.worker_pool import WorkerDied
    from store.compare import same_database

    at_least_one("--batch-size", batch_size)
    with Store(into) as target, opened(database_url) as source:
        if same_database(source, target):
            raise Misused(f"{target} cannot be made from itself: name another store with --into")
        try:
            with reading() as show:

                def on_progress(progress: Started | Progress) -> None:
                    if isinstance(progress, Progress):
                        show(progress)
                    elif resume and not progress.resumed:
                        print(NOTHING_TO_RESUME, file=sys.stderr)

                result = rebuild(
                    source, target, resume=resume, batch_size=batch_size, workers=workers, on_progress=on_progress
                )
        except WorkerDied as why:
            raise Failed(str(why)) from why
    if as_json:
        print_json(output.filled_json(result))
    else:
        output.filled(Console(highlight=False), result, "the same command with --resume goes on there")
        if result.complete:
            print(f"to see whether both hold the same: headwater compare {source} {target}")
    return 0 if result.complete else 1


def prune_command(
    *,
    ledger_older_than: Annotated[str, Parameter(help="An age in days, as 400d, or a date, as 2025-01-31.")],
    yes: Annotated[bool, Parameter(name="--yes", negative="", help="Do it, and do not only say it.")] = False,
    database_url: Database = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """Delete old events from the ledger. The states of resources, and lineage, stay as they are.

    Without `--yes` it only says what would be deleted. `headwater export` keeps a copy of all events; without one, a
    store cannot be made again from its ledger, and later rules cannot use the deleted events.
    """
    from store.ledger.prune import prunable, prune

    before = past_moment("--ledger-older-than", ledger_older_than)
    with opened(database_url) as store:
        found = prunable(store, before)
        gone = prune(store, before) if yes else 0
    if as_json:
        print_json({"done": yes, "removed": gone, "prunable": found})
        return
    if yes:
        print(f"removed {gone:,} events from the ledger of {store}")
        return
    if not found.events:
        print(f"the ledger of {store} holds no events before {_day(before)}: nothing to remove")
        return
    print(f"{found.events:,} events, of {_day(found.oldest)} to {_day(found.newest)}, would be removed")
    if found.kept:
        print(f"{found.kept:,} of them have no rule yet: a later rule could not use them")
    if found.tables:
        print(f"{len(found.tables)} months would go as a whole, {found.bytes / 1_000_000:,.1f} MB on disk:", end=" ")
        print(", ".join(found.tables))
    print("nothing is removed yet: keep a copy with headwater export, then give --yes")


def reconcile_command(
    *,
    dry_run: Annotated[bool, Parameter(negative="", help="Only say what is missing: ask for nothing.")] = False,
    after: Annotated[
        str | None,
        Parameter(help="Days after which anything under way must have ended, as 2d; else as long as SageMaker allows."),
    ] = None,
    per_second: Annotated[
        float | None, Parameter(env_var="HEADWATER_PER_SECOND", help="How often each operation is called in a second.")
    ] = None,
    region: Region = None,
    endpoint_url: Endpoint = None,
    database_url: Database = DEFAULT_URL,
    as_json: AsJson = False,
) -> int:
    """Find resources whose events must have been lost, and ask SageMaker about just these.

    Lost are the events of what is still under way long after it must have ended, of what others reference and no event
    reports (a step's job, an endpoint's configuration, a configuration's model), and of jobs whose model is used.
    Descriptions go into the ledger like events. The exit code is 1 when something is still missing.
    """
    from consumers.cli import output
    from consumers.cli.progress import describing
    from consumers.run.reconcile import DAY, Reconciled, findings, run_reconcile

    longest = None if after is None else _days("--after", after) * DAY
    if per_second is not None and not 0 < per_second <= 1000:
        raise Misused(f"--per-second must be more than 0 and at most 1,000, not {per_second}")
    with opened(database_url) as store:
        if dry_run:
            done = Reconciled(found=findings(store, time.time_ns() // 1_000_000, longest))
        else:
            from ingest.sagemaker import SageMaker

            sagemaker = SageMaker(region=region, endpoint_url=endpoint_url, per_second=per_second)
            with describing() as show:
                done = run_reconcile(store, sagemaker, longest, show)
    if as_json:
        print_json(output.reconciled_json(done))
    else:
        output.reconciled(Console(highlight=False), done, dry_run=dry_run)
    return 1 if done.left else 0


def _days(option: str, text: str) -> int:
    if (age := re.fullmatch(r"([0-9]{1,5})d", text)) is None:
        raise Misused(f"{option} is a number of days, as 2d, not {text!r}")
    return int(age[1])


def _day(moment: int | None) -> str:
    return datetime.fromtimestamp((moment or 0) / 1000, UTC).date().isoformat()
