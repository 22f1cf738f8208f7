"""The kinds of events that SageMaker sends and nothing is derived from, with the reasons."""

from __future__ import annotations

from collections.abc import Mapping

from consumers.observe.detail_types import CLOUDTRAIL_CALL, DESCRIPTION

_WORKFORCE = "people's work on tasks, which no lineage follows"
_TRACKING_SERVER = "the state of a server, not what is made with it"
_CLUSTER = "the state of a cluster, not what runs on it"

_MLFLOW = "its fields are not documented, and no sample is public; SageMaker registers MLflow's models as packages"

UNHANDLED: Mapping[str, str] = {
    "SageMaker Notebook Instance State Change": "the state of a notebook, not what is made in it",
    "SageMaker Notebook Lifecycle Config State Change": "how notebooks start, not what is made in them",
    "SageMaker Algorithm State Change": "packages name their algorithms themselves",
    "SageMaker Model Card Export Job State Change": "a document made from a model card, which has events of its own",
    "SageMaker Evaluation Job Status Change": "its fields are not documented, and its jobs are processing jobs",
    "SageMaker HyperPod Cluster State Change": _CLUSTER,
    "SageMaker HyperPod Cluster Node Health Event": _CLUSTER,
    "SageMaker HyperPod Cluster Event": _CLUSTER,
    "SageMaker Ground Truth Labeling Job Task Status Change": _WORKFORCE,
    "SageMaker A2I HumanLoop Status Change": _WORKFORCE,
    **dict.fromkeys(
        (
            f"SageMaker {name}"
            for name in (
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
            f"SageMaker Tracking Server {name}"
            for name in (
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
            f"SageMaker MLFlow Tracking Server {name}"
            for name in (
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


def why_kept(label: str) -> str | None:
    """Why nothing is derived from events of a label (`consumers.observe.label`), or None if no rule knows it yet."""
    if label.startswith(f"{CLOUDTRAIL_CALL}: "):
        return "calls that say nothing that events do not"
    if label.startswith(f"{DESCRIPTION}: "):
        return "descriptions that no lineage follows from, such as a pipeline's definition"
    return UNHANDLED.get(label)
