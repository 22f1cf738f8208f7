"""An account in moto's SageMaker, with one of everything that moto has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.support.aws import ROLE

BUCKET = "s3://abalone-bucket"
IMAGE = "246618743249.dkr.ecr.us-west-2.amazonaws.com/sagemaker-xgboost:1.0-1-cpu-py3"
HARDWARE = {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 30}
ENDPOINT = "Abalone-Endpoint"


def make_account(client: Any) -> Mapping[str, str]:
    """Make one of everything that moto knows of, from a data set to an endpoint.

    Args:
        client: boto3's, of SageMaker.

    Returns:
        The ARN of each, by kind.
    """
    data = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"{BUCKET}/train"}}
    processing = client.create_processing_job(
        ProcessingJobName="Abalone-Prepare",
        AppSpecification={"ImageUri": IMAGE, "ContainerEntrypoint": ["python3", "prepare.py"]},
        RoleArn=ROLE,
        ProcessingResources={"ClusterConfig": HARDWARE},
        ProcessingInputs=[
            {
                "InputName": "raw",
                "S3Input": {
                    "S3Uri": f"{BUCKET}/abalone.csv",
                    "LocalPath": "/opt/ml/processing/input",
                    "S3DataType": "S3Prefix",
                    "S3InputMode": "File",
                },
            }
        ],
        ProcessingOutputConfig={
            "Outputs": [
                {
                    "OutputName": "train",
                    "S3Output": {
                        "S3Uri": f"{BUCKET}/train",
                        "LocalPath": "/opt/ml/processing/train",
                        "S3UploadMode": "EndOfJob",
                    },
                }
            ]
        },
    )
    training = client.create_training_job(
        TrainingJobName="Abalone-Train",
        AlgorithmSpecification={"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        RoleArn=ROLE,
        InputDataConfig=[{"ChannelName": "train", "ContentType": "text/csv", "DataSource": data}],
        OutputDataConfig={"S3OutputPath": f"{BUCKET}/models"},
        ResourceConfig=HARDWARE,
        StoppingCondition={"MaxRuntimeInSeconds": 3600},
        HyperParameters={"max_depth": "5"},
    )
    weights = f"{BUCKET}/models/Abalone-Train/output/model.tar.gz"
    container = {"Image": IMAGE, "ModelDataUrl": weights}
    model = client.create_model(ModelName="Abalone-Model", ExecutionRoleArn=ROLE, PrimaryContainer=container)
    transform = client.create_transform_job(
        TransformJobName="Abalone-Score",
        ModelName="Abalone-Model",
        TransformInput={"DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"{BUCKET}/batch"}}},
        TransformOutput={"S3OutputPath": f"{BUCKET}/scored"},
        TransformResources={"InstanceType": "ml.m5.xlarge", "InstanceCount": 1},
        Tags=[{"Key": "team", "Value": "abalone"}],  # without any, moto fails at it
    )
    group = client.create_model_package_group(ModelPackageGroupName="Abalone")
    package = client.create_model_package(
        ModelPackageGroupName="Abalone",
        InferenceSpecification={
            "Containers": [container],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
        ModelApprovalStatus="Approved",
    )
    variant = {"VariantName": "all", "ModelName": "Abalone-Model", "InitialInstanceCount": 1}
    config = client.create_endpoint_config(
        EndpointConfigName="Abalone-Config", ProductionVariants=[{**variant, "InstanceType": "ml.m5.xlarge"}]
    )
    endpoint = client.create_endpoint(EndpointName=ENDPOINT, EndpointConfigName="Abalone-Config")
    pipeline = client.create_pipeline(
        PipelineName="AbalonePipeline",
        PipelineDefinition='{"Version": "2020-12-01", "Steps": []}',
        RoleArn=ROLE,
        ClientRequestToken="0123456789abcdef0123456789abcdef",
    )
    execution = client.start_pipeline_execution(
        PipelineName="AbalonePipeline", PipelineParameters=[{"Name": "ProcessingInstanceCount", "Value": "1"}]
    )
    experiment = client.create_experiment(ExperimentName="Abalone-Experiment")
    trial = client.create_trial(TrialName="Abalone-Trial", ExperimentName="Abalone-Experiment")
    component = client.create_trial_component(TrialComponentName="Abalone-Run", DisplayName="a run")
    client.associate_trial_component(TrialName="Abalone-Trial", TrialComponentName="Abalone-Run")
    return {
        "processing-job": processing["ProcessingJobArn"],
        "training-job": training["TrainingJobArn"],
        "transform-job": transform["TransformJobArn"],
        "model": model["ModelArn"],
        "model-package-group": group["ModelPackageGroupArn"],
        "model-package": package["ModelPackageArn"],
        "endpoint-config": config["EndpointConfigArn"],
        "endpoint": endpoint["EndpointArn"],
        "pipeline": pipeline["PipelineArn"],
        "pipeline-execution": execution["PipelineExecutionArn"],
        "experiment": experiment["ExperimentArn"],
        "experiment-trial": trial["TrialArn"],
        "experiment-trial-component": component["TrialComponentArn"],
    }
