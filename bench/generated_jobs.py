"""The jobs of a run: the events that each sends, and those of its pipeline step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bench.generated_events import (
    ARN,
    BUCKET,
    HOUR,
    MINUTE,
    REGION,
    ROLE,
    SECOND,
    XGBOOST,
    Draw,
    Project,
    Run,
    T,
    TimedEvent,
    Work,
    iso,
    subject_of,
)

_PROCESSING_IMAGES = (
    f"246618743249.dkr.ecr.{REGION}.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3",
    f"153931337802.dkr.ecr.{REGION}.amazonaws.com/sagemaker-spark-processing:3.3-cpu-py39-v1.0",
)
_NETWORK = {
    "SecurityGroupIds": ["sg-0a1b2c3d4e5f60718"],
    "Subnets": ["subnet-0123456789abcdef0", "subnet-0fedcba9876543210"],
}
_METRICS = ("train:rmse", "validation:rmse", "train:mae", "validation:mae")
_FAILURE = "AlgorithmError: ExecuteUserScriptError: ExitCode 1, ErrorMessage: ValueError: Input contains NaN"


def run_processing(draw: Draw, run: Run, step: str, inputs: Sequence[str], outputs: Sequence[str]) -> Work[None]:
    """A processing job that reads `inputs` and writes `outputs`, URIs both."""
    name = draw.name(run, step)
    arn = f"{ARN}:processing-job/{name.lower()}"
    code = f"{BUCKET}/{run.project.slug}/code/{step.lower()}.py"
    created = run.at
    subject = subject_of(
        "SageMaker Processing Job State Change",
        [arn],
        {
            "ProcessingInputs": [_input(f"input-{n}", uri) for n, uri in enumerate(inputs, 1)] + [_input("code", code)],
            "ProcessingOutputConfig": {"Outputs": [_output(uri) for uri in outputs]},
            "ProcessingJobName": name,
            "ProcessingJobArn": arn,
            "ProcessingResources": {
                "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.xlarge", "VolumeSizeInGB": 30}
            },
            "StoppingCondition": {"MaxRuntimeInSeconds": 86400},
            "AppSpecification": {
                "ImageUri": _PROCESSING_IMAGES[len(inputs) % 2],
                "ContainerEntrypoint": ["python3", f"/opt/ml/processing/input/code/{step.lower()}.py"],
            },
            "NetworkConfig": {"EnableNetworkIsolation": False, "VpcConfig": _NETWORK},
            "RoleArn": ROLE,
            "ExperimentConfig": {
                "ExperimentName": run.project.slug,
                "TrialName": run.id,
                "TrialComponentDisplayName": name,
            },
            "CreationTime": created,
            "Tags": draw.tags(run, step),
        },
    )

    def job() -> Work[None]:
        going = {"ProcessingJobStatus": "InProgress"}
        yield draw.event(run, subject, {**going, "LastModifiedTime": run.at})
        draw.wait(run, 10 * SECOND, MINUTE)
        yield draw.event(run, subject, {**going, "LastModifiedTime": run.at})
        draw.wait(run, MINUTE, 3 * MINUTE)
        started = {"ProcessingStartTime": run.at}
        yield draw.event(run, subject, {**going, **started, "LastModifiedTime": run.at})
        draw.wait(run, 2 * MINUTE, 20 * MINUTE)
        ended = {"ProcessingEndTime": run.at, "LastModifiedTime": run.at, "ExitMessage": ""}
        yield draw.event(run, subject, {"ProcessingJobStatus": "Completed", **started, **ended})

    yield from report_step(draw, run, step, "Processing", "processingJob", arn, job())


def run_training(draw: Draw, run: Run, data: str) -> Work[str]:
    """The URI of the model; empty when the job failed."""
    project, name = run.project, draw.name(run, "Train")
    arn = f"{ARN}:training-job/{name.lower()}"
    model = f"{BUCKET}/{project.slug}/{name}/output/model.tar.gz"
    xgboost = project.image == XGBOOST
    channels = {"train": f"{data}/train", "validation": f"{data}/validation"}
    if project.trained and draw.chance(0.3):
        channels["model"] = project.trained  # training continues from the last model
    subject = subject_of(
        "SageMaker Training Job State Change",
        [arn],
        {
            "TrainingJobName": name,
            "TrainingJobArn": arn,
            "HyperParameters": _hyperparameters(draw, project),
            "AlgorithmSpecification": {"TrainingImage": project.image, "TrainingInputMode": "File"},
            "RoleArn": ROLE,
            "InputDataConfig": [_channel(channel, uri) for channel, uri in channels.items()],
            "OutputDataConfig": {"S3OutputPath": f"{BUCKET}/{project.slug}", "KmsKeyId": ""},
            "ResourceConfig": {
                "InstanceType": "ml.m5.2xlarge" if xgboost else "ml.g5.2xlarge",
                "InstanceCount": 1,
                "VolumeSizeInGB": 50,
            },
            "VpcConfig": _NETWORK,
            "StoppingCondition": {"MaxRuntimeInSeconds": 86400},
            "CreationTime": str(run.at),
            "Tags": draw.tags(run, "Train"),
        },
    )

    def job() -> Work[str]:
        transitions: list[dict[str, Any]] = []

        def changed(secondary: str, message: str, **more: object) -> TimedEvent:
            if transitions:
                transitions[-1]["EndTime"] = run.at
            transitions.append({"Status": secondary, "StartTime": run.at, "StatusMessage": message})
            return draw.event(
                run,
                subject,
                {
                    "TrainingJobStatus": secondary if secondary in ("Completed", "Failed") else "InProgress",
                    "SecondaryStatus": secondary,
                    "LastModifiedTime": str(run.at),
                    "SecondaryStatusTransitions": transitions,
                    **more,
                },
            )

        yield changed("Starting", "Preparing the instances for training")
        draw.wait(run, 30 * SECOND, 3 * MINUTE)
        started = run.at
        yield changed("Downloading", "Downloading input data", TrainingStartTime=str(started))
        draw.wait(run, 10 * SECOND, 2 * MINUTE)
        yield changed(
            "Training", "Training image download completed. Training in progress.", TrainingStartTime=str(started)
        )
        draw.wait(run, 5 * MINUTE, 3 * HOUR)
        times = {"TrainingStartTime": str(started), "TrainingEndTime": str(run.at)}
        seconds = (run.at - started) // 1000
        if draw.chance(0.04):
            yield changed("Failed", "Training job failed", **times, FailureReason=_FAILURE)
            return ""
        yield changed(
            "Completed",
            "Training job completed",
            **times,
            ModelArtifacts={"S3ModelArtifacts": model},
            TrainingTimeInSeconds=seconds,
            BillableTimeInSeconds=seconds,
            FinalMetricDataList=[
                {"MetricName": metric, "Value": round(draw.rng.uniform(0.1, 4), 5), "Timestamp": run.at}
                for metric in _METRICS[: draw.rng.randint(2, 4)]
            ],
        )
        project.trained = model
        return model

    return (yield from report_step(draw, run, "Train", "Training", "trainingJob", arn, job()))


def run_transform(draw: Draw, run: Run, model: str, data: str, output: str) -> Work[None]:
    """A transform job that applies the model of this name to `data` and writes to `output`."""
    name = draw.name(run, "Transform")
    arn = f"{ARN}:transform-job/{name.lower()}"
    subject = subject_of(
        "SageMaker Transform Job State Change",
        [arn],
        {
            "TransformJobName": name,
            "TransformJobArn": arn,
            "ModelName": model,
            "FailureReason": None,
            "MaxConcurrentTransforms": 4,
            "MaxPayloadInMB": 6,
            "BatchStrategy": "MultiRecord",
            "Environment": {"SAGEMAKER_MODEL_SERVER_TIMEOUT": "3600", "SAGEMAKER_MODEL_SERVER_WORKERS": "4"},
            "TransformInput": {
                "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": data}},
                "ContentType": "text/csv",
                "CompressionType": "None",
                "SplitType": "Line",
            },
            "TransformOutput": {
                "S3OutputPath": output,
                "Accept": "text/csv",
                "AssembleWith": "Line",
                "KmsKeyId": "",
            },
            "TransformResources": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 2},
            "DataProcessing": {"InputFilter": "$[1:]", "OutputFilter": "$[0,-1]", "JoinSource": "Input"},
            "CreationTime": iso(run.at),
            "Tags": draw.tags(run, "Transform"),
        },
    )

    def job() -> Work[None]:
        # Events of transform jobs have no LastModifiedTime: the first two differ in the envelope's time only.
        yield draw.event(run, subject, {"TransformJobStatus": "InProgress"})
        draw.wait(run, 10 * SECOND, MINUTE)
        yield draw.event(run, subject, {"TransformJobStatus": "InProgress"})
        draw.wait(run, MINUTE, 4 * MINUTE)
        started = {"TransformStartTime": iso(run.at)}
        yield draw.event(run, subject, {"TransformJobStatus": "InProgress", **started})
        draw.wait(run, 2 * MINUTE, 30 * MINUTE)
        ended = {"TransformEndTime": iso(run.at)}
        yield draw.event(run, subject, {"TransformJobStatus": "Completed", **started, **ended})

    yield from report_step(draw, run, "Transform", "Transform", "transformJob", arn, job())


def report_step(draw: Draw, run: Run, name: str, kind: str, key: str, arn: str, work: Work[T]) -> Work[T]:
    """`work`, reported as a step too if the run is a pipeline's. An empty result, other than None, is a failure."""
    if not run.execution:
        return (yield from work)
    pipeline = run.execution.partition("/execution/")[0]
    subject = subject_of(
        "SageMaker Model Building Pipeline Execution Step Status Change",
        [pipeline, run.execution],
        {
            "stepStartTime": iso(run.at),
            "stepName": name,
            "stepType": kind,
            "pipelineArn": pipeline,
            "pipelineExecutionArn": run.execution,
        },
    )
    yield draw.event(run, subject, {"metadata": {}, "previousStepStatus": "Starting", "currentStepStatus": "Executing"})
    run.at += SECOND
    result = yield from work
    run.at += SECOND
    yield draw.event(
        run,
        subject,
        {
            "metadata": {key: {"arn": arn}},
            "stepEndTime": iso(run.at),
            "previousStepStatus": "Executing",
            "currentStepStatus": "Failed" if result == "" else "Succeeded",
        },
    )
    return result


def _hyperparameters(draw: Draw, project: Project) -> dict[str, str]:
    """Fifteen hyperparameters, as the built-in algorithms or the frameworks' script mode report them."""
    rng = draw.rng
    if project.image == XGBOOST:
        return {
            "alpha": f"{rng.random():.4f}",
            "colsample_bytree": f"{rng.uniform(0.5, 1):.3f}",
            "early_stopping_rounds": "20",
            "eta": f"{rng.uniform(0.01, 0.5):.4f}",
            "eval_metric": "rmse,mae",
            "gamma": str(rng.randint(0, 8)),
            "lambda": f"{rng.random():.4f}",
            "max_depth": str(rng.randint(3, 12)),
            "min_child_weight": str(rng.randint(1, 10)),
            "num_round": str(rng.randint(50, 800)),
            "objective": "reg:squarederror",
            "seed": str(rng.randrange(10_000)),
            "subsample": f"{rng.uniform(0.5, 1):.3f}",
            "tree_method": "hist",
            "verbosity": "1",
        }
    return {
        "batch-size": str(2 ** rng.randint(5, 10)),
        "dropout": f"{rng.uniform(0, 0.5):.3f}",
        "embedding-dim": str(2 ** rng.randint(5, 8)),
        "epochs": str(rng.randint(3, 60)),
        "hidden-layers": "[512, 256, 128]",
        "learning-rate": f"{10 ** rng.uniform(-5, -2):.6f}",
        "optimizer": '"adamw"',
        "sagemaker_container_log_level": "20",
        "sagemaker_job_name": f'"{project.slug}"',
        "sagemaker_program": '"train.py"',
        "sagemaker_region": f'"{REGION}"',
        "sagemaker_submit_directory": f'"{BUCKET}/{project.slug}/code/sourcedir.tar.gz"',
        "seed": str(rng.randrange(10_000)),
        "warmup-steps": str(rng.randint(0, 2_000)),
        "weight-decay": f"{rng.random() / 10:.5f}",
    }


def _input(name: str, uri: str) -> dict[str, Any]:
    return {
        "InputName": name,
        "AppManaged": False,
        "S3Input": {
            "S3Uri": uri,
            "LocalPath": f"/opt/ml/processing/input/{name}",
            "S3DataType": "S3Prefix",
            "S3InputMode": "File",
            "S3DataDistributionType": "FullyReplicated",
            "S3CompressionType": "None",
        },
    }


def _output(uri: str) -> dict[str, Any]:
    name = uri.rpartition("/")[2]
    place = {"S3Uri": uri, "LocalPath": f"/opt/ml/processing/{name}", "S3UploadMode": "EndOfJob"}
    return {"OutputName": name, "AppManaged": False, "S3Output": place}


def _channel(name: str, uri: str) -> dict[str, Any]:
    source = {"S3DataType": "S3Prefix", "S3Uri": uri, "S3DataDistributionType": "FullyReplicated"}
    return {
        "ChannelName": name,
        "ContentType": "text/csv",
        "CompressionType": "None",
        "RecordWrapperType": "None",
        "DataSource": {"S3DataSource": source},
    }
