"""Experiments and trials, as those who are part of them name them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from consumers.resources.fields import Fields, Name, Time, instant
from consumers.resources.types import AnyResource
from store.lineage import OWNER, Experiment, Lineage, Membership, Trial, TrialComponent, entity_name


class ExperimentConfig(Fields, frozen=True):
    """What a job is a part of."""

    experiment_name: Name | None = None
    trial_name: Name | None = None
    trial_component_display_name: Name | None = None
    run_name: Name | None = None


PIPELINE_TAG = "sagemaker:pipeline-execution-arn"
"""The tag that SageMaker puts on what a pipeline execution makes (evidence.md#pipeline-jobs)."""


def experiment(partition: str, name: str, created: int, weight: int, source_arn: str = "") -> Experiment:
    """The experiment of a name; names are not case-sensitive (evidence.md#names)."""
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


def part_of(
    config: ExperimentConfig, tags: Mapping[str, str], name: str, makers: Iterable[str]
) -> Iterator[tuple[str, str]]:
    """The (experiment, trial) that a job is in: by its ExperimentConfig, by what made it, and by its own name.

    Args:
        config: The job's.
        tags: Of the job; the pipeline execution's among them.
        name: Of the job; one that a pipeline execution made names the execution.
        makers: ARNs of what may have made it: tuning and AutoML jobs.

    Source: evidence.md#experiment-config, observed; evidence.md#pipeline (a pipeline's experiment has the pipeline's
    name, its trial the execution's id); evidence.md#pipeline-jobs (their names, observed); trials of tuning and AutoML
    jobs plausible.
    """
    found: dict[tuple[str, str], tuple[str, str]] = {}
    if config.experiment_name or config.trial_name:
        names = (config.experiment_name or "", config.trial_name or "")
        found[names[0].lower(), names[1].lower()] = names
    made = [pipeline_names(tags.get(PIPELINE_TAG, "")), *map(made_in, makers)]
    for names in filter(None, made):
        found.setdefault((names[0].lower(), names[1].lower()), names)
    if (match := _MADE_BY_PIPELINE.fullmatch(name)) and match[1].lower() not in {trial for _, trial in found}:
        found["", match[1].lower()] = ("", match[1])
    yield from found.values()


_MADE_BY_PIPELINE = re.compile(r"pipelines-([a-z0-9]{12})-.+-[a-z0-9]{10}", re.IGNORECASE)
"""`pipelines-<execution>-<step>-<random>` (evidence.md#pipeline-jobs)."""


TUNING_SUFFIX, AUTOML_SUFFIX = "aws-tuning-job", "aws-auto-ml-job"
"""The end of the name of a tuning job's experiment, and of an AutoML job's (evidence.md#tuning-automl)."""


def made_in(arn: str) -> tuple[str, str] | None:
    """The experiment and the trial that a tuning or an AutoML job makes, by its ARN; None if it is neither's."""
    kind, _, name = arn.split(":", 5)[-1].partition("/")
    match kind.lower():
        case "hyper-parameter-tuning-job" | "tuningjob":
            whole = entity_name(name, TUNING_SUFFIX)
        case "automl-job":
            whole = entity_name(name, AUTOML_SUFFIX)
        case _:
            return None
    return whole, whole


def pipeline_names(execution_arn: str) -> tuple[str, str] | None:
    """The pipeline's name and the execution's id in the ARN of a pipeline execution, or None if it is none."""
    head, _, execution = execution_arn.partition("/execution/")
    pipeline = head.partition(":pipeline/")[2]
    return (pipeline, execution) if pipeline and execution else None


def experiment_of_jobs(
    job: AnyResource,
    name: str,
    *,
    type_: str,
    status: str,
    ended: Time | None,
    properties: dict[str, str],
    best: dict[str, str],
    members: Iterable[TrialComponent],
) -> Lineage:
    """An experiment and a trial of the same name, with trial components in it; the trial says which was the best."""
    common: dict[str, Any] = {
        "type": type_,
        "name": name,
        "source_uri": job.arn,
        "created": job.created,
        "weight": OWNER,
        "status": status,
        "started": job.created,
        "ended": job.deleted or instant(ended),
        "tags": job.tags,
    }
    parent = Experiment(arn=f"{job.arn_prefix}experiment/{name.lower()}", properties=properties, **common)
    child = Trial(arn=f"{job.arn_prefix}experiment-trial/{name.lower()}", properties=properties | best, **common)
    components = list({one.key: one for one in members}.values())
    return Lineage(
        (parent, child, *components),
        (),
        (Membership(parent.arn, child.arn), *(Membership(child.arn, one.arn) for one in components)),
    )
