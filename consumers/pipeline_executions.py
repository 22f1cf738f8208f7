"""Pipeline executions for people: their state, their parameters, and their steps in the order of time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from consumers.resources import pipeline_execution, pipeline_step
from consumers.resources.experiments import pipeline_names
from consumers.resources.fields import instant, read
from consumers.resources.pipeline_execution import execution_end
from consumers.resources.pipeline_step import step_key
from consumers.resources.spelling import is_map
from consumers.state import Field, ResourceState, decode, detail, incarnations
from store.database import Store, Transaction
from store.resources import load, with_prefix


class Step(msgspec.Struct, frozen=True):
    """A step of an execution.

    Attributes:
        name: Its name.
        type: What it does: `Training`, `Condition` ...; empty where that is not reported.
        status: How far it is, or how it ended.
        started: In epoch milliseconds, or None where that is not reported; `ended` likewise.
        attempts: How often it was tried, as far as that is reported.
        made: The ARN of what it made or called, or of what the earlier execution made; empty if nothing.
        earlier: What it made at earlier attempts.
        cached_from: The execution whose result it took over from the cache; empty if none.
        reused_from: The execution whose result it took over since it was not selected; empty if none.
        details: What else its metadata contain: the outcome of a condition, a callback's queue, a cluster's id ...
        failure: Why it failed.
        earlier_failure: Why the attempt before this one failed, as far as nothing later failed.
    """

    name: str
    type: str
    status: str
    started: int | None
    ended: int | None
    attempts: int | None
    made: str
    earlier: tuple[str, ...]
    cached_from: str
    reused_from: str
    details: dict[str, str]
    failure: str
    earlier_failure: str


class Execution(msgspec.Struct, frozen=True):
    """An execution of a pipeline.

    Attributes:
        arn: Its ARN.
        pipeline: The pipeline's name.
        name: Its display name, or empty.
        description: What it was described as.
        status: How far it is, or how it ended.
        started: In epoch milliseconds, or None where that is not reported; `ended` likewise.
        started_by: Who started it.
        failure: Why it failed.
        parameters: What it was started with.
        steps: In the order of time.
    """

    arn: str
    pipeline: str
    name: str
    description: str
    status: str
    started: int | None
    ended: int | None
    started_by: str
    failure: str
    parameters: dict[str, str]
    steps: tuple[Step, ...]


def execution(store: Store, arn: str) -> Execution | None:
    """An execution and its steps as the store has them, or None if it has none."""

    def look(tx: Transaction) -> Execution | None:
        row = load(tx, [arn.lower()]).get(arn.lower())
        if row is None or row.state is None:
            return None
        known = steps_of(tx, arn)
        both = zip(map(_step, known), map(_step, made_by(tx, known)), strict=True)
        steps = [msgspec.structs.replace(step, made=maker.made) for step, maker in both]
        whole = decode(tx.packer.unpack(row.state))
        return _execution(whole, sorted(steps, key=lambda step: (step.started or 0, step.name)))

    return store.read(look)


def steps_of(tx: Transaction, execution_arn: str) -> list[ResourceState]:
    """The states of an execution's steps."""
    rows = with_prefix(tx, f"{execution_arn.lower()}/step/")
    return [decode(tx.packer.unpack(row.state)) for row in rows if row.state]


def made_by(tx: Transaction, steps: Sequence[ResourceState]) -> list[ResourceState]:
    """For each step the one that made its result: itself, or that of the earlier execution whose result it took over.

    As far back as the store reaches; one read for all steps, and one for each time that results were taken over.
    """
    makers = list(steps)
    seen: list[set[str]] = [set() for _ in steps]
    while earlier := {
        position: key
        for position, maker in enumerate(makers)
        if (key := _took_over(maker)) and key not in seen[position]
    }:
        rows = load(tx, set(earlier.values()))
        for position, key in earlier.items():
            seen[position].add(key)
            if key in rows and (known := rows[key].state):
                makers[position] = decode(tx.packer.unpack(known))
    return makers


def _took_over(known: ResourceState) -> str:
    """The key of the earlier execution's step whose result a step took over; empty if it made its own."""
    step = _step(known)
    source = step.cached_from or step.reused_from
    return step_key(source, step.name).lower() if source and not step.made else ""


def _execution(known: ResourceState, steps: list[Step]) -> Execution:
    newest = pipeline_execution.TYPE.resources(known)[-1]
    found = newest.detail
    return Execution(
        arn=newest.arn,
        pipeline=(pipeline_names(newest.arn) or ("", ""))[0],
        name=found.pipeline_execution_display_name or "",
        description=found.pipeline_execution_description or "",
        status=found.current_pipeline_execution_status or "",
        started=instant(found.execution_start_time) or instant(found.creation_time),
        ended=execution_end(found),
        started_by=newest.created_by,
        failure=found.failure_reason or "",
        parameters={one.name: one.value or "" for one in found.pipeline_parameters},
        steps=tuple(steps),
    )


def _step(known: ResourceState) -> Step:
    newest = pipeline_step.TYPE.resources(known)[-1]
    found = newest.detail
    kind, metadata = next(iter(_metadata(known).items()), ("", {}))
    made = next((metadata[name] for name in ("arn", "checkJobArn") if isinstance(metadata.get(name), str)), "")
    attempts = {arn for change in newest.changes for arn in change.values}
    earlier = pipeline_step.ATTEMPT.earlier(incarnations(known)[-1][1])
    return Step(
        name=found.step_name or "",
        type=found.step_type or (kind[:1].upper() + kind[1:]).removesuffix("Job"),
        status=found.current_step_status or "",
        started=instant(found.step_start_time),
        ended=instant(found.step_end_time),
        attempts=_attempts(found.attempt_count, earlier.get("attemptCount"), len(attempts)),
        made=made,
        earlier=tuple(sorted(attempts - {made})),
        cached_from=found.cache_hit_result.source_pipeline_execution_arn or "",
        reused_from=found.selective_execution_result.source_pipeline_execution_arn or "",
        details={name: value for name, value in _flat(metadata) if value != made},
        failure=found.failure_reason or "",
        earlier_failure=str(msgspec.json.decode(earlier["failureReason"][1])) if "failureReason" in earlier else "",
    )


def _attempts(reported: float | None, earlier: Field | None, made: int) -> int | None:
    """How often a step was tried, at least: as reported, or once more than was reported before that."""
    if reported:
        return int(reported)
    before = msgspec.json.decode(earlier[1]) if earlier else 0
    return max(made, int(before) + 1 if isinstance(before, int | float) and before else 0) or None


class _Metadata(msgspec.Struct, frozen=True):
    """A step's metadata, whatever its type is."""

    metadata: dict[str, Any] = {}


_decoder = msgspec.json.Decoder(_Metadata)


def _metadata(known: ResourceState) -> Mapping[str, Mapping[str, Any]]:
    _, incarnation = incarnations(known)[-1]
    metadata = read(detail(pipeline_step.TYPE.current(incarnation)), _decoder).metadata
    return {kind: inner for kind, inner in metadata.items() if isinstance(inner, dict) and inner}


def _flat(value: Any, name: str = "", *, listed: bool = False) -> Iterator[tuple[str, str]]:
    """Plain values with their names; the pairs of a list of {name, value} by their own.

    Keys of a map come after the map's name: two maps may share them.
    """
    if isinstance(value, dict):
        if listed and value.keys() == {"name", "value"}:
            yield from _flat(value["value"], str(value["name"]))
            return
        within = f"{name}." if is_map(name) else ""
        for key, inner in value.items():
            yield from _flat(inner, f"{within}{key}")
    elif isinstance(value, list):
        for inner in value:
            yield from _flat(inner, name, listed=True)
    elif value is not None and value != "":
        yield name, value if isinstance(value, str) else msgspec.json.encode(value).decode()
