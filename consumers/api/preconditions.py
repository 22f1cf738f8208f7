"""What must be true before something is written, with the same sentences for all types of entities."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from consumers.api.client_writes import StoreView
from consumers.api.errors import Invalid, NotFound
from store import entity_records
from store.entity_records import EntityRecord
from store.lineage import MENTIONED

NAMES: Mapping[str, str] = {
    "Artifact": "Artifact",
    "Context": "Context",
    "Action": "Action",
    "Experiment": "Experiment",
    "Trial": "Trial",
    "TrialComponent": "Trial component",
}
"""The names of lineage types in sentences."""


def check_absent(view: StoreView, arn: str, what: str) -> None:
    """Check that an entity does not exist. One that others merely mention does not.

    Raises:
        Invalid: It exists; the sentence has the words that clients look for.
    """
    found = entity_records.find(view.transaction, arn)
    if view.created_by_client(arn) is not None or (found is not None and found.weight > MENTIONED):
        raise Invalid(f"{what} already exists.")


def existing(view: StoreView, arn: str, lineage_type: str) -> EntityRecord:
    """The entity that is to be changed, deleted or linked.

    Raises:
        NotFound: It does not exist.
    """
    found = entity_records.find(view.transaction, arn)
    if found is None:
        raise NotFound(f"{NAMES[lineage_type]} '{arn}' does not exist.")
    return found


def check_changeable(view: StoreView, entity: EntityRecord) -> Mapping[str, Any]:
    """Check that a client may change an entity.

    Returns:
        What is recorded with the change, so that the change by itself says which entity it is about.

    Raises:
        Invalid: It is derived from a resource, whose fields would outweigh the change.
    """
    created = view.created_by_client(entity.arn)
    if created is not None:
        return {**own_arn(entity), "CreationTime": created}
    if entity.lineage_type == "Artifact":
        return {**own_arn(entity), **artifact_source(entity), "ArtifactType": entity.type}
    if entity.lineage_type == "TrialComponent" or entity.weight == MENTIONED:
        return own_arn(entity)
    raise Invalid(
        f"{NAMES[entity.lineage_type]} '{entity.arn}' is derived from {_derived_from(view, entity)}, and has the "
        "values that its events report: only what a client has created can be changed here"
    )


def check_deletable(view: StoreView, entity: EntityRecord) -> Mapping[str, Any]:
    """Check that a client may delete an entity.

    Returns:
        What is recorded with the deletion.

    Raises:
        Invalid: It would be derived again.
    """
    created = view.created_by_client(entity.arn)
    if created is None:
        raise Invalid(
            f"{NAMES[entity.lineage_type]} '{entity.arn}' is derived from {_derived_from(view, entity)}, and would be "
            "derived again: only what a client has created can be deleted"
        )
    return {**own_arn(entity), "CreationTime": created}


def check_deletable_alone(view: StoreView, entity: EntityRecord, arn: str) -> Mapping[str, Any]:
    """As `check_deletable`, of an entity that must have no associations left; `arn` is as the client spelled it.

    Raises:
        Invalid: It would be derived again, or has associations.
    """
    recorded = check_deletable(view, entity)
    if number := entity_records.links(view.transaction, entity.id):
        raise Invalid(
            f"{NAMES[entity.lineage_type]} '{arn}' has {number} associations and cannot be deleted: delete these first "
            "(ListAssociations, DeleteAssociation)"
        )
    return recorded


def own_arn(entity: EntityRecord) -> Mapping[str, Any]:
    """The ARN of an entity in its own case, which may not be the case in the request."""
    return {f"{entity.lineage_type}Arn": entity.arn}


def artifact_source(entity: EntityRecord) -> Mapping[str, Any]:
    """The source of an artifact, as clients write it."""
    types = [{"SourceIdType": type_, "Value": value} for type_, value in entity.document.get("source_types") or ()]
    return {"Source": {"SourceUri": entity.source_uri, "SourceTypes": types}}


def _derived_from(view: StoreView, entity: EntityRecord) -> str:
    """The resource that an entity is derived from.

    Raises:
        NotFound: None is: the entity was deleted just now, and its lineage is not yet derived again.
    """
    keys = entity_records.resources_describing(view.transaction, entity.id)
    others = [key for key in keys if key != entity.arn.lower()]
    if keys and not others:
        raise NotFound(f"{NAMES[entity.lineage_type]} '{entity.arn}' does not exist.")
    return others[0] if others else entity.source_uri or "what other resources mention"
