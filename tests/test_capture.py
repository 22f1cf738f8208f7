"""Every kind of event that SageMaker sends is derived from, or kept for a reason; and the page about it is true."""

from __future__ import annotations

from pathlib import Path

from consumers.observe.unhandled import UNHANDLED
from consumers.resources import EVENTS
from docs.generate import TEMPLATE, capture, template
from tests.support.events import HERE

DOCUMENTED = (HERE / "events" / "detail-types.txt").read_text().splitlines()
"""All that SageMaker's page in EventBridge's reference lists, but for what CloudTrail records."""


def test_every_kind_of_event_is_derived_from_or_kept_for_a_reason() -> None:
    assert sorted([*(name for name in EVENTS if name.startswith("SageMaker ")), *UNHANDLED]) == sorted(DOCUMENTED)
    assert all(UNHANDLED.values())


def test_the_page_says_what_the_code_does() -> None:
    assert (Path(__file__).parents[1] / "docs" / "capture.md").read_text() == capture()


def test_the_policy_allows_what_the_code_calls() -> None:
    assert TEMPLATE.read_text() == template()
