"""What jobs read and write, by its address."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from consumers import shapes
from consumers.kind import ResourceKind
from consumers.resources.types import Resource
from consumers.rules.features import group_key
from store.lineage import Artifact, artifact


def channel_uri(channel: shapes.Channel) -> str:
    """Where a channel's data is; empty when nothing tells.

    An S3 URI as given, be it of objects or of a manifest that lists them; the ARN of a feature group or of another
    thing that holds data; `<file system>:<folder>` in EFS and FSx.

    Source: CAPTURE B1, observed for S3; the rest plausible.
    """
    source = channel.data_source
    folder = source.file_system_data_source
    if folder.file_system_id:
        return f"{folder.file_system_id}:{folder.directory_path or '/'}"
    return _address(_told(channel))


def channel_group(channel: shapes.Channel) -> str | None:
    """The ARN of the feature group that a channel reads, as it is spelled, or None."""
    told = _told(channel)
    return told if group_key(told) else None


def _told(channel: shapes.Channel) -> str:
    source = channel.data_source
    return source.dataset_source.dataset_arn or source.s3_data_source.s3_uri or ""


def processing_input(partition: str, told: shapes.ProcessingInput, created: int) -> Artifact | None:
    """The data set that a processing job reads; None when nothing tells.

    The result of a query has no address that outlives the job. Its artifact's is made of where it was asked and of a
    digest of the question, `athena://<catalog>/<database>/<digest>` or `redshift://<cluster>/<database>/<digest>`: jobs
    that ask the same read the same data set, and jobs that ask for other things do not. The question itself is in the
    artifact's properties.

    Source: CAPTURE B1, observed for S3; queries plausible, their addresses ours.
    """
    athena = told.dataset_definition.athena_dataset_definition
    redshift = told.dataset_definition.redshift_dataset_definition
    if athena.query_string or athena.database or athena.catalog:
        where = {"Catalog": athena.catalog, "Database": athena.database}
        return _query(partition, "athena", where, athena.query_string, created)
    if redshift.query_string or redshift.database or redshift.cluster_id:
        where = {"ClusterId": redshift.cluster_id, "Database": redshift.database}
        return _query(partition, "redshift", where, redshift.query_string, created)
    uri = _address(told.s3_input.s3_uri or "")
    return artifact(partition, "DataSet", uri, created) if uri else None


def processing_output(job: Resource[shapes.ProcessingJob], told: shapes.ProcessingOutput) -> str | None:
    """Where a processing job writes: an S3 URI as given, or the ARN of a feature group (plausible)."""
    return told.s3_output.s3_uri or _address(_output_group(job, told) or "") or None


def processing_groups(job: Resource[shapes.ProcessingJob]) -> Iterator[str]:
    """The ARNs of the feature groups that a processing job reads and writes, as they are spelled."""
    for read in job.detail.processing_inputs:
        if read.s3_input.s3_uri and group_key(read.s3_input.s3_uri):
            yield read.s3_input.s3_uri
    for written in job.detail.processing_output_config.outputs:
        if arn := _output_group(job, written):
            yield arn


def _output_group(job: Resource[shapes.ProcessingJob], told: shapes.ProcessingOutput) -> str | None:
    """The ARN of the feature group that an output goes into, with its name as it is spelled, or None."""
    name = told.feature_store_output.feature_group_name or ""
    return name if name.startswith("arn:") else f"{job.partition}{ResourceKind.FEATURE_GROUP}/{name}" if name else None


MONITOR, CLARIFY = "sagemaker-model-monitor-analyzer", "sagemaker-clarify-processing"
"""The repositories of the images that check data and models (documented: the registry paths of SageMaker's images)."""


def findings(job: Resource[shapes.ProcessingJob], repository: str) -> Iterator[str]:
    """The files that a check leaves in its outputs, which packages and schedules name one by one.

    Model Monitor makes statistics and constraints of a baseline, or measures data against them; an image of one's own
    can do the same, when a schedule tells it so in its environment. Clarify makes an analysis.

    Source: names of files documented (Model Monitor's container contract, Clarify's results); the links ours.
    """
    detail = job.detail
    told = detail.environment
    scheduled = bool(detail.monitoring_schedule_arn or told.get("sagemaker_monitoring_schedule_name"))
    if repository.endswith(CLARIFY):
        names = ["analysis.json"]
    elif scheduled or told.get("baseline_constraints") or told.get("baseline_statistics"):
        names = ["statistics.json", "constraint_violations.json"] if scheduled or repository.endswith(MONITOR) else []
    else:
        names = ["statistics.json", "constraints.json"] if repository.endswith(MONITOR) else []
    if (detail.processing_job_status or "").lower() != "completed":
        return
    for output in detail.processing_output_config.outputs:
        if uri := output.s3_output.s3_uri:
            yield from (f"{uri.rstrip('/')}/{name}" for name in names)


def _address(told: str) -> str:
    return group_key(told) or told


def _query(partition: str, scheme: str, where: dict[str, str | None], query: str | None, created: int) -> Artifact:
    path = "/".join(part or "" for part in where.values())
    if not query:
        return artifact(partition, "DataSet", f"{scheme}://{path}", created)
    digest = hashlib.blake2b(query.encode(), digest_size=16).hexdigest()
    told = {name: part for name, part in where.items() if part} | {"QueryString": query}
    return artifact(partition, "DataSet", f"{scheme}://{path}/{digest}", created, properties=told)
