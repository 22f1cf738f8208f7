"""Jobs of all sorts in a made-up account, and the feature groups that they read and write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tests.support.account.made import ROLE, Account, Detail, call, detail_of, moment
from tests.support.events import ACCOUNT, PARTITION, REGION, event

XGBOOST = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"
CLARIFY = "205585389593.dkr.ecr.us-east-1.amazonaws.com/sagemaker-clarify-processing:1.0"
MONITOR = "156813124566.dkr.ecr.us-east-1.amazonaws.com/sagemaker-model-monitor-analyzer"


def training_job(
    account: Account,
    name: str,
    inputs: Sequence[str],
    *,
    spare: int = 1,
    tags: Mapping[str, str] | None = None,
    **more: Any,
) -> str:
    """A training job from its beginning to its end.

    Returns:
        The URI of its model.
    """
    arn = f"{PARTITION}training-job/{name.lower()}"
    began, ended = account.later(), account.later(60)
    model = f"s3://bucket/models/{name}/output/model.tar.gz"
    done = {
        "TrainingJobName": name,
        "TrainingJobArn": arn,
        "TrainingJobStatus": "Completed",
        "SecondaryStatus": "Completed",
        "HyperParameters": {"eta": f"{account.chance.random():.3f}", "objective": "reg:linear"},
        "AlgorithmSpecification": {"TrainingImage": XGBOOST, "TrainingInputMode": "File"},
        "RoleArn": ROLE,
        "InputDataConfig": [
            {"ChannelName": f"c{number}", "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": uri}}}
            for number, uri in enumerate(inputs)
        ],
        "OutputDataConfig": {"S3OutputPath": "s3://bucket/models"},
        "ResourceConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 30},
        "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
        "ModelArtifacts": {"S3ModelArtifacts": model},
        "FinalMetricDataList": [{"MetricName": "rmse", "Value": 0.5, "Timestamp": moment(ended)}],
        "BillableTimeInSeconds": 60,
        "CreationTime": moment(began),
        "TrainingStartTime": moment(began + 1000),
        "TrainingEndTime": moment(ended - 1000),
        "LastModifiedTime": moment(ended),
        **more,
    }
    not_yet = dict.fromkeys(
        ("ModelArtifacts", "FinalMetricDataList", "BillableTimeInSeconds", "TrainingEndTime", "LastModifiedTime")
    )
    under_way = {**not_yet, "TrainingJobStatus": "InProgress", "SecondaryStatus": "Training"}
    events = events_of("Training Job State Change", done, under_way, began + 1000, ended, tags)
    account.keep(arn, events, ("DescribeTrainingJob", {"TrainingJobName": name}, done), spare=spare, tags=tags)
    return model


def processing_job(
    account: Account,
    name: str,
    inputs: Sequence[str],
    outputs: Sequence[str],
    *,
    spare: int = 1,
    image: str = "registry/sklearn:1",
    group: str = "",
    status: str = "Completed",
    **more: Any,
) -> str:
    """A processing job from its beginning to its end.

    Args:
        account: Where.
        name: Its name.
        inputs: URIs, or ARNs of feature groups.
        outputs: URIs.
        spare: As `Made`.
        image: That it runs.
        group: The name of a feature group into which it writes, too.
        status: How it ends.
        more: What else its description contains.

    Returns:
        Its ARN.
    """
    arn = f"{PARTITION}processing-job/{name.lower()}"
    began, ended = account.later(), account.later(60)
    written: list[Detail] = [
        {"OutputName": f"o{number}", "S3Output": {"S3Uri": uri, "LocalPath": "/out", "S3UploadMode": "EndOfJob"}}
        for number, uri in enumerate(outputs)
    ]
    written += [{"OutputName": "group", "FeatureStoreOutput": {"FeatureGroupName": group}}] if group else []
    done = {
        "ProcessingJobName": name,
        "ProcessingJobArn": arn,
        "ProcessingJobStatus": status,
        "ProcessingInputs": [
            {
                "InputName": f"i{number}",
                "S3Input": {"S3Uri": uri, "LocalPath": "/in", "S3DataType": "S3Prefix", "S3InputMode": "File"},
            }
            for number, uri in enumerate(inputs)
        ],
        "ProcessingOutputConfig": {"Outputs": written},
        "ProcessingResources": {
            "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 20}
        },
        "AppSpecification": {"ImageUri": image},
        "RoleArn": ROLE,
        "CreationTime": moment(began),
        "ProcessingStartTime": moment(began + 1000),
        "ProcessingEndTime": moment(ended - 1000),
        "LastModifiedTime": moment(ended),
        **({"FailureReason": "out of memory"} if status == "Failed" else {}),
        **more,
    }
    under_way = {
        "ProcessingJobStatus": "InProgress",
        "ProcessingEndTime": None,
        "LastModifiedTime": None,
        "FailureReason": None,
    }
    events = events_of("Processing Job State Change", done, under_way, began + 1000, ended)
    return account.keep(arn, events, ("DescribeProcessingJob", {"ProcessingJobName": name}, done), spare=spare)


def transform_job(account: Account, name: str, model: str, uri: str, *, spare: int = 1) -> str:
    """A transform job from its beginning to its end; its ARN."""
    arn = f"{PARTITION}transform-job/{name.lower()}"
    began, ended = account.later(), account.later(60)
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
    under_way = {"TransformJobStatus": "InProgress", "TransformEndTime": None}
    events = events_of("Transform Job State Change", done, under_way, began + 1000, ended)
    return account.keep(arn, events, ("DescribeTransformJob", {"TransformJobName": name}, done), spare=spare)


def events_of(
    kind: str, done: Detail, under_way: Detail, began: int, ended: int, tags: Mapping[str, str] | None = None
) -> list[bytes]:
    """What is sent of a job when it runs and when it is over: `under_way` is what differs as long as it runs."""
    more = {"Tags": dict(tags)} if tags else {}
    return [
        event(kind, detail_of({**done, **under_way}, **more), time=began),
        event(kind, detail_of(done, **more), time=ended),
    ]


# --------------------------------------------------------------------------------------------------- jobs by the dozen


def tuning_job(account: Account, name: str, uri: str, *, spare: int = 1) -> str:
    """A tuning job and its training jobs, the best of which it names; its ARN."""
    arn = f"{PARTITION}hyper-parameter-tuning-job/{name.lower()}"
    began = account.later()
    jobs = []
    for number in range(1, account.chance.randint(2, 3)):
        job = f"{name}-{number:03}-{account.chance.getrandbits(32):08x}"
        when = account.now
        # The list of a tuning job's training jobs names it.
        training_job(account, job, [uri], spare=2, TuningJobArn=arn)
        jobs.append(
            {
                "TrainingJobName": job,
                "TrainingJobArn": f"{PARTITION}training-job/{job}".lower(),
                "CreationTime": moment(when),
                "TrainingJobStatus": "Completed",
                "TunedHyperParameters": {"eta": "0.1"},
                "FinalHyperParameterTuningJobObjectiveMetric": {"MetricName": "rmse", "Value": number / 4},
                "ObjectiveStatus": "Succeeded",
            }
        )
    ended = account.later()
    done = {
        "HyperParameterTuningJobName": name,
        "HyperParameterTuningJobArn": arn,
        "HyperParameterTuningJobConfig": {
            "Strategy": "Bayesian",
            "HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": "rmse"},
            "ResourceLimits": {"MaxNumberOfTrainingJobs": len(jobs), "MaxParallelTrainingJobs": 1},
        },
        "HyperParameterTuningJobStatus": "Completed",
        "CreationTime": moment(began),
        "LastModifiedTime": moment(ended),
        "HyperParameterTuningEndTime": moment(ended),
        "TrainingJobStatusCounters": {"Completed": len(jobs)},
        "ObjectiveStatusCounters": {"Succeeded": len(jobs)},
        "BestTrainingJob": jobs[0],
    }
    kind = "HyperParameter Tuning Job State Change"
    # AWS's documentation spells the ARN in events so, and its times as text.
    said = detail_of(done, HyperParameterTuningJobArn=arn.replace("hyper-parameter-tuning-job", "tuningJob"))
    under_way = {
        **said,
        "HyperParameterTuningJobStatus": "InProgress",
        "TrainingJobStatusCounters": {"InProgress": len(jobs)},
        "ObjectiveStatusCounters": {"Pending": len(jobs)},
        "LastModifiedTime": str(began + 1000),
        "HyperParameterTuningEndTime": None,
        "BestTrainingJob": None,
    }
    asked = {"HyperParameterTuningJobName": name}
    return account.keep(
        arn,
        [
            event(kind, under_way, time=began + 1000),
            event(kind, {**said, "LastModifiedTime": str(ended)}, time=ended),
        ],
        ("DescribeHyperParameterTuningJob", asked, done),
        ("ListTrainingJobsForHyperParameterTuningJob", asked, {"TrainingJobSummaries": jobs}),
        spare=spare,
    )


def automl_job(account: Account, name: str, uri: str) -> str:
    """An AutoML job, which only a call reports, and the jobs of its best candidate; its ARN."""
    arn = f"{PARTITION}automl-job/{name.lower()}"
    began = account.second()
    prepare, train = f"{name}-pr-1", f"{name}-tr-1"
    prepared = f"s3://bucket/{name}/prepared"
    processing_job(account, prepare, [uri], [prepared], spare=2, AutoMLJobArn=arn)
    training_job(account, train, [prepared], spare=2, AutoMLJobArn=arn)
    ended = account.later()
    data = [{"ChannelType": "training", "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": uri}}}]
    described = {
        "AutoMLJobName": name,
        "AutoMLJobArn": arn,
        "AutoMLJobInputDataConfig": data,
        "OutputDataConfig": {"S3OutputPath": f"s3://bucket/{name}"},
        "RoleArn": ROLE,
        "AutoMLJobObjective": {"MetricName": "AUC"},
        "AutoMLProblemTypeConfigName": "Tabular",
        "CreationTime": moment(began),
        "EndTime": moment(ended),
        "LastModifiedTime": moment(ended),
        "AutoMLJobStatus": "Completed",
        "AutoMLJobSecondaryStatus": "Completed",
        "BestCandidate": {
            "CandidateName": f"{name}-best",
            "FinalAutoMLJobObjectiveMetric": {"MetricName": "AUC", "Value": 0.75},
            "ObjectiveStatus": "Succeeded",
            "CandidateStatus": "Completed",
            "CandidateSteps": [
                {
                    "CandidateStepType": f"AWS::SageMaker::{sort}Job",
                    "CandidateStepArn": f"{PARTITION}{sort.lower()}-job/{job.lower()}",
                    "CandidateStepName": job,
                }
                for sort, job in (("Processing", prepare), ("Training", train))
            ],
            "CreationTime": moment(began),
            "LastModifiedTime": moment(ended),
        },
    }
    asked = {
        "autoMLJobName": name,
        "autoMLJobInputDataConfig": [
            {"channelType": "training", "dataSource": {"s3DataSource": {"s3DataType": "S3Prefix", "s3Uri": uri}}}
        ],
        "outputDataConfig": {"s3OutputPath": f"s3://bucket/{name}"},
        "roleArn": ROLE,
    }
    made = call("CreateAutoMLJobV2", asked, {"autoMLJobArn": arn}, at=began)
    # No description says who made it.
    return account.keep(arn, [made], ("DescribeAutoMLJobV2", {"AutoMLJobName": name}, described), spare=0)


# --------------------------------------------------------------------------------------- data: people's, Glue's, groups


def labeling_job(account: Account, name: str, manifest: str) -> str:
    """A labeling job, whose events have only a status; the URI of the manifest that it makes."""
    arn = f"{PARTITION}labeling-job/{name.lower()}"
    began, ended = account.later(), account.later()
    made = f"s3://bucket/labels/{name}/manifests/output/output.manifest"
    described = {
        "LabelingJobStatus": "Completed",
        "LabelCounters": {"TotalLabeled": 3, "HumanLabeled": 3, "MachineLabeled": 0, "Unlabeled": 0},
        "CreationTime": moment(began),
        "LastModifiedTime": moment(ended),
        "JobReferenceCode": "code",
        "LabelingJobName": name,
        "LabelingJobArn": arn,
        "LabelAttributeName": "label",
        "InputConfig": {"DataSource": {"S3DataSource": {"ManifestS3Uri": manifest}}},
        "OutputConfig": {"S3OutputPath": f"s3://bucket/labels/{name}"},
        "RoleArn": ROLE,
        "HumanTaskConfig": {
            "WorkteamArn": f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:workteam/private-crowd/us",
            "UiConfig": {"UiTemplateS3Uri": "s3://bucket/ui.html"},
            "TaskTitle": "Label",
            "TaskDescription": "Label them",
            "NumberOfHumanWorkersPerDataObject": 1,
            "TaskTimeLimitInSeconds": 60,
        },
        "Tags": [],
        "LabelingJobOutput": {"OutputDatasetS3Uri": made},
    }
    kind = "Ground Truth Labeling Job State Change"
    events = [
        event(kind, {"LabelingJobStatus": status}, time=time, resources=[arn])
        for status, time in (("InProgress", began), ("Completed", ended))
    ]
    account.keep(arn, events, ("DescribeLabelingJob", {"LabelingJobName": name}, described), spare=1)
    return made


def glue_job_run(account: Account, name: str, read: str, written: str) -> None:
    """A run of a Glue job: the call that starts it, and its events. SageMaker knows nothing of it."""
    run = f"jr_{account.chance.getrandbits(64):x}"
    arguments = {"--input_path": read, "--output_path": written, "--TempDir": "s3://bucket/temp"}
    began, ended = account.second(), account.later()
    arn = f"arn:aws:glue:{REGION}:{ACCOUNT}:job/{name}/run/{run}"
    asked = {"jobName": name, "arguments": arguments}
    account.calls(
        arn,
        call("StartJobRun", asked, {"jobRunId": run}, at=began, eventSource="glue.amazonaws.com"),
        *(
            event(kind, {"jobName": name, "jobRunId": run, "state": state}, time=time).replace(b'"SageMaker ', b'"')
            for kind, state, time in (
                ("Glue Job Run Status", "RUNNING", began + 500),
                ("Glue Job State Change", "SUCCEEDED", ended),
            )
        ),
    )


def feature_group(account: Account, name: str) -> str:
    """A feature group that jobs read and write; its ARN."""
    arn = f"{PARTITION}feature-group/{name.lower()}"
    began, ended = account.later(), account.later()
    described = {
        "FeatureGroupArn": arn,
        "FeatureGroupName": name,
        "RecordIdentifierFeatureName": "id",
        "EventTimeFeatureName": "time",
        "FeatureDefinitions": [{"FeatureName": "id", "FeatureType": "Integral"}],
        "CreationTime": moment(began),
        "LastModifiedTime": moment(ended),
        "OfflineStoreConfig": {"S3StorageConfig": {"S3Uri": f"s3://bucket/features/{name}"}},
        "FeatureGroupStatus": "Created",
        "NextToken": "",
    }
    said = detail_of(described, NextToken=None)
    kind = "Feature Group State Change"
    events = [
        event(kind, {**said, "FeatureGroupStatus": "Creating", "LastModifiedTime": began}, time=began),
        event(kind, said, time=ended),
    ]
    return account.keep(arn, events, ("DescribeFeatureGroup", {"FeatureGroupName": name}, described), spare=2)
