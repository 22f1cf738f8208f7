"""Labeling jobs."""

from __future__ import annotations

from collections.abc import Iterator

from consumers.kind import ResourceKind
from consumers.resources.calls import creates, updates
from consumers.resources.descriptions import described
from consumers.resources.fields import Fields, Name, Number, Tags, Time, Uri, instant, texts
from consumers.resources.job_component import is_finished
from consumers.resources.types import DescribeRequest, Lookup, Resource, ResourceType
from ingest.sagemaker_operations import ListOperation
from store.lineage import OWNER, Action, Artifact, Association, AssociationType, Lineage, artifact, entity_name

LABELING_JOB = ResourceKind("labeling-job")


class LabelingS3DataSource(Fields, frozen=True):
    """A manifest that lists what is to be labeled."""

    manifest_s3_uri: Uri | None = None


class LabelingSnsDataSource(Fields, frozen=True):
    """A topic by which what is to be labeled comes, one at a time."""

    sns_topic_arn: Uri | None = None


class LabelingDataSource(Fields, frozen=True):
    """Where what is to be labeled comes from."""

    s3_data_source: LabelingS3DataSource = LabelingS3DataSource()
    sns_data_source: LabelingSnsDataSource = LabelingSnsDataSource()


class LabelingInputConfig(Fields, frozen=True):
    """What is to be labeled."""

    data_source: LabelingDataSource = LabelingDataSource()


class LabelingJobOutput(Fields, frozen=True):
    """What a labeling job made."""

    output_dataset_s3_uri: Uri | None = None


class LabelingJob(Fields, frozen=True):
    """A labeling job, as DescribeLabelingJob shows it: its events have its status only."""

    labeling_job_name: Name | None = None
    labeling_job_arn: Uri | None = None
    labeling_job_status: str | None = None
    failure_reason: str | None = None
    label_attribute_name: str | None = None
    label_category_config_s3_uri: Uri | None = None
    label_counters: dict[str, Number | None] = {}
    input_config: LabelingInputConfig = LabelingInputConfig()
    labeling_job_output: LabelingJobOutput = LabelingJobOutput()
    tags: Tags = None
    creation_time: Time | None = None
    last_modified_time: Time | None = None


def lineage(job: Resource[LabelingJob], _: Lookup) -> Lineage:
    """A labeling job is an action that turns an input manifest (or what a topic brings) into an output manifest.

    Source: ours: SageMaker captures nothing of a labeling job (evidence.md#no-entity). Training jobs name its output
    manifest as their input.
    """
    detail = job.detail
    status = detail.labeling_job_status or ""
    name = entity_name(job.name, "aws-labeling-job")
    properties = {
        "LabelAttributeName": detail.label_attribute_name,
        "FailureReason": detail.failure_reason,
        **{f"LabelCounters.{key}": None if n is None else f"{n:g}" for key, n in detail.label_counters.items()},
    }
    action = Action(
        arn=f"{job.arn_prefix}action/{name}",
        type="LabelingJob",
        name=name,
        source_uri=job.arn,
        created=job.created,
        weight=OWNER,
        created_by=job.created_by,
        modified_by=job.modified_by,
        status=status,
        ended=instant(detail.last_modified_time) if is_finished(status) else None,
        modified=job.modified,
        properties=texts(properties),
        tags=job.tags,
    )
    source = detail.input_config.data_source
    read = _artifacts(
        job,
        source.s3_data_source.manifest_s3_uri,
        source.sns_data_source.sns_topic_arn,
        detail.label_category_config_s3_uri,
    )
    written = _artifacts(job, detail.labeling_job_output.output_dataset_s3_uri)
    contributed, produced = AssociationType.CONTRIBUTED_TO, AssociationType.PRODUCED
    return Lineage(
        (action, *read, *written),
        (
            *(Association(one.arn, action.arn, contributed, job.created, inferred=True) for one in read),
            *(Association(action.arn, one.arn, produced, job.created, inferred=True) for one in written),
        ),
    )


def missing(job: Resource[LabelingJob], _: Lookup) -> Iterator[DescribeRequest]:
    """Its description, while it is unknown what it labels, or what it made: its events have a status only."""
    detail = job.detail
    source = detail.input_config.data_source
    unknown = not (source.s3_data_source.manifest_s3_uri or source.sns_data_source.sns_topic_arn)
    completed = (detail.labeling_job_status or "").lower() == "completed"
    if unknown or (completed and not detail.labeling_job_output.output_dataset_s3_uri):
        yield from job.describe("DescribeLabelingJob")


def _artifacts(job: Resource[LabelingJob], *uris: str | None) -> list[Artifact]:
    return [artifact(job.arn_prefix, "DataSet", uri, job.created) for uri in dict.fromkeys(uris) if uri]


TYPE = ResourceType(
    kind=LABELING_JOB,
    name="labeling job",
    mark="ours",
    fields=LabelingJob,
    lineage=lineage,
    missing=missing,
    arn_field="labeling_job_arn",
    name_field="labeling_job_name",
    status_fields=("labeling_job_status",),
    events=("SageMaker Ground Truth Labeling Job State Change",),
    calls={"CreateLabelingJob": creates(), "StopLabelingJob": updates()},
    described_by=described("LabelingJob"),
    listed_by=ListOperation("ListLabelingJobs", "LabelingJobSummaryList", "LabelingJobArn", "LabelingJobName"),
)
