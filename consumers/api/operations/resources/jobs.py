"""Training, processing, transform and tuning jobs, and feature groups: described and listed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from consumers.api.missing import missing
from consumers.api.operations.resources.paging import described, is_ascending, listed, listing, page_of
from consumers.api.request import Request, Response
from consumers.api.service import Operation, Service
from store.paging import PageKey

TRAINING, PROCESSING, TRANSFORM = "training-job", "processing-job", "transform-job"
TUNING = "hyper-parameter-tuning-job"
FEATURE_GROUP = "feature-group"


def describe_training_job(service: Service, request: Request) -> Response:
    """Describe a training job."""
    return _job(service, request, TRAINING, "TrainingJobName")


def list_training_jobs(service: Service, request: Request) -> Response:
    """List training jobs."""
    pool, plan = request.input.get("WarmPoolStatusEquals"), request.input.get("TrainingPlanArnEquals")

    def where(job: Mapping[str, Any]) -> bool:
        warm = pool is None or _inside(job, "WarmPoolStatus").get("Status") == pool
        return warm and (plan is None or _inside(job, "ResourceConfig").get("TrainingPlanArn") == plan)

    wanted = listing(request, TRAINING, ascending=True)
    return listed(service, request, "TrainingJobSummaries", wanted, where if pool or plan else None)


def describe_processing_job(service: Service, request: Request) -> Response:
    """Describe a processing job."""
    return _job(service, request, PROCESSING, "ProcessingJobName")


def list_processing_jobs(service: Service, request: Request) -> Response:
    """List processing jobs."""
    return listed(service, request, "ProcessingJobSummaries", listing(request, PROCESSING, ascending=True))


def describe_transform_job(service: Service, request: Request) -> Response:
    """Describe a transform job."""
    return _job(service, request, TRANSFORM, "TransformJobName")


def list_transform_jobs(service: Service, request: Request) -> Response:
    """List transform jobs."""
    return listed(service, request, "TransformJobSummaries", listing(request, TRANSFORM))


def describe_hyper_parameter_tuning_job(service: Service, request: Request) -> Response:
    """Describe a tuning job."""
    return _job(service, request, TUNING, "HyperParameterTuningJobName")


def list_hyper_parameter_tuning_jobs(service: Service, request: Request) -> Response:
    """List tuning jobs."""
    wanted = listing(request, TUNING, order="Name", ascending=True)
    answer = listed(service, request, "HyperParameterTuningJobSummaries", wanted)
    summaries = [_with_limits(job) for job in answer["HyperParameterTuningJobSummaries"]]
    return {**answer, "HyperParameterTuningJobSummaries": summaries}


def list_training_jobs_for_hyper_parameter_tuning_job(service: Service, request: Request) -> Response:
    """List the training jobs of a tuning job, with the metric that each reached."""
    tuning = _job(service, request, TUNING, "HyperParameterTuningJobName")
    status = request.input.get("StatusEquals")
    jobs = [
        job
        for job in service.descriptions.tuned(tuning["HyperParameterTuningJobArn"])
        if status is None or job.get("TrainingJobStatus") == status
    ]
    keys: list[tuple[PageKey, Mapping[str, Any]]]
    match request.input.get("SortBy", "Name"):
        case "FinalObjectiveMetricValue":  # SageMaker does not list jobs without the metric
            values = [_inside(job, "FinalHyperParameterTuningJobObjectiveMetric").get("Value") for job in jobs]
            keys = [((value,), job) for value, job in zip(values, jobs, strict=True) if isinstance(value, int | float)]
        case "CreationTime":
            keys = [((job.get("CreationTime", 0),), job) for job in jobs]
        case "Status":
            keys = [((job.get("TrainingJobStatus", ""),), job) for job in jobs]
        case _:
            keys = [((), job) for job in jobs]
    keyed = [((*key, str(job.get("TrainingJobName", ""))), job) for key, job in keys]
    return page_of(request, "TrainingJobSummaries", keyed, ascending=is_ascending(request, default=True))


def describe_feature_group(service: Service, request: Request) -> Response:
    """Describe a feature group."""
    arn = request.arn(FEATURE_GROUP, request.input["FeatureGroupName"])
    return described(service, arn, missing("DescribeFeatureGroup", arn))


def list_feature_groups(service: Service, request: Request) -> Response:
    """List feature groups."""
    status = request.input.get("OfflineStoreStatusEquals")

    def where(group: Mapping[str, Any]) -> bool:
        return _inside(group, "OfflineStoreStatus").get("Status") == status

    return listed(service, request, "FeatureGroupSummaries", listing(request, FEATURE_GROUP), where if status else None)


def _job(service: Service, request: Request, kind: str, name: str) -> Mapping[str, Any]:
    arn = request.arn(kind, request.input[name])
    return described(service, arn, missing(request.operation, arn))


def _with_limits(job: Mapping[str, Any]) -> Mapping[str, Any]:
    """A tuning job, with the parts of its configuration that its summary has."""
    config = _inside(job, "HyperParameterTuningJobConfig")
    return {**job, "Strategy": config.get("Strategy"), "ResourceLimits": config.get("ResourceLimits")}


def _inside(description: Mapping[str, Any], member: str) -> Mapping[str, Any]:
    """A structure in a description, or an empty one."""
    found = description.get(member)
    return found if isinstance(found, Mapping) else {}


OPERATIONS: Mapping[str, Operation] = {
    "DescribeTrainingJob": Operation(describe_training_job),
    "ListTrainingJobs": Operation(list_training_jobs),
    "DescribeProcessingJob": Operation(describe_processing_job),
    "ListProcessingJobs": Operation(list_processing_jobs),
    "DescribeTransformJob": Operation(describe_transform_job),
    "ListTransformJobs": Operation(list_transform_jobs),
    "DescribeHyperParameterTuningJob": Operation(describe_hyper_parameter_tuning_job),
    "ListHyperParameterTuningJobs": Operation(list_hyper_parameter_tuning_jobs),
    "ListTrainingJobsForHyperParameterTuningJob": Operation(list_training_jobs_for_hyper_parameter_tuning_job),
    "DescribeFeatureGroup": Operation(describe_feature_group, unused={"NextToken": ""}),
    "ListFeatureGroups": Operation(
        list_feature_groups, differs="SortBy OfflineStoreStatus sorts by the time of creation."
    ),
}
