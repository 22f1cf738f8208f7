"""docs/capture.md, written by the code that captures: `python -m consumers.capture > docs/capture.md`."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from consumers.markdown import table
from consumers.observe.cloudtrail import handled_calls
from consumers.observe.describe_responses import handled_operations
from consumers.observe.detail_types import CLOUDTRAIL_CALL, DESCRIPTION
from consumers.observe.unhandled import KEPT
from consumers.resources import EVENTS, RESOURCE_TYPES
from consumers.resources.types import AnyResourceType

MARKS = {
    "observed": "seen in what AWS itself printed",
    "documented": "AWS's documentation says so",
    "plausible": "follows from what is observed or documented",
    "ours": "SageMaker captures nothing; Headwater does",
}
"""What the mark of a rule means."""


def page() -> str:
    """The page: every kind of event, call and answer, and what becomes of it."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    yield "# What is captured"
    yield ""
    yield "<!-- Written by `make docs` from the code: change the tables there. -->"
    yield ""
    kinds = sum(name.startswith("SageMaker") for name in (*EVENTS, *KEPT))
    yield f"SageMaker sends {kinds} kinds of events (detail-types) beside what CloudTrail records of calls, and AWS"
    yield "Glue tells of its jobs' runs. Each is derived from, or kept in the ledger for a reason. What no table here"
    yield "names is kept too, counted by `headwater status`, and derived the day that a rule for it exists."
    yield ""
    yield from (f"- *{mark}*: {means}" for mark, means in MARKS.items())
    yield ""
    yield "## Events that lineage is derived from"
    yield ""
    types = [(name, RESOURCE_TYPES[kind]) for name, kind in sorted(EVENTS.items())]
    rows = [(name, *_identity(one), *_rule(one)) for name, one in types]
    yield from table(("event", "status", "identity", "rule", "rests on"), rows)
    yield ""
    yield "## Events that are kept"
    yield ""
    yield from table(("event", "why nothing is derived"), sorted(KEPT.items()))
    yield ""
    yield f"## Calls ({CLOUDTRAIL_CALL})"
    yield ""
    yield "Who called is kept as CreatedBy and LastModifiedBy. A refused call (`errorCode`) changes nothing. Other"
    yield "calls are kept, since the events of what they are about tell the same."
    yield ""
    yield ", ".join(f"`{name}`" for name in sorted(handled_calls()))
    yield ""
    yield f"## Answers ({DESCRIPTION})"
    yield ""
    yield "What SageMaker answered when it was asked, kept as an event of our own, so that a replay asks nobody."
    yield ""
    yield ", ".join(f"`{name}`" for name in sorted(handled_operations()))
    yield ""


def _identity(one: AnyResourceType) -> tuple[str, str]:
    names = {field.name: field.encode_name for field in msgspec.structs.fields(one.fields)}
    status = ", ".join(names[name] for name in one.status_fields) or "none"
    identity = dict.fromkeys(names[name] for name in (one.arn_field, one.name_field) if name in names)
    return status, ", else ".join((*identity, "resources"))


def _rule(one: AnyResourceType) -> tuple[str, str]:
    says = (one.lineage.__doc__ or "").strip().partition("\n")[0]
    return f"{one.name}: {says}", one.mark


if __name__ == "__main__":
    print(page())
