"""Write the pages of docs/ and the policy of infra/template.yaml that follow from the code: `make docs`."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

from consumers.api import service_model
from consumers.api.access import Role
from consumers.api.errors import UnknownOperation
from consumers.api.missing import ANSWERS
from consumers.api.operations import METRICS, answered
from consumers.observe.cloudtrail import handled_calls
from consumers.observe.describe_responses import handled_operations
from consumers.observe.detail_types import CLOUDTRAIL_CALL, DESCRIPTION
from consumers.observe.unhandled import UNHANDLED
from consumers.resources import EVENTS, RESOURCE_TYPES
from consumers.resources.kept import BY_KIND
from consumers.resources.types import AnyResourceType

HERE = Path(__file__).parent
TEMPLATE = HERE.parent / "infra" / "template.yaml"

MARKS = {
    "observed": "seen in output that AWS printed",
    "documented": "stated in AWS's documentation",
    "plausible": "follows from what is observed or documented",
    "ours": "SageMaker captures nothing here; Headwater does",
}
"""What the mark of a rule means."""


def main() -> None:
    """Write all of it."""
    TEMPLATE.write_text(template())
    (HERE / "capture.md").write_text(capture())
    (HERE / "operations.md").write_text(operations())


def capture() -> str:
    """docs/capture.md: each kind of event, call and description, and what becomes of it."""
    return "\n".join(_capture()) + "\n"


def operations() -> str:
    """docs/operations.md: each operation of SageMaker's API, and whether and how Headwater answers it."""
    return "\n".join(_operations()) + "\n"


def template() -> str:
    """infra/template.yaml, with what Headwater calls in SageMaker as the actions that its policy allows."""
    listing = {one.listed_by.name for one in RESOURCE_TYPES.values() if one.listed_by}
    called = {
        operation.name
        for kind, one in RESOURCE_TYPES.items()
        if one.described_by and kind not in BY_KIND
        for description in one.descriptions
        for operation in (description.operation, description.operation.older)
        if operation
    }
    text = TEMPLATE.read_text()
    for statement, actions in (("Describe", called - listing), ("List", listing)):
        lines = "".join(f"              - sagemaker:{name}\n" for name in sorted(actions))
        head = rf"(- Sid: {statement}WhatIsInSageMaker\n\s+Effect: Allow\n\s+Action:\n)(?:\s+- sagemaker:\w+\n)+"
        text = re.sub(head, rf"\1{lines}", text)
    return text


def _capture() -> Iterator[str]:
    yield "# What is captured"
    yield ""
    yield "<!-- Written by `make docs` from the code: change the tables there. -->"
    yield ""
    kinds = sum(name.startswith("SageMaker") for name in (*EVENTS, *UNHANDLED))
    yield from paragraph(
        f"SageMaker sends {kinds} kinds of events (detail-types). CloudTrail records calls to its API, and AWS Glue "
        "sends an event for each run of a job. Headwater derives lineage from each kind of event, or keeps it in the "
        "ledger for a reason. A kind that no table here names is kept too, counted by `headwater status`, and derived "
        "once a rule for it exists."
    )
    yield ""
    yield "What a rule rests on:"
    yield ""
    yield from (f"- *{mark}*: {meaning}" for mark, meaning in MARKS.items())
    yield ""
    yield "[evidence.md](evidence.md) has the sources."
    yield ""
    yield "## Events that lineage is derived from"
    yield ""
    types = [(name, RESOURCE_TYPES[kind]) for name, kind in sorted(EVENTS.items())]
    rows = [(name, *_identity(one), *_rule(one)) for name, one in types]
    yield from table(("event", "status", "identity", "rule", "rests on"), rows)
    yield ""
    yield "## Events that are only kept"
    yield ""
    yield from table(("event", "why nothing is derived"), sorted(UNHANDLED.items()))
    yield ""
    yield f"## Calls ({CLOUDTRAIL_CALL})"
    yield ""
    yield from paragraph(
        "Headwater reads these calls. The caller becomes CreatedBy or LastModifiedBy. A refused call (with an "
        "`errorCode`) changes nothing. Other calls are only kept, since the events of their resources contain the same."
    )
    yield ""
    yield ", ".join(f"`{name}`" for name in sorted(handled_calls()))
    yield ""
    yield f"## Descriptions ({DESCRIPTION})"
    yield ""
    yield from paragraph(
        "Headwater keeps each description that it gets from SageMaker as an event of its own, so that a replay "
        "requests none again."
    )
    yield ""
    yield ", ".join(f"`{name}`" for name in sorted(handled_operations()))
    yield ""
    yield "## Resources without lineage"
    yield ""
    yield from paragraph(
        "Of these, Headwater keeps what calls and descriptions report, so that `headwater serve` can describe and list "
        "them and their tags. Nothing is derived from them, and neither the worker nor `headwater backfill` describes "
        "them: their descriptions are read where an archive has them."
    )
    yield ""
    yield ", ".join(f"{kind}" for kind in sorted(BY_KIND))


def _identity(one: AnyResourceType) -> tuple[str, str]:
    """The fields with the status of a resource, and those that identify it."""
    names = {field.name: field.encode_name for field in msgspec.structs.fields(one.fields)}
    status = ", ".join(names[name] for name in one.status_fields) or "none"
    identity = dict.fromkeys(names[name] for name in (one.arn_field, one.name_field) if name in names)
    return status, ", else ".join((*identity, "resources"))


def _rule(one: AnyResourceType) -> tuple[str, str]:
    """What a rule derives, in a line, and its mark, with links to the evidence that its docstring cites."""
    docstring = one.lineage.__doc__ or ""
    summary = re.sub(r" \((?:\w+: )?evidence\.md#[\w-]+\)", "", docstring.strip().partition("\n")[0])
    cited = dict.fromkeys(re.findall(r"evidence\.md#([\w-]+)", docstring))
    links = ", ".join(f"[{id_}](evidence.md#{id_})" for id_ in cited)
    return f"{one.name}: {summary}", f"{one.mark}: {links}" if links else one.mark


def _operations() -> Iterator[str]:
    services = (service_model.SAGEMAKER, service_model.METRICS)
    names = {name for service in services for name in service_model.names(service)}
    others = len(names - answered().keys())
    yield "# Supported operations"
    yield ""
    yield "<!-- Written by `make docs` from the code: change the rows there. -->"
    yield ""
    yield from paragraph(
        f"`headwater serve` answers {len(answered())} operations of SageMaker's API, {len(METRICS)} of them in its "
        "metrics service; [api.md](api.md) shows how to point clients at it. An empty last column means that no "
        "difference from AWS is known. The role is the least that a caller needs if callers have to sign."
    )
    yield ""
    rows: list[tuple[str, str, str, str]] = [
        (f"`{name}`", "yes", Role.WRITE if operation.writes else Role.READ, operation.differs)
        for name, operation in sorted(answered().items())
    ]
    refused = f"`{UnknownOperation.code}`, HTTP {UnknownOperation.status}: the message names those that are answered."
    rows.append((f"SageMaker's {others} others", "no", "", refused))
    yield from table(("operation", "supported", "role", "differences from AWS"), rows)
    yield ""
    yield from _missing()


def _missing() -> Iterator[str]:
    yield "## What does not exist"
    yield ""
    yield from paragraph(
        "What operations on resources answer about one that does not exist, which differs from kind to kind; `{arn}` "
        "and `{name}` are those of the request. The other operations answer with the error that SageMaker's model "
        "declares."
    )
    yield ""
    yield from table(
        ("operation", "error", "message", "rests on"),
        [
            (f"`{name}`", f"`{error.code}`", sentence, f"[{source.partition('#')[2]}]({source})")
            for name, (error, sentence, source) in sorted(ANSWERS.items())
        ],
    )


def paragraph(text: str) -> list[str]:
    """The lines of a paragraph."""
    return textwrap.wrap(text, 120)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """The lines of a Markdown table: its head, and one line for each of `rows`."""
    yield "| " + " | ".join(head) + " |"
    yield "|" + " --- |" * len(head)
    for row in rows:
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"


if __name__ == "__main__":
    main()
