"""Resources whose events must have been lost: found by what others reference, and described by SageMaker.

What is missing follows from the store alone, and only that is requested. A description may show that more is missing (a
model, then the package it was made from), so this repeats until nothing new is found.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, get_args

from consumers.arns import account_prefix, kind_of
from consumers.kind import ENTITIES, PIPELINE, PIPELINE_EXECUTION, TRAINING_JOB
from consumers.resources import RESOURCE_TYPES
from consumers.resources.types import DescribeRequest
from consumers.run.enrich import AT_A_TIME, Enricher
from consumers.run.runtime import set_up_logs, stopping
from ingest.sagemaker import SageMaker
from store import describe_requests
from store.database import Store
from store.graph import gaps

DAY = 86_400_000
"""Milliseconds in a day."""

Gap = Literal["unfinished", "unknown", "unproduced", "unanswered"]
"""How something lost shows: under way for too long, referenced and never reported, used and never produced, or an open
describe request."""

LONGEST: Mapping[str, int] = {
    "SageMakerTrainingJob": 28 * DAY,  # StoppingCondition: 28 days
    "SageMakerProcessingJob": 9 * DAY,  # ProcessingStoppingCondition: 777,600 s
    "SageMakerTransformJob": 28 * DAY,
    "LabelingJob": 30 * DAY,  # TaskAvailabilityLifetimeInSeconds: 30 days
    "Endpoint": 1 * DAY,
    "ModelDeployment": 1 * DAY,
}
"""How long things of a type can be under way, in milliseconds, by the limits of SageMaker's API; a day for those that
it does not limit and that take minutes."""
OTHERS = 30 * DAY
"""The same for all others."""

_UNDER_WAY = (
    "Creating",
    "Executing",
    "InProgress",
    "Pending",
    "RollingBack",
    "Starting",
    "Stopping",
    "Updating",
    "SystemUpdating",
)
_TRAINED = re.compile(r"s3://.+/([A-Za-z0-9][A-Za-z0-9-]{0,62})/output/model\.tar\.gz")
"""Where a training job puts its model: below its own name (evidence.md#training-job)."""


MADE_BY_CLIENTS = ENTITIES | {PIPELINE}
"""What others reference although it need not exist: a job reads what clients may have added to its component."""


class Finding(NamedTuple):
    """Something that is missing.

    Attributes:
        gap: What kind of gap it is.
        about: The ARN or the URI.
        seen: How it shows.
        requests: The describe requests that would fill it; none where SageMaker cannot.
    """

    gap: Gap
    about: str
    seen: str
    requests: tuple[DescribeRequest, ...]

    @property
    def key(self) -> tuple[str, ...]:
        """Its identity: when found again, other resources may reference it, or its name may be spelled otherwise."""
        return (self.gap, self.about, *(one.operation for one in self.requests if self.gap == "unanswered"))


@dataclass(slots=True)
class Reconciled:
    """What was found, and what became of it.

    Attributes:
        found: All that was missing, in the order in which it was found.
        mended: Of these, what is missing no longer; a describe request that was given up is not mended.
        answered: How many describe requests SageMaker answered.
        reasons: Why the others were not answered, and how often.
    """

    found: list[Finding] = field(default_factory=list)
    mended: list[Finding] = field(default_factory=list)
    answered: int = 0
    reasons: Counter[str] = field(default_factory=Counter)

    @property
    def left(self) -> list[Finding]:
        """What is still missing."""
        done = set(self.mended)
        return [one for one in self.found if one not in done]


def findings(store: Store, now: int, longest: int | None = None) -> list[Finding]:
    """What is missing.

    Args:
        store: Where to look.
        now: In epoch milliseconds.
        longest: How long anything may be under way, in milliseconds; else as `LONGEST` says.
    """
    waiting = describe_requests.waiting(store)
    spelled = {one.arn.lower(): one.arn for one in waiting}  # its name's own case, where it is known
    found = [
        Finding("unfinished", one.arn, f"{one.status} since it began", about(one.arn))
        for one in gaps.unfinished(store, _UNDER_WAY)
        if now - one.created > (LONGEST.get(one.type, OTHERS) if longest is None else longest)
    ]
    found += [
        Finding("unknown", target, f"{key} references it", requests)
        for target, key in gaps.unknown(store)
        if kind_of(target) not in MADE_BY_CLIENTS and (requests := about(spelled.get(target, target)))
    ]
    for arn, uri in gaps.unproduced(store):
        match = _TRAINED.fullmatch(uri)
        job = f"{account_prefix(arn)}{TRAINING_JOB}/{match[1]}" if match else ""
        found.append(Finding("unproduced", uri, "used, and no job is known to have produced it", about(job)))
    found += [
        Finding("unanswered", one.arn, f"lineage needs {one.operation}", (DescribeRequest(one.arn, one.operation),))
        for one in waiting
    ]
    return list({one.key: one for one in found}.values())


def about(arn: str) -> tuple[DescribeRequest, ...]:
    """The describe requests that bring what a resource's events would have reported."""
    kind = kind_of(arn)
    if kind == PIPELINE_EXECUTION:
        execution = arn.partition("/step/")[0]
        return (
            DescribeRequest(execution, "DescribePipelineExecution"),
            DescribeRequest(execution, "ListPipelineExecutionSteps"),
        )
    described_by = RESOURCE_TYPES[kind].described_by if kind and kind in RESOURCE_TYPES else None
    return (DescribeRequest(arn, described_by.operation.name),) if described_by else ()


async def reconcile(
    store: Store,
    sagemaker: SageMaker,
    *,
    longest: int | None = None,
    stop: asyncio.Event | None = None,
    now: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    on_progress: Callable[[int, int], None] = lambda made, of: None,
) -> Reconciled:
    """Find what is missing and ask SageMaker for it, until nothing new is found.

    Args:
        store: At the newest schema.
        sagemaker: The client to ask.
        longest: As `findings`.
        stop: Ends it after the requests in hand; what was described is saved.
        now: The time, in epoch milliseconds.
        on_progress: Called with the number of describe requests made, and of how many that are known so far.

    Returns:
        What was found, and what became of it.
    """
    done = Reconciled()
    enricher = Enricher(store, sagemaker, now)
    made: set[DescribeRequest] = set()
    refused: set[DescribeRequest] = set()
    seen: dict[tuple[str, ...], Finding] = {}
    stop = stop or asyncio.Event()
    while not stop.is_set():
        fresh = await asyncio.to_thread(findings, store, now(), longest)
        seen |= {one.key: one for one in fresh if one.key not in seen}
        waiting = sorted({one for finding in fresh for one in finding.requests} - made)
        if not waiting:
            break
        lost = {one for finding in fresh if finding.gap != "unanswered" for one in finding.requests}
        rows = await asyncio.to_thread(describe_requests.waiting, store)
        for at in range(0, len(waiting), AT_A_TIME):
            if stop.is_set():
                break
            some = waiting[at : at + AT_A_TIME]
            outcomes = await enricher.send(some, rows)
            # Events contain tags, and most descriptions do not. The tags of what cannot be described are of no use.
            described = [one.request for one in outcomes if one.description and one.request in lost]
            tags = {DescribeRequest(one.arn, "ListTags") for one in described}
            for outcome in (*outcomes, *await enricher.send(sorted(tags))):
                done.answered += outcome.description is not None
                done.reasons.update([outcome.why] if outcome.description is None else [])
                refused |= {outcome.request} if outcome.description is None else set()
            # Once by the name's own case is enough: when that request is given up, only the lower case is left.
            made |= {*some, *(DescribeRequest(one.arn.lower(), one.operation) for one in some)}
            so_far = done.answered + len(refused)
            on_progress(so_far, so_far + len(waiting) - at - len(some))
    left = {one.key for one in await asyncio.to_thread(findings, store, now(), longest)}
    left |= {key for key, one in seen.items() if one.gap == "unanswered" and not refused.isdisjoint(one.requests)}
    done.found = list(seen.values())
    done.mended = [one for key, one in seen.items() if key not in left]
    return done


def run_reconcile(
    store: Store,
    sagemaker: SageMaker,
    longest: int | None,
    on_progress: Callable[[int, int], None] = lambda made, of: None,
) -> Reconciled:
    """Reconcile until done, SIGTERM or Ctrl-C; closes `sagemaker`. The arguments are those of `reconcile`."""
    set_up_logs("auto", "error")

    async def main() -> Reconciled:
        async with stopping() as stop:
            try:
                return await reconcile(store, sagemaker, longest=longest, stop=stop, on_progress=on_progress)
            finally:
                await sagemaker.aclose()

    return asyncio.run(main())


def counted(found: Iterable[Finding]) -> Mapping[Gap, int]:
    """How many findings there are of each kind of gap."""
    number = Counter(one.gap for one in found)
    return {gap: number[gap] for gap in get_args(Gap) if number[gap]}
