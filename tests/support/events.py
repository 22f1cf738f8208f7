"""Events to test with: real ones from files, and small made-up worlds in which everything that can collide does."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

HERE = Path(__file__).parents[1]
ABALONE = HERE / "cases" / "abalone" / "events.jsonl"
"""The events of a real pipeline run."""
SAMPLES = HERE / "events"
"""A sample of every kind of event, a file each (origins: events/README.md)."""
REGION = "us-east-1"
ACCOUNT = "111122223333"
PARTITION = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:"
NOON = 1_700_000_000_000
"""A round time, in epoch milliseconds."""


@cache
def abalone() -> tuple[bytes, ...]:
    """The events of a real pipeline run, in the order of time."""
    return case_events("abalone")


def case_events(name: str) -> tuple[bytes, ...]:
    """The events of a case."""
    return tuple((HERE / "cases" / name / "events.jsonl").read_bytes().splitlines())


@cache
def samples() -> dict[str, bytes]:
    """Samples of every kind of event, by the name of their file (origins: events/README.md)."""
    return {path.stem: path.read_bytes() for path in sorted((HERE / "events").glob("*.json"))}


def event(kind: str, detail: dict[str, Any], *, time: int | None = NOON, resources: Sequence[str] = ()) -> bytes:
    """An EventBridge event about something in `ACCOUNT`; `kind` is its detail-type without SageMaker's name."""
    told: dict[str, Any] = {
        "version": "0",
        "id": "0bd4a141-0a02-9d8a-f977-3924c3fb259c",
        "detail-type": f"SageMaker {kind}",
        "source": "aws.sagemaker",
        "account": ACCOUNT,
        "region": REGION,
        "resources": list(resources),
        "detail": {name: value for name, value in detail.items() if value is not None},
    }
    if time is not None:
        told["time"] = iso(time)
    return json.dumps(told).encode()


def call(
    name: str,
    asked: dict[str, Any],
    answered: dict[str, Any] | None = None,
    *,
    time: int = NOON,
    who: str = f"arn:aws:sts::{ACCOUNT}:assumed-role/data-science/ada",
    **more: Any,
) -> bytes:
    """A call of SageMaker's API as CloudTrail records it; times in whole seconds, as it tells them."""
    told = {
        "eventVersion": "1.09",
        "userIdentity": {"type": "AssumedRole", "arn": who, "accountId": ACCOUNT},
        "eventTime": iso(time // 1000 * 1000).replace(".000", ""),
        "eventSource": "sagemaker.amazonaws.com",
        "eventName": name,
        "awsRegion": REGION,
        "requestParameters": asked,
        "responseElements": answered,
        "eventType": "AwsApiCall",
        "recipientAccountId": ACCOUNT,
        **more,
    }
    return event("AWS API Call via CloudTrail", told, time=time).replace(b'"SageMaker AWS', b'"AWS')


def answer(operation: str, response: dict[str, Any], *, arn: str, time: int = NOON) -> bytes:
    """What SageMaker answered when it was asked about something, as it is kept."""
    body = event("", {"Operation": operation, "Response": response}, time=time, resources=[arn])
    return body.replace(b'"SageMaker "', b'"Headwater Description"').replace(b'"aws.sagemaker"', b'"headwater"')


def iso(milliseconds: int) -> str:
    """A time as EventBridge's envelope spells it."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def again(body: bytes, later: int, number: int = 0) -> bytes:
    """The same news once more: under another id, in an envelope that is some milliseconds later, if it tells a time."""
    told = json.loads(body)
    told["id"] = f"00000000-0000-4000-8000-{number:012d}"
    when = told.get("time")
    if when:
        before = int(when) if when.isdigit() else int(datetime.fromisoformat(when).timestamp() * 1000)
        told["time"] = iso(before + later)
    return json.dumps(told).encode()


# Few names and few times, so that lives, ties, references and repetitions meet.
_times = st.sampled_from([NOON + offset for offset in (0, 1, 999, 1000, 60_000, 3_600_000, 7_200_000)])
_maybe_times = st.none() | _times
_models = st.sampled_from(["m-1", "M-2"])
_configs = st.sampled_from(["blue", "Green"])
_uris = st.sampled_from([f"s3://bucket/{name}" for name in ("raw", "train", "model.tar.gz", "checkpoints")])
_images = st.sampled_from(["registry/image:1", "registry/image:2"])
_groups = st.sampled_from([f"{PARTITION}feature-group/{name}" for name in ("prices", "Prices")])
_queries = st.sampled_from([{"Database": "crm", "QueryString": f"SELECT {number}"} for number in (1, 2)])
_jobs = st.sampled_from(["Job-1", "job-2"])
_packages = st.sampled_from([f"{PARTITION}model-package/group/{version}" for version in (1, 2)])
_executions = st.sampled_from([f"{PARTITION}pipeline/flow/execution/{number}" for number in ("aaa", "bbb")])
_callers = st.sampled_from(["arn:aws:iam::111122223333:user/ada", "arn:aws:iam::111122223333:user/lin"])
_tags = st.none() | st.fixed_dictionaries({"sagemaker:pipeline-execution-arn": _executions}) | st.just({"team": "a"})


def _told(kind: str, **details: st.SearchStrategy[Any]) -> st.SearchStrategy[bytes]:
    return st.builds(lambda detail, time: event(kind, detail, time=time), st.fixed_dictionaries(details), _times)


def _named(part: str, prefix: str, names: st.SearchStrategy[str], **more: st.SearchStrategy[Any]) -> Any:
    """Details of a resource with a name, and an ARN in lower case or in the name's case."""
    arn: Callable[[str, bool], str] = lambda name, low: f"{PARTITION}{part}/{name.lower() if low else name}"  # noqa: E731
    identity = st.tuples(names, st.booleans()).map(
        lambda both: {f"{prefix}Name": both[0], f"{prefix}Arn": arn(both[0], both[1])}
    )
    return st.tuples(identity, st.fixed_dictionaries(more)).map(lambda both: both[0] | both[1])


def _called(name: str, answered: dict[str, Any] | None = None, **asked: st.SearchStrategy[Any]) -> Any:
    """Calls of one name, some of them refused; what is None is not asked for."""

    def make(asked: dict[str, Any], time: int, who: str, refused: bool) -> bytes:
        told = {name: value for name, value in asked.items() if value is not None}
        return call(name, told, answered, time=time, who=who, **({"errorCode": "AccessDenied"} if refused else {}))

    return st.builds(make, st.fixed_dictionaries(asked), _times, _callers, st.sampled_from([False, False, True]))


def _told_of(kind: str, details: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[bytes]:
    return st.builds(lambda detail, time: event(kind, detail, time=time), details, _times)


_container = st.one_of(
    st.fixed_dictionaries({"Image": _images, "ModelDataUrl": _uris}),
    st.fixed_dictionaries({"ModelPackageName": _packages}),
)

endpoints = _told_of(
    "Endpoint State Change",
    _named(
        "endpoint",
        "Endpoint",
        st.just("Shop"),
        EndpointConfigName=st.none() | _configs,
        EndpointStatus=st.sampled_from(["CREATING", "IN_SERVICE", "UPDATING", "ROLLING_BACK", "DELETING"]),
        PendingDeploymentSummary=st.none() | st.fixed_dictionaries({"EndpointConfigName": _configs}),
        CreationTime=_maybe_times,
        LastModifiedTime=_maybe_times,
        Tags=_tags,
    ),
)
configs = _told_of(
    "Endpoint Config State Change",
    _named(
        "endpoint-config",
        "EndpointConfig",
        _configs,
        ProductionVariants=st.lists(st.fixed_dictionaries({"ModelName": _models}), min_size=1, max_size=2),
        ShadowProductionVariants=st.none() | st.lists(st.fixed_dictionaries({"ModelName": _models}), max_size=1),
        DataCaptureConfig=st.none() | _uris.map(lambda uri: {"EnableCapture": True, "DestinationS3Uri": uri}),
        CreationTime=_maybe_times,
    ),
)
models = _told_of(
    "Model State Change",
    _named("model", "Model", _models, PrimaryContainer=_container, CreationTime=_maybe_times),
)
packages = _told(
    "Model Package State Change",
    ModelPackageArn=_packages,
    ModelPackageGroupName=st.sampled_from(["group", "Group"]),
    ModelPackageStatus=st.just("Completed"),
    ModelApprovalStatus=st.sampled_from([None, "PendingManualApproval", "Approved", "Rejected"]),
    InferenceSpecification=st.none()
    | st.fixed_dictionaries({"Containers": st.lists(st.fixed_dictionaries({"Image": _images, "ModelDataUrl": _uris}))}),
    ModelLifeCycle=st.none() | st.sampled_from(["Tried", "Used"]).map(lambda stage: {"Stage": stage}),
    ModelMetrics=st.none() | _uris.map(lambda uri: {"ModelQuality": {"Statistics": {"S3Uri": uri}}}),
    SourceUri=st.none()
    | _uris
    | _packages
    | st.just(f"{PARTITION}artifact/{'a' * 32}")
    | _models.map(lambda name: f"{PARTITION}model/{name}"),
    CustomerMetadataProperties=st.none() | st.just({"owner": "ana"}) | st.just({"owner": "bob"}),
    CreationTime=_maybe_times,
    LastModifiedTime=_maybe_times,
)
package_calls = st.one_of(
    _called(
        "UpdateModelPackage",
        modelPackageArn=_packages,
        modelApprovalStatus=st.sampled_from(["Approved", None]),
        customerMetadataProperties=st.none() | st.just({"owner": "eve"}),
        customerMetadataPropertiesToRemove=st.none() | st.just(["owner"]),
    ),
    _called("DeleteModelPackage", modelPackageName=_packages),
)
endpoint_calls = st.one_of(
    _called("CreateEndpoint", endpointName=st.just("Shop"), endpointConfigName=_configs),
    _called("UpdateEndpoint", endpointName=st.just("Shop"), endpointConfigName=_configs),
    _called("DeleteEndpoint", endpointName=st.just("Shop")),
    _called("DeleteModel", modelName=_models),
    _called("DeleteEndpointConfig", endpointConfigName=_configs),
)
_inference_components = st.sampled_from(["Scorer", "adapter"])
_specifications = st.one_of(
    st.fixed_dictionaries({"modelName": _models}),
    st.fixed_dictionaries({"container": st.fixed_dictionaries({"image": _images, "artifactUrl": _uris})}),
    st.fixed_dictionaries({"baseInferenceComponentName": _inference_components}),
)
inference_component_calls = st.one_of(
    _called(
        "CreateInferenceComponent",
        inferenceComponentName=_inference_components,
        endpointName=st.just("Shop"),
        specification=_specifications,
    ),
    _called("UpdateInferenceComponent", inferenceComponentName=_inference_components, specification=_specifications),
    _called("DeleteInferenceComponent", inferenceComponentName=_inference_components),
)
model_cards = _told_of(
    "Model Card State Change",
    _named(
        "model-card",
        "ModelCard",
        st.sampled_from(["Card", "other"]),
        ModelCardStatus=st.sampled_from(["Draft", "Approved"]),
        ModelId=st.none() | _models | _packages,
        Content=st.none()
        | _packages.map(lambda arn: json.dumps({"model_package_details": {"model_package_arn": arn}})),
        CreationTime=_maybe_times,
        LastModifiedTime=_maybe_times,
    ),
)
images = _told_of(
    "Image State Change",
    _named(
        "image", "Image", st.sampled_from(["Kernel", "other"]), ImageStatus=st.sampled_from(["Creating", "Created"])
    ),
)
image_versions = _told(
    "Image Version State Change",
    ImageArn=st.none() | st.sampled_from([f"{PARTITION}image/{name}" for name in ("kernel", "Kernel", "other")]),
    ImageVersionArn=st.sampled_from([f"{PARTITION}image-version/kernel/{number}" for number in (1, 2)]),
    Version=st.sampled_from([1.0, 2, None]),
    ContainerImage=st.none() | _images,
    BaseImage=st.none() | _images,
    CreationTime=_maybe_times,
)
schedules = _told_of(
    "Monitoring Schedule State Change",
    _named(
        "monitoring-schedule",
        "MonitoringSchedule",
        st.just("Drift"),
        EndpointName=st.none() | st.just("Shop"),
        MonitoringScheduleConfig=st.none()
        | _uris.map(
            lambda uri: {"MonitoringJobDefinition": {"BaselineConfig": {"StatisticsResource": {"S3Uri": uri}}}},
        ),
        LastMonitoringExecutionSummary=st.none()
        | _jobs.map(lambda name: {"ProcessingJobArn": f"{PARTITION}processing-job/{name}"}),
        CreationTime=_maybe_times,
        LastModifiedTime=_maybe_times,
    ),
)
training_jobs = _told_of(
    "Training Job State Change",
    _named(
        "training-job",
        "TrainingJob",
        _jobs,
        TrainingJobStatus=st.sampled_from(["InProgress", "Completed", "Failed"]),
        SecondaryStatus=st.sampled_from(["Starting", "Training", "Completed"]),
        AlgorithmSpecification=st.none() | st.fixed_dictionaries({"TrainingImage": _images}),
        InputDataConfig=st.none()
        | st.lists(_uris | _groups, max_size=2).map(
            lambda uris: [
                {"ChannelName": f"c{number}", "DataSource": {"S3DataSource": {"S3Uri": uri}}}
                for number, uri in enumerate(uris)
            ]
        ),
        AutoMLJobArn=st.none() | st.just(f"{PARTITION}automl-job/auto"),
        TuningJobArn=st.none() | st.just(f"{PARTITION}hyper-parameter-tuning-job/search"),
        BillableTimeInSeconds=st.sampled_from([None, 60]),
        Environment=st.none()
        | st.just({"SAGEMAKER_SUBMIT_DIRECTORY": "s3://bucket/code.tar.gz", "SAGEMAKER_PROGRAM": "train.py"}),
        ModelArtifacts=st.none() | st.fixed_dictionaries({"S3ModelArtifacts": _uris}),
        HyperParameters=st.none() | st.dictionaries(st.sampled_from(["eta", "mode"]), st.sampled_from(["0.1", "fast"])),
        ExperimentConfig=st.none() | st.just({"ExperimentName": "Flow", "TrialName": "aaa"}),
        CreationTime=_maybe_times,
        LastModifiedTime=_maybe_times,
        Tags=_tags,
    ),
)
processing_jobs = _told_of(
    "Processing Job State Change",
    _named(
        "processing-job",
        "ProcessingJob",
        _jobs,
        ProcessingJobStatus=st.sampled_from(["InProgress", "Completed"]),
        AppSpecification=st.fixed_dictionaries({"ImageUri": _images | _uris}),
        ProcessingInputs=st.lists(_uris | _groups | _queries, max_size=2).map(
            lambda inputs: [
                {"InputName": f"i{number}"}
                | (
                    {"S3Input": {"S3Uri": told}}
                    if isinstance(told, str)
                    else {"DatasetDefinition": {"AthenaDatasetDefinition": told}}
                )
                for number, told in enumerate(inputs)
            ]
        ),
        ProcessingOutputConfig=_uris.map(lambda uri: {"Outputs": [{"OutputName": "out", "S3Output": {"S3Uri": uri}}]})
        | st.just({"Outputs": [{"OutputName": "out", "FeatureStoreOutput": {"FeatureGroupName": "Prices"}}]}),
        AutoMLJobArn=st.none() | st.just(f"{PARTITION}automl-job/auto"),
        CreationTime=_maybe_times,
        ProcessingEndTime=_maybe_times,
        Tags=_tags,
    ),
)
transform_jobs = _told_of(
    "Transform Job State Change",
    _named(
        "transform-job",
        "TransformJob",
        _jobs,
        TransformJobStatus=st.sampled_from(["InProgress", "Completed"]),
        ModelName=_models,
        TransformInput=_uris.map(lambda uri: {"DataSource": {"S3DataSource": {"S3Uri": uri}}}),
        TransformOutput=_uris.map(lambda uri: {"S3OutputPath": uri}),
        CreationTime=_maybe_times,
    ),
)
executions = _told(
    "Model Building Pipeline Execution Status Change",
    pipelineExecutionArn=_executions,
    pipelineExecutionDisplayName=st.sampled_from([None, "first", "second"]),
    currentPipelineExecutionStatus=st.sampled_from(["Executing", "Succeeded"]),
    executionStartTime=_maybe_times.map(lambda time: time and iso(time)),
    executionEndTime=_maybe_times.map(lambda time: time and iso(time)),
)
steps = _told(
    "Model Building Pipeline Execution Step Status Change",
    pipelineExecutionArn=_executions,
    stepName=st.sampled_from(["Prepare", "Train", "train"]),
    cacheHitResult=st.none() | _executions.map(lambda arn: {"sourcePipelineExecutionArn": arn}),
    currentStepStatus=st.sampled_from(["Starting", "Executing", "Succeeded"]),
    metadata=st.sampled_from(
        [
            {},
            {"processingJob": {"arn": f"{PARTITION}processing-job/job-1"}},
            {"trainingJob": {"arn": f"{PARTITION}training-job/job-1"}},
            {"trainingJob": {"arn": f"{PARTITION}training-job/job-2"}},
            {"transformJob": {"arn": f"{PARTITION}transform-job/Job-1"}},
        ]
    ),
    stepStartTime=_maybe_times.map(lambda time: time and iso(time)),
    stepEndTime=_maybe_times.map(lambda time: time and iso(time)),
)
feature_groups = _told_of(
    "Feature Group State Change",
    _named(
        "feature-group",
        "FeatureGroup",
        st.just("Prices"),
        FeatureGroupStatus=st.sampled_from(["Creating", "Created", "Deleting"]),
        OfflineStoreConfig=st.none() | _uris.map(lambda uri: {"S3StorageConfig": {"S3Uri": uri}}),
        CreationTime=_maybe_times,
    ),
)

_hex = st.sampled_from(["a" * 32, "b" * 32])
_ends = st.sampled_from(
    [
        f"{PARTITION}artifact/{'a' * 32}",
        f"{PARTITION}artifact/{'b' * 32}",
        f"{PARTITION}context/Review",
        f"{PARTITION}action/check",
        f"{PARTITION}experiment-trial-component/job-1-aws-training-job",
        f"{PARTITION}experiment-trial-component/by-hand",
    ]
)
_properties = st.none() | st.dictionaries(st.sampled_from(["a", "B"]), st.sampled_from(["1", "2"]))
_removed = st.none() | st.lists(st.sampled_from(["a", "B"]))
_artifact_arns = _hex.map(lambda digest: f"{PARTITION}artifact/{digest}")
_components = st.sampled_from(["Job-1-aws-training-job", "By-Hand"])
_trials = st.sampled_from(["aaa", "Monday"])
artifact_calls = st.one_of(
    _called(
        "CreateArtifact",
        artifactArn=_artifact_arns,
        source=_uris.map(lambda uri: {"sourceUri": uri}),
        artifactType=st.sampled_from(["DataSet", "Model", "Notes"]),
        properties=_properties,
    ),
    _called("UpdateArtifact", artifactArn=_artifact_arns, properties=_properties, propertiesToRemove=_removed),
    _called("DeleteArtifact", artifactArn=_artifact_arns),
)
context_calls = st.one_of(
    _called(
        "CreateContext",
        contextName=st.just("Review"),
        source=st.just({"sourceUri": "https://example.com"}),
        contextType=st.sampled_from(["Review", "Project"]),
        properties=_properties,
    ),
    _called("UpdateContext", contextName=st.just("Review"), properties=_properties, propertiesToRemove=_removed),
    _called("DeleteContext", contextName=st.just("Review")),
    _called("CreateAction", actionName=st.just("check"), actionType=st.just("Check"), status=st.just("InProgress")),
    _called("UpdateAction", actionName=st.just("check"), status=st.sampled_from(["Completed", "Failed"])),
)
experiment_calls = st.one_of(
    _called("CreateExperiment", experimentName=st.sampled_from(["Flow", "Churn"]), description=st.just("told")),
    _called("DeleteExperiment", experimentName=st.sampled_from(["Flow", "Churn"])),
    _called("CreateTrial", trialName=_trials, experimentName=st.sampled_from(["Flow", "Churn"])),
    _called("DeleteTrial", trialName=_trials),
    _called(
        "AddTags",
        resourceArn=st.sampled_from([f"{PARTITION}experiment/flow", f"{PARTITION}training-job/job-1"]),
        tags=st.sampled_from([[{"key": "team", "value": "b"}], [{"key": "cost", "value": "4"}]]),
    ),
    _called("DeleteTags", resourceArn=st.just(f"{PARTITION}training-job/job-1"), tagKeys=st.just(["team"])),
)
component_calls = st.one_of(
    _called(
        "CreateTrialComponent", trialComponentName=_components, parameters=st.just({"eta": {"stringValue": "0.3"}})
    ),
    _called(
        "UpdateTrialComponent",
        trialComponentName=_components,
        displayName=st.sampled_from([None, "good", "better"]),
        parameters=st.none() | st.just({"eta": {"numberValue": 0.2}}) | st.just({"mode": {"stringValue": "slow"}}),
        parametersToRemove=st.none() | st.just(["eta"]),
    ),
    _called("DeleteTrialComponent", trialComponentName=_components),
    _called("AssociateTrialComponent", trialComponentName=_components, trialName=_trials),
    _called("DisassociateTrialComponent", trialComponentName=_components, trialName=_trials),
)
pipeline_calls = st.one_of(
    _called("CreatePipeline", pipelineName=st.sampled_from(["flow", "Flow"]), pipelineDisplayName=st.just("The flow")),
    _called("UpdatePipeline", pipelineName=st.just("Flow"), pipelineDescription=st.sampled_from(["one", "two"])),
    _called("DeletePipeline", pipelineName=st.just("Flow")),
    _called(
        "StartPipelineExecution",
        pipelineExecutionArn=_executions,
        pipelineParameters=st.just([{"name": "epochs", "value": "3"}]),
    ),
    _called(
        "UpdatePipelineExecution",
        pipelineExecutionArn=_executions,
        pipelineExecutionDisplayName=st.sampled_from(["third", "fourth"]),
    ),
)
association_calls = st.one_of(
    _called(
        "AddAssociation",
        sourceArn=_ends,
        destinationArn=_ends,
        associationType=st.sampled_from([None, "Produced", "DerivedFrom"]),
    ),
    _called("DeleteAssociation", sourceArn=_ends, destinationArn=_ends),
)

_summaries = st.lists(
    st.builds(
        lambda name, value: {
            "TrainingJobName": name,
            "TrainingJobArn": f"{PARTITION}training-job/{name.lower()}",
            "FinalHyperParameterTuningJobObjectiveMetric": {"MetricName": "auc", "Value": value},
        },
        _jobs,
        st.sampled_from([None, 0.5, 0.9]),
    ),
    max_size=2,
)
tuning_jobs = st.one_of(
    _told_of(
        "HyperParameter Tuning Job State Change",
        _named(
            "hyper-parameter-tuning-job",
            "HyperParameterTuningJob",
            st.just("Search"),
            HyperParameterTuningJobStatus=st.sampled_from(["InProgress", "Completed", "Stopped"]),
            BestTrainingJob=st.none() | _jobs.map(lambda name: {"TrainingJobName": name}),
            TrainingJobStatusCounters=st.none() | st.just({"Completed": 1}),
            CreationTime=_maybe_times,
            LastModifiedTime=_maybe_times,
            Tags=_tags,
        ),
    ),
    st.builds(
        lambda jobs, time: answer(
            "ListTrainingJobsForHyperParameterTuningJob",
            {"TrainingJobSummaries": jobs},
            arn=f"{PARTITION}hyper-parameter-tuning-job/search",
            time=time,
        ),
        _summaries,
        _times,
    ),
    _called("StopHyperParameterTuningJob", hyperParameterTuningJobName=st.just("Search")),
    _called("DeleteHyperParameterTuningJob", hyperParameterTuningJobName=st.just("Search")),
    _called("CreateExperiment", experimentName=st.just("Search-aws-tuning-job"), description=st.just("told")),
)
automl_jobs = st.one_of(
    _called(
        "CreateAutoMLJob",
        autoMLJobName=st.just("Auto"),
        inputDataConfig=st.none() | st.just([{"targetAttributeName": "y"}]),
    ),
    st.builds(
        lambda status, step, created, time: answer(
            "DescribeAutoMLJobV2",
            {
                "AutoMLJobName": "Auto",
                "AutoMLJobStatus": status,
                "CreationTime": created,
                "BestCandidate": {
                    "CandidateName": step,
                    "CandidateSteps": [{"CandidateStepArn": f"{PARTITION}{step}", "CandidateStepName": step}],
                },
            },
            arn=f"{PARTITION}automl-job/auto",
            time=time,
        ),
        st.sampled_from(["InProgress", "Completed"]),
        st.sampled_from(["training-job/job-1", "processing-job/Job-1"]),
        _maybe_times,
        _times,
    ),
)
labeling_jobs = st.one_of(
    st.builds(
        lambda status, time: event(
            "Ground Truth Labeling Job State Change",
            {"LabelingJobStatus": status},
            time=time,
            resources=[f"{PARTITION}labeling-job/labels"],
        ),
        st.sampled_from(["InProgress", "Completed", "Failed"]),
        _times,
    ),
    _called(
        "CreateLabelingJob",
        labelingJobName=st.just("Labels"),
        inputConfig=_uris.map(lambda uri: {"dataSource": {"s3DataSource": {"manifestS3Uri": uri}}}),
    ),
    st.builds(
        lambda uri, output, created, time: answer(
            "DescribeLabelingJob",
            {
                "LabelingJobName": "Labels",
                "CreationTime": created,
                "InputConfig": {"DataSource": {"S3DataSource": {"ManifestS3Uri": uri}}},
                "LabelingJobOutput": {"OutputDatasetS3Uri": output},
            },
            arn=f"{PARTITION}labeling-job/labels",
            time=time,
        ),
        _uris,
        st.none() | _uris,
        _maybe_times,
        _times,
    ),
)
glue_job_runs = st.one_of(
    st.builds(
        lambda kind, run, state, time: event(
            kind, {"jobName": "Clean", "jobRunId": run, "state": state}, time=time
        ).replace(b'"SageMaker Glue', b'"Glue'),
        st.sampled_from(["Glue Job State Change", "Glue Job Run Status"]),
        st.sampled_from(["jr_1", "jr_2"]),
        st.sampled_from(["RUNNING", "SUCCEEDED", "FAILED"]),
        _times,
    ),
    st.builds(
        lambda run, uri, output, time: call(
            "StartJobRun",
            {"jobName": "Clean", "arguments": {"--input": uri, "--output": output}},
            {"jobRunId": run},
            time=time,
            eventSource="glue.amazonaws.com",
        ),
        st.sampled_from(["jr_1", "jr_2"]),
        _uris,
        _uris,
        _times,
    ),
)

everything = (
    endpoints,
    configs,
    models,
    packages,
    package_calls,
    endpoint_calls,
    inference_component_calls,
    model_cards,
    images,
    image_versions,
    schedules,
    training_jobs,
    processing_jobs,
    transform_jobs,
    executions,
    steps,
    feature_groups,
    tuning_jobs,
    automl_jobs,
    labeling_jobs,
    glue_job_runs,
    artifact_calls,
    context_calls,
    experiment_calls,
    component_calls,
    association_calls,
    pipeline_calls,
)
one_of_all = st.one_of(everything)
# A world of few kinds of things is one in which more happens to each of them.
worlds = st.lists(st.sampled_from(everything), min_size=1, max_size=3, unique_by=id).flatmap(
    lambda kinds: st.lists(st.one_of(kinds), min_size=1, max_size=12)
) | st.lists(one_of_all, min_size=1, max_size=30)
"""What happened in a small world, in any order."""
