"""What clients make themselves: artifacts, contexts, actions, experiments, trials, trial components, and their links.

SageMaker makes entities of the same sorts for its jobs, endpoints, packages and pipelines. Of those the resources speak
themselves, and what clients have added to them is read there.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import wraps
from typing import Any

import msgspec

from consumers import shapes
from consumers.kind import ResourceKind
from consumers.observe.describe_responses import DESCRIBED_BY
from consumers.observe.observation import kind_of
from consumers.resources.types import DescribeRequest, Lookup, Resource, instant, partition
from consumers.rules.experiments import experiment, trial
from consumers.rules.jobs import SUFFIXES, component_of
from consumers.rules.registry import artifact_of, metadata
from ingest.event import Malformed
from store.lineage import (
    CLIENT,
    MENTIONED,
    NAME_LIMIT,
    OWNER,
    REPORTED,
    Action,
    Artifact,
    Association,
    AssociationType,
    Context,
    Entity,
    Experiment,
    Lineage,
    Measured,
    Membership,
    Trial,
    TrialComponent,
    entity_name,
)

AnyResource = Resource[Any]
Said = Callable[[AnyResource, Lookup], Lineage]


def artifact_made(made: Resource[shapes.Artifact], _: Lookup) -> Lineage:
    """An artifact is what its source is: the one that jobs speak of too, if they do; its type is what its maker says.

    Source: CAPTURE B0 ("there can be only one artifact with a unique SourceUri"), documented.
    """
    # Who adds an association to what a job made tells what that is, and nothing else of it.
    one = None if gone(made) else _artifact(made, CLIENT if made.detail.artifact_type else MENTIONED)
    return Lineage((one,)) if one else Lineage()


def artifact_asks(made: Resource[shapes.Artifact], _: Lookup) -> Iterator[DescribeRequest]:
    """An artifact of which nobody tells the source can be no artifact of ours."""
    if not gone(made) and not made.detail.source.source_uri:
        yield DescribeRequest(made.arn, "DescribeArtifact")


def context_made(made: Resource[shapes.Context], _: Lookup) -> Lineage:
    """A context that a client made."""
    if gone(made):
        return Lineage()
    detail = made.detail
    name = made.named(detail.context_name)
    return Lineage(
        (
            Context(
                arn=made.arn,
                type=detail.context_type or "",
                name=name,
                source_uri=detail.source.source_uri or "",
                source_type=detail.source.source_type or "",
                source_id=detail.source.source_id or "",
                description=detail.description or "",
                created=made.created,
                modified=made.modified,
                properties=_texts(detail.properties),
                tags=made.tags,
                weight=_weight(name),
            ),
        )
    )


def action_made(made: Resource[shapes.Action], _: Lookup) -> Lineage:
    """An action that a client made."""
    if gone(made):
        return Lineage()
    detail = made.detail
    name = made.named(detail.action_name)
    return Lineage(
        (
            Action(
                arn=made.arn,
                type=detail.action_type or "",
                name=name,
                source_uri=detail.source.source_uri or "",
                source_type=detail.source.source_type or "",
                source_id=detail.source.source_id or "",
                status=detail.status or "",
                description=detail.description or "",
                created=made.created,
                modified=made.modified,
                properties=_texts(detail.properties),
                metadata=metadata(detail.metadata_properties),
                tags=made.tags,
                weight=_weight(name),
            ),
        )
    )


def experiment_made(made: Resource[shapes.Experiment], lookup: Lookup) -> Lineage:
    """An experiment that a client made; of a pipeline's, the pipeline speaks itself."""
    if gone(made):
        return Lineage()
    detail = made.detail
    name = made.named(detail.experiment_name)
    if _stands(pipeline_behind(made), lookup):
        return Lineage((experiment(made.partition, name, made.created, MENTIONED),))
    return Lineage(
        (
            Experiment(
                arn=made.arn,
                type=detail.source.source_type or "",
                name=name,
                source_uri=detail.source.source_arn or "",
                display_name=detail.display_name or "",
                description=detail.description or "",
                created=made.created,
                modified=made.modified,
                tags=made.tags,
                weight=_weight(name),
            ),
        )
    )


def experiment_refers(made: Resource[shapes.Experiment]) -> Iterator[str]:
    """An experiment reads the pipeline of its name, which speaks of it if there is one."""
    yield pipeline_behind(made)


def pipeline_behind(made: Resource[shapes.Experiment]) -> str:
    """The key of the pipeline that an experiment may stand for."""
    return made.sibling(ResourceKind.PIPELINE, made.tail)


def trial_made(made: Resource[shapes.Trial], lookup: Lookup) -> Lineage:
    """A trial that a client made, in its experiment; of a pipeline execution's, the execution speaks itself."""
    if gone(made):
        return Lineage()
    detail = made.detail
    name = made.named(detail.trial_name)
    itself: Trial = Trial(
        arn=made.arn,
        type=detail.source.source_type or "",
        name=name,
        source_uri=detail.source.source_arn or "",
        display_name=detail.display_name or "",
        experiment_name=detail.experiment_name or "",
        created=made.created,
        modified=made.modified,
        metadata=metadata(detail.metadata_properties),
        tags=made.tags,
        weight=_weight(name),
    )
    if detail.source.source_arn and _stands(detail.source.source_arn.lower(), lookup):
        itself = trial(made.partition, name, made.created, MENTIONED)
    if not detail.experiment_name:
        return Lineage((itself,))
    parent = experiment(made.partition, detail.experiment_name, made.created, MENTIONED)
    if _is_gone(parent.key, lookup):
        return Lineage((itself,))
    return Lineage((itself, parent), (), (Membership(parent.arn, itself.arn),))


def trial_refers(made: Resource[shapes.Trial]) -> Iterator[str]:
    """A trial reads its experiment, and what it stands for."""
    if made.detail.source.source_arn:
        yield made.detail.source.source_arn.lower()
    if made.detail.experiment_name:
        yield made.sibling(ResourceKind.EXPERIMENT, made.detail.experiment_name)


def component_made(made: Resource[shapes.TrialComponent], lookup: Lookup) -> Lineage:
    """A trial component that a client made; of a job's, the job speaks itself (`amended`) once it is known."""
    if gone(made):
        return Lineage()
    return Lineage((_job_component(made.arn, lookup) or _component(made),))


def component_refers(made: Resource[shapes.TrialComponent]) -> Iterator[str]:
    """A trial component reads the job that it may stand for."""
    if job := _job_of(made.arn):
        yield job[1]


def association_made(made: Resource[shapes.Association], lookup: Lookup) -> Lineage:
    """An association that a client added, between what its ARNs name.

    An artifact is known here by its source, so nothing is said before someone tells which that is.
    """
    if made.deleted:
        return Lineage()
    ends = [
        end(arn, made.created, lookup) if arn else None for arn in (made.detail.source_arn, made.detail.destination_arn)
    ]
    if ends[0] is None or ends[1] is None:
        return Lineage()
    type_ = _TYPES.get((made.detail.association_type or "").lower(), AssociationType.ASSOCIATED_WITH)
    return Lineage((ends[0], ends[1]), (Association(ends[0].arn, ends[1].arn, type_, made.created),))


def association_refers(made: Resource[shapes.Association]) -> Iterator[str]:
    """An association reads both its ends."""
    for arn in (made.detail.source_arn, made.detail.destination_arn):
        yield from end_refers(arn or "")


def association_asks(made: Resource[shapes.Association], lookup: Lookup) -> Iterator[DescribeRequest]:
    """An association asks what its ends are, where nobody has told."""
    if not made.deleted:
        for arn in (made.detail.source_arn, made.detail.destination_arn):
            if arn and not any(_stands(key, lookup) for key in end_refers(arn)):
                kind = kind_of(arn)
                operation = (
                    DESCRIBED_BY.get(kind) if kind and (kind == ResourceKind.ARTIFACT or kind in _ENTITIES) else None
                )
                if operation and not _AUTOMATIC.search(_tail(arn)):
                    yield DescribeRequest(arn, operation)


def membership_made(made: Resource[shapes.Membership], lookup: Lookup) -> Lineage:
    """A trial component that a client put into a trial."""
    both = membership_ends(made.detail, made.partition)
    if made.deleted or both is None:
        return Lineage()
    parent, child = (end(arn, made.created, lookup) for arn in both)
    if parent is None or child is None:
        return Lineage()
    return Lineage((parent, child), (), (Membership(parent.arn, child.arn),))


def membership_refers(made: Resource[shapes.Membership]) -> Iterator[str]:
    """A membership reads both its ends."""
    for arn in membership_ends(made.detail, made.partition) or ():
        yield from end_refers(arn)


def membership_ends(told: shapes.Membership, prefix: str) -> tuple[str, str] | None:
    """The ARNs of a trial and of a trial component, as they were told; None if one of the two was not."""
    found = []
    for kind, arn, name in (
        (ResourceKind.TRIAL, told.trial_arn, told.trial_name),
        (ResourceKind.TRIAL_COMPONENT, told.trial_component_arn, told.trial_component_name),
    ):
        if name and not name.startswith("arn:"):
            found.append(f"{partition(arn) if arn and arn.count(':') >= 5 else prefix}{kind}/{name}")
        elif arn or name:
            found.append(arn or name or "")
    return (found[0], found[1]) if len(found) == 2 else None


def end(arn: str, since: int, lookup: Lookup) -> Entity | None:
    """What an end of a link names: in passing, since those speak of it who made it.

    Returns:
        The entity; None where it was deleted, is no entity, or is an artifact of which nobody tells the source.
    """
    kind = kind_of(arn)
    if kind is None or _is_gone(arn.lower(), lookup):
        return None
    if kind == ResourceKind.ARTIFACT:
        made = lookup(arn.lower(), shapes.Artifact)
        return _artifact(made, MENTIONED) if made else None
    if kind == ResourceKind.TRIAL_COMPONENT and (component := _job_component(arn, lookup)):
        return component
    entity = _ENTITIES.get(kind)
    return entity(arn=arn, name=_tail(arn), created=since, weight=MENTIONED) if entity else None


def end_refers(arn: str) -> Iterator[str]:
    """The keys of what tells which entity an end of a link is."""
    kind = kind_of(arn)
    if kind == ResourceKind.ARTIFACT or kind in _ENTITIES:
        yield arn.lower()
    if kind == ResourceKind.TRIAL_COMPONENT and (job := _job_of(arn)):
        yield job[1]


def amended(rule: Said) -> Said:
    """The rule of a job to whose trial component a client may have added."""

    @wraps(rule)
    def say(job: AnyResource, lookup: Lookup) -> Lineage:
        said = rule(job, lookup)
        made = lookup(_component_key(job), shapes.TrialComponent)
        if made is None or gone(made):
            return said
        return msgspec.structs.replace(said, entities=tuple(_amended(one, made) for one in said.entities))

    return say


def amended_refers(refers: Callable[[AnyResource], Iterable[str]] | None = None) -> Callable[..., Iterator[str]]:
    """What such a job reads: what it read before, and its trial component as clients speak of it."""

    def read(job: AnyResource) -> Iterator[str]:
        if refers:
            yield from refers(job)
        yield _component_key(job)

    return read


def gone(made: AnyResource) -> bool:
    """True of what was deleted, or made anew under its name."""
    return made.deleted is not None or made.replaced is not None


# ------------------------------------------------------------------------------------------------------------ in parts


def _component_key(job: AnyResource) -> str:
    name = entity_name(job.tail, SUFFIXES[job.kind][0]).lower()
    return f"{job.partition}{ResourceKind.TRIAL_COMPONENT}/{name}"


def _amended(one: Entity, made: Resource[shapes.TrialComponent]) -> Entity:
    if not isinstance(one, TrialComponent) or one.weight != OWNER:
        return one
    theirs = _component(made)
    return msgspec.structs.replace(
        one,
        display_name=theirs.display_name or one.display_name,
        modified=max(theirs.modified or 0, one.modified or 0),
        parameters=one.parameters | theirs.parameters,
        metrics=theirs.metrics | one.metrics,
        inputs=one.inputs | theirs.inputs,
        outputs=one.outputs | theirs.outputs,
        metadata=one.metadata | theirs.metadata,
        tags=one.tags | theirs.tags,
    )


def _component(made: Resource[shapes.TrialComponent]) -> TrialComponent:
    detail = made.detail
    name = made.named(detail.trial_component_name)
    return TrialComponent(
        arn=made.arn,
        type=detail.source.source_type or "",
        name=name,
        source_uri=detail.source.source_arn or "",
        display_name=detail.display_name or "",
        status=detail.status.primary_status or "",
        message=detail.status.message or "",
        created=made.created,
        started=_time(detail.start_time),
        ended=_time(detail.end_time),
        modified=made.modified,
        parameters={
            key: (told.string_value, _finite(told.number_value))
            for key, told in detail.parameters.items()
            if told and (told.string_value is not None or _finite(told.number_value) is not None)
        },
        metrics={
            told.metric_name: _measured(told, last)
            for told in detail.metrics
            if told.metric_name and (last := _finite(told.last)) is not None
        }
        | made.measured,
        inputs=_values(detail.input_artifacts),
        outputs=_values(detail.output_artifacts),
        metadata=metadata(detail.metadata_properties),
        tags=made.tags,
        # A name that was cut short does not tell which job it is of.
        weight=REPORTED if len(name) >= NAME_LIMIT and _AUTOMATIC.search(name) else CLIENT,
    )


def _artifact(made: Resource[shapes.Artifact], weight: int) -> Artifact | None:
    bare = artifact_of(made)
    if bare is None or weight != CLIENT:
        return bare
    detail = made.detail
    return msgspec.structs.replace(
        bare,
        name=detail.artifact_name or "",
        modified=made.modified if made.modified > made.created else None,
        properties=_texts(detail.properties),
        metadata=metadata(detail.metadata_properties),
        tags=made.tags,
        weight=weight,
    )


def _job_of(component_arn: str) -> tuple[ResourceKind, str] | None:
    """The job that a trial component stands for, by its name: its kind and its key."""
    name = _tail(component_arn).lower()
    for kind, (suffix, _) in SUFFIXES.items():
        if name.endswith(f"-{suffix}") and len(name) < NAME_LIMIT:
            return kind, f"{partition(component_arn)}{kind}/{name.removesuffix(f'-{suffix}')}"
    return None


def _job_component(component_arn: str, lookup: Lookup) -> TrialComponent | None:
    """The trial component of a job that is known."""
    found = _job_of(component_arn)
    job = lookup(found[1], msgspec.Struct) if found else None
    return component_of(found[0], job.arn, job.tail, job.created, MENTIONED) if found and job else None


def _stands(key: str, lookup: Lookup) -> bool:
    return lookup(key, msgspec.Struct) is not None


def _is_gone(key: str, lookup: Lookup) -> bool:
    made = lookup(key, msgspec.Struct)
    return made is not None and gone(made)


def _weight(name: str) -> int:
    """What a client's word weighs: less than that of the resource which SageMaker made the entity for."""
    return REPORTED if _AUTOMATIC.search(name) else CLIENT


def _tail(arn: str) -> str:
    return arn.partition("/")[2]


def _texts(told: Mapping[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in told.items() if value is not None}


def _values(told: Mapping[str, shapes.ArtifactValue | None]) -> dict[str, tuple[str, str]]:
    return {name: (one.media_type or "", one.value) for name, one in told.items() if one and one.value}


def _measured(told: shapes.MetricSummary, last: float) -> Measured:
    time = _time(told.time_stamp)
    if (told.count or 1) == 1:
        return Measured(last, time)
    low, high, mean, deviation = map(_finite, (told.min, told.max, told.avg, told.std_dev))
    return Measured(last, time, low, high, mean, deviation, told.count)


def _finite(number: float | None) -> float | None:
    return number if number is not None and math.isfinite(number) else None


def _time(told: shapes.Time | None) -> int | None:
    """A time on which nothing depends: one that cannot be read is as one that is not told."""
    try:
        return instant(told)
    except Malformed:
        return None


_AUTOMATIC = re.compile(r"-aws-[a-z-]+$", re.IGNORECASE)
"""How the names end that SageMaker gives to what it makes (CAPTURE B1)."""
_TYPES = {type_.value.lower(): type_ for type_ in AssociationType}
_ENTITIES: Mapping[ResourceKind | None, type[Entity]] = {
    ResourceKind.CONTEXT: Context,
    ResourceKind.ACTION: Action,
    ResourceKind.EXPERIMENT: Experiment,
    ResourceKind.TRIAL: Trial,
    ResourceKind.TRIAL_COMPONENT: TrialComponent,
}
