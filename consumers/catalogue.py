"""Every kind of event that SageMaker sends: what it tells of, or why it is kept and nothing is derived from it."""

from __future__ import annotations

from collections.abc import Mapping

from consumers.kind import ResourceKind

CALL = "AWS API Call via CloudTrail"
"""What CloudTrail records of calls; `consumers.observe.cloudtrail` says which of them tell something."""
ANSWER = "Headwater Description"
"""What SageMaker answered when we asked; `consumers.observe.describe_responses` says what it tells."""
WRITE = "Headwater Call"
"""What a client asked of Headwater's own API that changed something; `consumers.observe.client_calls` reads it."""

EVENTS: Mapping[str, ResourceKind] = {
    "SageMaker Training Job State Change": ResourceKind.TRAINING_JOB,
    "SageMaker HyperParameter Tuning Job State Change": ResourceKind.TUNING_JOB,
    "SageMaker Processing Job State Change": ResourceKind.PROCESSING_JOB,
    "SageMaker Transform Job State Change": ResourceKind.TRANSFORM_JOB,
    "SageMaker Model State Change": ResourceKind.MODEL,
    "SageMaker Model Package State Change": ResourceKind.MODEL_PACKAGE,
    "SageMaker Endpoint Config State Change": ResourceKind.ENDPOINT_CONFIG,
    "SageMaker Endpoint State Change": ResourceKind.ENDPOINT,
    "SageMaker Endpoint Deployment State Change": ResourceKind.ENDPOINT,
    "SageMaker Model Building Pipeline Execution Status Change": ResourceKind.PIPELINE_EXECUTION,
    "SageMaker Model Building Pipeline Execution Step Status Change": ResourceKind.PIPELINE_STEP,
    "SageMaker Feature Group State Change": ResourceKind.FEATURE_GROUP,
    "SageMaker Ground Truth Labeling Job State Change": ResourceKind.LABELING_JOB,
    "Glue Job State Change": ResourceKind.GLUE_JOB_RUN,
    "Glue Job Run Status": ResourceKind.GLUE_JOB_RUN,
    "SageMaker Model Card State Change": ResourceKind.MODEL_CARD,
    "SageMaker Image State Change": ResourceKind.IMAGE,
    "SageMaker Image Version State Change": ResourceKind.IMAGE_VERSION,
    "SageMaker Monitoring Schedule State Change": ResourceKind.MONITORING_SCHEDULE,
}
"""The kind of resource that each kind of event tells of (CAPTURE A1)."""

_WORKFORCE = "people's work on tasks, which no lineage follows"
_TRACKING_SERVER = "the life of a server, not of what is made with it"
_CLUSTER = "the life of a cluster, not of what runs on it"

_MLFLOW = "its fields are not documented, and no sample is public; SageMaker registers MLflow's models as packages"

KEPT: Mapping[str, str] = {
    "SageMaker Notebook Instance State Change": "the life of a notebook, not of what is made in it",
    "SageMaker Notebook Lifecycle Config State Change": "how notebooks start, not what is made in them",
    "SageMaker Algorithm State Change": "packages name their algorithms themselves",
    "SageMaker Model Card Export Job State Change": "a document made of a model card, which speaks for itself",
    "SageMaker Evaluation Job Status Change": "its fields are not documented, and its jobs are processing jobs",
    "SageMaker HyperPod Cluster State Change": _CLUSTER,
    "SageMaker HyperPod Cluster Node Health Event": _CLUSTER,
    "SageMaker HyperPod Cluster Event": _CLUSTER,
    "SageMaker Ground Truth Labeling Job Task Status Change": _WORKFORCE,
    "SageMaker A2I HumanLoop Status Change": _WORKFORCE,
    **dict.fromkeys(
        (
            f"SageMaker {told}"
            for told in (
                "Human Loop Finished",
                "Human Loop Step Execution Finished",
                "Human Task Accepted",
                "Human Task Created",
                "Human Task Declined",
                "Human Task Expired",
                "Human Task Returned",
                "Human Task Submitted",
            )
        ),
        _WORKFORCE,
    ),
    **dict.fromkeys(
        (
            f"SageMaker Tracking Server {told}"
            for told in (
                "Creating",
                "Created",
                "Create Failed",
                "Updating",
                "Updated",
                "Update Failed",
                "Deleting",
                "Deleted",
                "Delete Failed",
                "Starting",
                "Started",
                "Start Failed",
                "Stopping",
                "Stopped",
                "Stop Failed",
                "Maintenance In Progress",
                "Maintenance Complete",
                "Maintenance Failed",
            )
        ),
        _TRACKING_SERVER,
    ),
    **dict.fromkeys(
        (
            f"SageMaker MLFlow Tracking Server {told}"
            for told in (
                "Creating Run",
                "Creating RegisteredModel",
                "Creating ModelVersion",
                "Transitioning ModelVersion Stage",
                "Setting Registered Model Alias",
            )
        ),
        _MLFLOW,
    ),
}
"""Why nothing is derived from the other kinds of events; they are in the ledger all the same."""


def why_kept(sort: str) -> str | None:
    """Why nothing is derived from events of a sort (`consumers.observe.sort_of`), or None if no rule knows it yet."""
    if sort.startswith(f"{CALL}: "):
        return "calls that tell nothing that events do not"
    if sort.startswith(f"{ANSWER}: "):
        return "answers that describe what no lineage follows from, such as a pipeline's definition"
    return KEPT.get(sort)
