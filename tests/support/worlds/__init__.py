"""Small made-up worlds in which everything that can collide does."""

from __future__ import annotations

from hypothesis import strategies as st

from tests.support.worlds.calls import (
    artifact_calls,
    association_calls,
    component_calls,
    context_calls,
    endpoint_calls,
    experiment_calls,
    inference_component_calls,
    package_calls,
    pipeline_calls,
)
from tests.support.worlds.jobs import (
    automl_jobs,
    glue_job_runs,
    labeling_jobs,
    tuning_jobs,
)
from tests.support.worlds.resources import (
    configs,
    endpoints,
    executions,
    feature_groups,
    image_versions,
    images,
    model_cards,
    models,
    packages,
    processing_jobs,
    schedules,
    steps,
    training_jobs,
    transform_jobs,
)

everything = (
    endpoints,
    configs,
    models,
    packages,
    package_calls,
    endpoint_calls,
    inference_component_calls,
    model_cards,
    images,
    image_versions,
    schedules,
    training_jobs,
    processing_jobs,
    transform_jobs,
    executions,
    steps,
    feature_groups,
    tuning_jobs,
    automl_jobs,
    labeling_jobs,
    glue_job_runs,
    artifact_calls,
    context_calls,
    experiment_calls,
    component_calls,
    association_calls,
    pipeline_calls,
)
one_of_all = st.one_of(everything)
# A world of few kinds of things is one in which more happens to each of them.
worlds = st.lists(st.sampled_from(everything), min_size=1, max_size=3, unique_by=id).flatmap(
    lambda kinds: st.lists(st.one_of(kinds), min_size=1, max_size=12)
) | st.lists(one_of_all, min_size=1, max_size=30)
"""What happened in a small world, in any order."""
