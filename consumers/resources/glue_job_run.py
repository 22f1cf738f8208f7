"""Runs of AWS Glue's jobs, which make data that SageMaker's jobs read."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from enum import Enum, auto

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

    Whether data is read or written is inferred from the arguments' names: `--output_path`, `--target`. Where these do
    not say it clearly, the argument is a property of the action and no link. What a job's definition says, and not
    the call that starts it, is not known.

    Source: ours; the form of the events documented (evidence.md#glue-events).
    """
    detail = run.detail
    state = detail.state or ""
    named = (re.sub(r"[^A-Za-z0-9]+", "-", part or "").strip("-") for part in (detail.job_name, detail.job_run_id))
    name = entity_name(*named, "aws-glue-job-run")  # Glue takes names that no entity of SageMaker's can have
    # Beside SageMaker's own entities, so that an artifact that both mention is one.
    partition = run.arn_prefix.replace(":glue:", ":sagemaker:", 1)
    directions = directions_of({name: uris for name, value in detail.arguments.items() if (uris := _uris(name, value))})

    def directed(direction: Direction) -> Iterator[Artifact]:
        for argument, found in sorted(directions.items()):
            for uri in _uris(argument, detail.arguments[argument]) if found is direction else ():
                yield artifact(partition, "DataSet", uri, run.created)

    unclear = [argument for argument, found in directions.items() if found is Direction.UNCLEAR]
    properties = {
        **{argument: detail.arguments[argument] for argument in sorted(unclear)},
        "JobName": detail.job_name,
        "JobRunId": detail.job_run_id,
        "Message": detail.message,
    }
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
    read = {one.arn: one for one in directed(Direction.READ)}
    written = {one.arn: one for one in directed(Direction.WRITTEN)}
    contributed, produced = AssociationType.CONTRIBUTED_TO, AssociationType.PRODUCED
    return Lineage(
        (action, *read.values(), *written.values()),
        (
            *(Association(one, action.arn, contributed, run.created, inferred=True) for one in read),
            *(Association(action.arn, one, produced, run.created, inferred=True) for one in written),
        ),
    )


class Direction(Enum):
    """What the name of an argument says of the data that it names."""

    READ = auto()
    WRITTEN = auto()
    UNCLEAR = auto()


def directions_of(arguments: Iterable[str]) -> dict[str, Direction]:
    """Whether the data of each argument of a run is read or written, as far as their names say it clearly.

    A word for one of both decides. The name of a stage of refinement does so beside the run's other arguments: data
    is read at an earlier stage and written at a later one, so that `--silver` is written beside `--bronze`, read
    beside `--gold`, and unclear beside both.

    Args:
        arguments: The names of those that name data.
    """
    words = {argument: _words(argument) for argument in arguments}
    ranks = {argument: rank for argument, given in words.items() if (rank := _rank(given)) is not None}
    return {argument: _direction(ranks.get(argument), ranks.values()) for argument in words}


def _direction(rank: int | None, ranks: Collection[int]) -> Direction:
    if rank is None:
        return Direction.UNCLEAR
    if rank in (_READ, _WRITTEN):
        return Direction.READ if rank == _READ else Direction.WRITTEN
    earlier, later = any(other < rank for other in ranks), any(other > rank for other in ranks)
    if later or rank == _RAW:
        return Direction.UNCLEAR if earlier else Direction.READ
    return Direction.WRITTEN


_READ, _RAW, _WRITTEN = 0, 1, 9
_STAGES = (
    (_RAW, "raw|landing|bronze|incoming|unprocessed"),
    (2, "staged|staging"),
    (3, "silver|clean|cleaned|cleansed|conformed|trusted|processed|preprocessed|transformed|enriched|standardized"),
    (4, "gold|curated|refined|published|aggregated|presentation|consumption"),
)
_PLACE = r"(?:s3)?(?:path|dir|directory|uri|url|bucket|prefix|location|folder|file|data|zone|layer)?s?"
_RANKS = (
    (_READ, re.compile(rf"(?:in|input|source|src|origin|read|lookup|reference|import)s?(?:from)?{_PLACE}")),
    (
        _WRITTEN,
        re.compile(r"(?:out|output|target|tgt|dest|destination|sink|result|write|writ|export|save)s?(?:to)?" + _PLACE),
    ),
    *((rank, re.compile(rf"(?:{words}){_PLACE}")) for rank, words in _STAGES),
)
"""The words that say a direction, and those for stages in the order of refinement."""


def _rank(words: Collection[str]) -> int | None:
    """What the words of a name say: a direction, else a stage; None where they say nothing, or several things."""
    found = {rank for rank, pattern in _RANKS if any(map(pattern.fullmatch, words))}
    said = found & {_READ, _WRITTEN} or found
    return next(iter(said)) if len(said) == 1 else None


def _words(argument: str) -> list[str]:
    """The words of a name in lower case, whatever separates them: `--output_path`, `--TargetUri`, `--dest`."""
    return re.split(r"[^a-z0-9]+", re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", argument).lower())


_OWN_ARGUMENTS = frozenset(
    {
        "additional-python-modules",
        "conf",
        "continuous-log-loggroup",
        "continuous-log-logstreamprefix",
        "customer-driver-env-vars",
        "customer-executor-env-vars",
        "extra-files",
        "extra-jars",
        "extra-py-files",
        "python-modules-installer-option",
        "scriptlocation",
        "spark-event-logs-path",
        "tempdir",
    }
)
"""Arguments of Glue itself that may name places, but no data (documented: evidence.md#glue-arguments)."""


_URI = re.compile(r"s3[an]?://[^\s\"',;\[\]{}]+")


def _uris(argument: str, value: str | None) -> list[str]:
    """The addresses of data in an argument's value."""
    if argument.lstrip("-").lower() in _OWN_ARGUMENTS:
        return []
    addresses = (re.sub(r"^s3[an]://", "s3://", uri) for uri in _URI.findall(value or ""))
    return [address for address in addresses if len(address.encode()) <= LONGEST_URI]


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
    version=2,
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
