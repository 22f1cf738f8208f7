"""Experiments and trials, as those who are part of them name them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from consumers.shapes import ExperimentConfig
from store.lineage import Experiment, Trial

PIPELINE_TAG = "sagemaker:pipeline-execution-arn"
"""The tag that SageMaker puts on what a pipeline execution makes (CAPTURE B1)."""


def experiment(partition: str, name: str, created: int, weight: int, source_arn: str = "") -> Experiment:
    """The experiment of a name; names are not case-sensitive (API 2)."""
    return Experiment(
        arn=f"{partition}experiment/{name.lower()}",
        name=name,
        source_uri=source_arn,
        type="SageMakerPipeline" if source_arn else "",
        created=created,
        weight=weight,
    )


def trial(partition: str, name: str, created: int, weight: int, source_arn: str = "", display_name: str = "") -> Trial:
    """The trial of a name."""
    return Trial(
        arn=f"{partition}experiment-trial/{name.lower()}",
        name=name,
        source_uri=source_arn,
        type="SageMakerPipelineExecution" if source_arn else "",
        display_name=display_name,
        created=created,
        weight=weight,
    )


def part_of(config: ExperimentConfig, tags: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The (experiment, trial) that a job is in: by its ExperimentConfig, and by the pipeline execution in its tags.

    Source: CAPTURE B1, observed; a pipeline's experiment is named as the pipeline, its trial as the execution (PEXP).
    """
    found: dict[tuple[str, str], tuple[str, str]] = {}
    if config.experiment_name or config.trial_name:
        names = (config.experiment_name or "", config.trial_name or "")
        found[names[0].lower(), names[1].lower()] = names
    names = pipeline_names(tags.get(PIPELINE_TAG, "")) or ("", "")
    if any(names):
        found.setdefault((names[0].lower(), names[1].lower()), names)
    yield from found.values()


def pipeline_names(execution_arn: str) -> tuple[str, str] | None:
    """The pipeline's name and the execution's id in the ARN of a pipeline execution, or None if it is none."""
    head, _, execution = execution_arn.partition("/execution/")
    pipeline = head.partition(":pipeline/")[2]
    return (pipeline, execution) if pipeline and execution else None
