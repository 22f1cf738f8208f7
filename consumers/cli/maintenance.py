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

from consumers.cli.import_ import BatchSize, Workers
from consumers.cli.options import (
    AsJson,
    Database,
    Endpoint,
    Failed,
    Kafka,
    Misused,
    Region,
    at_least_one,
    moment,
    opened,
    print_json,
)
from store.database import DEFAULT_URL, Store


def migrate(
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

    With `--kafka` the topic is made as well, or what is different with the one that is there is said.
    """
    from store import migrate as schema

    with Store(database_url) as store:
        before, now = schema.migrate(store, waiting=lambda whom: print(whom, file=sys.stderr))
    if before == now:
        print(f"{store} is at schema {now} already")
    else:
        print(f"{store} is at schema {now} now" + (f", it was at {before}" if before else ""))
    if not kafka_too:
        return
    kafka = kafka or Kafka()
    connection = kafka.connection()
    from ingest.kafka.topic import prepare_topic

    made = asyncio.run(
        prepare_topic(
            connection,
            kafka.kafka_topic,
            partitions=at_least_one("--partitions", partitions),
            replication=None if replication is None else at_least_one("--replication", replication),
            retention_hours=at_least_one("--retention-hours", retention_hours),
            add_partitions=add_partitions,
        )
    )
    added = f", {made.added} of them new" if made.added else ""
    there = "made" if made.made else "there already"
    print(f"the topic {kafka.kafka_topic} is {there}, with {made.partitions} partitions{added}")
    for remark in made.remarks:
        print(remark)


def export(
    *,
    output: Annotated[Path | None, Parameter(name=["--output", "-o"], help="A file; .gz and .zst pack it.")] = None,
    database_url: Database = DEFAULT_URL,
) -> None:
    """Every event of the ledger as JSON lines, in the order of arrival: what `replay` makes the same store from."""
    from consumers.run import replay

    with opened(database_url) as store:
        replay.export(store, output)


def rebuild(
    *,
    into: Annotated[str, Parameter(help="The URL of the store to make; it must be empty.")],
    database_url: Database = DEFAULT_URL,
    resume: Annotated[bool, Parameter(negative="", help="Go on with a rebuild that was begun there.")] = False,
    batch_size: BatchSize = 2000,
    workers: Workers = 1,
    as_json: AsJson = False,
) -> int:
    """A new store made from this one's ledger: all is derived anew, by the rules of today, on either database.

    Dead letters are sent round again. Events that `prune` took away are not there to derive from; those that come in
    meanwhile may be missed: stop the workers first, or rebuild once more with --resume, which changes only what is
    missing. `headwater compare` shows what has become different.
    """
    from consumers.cli import output as report
    from consumers.run import rebuild as anew
    from consumers.run.worker_pool import Lost
    from store.compare import same_database

    at_least_one("--batch-size", batch_size)
    with Store(into) as target, opened(database_url) as source:
        if same_database(source, target):
            raise Misused(f"{target} cannot be made from itself: name another store with --into")
        try:
            filled = anew.rebuild(source, target, resume=resume, batch_size=batch_size, workers=workers)
        except Lost as why:
            raise Failed(str(why)) from why
    if as_json:
        print_json(filled.told())
    else:
        again = "the same command with --resume goes on there"
        console = Console(highlight=False)
        report.filled(console, filled.totals, filled.seconds, None if filled.complete else again)
        if filled.complete:
            print(f"to see whether both say the same: headwater compare {source} {target}")
    return 0 if filled.complete else 1


def prune(
    *,
    ledger_older_than: Annotated[str, Parameter(help="An age in days, as 400d, or a date, as 2025-01-31.")],
    yes: Annotated[bool, Parameter(name="--yes", negative="", help="Do it, and do not only say it.")] = False,
    database_url: Database = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """Take old events out of the ledger. What is known of resources, and lineage, stay as they are.

    Without `--yes` it only says what would go. `headwater export` keeps a copy of all events; without one, a store
    cannot be made again from its ledger, and rules to come know nothing of the events that are gone.
    """
    from store.ledger import prune as pruning

    before = moment("--ledger-older-than", ledger_older_than)
    with opened(database_url) as store:
        found = pruning.prunable(store, before)
        gone = pruning.prune(store, before) if yes else 0
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
        print(f"{found.kept:,} of them have no rule yet: a rule to come would never know of them")
    if found.tables:
        print(f"{len(found.tables)} months would go as a whole, {found.bytes / 1_000_000:,.1f} MB on disk:", end=" ")
        print(", ".join(found.tables))
    print("nothing is removed yet: keep a copy with headwater export, then say --yes")


def reconcile(
    *,
    dry_run: Annotated[bool, Parameter(negative="", help="Only say what is missing: ask nobody.")] = False,
    after: Annotated[
        str | None,
        Parameter(help="Days after which anything under way must be over, as 2d; else as long as SageMaker allows it."),
    ] = None,
    per_second: Annotated[
        float | None, Parameter(env_var="HEADWATER_PER_SECOND", help="How often each operation is called in a second.")
    ] = None,
    region: Region = None,
    endpoint_url: Endpoint = None,
    database_url: Database = DEFAULT_URL,
    as_json: AsJson = False,
) -> int:
    """Find what events must have been lost for, and ask SageMaker about just that.

    Lost are the events of what is still under way long after it must have ended, of what others speak of and nothing is
    known of (a step's job, an endpoint's configuration, a configuration's model), and of jobs whose model is used.
    Answers are kept in the ledger as events. The exit code is 1 when something is missing still.
    """
    from consumers.cli import output as report
    from consumers.run import reconcile as mending

    longest = None if after is None else _days("--after", after) * mending.DAY
    if per_second is not None and not 0 < per_second <= 1000:
        raise Misused(f"--per-second must be more than 0 and at most 1,000, not {per_second}")
    with opened(database_url) as store:
        if dry_run:
            found = mending.findings(store, time.time_ns() // 1_000_000, longest)
            done = mending.Reconciled(found=found)
        else:
            from ingest.sagemaker import SageMaker

            sagemaker = SageMaker(region=region, endpoint_url=endpoint_url, per_second=per_second)
            done = mending.run(store, sagemaker, longest)
    if as_json:
        print_json(done.told())
    else:
        report.reconciled(Console(highlight=False), done, dry_run=dry_run)
    return 1 if done.left else 0


def _days(option: str, said: str) -> int:
    if (age := re.fullmatch(r"([0-9]{1,5})d", said)) is None:
        raise Misused(f"{option} is a number of days, as 2d, not {said!r}")
    return int(age[1])


def _day(moment: int | None) -> str:
    return datetime.fromtimestamp((moment or 0) / 1000, UTC).date().isoformat()
