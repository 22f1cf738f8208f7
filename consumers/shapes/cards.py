"""Model cards, as events and descriptions tell them."""

from __future__ import annotations

import msgspec

from consumers.shapes.reading import Shape, Tags, Time, Uri


class ModelCard(Shape, frozen=True):
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
