"""Pipelines: each an experiment."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from consumers.kind import EXPERIMENT, PIPELINE
from consumers.resources.calls import creates, deletes, updates
from consumers.resources.client_experiments import ClientExperiment
from consumers.resources.descriptions import TAGS, described
from consumers.resources.experiments import experiment
from consumers.resources.fields import Fields, Name, Tags, Time, Uri
from consumers.resources.types import Lookup, Resource, ResourceType
from ingest.sagemaker_operations import ListOperation
from store.lineage import OWNER, Lineage


class Pipeline(Fields, frozen=True):
    """A pipeline, as DescribePipeline shows it."""

    pipeline_arn: Uri | None = None
    pipeline_name: Name | None = None
    pipeline_display_name: Name | None = None
    pipeline_description: str | None = None
    tags: Tags = None
    creation_time: Time | None = None
    last_modified_time: Time | None = None


def lineage(pipeline: Resource[Pipeline], lookup: Lookup) -> Lineage:
    """A pipeline is an experiment, which stays when the pipeline is deleted; clients may add to it.

    Source: evidence.md#pipeline, documented.
    """
    detail = pipeline.detail
    bare = experiment(pipeline.arn_prefix, pipeline.name, pipeline.created, OWNER, pipeline.arn)
    made = lookup(bare.key, ClientExperiment)
    theirs = None if made is None or made.gone else made
    return Lineage(
        (
            msgspec.structs.replace(
                bare,
                display_name=(theirs and theirs.detail.display_name) or detail.pipeline_display_name or "",
                description=(theirs and theirs.detail.description) or detail.pipeline_description or "",
                modified=pipeline.modified,
                ended=pipeline.deleted or pipeline.replaced,
                tags=pipeline.tags | (theirs.tags if theirs else {}),
            ),
        )
    )


def references(pipeline: Resource[Pipeline]) -> Iterator[str]:
    """A pipeline references its experiment, to which clients may add."""
    yield pipeline.key_beside(EXPERIMENT, pipeline.tail)


TYPE = ResourceType(
    kind=PIPELINE,
    name="pipeline",
    mark="documented",
    fields=Pipeline,
    lineage=lineage,
    references=references,
    arn_field="pipeline_arn",
    name_field="pipeline_name",
    calls={"CreatePipeline": creates(), "UpdatePipeline": updates(), "DeletePipeline": deletes()},
    described_by=described("Pipeline"),
    further_descriptions=(TAGS,),
    listed_by=ListOperation("ListPipelines", "PipelineSummaries", "PipelineArn", "PipelineName", after="CreatedAfter"),
)
