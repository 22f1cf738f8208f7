"""The demo: from a pipeline's run to answers about its model, one step after the other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from consumers.demo.aws import Aws, abalone, deploy, miniature, publish
from consumers.run.worker import Totals, work
from store.database import Store
from store.digest import digest
from store.graph.lineage import Walk, walk
from store.graph.resolve import find
from store.graph.traversal import Direction
from store.migrate import migrate


@dataclass(frozen=True, slots=True)
class Step:
    """Something that was done.

    Attributes:
        title: What was done.
        details: More of it, a line each.
        walk: The lineage to show, if any.
    """

    title: str
    details: tuple[str, ...] = ()
    walk: Walk | None = None


async def demo_steps(path: Path) -> AsyncIterator[Step]:
    """Do everything that Headwater is for, in an AWS in miniature; each step comes when it is done.

    Args:
        path: The SQLite file to make; one that exists is replaced.

    Raises:
        MotoMissing: moto is not installed.
        Unusable, Unavailable: The store cannot be made.
    """
    with new_store(path) as store:
        with miniature() as aws:
            yield Step("An AWS in miniature: EventBridge, SQS and CloudFormation, on this machine alone")
            stack = await asyncio.to_thread(deploy, aws)
            yield Step("infra/template.yaml deployed: a rule, an archive, and the queue", (stack.queue_arn,))
            published = await asyncio.to_thread(publish, aws, abalone(), bus=stack.event_bus)
            yield Step(f"{published} events of a real pipeline run published on the bus {stack.event_bus!r}")
            totals = await _drain(aws, stack.queue_url, store)
        value, counts = digest(store)
        contexts = f"{counts['Action']} action and {counts['Context']} context"
        yield Step(
            f"The worker drained the queue: {totals.events} events, {sum(totals.dead.values())} not understood",
            (
                f"{counts['Association']} associations between {counts['Artifact']} artifacts, "
                f"{counts['TrialComponent']} trial components, {contexts}",
                f"digest {value}",
            ),
        )
        [model] = find(store, "abalonemodelpackagegroupname/1")
        yield Step(
            "What the registered model came from, and what came of it:", walk=walk(store, model.starts, Direction.BOTH)
        )
        option = f"--database-url {store}"
        yield Step(
            "Try next:",
            (
                f"headwater lineage s3://sagemaker-sample-files-000000000000/abalone/abalone-dataset.csv {option}",
                f"headwater lineage d84ewltjmxhe --format mermaid {option}",
                f"headwater status {option}",
                f"headwater serve {option}   (for boto3 and SageMaker's SDKs: the README has ten lines of each)",
                f"headwater replay tests/cases/abalone/events.jsonl {option}   (changes nothing: the digest stays)",
            ),
        )


def new_store(path: Path) -> Store:
    """An empty store in a SQLite file, in the place of one that exists."""
    for suffix in ("", "-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)
    store = Store(f"sqlite:///{path}")
    migrate(store)
    return store


async def _drain(aws: Aws, queue_url: str, store: Store) -> Totals:
    """Run the worker until the queue is empty."""
    from aiobotocore.config import AioConfig

    from ingest.sqs import SqsSource

    keys = {name: value for name, value in aws.arguments.items() if name.startswith("aws_")}
    plain = AioConfig(proxies={}, use_fips_endpoint=False, use_dualstack_endpoint=False)
    source = SqsSource(queue_url, region=aws.region, endpoint_url=aws.endpoint, config=plain, credentials=keys, wait=1)

    async def at_rest() -> bool:
        return await source.depth() == 0

    try:
        return await work(source, store, asyncio.Event(), patience=0, at_rest=at_rest)
    finally:
        await source.aclose()
