"""The page about operations is true, and every operation on it is one of SageMaker's."""

from __future__ import annotations

from pathlib import Path

from consumers.api import service_model
from consumers.api.app import ClientLimits
from consumers.api.operations import METRICS, answered
from consumers.api.server import GRACE, THREADS
from docs.generate import operations


def test_the_page_says_what_the_code_does() -> None:
    assert (Path(__file__).parents[1] / "docs" / "operations.md").read_text() == operations()


def test_the_page_about_the_api_has_the_limits_that_hold() -> None:
    said = (Path(__file__).parents[1] / "docs" / "api.md").read_text()
    assert f"| {ClientLimits().body >> 20} MiB |" in said
    assert f"| {ClientLimits().seconds} s |" in said
    assert f"| {ClientLimits().waiting}, of which {THREADS} are worked on |" in said
    assert f"for at most {GRACE} s" in " ".join(said.split())


def test_every_operation_is_one_of_its_service() -> None:
    assert set(service_model.names(service_model.METRICS)) == METRICS
    assert set(service_model.names(service_model.SAGEMAKER)) >= answered().keys() - METRICS


def test_every_operation_has_a_row_with_what_differs() -> None:
    table = operations().partition("\n## ")[0]
    rows = {row.split(" | ")[0]: row for row in table.splitlines() if row.startswith("| ")}
    for name, row in answered().items():
        said = rows[f"| `{name}`"]
        assert ("write" if row.writes else "read") in said
        assert row.differs in said


def test_what_is_answered_and_what_is_not_are_all_that_there_is() -> None:
    [others] = [row for row in operations().splitlines() if row.startswith("| SageMaker's ")]
    number = int(others.split()[2])
    assert number + len(answered()) == len(service_model.names(service_model.SAGEMAKER)) + len(
        service_model.names(service_model.METRICS)
    )
