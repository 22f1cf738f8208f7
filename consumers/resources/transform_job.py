"""Batch transform jobs."""

from __future__ import annotations

from collections.abc import Iterator

from consumers.kind import MODEL, TRANSFORM_JOB
from consumers.resources.calls import creates, updates
from consumers.resources.client_trial_components import amended, amended_references
from consumers.resources.descriptions import TAGS, described
from consumers.resources.fields import Fields, Name, Time, Uri
from consumers.resources.job_component import (
    JobFields,
    ResourceConfig,
    artifacts_of,
    experiments_of,
    job_component,
    lineage_of_run,
    machine_parameters,
    named_uris,
)
from consumers.resources.job_data import DataSource
from consumers.resources.model import Model, model_sources
from consumers.resources.types import DescribeRequest, Lookup, Resource, ResourceType
from ingest.sagemaker_operations import ListOperation
from store.lineage import Lineage


class TransformInput(Fields, frozen=True):
    """The data that a transform job reads."""

    data_source: DataSource = DataSource()
    content_type: str | None = None


class TransformOutput(Fields, frozen=True):
    """Where a transform job writes."""

    s3_output_path: Uri | None = None
    accept: str | None = None


class DataCaptureConfig(Fields, frozen=True):
    """Where a transform job captures requests and responses."""

    destination_s3_uri: Uri | None = None


class TransformJob(JobFields, frozen=True):
    """A batch transform job, as DescribeTransformJob shows it."""

    transform_job_name: Name | None = None
    transform_job_arn: Uri | None = None
    labeling_job_arn: Uri | None = None
    transform_job_status: str | None = None
    model_name: Name | None = None
    transform_input: TransformInput = TransformInput()
    transform_output: TransformOutput = TransformOutput()
    transform_resources: ResourceConfig = ResourceConfig()
    data_capture_config: DataCaptureConfig = DataCaptureConfig()
    transform_start_time: Time | None = None
    transform_end_time: Time | None = None


def lineage(job: Resource[TransformJob], lookup: Lookup) -> Lineage:
    """A transform job turns its input, its model's data and its model's image into its output.

    Source: evidence.md#transform-job, observed. What it captures of its data is ours, and marked as inferred.
    """
    detail = job.detail
    uri = detail.transform_input.data_source.s3_data_source.s3_uri
    output = detail.transform_output.s3_output_path
    model = lookup(job.key_beside(MODEL, detail.model_name), Model, job.created) if detail.model_name else None
    sources = model_sources(model, lookup, job.arn_prefix, job.created) if model else []
    image = next((found.source_uri for found in sources if found.type == "Image"), None)
    parts = experiments_of(job)
    component = job_component(
        job,
        parts,
        status=detail.transform_job_status,
        started=detail.transform_start_time,
        ended=detail.transform_end_time,
        parameters=machine_parameters(image, detail.transform_resources),
        inputs=named_uris({"SageMaker.TransformInput": uri}, detail.transform_input.content_type or ""),
        outputs=named_uris({"SageMaker.TransformOutput": output}),
        image=image,
        maker=detail.labeling_job_arn,
    )
    return lineage_of_run(
        job,
        lookup,
        component,
        parts,
        contributed=[*sources, *artifacts_of(job, DataSet=[uri])],
        produced=artifacts_of(job, DataSet=[output]),
        inferred_produced=artifacts_of(job, DataSet=[detail.data_capture_config.destination_s3_uri]),
    )


def references(job: Resource[TransformJob]) -> Iterator[str]:
    """A transform job references its model."""
    if job.detail.model_name:
        yield job.key_beside(MODEL, job.detail.model_name)


def missing(job: Resource[TransformJob], lookup: Lookup) -> Iterator[DescribeRequest]:
    """Its description, where events leave out what it is; and its model's, when nothing is known of that."""
    detail = job.detail
    if not (detail.model_name or detail.transform_input.data_source.s3_data_source.s3_uri):
        yield from job.describe("DescribeTransformJob")
    for key in references(job):
        if lookup(key, Model) is None:
            yield DescribeRequest(f"{job.arn_prefix}{MODEL}/{detail.model_name}", "DescribeModel")


TYPE = ResourceType(
    kind=TRANSFORM_JOB,
    name="transform job",
    mark="observed",
    version=4,
    fields=TransformJob,
    lineage=amended(lineage),
    references=amended_references(references),
    missing=missing,
    arn_field="transform_job_arn",
    name_field="transform_job_name",
    status_fields=("transform_job_status",),
    clock_fields=("last_modified_time", "transform_end_time", "transform_start_time", "creation_time"),
    events=("SageMaker Transform Job State Change",),
    calls={"CreateTransformJob": creates(), "StopTransformJob": updates()},
    described_by=described("TransformJob"),
    further_descriptions=(TAGS,),
    listed_by=ListOperation("ListTransformJobs", "TransformJobSummaries", "TransformJobArn", "TransformJobName"),
)
