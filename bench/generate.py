"""Archives of events as a busy account would send them: seeded, endless, fast.

    run -> processing -> training -> evaluation -> package -> transform -> approval -> endpoint

Fifty runs are under way at any time and their events interleave. Formats follow the samples that the tests use:
milliseconds as strings in training jobs and as numbers in processing jobs, ISO times in transform jobs and packages,
ARNs in lower case where names keep theirs.
"""

from __future__ import annotations

import argparse
import heapq
import random
import string
import sys
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import accumulate, islice
from typing import Any, BinaryIO, NamedTuple, TypeVar

import msgspec

T = TypeVar("T")
Told = tuple[int, bytes]  # when, in epoch milliseconds; the event
Work = Generator[Told, None, T]

_ACCOUNT, _REGION = "123456789012", "us-west-2"
_ARN = f"arn:aws:sagemaker:{_REGION}:{_ACCOUNT}"
_ROLE = f"arn:aws:iam::{_ACCOUNT}:role/service-role/AmazonSageMaker-ExecutionRole"
_BUCKET = f"s3://sagemaker-{_REGION}-{_ACCOUNT}"
_LAKE = f"s3://acme-data-lake-{_ACCOUNT}"
_BEGIN = 1_709_251_200_000  # 2024-03-01T00:00:00Z
_SECOND, _MINUTE, _HOUR = 1_000, 60_000, 3_600_000
_IN_FLIGHT = 50
_DATASETS, _PROJECTS = 300, 100

_PROCESSING_IMAGES = (
    f"246618743249.dkr.ecr.{_REGION}.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3",
    f"153931337802.dkr.ecr.{_REGION}.amazonaws.com/sagemaker-spark-processing:3.3-cpu-py39-v1.0",
)
_XGBOOST = f"246618743249.dkr.ecr.{_REGION}.amazonaws.com/sagemaker-xgboost:1.7-1"
_PYTORCH = f"763104351884.dkr.ecr.{_REGION}.amazonaws.com/pytorch-training:2.1.0-gpu-py310-cu121-ubuntu20.04-sagemaker"
_DOMAINS = ("billing", "catalog", "claims", "crm", "fraud", "inventory", "logistics", "marketing", "payments", "search")
_TABLES = ("accounts", "baskets", "events", "features", "labels", "orders", "prices", "returns", "sessions", "users")
_AIMS = ("ChurnModel", "DemandForecast", "FraudScoring", "LeadRanking", "PriceElasticity", "Relevance", "VisitIntent")
_MIXED, _LOWER = string.ascii_letters + string.digits, string.ascii_lowercase + string.digits

_NETWORK = {
    "SecurityGroupIds": ["sg-0a1b2c3d4e5f60718"],
    "Subnets": ["subnet-0123456789abcdef0", "subnet-0fedcba9876543210"],
}
_SPLITS = ("train", "validation", "test")
_METRICS = ("train:rmse", "validation:rmse", "train:mae", "validation:mae")
_FAILURE = "AlgorithmError: ExecuteUserScriptError: ExitCode 1, ErrorMessage: ValueError: Input contains NaN"
_encode = msgspec.json.encode


class _Subject(NamedTuple):
    """What all events of one resource have in common, as JSON already: it is encoded once for all of them."""

    head: bytes  # detail-type, source, account
    resources: bytes  # region, resources
    detail: bytes  # the detail without its closing brace


class _Package(NamedTuple):
    arn: str
    subject: _Subject


@dataclass(slots=True)
class _Project:
    """One team's model, trained again and again."""

    name: str
    image: str
    trained: str = ""  # the latest model's URI
    packages: int = 0
    endpoint: int = 0  # when its endpoint was made; 0: not yet
    config: str = ""  # the endpoint's latest

    @property
    def slug(self) -> str:
        return self.name.lower()


@dataclass(slots=True)
class _Run:
    """One way from data to a model."""

    id: str
    project: _Project
    execution: str  # the pipeline execution's ARN, or empty: started by hand
    at: int  # where in time it has come to


def events(count: int, seed: int = 1) -> Iterator[bytes]:
    """The first `count` events of the account that `seed` names: JSON without newlines, ordered by time."""
    account = _Account(random.Random(seed))
    return (event for _, event in islice(heapq.merge(*account.lanes()), count))


class _Account:
    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._datasets = [
            f"{_LAKE}/{_DOMAINS[n % 10]}/{_TABLES[n // 10 % 10]}/v{n // 100 + 1}" for n in range(_DATASETS)
        ]
        self._popularity = _zipf(_DATASETS)
        self._projects = [
            _Project(f"{_DOMAINS[n % 10].title()}{_AIMS[n % 7]}{n:02d}", rng.choice((_XGBOOST, _PYTORCH)))
            for n in range(_PROJECTS)
        ]
        self._activity = _zipf(_PROJECTS, 0.5)

    def lanes(self) -> list[Iterator[Told]]:
        """As many endless successions of runs as are under way at once."""
        return [self._lane(_BEGIN + self._rng.randrange(_HOUR)) for _ in range(_IN_FLIGHT)]

    def _lane(self, at: int) -> Iterator[Told]:
        while True:
            (project,) = self._rng.choices(self._projects, cum_weights=self._activity)
            name = self._letters(12, _LOWER)
            execution = f"{_ARN}:pipeline/{project.slug}/execution/{name}" if self._chance(0.5) else ""
            run = _Run(name, project, execution, at)
            package = yield from self._execution(run) if execution else self._work(run)
            if package:
                yield from self._approval(run, package)
            at = run.at + int(self._rng.expovariate(1 / (10 * _MINUTE)))

    # -- a run, from its data to its endpoint

    def _execution(self, run: _Run) -> Work[_Package | None]:
        pipeline = run.execution.partition("/execution/")[0]
        subject = _subject(
            "SageMaker Model Building Pipeline Execution Status Change",
            [pipeline, run.execution],
            {
                "pipelineExecutionDisplayName": f"execution-{run.at}",
                "pipelineExecutionDescription": f"Scheduled retraining of {run.project.name}",
                "pipelineArn": pipeline,
                "pipelineExecutionArn": run.execution,
                "executionStartTime": _iso(run.at),
            },
        )
        yield self._event(run, subject, {"currentPipelineExecutionStatus": "Executing"})
        run.at += _SECOND
        package = yield from self._work(run)
        run.at += _SECOND
        ended = {"previousPipelineExecutionStatus": "Executing", "executionEndTime": _iso(run.at)}
        status = "Succeeded" if package else "Failed"
        yield self._event(run, subject, {**ended, "currentPipelineExecutionStatus": status})
        return package

    def _work(self, run: _Run) -> Work[_Package | None]:
        """From data to a registered model; None when training failed."""
        data = f"{_BUCKET}/{run.project.slug}/{run.id}/output"
        yield from self._processing(run, "Preprocess", self._picked(), [f"{data}/{part}" for part in _SPLITS])
        model = yield from self._training(run, data)
        if not model:
            return None
        yield from self._processing(run, "Evaluate", [model, f"{data}/test"], [f"{data}/evaluation"])
        package = yield from self._package(run, model, f"{data}/evaluation/evaluation.json")
        if self._chance(0.3):
            name = self._name(run, "CreateModel")
            container = {"Image": run.project.image, "ModelDataUrl": model}
            made = self._model(run, name, container, self._tags(run, "CreateModel"))
            yield from self._step(run, "CreateModel", "Model", "model", f"{_ARN}:model/{name.lower()}", made)
            yield from self._transform(run, name, self._picked()[0], f"{data}/predictions")
        return package

    def _approval(self, run: _Run, package: _Package) -> Work[None]:
        """A person's decision, if one comes; some of what is approved goes to the endpoint."""
        if self._chance(0.2):
            return
        self._wait(run, 5 * _MINUTE, 4 * _HOUR)
        decision = "Approved" if self._chance(0.75) else "Rejected"
        decided = {"ModelApprovalStatus": decision, "LastModifiedTime": _iso(run.at)}
        yield self._event(run, package.subject, {**decided, "UpdatedModelPackageFields": ["ModelApprovalStatus"]})
        if decision == "Approved" and self._chance(0.6):
            self._wait(run, _MINUTE, 20 * _MINUTE)
            yield from self._deployment(run, package.arn)

    # -- jobs

    def _processing(self, run: _Run, step: str, inputs: Sequence[str], outputs: Sequence[str]) -> Work[None]:
        name = self._name(run, step)
        arn = f"{_ARN}:processing-job/{name.lower()}"
        code = f"{_BUCKET}/{run.project.slug}/code/{step.lower()}.py"
        created = run.at
        subject = _subject(
            "SageMaker Processing Job State Change",
            [arn],
            {
                "ProcessingInputs": [_input(f"input-{n}", uri) for n, uri in enumerate(inputs, 1)]
                + [_input("code", code)],
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
                "RoleArn": _ROLE,
                "ExperimentConfig": {
                    "ExperimentName": run.project.slug,
                    "TrialName": run.id,
                    "TrialComponentDisplayName": name,
                },
                "CreationTime": created,
                "Tags": self._tags(run, step),
            },
        )

        def job() -> Work[None]:
            going = {"ProcessingJobStatus": "InProgress"}
            yield self._event(run, subject, {**going, "LastModifiedTime": run.at})
            self._wait(run, 10 * _SECOND, _MINUTE)
            yield self._event(run, subject, {**going, "LastModifiedTime": run.at})
            self._wait(run, _MINUTE, 3 * _MINUTE)
            started = {"ProcessingStartTime": run.at}
            yield self._event(run, subject, {**going, **started, "LastModifiedTime": run.at})
            self._wait(run, 2 * _MINUTE, 20 * _MINUTE)
            ended = {"ProcessingEndTime": run.at, "LastModifiedTime": run.at, "ExitMessage": ""}
            yield self._event(run, subject, {"ProcessingJobStatus": "Completed", **started, **ended})

        yield from self._step(run, step, "Processing", "processingJob", arn, job())

    def _training(self, run: _Run, data: str) -> Work[str]:
        """The URI of the model; empty when the job failed."""
        project, name = run.project, self._name(run, "Train")
        arn = f"{_ARN}:training-job/{name.lower()}"
        model = f"{_BUCKET}/{project.slug}/{name}/output/model.tar.gz"
        xgboost = project.image == _XGBOOST
        channels = {"train": f"{data}/train", "validation": f"{data}/validation"}
        if project.trained and self._chance(0.3):
            channels["model"] = project.trained  # training goes on from the last model
        subject = _subject(
            "SageMaker Training Job State Change",
            [arn],
            {
                "TrainingJobName": name,
                "TrainingJobArn": arn,
                "HyperParameters": self._parameters(project),
                "AlgorithmSpecification": {"TrainingImage": project.image, "TrainingInputMode": "File"},
                "RoleArn": _ROLE,
                "InputDataConfig": [_channel(channel, uri) for channel, uri in channels.items()],
                "OutputDataConfig": {"S3OutputPath": f"{_BUCKET}/{project.slug}", "KmsKeyId": ""},
                "ResourceConfig": {
                    "InstanceType": "ml.m5.2xlarge" if xgboost else "ml.g5.2xlarge",
                    "InstanceCount": 1,
                    "VolumeSizeInGB": 50,
                },
                "VpcConfig": _NETWORK,
                "StoppingCondition": {"MaxRuntimeInSeconds": 86400},
                "CreationTime": str(run.at),
                "Tags": self._tags(run, "Train"),
            },
        )

        def job() -> Work[str]:
            transitions: list[dict[str, Any]] = []

            def changed(secondary: str, message: str, **more: object) -> Told:
                if transitions:
                    transitions[-1]["EndTime"] = run.at
                transitions.append({"Status": secondary, "StartTime": run.at, "StatusMessage": message})
                return self._event(
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
            self._wait(run, 30 * _SECOND, 3 * _MINUTE)
            started = run.at
            yield changed("Downloading", "Downloading input data", TrainingStartTime=str(started))
            self._wait(run, 10 * _SECOND, 2 * _MINUTE)
            yield changed(
                "Training", "Training image download completed. Training in progress.", TrainingStartTime=str(started)
            )
            self._wait(run, 5 * _MINUTE, 3 * _HOUR)
            times = {"TrainingStartTime": str(started), "TrainingEndTime": str(run.at)}
            seconds = (run.at - started) // 1000
            if self._chance(0.04):
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
                    {"MetricName": metric, "Value": round(self._rng.uniform(0.1, 4), 5), "Timestamp": run.at}
                    for metric in _METRICS[: self._rng.randint(2, 4)]
                ],
            )
            project.trained = model
            return model

        return (yield from self._step(run, "Train", "Training", "trainingJob", arn, job()))

    def _transform(self, run: _Run, model: str, data: str, output: str) -> Work[None]:
        name = self._name(run, "Transform")
        arn = f"{_ARN}:transform-job/{name.lower()}"
        subject = _subject(
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
                "CreationTime": _iso(run.at),
                "Tags": self._tags(run, "Transform"),
            },
        )

        def job() -> Work[None]:
            # Transform jobs do not tell when they changed: the first two changes differ in the envelope's time only.
            yield self._event(run, subject, {"TransformJobStatus": "InProgress"})
            self._wait(run, 10 * _SECOND, _MINUTE)
            yield self._event(run, subject, {"TransformJobStatus": "InProgress"})
            self._wait(run, _MINUTE, 4 * _MINUTE)
            started = {"TransformStartTime": _iso(run.at)}
            yield self._event(run, subject, {"TransformJobStatus": "InProgress", **started})
            self._wait(run, 2 * _MINUTE, 30 * _MINUTE)
            ended = {"TransformEndTime": _iso(run.at)}
            yield self._event(run, subject, {"TransformJobStatus": "Completed", **started, **ended})

        yield from self._step(run, "Transform", "Transform", "transformJob", arn, job())

    def _step(self, run: _Run, name: str, kind: str, key: str, arn: str, work: Work[T]) -> Work[T]:
        """`work`, reported as a step too if the run is a pipeline's. An empty result, other than None, is a failure."""
        if not run.execution:
            return (yield from work)
        pipeline = run.execution.partition("/execution/")[0]
        subject = _subject(
            "SageMaker Model Building Pipeline Execution Step Status Change",
            [pipeline, run.execution],
            {
                "stepStartTime": _iso(run.at),
                "stepName": name,
                "stepType": kind,
                "pipelineArn": pipeline,
                "pipelineExecutionArn": run.execution,
            },
        )
        yield self._event(
            run, subject, {"metadata": {}, "previousStepStatus": "Starting", "currentStepStatus": "Executing"}
        )
        run.at += _SECOND
        result = yield from work
        run.at += _SECOND
        yield self._event(
            run,
            subject,
            {
                "metadata": {key: {"arn": arn}},
                "stepEndTime": _iso(run.at),
                "previousStepStatus": "Executing",
                "currentStepStatus": "Failed" if result == "" else "Succeeded",
            },
        )
        return result

    # -- what comes of a model

    def _package(self, run: _Run, model: str, report: str) -> Work[_Package]:
        project = run.project
        project.packages += 1
        arn = f"{_ARN}:model-package/{project.slug}/{project.packages}"
        detail = {
            "ModelPackageGroupName": project.name,
            "ModelPackageVersion": project.packages,
            "ModelPackageArn": arn,
            "CreationTime": _iso(run.at),
            "InferenceSpecification": {
                "Containers": [{"Image": project.image, "ModelDataUrl": model}],
                "SupportedContentTypes": ["text/csv"],
                "SupportedResponseMIMETypes": ["text/csv"],
                "SupportedTransformInstanceTypes": ["ml.m5.xlarge"],
                "SupportedRealtimeInferenceInstanceTypes": ["ml.t2.medium", "ml.m5.xlarge"],
            },
            "ModelPackageStatus": "Completed",
            "ModelPackageStatusDetails": {"ValidationStatuses": [], "ImageScanStatuses": []},
            "CertifyForMarketplace": False,
            "ModelMetrics": {"ModelQuality": {"Statistics": {"ContentType": "application/json", "S3Uri": report}}},
        }
        if run.execution:
            detail["MetadataProperties"] = {"GeneratedBy": run.execution}
        subject = _subject("SageMaker Model Package State Change", [arn], detail)

        def register() -> Work[None]:
            yield self._event(
                run, subject, {"ModelApprovalStatus": "PendingManualApproval", "LastModifiedTime": _iso(run.at)}
            )

        yield from self._step(run, "Register-RegisterModel", "RegisterModel", "registerModel", arn, register())
        return _Package(arn, subject)

    def _model(self, run: _Run, name: str, container: dict[str, str], tags: dict[str, str]) -> Work[None]:
        subject = _subject(
            "SageMaker Model State Change",
            [f"{_ARN}:model/{name.lower()}"],
            {
                "ModelName": name,
                "ModelArn": f"{_ARN}:model/{name.lower()}",
                "CreationTime": run.at,
                "EnableNetworkIsolation": False,
                "ExecutionRoleArn": _ROLE,
                "Containers": None,
                "VpcConfig": None,
                "PrimaryContainer": {"Mode": "SingleModel", "Environment": {}, **container},
            },
        )
        yield self._event(run, subject, {"Tags": tags})

    def _deployment(self, run: _Run, package: str) -> Work[None]:
        """The project's first deployment makes its endpoint, later ones change it."""
        project = run.project
        config = model = f"{project.name}-{self._letters(10, _MIXED)}"
        yield from self._model(run, model, {"ModelPackageName": package}, {"team": project.slug})
        run.at += 2 * _SECOND
        arn = f"{_ARN}:endpoint-config/{config.lower()}"
        variant = {
            "VariantName": "AllTraffic",
            "ModelName": model,
            "InitialInstanceCount": 2,
            "InstanceType": "ml.m5.xlarge",
            "InitialVariantWeight": 1,
            "AcceleratorType": None,
            "ServerlessConfig": None,
            "VolumeSizeInGB": None,
        }
        made = {"EndpointConfigName": config, "EndpointConfigArn": arn, "KmsKeyId": None, "CreationTime": run.at}
        subject = _subject("SageMaker Endpoint Config State Change", [arn], made)
        yield self._event(run, subject, {"ProductionVariants": [variant], "Tags": {"team": project.slug}})
        run.at += 2 * _SECOND
        before = project.config or config  # an endpoint keeps its config until the new one serves
        status = "UPDATING" if project.endpoint else "CREATING"
        project.endpoint = project.endpoint or run.at
        project.config = config
        arn = f"{_ARN}:endpoint/{project.slug}-prod"
        endpoint = {"EndpointName": f"{project.name}-prod", "EndpointArn": arn, "CreationTime": project.endpoint}
        subject = _subject("SageMaker Endpoint State Change", [arn], endpoint)
        serving = {"VariantName": "AllTraffic", "DesiredWeight": 1.0, "DesiredInstanceCount": 2.0}
        for name, shown in ((before, status), (config, "IN_SERVICE")):
            change = {
                "EndpointConfigName": name,
                "ProductionVariants": [serving],
                "EndpointStatus": shown,
                "LastModifiedTime": run.at,
                "Tags": {"team": project.slug},
            }
            yield self._event(run, subject, change)
            self._wait(run, 3 * _MINUTE, 15 * _MINUTE)

    # -- small parts

    def _event(self, run: _Run, subject: _Subject, change: dict[str, Any]) -> Told:
        """An event now: what is said of `subject` at all times, and `change`, which is not empty."""
        bits = self._rng.getrandbits(128) & ~(0xF << 76 | 0x3 << 62) | 0x4 << 76 | 0x2 << 62
        text = f"{bits:032x}"
        named = f'{{"version":"0","id":"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}",'
        time = f'"time":"{_iso(run.at)}",'
        more = _encode(change)
        parts = (named.encode(), subject.head, time.encode(), subject.resources, subject.detail, b",", more[1:], b"}")
        return run.at, b"".join(parts)

    def _wait(self, run: _Run, least: int, most: int) -> None:
        run.at += self._rng.randint(least, most)

    def _chance(self, of_one: float) -> bool:
        return self._rng.random() < of_one

    def _letters(self, count: int, alphabet: str) -> str:
        return "".join(self._rng.choices(alphabet, k=count))

    def _name(self, run: _Run, step: str) -> str:
        """Names carry what their makers put into them: the pipeline's execution and step, or the project."""
        begin = f"pipelines-{run.id}" if run.execution else run.project.name
        return f"{begin}-{step}-{self._letters(10, _MIXED)}"

    def _tags(self, run: _Run, step: str) -> dict[str, str]:
        tags = {"team": run.project.slug, "cost-center": "4711"}
        if run.execution:
            tags |= {"sagemaker:pipeline-execution-arn": run.execution, "sagemaker:pipeline-step-name": step}
        return tags

    def _picked(self) -> list[str]:
        """One to three shared data sets, the popular ones often."""
        some = self._rng.choices(self._datasets, cum_weights=self._popularity, k=self._rng.randint(1, 3))
        return list(dict.fromkeys(some))

    def _parameters(self, project: _Project) -> dict[str, str]:
        """Fifteen hyperparameters, as the built-in algorithms or the script mode of the frameworks tell them."""
        rng = self._rng
        if project.image == _XGBOOST:
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
            "sagemaker_region": f'"{_REGION}"',
            "sagemaker_submit_directory": f'"{_BUCKET}/{project.slug}/code/sourcedir.tar.gz"',
            "seed": str(rng.randrange(10_000)),
            "warmup-steps": str(rng.randint(0, 2_000)),
            "weight-decay": f"{rng.random() / 10:.5f}",
        }


def _subject(kind: str, arns: list[str], detail: dict[str, Any]) -> _Subject:
    return _Subject(
        f'"detail-type":"{kind}","source":"aws.sagemaker","account":"{_ACCOUNT}",'.encode(),
        f'"region":"{_REGION}","resources":{_encode(arns).decode()},"detail":'.encode(),
        _encode(detail)[:-1],
    )


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


def _iso(at: int) -> str:
    return f"{datetime.fromtimestamp(at // 1000, UTC).isoformat()[:19]}Z"


def _zipf(count: int, exponent: float = 1) -> list[float]:
    """Cumulative weights of `count` things, the first chosen most often."""
    return list(accumulate(rank**-exponent for rank in range(1, count + 1)))


def main() -> None:
    """Writes an archive to standard output."""
    parser = argparse.ArgumentParser(prog="python -m bench.generate", description=main.__doc__)
    parser.add_argument("--events", type=int, default=100_000, metavar="N", help="how many (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="the same seed, the same bytes")
    asked = parser.parse_args()
    write(sys.stdout.buffer, asked.events, asked.seed)


def write(file: BinaryIO, count: int, seed: int = 1) -> None:
    """Puts `events` into a file as JSON lines."""
    file.writelines(event + b"\n" for event in events(count, seed))


if __name__ == "__main__":
    main()
