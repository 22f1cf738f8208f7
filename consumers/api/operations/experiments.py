"""Experiments, their trials, and the trial components of these."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from consumers.api import entity_views, preconditions
from consumers.api.client_writes import StoreView
from consumers.api.errors import Invalid, NotFound, NothingToDo
from consumers.api.operations.contexts_actions import DERIVED, NamedEntity, create, update
from consumers.api.operations.entity_lists import entity_page
from consumers.api.request import Request, Response
from consumers.api.service import Operation, Service
from store import associations, entity_records
from store.database import Transaction
from store.entity_records import EntityRecord

EXPERIMENT = NamedEntity("Experiment", "experiment")
TRIAL = NamedEntity("Trial", "experiment-trial")
COMPONENT = NamedEntity("TrialComponent", "experiment-trial-component")


def describe_experiment(service: Service, request: Request) -> Response:
    """Describe an experiment."""
    return service.store.read(lambda tx: entity_views.experiment(_existing(tx, EXPERIMENT, request)))


def delete_experiment(service: Service, request: Request) -> Response:
    """Delete an experiment without trials."""
    return _delete_empty(EXPERIMENT, "trials", service, request)


def list_experiments(service: Service, request: Request) -> Response:
    """List experiments."""
    return entity_page(service, request, "Experiment", "ExperimentSummaries", entity_views.experiment)


def create_trial(service: Service, request: Request) -> Response:
    """Create a trial in an experiment."""
    arn, name = TRIAL.arn(request), request.input["TrialName"]

    def guard(view: StoreView) -> Mapping[str, Any]:
        preconditions.existing(view, EXPERIMENT.arn(request), "Experiment")
        preconditions.check_absent(view, arn, f"Trial with name ({name})")
        return {}

    return service.writer.write(request, arn, {**request.input, "TrialArn": arn}, guard)


def describe_trial(service: Service, request: Request) -> Response:
    """Describe a trial."""

    def read(tx: Transaction) -> Response:
        found = _existing(tx, TRIAL, request)
        return entity_views.trial(found, entity_records.experiment_of(tx, found.id))

    return service.store.read(read)


def delete_trial(service: Service, request: Request) -> Response:
    """Delete a trial without trial components."""
    return _delete_empty(TRIAL, "trial components", service, request)


def list_trials(service: Service, request: Request) -> Response:
    """List trials: all, those of an experiment, or those of a trial component."""
    inside = _id(service, EXPERIMENT, request) if "ExperimentName" in request.input else None
    holding = _id(service, COMPONENT, request) if "TrialComponentName" in request.input else None
    return entity_page(service, request, "Trial", "TrialSummaries", entity_views.trial, inside=inside, holding=holding)


def describe_component(service: Service, request: Request) -> Response:
    """Describe a trial component."""

    def read(tx: Transaction) -> Response:
        found = _existing(tx, COMPONENT, request)
        return entity_views.component(found, entity_records.parts(tx, [found.id], tagged=False))

    return service.store.read(read)


def delete_component(service: Service, request: Request) -> Response:
    """Delete a trial component that is in no trial."""
    arn = COMPONENT.arn(request)

    def guard(view: StoreView) -> Mapping[str, Any]:
        found = preconditions.existing(view, arn, "TrialComponent")
        recorded = preconditions.check_deletable(view, found)
        if entity_records.parents(view.transaction, found.id):
            raise Invalid(f"TrialComponent '{arn}' is linked to 1 or more trials and cannot be deleted.")
        links = [pair for pair in associations.of(view.transaction, found.id) if view.is_linked_by_client(*pair)]
        return {**recorded, "Associations": links}

    return service.writer.write(request, arn, {}, guard)


def list_components(service: Service, request: Request) -> Response:
    """List trial components: all, those of an experiment or a trial, or those of a job."""
    members = request.input
    given = [name for name in ("ExperimentName", "TrialName", "SourceArn") if name in members]
    if len(given) > 1:
        raise Invalid(f"Only one of ExperimentName, TrialName and SourceArn can be given, not {' and '.join(given)}.")
    inside = None
    if "ExperimentName" in members:
        inside = _id(service, EXPERIMENT, request)
    elif "TrialName" in members:
        inside = _id(service, TRIAL, request)
    return entity_page(
        service,
        request,
        "TrialComponent",
        "TrialComponentSummaries",
        entity_views.component,
        inside=inside,
        source_arn=members.get("SourceArn"),
    )


def associate(service: Service, request: Request) -> Response:
    """Put a trial component into a trial; one that is in it stays there."""
    trial, component = TRIAL.arn(request), COMPONENT.arn(request)

    def guard(view: StoreView) -> Mapping[str, Any]:
        parent = preconditions.existing(view, trial, "Trial")
        child = preconditions.existing(view, component, "TrialComponent")
        if entity_records.is_inside(view.transaction, parent.id, child.id):
            raise NothingToDo
        return {}

    return _write_membership(service, request, trial, component, guard)


def disassociate(service: Service, request: Request) -> Response:
    """Take a trial component out of a trial; nothing happens if it is not in it."""
    trial, component = TRIAL.arn(request), COMPONENT.arn(request)

    def guard(view: StoreView) -> Mapping[str, Any]:
        tx = view.transaction
        parent, child = entity_records.find(tx, trial), entity_records.find(tx, component)
        if parent is None or child is None or not entity_records.is_inside(tx, parent.id, child.id):
            raise NothingToDo
        if not view.is_put_in_trial_by_client(trial, component):
            raise Invalid(
                f"Trial component '{component}' is in '{trial}' by the events of {child.source_uri or 'its job'}, and "
                "would be put there again: only what a client put there can be taken out"
            )
        return {}

    return _write_membership(service, request, trial, component, guard)


def _write_membership(service: Service, request: Request, trial: str, component: str, guard: Any) -> Response:
    arns = {"TrialArn": trial, "TrialComponentArn": component}
    with suppress(NothingToDo):
        service.writer.write(request, trial, arns, guard)
    return arns


def _existing(tx: Transaction, entity: NamedEntity, request: Request) -> EntityRecord:
    arn = entity.arn(request)
    found = entity_records.find(tx, arn)
    if found is None or found.lineage_type != entity.lineage_type:
        raise NotFound(f"{preconditions.NAMES[entity.lineage_type]} '{arn}' does not exist.")
    return found


def _id(service: Service, entity: NamedEntity, request: Request) -> int:
    return service.store.read(lambda tx: _existing(tx, entity, request).id)


def _delete_empty(entity: NamedEntity, children: str, service: Service, request: Request) -> Response:
    arn = entity.arn(request)

    def guard(view: StoreView) -> Mapping[str, Any]:
        found = preconditions.existing(view, arn, entity.lineage_type)
        recorded = preconditions.check_deletable(view, found)
        if number := entity_records.children(view.transaction, found.id):
            raise Invalid(f"{entity.lineage_type} '{arn}' has {number} {children} and cannot be deleted.")
        return recorded

    return service.writer.write(request, arn, {}, guard)


_AMENDED = "What clients add to a job's trial component is kept beside what its events report."

OPERATIONS: Mapping[str, Operation] = {
    "CreateExperiment": Operation(partial(create, EXPERIMENT), writes=True),
    "DescribeExperiment": Operation(describe_experiment),
    "UpdateExperiment": Operation(partial(update, EXPERIMENT), writes=True, differs=DERIVED),
    "DeleteExperiment": Operation(delete_experiment, writes=True, differs=DERIVED),
    "ListExperiments": Operation(list_experiments),
    "CreateTrial": Operation(create_trial, writes=True),
    "DescribeTrial": Operation(describe_trial),
    "UpdateTrial": Operation(partial(update, TRIAL), writes=True, differs=DERIVED),
    "DeleteTrial": Operation(delete_trial, writes=True, differs=DERIVED),
    "ListTrials": Operation(list_trials),
    "CreateTrialComponent": Operation(partial(create, COMPONENT), writes=True),
    "DescribeTrialComponent": Operation(describe_component),
    "UpdateTrialComponent": Operation(partial(update, COMPONENT), writes=True, differs=_AMENDED),
    "DeleteTrialComponent": Operation(delete_component, writes=True, differs=DERIVED),
    "ListTrialComponents": Operation(list_components),
    "AssociateTrialComponent": Operation(associate, writes=True),
    "DisassociateTrialComponent": Operation(
        disassociate, writes=True, differs="A job stays in the trial that its events report."
    ),
}
"""The operations on experiments, trials and trial components."""
