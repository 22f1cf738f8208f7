"""Entities of lineage and the links between them, as clients make them and as SageMaker's answers describe them."""

from __future__ import annotations

from consumers.shapes.reading import Name, Number, Shape, Tags, Time, Uri
from consumers.shapes.registry import MetadataProperties


class SourceType(Shape, frozen=True):
    """Another name of an artifact's source."""

    source_id_type: Name = ""
    value: Name = ""


class Source(Shape, frozen=True):
    """What an artifact, a context or an action stands for."""

    source_uri: Uri | None = None
    source_types: list[SourceType] = []
    source_type: str | None = None
    source_id: str | None = None


class Origin(Shape, frozen=True):
    """What SageMaker made an experiment, a trial or a trial component for; those that clients make have none."""

    source_arn: Uri | None = None
    source_type: Name | None = None


class Artifact(Shape, frozen=True):
    """An artifact, as DescribeArtifact shows it."""

    artifact_arn: Uri | None = None
    artifact_name: Name | None = None
    artifact_type: Name | None = None
    source: Source = Source()
    properties: dict[Name, str | None] = {}
    metadata_properties: MetadataProperties = MetadataProperties()
    tags: Tags = None
    creation_time: Time | None = None
    last_modified_time: Time | None = None


class Context(Shape, frozen=True):
    """A context, as DescribeContext shows it."""

    context_arn: Uri | None = None
    context_name: Name | None = None
    context_type: Name | None = None
    source: Source = Source()
    description: str | None = None
    properties: dict[Name, str | None] = {}
    tags: Tags = None
    creation_time: Time | None = None
    last_modified_time: Time | None = None


class Action(Shape, frozen=True):
    """An action, as DescribeAction shows it."""

    action_arn: Uri | None = None
    action_name: Name | None = None
    action_type: Name | None = None
    source: Source = Source()
    description: str | None = None
    status: str | None = None
    properties: dict[Name, str | None] = {}
    metadata_properties: MetadataProperties = MetadataProperties()
    tags: Tags = None
    creation_time: Time | None = None
    last_modified_time: Time | None = None


class Experiment(Shape, frozen=True):
    """An experiment, as DescribeExperiment shows it."""

    experiment_arn: Uri | None = None
    experiment_name: Name | None = None
    display_name: Name | None = None
    description: str | None = None
    source: Origin = Origin()
    tags: Tags = None
    creation_time: Time | None = None
    last_modified_time: Time | None = None


class Trial(Shape, frozen=True):
    """A trial, as DescribeTrial shows it."""

    trial_arn: Uri | None = None
    trial_name: Name | None = None
    experiment_name: Name | None = None
    display_name: Name | None = None
    source: Origin = Origin()
    metadata_properties: MetadataProperties = MetadataProperties()
    tags: Tags = None
    creation_time: Time | None = None
    last_modified_time: Time | None = None


class ComponentStatus(Shape, frozen=True):
    """How a trial component went."""

    primary_status: str | None = None
    message: str | None = None


class ParameterValue(Shape, frozen=True):
    """A parameter: a string or a number."""

    string_value: str | None = None
    number_value: Number | None = None


class ArtifactValue(Shape, frozen=True):
    """An input or an output of a trial component."""

    media_type: Name | None = None
    value: Uri | None = None


class MetricSummary(Shape, frozen=True):
    """A metric of a trial component."""

    metric_name: Name = ""
    last: Number | None = None
    time_stamp: Time | None = None
    min: Number | None = None
    max: Number | None = None
    avg: Number | None = None
    std_dev: Number | None = None
    count: int | None = None


class TrialComponent(Shape, frozen=True):
    """A trial component, as DescribeTrialComponent shows it."""

    trial_component_arn: Uri | None = None
    trial_component_name: Name | None = None
    display_name: Name | None = None
    source: Origin = Origin()
    status: ComponentStatus = ComponentStatus()
    start_time: Time | None = None
    end_time: Time | None = None
    parameters: dict[Name, ParameterValue | None] = {}
    input_artifacts: dict[Name, ArtifactValue | None] = {}
    output_artifacts: dict[Name, ArtifactValue | None] = {}
    metrics: list[MetricSummary] = []
    metadata_properties: MetadataProperties = MetadataProperties()
    tags: Tags = None
    creation_time: Time | None = None
    last_modified_time: Time | None = None


class Association(Shape, frozen=True):
    """An association: both its ends are told whenever it is spoken of."""

    source_arn: Uri | None = None
    destination_arn: Uri | None = None
    association_type: str | None = None
    creation_time: Time | None = None


class Membership(Shape, frozen=True):
    """A trial component in a trial, by name as it was asked for and by ARN as it was answered."""

    trial_arn: Uri | None = None
    trial_name: Uri | None = None
    trial_component_arn: Uri | None = None
    trial_component_name: Uri | None = None
    creation_time: Time | None = None
