"""`make demo-backfill`: what was in an account before Headwater came, and what was lost on the way, found by asking.

An AWS in miniature (moto) in which a model was trained, registered and deployed while nobody listened; then the
commands that a user would run, as processes of their own, and what they print.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from consumers.demo.aws import Aws, miniature

BUCKET = "s3://abalone-bucket"
IMAGE = "246618743249.dkr.ecr.us-west-2.amazonaws.com/sagemaker-xgboost:1.0-1-cpu-py3"
ROLE = "arn:aws:iam::123456789012:role/lineage"
HARDWARE = {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 30}
ENDPOINT = "Abalone-Endpoint"


def main() -> int:
    """Run it; 0 when every command was content."""
    with miniature() as aws, tempfile.TemporaryDirectory(prefix="headwater-demo-") as folder:
        logging.getLogger("werkzeug").setLevel(logging.CRITICAL)  # it shows where moto lacks an operation, line by line
        made = an_account(aws.client("sagemaker"))
        _say("An AWS in miniature, in which a model was trained, registered and deployed while nobody listened")
        for words in (
            ("backfill", "--dry-run"),
            ("backfill", "--per-second", "20"),
            ("status",),
            ("lineage", ENDPOINT),
        ):
            if code := _run(aws, folder, *words):
                return code
        _say("Another store, which heard that the endpoint is in service, and of nothing else that was said before")
        (Path(folder) / "heard.json").write_text(_in_service(aws, made["endpoint"]))
        lost = ("--database-url", "sqlite:///lost.db")
        for words in (("replay", "heard.json"), ("reconcile", "--per-second", "20"), ("lineage", ENDPOINT)):
            if code := _run(aws, folder, *words, *lost):
                return code
    return 0


def _run(aws: Aws, folder: str, *words: str) -> int:
    """Run a command as a user would, and show it; its exit code."""
    print(f"\n$ headwater {' '.join(words)}", flush=True)
    began = time.monotonic()
    command = [sys.executable, "-m", "consumers.cli", *words]
    done = subprocess.run(command, cwd=folder, env=_environment(aws), check=False)
    print(f"({time.monotonic() - began:.1f} s)", flush=True)
    return done.returncode


def _in_service(aws: Aws, arn: str) -> str:
    """The last event of the endpoint."""
    described = aws.client("sagemaker").describe_endpoint(EndpointName=ENDPOINT)
    detail = {
        "EndpointName": ENDPOINT,
        "EndpointArn": arn,
        "EndpointConfigName": described["EndpointConfigName"],
        "EndpointStatus": "IN_SERVICE",
        **{name: int(described[name].timestamp() * 1000) for name in ("CreationTime", "LastModifiedTime")},
    }
    event = {"detail-type": "SageMaker Endpoint State Change", "source": "aws.sagemaker", "detail": detail}
    return json.dumps({**event, "time": described["LastModifiedTime"].isoformat(), "resources": [arn]})


def an_account(client: Any) -> Mapping[str, str]:
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


def _environment(aws: Aws) -> dict[str, str]:
    """Ours, without what would lead to another AWS or store than the demo's."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "HEADWATER_"))}
    return {
        **plain,
        "PYTHONPATH": str(Path(__file__).parent.parent),
        "AWS_ENDPOINT_URL": aws.endpoint,
        "AWS_DEFAULT_REGION": aws.region,
        "AWS_ACCESS_KEY_ID": aws.access_key_id,
        "AWS_SECRET_ACCESS_KEY": aws.secret_access_key,
        "AWS_MAX_ATTEMPTS": "1",  # what moto lacks it answers like a failure, which is tried again otherwise
    }


def _say(said: str) -> None:
    print(f"» {said}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
