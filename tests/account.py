"""A made-up account with all that SageMaker has: what it says of it in events, and what it answers when it is asked.

Whatever is here could be there: answers are held against botocore's description of the service by the fake that gives
them, and events are made of answers, in the spellings that events have.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.sagemaker import FakeSageMaker
from tests.worlds import ACCOUNT, NOON, PARTITION, REGION, event, iso

ROLE = f"arn:aws:iam::{ACCOUNT}:role/lineage"
WHO = f"arn:aws:sts::{ACCOUNT}:assumed-role/lineage/ada"
Detail = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Made:
    """One thing in the account.

    Attributes:
        arn: Its ARN.
        events: All that was sent of it, in order.
        answers: (operation, request, response): what SageMaker knows of it.
        spare: How many of its events may be lost so that reconciling finds it out and mends it: all where others speak
            of it, all but one where nobody does, none where SageMaker itself has forgotten what they told.
    """

    arn: str
    events: Sequence[bytes]
    answers: Sequence[tuple[str, Mapping[str, Any], Mapping[str, Any]]]
    spare: int


@dataclass
class Account:
    """An account that grows; a seed makes it the same each time."""

    chance: random.Random
    now: int = NOON
    made: list[Made] = field(default_factory=list)
    number: int = 0

    def events(self) -> list[bytes]:
        """All events, in the order of things."""
        return [body for one in self.made for body in one.events]

    def known_to(self, fake: FakeSageMaker) -> None:
        """Have the fake answer as SageMaker would."""
        for one in self.made:
            for operation, request, response in one.answers:
                fake.answers(operation, response, **request)

    def some_lost(self, chance: random.Random) -> list[bytes]:
        """The events, without some whose loss can be made good."""
        left = []
        for one in self.made:
            lost = set(chance.sample(range(len(one.events)), chance.randint(0, min(one.spare, len(one.events)))))
            left += [body for position, body in enumerate(one.events) if position not in lost]
        return left

    def fresh(self, stem: str) -> str:
        """A name that nothing else has."""
        self.number += 1
        return f"{stem}-{self.number}"

    def later(self, seconds: float = 0) -> int:
        """A time after all others, in epoch milliseconds."""
        self.now += int(seconds * 1000) or self.chance.randint(1, 600_000)
        return self.now

    def keep(self, arn: str, events: Sequence[bytes], *answers: tuple[str, Detail, Detail], spare: int) -> str:
        """Add a thing."""
        tags: tuple[str, Detail, Detail] = ("ListTags", {"ResourceArn": arn}, {"Tags": []})
        self.made.append(Made(arn, events, (tags, *answers), spare))
        return arn


def moment(milliseconds: int) -> datetime:
    """A time as answers tell it."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def told(response: Mapping[str, Any], **more: Any) -> Detail:
    """An answer as an event tells it: times in epoch milliseconds, what is None left out."""

    def plain(value: Any) -> Any:
        if isinstance(value, datetime):
            return round(value.timestamp() * 1000)
        if isinstance(value, Mapping):
            return {name: plain(one) for name, one in value.items()}
        return [plain(one) for one in value] if isinstance(value, list) else value

    return {name: plain(value) for name, value in {**response, **more}.items() if value is not None}


def call(
    name: str, asked: Mapping[str, Any], answered: Mapping[str, Any], at: int, service: str = "sagemaker"
) -> bytes:
    """A call as CloudTrail records it, lowerCamel at every level."""
    record = {
        "eventVersion": "1.08",
        "eventName": name,
        "eventSource": f"{service}.amazonaws.com",
        "eventTime": iso(at),
        "awsRegion": REGION,
        "recipientAccountId": ACCOUNT,
        "userIdentity": {"type": "AssumedRole", "arn": WHO, "principalId": "AROA:ada"},
        "requestParameters": asked,
        "responseElements": answered or None,
        "requestID": f"{at}",
        "eventID": f"{name}-{at}",
    }
    body = json.loads(event("x", {}, time=at))
    return json.dumps({**body, "detail-type": "AWS API Call via CloudTrail", "detail": record}).encode()


# ---------------------------------------------------------------------------------------------------------------- jobs


def training_job(account: Account, name: str, inputs: Sequence[str], *, spare: int = 1, **more: Any) -> str:
    """A training job from its beginning to its end; the URI of its model."""
    arn = f"{PARTITION}training-job/{name.lower()}"
    began, ended = account.later(), account.later()
    model = f"s3://bucket/models/{name}/output/model.tar.gz"
    done = {
        "TrainingJobName": name,
        "TrainingJobArn": arn,
        "TrainingJobStatus": "Completed",
        "SecondaryStatus": "Completed",
        "HyperParameters": {"eta": f"{account.chance.random():.3f}", "objective": "reg:linear"},
        "AlgorithmSpecification": {"TrainingImage": "registry/xgboost:1", "TrainingInputMode": "File"},
        "RoleArn": ROLE,
        "InputDataConfig": [
            {
                "ChannelName": f"c{number}",
                "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": uri}},
            }
            for number, uri in enumerate(inputs)
        ],
        "OutputDataConfig": {"S3OutputPath": "s3://bucket/models"},
        "ResourceConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 30},
        "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
        "ModelArtifacts": {"S3ModelArtifacts": model},
        "FinalMetricDataList": [{"MetricName": "rmse", "Value": 0.5, "Timestamp": moment(ended)}],
        "CreationTime": moment(began),
        "TrainingStartTime": moment(began + 1000),
        "TrainingEndTime": moment(ended - 1000),
        "LastModifiedTime": moment(ended),
        **more,
    }
    running = told(
        done,
        TrainingJobStatus="InProgress",
        SecondaryStatus="Training",
        ModelArtifacts=None,
        FinalMetricDataList=None,
        TrainingEndTime=None,
        LastModifiedTime=began + 2000,
    )
    kind = "Training Job State Change"
    events = [event(kind, running, time=began + 2000), event(kind, told(done), time=ended)]
    account.keep(arn, events, ("DescribeTrainingJob", {"TrainingJobName": name}, done), spare=spare)
    return model


def processing_job(
    account: Account, name: str, inputs: Sequence[str], outputs: Sequence[str], *, spare: int = 1, **more: Any
) -> str:
    """A processing job from its beginning to its end."""
    arn = f"{PARTITION}processing-job/{name.lower()}"
    began, ended = account.later(), account.later()
    done = {
        "ProcessingJobName": name,
        "ProcessingJobArn": arn,
        "ProcessingJobStatus": "Completed",
        "ProcessingInputs": [
            {
                "InputName": f"i{number}",
                "S3Input": {"S3Uri": uri, "LocalPath": "/in", "S3DataType": "S3Prefix", "S3InputMode": "File"},
            }
            for number, uri in enumerate(inputs)
        ],
        "ProcessingOutputConfig": {
            "Outputs": [
                {
                    "OutputName": f"o{number}",
                    "S3Output": {"S3Uri": uri, "LocalPath": "/out", "S3UploadMode": "EndOfJob"},
                }
                for number, uri in enumerate(outputs)
            ]
        },
        "ProcessingResources": {
            "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 20}
        },
        "AppSpecification": {"ImageUri": "registry/sklearn:1"},
        "RoleArn": ROLE,
        "CreationTime": moment(began),
        "ProcessingStartTime": moment(began + 1000),
        "ProcessingEndTime": moment(ended - 1000),
        "LastModifiedTime": moment(ended),
        **more,
    }
    running = told(done, ProcessingJobStatus="InProgress", ProcessingEndTime=None, LastModifiedTime=began + 1000)
    kind = "Processing Job State Change"
    events = [event(kind, running, time=began + 1000), event(kind, told(done), time=ended)]
    return account.keep(arn, events, ("DescribeProcessingJob", {"ProcessingJobName": name}, done), spare=spare)


def transform_job(account: Account, name: str, model: str, uri: str, *, spare: int = 1) -> str:
    """A transform job from its beginning to its end."""
    arn = f"{PARTITION}transform-job/{name.lower()}"
    began, ended = account.later(), account.later()
    done = {
        "TransformJobName": name,
        "TransformJobArn": arn,
        "TransformJobStatus": "Completed",
        "ModelName": model,
        "TransformInput": {"DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": uri}}},
        "TransformOutput": {"S3OutputPath": f"s3://bucket/predictions/{name}"},
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
        "CreationTime": moment(began),
        "TransformStartTime": moment(began + 1000),
        "TransformEndTime": moment(ended),
    }
    running = told(done, TransformJobStatus="InProgress", TransformEndTime=None)
    kind = "Transform Job State Change"
    events = [event(kind, running, time=began + 1000), event(kind, told(done), time=ended)]
    return account.keep(arn, events, ("DescribeTransformJob", {"TransformJobName": name}, done), spare=spare)


# --------------------------------------------------------------------------------------------------- models, endpoints


def model(account: Account, name: str, container: Mapping[str, Any], *, spare: int = 1) -> str:
    """A model; its name. All news of it may be lost where something that is known refers to it."""
    arn = f"{PARTITION}model/{name.lower()}"
    described = {
        "ModelName": name,
        "ModelArn": arn,
        "PrimaryContainer": container,
        "ExecutionRoleArn": ROLE,
        "CreationTime": moment(account.later()),
    }
    body = event("Model State Change", told(described), time=account.now)
    account.keep(arn, [body], ("DescribeModel", {"ModelName": name}, described), spare=spare)
    return name


def model_package(account: Account, group: str, version: int, model_data: str, *, spare: int = 0) -> str:
    """A version of a group; its ARN."""
    arn = f"{PARTITION}model-package/{group.lower()}/{version}"
    when = moment(account.later())
    described = {
        "ModelPackageName": group,
        "ModelPackageGroupName": group,
        "ModelPackageVersion": version,
        "ModelPackageArn": arn,
        "ModelPackageStatus": "Completed",
        "ModelPackageStatusDetails": {"ValidationStatuses": []},
        "ModelApprovalStatus": "Approved",
        "InferenceSpecification": {"Containers": [{"Image": "registry/xgboost:1", "ModelDataUrl": model_data}]},
        "CreationTime": when,
        "LastModifiedTime": when,
    }
    body = event("Model Package State Change", told(described, ModelPackageName=None), time=account.now)
    asked = {"ModelPackageName": arn}
    return account.keep(arn, [body], ("DescribeModelPackage", asked, described), spare=spare)


def model_package_group(account: Account, name: str) -> str:
    """A group, which only a recorded call tells of."""
    arn = f"{PARTITION}model-package-group/{name.lower()}"
    when = account.later() // 1000 * 1000  # CloudTrail tells no fractions
    described = {
        "ModelPackageGroupName": name,
        "ModelPackageGroupArn": arn,
        "ModelPackageGroupStatus": "Completed",
        "CreationTime": moment(when),
        "CreatedBy": {"IamIdentity": {"Arn": WHO, "PrincipalId": "AROA:ada"}},
    }
    asked = {"modelPackageGroupName": name}
    body = call("CreateModelPackageGroup", asked, {"modelPackageGroupArn": arn}, when)
    # Its packages speak of it, and without its own CreationTime it is asked for.
    answers = [
        ("DescribeModelPackageGroup", {"ModelPackageGroupName": one}, described) for one in dict.fromkeys((name, arn))
    ]
    account.keep(arn, [body], *answers, spare=0)
    return name


def endpoint(account: Account, name: str, models: Sequence[str]) -> str:
    """An endpoint with its configuration."""
    config = account.fresh("Config")
    config_arn, arn = f"{PARTITION}endpoint-config/{config.lower()}", f"{PARTITION}endpoint/{name.lower()}"
    when = account.later()
    variants = [
        {
            "VariantName": f"v{number}",
            "ModelName": one,
            "InitialInstanceCount": 1,
            "InstanceType": "ml.m5.large",
            "InitialVariantWeight": 1.0,
        }
        for number, one in enumerate(models)
    ]
    described = {
        "EndpointConfigName": config,
        "EndpointConfigArn": config_arn,
        "ProductionVariants": variants,
        "CreationTime": moment(when),
    }
    body = event("Endpoint Config State Change", told(described), time=when)
    account.keep(config_arn, [body], ("DescribeEndpointConfig", {"EndpointConfigName": config}, described), spare=1)

    began, ended = account.later(), account.later()
    up = {
        "EndpointName": name,
        "EndpointArn": arn,
        "EndpointConfigName": config,
        "EndpointStatus": "InService",
        "CreationTime": moment(began),
        "LastModifiedTime": moment(ended),
    }
    kind = "Endpoint State Change"
    events = [
        event(kind, told(up, EndpointStatus="CREATING", LastModifiedTime=began), time=began),
        event(kind, told(up, EndpointStatus="IN_SERVICE"), time=ended),
    ]
    return account.keep(arn, events, ("DescribeEndpoint", {"EndpointName": name}, up), spare=1)


# ----------------------------------------------------------------------------------------------------------- pipelines


def execution(account: Account, pipeline: str) -> str:
    """An execution of a pipeline: it prepares data, trains on them, registers the model and makes predictions."""
    arn = f"{PARTITION}pipeline/{pipeline.lower()}/execution/{account.fresh('run')}"
    began = account.later()
    prefix = account.fresh(f"pipelines-{pipeline}")
    raw, prepared = f"s3://bucket/raw/{pipeline}", f"s3://bucket/{prefix}/train"
    prepare = processing_job(account, f"{prefix}-Prepare", [raw], [prepared], spare=2)
    data = training_job(account, f"{prefix}-Train", [prepared], spare=2)
    train = f"{PARTITION}training-job/{prefix.lower()}-train"
    served = model(account, f"{prefix}-Model", {"Image": "registry/xgboost:1", "ModelDataUrl": data})
    predict = transform_job(account, f"{prefix}-Predict", served, prepared, spare=2)
    ended = account.later()

    described = {
        "PipelineArn": arn.partition("/execution/")[0],
        "PipelineExecutionArn": arn,
        "PipelineExecutionDisplayName": f"run of {prefix}",
        "PipelineExecutionStatus": "Succeeded",
        "CreationTime": moment(began),
        "LastModifiedTime": moment(ended),
    }
    under_way = {
        "pipelineArn": described["PipelineArn"],
        "pipelineExecutionArn": arn,
        "pipelineExecutionDisplayName": described["PipelineExecutionDisplayName"],
        "currentPipelineExecutionStatus": "Executing",
        "executionStartTime": iso(began),
    }
    over = {**under_way, "currentPipelineExecutionStatus": "Succeeded", "executionEndTime": iso(ended)}
    kind = "Model Building Pipeline Execution Status Change"
    asked = {"PipelineExecutionArn": arn}
    account.keep(
        arn,
        [event(kind, under_way, time=began), event(kind, over, time=ended)],
        ("DescribePipelineExecution", asked, described),
        ("ListPipelineExecutionSteps", asked, {"PipelineExecutionSteps": []}),
        spare=0,
    )
    for name, type_, key, job in (
        ("Prepare", "Processing", "processingJob", prepare),
        ("Train", "Training", "trainingJob", train),
        ("Predict", "Transform", "transformJob", predict),
    ):
        when = account.later()
        said = {
            "pipelineArn": described["PipelineArn"],
            "pipelineExecutionArn": arn,
            "stepName": name,
            "stepType": type_,
            "currentStepStatus": "Succeeded",
            "metadata": {key: {"arn": job}},
            "stepStartTime": iso(when),
            "stepEndTime": iso(when + 1000),
        }
        kind = "Model Building Pipeline Execution Step Status Change"
        account.keep(f"{arn}/step/{name}", [event(kind, said, time=when)], spare=0)
    return data


def generated(seed: int) -> Account:
    """An account in which some of everything was made."""
    account = Account(random.Random(seed))
    group = model_package_group(account, "Prices")
    for version in range(1, account.chance.randint(2, 4)):
        data = execution(account, "Flow")
        package = model_package(account, group, version, data, spare=1)
        served = model(account, account.fresh("Served"), {"ModelPackageName": package})
        endpoint(account, account.fresh("Shop"), [served])
    processing_job(account, account.fresh("Alone"), ["s3://bucket/raw/x"], ["s3://bucket/y"])
    training_job(account, account.fresh("Alone"), ["s3://bucket/y"])
    return account
