"""Experiments and trials that clients make."""

from __future__ import annotations

from collections.abc import Iterator

from consumers.arns import kind_of
from consumers.kind import EXPERIMENT, MEMBERSHIP, PIPELINE, TRIAL, TRIAL_COMPONENT
from consumers.resources.calls import JsonObject, creates, deletes, updates
from consumers.resources.client_entities import is_gone, is_known, weight_of
from consumers.resources.descriptions import TAGS, Described, Description, described, items
from consumers.resources.experiments import experiment, trial
from consumers.resources.fields import Fields, MetadataProperties, Name, Tags, Time, Uri
from consumers.resources.types import Lookup, Resource, ResourceType
from consumers.state import DELETED
from ingest.sagemaker_operations import ListOperation, called_by_name
from store.lineage import (
    MENTIONED,
    Experiment,
    Lineage,
    Membership,
    Trial,
)


class Origin(Fields, frozen=True):
    """What SageMaker made an experiment, a trial or a trial component for; those that clients make have none."""

    source_arn: Uri | None = None
    source_type: Name | None = None


class ClientExperiment(Fields, frozen=True):
    """An experiment, as DescribeExperiment shows it."""

    experiment_arn: Uri | None = None
    experiment_name: Name | None = None
    display_name: Name | None = None
    description: str | None = None
    source: Origin = Origin()
    tags: Tags = None
    creation_time: Time | None = None
    last_modified_time: Time | None = None


class ClientTrial(Fields, frozen=True):
    """A trial, as DescribeTrial shows it."""

    trial_arn: Uri | None = None
    trial_name: Name | None = None
    experiment_name: Name | None = None
    display_name: Name | None = None
    source: Origin = Origin()
    metadata_properties: MetadataProperties = MetadataProperties()
    tags: Tags = None
    creation_time: Time | None = None
    last_modified_time: Time | None = None


def _experiment_lineage(made: Resource[ClientExperiment], lookup: Lookup) -> Lineage:
    """An experiment that a client made; that of a pipeline is derived from the pipeline."""
    if made.gone:
        return Lineage()
    detail = made.detail
    if is_known(pipeline_behind(made), lookup):
        return Lineage((experiment(made.arn_prefix, made.name, made.created, MENTIONED),))
    return Lineage(
        (
            Experiment(
                arn=made.arn,
                type=detail.source.source_type or "",
                name=made.name,
                source_uri=detail.source.source_arn or "",
                display_name=detail.display_name or "",
                description=detail.description or "",
                created=made.created,
                modified=made.modified,
                tags=made.tags,
                weight=weight_of(made.name),
            ),
        )
    )


def _experiment_references(made: Resource[ClientExperiment]) -> Iterator[str]:
    """An experiment references the pipeline of its name, from which it is derived if there is one."""
    yield pipeline_behind(made)


def pipeline_behind(made: Resource[ClientExperiment]) -> str:
    """The key of the pipeline that an experiment may stand for."""
    return made.key_beside(PIPELINE, made.tail)


def _trial_lineage(made: Resource[ClientTrial], lookup: Lookup) -> Lineage:
    """A trial that a client made, in its experiment; that of a pipeline execution is derived from the execution."""
    if made.gone:
        return Lineage()
    detail = made.detail
    itself: Trial = Trial(
        arn=made.arn,
        type=detail.source.source_type or "",
        name=made.name,
        source_uri=detail.source.source_arn or "",
        display_name=detail.display_name or "",
        experiment_name=detail.experiment_name or "",
        created=made.created,
        modified=made.modified,
        metadata=detail.metadata_properties.as_map(),
        tags=made.tags,
        weight=weight_of(made.name),
    )
    if detail.source.source_arn and is_known(detail.source.source_arn.lower(), lookup):
        itself = trial(made.arn_prefix, made.name, made.created, MENTIONED)
    if not detail.experiment_name:
        return Lineage((itself,))
    parent = experiment(made.arn_prefix, detail.experiment_name, made.created, MENTIONED)
    if is_gone(parent.key, lookup):
        return Lineage((itself,))
    return Lineage((itself, parent), (), (Membership(parent.arn, itself.arn),))


def _trial_references(made: Resource[ClientTrial]) -> Iterator[str]:
    """A trial references its experiment, and the resource that it stands for."""
    if made.detail.source.source_arn:
        yield made.detail.source.source_arn.lower()
    if made.detail.experiment_name:
        yield made.key_beside(EXPERIMENT, made.detail.experiment_name)


def _members(response: JsonObject, arns: tuple[str, ...]) -> Iterator[Described]:
    """The trial components in a trial, and what the list says of them."""
    trial = next((arn for arn in arns if kind_of(arn) == TRIAL), None)
    if trial is None:
        return
    for item in items(response, "TrialComponentSummaries"):
        arn, name = item.get("TrialComponentArn"), item.get("TrialComponentName")
        both = {"TrialArn": trial, "TrialComponentArn": arn, "TrialComponentName": name}
        yield Described(MEMBERSHIP, {**both, DELETED: 0})
        yield Described(TRIAL_COMPONENT, {**item, "Source": item.get("TrialComponentSource")})


EXPERIMENT_TYPE = ResourceType(
    kind=EXPERIMENT,
    name="experiment",
    mark="documented",
    fields=ClientExperiment,
    lineage=_experiment_lineage,
    references=_experiment_references,
    arn_field="experiment_arn",
    name_field="experiment_name",
    calls={"CreateExperiment": creates(), "UpdateExperiment": updates(), "DeleteExperiment": deletes()},
    described_by=described("Experiment"),
    further_descriptions=(TAGS,),
    listed_by=ListOperation(
        "ListExperiments", "ExperimentSummaries", "ExperimentArn", "ExperimentName", after="CreatedAfter"
    ),
)


TRIAL_TYPE = ResourceType(
    kind=TRIAL,
    name="trial",
    mark="documented",
    version=2,
    fields=ClientTrial,
    lineage=_trial_lineage,
    references=_trial_references,
    arn_field="trial_arn",
    name_field="trial_name",
    calls={"CreateTrial": creates(), "UpdateTrial": updates(), "DeleteTrial": deletes()},
    described_by=described("Trial"),
    further_descriptions=(  # no Describe says which components are in a trial
        Description(
            called_by_name(
                "ListTrialComponents", "TrialName", "TrialComponentSummaries", "TrialComponentArn", lists=True
            ),
            _members,
        ),
        TAGS,
    ),
    listed_by=ListOperation("ListTrials", "TrialSummaries", "TrialArn", "TrialName", after="CreatedAfter"),
)
