"""Model cards."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress

import msgspec

from consumers import shapes
from consumers.kind import ResourceKind
from consumers.observe.observation import kind_of
from consumers.resources.types import DescribeRequest, Lookup, Resource
from consumers.rules.registry import model_sources, package_artifact
from store.lineage import Artifact, Association, AssociationType, Lineage, artifact

_content = msgspec.json.Decoder(shapes.CardContent)


def model_card(card: Resource[shapes.ModelCard], lookup: Lookup) -> Lineage:
    """A model card is an artifact, associated with the model package that it describes, or with its model's data.

    Source: ours: no lineage entity is documented for a card (CAPTURE B1). It is not linked with its model's image,
    which serves models that the card does not describe.
    """
    detail = card.detail
    properties = {"ModelCardStatus": detail.model_card_status, "ModelCardVersion": _version(detail.model_card_version)}
    plain = artifact(card.partition, "ModelCard", card.arn, card.created)
    itself = msgspec.structs.replace(
        plain,
        name=card.named(detail.model_card_name),
        properties={name: value for name, value in properties.items() if value},
    )
    about = _described(card, lookup)
    return Lineage(
        (itself, *about),
        tuple(
            Association(itself.arn, one.arn, AssociationType.ASSOCIATED_WITH, card.created, card.deleted, inferred=True)
            for one in about
        ),
    )


def model_card_refers(card: Resource[shapes.ModelCard]) -> Iterator[str]:
    """A card reads the package or the model that it describes."""
    for told in _told(card.detail):
        yield _key(card, told)


def model_card_asks(card: Resource[shapes.ModelCard], lookup: Lookup) -> Iterator[DescribeRequest]:
    """A card asks for its content when what it was told of its model leads nowhere."""
    if card.detail.content is None and not _described(card, lookup):
        yield from card.asked("DescribeModelCard", card.detail.model_card_name)


def _described(card: Resource[shapes.ModelCard], lookup: Lookup) -> list[Artifact]:
    """The artifacts of the first that leads anywhere of those a card names."""
    for told in _told(card.detail):
        key = _key(card, told)
        if kind_of(key) == ResourceKind.MODEL_PACKAGE:
            return [package_artifact(key, lookup, card.partition, card.created)]
        model = lookup(key, shapes.Model)
        sources = model_sources(model, lookup, card.partition, card.created) if model else []
        if found := [one for one in sources if one.type == "Model"]:
            return found
    return []


def _told(detail: shapes.ModelCard) -> list[str]:
    """What a card is about, by names and ARNs: of the package in its content, of the model in it, in its events."""
    told = [detail.model_id]
    if detail.content:
        # CloudTrail hides it; and what a card says is up to its writer.
        with suppress(msgspec.DecodeError, RecursionError):
            content = _content.decode(detail.content)
            package = content.model_package_details or shapes.CardPackage()
            overview = content.model_overview or shapes.CardOverview()
            told = [package.model_package_arn, overview.model_id, detail.model_id]
    return [
        one
        for one in told
        if one and (_NAME.fullmatch(one) or kind_of(one) in (ResourceKind.MODEL, ResourceKind.MODEL_PACKAGE))
    ]


_NAME = re.compile(r"[a-zA-Z0-9-]{1,63}")  # of a model (API)


def _key(card: Resource[shapes.ModelCard], told: str) -> str:
    return card.sibling(ResourceKind.MODEL, told)


def _version(told: int | float | str | None) -> str:
    return "" if told is None else str(told).removesuffix(".0")
