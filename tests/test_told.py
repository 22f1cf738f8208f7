"""Reads of what events told, by SageMaker's operations: what goes out, as a client reads it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from botocore.parsers import create_parser

from consumers.described import Descriptions
from store.api import checking
from store.api.answers import encoded
from store.api.asked import Asked, Guard, Service
from store.api.errors import Invalid, NotFound, Refusal
from store.api.model import operation
from store.api.told import OPERATIONS
from store.database import Store
from tests.account import generated
from tests.account.made import Account, moment, plain
from tests.stores import fed, sqlite_store
from tests.worlds import ACCOUNT, NOON, PARTITION, REGION, abalone, call, case_events, event

Ask = Callable[..., Any]


class Nobody:
    """A writer of what nothing here writes."""

    def write(self, asked: Asked, resource: str, fields: Mapping[str, Any], guard: Guard) -> int:
        raise AssertionError(asked.operation)


def asking(store: Store, partition: str = PARTITION) -> Ask:
    """Asks as a client does, and reads the answer as botocore does."""
    service = Service(store, Nobody(), Descriptions(store))

    def ask(name: str, **members: Any) -> Any:
        asked = Asked(name, checking.checked(name, members), REGION, ACCOUNT, partition)
        body = encoded(name, OPERATIONS[name].run(service, asked))
        told = create_parser("json").parse(
            {"body": body, "headers": {}, "status_code": 200}, operation(name).output_shape
        )
        told.pop("ResponseMetadata")
        return told

    return ask


@pytest.fixture
def ask(store: Store) -> Ask:
    """Asks a store with the cases' events."""
    for name in ("endpoint_update", "feature_group", "package_in_full", "unversioned_package"):
        fed(store, case_events(name))
    for name in ("pipeline_retried_and_cached", "tuning_job_and_its_list", "transform_job"):
        fed(store, case_events(name))
    return asking(store)


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Account, Store]]:
    """An account with some of everything, and a store that knows what its events told."""
    made = generated(1)
    with sqlite_store(tmp_path_factory.mktemp("told") / "account.db") as store:
        yield made, fed(store, [*made.events(), *made.answered()], 100)


# ------------------------------------------------------------------------------------------------------------- describe


def test_what_sagemaker_answered_is_answered_again(account: tuple[Account, Store]) -> None:
    made, store = account
    ask = asking(store)
    seen = set()
    for one in made.made:
        for name, request, response in one.answers:
            if name in OPERATIONS and not name.startswith("List"):
                seen.add(name)
                assert ask(name, **request) == {key: told for key, told in response.items() if told != ""}, one.arn
    assert len(seen) == 12
"""What SageMaker described of each, told again: but not the empty token of a feature group."""


def test_steps_are_answered_again_the_newest_first(account: tuple[Account, Store]) -> None:
    made, store = account
    ask = asking(store)
    for one in made.made:
        for name, request, response in one.answers:
            if name == "ListPipelineExecutionSteps":
                steps = sorted(response["PipelineExecutionSteps"], key=lambda step: step["StartTime"], reverse=True)
                assert ask(name, **request) == {"PipelineExecutionSteps": steps}
                assert ask(name, **request, SortOrder="Ascending") == {"PipelineExecutionSteps": steps[::-1]}
