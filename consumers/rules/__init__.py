"""What a resource, and what it refers to, says of lineage: pure functions, one row of CAPTURE B1 each."""

from collections.abc import Mapping

from consumers import shapes
from consumers.kind import ResourceKind
from consumers.resources.types import Rule
from consumers.rules import (
    cards,
    deployment,
    entities,
    features,
    glue,
    images,
    jobs,
    labeling,
    monitoring,
    pipelines,
    registry,
    tuning,
)

RULES: Mapping[ResourceKind, Rule] = {
    ResourceKind.TRAINING_JOB: Rule(
        "training job",
        shapes.TrainingJob,
        entities.amended(jobs.training_job),
        "observed",
        entities.amended_refers(jobs.training_job_refers),
        jobs.training_job_asks,
        version=3,
    ),
    ResourceKind.PROCESSING_JOB: Rule(
        "processing job",
        shapes.ProcessingJob,
        entities.amended(jobs.processing_job),
        "observed",
        entities.amended_refers(jobs.processing_job_refers),
        jobs.processing_job_asks,
        version=3,
    ),
    ResourceKind.TRANSFORM_JOB: Rule(
        "transform job",
        shapes.TransformJob,
        entities.amended(jobs.transform_job),
        "observed",
        entities.amended_refers(jobs.transform_job_refers),
        jobs.transform_job_asks,
        version=3,
    ),
    ResourceKind.MODEL: Rule(
        "model",
        shapes.Model,
        registry.model,
        "observed",
        registry.model_refers,
        registry.model_asks,
        version=2,
        passes_on=True,
    ),
    ResourceKind.MODEL_PACKAGE: Rule(
        "model package",
        shapes.ModelPackage,
        registry.model_package,
        "observed",
        registry.model_package_refers,
        registry.model_package_asks,
        version=3,
        passes_on=True,
    ),
    ResourceKind.MODEL_PACKAGE_GROUP: Rule(
        "model package group",
        shapes.ModelPackageGroup,
        registry.model_package_group,
        "observed",
        asks=registry.model_package_group_asks,
        version=2,
    ),
    ResourceKind.ENDPOINT_CONFIG: Rule(
        "endpoint config",
        shapes.EndpointConfig,
        deployment.endpoint_config,
        "observed",
        deployment.endpoint_config_refers,
        deployment.endpoint_config_asks,
        version=2,
        passes_on=True,
    ),
    ResourceKind.ENDPOINT: Rule(
        "endpoint",
        shapes.Endpoint,
        deployment.endpoint,
        "observed",
        deployment.endpoint_refers,
        deployment.endpoint_asks,
        version=2,
    ),
    ResourceKind.INFERENCE_COMPONENT: Rule(
        "inference component",
        shapes.InferenceComponent,
        deployment.inference_component,
        "ours",
        deployment.inference_component_refers,
        deployment.inference_component_asks,
        passes_on=True,
    ),
    ResourceKind.PIPELINE_EXECUTION: Rule(
        "pipeline execution",
        shapes.PipelineExecution,
        pipelines.pipeline_execution,
        "documented",
        asks=pipelines.pipeline_execution_asks,
        version=2,
    ),
    ResourceKind.PIPELINE: Rule(
        "pipeline", shapes.Pipeline, pipelines.pipeline, "documented", pipelines.pipeline_refers
    ),
    ResourceKind.PIPELINE_STEP: Rule(
        "pipeline step",
        shapes.PipelineStep,
        pipelines.pipeline_step,
        "documented",
        pipelines.pipeline_step_refers,
        version=3,
        passes_on=True,
    ),
    ResourceKind.FEATURE_GROUP: Rule("feature group", shapes.FeatureGroup, features.feature_group, "ours", version=2),
    ResourceKind.ARTIFACT: Rule(
        "artifact", shapes.Artifact, entities.artifact_made, "documented", asks=entities.artifact_asks, version=2
    ),
    ResourceKind.CONTEXT: Rule("context", shapes.Context, entities.context_made, "documented", version=2),
    ResourceKind.ACTION: Rule("action", shapes.Action, entities.action_made, "documented", version=2),
    ResourceKind.EXPERIMENT: Rule(
        "experiment", shapes.Experiment, entities.experiment_made, "documented", entities.experiment_refers
    ),
    ResourceKind.TRIAL: Rule(
        "trial", shapes.Trial, entities.trial_made, "documented", entities.trial_refers, version=2
    ),
    ResourceKind.TRIAL_COMPONENT: Rule(
        "trial component", shapes.TrialComponent, entities.component_made, "documented", entities.component_refers
    ),
    ResourceKind.MEMBERSHIP: Rule(
        "membership", shapes.Membership, entities.membership_made, "documented", entities.membership_refers
    ),
    ResourceKind.ASSOCIATION: Rule(
        "association",
        shapes.Association,
        entities.association_made,
        "documented",
        entities.association_refers,
        entities.association_asks,
    ),
    ResourceKind.TUNING_JOB: Rule(
        "tuning job",
        shapes.TuningJob,
        tuning.tuning_job,
        "documented",
        tuning.tuning_job_refers,
        tuning.tuning_job_asks,
    ),
    ResourceKind.AUTOML_JOB: Rule(
        "AutoML job",
        shapes.AutoMLJob,
        tuning.automl_job,
        "documented",
        tuning.automl_job_refers,
        tuning.automl_job_asks,
        version=2,
    ),
    ResourceKind.LABELING_JOB: Rule(
        "labeling job", shapes.LabelingJob, labeling.labeling_job, "ours", asks=labeling.labeling_job_asks
    ),
    ResourceKind.GLUE_JOB_RUN: Rule("Glue job run", shapes.GlueJobRun, glue.glue_job_run, "ours"),
    ResourceKind.MODEL_CARD: Rule(
        "model card", shapes.ModelCard, cards.model_card, "ours", cards.model_card_refers, cards.model_card_asks
    ),
    ResourceKind.IMAGE: Rule("image", shapes.Image, images.image, "ours", version=2),
    ResourceKind.IMAGE_VERSION: Rule(
        "image version",
        shapes.ImageVersion,
        images.image_version,
        "ours",
        images.image_version_refers,
        images.image_version_asks,
    ),
    ResourceKind.MONITORING_SCHEDULE: Rule(
        "monitoring schedule",
        shapes.MonitoringSchedule,
        monitoring.monitoring_schedule,
        "ours",
        monitoring.monitoring_schedule_refers,
        monitoring.monitoring_schedule_asks,
    ),
}
"""Every rule, by the kind of resource it reads."""
