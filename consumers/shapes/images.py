"""Images and their versions, as events tell them."""

from __future__ import annotations

from consumers.shapes.reading import Name, Shape, Tags, Time, Uri


class Image(Shape, frozen=True):
    """An image, as DescribeImage shows it."""

    image_name: Name | None = None
    image_arn: Uri | None = None
    image_status: str | None = None
    description: str | None = None
    tags: Tags = None
    creation_time: Time | None = None
    last_modified_time: Time | None = None


class ImageVersion(Shape, frozen=True):
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
