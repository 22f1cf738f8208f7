"""docs/operations.md, written by the code that answers: `python -m consumers.operations > docs/operations.md`."""

from __future__ import annotations

from collections.abc import Iterator

from consumers.api import service_model
from consumers.api.access import Role
from consumers.api.errors import UnknownOperation
from consumers.api.operations import METRICS, OPERATIONS
from consumers.markdown import table


def page() -> str:
    """The page: every operation of SageMaker's, and whether and how it is answered."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    all_there_are = {
        name for service in (service_model.SAGEMAKER, service_model.METRICS) for name in service_model.names(service)
    }
    others = len(all_there_are - OPERATIONS.keys())
    yield "# Operations that are answered"
    yield ""
    yield "<!-- Written by `make docs` from the code: change the rows there. -->"
    yield ""
    yield f"`headwater serve` answers {len(OPERATIONS)} operations of SageMaker's API, {len(METRICS)} of them of its"
    yield "metrics service; [api.md](api.md) tells how clients are pointed at it. Where no difference from AWS is told,"
    yield "none is known. The role is what a caller needs, at the least, where callers have to sign."
    yield ""
    rows: list[tuple[str, str, str, str]] = [
        (f"`{name}`", "yes", Role.WRITE if operation.writes else Role.READ, operation.differs)
        for name, operation in sorted(OPERATIONS.items())
    ]
    refused = f"`{UnknownOperation.code}`, HTTP {UnknownOperation.status}: the message names those that are answered."
    rows.append((f"SageMaker's {others} others", "no", "", refused))
    yield from table(("operation", "supported", "role", "differences from AWS"), rows)
    yield ""


if __name__ == "__main__":
    print(page())
