"""Labeling jobs, as events and answers tell them."""

from __future__ import annotations

from consumers.shapes.reading import Name, Number, Shape, Tags, Time, Uri


class LabelingS3DataSource(Shape, frozen=True):
    """A manifest that lists what is to be labeled."""

    manifest_s3_uri: Uri | None = None


class LabelingSnsDataSource(Shape, frozen=True):
    """A topic by which what is to be labeled comes, one at a time."""

    sns_topic_arn: Uri | None = None


class LabelingDataSource(Shape, frozen=True):
    """Where what is to be labeled comes from."""

    s3_data_source: LabelingS3DataSource = LabelingS3DataSource()
    sns_data_source: LabelingSnsDataSource = LabelingSnsDataSource()


class LabelingInputConfig(Shape, frozen=True):
    """What is to be labeled."""

    data_source: LabelingDataSource = LabelingDataSource()


class LabelingJobOutput(Shape, frozen=True):
    """What a labeling job made."""

    output_dataset_s3_uri: Uri | None = None


class LabelingJob(Shape, frozen=True):
    """A labeling job, as DescribeLabelingJob shows it: its events tell its status only."""

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
