"""Experiments, their trials, and the trial components in these."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from consumers.api import entity_views, preconditions
from consumers.api.client_writes import StoreView
from consumers.api.errors import Invalid, NotFound, NothingToDo
from consumers.api.operations.contexts_actions import Sort, create, update
from consumers.api.operations.entity_lists import entries
from consumers.api.request import Request, Response
from consumers.api.service import Operation, Service
from store import associations, entity_records
from store.database import Transaction
from store.entity_records import Described

EXPERIMENT = Sort("Experiment", "experiment")
TRIAL = Sort("Trial", "experiment-trial")
COMPONENT = Sort("TrialComponent", "experiment-trial-component")


def describe_experiment(service: Service, request: Request) -> Response:
    """Describe an experiment."""
    return service.store.read(lambda tx: entity_views.experiment(_there(tx, EXPERIMENT, request)))


def delete_experiment(service: Service, request: Request) -> Response:
    """Delete an experiment without trials."""
    return _delete_empty(EXPERIMENT, "trials", service, request)


def list_experiments(service: Service, request: Request) -> Response:
    """List experiments."""
    return entries(service, request, "Experiment", "ExperimentSummaries", entity_views.experiment)


def create_trial(service: Service, request: Request) -> Response:
    """Make a trial in an experiment."""
    name = request.input["TrialName"]
    arn = request.arn(TRIAL.part, name)

    def guard(view: StoreView) -> Mapping[str, Any]:
        preconditions.present(view, request.arn(EXPERIMENT.part, request.input["ExperimentName"]), "Experiment")
        preconditions.absent(view, arn, f"Trial with name ({name})")
        return {}

    return service.writer.write(request, arn, {**request.input, "TrialArn": arn}, guard)


def describe_trial(service: Service, request: Request) -> Response:
    """Describe a trial."""

    def look(tx: Transaction) -> Response:
        found = _there(tx, TRIAL, request)
        return entity_views.trial(found, entity_records.experiment_of(tx, found.id))

    return service.store.read(look)


def delete_trial(service: Service, request: Request) -> Response:
    """Delete a trial without trial components."""
    return _delete_empty(TRIAL, "trial components", service, request)


def list_trials(service: Service, request: Request) -> Response:
    """List trials: all, those of an experiment, or those that a trial component is in."""
    told = request.input
    inside = _number(service, EXPERIMENT, request) if "ExperimentName" in told else None
    holding = _number(service, COMPONENT, request) if "TrialComponentName" in told else None
    return entries(service, request, "Trial", "TrialSummaries", entity_views.trial, inside=inside, holding=holding)


def describe_component(service: Service, request: Request) -> Response:
    """Describe a trial component."""

    def look(tx: Transaction) -> Response:
        found = _there(tx, COMPONENT, request)
        return entity_views.component(found, entity_records.parts(tx, [found.id], tagged=False))

    return service.store.read(look)


def delete_component(service: Service, request: Request) -> Response:
    """Delete a trial component that is in no trial."""
    arn = request.arn(COMPONENT.part, request.input["TrialComponentName"])

    def guard(view: StoreView) -> Mapping[str, Any]:
        found = preconditions.present(view, arn, "TrialComponent")
        kept = preconditions.deletable(view, found)
        if entity_records.parents(view.transaction, found.id):
            raise Invalid(f"TrialComponent '{arn}' is linked to 1 or more trials and cannot be deleted.")
        links = [pair for pair in associations.of(view.transaction, found.id) if view.is_linked_by_client(*pair)]
        return {**kept, "Associations": links}

    return service.writer.write(request, arn, {}, guard)


def list_components(service: Service, request: Request) -> Response:
    """List trial components: all, those of an experiment or a trial, or those that stand for a job."""
    told = request.input
    given = [name for name in ("ExperimentName", "TrialName", "SourceArn") if name in told]
    if len(given) > 1:
        raise Invalid(f"Only one of ExperimentName, TrialName and SourceArn can be given, not {' and '.join(given)}.")
    inside = None
    if "ExperimentName" in told:
        inside = _number(service, EXPERIMENT, request)
    elif "TrialName" in told:
        inside = _number(service, TRIAL, request)
    return entries(
        service,
        request,
        "TrialComponent",
        "TrialComponentSummaries",
        entity_views.component,
        inside=inside,
        source_arn=told.get("SourceArn"),
    )


def associate(service: Service, request: Request) -> Response:
    """Put a trial component into a trial; one that is there stays there."""
    trial, component = _both(request)

    def guard(view: StoreView) -> Mapping[str, Any]:
        parent = preconditions.present(view, trial, "Trial")
        child = preconditions.present(view, component, "TrialComponent")
        if entity_records.is_inside(view.transaction, parent.id, child.id):
            raise NothingToDo
        return {}

    return _place(service, request, trial, component, guard)


def disassociate(service: Service, request: Request) -> Response:
    """Take a trial component out of a trial; one that is not there stays out."""
    trial, component = _both(request)

    def guard(view: StoreView) -> Mapping[str, Any]:
        tx = view.transaction
        parent, child = entity_records.find(tx, trial), entity_records.find(tx, component)
        if parent is None or child is None or not entity_records.is_inside(tx, parent.id, child.id):
            raise NothingToDo
        if not view.is_put_in_trial_by_client(trial, component):
            raise Invalid(
                f"Trial component '{component}' is in '{trial}' by what events tell of "
                f"{child.source_uri or 'it'}, and would be put there again: only what a client put there is taken out"
            )
        return {}

    return _place(service, request, trial, component, guard)


def _place(service: Service, request: Request, trial: str, component: str, guard: Any) -> Response:
    both = {"TrialArn": trial, "TrialComponentArn": component}
    with suppress(NothingToDo):
        service.writer.write(request, trial, both, guard)
    return both


def _both(request: Request) -> tuple[str, str]:
    return (
        request.arn(TRIAL.part, request.input["TrialName"]),
        request.arn(COMPONENT.part, request.input["TrialComponentName"]),
    )


def _there(tx: Transaction, sort: Sort, request: Request) -> Described:
    arn = request.arn(sort.part, request.input[f"{sort.lineage_type}Name"])
    found = entity_records.find(tx, arn)
    if found is None or found.lineage_type != sort.lineage_type:
        raise NotFound(f"{preconditions.WORDS[sort.lineage_type]} '{arn}' does not exist.")
    return found


def _number(service: Service, sort: Sort, request: Request) -> int:
    return service.store.read(lambda tx: _there(tx, sort, request).id)


def _delete_empty(sort: Sort, of_what: str, service: Service, request: Request) -> Response:
    arn = request.arn(sort.part, request.input[f"{sort.lineage_type}Name"])

    def guard(view: StoreView) -> Mapping[str, Any]:
        found = preconditions.present(view, arn, sort.lineage_type)
        kept = preconditions.deletable(view, found)
        if number := entity_records.children(view.transaction, found.id):
            raise Invalid(f"{sort.lineage_type} '{arn}' has {number} {of_what} and cannot be deleted.")
        return kept

    return service.writer.write(request, arn, {}, guard)


_DERIVED = "What events derive says what they tell, and is neither changed nor deleted."
_AMENDED = "What clients add to a job's trial component is kept beside what its events tell."

OPERATIONS: Mapping[str, Operation] = {
    "CreateExperiment": Operation(partial(create, EXPERIMENT), writes=True),
    "DescribeExperiment": Operation(describe_experiment),
    "UpdateExperiment": Operation(partial(update, EXPERIMENT), writes=True, differs=_DERIVED),
    "DeleteExperiment": Operation(delete_experiment, writes=True, differs=_DERIVED),
    "ListExperiments": Operation(list_experiments),
    "CreateTrial": Operation(create_trial, writes=True),
    "DescribeTrial": Operation(describe_trial),
    "UpdateTrial": Operation(partial(update, TRIAL), writes=True, differs=_DERIVED),
    "DeleteTrial": Operation(delete_trial, writes=True, differs=_DERIVED),
    "ListTrials": Operation(list_trials),
    "CreateTrialComponent": Operation(partial(create, COMPONENT), writes=True),
    "DescribeTrialComponent": Operation(describe_component),
    "UpdateTrialComponent": Operation(partial(update, COMPONENT), writes=True, differs=_AMENDED),
    "DeleteTrialComponent": Operation(delete_component, writes=True, differs=_DERIVED),
    "ListTrialComponents": Operation(list_components),
    "AssociateTrialComponent": Operation(associate, writes=True),
    "DisassociateTrialComponent": Operation(
        disassociate, writes=True, differs="A job stays in the trial that its events tell."
    ),
}
"""How experiments are asked for."""
