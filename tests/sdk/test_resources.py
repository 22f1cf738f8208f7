"""The classes that v3 of the SDK generates for every operation: responses have to match their types."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from sagemaker.core.resources import (
    Action,
    Artifact,
    Association,
    Context,
    Endpoint,
    Experiment,
    LineageGroup,
    ModelPackage,
    ModelPackageGroup,
    Pipeline,
    PipelineExecution,
    TrainingJob,
    Trial,
    TrialComponent,
)
from sagemaker.core.shapes import (
    ActionSource,
    ArtifactSource,
    ArtifactSourceType,
    ContextSource,
    RawMetricData,
    Tag,
    TrialComponentArtifact,
    TrialComponentParameterValue,
    TrialComponentStatus,
)

from tests.sdk.clients import CHURN_PACKAGE


def test_an_artifact_is_created_updated_and_deleted(unique: str) -> None:
    types = [ArtifactSourceType(source_id_type="Custom", value="1")]
    source = ArtifactSource(source_uri=f"s3://{unique}/a", source_types=types)
    made = Artifact.create(source=source, artifact_type=unique, artifact_name=unique, properties={"a": "1"})

    made.update(properties={"b": "2"}, properties_to_remove=["a"])

    assert made.properties == {"b": "2"}
    assert made.source.source_types[0].value == "1"
    assert [one.artifact_arn for one in Artifact.get_all(artifact_type=unique)] == [made.artifact_arn]
    made.delete()  # which names both the artifact and its source
    with pytest.raises(ClientError) as refused:
        Artifact.get(artifact_arn=made.artifact_arn)
    assert refused.value.response["Error"]["Code"] == "ResourceNotFound"


def test_a_context_and_an_action_are_associated(unique: str) -> None:
    context = Context.create(
        context_name=f"{unique}-context", source=ContextSource(source_uri=unique), context_type="Project"
    )
    action = Action.create(
        action_name=f"{unique}-action",
        source=ActionSource(source_uri=unique, source_type="Page"),
        action_type="Review",
        status="InProgress",
    )
    Association.add(
        source_arn=context.context_arn, destination_arn=action.action_arn, association_type="AssociatedWith"
    )

    (association,) = Association.get_all(source_arn=context.context_arn)

    assert (association.source_name, association.destination_name) == (f"{unique}-context", f"{unique}-action")
    assert (association.source_type, association.destination_type) == ("Project", "Review")
    association.delete()
    action.update(status="Completed")
    assert Action.get(action_name=f"{unique}-action").status == "Completed"
    assert [one.context_arn for one in Context.get_all(source_uri=unique)] == [context.context_arn]
    context.delete()
    action.delete()


def test_an_experiment_has_trials_of_components(unique: str) -> None:
    Experiment.create(experiment_name=unique, display_name="A-study", tags=[Tag(key="a", value="1")])
    trial = Trial.create(trial_name=f"{unique}-trial", experiment_name=unique)
    component = TrialComponent.create(
        trial_component_name=f"{unique}-step",
        status=TrialComponentStatus(primary_status="InProgress"),
        parameters={"eta": TrialComponentParameterValue(number_value=0.2)},
        input_artifacts={"data": TrialComponentArtifact(value="s3://churn/train", media_type="text/csv")},
    )
    component.associate_trail(trial_name=f"{unique}-trial")

    component.update(
        status=TrialComponentStatus(primary_status="Completed"),
        parameters={"mode": TrialComponentParameterValue(string_value="slow")},
        parameters_to_remove=["eta"],
    )

    assert component.status.primary_status == "Completed"
    assert component.parameters["mode"].string_value == "slow"
    assert list(component.parameters) == ["mode"]
    assert component.input_artifacts["data"].media_type == "text/csv"
    assert [one.trial_component_name for one in TrialComponent.get_all(trial_name=f"{unique}-trial")] == [
        f"{unique}-step"
    ]
    assert [one.trial_name for one in Trial.get_all(experiment_name=unique)] == [f"{unique}-trial"]
    assert Experiment.get(experiment_name=unique).display_name == "A-study"
    component.disassociate_trail(trial_name=f"{unique}-trial")
    component.delete()
    trial.delete()
    Experiment.get(experiment_name=unique).delete()


def test_metrics_are_put_into_a_component(unique: str) -> None:
    component = TrialComponent.create(trial_component_name=unique)
    at = component.creation_time
    data = [RawMetricData(metric_name="loss", timestamp=at, step=step, value=1 / (step + 1)) for step in range(2)]

    component.batch_put_metrics(metric_data=data)

    (metric,) = component.refresh().metrics
    assert (metric.metric_name, metric.last, metric.count, metric.max) == ("loss", 0.5, 2, 1.0)


def test_everything_is_in_one_lineage_group() -> None:
    (group,) = LineageGroup.get_all()

    assert group.lineage_group_name == "sagemaker-default-lineage-group"


def test_lineage_of_events_is_read() -> None:
    job = TrainingJob.get(training_job_name="Churn-Train-7")
    assert job.training_job_status == "Completed"
    assert job.model_artifacts.s3_model_artifacts == "s3://churn/models/Churn-Train-7/output/model.tar.gz"
    assert job.hyper_parameters["max_depth"] == "5"
    assert "Churn-Train-7" in [one.training_job_name for one in TrainingJob.get_all(name_contains="Churn")]
    assert ModelPackage.get(model_package_name=CHURN_PACKAGE).model_approval_status == "Approved"
    assert ModelPackageGroup.get(model_package_group_name="ChurnModels").model_package_group_name == "ChurnModels"
    assert Endpoint.get(endpoint_name="Churn-Live").endpoint_status == "InService"


def test_a_pipeline_is_read_from_its_name_to_its_steps(abalone: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER", abalone.sagemaker_client.meta.endpoint_url)
    session = boto3.Session(region_name="us-west-2")

    pipeline = Pipeline.get(pipeline_name="abalonepipeline", session=session)
    (execution,) = PipelineExecution.get_all(pipeline_name="abalonepipeline", session=session)
    steps = {step.step_name: step for step in execution.get_all_steps()}

    assert pipeline.pipeline_arn.endswith("pipeline/abalonepipeline")
    assert execution.pipeline_execution_status == "Succeeded"
    assert steps["AbaloneTrain"].step_status == "Succeeded"
    assert "training-job/" in steps["AbaloneTrain"].metadata.training_job.arn
