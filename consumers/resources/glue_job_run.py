"""Runs of AWS Glue's jobs, which make data that SageMaker's jobs read."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from consumers.kind import ResourceKind
from consumers.resources.calls import JsonObject, starts
from consumers.resources.fields import Name, Time, texts
from consumers.resources.types import Envelope, Lookup, Resource, ResourceType
from store.lineage import (
    LONGEST_URI,
    OWNER,
    Action,
    Artifact,
    Association,
    AssociationType,
    Lineage,
    artifact,
    entity_name,
)

GLUE_JOB_RUN = ResourceKind("glue-job-run")


class GlueJobRun(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """One run of a job."""

    job_name: Name | None = None
    job_run_id: Name | None = None
    state: str | None = None
    message: str | None = None
    arguments: dict[str, str | None] = {}
    started_on: Time | None = None


def lineage(run: Resource[GlueJobRun], _: Lookup) -> Lineage:
    """A run of a Glue job is an action that turns some of the data its arguments name into the others.

    Whether data is read or written, the argument's name says: `--output_path`, `--target`. What a job's definition
    says, and not the call that starts it, is not known.

    Source: ours; the form of the events documented (evidence.md#glue-events).
    """
    detail = run.detail
    state = detail.state or ""
    named = (re.sub(r"[^A-Za-z0-9]+", "-", part or "").strip("-") for part in (detail.job_name, detail.job_run_id))
    name = entity_name(*named, "aws-glue-job-run")  # Glue takes names that no entity of SageMaker's can have
    # Beside SageMaker's own entities, so that an artifact that both mention is one.
    partition = run.arn_prefix.replace(":glue:", ":sagemaker:", 1)
    properties = {"JobName": detail.job_name, "JobRunId": detail.job_run_id, "Message": detail.message}
    action = Action(
        arn=f"{partition}action/{name}",
        type="GlueJobRun",
        name=name,
        source_uri=run.arn,
        created=run.created,
        weight=OWNER,
        created_by=run.created_by,
        status=state,
        ended=run.modified if state.upper() in ("SUCCEEDED", "FAILED", "TIMEOUT", "STOPPED", "ERROR") else None,
        modified=run.modified,
        properties=texts(properties),
    )
    read: dict[str, Artifact] = {}
    written: dict[str, Artifact] = {}
    for argument, value in sorted(detail.arguments.items()):
        for uri in _uris(argument, value or ""):
            found = artifact(partition, "DataSet", uri, run.created)
            (written if _writes(argument) else read)[found.arn] = found
    contributed, produced = AssociationType.CONTRIBUTED_TO, AssociationType.PRODUCED
    return Lineage(
        (action, *read.values(), *written.values()),
        (
            *(Association(one, action.arn, contributed, run.created, inferred=True) for one in read),
            *(Association(action.arn, one, produced, run.created, inferred=True) for one in written),
        ),
    )


_OWN_ARGUMENTS = {"tempdir", "spark-event-logs-path", "continuous-log-logstreamprefix"}
"""Arguments of Glue itself that name places, but no data (documented: evidence.md#glue-arguments)."""


_URI = re.compile(r"s3[an]?://[^\s\"',;\[\]{}]+")


_WRITES = re.compile(
    r"(?:out|output|target|tgt|dest|destination|sink|result|write|writ|export|save)s?(?:to)?"
    r"(?:path|dir|directory|uri|url|bucket|prefix|location|folder|file)?"
)


def _uris(argument: str, value: str) -> Iterator[str]:
    if argument.lstrip("-").lower() in _OWN_ARGUMENTS:
        return
    for uri in _URI.findall(value):
        address = re.sub(r"^s3[an]://", "s3://", uri)
        if len(address.encode()) <= LONGEST_URI:
            yield address


def _writes(argument: str) -> bool:
    """True if an argument's name says that what it names is written: `--output_path`, `--TargetUri`, `--dest`."""
    words = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", argument)
    return any(_WRITES.fullmatch(word.lower()) for word in re.split(r"[^A-Za-z0-9]+", words))


def _identity(run: GlueJobRun, envelope: Envelope) -> str | None:
    """Glue's runs have no ARN: this is their job's, and their own number behind it."""
    if not (run.job_name and run.job_run_id):
        return None
    return envelope.arn(f"job/{run.job_name}/run/{run.job_run_id}", "glue")


def _started(parameters: JsonObject) -> JsonObject:
    """A call that starts a run, with the names of its events."""
    names = {"jobName": "JobName", "jobRunId": "JobRunId", "arguments": "Arguments"}
    return {field: parameters[name] for field, name in names.items() if name in parameters}


TYPE = ResourceType(
    kind=GLUE_JOB_RUN,
    name="Glue job run",
    mark="ours",
    fields=GlueJobRun,
    lineage=lineage,
    arn_field="job_run_id",
    name_field="job_name",
    identity=_identity,
    status_fields=("state",),
    clock_fields=("started_on",),
    created_field=None,
    events=("Glue Job State Change", "Glue Job Run Status"),
    calls={"glue StartJobRun": starts(_started)},
)
