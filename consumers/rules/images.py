"""Images and their versions."""

from __future__ import annotations

from collections.abc import Iterator

from consumers import shapes
from consumers.kind import ResourceKind
from consumers.observe.observation import kind_of
from consumers.resources.types import DescribeRequest, Lookup, Resource
from consumers.rules.deployment import as_described
from store.lineage import MENTIONED, OWNER, Association, AssociationType, Context, Lineage, artifact, entity_name


def image(image: Resource[shapes.Image], _: Lookup) -> Lineage:
    """An image is a context, to which the container images of its versions belong.

    Source: ours: no lineage entity is documented for it. Its context is named by it alone, so that its versions, which
    know its name but not its creation, can name it too.
    """
    detail = image.detail
    status = as_described(detail.image_status)
    name = _context_name(image.named(detail.image_name))
    return Lineage(
        (
            Context(
                arn=f"{image.partition}context/{name}",
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


def image_version(version: Resource[shapes.ImageVersion], _: Lookup) -> Lineage:
    """The container image of a version, and the one that it is based on, are associated with the image.

    Source: ours.
    """
    key = _image_key(version)
    told = (version.detail.container_image, version.detail.base_image)
    uris = list(dict.fromkeys(uri for uri in told if uri))
    if not key or not uris:
        return Lineage()
    name = _context_name(key.rpartition("/")[2])
    context = Context(
        arn=f"{version.partition}context/{name}",
        type="Image",
        name=name,
        source_uri=key,
        created=version.created,
        weight=MENTIONED,
    )
    images = [artifact(version.partition, "Image", uri, version.created) for uri in uris]
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


def image_version_refers(version: Resource[shapes.ImageVersion]) -> Iterator[str]:
    """A version reads its image, for the spelling of its name."""
    if key := _image_key(version):
        yield key


def image_version_asks(version: Resource[shapes.ImageVersion], lookup: Lookup) -> Iterator[DescribeRequest]:
    """A version asks for its container image, which no event tells: by its image's name and its number."""
    detail = version.detail
    key = _image_key(version)
    if detail.container_image or version.deleted or version.replaced or not key or detail.version is None:
        return
    image = lookup(key, shapes.Image)
    name = image.named(image.detail.image_name) if image else detail.image_name or key.rpartition("/")[2]
    number = str(detail.version).removesuffix(".0")
    yield DescribeRequest(version.beside(ResourceKind.IMAGE_VERSION, f"{name}/{number}"), "DescribeImageVersion")


def _image_key(version: Resource[shapes.ImageVersion]) -> str:
    """The key of its image: as told, or as its own ARN says; empty when neither does."""
    detail = version.detail
    told = detail.image_arn or detail.image_name
    if not told and "/" in version.tail:
        told = version.tail.rpartition("/")[0]
    key = version.sibling(ResourceKind.IMAGE, told) if told else ""
    return key if kind_of(key) == ResourceKind.IMAGE else ""


def _context_name(image: str) -> str:
    return entity_name(image, "aws-image")
