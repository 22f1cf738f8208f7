"""Experiments, their trials, and the trial components in these."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from consumers.api import entity_views, preconditions
from consumers.api.errors import Invalid, NotFound, NothingToDo
from consumers.api.operations.contexts_actions import Sort, create, update
from consumers.api.operations.entity_lists import entries
from consumers.api.request import Answer, Asked, Row, Service, Writing
from store import associations, entity_records
from store.database import Transaction
from store.entity_records import Described

EXPERIMENT = Sort("Experiment", "experiment")
TRIAL = Sort("Trial", "experiment-trial")
COMPONENT = Sort("TrialComponent", "experiment-trial-component")


def describe_experiment(service: Service, asked: Asked) -> Answer:
    """Describe an experiment."""
    return service.store.read(lambda tx: entity_views.experiment(_there(tx, EXPERIMENT, asked)))


def delete_experiment(service: Service, asked: Asked) -> Answer:
    """Delete an experiment without trials."""
    return _delete_empty(EXPERIMENT, "trials", service, asked)


def list_experiments(service: Service, asked: Asked) -> Answer:
    """List experiments."""
    return entries(service, asked, "Experiment", "ExperimentSummaries", entity_views.experiment)


def create_trial(service: Service, asked: Asked) -> Answer:
    """Make a trial in an experiment."""
    name = asked.input["TrialName"]
    arn = asked.arn(TRIAL.part, name)

    def guard(writing: Writing) -> Mapping[str, Any]:
        preconditions.present(writing, asked.arn(EXPERIMENT.part, asked.input["ExperimentName"]), "Experiment")
        preconditions.absent(writing, arn, f"Trial with name ({name})")
        return {}

    return service.writer.write(asked, arn, {**asked.input, "TrialArn": arn}, guard)


def describe_trial(service: Service, asked: Asked) -> Answer:
    """Describe a trial."""

    def look(tx: Transaction) -> Answer:
        found = _there(tx, TRIAL, asked)
        return entity_views.trial(found, entity_records.experiment_of(tx, found.id))

    return service.store.read(look)


def delete_trial(service: Service, asked: Asked) -> Answer:
    """Delete a trial without trial components."""
    return _delete_empty(TRIAL, "trial components", service, asked)


def list_trials(service: Service, asked: Asked) -> Answer:
    """List trials: all, those of an experiment, or those that a trial component is in."""
    told = asked.input
    inside = _number(service, EXPERIMENT, asked) if "ExperimentName" in told else None
    holding = _number(service, COMPONENT, asked) if "TrialComponentName" in told else None
    return entries(service, asked, "Trial", "TrialSummaries", entity_views.trial, inside=inside, holding=holding)


def describe_component(service: Service, asked: Asked) -> Answer:
    """Describe a trial component."""

    def look(tx: Transaction) -> Answer:
        found = _there(tx, COMPONENT, asked)
        return entity_views.component(found, entity_records.parts(tx, [found.id], tagged=False))

    return service.store.read(look)


def delete_component(service: Service, asked: Asked) -> Answer:
    """Delete a trial component that is in no trial."""
    arn = asked.arn(COMPONENT.part, asked.input["TrialComponentName"])

    def guard(writing: Writing) -> Mapping[str, Any]:
        found = preconditions.present(writing, arn, "TrialComponent")
        kept = preconditions.deletable(writing, found)
        if entity_records.parents(writing.transaction, found.id):
            raise Invalid(f"TrialComponent '{arn}' is linked to 1 or more trials and cannot be deleted.")
        links = [pair for pair in associations.of(writing.transaction, found.id) if writing.linked(*pair)]
        return {**kept, "Associations": links}

    return service.writer.write(asked, arn, {}, guard)


def list_components(service: Service, asked: Asked) -> Answer:
    """List trial components: all, those of an experiment or a trial, or those that stand for a job."""
    told = asked.input
    given = [name for name in ("ExperimentName", "TrialName", "SourceArn") if name in told]
    if len(given) > 1:
        raise Invalid(f"Only one of ExperimentName, TrialName and SourceArn can be given, not {' and '.join(given)}.")
    inside = None
    if "ExperimentName" in told:
        inside = _number(service, EXPERIMENT, asked)
    elif "TrialName" in told:
        inside = _number(service, TRIAL, asked)
    return entries(
        service,
        asked,
        "TrialComponent",
        "TrialComponentSummaries",
        entity_views.component,
        inside=inside,
        source_arn=told.get("SourceArn"),
    )


def associate(service: Service, asked: Asked) -> Answer:
    """Put a trial component into a trial; one that is there stays there."""
    trial, component = _both(asked)

    def guard(writing: Writing) -> Mapping[str, Any]:
        parent = preconditions.present(writing, trial, "Trial")
        child = preconditions.present(writing, component, "TrialComponent")
        if entity_records.is_inside(writing.transaction, parent.id, child.id):
            raise NothingToDo
        return {}

    return _place(service, asked, trial, component, guard)


def disassociate(service: Service, asked: Asked) -> Answer:
    """Take a trial component out of a trial; one that is not there stays out."""
    trial, component = _both(asked)

    def guard(writing: Writing) -> Mapping[str, Any]:
        tx = writing.transaction
        parent, child = entity_records.find(tx, trial), entity_records.find(tx, component)
        if parent is None or child is None or not entity_records.is_inside(tx, parent.id, child.id):
            raise NothingToDo
        if not writing.placed(trial, component):
            raise Invalid(
                f"Trial component '{component}' is in '{trial}' by what events tell of "
                f"{child.source_uri or 'it'}, and would be put there again: only what a client put there is taken out"
            )
        return {}

    return _place(service, asked, trial, component, guard)


def _place(service: Service, asked: Asked, trial: str, component: str, guard: Any) -> Answer:
    both = {"TrialArn": trial, "TrialComponentArn": component}
    with suppress(NothingToDo):
        service.writer.write(asked, trial, both, guard)
    return both


def _both(asked: Asked) -> tuple[str, str]:
    return (
        asked.arn(TRIAL.part, asked.input["TrialName"]),
        asked.arn(COMPONENT.part, asked.input["TrialComponentName"]),
    )


def _there(tx: Transaction, sort: Sort, asked: Asked) -> Described:
    arn = asked.arn(sort.part, asked.input[f"{sort.lineage_type}Name"])
    found = entity_records.find(tx, arn)
    if found is None or found.lineage_type != sort.lineage_type:
        raise NotFound(f"{preconditions.WORDS[sort.lineage_type]} '{arn}' does not exist.")
    return found


def _number(service: Service, sort: Sort, asked: Asked) -> int:
    return service.store.read(lambda tx: _there(tx, sort, asked).id)


def _delete_empty(sort: Sort, of_what: str, service: Service, asked: Asked) -> Answer:
    arn = asked.arn(sort.part, asked.input[f"{sort.lineage_type}Name"])

    def guard(writing: Writing) -> Mapping[str, Any]:
        found = preconditions.present(writing, arn, sort.lineage_type)
        kept = preconditions.deletable(writing, found)
        if number := entity_records.children(writing.transaction, found.id):
            raise Invalid(f"{sort.lineage_type} '{arn}' has {number} {of_what} and cannot be deleted.")
        return kept

    return service.writer.write(asked, arn, {}, guard)


_DERIVED = "What events derive says what they tell, and is neither changed nor deleted."
_AMENDED = "What clients add to a job's trial component is kept beside what its events tell."

OPERATIONS: Mapping[str, Row] = {
    "CreateExperiment": Row(partial(create, EXPERIMENT), writes=True),
    "DescribeExperiment": Row(describe_experiment),
    "UpdateExperiment": Row(partial(update, EXPERIMENT), writes=True, differs=_DERIVED),
    "DeleteExperiment": Row(delete_experiment, writes=True, differs=_DERIVED),
    "ListExperiments": Row(list_experiments),
    "CreateTrial": Row(create_trial, writes=True),
    "DescribeTrial": Row(describe_trial),
    "UpdateTrial": Row(partial(update, TRIAL), writes=True, differs=_DERIVED),
    "DeleteTrial": Row(delete_trial, writes=True, differs=_DERIVED),
    "ListTrials": Row(list_trials),
    "CreateTrialComponent": Row(partial(create, COMPONENT), writes=True),
    "DescribeTrialComponent": Row(describe_component),
    "UpdateTrialComponent": Row(partial(update, COMPONENT), writes=True, differs=_AMENDED),
    "DeleteTrialComponent": Row(delete_component, writes=True, differs=_DERIVED),
    "ListTrialComponents": Row(list_components),
    "AssociateTrialComponent": Row(associate, writes=True),
    "DisassociateTrialComponent": Row(
        disassociate, writes=True, differs="A job stays in the trial that its events tell."
    ),
}
"""How experiments are asked for."""
