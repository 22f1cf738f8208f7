"""Processing jobs, and the queries and checks that some of them are."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import msgspec

from consumers.kind import FEATURE_GROUP, PROCESSING_JOB
from consumers.resources.calls import creates, deletes, updates
from consumers.resources.client_trial_components import amended, amended_references
from consumers.resources.descriptions import TAGS, described
from consumers.resources.feature_group import group_key, missing_groups
from consumers.resources.fields import Fields, Name, Time, Uri, texts
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
from consumers.resources.job_data import S3DataSource, address
from consumers.resources.job_provenance import program, repository
from consumers.resources.types import DescribeRequest, Lookup, Resource, ResourceType
from ingest.sagemaker_operations import ListOperation
from store.lineage import Artifact, Lineage, artifact


class AthenaDatasetDefinition(Fields, frozen=True):
    """What a query of Athena selects."""

    catalog: Name | None = None
    database: Name | None = None
    query_string: str | None = None


class RedshiftDatasetDefinition(Fields, frozen=True):
    """What a query of Redshift selects."""

    cluster_id: Name | None = None
    database: Name | None = None
    query_string: str | None = None


class DatasetDefinition(Fields, frozen=True):
    """An input of a processing job that a query makes."""

    athena_dataset_definition: AthenaDatasetDefinition = AthenaDatasetDefinition()
    redshift_dataset_definition: RedshiftDatasetDefinition = RedshiftDatasetDefinition()


class ProcessingInput(Fields, frozen=True):
    """A named input of a processing job."""

    input_name: Name = ""
    s3_input: S3DataSource = msgspec.field(name="S3Input", default=S3DataSource())
    dataset_definition: DatasetDefinition = DatasetDefinition()


class FeatureStoreOutput(Fields, frozen=True):
    """An output that goes into a feature group."""

    feature_group_name: Name | None = None


class ProcessingOutput(Fields, frozen=True):
    """A named output of a processing job."""

    output_name: Name = ""
    s3_output: S3DataSource = msgspec.field(name="S3Output", default=S3DataSource())
    feature_store_output: FeatureStoreOutput = FeatureStoreOutput()


class ProcessingOutputConfig(Fields, frozen=True):
    """The outputs of a processing job."""

    outputs: list[ProcessingOutput] = []


class ProcessingResources(Fields, frozen=True):
    """The machines of a processing job."""

    cluster_config: ResourceConfig = ResourceConfig()


class AppSpecification(Fields, frozen=True):
    """The program of a processing job."""

    image_uri: Uri | None = None
    container_entrypoint: list[str] = []


class ProcessingJob(JobFields, frozen=True):
    """A processing job, as DescribeProcessingJob shows it."""

    processing_job_name: Name | None = None
    processing_job_arn: Uri | None = None
    monitoring_schedule_arn: Uri | None = None
    processing_job_status: str | None = None
    processing_inputs: list[ProcessingInput] = []
    processing_output_config: ProcessingOutputConfig = ProcessingOutputConfig()
    processing_resources: ProcessingResources = ProcessingResources()
    app_specification: AppSpecification = AppSpecification()
    processing_start_time: Time | None = None
    processing_end_time: Time | None = None


def lineage(job: Resource[ProcessingJob], lookup: Lookup) -> Lineage:
    """A processing job turns its inputs (its program among them) and its image into its outputs.

    Source: evidence.md#processing-job, observed; query inputs and feature store outputs plausible. Ours, and marked as
    inferred: its source code, and the files that checks of Clarify and Model Monitor leave in their outputs.
    """
    detail = job.detail
    image = detail.app_specification.image_uri
    read = [(one.input_name, processing_input(job.arn_prefix, one, job.created)) for one in detail.processing_inputs]
    inputs = {name: one.source_uri for name, one in read if one}
    outputs = [(one.output_name, processing_output(job, one)) for one in detail.processing_output_config.outputs]
    code = program({}, detail.environment, detail.app_specification.container_entrypoint, inputs)
    parts = experiments_of(job)
    component = job_component(
        job,
        parts,
        status=detail.processing_job_status,
        started=detail.processing_start_time,
        ended=detail.processing_end_time,
        parameters=machine_parameters(image, detail.processing_resources.cluster_config),
        inputs=named_uris(inputs),
        outputs=named_uris(dict(outputs)),
        image=image,
        script=code.script,
        maker=detail.monitoring_schedule_arn,
    )
    return lineage_of_run(
        job,
        lookup,
        component,
        parts,
        contributed=[*artifacts_of(job, Image=[image]), *{one.arn: one for _, one in read if one}.values()],
        produced=artifacts_of(job, DataSet=[uri for _, uri in outputs]),
        inferred_contributed=artifacts_of(job, DataSet=[code.directory]),
        inferred_produced=artifacts_of(job, DataSet=findings(job, repository(image or ""))),
    )


def references(job: Resource[ProcessingJob]) -> Iterator[str]:
    """A processing job references the feature groups that it reads from and writes to."""
    yield from (arn.lower() for arn in processing_groups(job))


def missing(job: Resource[ProcessingJob], lookup: Lookup) -> Iterator[DescribeRequest]:
    """Its description, where events leave out what it is; and those of unknown feature groups."""
    detail = job.detail
    if not (detail.app_specification.image_uri or detail.processing_inputs or detail.processing_output_config.outputs):
        yield from job.describe("DescribeProcessingJob")
    yield from missing_groups(lookup, processing_groups(job))


def processing_input(partition: str, source: ProcessingInput, created: int) -> Artifact | None:
    """The data set that a processing job reads; None when the input does not say.

    The result of a query has no address that outlives the job. Its artifact's is made of where the query runs and of a
    digest of the query, `athena://<catalog>/<database>/<digest>` or `redshift://<cluster>/<database>/<digest>`: jobs
    that run the same query read the same data set, and others do not. The query itself is in the
    artifact's properties.

    Source: evidence.md#processing-job, observed for S3; queries plausible, their addresses ours.
    """
    athena = source.dataset_definition.athena_dataset_definition
    redshift = source.dataset_definition.redshift_dataset_definition
    if athena.query_string or athena.database or athena.catalog:
        where = {"Catalog": athena.catalog, "Database": athena.database}
        return _query(partition, "athena", where, athena.query_string, created)
    if redshift.query_string or redshift.database or redshift.cluster_id:
        where = {"ClusterId": redshift.cluster_id, "Database": redshift.database}
        return _query(partition, "redshift", where, redshift.query_string, created)
    uri = address(source.s3_input.s3_uri or "")
    return artifact(partition, "DataSet", uri, created) if uri else None


def processing_output(job: Resource[ProcessingJob], output: ProcessingOutput) -> str | None:
    """Where a processing job writes: an S3 URI as given, or the ARN of a feature group (plausible)."""
    return output.s3_output.s3_uri or address(_output_group(job, output) or "") or None


def processing_groups(job: Resource[ProcessingJob]) -> Iterator[str]:
    """The ARNs of the feature groups that a processing job reads and writes, as they are spelled."""
    for read in job.detail.processing_inputs:
        if read.s3_input.s3_uri and group_key(read.s3_input.s3_uri):
            yield read.s3_input.s3_uri
    for written in job.detail.processing_output_config.outputs:
        if arn := _output_group(job, written):
            yield arn


def _output_group(job: Resource[ProcessingJob], output: ProcessingOutput) -> str | None:
    """The ARN of the feature group that an output goes into, with its name as it is spelled, or None."""
    name = output.feature_store_output.feature_group_name or ""
    return name if name.startswith("arn:") else f"{job.arn_prefix}{FEATURE_GROUP}/{name}" if name else None


MONITOR, CLARIFY = "sagemaker-model-monitor-analyzer", "sagemaker-clarify-processing"
"""The repositories of the images that check data and models (documented: evidence.md#check-images)."""


def findings(job: Resource[ProcessingJob], repository: str) -> Iterator[str]:
    """The files that a check leaves in its outputs, which packages and schedules name one by one.

    Model Monitor makes statistics and constraints of a baseline, or measures data against them; an image of one's own
    can do the same, when a schedule sets it so in its environment. Clarify makes an analysis.

    Source: evidence.md#check-files (names of files, documented); the links ours.
    """
    detail = job.detail
    environment = detail.environment
    scheduled = bool(detail.monitoring_schedule_arn or environment.get("sagemaker_monitoring_schedule_name"))
    if repository.endswith(CLARIFY):
        names = ["analysis.json"]
    elif scheduled or environment.get("baseline_constraints") or environment.get("baseline_statistics"):
        names = ["statistics.json", "constraint_violations.json"] if scheduled or repository.endswith(MONITOR) else []
    else:
        names = ["statistics.json", "constraints.json"] if repository.endswith(MONITOR) else []
    if (detail.processing_job_status or "").lower() != "completed":
        return
    for output in detail.processing_output_config.outputs:
        if uri := output.s3_output.s3_uri:
            yield from (f"{uri.rstrip('/')}/{name}" for name in names)


def _query(partition: str, scheme: str, where: dict[str, str | None], query: str | None, created: int) -> Artifact:
    path = "/".join(part or "" for part in where.values())
    if not query:
        return artifact(partition, "DataSet", f"{scheme}://{path}", created)
    digest = hashlib.blake2b(query.encode(), digest_size=16).hexdigest()
    properties = texts(where) | {"QueryString": query}
    return artifact(partition, "DataSet", f"{scheme}://{path}/{digest}", created, properties=properties)


TYPE = ResourceType(
    kind=PROCESSING_JOB,
    name="processing job",
    mark="observed",
    version=4,
    fields=ProcessingJob,
    lineage=amended(lineage),
    references=amended_references(references),
    missing=missing,
    arn_field="processing_job_arn",
    name_field="processing_job_name",
    status_fields=("processing_job_status",),
    clock_fields=("last_modified_time", "processing_end_time", "processing_start_time", "creation_time"),
    events=("SageMaker Processing Job State Change",),
    calls={"CreateProcessingJob": creates(), "StopProcessingJob": updates(), "DeleteProcessingJob": deletes()},
    described_by=described("ProcessingJob"),
    further_descriptions=(TAGS,),
    listed_by=ListOperation("ListProcessingJobs", "ProcessingJobSummaries", "ProcessingJobArn", "ProcessingJobName"),
)
