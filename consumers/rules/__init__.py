"""What a resource, and what it refers to, says of lineage: pure functions, one row of CAPTURE B1 each."""

from collections.abc import Mapping

from consumers import shapes
from consumers.known import Kind
from consumers.resource import Rule
from consumers.rules import deployment, features, jobs, pipelines, registry

RULES: Mapping[Kind, Rule] = {
    Kind.TRAINING_JOB: Rule(
        "training job",
        shapes.TrainingJob,
        jobs.training_job,
        "observed",
        jobs.training_job_refers,
        jobs.training_job_asks,
        version=2,
    ),
    Kind.PROCESSING_JOB: Rule(
        "processing job",
        shapes.ProcessingJob,
        jobs.processing_job,
        "observed",
        jobs.processing_job_refers,
        jobs.processing_job_asks,
        version=2,
    ),
    Kind.TRANSFORM_JOB: Rule(
        "transform job",
        shapes.TransformJob,
        jobs.transform_job,
        "observed",
        jobs.transform_job_refers,
        jobs.transform_job_asks,
        version=2,
    ),
    Kind.MODEL: Rule("model", shapes.Model, registry.model, "observed", registry.model_refers, passes_on=True),
    Kind.MODEL_PACKAGE: Rule(
        "model package",
        shapes.ModelPackage,
        registry.model_package,
        "observed",
        registry.model_package_refers,
        passes_on=True,
    ),
    Kind.MODEL_PACKAGE_GROUP: Rule(
        "model package group", shapes.ModelPackageGroup, registry.model_package_group, "observed"
    ),
    Kind.ENDPOINT_CONFIG: Rule(
        "endpoint config",
        shapes.EndpointConfig,
        deployment.endpoint_config,
        "observed",
        deployment.endpoint_config_refers,
        passes_on=True,
    ),
    Kind.ENDPOINT: Rule("endpoint", shapes.Endpoint, deployment.endpoint, "observed", deployment.endpoint_refers),
    Kind.PIPELINE_EXECUTION: Rule(
        "pipeline execution", shapes.PipelineExecution, pipelines.pipeline_execution, "documented"
    ),
    Kind.PIPELINE_STEP: Rule(
        "pipeline step", shapes.PipelineStep, pipelines.pipeline_step, "documented", pipelines.pipeline_step_refers
    ),
    Kind.FEATURE_GROUP: Rule("feature group", shapes.FeatureGroup, features.feature_group, "ours", version=2),
}
"""Every rule, by the kind of resource it reads."""
