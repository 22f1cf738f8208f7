"""Links that clients add: associations between entities, and trial components in trials."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping

from consumers.arns import account_prefix, kind_of, name_in, parse_arn
from consumers.kind import (
    ACTION,
    ARTIFACT,
    ASSOCIATION,
    CONTEXT,
    EXPERIMENT,
    MEMBERSHIP,
    TRIAL,
    TRIAL_COMPONENT,
    ResourceKind,
)
from consumers.resources.calls import JsonObject, deletes, links
from consumers.resources.client_entities import (
    AUTOMATIC_NAME,
    ClientArtifact,
    is_gone,
    is_known,
    mentioned_artifact,
)
from consumers.resources.client_trial_components import component_of_job, job_of
from consumers.resources.descriptions import Described, Description, items
from consumers.resources.fields import Fields, Time, Uri
from consumers.resources.types import DescribeRequest, Envelope, Lookup, Resource, ResourceType
from consumers.state import DELETED
from ingest.sagemaker_operations import called_by_arn
from store.lineage import (
    MENTIONED,
    Action,
    Association,
    AssociationType,
    Context,
    Entity,
    Experiment,
    Lineage,
    Membership,
    Trial,
    TrialComponent,
)


class ClientAssociation(Fields, frozen=True):
    """An association: every observation of it names both its ends."""

    source_arn: Uri | None = None
    destination_arn: Uri | None = None
    association_type: str | None = None
    creation_time: Time | None = None


class ClientMembership(Fields, frozen=True):
    """A trial component in a trial: by name in the request, by ARN in the response."""

    trial_arn: Uri | None = None
    trial_name: Uri | None = None
    trial_component_arn: Uri | None = None
    trial_component_name: Uri | None = None
    creation_time: Time | None = None


def _association_lineage(made: Resource[ClientAssociation], lookup: Lookup) -> Lineage:
    """An association that a client added, between what its ARNs name.

    An artifact is identified here by its source, so there is no association before an observation has the source.
    """
    if made.deleted:
        return Lineage()
    arns = (made.detail.source_arn, made.detail.destination_arn)
    ends = [_end(arn, made.created, lookup) if arn else None for arn in arns]
    if ends[0] is None or ends[1] is None:
        return Lineage()
    type_ = _TYPES.get((made.detail.association_type or "").lower(), AssociationType.ASSOCIATED_WITH)
    return Lineage((ends[0], ends[1]), (Association(ends[0].arn, ends[1].arn, type_, made.created),))


def _association_references(made: Resource[ClientAssociation]) -> Iterator[str]:
    """An association references both its ends."""
    for arn in (made.detail.source_arn, made.detail.destination_arn):
        yield from _end_references(arn or "")


def _association_missing(made: Resource[ClientAssociation], lookup: Lookup) -> Iterator[DescribeRequest]:
    """The descriptions of its ends, where no observation says what they are."""
    if not made.deleted:
        for arn in (made.detail.source_arn, made.detail.destination_arn):
            if arn and not any(is_known(key, lookup) for key in _end_references(arn)):
                operation = _DESCRIBED_BY.get(kind_of(arn))
                if operation and not AUTOMATIC_NAME.search(name_in(arn)):
                    yield DescribeRequest(arn, operation)


def _membership_lineage(made: Resource[ClientMembership], lookup: Lookup) -> Lineage:
    """A trial component that a client put into a trial."""
    both = _membership_ends(made.detail, made.arn_prefix)
    if made.deleted or both is None:
        return Lineage()
    parent, child = (_end(arn, made.created, lookup) for arn in both)
    if parent is None or child is None:
        return Lineage()
    return Lineage((parent, child), (), (Membership(parent.arn, child.arn),))


def _membership_references(made: Resource[ClientMembership]) -> Iterator[str]:
    """A membership references both its ends."""
    for arn in _membership_ends(made.detail, made.arn_prefix) or ():
        yield from _end_references(arn)


def _membership_ends(link: ClientMembership, prefix: str) -> tuple[str, str] | None:
    """The ARNs of a trial and of a trial component; None if one of the two is missing."""
    found = []
    for kind, arn, name in (
        (TRIAL, link.trial_arn, link.trial_name),
        (TRIAL_COMPONENT, link.trial_component_arn, link.trial_component_name),
    ):
        if name and not name.startswith("arn:"):
            found.append(f"{account_prefix(arn) if arn and arn.count(':') >= 5 else prefix}{kind}/{name}")
        elif arn or name:
            found.append(arn or name or "")
    return (found[0], found[1]) if len(found) == 2 else None


def _end(arn: str, since: int, lookup: Lookup) -> Entity | None:
    """The entity at an end of a link, as far as its ARN says: whatever made the entity says the rest.

    Returns:
        The entity; None where it was deleted, is no entity, or is an artifact without a known source.
    """
    kind = kind_of(arn)
    if kind is None or is_gone(arn.lower(), lookup):
        return None
    if kind == ARTIFACT:
        made = lookup(arn.lower(), ClientArtifact)
        return mentioned_artifact(made) if made else None
    if kind == TRIAL_COMPONENT and (component := component_of_job(arn, lookup)):
        return component
    entity = _ENTITIES.get(kind)
    return entity(arn=arn, name=name_in(arn), created=since, weight=MENTIONED) if entity else None


def _end_references(arn: str) -> Iterator[str]:
    """The keys of the resources that say which entity an end of a link is."""
    kind = kind_of(arn)
    if kind in _DESCRIBED_BY:
        yield arn.lower()
    if kind == TRIAL_COMPONENT and (job := job_of(arn)):
        yield job[1]


_TYPES = {type_.value.lower(): type_ for type_ in AssociationType}


_ENTITIES: Mapping[ResourceKind | None, type[Entity]] = {
    CONTEXT: Context,
    ACTION: Action,
    EXPERIMENT: Experiment,
    TRIAL: Trial,
    TRIAL_COMPONENT: TrialComponent,
}


_DESCRIBED_BY: Mapping[ResourceKind | None, str] = {
    ARTIFACT: "DescribeArtifact",
    CONTEXT: "DescribeContext",
    ACTION: "DescribeAction",
    EXPERIMENT: "DescribeExperiment",
    TRIAL: "DescribeTrial",
    TRIAL_COMPONENT: "DescribeTrialComponent",
}
"""What describes each kind of thing that an association can link."""


def _association_identity(link: ClientAssociation, _: Envelope) -> str | None:
    return link_key(ASSOCIATION, link.source_arn, link.destination_arn)


def _membership_identity(link: ClientMembership, envelope: Envelope) -> str | None:
    trial = _arn_of(TRIAL, link.trial_arn or link.trial_name, envelope)
    component = _arn_of(TRIAL_COMPONENT, link.trial_component_arn or link.trial_component_name, envelope)
    return link_key(MEMBERSHIP, trial, component)


def _arn_of(kind: ResourceKind, given: str | None, envelope: Envelope) -> str | None:
    """The ARN of what is given by its name or by its ARN."""
    return given if not given or given.startswith("arn:") else envelope.arn(f"{kind}/{given}")


def link_key(kind: ResourceKind, one: str | None, other: str | None) -> str | None:
    """The key of a link, which has no ARN of its own: made of those of its two ends."""
    parts = parse_arn(one or "")
    if parts is None or not other:
        return None
    digest = hashlib.blake2b(f"{one} {other}".lower().encode(), digest_size=16).hexdigest()
    return f"{parts.prefix.lower()}{kind}/{digest}"


def _listed_associations(response: JsonObject, _: tuple[str, ...]) -> Iterator[Described]:
    """The associations that there are at the time of the request."""
    for item in items(response, "AssociationSummaries"):
        yield Described(ASSOCIATION, {**item, DELETED: 0})


ASSOCIATION_TYPE = ResourceType(
    kind=ASSOCIATION,
    name="association",
    mark="documented",
    fields=ClientAssociation,
    lineage=_association_lineage,
    references=_association_references,
    missing=_association_missing,
    identity=_association_identity,
    clock_fields=("creation_time",),
    created_field=None,
    calls={"AddAssociation": links(), "DeleteAssociation": deletes()},
    further_descriptions=(
        Description(
            called_by_arn("ListAssociations", "SourceArn", "AssociationSummaries", "SourceArn"), _listed_associations
        ),
    ),
)
MEMBERSHIP_TYPE = ResourceType(
    kind=MEMBERSHIP,
    name="membership",
    mark="documented",
    fields=ClientMembership,
    lineage=_membership_lineage,
    references=_membership_references,
    identity=_membership_identity,
    clock_fields=("creation_time",),
    created_field=None,
    calls={"AssociateTrialComponent": links(), "DisassociateTrialComponent": deletes()},
)
