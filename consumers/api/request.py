"""One request that was checked, and what operations work with."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from store.database import Store, Transaction
from store.paging import PageKey
from store.resource_pages import Listing

Answer = Mapping[str, Any]
"""What an operation returns: members by SageMaker's names, times in epoch milliseconds; what is None or not in the
service's model is left out."""


class Asked(msgspec.Struct, frozen=True):
    """One request, checked against the service's model.

    Attributes:
        operation: Its name.
        input: Its members, by SageMaker's names; times in epoch milliseconds.
        region: From the credential's scope, or the server's own.
        account: The twelve digits that ARNs are made with.
        partition: The beginning of the ARNs here: `arn:aws:sagemaker:<region>:<account>:`.
        by: The ARN of whoever asks, or empty where nobody has to say so.
        limits: False if AWS's limits on depth and starts are not to hold.
    """

    operation: str
    input: Mapping[str, Any]
    region: str
    account: str
    partition: str
    by: str = ""
    limits: bool = True

    def arn(self, part: str, name: str) -> str:
        """The ARN of something here, from a sort (`context`) and its name, or the ARN that was said."""
        return name if name.startswith("arn:") else f"{self.partition}{part}/{name}"


class Writing(Protocol):
    """What may be looked at before something is written, in the transaction that will write it."""

    @property
    def transaction(self) -> Transaction:
        """Where to look."""

    def made(self, arn: str) -> int | None:
        """When a client made this, in epoch milliseconds; None if none did, or it was deleted."""

    def linked(self, source: str, destination: str) -> bool:
        """True if a client added an association between these ARNs, and has not deleted it."""

    def placed(self, trial: str, component: str) -> bool:
        """True if a client put this trial component into this trial, and has not taken it out."""


Guard = Callable[[Writing], Mapping[str, Any]]
"""Raises a refusal, or returns what else is to be kept with what was asked."""


class Writer(Protocol):
    """Keeps what clients write: an event in the ledger, folded and derived like any other."""

    def write(self, asked: Asked, resource: str, fields: Mapping[str, Any], guard: Guard) -> Mapping[str, Any]:
        """Keep a write.

        Args:
            asked: Who asked for what operation.
            resource: The ARN of what it is about.
            fields: What is kept, by SageMaker's names: times in epoch milliseconds.
            guard: Decides, in the transaction that writes.

        Returns:
            What was kept: the fields, and what the guard added.

        Raises:
            Refusal: The guard's.
            Unavailable, Unusable: The store cannot be written to.
        """


Where = Callable[[Mapping[str, Any]], bool]
"""What must be true of a resource, by what is known of it."""


class Described(Protocol):
    """What events told of resources, in the words of SageMaker's own descriptions."""

    def describe(self, arn: str) -> Mapping[str, Any] | None:
        """All that is known of a resource as it is now, by SageMaker's names; None if nothing is, or it was deleted."""

    def describe_all(self, arns: Sequence[str]) -> dict[str, Mapping[str, Any]]:
        """As `describe`, of several: ARN in lower case -> what is known."""

    def tags(self, arn: str) -> Mapping[str, str] | None:
        """The tags of a resource as it is now, in the order in which they were told; None if nothing is known of it."""

    def page(
        self, listing: Listing, after: PageKey | None, size: int, where: Where | None = None
    ) -> list[tuple[PageKey, Mapping[str, Any]]]:
        """What `describe` tells of resources in an order, each with its position in it.

        Args:
            listing: Which, and in what order.
            after: The position behind which to begin; None for the beginning.
            size: How many at most.
            where: What else must be true of them.
        """

    def all_of(self, kind: str, partition: str) -> Iterator[Mapping[str, Any]]:
        """What `describe` tells of each resource of a kind (`training-job`) in an account and region, by name."""

    def steps(self, execution: str) -> list[Mapping[str, Any]]:
        """The steps of a pipeline execution, as ListPipelineExecutionSteps tells them; each has `Metadata`."""

    def tuned(self, tuning_job: str) -> list[Mapping[str, Any]]:
        """The training jobs of a tuning job, as ListTrainingJobsForHyperParameterTuningJob tells them."""


class Service(msgspec.Struct, frozen=True):
    """What operations work with.

    Attributes:
        store: Where lineage is.
        writer: Keeps what clients write.
        described: Tells what events told.
    """

    store: Store
    writer: Writer
    described: Described


Operation = Callable[[Service, Asked], Answer]


class Row(msgspec.Struct, frozen=True):
    """How an operation is answered.

    Attributes:
        run: Answers it; the first line of its docstring says what it does.
        writes: True if it changes something.
        differs: In what it differs from SageMaker's, in a sentence; empty if in nothing that is known.
    """

    run: Operation
    writes: bool = False
    differs: str = ""
