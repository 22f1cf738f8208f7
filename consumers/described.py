"""What is known of resources, in the words of SageMaker's own descriptions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from consumers.working_set import WorkingSet
from store.database import Store, Transaction


class Descriptions:
    """Tells what events told: a `store.api.asked.Described`."""

    def __init__(self, store: Store) -> None:
        """Args: store: Where what is known is kept."""
        self._store = store

    def describe(self, arn: str) -> Mapping[str, Any] | None:
        """As `Described.describe`."""
        return None

    def describe_all(self, arns: Sequence[str]) -> dict[str, Mapping[str, Any]]:
        """As `Described.describe_all`."""
        return {}

    def tags(self, arn: str) -> Mapping[str, str] | None:
        """As `Described.tags`."""

        def look(tx: Transaction) -> Mapping[str, str] | None:
            working = WorkingSet(tx)
            working.lock([arn.lower()])
            found = working.lives(arn.lower())
            return found[-1].tags if found else None

        return self._store.read(look)
