"""Labeling jobs."""

from __future__ import annotations

from collections.abc import Iterator

from consumers import shapes
from consumers.resources.types import DescribeRequest, Lookup, Resource, instant
from store.lineage import OWNER, Action, Artifact, Association, AssociationType, Lineage, artifact, entity_name


def labeling_job(job: Resource[shapes.LabelingJob], _: Lookup) -> Lineage:
    """A labeling job is an action that turns an input manifest (or what a topic brings) into an output manifest.

    Source: ours: SageMaker captures nothing of it. Its output manifest is what training jobs name as their input.
    """
    detail = job.detail
    status = detail.labeling_job_status or ""
    name = entity_name(job.named(detail.labeling_job_name), "aws-labeling-job")
    told = {
        "LabelAttributeName": detail.label_attribute_name,
        "FailureReason": detail.failure_reason,
        **{f"LabelCounters.{key}": None if n is None else f"{n:g}" for key, n in detail.label_counters.items()},
    }
    action = Action(
        arn=f"{job.partition}action/{name}",
        type="LabelingJob",
        name=name,
        source_uri=job.arn,
        created=job.created,
        weight=OWNER,
        created_by=job.created_by,
        modified_by=job.modified_by,
        status=status,
        ended=instant(detail.last_modified_time) if _over(status) else None,
        modified=job.modified,
        properties={key: text for key, text in told.items() if text},
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


def labeling_job_asks(job: Resource[shapes.LabelingJob], _: Lookup) -> Iterator[DescribeRequest]:
    """Its description, as long as nothing tells what it labels, or what it made: its events tell a status only."""
    detail = job.detail
    source = detail.input_config.data_source
    unknown = not (source.s3_data_source.manifest_s3_uri or source.sns_data_source.sns_topic_arn)
    completed = (detail.labeling_job_status or "").lower() == "completed"
    if unknown or (completed and not detail.labeling_job_output.output_dataset_s3_uri):
        yield from job.asked("DescribeLabelingJob", detail.labeling_job_name)


def _artifacts(job: Resource[shapes.LabelingJob], *uris: str | None) -> list[Artifact]:
    return [artifact(job.partition, "DataSet", uri, job.created) for uri in dict.fromkeys(uris) if uri]


def _over(status: str) -> bool:
    return status.lower() in ("completed", "failed", "stopped")
