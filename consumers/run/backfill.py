"""What exists in SageMaker already: listed, described, and handled like any other events.

Which kinds there are, and how each is listed and described, is in `consumers.resources`.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from consumers.kind import ResourceKind
from consumers.resources import RESOURCE_TYPES
from consumers.run.fill import BACKFILL, FillResult, Progress, Started, fill, saved_position
from ingest.aws_errors import Denied, Invalid, Missing, Unsupported
from ingest.delivery import AckTracker, Batch, Delivery, Refused, Unavailable
from ingest.sagemaker import Elsewhere, ListedResource, SageMaker
from ingest.sagemaker_operations import DescribeOperation, ListOperation
from store.database import Store

BATCH = 50
"""Resources in a batch: at most as many are described twice, if the backfill is stopped in the middle of one."""
PATIENCE = 300.0
"""Seconds to wait for SageMaker when it does not answer."""


KINDS: Mapping[str, ListOperation] = {kind: one.listed_by for kind, one in RESOURCE_TYPES.items() if one.listed_by}
"""The operation that lists each kind of resources, of those that can be listed."""


def descriptions(kind: str) -> list[DescribeOperation]:
    """The operations that describe a resource of a kind, Describe itself first."""
    return [one.operation for one in RESOURCE_TYPES[ResourceKind(kind)].descriptions]


@dataclass(frozen=True, slots=True)
class BackfillPosition:
    """How far the resources are described.

    Attributes:
        through: For each kind of each account and region, the last that was acknowledged: when it was made, its ARN.
    """

    through: Mapping[str, tuple[int, str]]


@dataclass(frozen=True, slots=True)
class Estimate:
    """What it takes to describe everything that was listed.

    Attributes:
        resources: How many, by kind.
        calls: How many, by operation.
        seconds: How long it takes at least: the time of the operation that takes longest at its pace.
    """

    resources: Mapping[str, int]
    calls: Mapping[str, int]
    seconds: float


@dataclass(slots=True)
class Omissions:
    """What could not be described.

    Attributes:
        denied: The IAM actions that our role lacks, and the kinds that need them.
        unsupported: The operations that this server does not have, and the kinds that need them.
        invalid: The requests that SageMaker refused as invalid: operation and kind, how many, and the first reason.
        gone: How many resources were deleted before they were described.
        elsewhere: How many belong to other accounts.
    """

    denied: dict[str, set[str]] = field(default_factory=dict)
    unsupported: dict[str, set[str]] = field(default_factory=dict)
    invalid: dict[tuple[str, str], tuple[int, str]] = field(default_factory=dict)
    gone: int = 0
    elsewhere: int = 0

    def note(self, kind: str, operation: str, why: Refused) -> None:
        """Count one request that failed."""
        match why:
            case Denied():
                self.denied.setdefault(why.permission, set()).add(kind)
            case Unsupported():
                self.unsupported.setdefault(why.operation, set()).add(kind)
            case Missing():
                self.gone += 1
            case Elsewhere():
                self.elsewhere += 1
            case _:
                number, first = self.invalid.get((operation, kind), (0, str(why)))
                self.invalid[operation, kind] = number + 1, first


@dataclass(frozen=True, slots=True)
class _Resource:
    kind: str
    found: ListedResource

    @property
    def place(self) -> tuple[int, str]:
        """Its place among its kind: the oldest first."""
        return self.found.created, self.found.arn

    @property
    def series(self) -> str:
        """Its kind in its account and region."""
        region, account = self.found.arn.lower().split(":")[3:5]
        return f"{account}/{region}/{self.kind}"


class Backfill:
    """A source of the descriptions of everything that exists in SageMaker.

    Everything is listed first, which takes a hundredth of the calls. Then all kinds are described side by side, since
    each operation has a pace of its own, and each kind from the oldest to the newest. What may not or cannot be
    described holds up nothing else, and is counted in `omissions`.
    """

    def __init__(
        self,
        sagemaker: SageMaker,
        *,
        kinds: Iterable[str] = KINDS,
        since: datetime | None = None,
        batch_size: int = BATCH,
        start_at: BackfillPosition | None = None,
        on_listed: Callable[[Estimate], None] = lambda estimate: None,
    ):
        """Nothing is requested before `find`.

        Args:
            sagemaker: The client to ask; closed with this source.
            kinds: Of KINDS, those to look for.
            since: Leave out what was made before that.
            batch_size: The most resources in a batch; each has several descriptions.
            start_at: Where an earlier backfill stopped; this one goes on behind it.
            on_listed: Called once with the estimate, when everything is listed.
        """
        self.position = start_at
        """Where describing stopped, as of the last acknowledged batch; None before the first."""
        self.omissions = Omissions()
        self.described = 0
        self._sagemaker = sagemaker
        self._kinds = tuple(kinds)
        self._since = since
        self._batch_size = batch_size
        self._on_listed = on_listed
        self._through = dict(start_at.through) if start_at else {}
        self._waiting: deque[_Resource] = deque()
        self._late: deque[_Resource] = deque()  # of kinds of which a description failed to come
        self._listed = False
        self._counts: Counter[str] = Counter()
        self._taken: list[_Resource] = []
        self._described: dict[str, list[Delivery]] = {}  # of those taken, until the batch is whole
        self._acks: AckTracker[Sequence[_Resource]] = AckTracker(self._pass)
        self._given_up: set[tuple[str, str]] = set()

    def so_far(self) -> tuple[int, int | None]:
        """How many resources are described, and of how many."""
        return self.described, self._counts.total() or None

    def estimate(self) -> Estimate:
        """What it takes to describe everything that was listed."""
        calls: Counter[DescribeOperation] = Counter()
        for kind, number in self._counts.items():
            calls.update(dict.fromkeys(descriptions(kind), number))
        seconds = (number / self._sagemaker.per_second(operation) for operation, number in calls.items())
        by_name = {operation.name: number for operation, number in calls.items()}
        return Estimate(dict(self._counts), by_name, max(seconds, default=0.0))

    async def find(self) -> None:
        """List what exists; else the first read does it.

        Raises:
            Refused: No request is possible: no credentials, no region.
            Unavailable: SageMaker did not answer.
        """
        if self._listed:
            return
        listed = await asyncio.gather(*map(self._list, self._kinds), return_exceptions=True)
        found = [some for some in listed if not isinstance(some, BaseException)]
        for why in listed:
            if isinstance(why, BaseException):
                raise why
        self._counts = Counter({kind: len(some) for kind, some in zip(self._kinds, found, strict=True) if some})
        # Evenly mixed, so that all kinds are finished together, and the share of one that is done is the share of all.
        mixed = ((at / len(some), one) for some in found for at, one in enumerate(some))
        self._waiting = deque(one for _, one in sorted(mixed, key=lambda share: share[0]))
        self._listed = True
        self._on_listed(self.estimate())

    async def read(self) -> Batch | None:
        """The descriptions of the next resources, or None at the end.

        While descriptions of one kind fail to come, all other kinds go on; that kind is tried again after them.

        Raises:
            Refused: No request is possible any more: the credentials have expired.
            Unavailable: SageMaker did not answer; the next read requests what is missing.
        """
        await self.find()
        if not self._taken and not self._waiting:
            self._waiting, self._late = self._late, deque()
        if not self._taken:
            self._taken = [self._waiting.popleft() for _ in range(min(self._batch_size, len(self._waiting)))]
        if not self._taken:
            return None
        whys = await self._describe_all([one for one in self._taken if one.found.arn not in self._described])
        ready: list[_Resource] = []
        held: list[_Resource] = []
        late: set[str] = set()
        for one in self._taken:  # none goes past another of its kind
            if one.found.arn not in self._described:
                late.add(one.kind)
            (held if one.kind in late else ready).append(one)
        if whys and not ready:
            raise whys[0]
        if held:
            self._late.extend((*held, *(one for one in self._waiting if one.kind in late)))
            self._waiting = deque(one for one in self._waiting if one.kind not in late)
        self._taken = []
        return await self._handed_out(ready)

    async def _describe_all(self, resources: Sequence[_Resource]) -> list[Unavailable]:
        """Describe resources; the failures of those that could not be described now."""
        whys = await asyncio.gather(*map(self._describe, resources), return_exceptions=True)
        for why in whys:
            if why and not isinstance(why, Unavailable):
                raise why
        return [why for why in whys if isinstance(why, Unavailable)]

    async def _handed_out(self, resources: Sequence[_Resource]) -> Batch:
        """A batch of the descriptions of these resources, the first of their kinds that are left."""
        deliveries = [delivery for one in resources for delivery in self._described.pop(one.found.arn)]
        self.described += len(resources)
        batch = self._acks.batch(deliveries, resources)
        if not deliveries:  # none could be described: nobody acknowledges an empty batch
            await batch.ack()
        return batch

    def _pass(self, resources: Sequence[_Resource]) -> None:
        """Move the position past these resources."""
        denied = set().union(*self.omissions.denied.values())  # described again, once that is allowed
        for one in resources:
            if one.kind not in denied:
                self._through[one.series] = one.place
        self.position = BackfillPosition(dict(self._through))

    async def aclose(self) -> None:
        """Disconnect."""
        await self._sagemaker.aclose()

    async def _list(self, kind: str) -> list[_Resource]:
        """The resources of a kind that are not described yet, the oldest first."""
        listed_by = KINDS[kind]
        found: dict[str, _Resource] = {}
        try:
            for within in await self._within(kind):
                try:
                    async for page in self._sagemaker.list_resources(listed_by, since=self._since, **within):
                        found.update((one.arn, _Resource(kind, one)) for one in page.resources)
                except Missing:  # what contains them was deleted a moment ago, and they with it
                    self.omissions.gone += 1
        except (Denied, Unsupported, Invalid) as why:
            self.omissions.note(kind, listed_by.name, why)
        new = (one for one in found.values() if one.place > tuple(self._through.get(one.series, (-1, ""))))
        return sorted(new, key=lambda one: one.place)

    async def _within(self, kind: str) -> list[dict[str, Any]]:
        """The arguments to list a kind's resources with, for each resource that contains some."""
        within = RESOURCE_TYPES[ResourceKind(kind)].listed_within
        if within is None:
            return [{}]
        listed = self._sagemaker.list_resources(KINDS[within])  # of any age: what they contain may be new
        return [{KINDS[kind].within: one.name} async for page in listed for one in page.resources]

    async def _describe(self, one: _Resource) -> None:
        """Describe a resource, and keep the descriptions."""
        descriptions_of_it: list[Delivery] = []
        for operation in descriptions(one.kind):
            name = operation.name
            if (one.kind, name) not in self._given_up:
                try:
                    description = await self._sagemaker.describe(operation, one.found.arn, one.found.name)
                    descriptions_of_it.append(Delivery(description, f"{name} of {one.found.arn}"))
                except Missing as why:
                    if not descriptions_of_it:  # what is described exists, though it may have no tags
                        self.omissions.note(one.kind, name, why)
                except (Denied, Unsupported, Invalid, Elsewhere) as why:
                    self.omissions.note(one.kind, name, why)
                    if isinstance(why, Denied | Unsupported):
                        self._given_up.add((one.kind, name))
            if not descriptions_of_it:  # without its description, nothing else is of use
                break
        self._described[one.found.arn] = descriptions_of_it


@dataclass(frozen=True, slots=True)
class BackfillResult:
    """What came of a backfill.

    Attributes:
        filled: What became of the descriptions.
        described: How many resources were described, or tried.
        omissions: What could not be described.
    """

    filled: FillResult
    described: int
    omissions: Omissions


def backfill(
    store: Store,
    sagemaker: SageMaker,
    *,
    kinds: Iterable[str],
    since: datetime | None,
    name: str = BACKFILL,
    restart: bool,
    patience: float = PATIENCE,
    on_progress: Callable[[Started | Estimate | Progress], None] = lambda progress: None,
) -> BackfillResult:
    """Take what exists in SageMaker into a store; see `headwater backfill --help`.

    Args:
        store: At the newest schema.
        sagemaker: The client to ask; closed at the end.
        kinds: Of KINDS, those to look for.
        since: Leave out what was made before that.
        name: The position is saved under this name.
        restart: True to begin from the start, and not where an earlier backfill stopped.
        patience: Seconds to wait for SageMaker when it does not answer.
        on_progress: Called when it begins, with the estimate once all is listed, and after each batch.

    Raises:
        Refused, Unusable, Unavailable: No request is possible, SageMaker does not answer, or the store cannot be used.
    """
    start_at = None if restart else saved_position(store, name, BackfillPosition)
    on_progress(Started(start_at is not None))
    source = Backfill(sagemaker, kinds=kinds, since=since, start_at=start_at, on_listed=on_progress)
    try:
        filled = fill(source, store, name, 1, source.so_far, patience=patience, on_progress=on_progress)
    except Unavailable as why:
        raise Unavailable(f"{why}; the same command goes on where this one stopped") from why
    return BackfillResult(filled, source.described, source.omissions)


def plan_backfill(sagemaker: SageMaker, *, kinds: Iterable[str], since: datetime | None) -> tuple[Estimate, Omissions]:
    """List what exists, and estimate what it takes to describe it; nothing is saved.

    Returns:
        The estimate, and what could not be listed.

    Raises:
        Refused, Unavailable: No request is possible, or SageMaker does not answer.
    """
    source = Backfill(sagemaker, kinds=kinds, since=since)

    async def look() -> None:
        try:
            await source.find()
        finally:
            await source.aclose()

    asyncio.run(look())
    return source.estimate(), source.omissions
