"""The kinds of resources that Headwater derives lineage from."""

from __future__ import annotations

from typing import NewType

ResourceKind = NewType("ResourceKind", str)
"""A kind of resource, spelled as in its ARN where it has an ARN of its own.

The kinds that several modules name are here. A resource type that nobody else names defines its kind in its own file.
"""

TRAINING_JOB = ResourceKind("training-job")
PROCESSING_JOB = ResourceKind("processing-job")
TRANSFORM_JOB = ResourceKind("transform-job")
TUNING_JOB = ResourceKind("hyper-parameter-tuning-job")
AUTOML_JOB = ResourceKind("automl-job")
MODEL = ResourceKind("model")
MODEL_PACKAGE = ResourceKind("model-package")
MODEL_PACKAGE_GROUP = ResourceKind("model-package-group")
ENDPOINT_CONFIG = ResourceKind("endpoint-config")
ENDPOINT = ResourceKind("endpoint")
INFERENCE_COMPONENT = ResourceKind("inference-component")
PIPELINE = ResourceKind("pipeline")
PIPELINE_EXECUTION = ResourceKind("pipeline-execution")
PIPELINE_STEP = ResourceKind("pipeline-step")
FEATURE_GROUP = ResourceKind("feature-group")
IMAGE = ResourceKind("image")
IMAGE_VERSION = ResourceKind("image-version")
EXPERIMENT = ResourceKind("experiment")
TRIAL = ResourceKind("experiment-trial")
TRIAL_COMPONENT = ResourceKind("experiment-trial-component")
MEMBERSHIP = ResourceKind("membership")
ARTIFACT = ResourceKind("artifact")
CONTEXT = ResourceKind("context")
ACTION = ResourceKind("action")
ASSOCIATION = ResourceKind("association")

ENTITIES = frozenset({ARTIFACT, CONTEXT, ACTION, EXPERIMENT, TRIAL, TRIAL_COMPONENT})
"""The kinds that are entities of lineage themselves: Headwater derives them, and clients may write them."""
