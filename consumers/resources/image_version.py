"""Versions of images."""

from __future__ import annotations

from collections.abc import Iterator

from consumers.arns import kind_of, parse_arn
from consumers.kind import IMAGE, IMAGE_VERSION
from consumers.resources.calls import JsonObject, creates, deletes, updates
from consumers.resources.descriptions import Description
from consumers.resources.fields import Fields, Name, Tags, Time, Uri, whole_number
from consumers.resources.image import IMAGES_OLDEST_FIRST, Image, context_name
from consumers.resources.types import DescribeRequest, Envelope, Lookup, Resource, ResourceType
from ingest.sagemaker_operations import DescribeOperation, ListOperation, Parameters
from store.lineage import MENTIONED, Association, AssociationType, Context, Lineage, artifact


class ImageVersion(Fields, frozen=True):
    """A version of an image, as DescribeImageVersion shows it; calls name the image alone."""

    image_name: Name | None = None
    image_arn: Uri | None = None
    image_version_arn: Uri | None = None
    image_version_status: str | None = None
    version: int | float | str | None = None
    base_image: Uri | None = None
    container_image: Uri | None = None
    tags: Tags = None
    creation_time: Time | None = None
    last_modified_time: Time | None = None


def lineage(version: Resource[ImageVersion], _: Lookup) -> Lineage:
    """The container image of a version, and the one that it is based on, are associated with the image.

    Source: ours.
    """
    key = _image_key(version)
    images_of = (version.detail.container_image, version.detail.base_image)
    uris = list(dict.fromkeys(uri for uri in images_of if uri))
    if not key or not uris:
        return Lineage()
    name = context_name(key.rpartition("/")[2])
    context = Context(
        arn=f"{version.arn_prefix}context/{name}",
        type="Image",
        name=name,
        source_uri=key,
        created=version.created,
        weight=MENTIONED,
    )
    images = [artifact(version.arn_prefix, "Image", uri, version.created) for uri in uris]
    return Lineage(
        (context, *images),
        tuple(
            Association(
                one.arn,
                context.arn,
                AssociationType.ASSOCIATED_WITH,
                version.created,
                version.deleted,
                inferred=True,
            )
            for one in images
        ),
    )


def references(version: Resource[ImageVersion]) -> Iterator[str]:
    """A version references its image, for the spelling of its name."""
    if key := _image_key(version):
        yield key


def missing(version: Resource[ImageVersion], lookup: Lookup) -> Iterator[DescribeRequest]:
    """Its description, for its container image, which no event has: by its image's name and its number."""
    detail = version.detail
    key = _image_key(version)
    if detail.container_image or version.gone or not key or detail.version is None:
        return
    image = lookup(key, Image)
    name = image.name if image else detail.image_name or key.rpartition("/")[2]
    number = str(detail.version).removesuffix(".0")
    yield DescribeRequest(version.arn_beside(IMAGE_VERSION, f"{name}/{number}"), "DescribeImageVersion")


def _image_key(version: Resource[ImageVersion]) -> str:
    """The key of its image: from its fields, or from its own ARN; empty when neither has it."""
    detail = version.detail
    image = detail.image_arn or detail.image_name
    if not image and "/" in version.tail:
        image = version.tail.rpartition("/")[0]
    key = version.key_beside(IMAGE, image) if image else ""
    return key if kind_of(key) == IMAGE else ""


def _identity(version: ImageVersion, envelope: Envelope) -> str | None:
    for arn in (version.image_version_arn, *envelope.resources):
        if arn and kind_of(arn) == IMAGE_VERSION:
            return arn
    image = parse_arn(version.image_arn) if version.image_arn else None
    name = image.name if image else version.image_name
    if not name or version.version is None:
        return None
    return envelope.arn(f"{IMAGE_VERSION}/{name.lower()}/{whole_number(version.version, 'Version')}")


def _with_version(parameters: JsonObject) -> JsonObject | None:
    """A call that names a version by an alias alone does not say which version it is about."""
    return parameters if {"Version", "ImageVersionArn"} & parameters.keys() else None


def _describe_parameters(arn: str, name: str) -> Parameters:
    image, _, version = name.partition("/")
    return {"ImageName": image, **({"Version": int(version)} if version.isdecimal() else {})}


TYPE = ResourceType(
    kind=IMAGE_VERSION,
    name="image version",
    mark="ours",
    fields=ImageVersion,
    lineage=lineage,
    references=references,
    missing=missing,
    arn_field="image_version_arn",
    identity=_identity,
    status_fields=("image_version_status",),
    clock_fields=("last_modified_time",),
    events=("SageMaker Image Version State Change",),
    calls={
        "CreateImageVersion": creates(),
        "UpdateImageVersion": updates(rewrite=_with_version),
        "DeleteImageVersion": deletes(rewrite=_with_version),
    },
    described_by=Description(DescribeOperation("DescribeImageVersion", _describe_parameters, ("ImageVersionArn",))),
    listed_by=ListOperation(
        "ListImageVersions", "ImageVersions", "ImageVersionArn", within="ImageName", parameters=IMAGES_OLDEST_FIRST
    ),
    listed_within=IMAGE,
)
