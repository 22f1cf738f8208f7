"""Images, to which the container images of their versions belong."""

from __future__ import annotations

from consumers.kind import IMAGE
from consumers.resources.calls import creates, deletes, updates
from consumers.resources.descriptions import TAGS, described
from consumers.resources.fields import Fields, Name, Tags, Time, Uri, described_status
from consumers.resources.types import Lookup, Resource, ResourceType
from ingest.sagemaker_operations import ListOperation, Parameters
from store.lineage import OWNER, Context, Lineage, entity_name


class Image(Fields, frozen=True):
    """An image, as DescribeImage shows it."""

    image_name: Name | None = None
    image_arn: Uri | None = None
    image_status: str | None = None
    description: str | None = None
    tags: Tags = None
    creation_time: Time | None = None
    last_modified_time: Time | None = None


def lineage(image: Resource[Image], _: Lookup) -> Lineage:
    """An image is a context, to which the container images of its versions belong.

    Source: ours: no lineage entity is documented for an image (evidence.md#no-entity). Only the image names its
    context, so that its versions, which have its name but not its creation time, can refer to the context too.
    """
    detail = image.detail
    status = described_status(detail.image_status)
    name = context_name(image.name)
    return Lineage(
        (
            Context(
                arn=f"{image.arn_prefix}context/{name}",
                type="Image",
                name=name,
                source_uri=image.arn,
                status=status,
                description=detail.description or "",
                created=image.created,
                modified=image.modified,
                ended=image.deleted or image.replaced,
                properties={"Status": status} if status else {},
                tags=image.tags,
                weight=OWNER,
            ),
        )
    )


def context_name(image: str) -> str:
    """The name of an image's context."""
    return entity_name(image, "aws-image")


IMAGES_OLDEST_FIRST: Parameters = {"SortBy": "CREATION_TIME", "SortOrder": "ASCENDING"}
"""The order of lists of images and of their versions."""

TYPE = ResourceType(
    kind=IMAGE,
    name="image",
    mark="ours",
    version=2,
    fields=Image,
    lineage=lineage,
    arn_field="image_arn",
    name_field="image_name",
    status_fields=("image_status",),
    clock_fields=("last_modified_time",),
    events=("SageMaker Image State Change",),
    calls={"CreateImage": creates(), "UpdateImage": updates(), "DeleteImage": deletes()},
    described_by=described("Image"),
    further_descriptions=(TAGS,),
    listed_by=ListOperation("ListImages", "Images", "ImageArn", "ImageName", parameters=IMAGES_OLDEST_FIRST),
)
