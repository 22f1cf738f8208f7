"""Models, which lead from jobs and endpoints to what is served."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from consumers.arns import account_prefix, kind_of
from consumers.kind import MODEL, MODEL_PACKAGE
from consumers.resources.calls import creates, deletes
from consumers.resources.descriptions import TAGS, described
from consumers.resources.fields import Fields, Name, Tags, Time, Uri
from consumers.resources.types import DescribeRequest, Lookup, Resource, ResourceType
from ingest.sagemaker_operations import ListOperation
from store.lineage import Artifact, Lineage, artifact


class ModelS3DataSource(Fields, frozen=True):
    """Model data in S3, packed or not."""

    s3_uri: Uri | None = None


class ModelDataSource(Fields, frozen=True):
    """Where a container's model data is, in the newer spelling."""

    s3_data_source: ModelS3DataSource = ModelS3DataSource()


class Container(Fields, frozen=True):
    """An image and the model data that it serves."""

    image: Uri | None = None
    model_data_url: Uri | None = None
    model_data_source: ModelDataSource = ModelDataSource()
    additional_model_data_sources: list[ModelDataSource] = []
    model_package_name: Uri | None = None


class Model(Fields, frozen=True):
    """A model, as DescribeModel shows it."""

    model_name: Name | None = None
    model_arn: Uri | None = None
    primary_container: Container = Container()
    containers: list[Container] = []
    tags: Tags = None
    creation_time: Time | None = None


def lineage(_model: Resource[Model], _: Lookup) -> Lineage:
    """A model has no entity of its own: it resolves names for others (observed: evidence.md#model)."""
    return Lineage()


def references(model: Resource[Model]) -> Iterator[str]:
    """A model references the packages that it is made from."""
    for container in _containers(model.detail):
        if container.model_package_name:
            yield model.key_beside(MODEL_PACKAGE, container.model_package_name)


def missing(model: Resource[Model], lookup: Lookup) -> Iterator[DescribeRequest]:
    """The description of a model without known containers, and those of unknown packages of its account."""
    if model.gone:
        return
    if not any(map(_says_something, _containers(model.detail))):
        yield from model.describe("DescribeModel")
    for container in _containers(model.detail):
        if name := container.model_package_name:
            arn = model.arn_beside(MODEL_PACKAGE, name)
            ours = kind_of(arn) == MODEL_PACKAGE and account_prefix(arn) == model.arn_prefix
            if ours and lookup(arn.lower(), msgspec.Struct) is None:
                yield DescribeRequest(arn, "DescribeModelPackage")


def model_sources(model: Resource[Model], lookup: Lookup, partition: str, since: int) -> list[Artifact]:
    """What a model is made of: its package, else its data and its image (evidence.md#deployment).

    Args:
        model: Any incarnation of it.
        lookup: To its packages.
        partition: Where the artifacts are.
        since: When they came to be used.
    """
    found: list[Artifact] = []
    for container in _containers(model.detail):
        if container.model_package_name:
            key = model.key_beside(MODEL_PACKAGE, container.model_package_name)
            found.append(package_artifact(key, lookup, partition, since, at=model.created))
        else:
            found += container_artifacts(container, partition, since)
    return list({one.arn: one for one in found}.values())


def package_artifact(key: str, lookup: Lookup, partition: str, since: int, *, at: int) -> Artifact:
    """The artifact of a model package, as another resource mentions it.

    Args:
        key: The package's ARN in lower case.
        lookup: To the package: its own spelling of its ARN is the artifact's source.
        partition: Where the artifact is.
        since: When it was first mentioned.
        at: When its ARN was given: it stands for the incarnation of that time.
    """
    package = lookup(key, msgspec.Struct, at) if kind_of(key) == MODEL_PACKAGE else None
    if package is None:
        return artifact(partition, "Model", key, since)
    return artifact(partition, "Model", package.arn, since, source_types=package.source_types)


def container_artifacts(container: Container, partition: str, since: int) -> list[Artifact]:
    """The model data and the image of a container, and what more data it has (plausible)."""
    uris = [("Model", _data(container)), ("Image", container.image)]
    uris += [("Model", more.s3_data_source.s3_uri) for more in container.additional_model_data_sources]
    return [artifact(partition, type_, uri, since) for type_, uri in uris if uri]


def _data(container: Container) -> str | None:
    return container.model_data_url or container.model_data_source.s3_data_source.s3_uri


def _says_something(container: Container) -> bool:
    return bool(container.image or container.model_package_name or _data(container))


def _containers(detail: Model) -> list[Container]:
    return [detail.primary_container, *detail.containers]


TYPE = ResourceType(
    kind=MODEL,
    name="model",
    mark="observed",
    version=2,
    passes_on=True,
    fields=Model,
    lineage=lineage,
    references=references,
    missing=missing,
    arn_field="model_arn",
    name_field="model_name",
    clock_fields=("creation_time",),
    events=("SageMaker Model State Change",),
    calls={"CreateModel": creates(), "DeleteModel": deletes()},
    described_by=described("Model"),
    further_descriptions=(TAGS,),
    listed_by=ListOperation("ListModels", "Models", "ModelArn", "ModelName"),
)
