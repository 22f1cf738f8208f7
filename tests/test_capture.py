"""Every kind of event that SageMaker sends is derived from, or kept for a reason; and the page about it is true."""

from __future__ import annotations

from pathlib import Path

from consumers.catalogue import EVENTS, KEPT
from consumers.kind import ResourceKind
from consumers.observe.describe_responses import ANSWERS
from consumers.rules import RULES
from consumers.tellings import TELLINGS
from docs.generate import capture
from tests.support.events import HERE

DOCUMENTED = (HERE / "events" / "detail-types.txt").read_text().splitlines()
"""All that SageMaker's page in EventBridge's reference lists, but for what CloudTrail records."""


def test_every_kind_of_event_is_derived_from_or_kept_for_a_reason() -> None:
    assert sorted([*(name for name in EVENTS if name.startswith("SageMaker ")), *KEPT]) == sorted(DOCUMENTED)
    assert all(KEPT.values())


def test_every_kind_of_resource_has_its_row_and_its_rule() -> None:
    assert set(TELLINGS) == set(RULES) == set(ResourceKind)


def test_the_page_says_what_the_code_does() -> None:
    assert (Path(__file__).parents[1] / "docs" / "capture.md").read_text() == capture()


def test_every_answer_is_one_that_can_be_asked_for() -> None:
    from ingest.sagemaker import REQUESTS

    assert set(ANSWERS) <= set(REQUESTS)
