"""Where the data of jobs is: its address."""

from __future__ import annotations

from consumers.resources.feature_group import group_key
from consumers.resources.fields import Fields, Name, Uri


class S3DataSource(Fields, frozen=True):
    """Objects in S3."""

    s3_uri: Uri | None = None


class FileSystemDataSource(Fields, frozen=True):
    """A folder in EFS or FSx."""

    file_system_id: Name | None = None
    directory_path: Uri | None = None


class DatasetSource(Fields, frozen=True):
    """A thing of SageMaker's that holds data: a feature group, a data set of a hub."""

    dataset_arn: Uri | None = None


class DataSource(Fields, frozen=True):
    """Where a channel's data is."""

    s3_data_source: S3DataSource = S3DataSource()
    file_system_data_source: FileSystemDataSource = FileSystemDataSource()
    dataset_source: DatasetSource = DatasetSource()


class Channel(Fields, frozen=True):
    """A named input of a training job."""

    channel_name: Name = ""
    content_type: str | None = None
    data_source: DataSource = DataSource()


def channel_uri(channel: Channel) -> str:
    """The address of a channel's data; empty when its fields do not have one.

    An S3 URI as given, be it of objects or of a manifest that lists them; the ARN of a feature group or of another
    thing that holds data; `<file system>:<folder>` in EFS and FSx.

    Source: evidence.md#training-job, observed for S3; the rest plausible.
    """
    source = channel.data_source
    folder = source.file_system_data_source
    if folder.file_system_id:
        return f"{folder.file_system_id}:{folder.directory_path or '/'}"
    return address(_uri(channel))


def channel_group(channel: Channel) -> str | None:
    """The ARN of the feature group that a channel reads, as it is spelled, or None."""
    uri = _uri(channel)
    return uri if group_key(uri) else None


def _uri(channel: Channel) -> str:
    source = channel.data_source
    return source.dataset_source.dataset_arn or source.s3_data_source.s3_uri or ""


def address(uri: str) -> str:
    """A URI as given; the ARN of a feature group as its key."""
    return group_key(uri) or uri
