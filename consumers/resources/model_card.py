"""Model cards."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress

import msgspec

from consumers.arns import kind_of
from consumers.kind import MODEL, MODEL_PACKAGE, ResourceKind
from consumers.resources.calls import creates, deletes, updates
from consumers.resources.descriptions import TAGS, described
from consumers.resources.fields import Fields, Tags, Time, Uri, texts
from consumers.resources.model import Model, model_sources, package_artifact
from consumers.resources.types import DescribeRequest, Lookup, Resource, ResourceType
from ingest.sagemaker_operations import ListOperation
from store.lineage import Artifact, Association, AssociationType, Lineage, artifact

MODEL_CARD = ResourceKind("model-card")


class ModelCard(Fields, frozen=True):
    """A model card, as DescribeModelCard shows it; ModelId is in events only, Content in descriptions and calls."""

    model_card_name: Uri | None = None
    model_card_arn: Uri | None = None
    model_card_version: int | float | str | None = None
    model_card_status: str | None = None
    model_id: Uri | None = None
    content: str | None = None
    tags: Tags = None
    creation_time: Time | None = None
    last_modified_time: Time | None = None


class CardOverview(msgspec.Struct, frozen=True, gc=False):
    """Which model a card is about."""

    model_id: Uri | None = None


class CardPackage(msgspec.Struct, frozen=True, gc=False):
    """Which model package a card is about."""

    model_package_arn: Uri | None = None


class CardContent(msgspec.Struct, frozen=True, gc=False):
    """What a card says, in the JSON of its Content: its names are lower case with underscores."""

    model_overview: CardOverview | None = None
    model_package_details: CardPackage | None = None


_content = msgspec.json.Decoder(CardContent)


def lineage(card: Resource[ModelCard], lookup: Lookup) -> Lineage:
    """A model card is an artifact, associated with the model package that it describes, or with its model's data.

    Source: ours: no lineage entity is documented for a card (evidence.md#no-entity). It is not linked with its model's
    image, which serves models that the card does not describe.
    """
    detail = card.detail
    properties = {"ModelCardStatus": detail.model_card_status, "ModelCardVersion": _version(detail.model_card_version)}
    plain = artifact(card.arn_prefix, "ModelCard", card.arn, card.created, source_types=card.source_types)
    itself = msgspec.structs.replace(
        plain,
        name=card.name,
        properties=texts(properties),
    )
    about = _described(card, lookup)
    return Lineage(
        (itself, *about),
        tuple(
            Association(itself.arn, one.arn, AssociationType.ASSOCIATED_WITH, card.created, card.deleted, inferred=True)
            for one in about
        ),
    )


def references(card: Resource[ModelCard]) -> Iterator[str]:
    """A card references the package or the model that it describes."""
    for subject in _subjects(card.detail):
        yield _key(card, subject)


def missing(card: Resource[ModelCard], lookup: Lookup) -> Iterator[DescribeRequest]:
    """Its description, for its content, where its fields lead to no model."""
    if card.detail.content is None and not _described(card, lookup):
        yield from card.describe("DescribeModelCard")


def _described(card: Resource[ModelCard], lookup: Lookup) -> list[Artifact]:
    """The artifacts of the first that leads anywhere of those a card names."""
    for subject in _subjects(card.detail):
        key = _key(card, subject)
        if kind_of(key) == MODEL_PACKAGE:
            return [package_artifact(key, lookup, card.arn_prefix, card.created, at=card.modified)]
        model = lookup(key, Model, card.modified)
        sources = model_sources(model, lookup, card.arn_prefix, card.created) if model else []
        if found := [one for one in sources if one.type == "Model"]:
            return found
    return []


def _subjects(detail: ModelCard) -> list[str]:
    """What a card is about, by names and ARNs: of the package in its content, of the model in it, in its events."""
    subjects = [detail.model_id]
    if detail.content:
        # CloudTrail hides it; and what a card says is up to its writer.
        with suppress(msgspec.DecodeError, RecursionError):
            content = _content.decode(detail.content)
            package = content.model_package_details or CardPackage()
            overview = content.model_overview or CardOverview()
            subjects = [package.model_package_arn, overview.model_id, detail.model_id]
    return [one for one in subjects if one and (_NAME.fullmatch(one) or kind_of(one) in (MODEL, MODEL_PACKAGE))]


_NAME = re.compile(r"[a-zA-Z0-9-]{1,63}")  # of a model (API)


def _key(card: Resource[ModelCard], subject: str) -> str:
    return card.key_beside(MODEL, subject)


def _version(version: int | float | str | None) -> str:
    return "" if version is None else str(version).removesuffix(".0")


TYPE = ResourceType(
    kind=MODEL_CARD,
    name="model card",
    mark="ours",
    version=2,
    fields=ModelCard,
    lineage=lineage,
    references=references,
    missing=missing,
    arn_field="model_card_arn",
    name_field="model_card_name",
    status_fields=("model_card_status",),
    clock_fields=("last_modified_time",),
    events=("SageMaker Model Card State Change",),
    calls={"CreateModelCard": creates(), "UpdateModelCard": updates(), "DeleteModelCard": deletes()},
    described_by=described("ModelCard"),
    further_descriptions=(TAGS,),
    listed_by=ListOperation("ListModelCards", "ModelCardSummaries", "ModelCardArn", "ModelCardName"),
)
