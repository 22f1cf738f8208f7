"""Events about resources, as SageMaker sends them."""

from __future__ import annotations

import json

from hypothesis import strategies as st

from tests.support.events import PARTITION, iso
from tests.support.worlds.values import (
    config_names,
    container,
    events_of,
    events_with,
    execution_arns,
    feature_group_arns,
    image_uris,
    job_names,
    maybe_times,
    model_names,
    named,
    package_arns,
    queries,
    tags,
    uris,
)

endpoints = events_of(
    "Endpoint State Change",
    named(
        "endpoint",
        "Endpoint",
        st.just("Shop"),
        EndpointConfigName=st.none() | config_names,
        EndpointStatus=st.sampled_from(["CREATING", "IN_SERVICE", "UPDATING", "ROLLING_BACK", "DELETING"]),
        PendingDeploymentSummary=st.none() | st.fixed_dictionaries({"EndpointConfigName": config_names}),
        CreationTime=maybe_times,
        LastModifiedTime=maybe_times,
        Tags=tags,
    ),
)
configs = events_of(
    "Endpoint Config State Change",
    named(
        "endpoint-config",
        "EndpointConfig",
        config_names,
        ProductionVariants=st.lists(st.fixed_dictionaries({"ModelName": model_names}), min_size=1, max_size=2),
        ShadowProductionVariants=st.none() | st.lists(st.fixed_dictionaries({"ModelName": model_names}), max_size=1),
        DataCaptureConfig=st.none() | uris.map(lambda uri: {"EnableCapture": True, "DestinationS3Uri": uri}),
        CreationTime=maybe_times,
    ),
)
models = events_of(
    "Model State Change",
    named("model", "Model", model_names, PrimaryContainer=container, CreationTime=maybe_times),
)
packages = events_with(
    "Model Package State Change",
    ModelPackageArn=package_arns,
    ModelPackageGroupName=st.sampled_from(["group", "Group"]),
    ModelPackageStatus=st.just("Completed"),
    ModelApprovalStatus=st.sampled_from([None, "PendingManualApproval", "Approved", "Rejected"]),
    InferenceSpecification=st.none()
    | st.fixed_dictionaries(
        {"Containers": st.lists(st.fixed_dictionaries({"Image": image_uris, "ModelDataUrl": uris}))}
    ),
    ModelLifeCycle=st.none() | st.sampled_from(["Tried", "Used"]).map(lambda stage: {"Stage": stage}),
    ModelMetrics=st.none() | uris.map(lambda uri: {"ModelQuality": {"Statistics": {"S3Uri": uri}}}),
    SourceUri=st.none()
    | uris
    | package_arns
    | st.just(f"{PARTITION}artifact/{'a' * 32}")
    | model_names.map(lambda name: f"{PARTITION}model/{name}"),
    CustomerMetadataProperties=st.none() | st.just({"owner": "ana"}) | st.just({"owner": "bob"}),
    CreationTime=maybe_times,
    LastModifiedTime=maybe_times,
)
model_cards = events_of(
    "Model Card State Change",
    named(
        "model-card",
        "ModelCard",
        st.sampled_from(["Card", "other"]),
        ModelCardStatus=st.sampled_from(["Draft", "Approved"]),
        ModelId=st.none() | model_names | package_arns,
        Content=st.none()
        | package_arns.map(lambda arn: json.dumps({"model_package_details": {"model_package_arn": arn}})),
        CreationTime=maybe_times,
        LastModifiedTime=maybe_times,
    ),
)
images = events_of(
    "Image State Change",
    named("image", "Image", st.sampled_from(["Kernel", "other"]), ImageStatus=st.sampled_from(["Creating", "Created"])),
)
image_versions = events_with(
    "Image Version State Change",
    ImageArn=st.none() | st.sampled_from([f"{PARTITION}image/{name}" for name in ("kernel", "Kernel", "other")]),
    ImageVersionArn=st.sampled_from([f"{PARTITION}image-version/kernel/{number}" for number in (1, 2)]),
    Version=st.sampled_from([1.0, 2, None]),
    ContainerImage=st.none() | image_uris,
    BaseImage=st.none() | image_uris,
    CreationTime=maybe_times,
)
schedules = events_of(
    "Monitoring Schedule State Change",
    named(
        "monitoring-schedule",
        "MonitoringSchedule",
        st.just("Drift"),
        EndpointName=st.none() | st.just("Shop"),
        MonitoringScheduleConfig=st.none()
        | uris.map(
            lambda uri: {"MonitoringJobDefinition": {"BaselineConfig": {"StatisticsResource": {"S3Uri": uri}}}},
        ),
        LastMonitoringExecutionSummary=st.none()
        | job_names.map(lambda name: {"ProcessingJobArn": f"{PARTITION}processing-job/{name}"}),
        CreationTime=maybe_times,
        LastModifiedTime=maybe_times,
    ),
)
training_jobs = events_of(
    "Training Job State Change",
    named(
        "training-job",
        "TrainingJob",
        job_names,
        TrainingJobStatus=st.sampled_from(["InProgress", "Completed", "Failed"]),
        SecondaryStatus=st.sampled_from(["Starting", "Training", "Completed"]),
        AlgorithmSpecification=st.none() | st.fixed_dictionaries({"TrainingImage": image_uris}),
        InputDataConfig=st.none()
        | st.lists(uris | feature_group_arns, max_size=2).map(
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
        ModelArtifacts=st.none() | st.fixed_dictionaries({"S3ModelArtifacts": uris}),
        HyperParameters=st.none() | st.dictionaries(st.sampled_from(["eta", "mode"]), st.sampled_from(["0.1", "fast"])),
        ExperimentConfig=st.none() | st.just({"ExperimentName": "Flow", "TrialName": "aaa"}),
        CreationTime=maybe_times,
        LastModifiedTime=maybe_times,
        Tags=tags,
    ),
)
processing_jobs = events_of(
    "Processing Job State Change",
    named(
        "processing-job",
        "ProcessingJob",
        job_names,
        ProcessingJobStatus=st.sampled_from(["InProgress", "Completed"]),
        AppSpecification=st.fixed_dictionaries({"ImageUri": image_uris | uris}),
        ProcessingInputs=st.lists(uris | feature_group_arns | queries, max_size=2).map(
            lambda inputs: [
                {"InputName": f"i{number}"}
                | (
                    {"S3Input": {"S3Uri": source}}
                    if isinstance(source, str)
                    else {"DatasetDefinition": {"AthenaDatasetDefinition": source}}
                )
                for number, source in enumerate(inputs)
            ]
        ),
        ProcessingOutputConfig=uris.map(lambda uri: {"Outputs": [{"OutputName": "out", "S3Output": {"S3Uri": uri}}]})
        | st.just({"Outputs": [{"OutputName": "out", "FeatureStoreOutput": {"FeatureGroupName": "Prices"}}]}),
        AutoMLJobArn=st.none() | st.just(f"{PARTITION}automl-job/auto"),
        CreationTime=maybe_times,
        ProcessingEndTime=maybe_times,
        Tags=tags,
    ),
)
transform_jobs = events_of(
    "Transform Job State Change",
    named(
        "transform-job",
        "TransformJob",
        job_names,
        TransformJobStatus=st.sampled_from(["InProgress", "Completed"]),
        ModelName=model_names,
        TransformInput=uris.map(lambda uri: {"DataSource": {"S3DataSource": {"S3Uri": uri}}}),
        TransformOutput=uris.map(lambda uri: {"S3OutputPath": uri}),
        CreationTime=maybe_times,
    ),
)
executions = events_with(
    "Model Building Pipeline Execution Status Change",
    pipelineExecutionArn=execution_arns,
    pipelineExecutionDisplayName=st.sampled_from([None, "first", "second"]),
    currentPipelineExecutionStatus=st.sampled_from(["Executing", "Succeeded", "Failed"]),
    previousPipelineExecutionStatus=st.sampled_from([None, "Executing", "Failed"]),
    executionStartTime=maybe_times.map(lambda time: time and iso(time)),
    executionEndTime=maybe_times.map(lambda time: time and iso(time)),
)
steps = events_with(
    "Model Building Pipeline Execution Step Status Change",
    pipelineExecutionArn=execution_arns,
    stepName=st.sampled_from(["Prepare", "Train", "train"]),
    cacheHitResult=st.none() | execution_arns.map(lambda arn: {"sourcePipelineExecutionArn": arn}),
    selectiveExecutionResult=st.none() | execution_arns.map(lambda arn: {"sourcePipelineExecutionArn": arn}),
    currentStepStatus=st.sampled_from(["Starting", "Executing", "Succeeded", "Failed"]),
    previousStepStatus=st.sampled_from([None, "Starting", "Failed"]),
    failureReason=st.sampled_from([None, "no capacity"]),
    metadata=st.sampled_from(
        [
            {},
            {"processingJob": {"arn": f"{PARTITION}processing-job/job-1"}},
            {"trainingJob": {"arn": f"{PARTITION}training-job/job-1"}},
            {"trainingJob": {"arn": f"{PARTITION}training-job/job-2"}},
            {"transformJob": {"arn": f"{PARTITION}transform-job/Job-1"}},
        ]
    ),
    stepStartTime=maybe_times.map(lambda time: time and iso(time)),
    stepEndTime=maybe_times.map(lambda time: time and iso(time)),
)
feature_groups = events_of(
    "Feature Group State Change",
    named(
        "feature-group",
        "FeatureGroup",
        st.just("Prices"),
        FeatureGroupStatus=st.sampled_from(["Creating", "Created", "Deleting"]),
        OfflineStoreConfig=st.none() | uris.map(lambda uri: {"S3StorageConfig": {"S3Uri": uri}}),
        CreationTime=maybe_times,
    ),
)
