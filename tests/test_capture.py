"""Every kind of event that SageMaker sends is derived from, or kept for a reason; and the page about it is true."""

from __future__ import annotations

from operator import attrgetter
from pathlib import Path

import pytest

from consumers.observe.unhandled import UNHANDLED
from consumers.resources import CALLS, EVENTS, RESOURCE_TYPES
from consumers.resources.types import AnyResourceType
from docs.generate import TEMPLATE, capture, template
from tests.support.events import HERE

DOCUMENTED = (HERE / "events" / "detail-types.txt").read_text().splitlines()
"""All that SageMaker's page in EventBridge's reference lists, but for what CloudTrail records."""


def test_every_kind_of_event_is_derived_from_or_kept_for_a_reason() -> None:
    assert sorted([*(name for name in EVENTS if name.startswith("SageMaker ")), *UNHANDLED]) == sorted(DOCUMENTED)
    assert all(UNHANDLED.values())


@pytest.mark.parametrize("one", RESOURCE_TYPES.values(), ids=attrgetter("name"))
def test_a_type_names_fields_that_its_resources_have(one: AnyResourceType) -> None:
    named = (one.arn_field, one.name_field, one.created_field, one.began_field, *one.status_fields, *one.clock_fields)

    assert {*filter(None, named)} <= set(one.fields.__struct_fields__)
    assert one.identity or (one.arn_field and one.name_field)


def test_no_event_call_or_description_belongs_to_two_types() -> None:
    types = RESOURCE_TYPES.values()

    assert len(EVENTS) == sum(len(one.events) for one in types)
    assert len(CALLS) == sum(len(one.calls) for one in types)
    assert len({one.signature for one in types}) == len(types)


def test_the_page_says_what_the_code_does() -> None:
    assert (Path(__file__).parents[1] / "docs" / "capture.md").read_text() == capture()


def test_the_policy_allows_what_the_code_calls() -> None:
    assert TEMPLATE.read_text() == template()
