"""docs/capture.md, written by the code that captures: `python -m consumers.capture > docs/capture.md`."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from consumers.catalogue import ANSWER, CALL, EVENTS, KEPT
from consumers.kind import ResourceKind
from consumers.markdown import table
from consumers.observe.cloudtrail import CALLS
from consumers.observe.describe_responses import ANSWERS
from consumers.observe.observation import Telling
from consumers.rules import RULES
from consumers.tellings import TELLINGS

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
    rows = [(name, *_telling(TELLINGS[kind]), *_rule(kind)) for name, kind in sorted(EVENTS.items())]
    yield from table(("event", "status", "identity", "rule", "rests on"), rows)
    yield ""
    yield "## Events that are kept"
    yield ""
    yield from table(("event", "why nothing is derived"), sorted(KEPT.items()))
    yield ""
    yield f"## Calls ({CALL})"
    yield ""
    yield "Who called is kept as CreatedBy and LastModifiedBy. A refused call (`errorCode`) changes nothing. Other"
    yield "calls are kept, since the events of what they are about tell the same."
    yield ""
    yield ", ".join(f"`{name}`" for name in sorted(CALLS))
    yield ""
    yield f"## Answers ({ANSWER})"
    yield ""
    yield "What SageMaker answered when it was asked, kept as an event of our own, so that a replay asks nobody."
    yield ""
    yield ", ".join(f"`{name}`" for name in sorted(ANSWERS))
    yield ""


def _telling(telling: Telling) -> tuple[str, str]:
    shape: type[msgspec.Struct] = telling.decoder.type
    names = {one.name: one.encode_name for one in msgspec.structs.fields(shape)}
    status = ", ".join(names[name] for name in telling.status) or "none"
    told = dict.fromkeys(names[name] for name in (telling.arn, telling.name) if name in names)
    return status, ", else ".join((*told, "resources"))


def _rule(kind: ResourceKind) -> tuple[str, str]:
    rule = RULES[kind]
    says = (rule.lineage.__doc__ or "").strip().partition("\n")[0]
    return f"{rule.name}: {says}", rule.mark


if __name__ == "__main__":
    print(page())
