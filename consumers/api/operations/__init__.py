"""Every operation that Headwater has: the one visible list."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from consumers.api.operations import (
    artifacts,
    associations,
    contexts_actions,
    experiments,
    lineage_groups,
    metrics,
    model_reads,
    query_lineage,
    resources,
    search,
    tags,
)
from consumers.api.service import Operation

OPERATIONS: Mapping[str, Operation] = {
    **artifacts.OPERATIONS,
    **contexts_actions.OPERATIONS,
    **associations.OPERATIONS,
    **query_lineage.OPERATIONS,
    **lineage_groups.OPERATIONS,
    **experiments.OPERATIONS,
    **metrics.OPERATIONS,
    **tags.OPERATIONS,
    **resources.OPERATIONS,
    **search.OPERATIONS,
}
"""Operations that have a function of their own, by SageMaker's names."""
METRICS = frozenset(metrics.OPERATIONS)
"""The operations of the metrics service, which have paths; all others have the header X-Amz-Target."""


@cache
def answered() -> Mapping[str, Operation]:
    """All operations that are answered, by SageMaker's names: `OPERATIONS`, and all other reads of the service model.

    The model is read for that, which takes a moment: not every process serves.
    """
    return {**OPERATIONS, **model_reads.other_reads(OPERATIONS)}
