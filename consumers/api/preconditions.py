"""What has to be true before something is written: the same sentences for all sorts of entities."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from consumers.api.client_writes import StoreView
from consumers.api.errors import Invalid, NotFound
from store import entity_records
from store.entity_records import Described
from store.lineage import MENTIONED

WORDS: Mapping[str, str] = {
    "Artifact": "Artifact",
    "Context": "Context",
    "Action": "Action",
    "Experiment": "Experiment",
    "Trial": "Trial",
    "TrialComponent": "Trial component",
}
"""What lineage types are called in sentences."""


def absent(view: StoreView, arn: str, what: str) -> None:
    """Let pass what is not there: of a name that was only mentioned in passing, nobody knows anything yet.

    Raises:
        Invalid: It is there; the sentence has the words that clients look for.
    """
    found = entity_records.find(view.transaction, arn)
    if view.created_by_client(arn) is not None or (found is not None and found.weight > MENTIONED):
        raise Invalid(f"{what} already exists.")


def present(view: StoreView, arn: str, sort: str) -> Described:
    """The entity that something is to be done with.

    Raises:
        NotFound: There is none.
    """
    found = entity_records.find(view.transaction, arn)
    if found is None:
        raise NotFound(f"{WORDS[sort]} '{arn}' does not exist.")
    return found


def changeable(view: StoreView, one: Described) -> Mapping[str, Any]:
    """What is to be kept with a change of an entity, so that the change alone tells what it is about.

    Raises:
        Invalid: It says what events tell, and what clients say of it would not be heard.
    """
    created = view.created_by_client(one.arn)
    if created is not None:
        return {**itself(one), "CreationTime": created}
    if one.lineage_type == "Artifact":
        return {**itself(one), **source(one), "ArtifactType": one.type}
    if one.lineage_type == "TrialComponent" or one.weight == MENTIONED:
        return itself(one)
    raise Invalid(
        f"{WORDS[one.lineage_type]} '{one.arn}' is derived from {_behind(view, one)}, and says what events tell of "
        "that: only what a client has made can be changed here"
    )


def deletable(view: StoreView, one: Described) -> Mapping[str, Any]:
    """What is to be kept with the deletion of an entity.

    Raises:
        Invalid: It would be derived again.
    """
    created = view.created_by_client(one.arn)
    if created is None:
        raise Invalid(
            f"{WORDS[one.lineage_type]} '{one.arn}' is derived from {_behind(view, one)}, and would be derived "
            "again: only what a client has made can be deleted"
        )
    return {**itself(one), "CreationTime": created}


def deletable_alone(view: StoreView, one: Described, arn: str) -> Mapping[str, Any]:
    """As `deletable`, of what must have no associations any more; `arn` is as the client spelled it.

    Raises:
        Invalid: It would be derived again, or has associations.
    """
    kept = deletable(view, one)
    if number := entity_records.links(view.transaction, one.id):
        raise Invalid(
            f"{WORDS[one.lineage_type]} '{arn}' has {number} associations and cannot be deleted: delete these first "
            "(ListAssociations, DeleteAssociation)"
        )
    return kept


def itself(one: Described) -> Mapping[str, Any]:
    """The ARN of an entity in its own case, whatever the case in which it was asked for."""
    return {f"{one.lineage_type}Arn": one.arn}


def source(one: Described) -> Mapping[str, Any]:
    """The source of an artifact, as clients tell it."""
    types = [{"SourceIdType": sort, "Value": value} for sort, value in one.document.get("source_types") or ()]
    return {"Source": {"SourceUri": one.source_uri, "SourceTypes": types}}


def _behind(view: StoreView, one: Described) -> str:
    """Who would derive an entity again.

    Raises:
        NotFound: Nobody: it was deleted just now, and what follows from that is on its way.
    """
    told = entity_records.speakers(view.transaction, one.id)
    others = [key for key in told if key != one.arn.lower()]
    if told and not others:
        raise NotFound(f"{WORDS[one.lineage_type]} '{one.arn}' does not exist.")
    return others[0] if others else one.source_uri or "what others say of it"
