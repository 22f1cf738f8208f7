"""A member of a request that Headwater does not use is refused, and never dropped in silence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, cast

import pytest

from consumers.api import service_model
from consumers.api.client_writes import ClientWriter
from consumers.api.errors import Refusal
from consumers.api.operations import OPERATIONS
from consumers.api.request import Request
from consumers.api.resource_views import Descriptions
from consumers.api.service import Service
from store.database import Store
from tests.support.api_server import Api, refused
from tests.support.events import ACCOUNT, PARTITION, REGION
from tests.support.model_values import smallest

BATCHES = {"BatchGetMetrics", "BatchDescribeModelPackage"}
"""Reads of several things, whose only member is the list of these."""
READS = [name for name, one in OPERATIONS.items() if not one.writes and name not in BATCHES]
WHERE_SOMETHING_IS_FOUND = {
    "QueryLineage": {"Direction", "MaxDepth", "IncludeEdges"},
    "ListLineageGroups": {"CreatedAfter", "CreatedBefore", "SortBy", "SortOrder", "MaxResults", "NextToken"},
    "ListTags": {"MaxResults", "NextToken"},
    "ListTrainingJobsForHyperParameterTuningJob": {"StatusEquals", "SortBy", "SortOrder", "MaxResults", "NextToken"},
    "ListPipelineExecutionSteps": {"SortOrder", "MaxResults", "NextToken"},
    "ListPipelineParametersForExecution": {"MaxResults", "NextToken"},
}
"""Members that are read only once something is found; the tests of these operations use them."""


class Watched(Mapping[str, Any]):
    """Members of a request that remember which of them were looked at by name."""

    def __init__(self, members: Mapping[str, Any]) -> None:
        self.members, self.seen = members, set[str]()

    def __getitem__(self, name: str) -> Any:
        self.seen.add(name)
        return self.members[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.members)

    def __len__(self) -> int:
        return len(self.members)

    def items(self) -> Any:
        """All, without looking at one: tokens are bound to every member."""
        return self.members.items()


@pytest.mark.parametrize("name", READS)
def test_each_member_of_a_read_is_used_or_refused(store: Store, name: str) -> None:
    watched = Watched(smallest(name))
    service = Service(store, cast(ClientWriter, None), Descriptions(store))
    with suppress(Refusal):
        OPERATIONS[name].run(service, Request(name, watched, REGION, ACCOUNT, PARTITION))

    members = set(service_model.operation(name).input_shape.members)
    later = WHERE_SOMETHING_IS_FOUND.get(name, set())
    assert members - watched.seen - later == OPERATIONS[name].unused.keys()


def test_what_is_not_used_is_refused_unless_it_changes_nothing(api: Api) -> None:
    groups = api.sagemaker.list_model_package_groups

    assert groups(CrossAccountFilterOption="SameAccount")["ModelPackageGroupSummaryList"] == []
    assert refused(groups, CrossAccountFilterOption="CrossAccount") == (
        "ValidationException: Headwater does not use CrossAccountFilterOption here: leave it out, or say SameAccount"
    )
    assert refused(api.sagemaker.describe_pipeline, PipelineName="p", PipelineVersionId=2) == (
        "ValidationException: Headwater does not use PipelineVersionId here: leave it out"
    )
