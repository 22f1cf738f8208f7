"""Every operation that Headwater has, the one visible list."""

from __future__ import annotations

from collections.abc import Mapping

from store.api.asked import Row
from store.api.operations import (
    artifacts,
    associations,
    experiments,
    groups,
    metrics,
    named,
    query_lineage,
    search,
    tagging,
    told,
)

OPERATIONS: Mapping[str, Row] = {
    **artifacts.OPERATIONS,
    **named.OPERATIONS,
    **associations.OPERATIONS,
    **query_lineage.OPERATIONS,
    **groups.OPERATIONS,
    **experiments.OPERATIONS,
    **metrics.OPERATIONS,
    **tagging.OPERATIONS,
    **told.OPERATIONS,
    **search.OPERATIONS,
}
"""Operations by SageMaker's names."""
METRICS = frozenset(metrics.OPERATIONS)
"""Those that are asked for by path, as the metrics service's; all others by the header X-Amz-Target."""
