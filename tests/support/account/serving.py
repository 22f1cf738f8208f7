"""Endpoints, what they serve, and what watches them, in a made-up account."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.support.account.jobs import MONITOR, processing_job, training_job
from tests.support.account.made import ROLE, Account, Detail, call, detail_of, moment
from tests.support.events import PARTITION, event

KIND = "Endpoint State Change"


def endpoint_config(account: Account, models: Sequence[str]) -> str:
    """A configuration; its name. With no models it is one whose models come as inference components."""
    name = account.fresh("Config")
    arn = f"{PARTITION}endpoint-config/{name.lower()}"
    when = account.later()
    variants: list[Detail] = [
        {
            "VariantName": f"v{number}",
            **({"ModelName": one} if one else {}),
            "InitialInstanceCount": 1,
            "InstanceType": "ml.m5.large",
            "InitialVariantWeight": 1.0,
        }
        for number, one in enumerate(models or [""])
    ]
    described = {
        "EndpointConfigName": name,
        "EndpointConfigArn": arn,
        "ProductionVariants": variants,
        "DataCaptureConfig": {
            "EnableCapture": True,
            "InitialSamplingPercentage": 100,
            "DestinationS3Uri": f"s3://bucket/captured/{name}",
            "CaptureOptions": [{"CaptureMode": "Input"}],
        },
        "CreationTime": moment(when),
    }
    body = event("Endpoint Config State Change", detail_of(described), time=when)
    account.keep(arn, [body], ("DescribeEndpointConfig", {"EndpointConfigName": name}, described), spare=1)
    return name


def endpoint(account: Account, name: str, models: Sequence[str]) -> str:
    """An endpoint with its configuration; its ARN."""
    arn = f"{PARTITION}endpoint/{name.lower()}"
    config = endpoint_config(account, models)
    began, ended = account.later(), account.later(60)
    up = _up(name, config, began, ended)
    events = [
        event(KIND, detail_of(up, EndpointStatus="CREATING", LastModifiedTime=began), time=began),
        event(KIND, detail_of(up, EndpointStatus="IN_SERVICE"), time=ended),
    ]
    return account.keep(arn, events, ("DescribeEndpoint", {"EndpointName": name}, up), spare=1)


def update(account: Account, name: str, models: Sequence[str], *, rolled_back: bool) -> None:
    """An endpoint is updated to another configuration, or goes back to the one before.

    A description says what is behind it now, not what was, and nothing shows that an update is missing.
    """
    arn = f"{PARTITION}endpoint/{name.lower()}"
    before = _described(account, arn)
    config = endpoint_config(account, models)
    asked = account.second()
    account.calls(
        arn,
        call("UpdateEndpoint", {"endpointName": name, "endpointConfigName": config}, {"endpointArn": arn}, at=asked),
    )
    coming = {"EndpointConfigName": config, "ProductionVariants": [{"VariantName": "v0"}], "StartTime": asked}
    events = []
    for status in ("UPDATING", *(["ROLLING_BACK"] if rolled_back else [])):
        when = account.later(60)
        more: Detail = {"PendingDeploymentSummary": coming} if status == "UPDATING" else {}
        events.append(
            event(KIND, detail_of({**before, **more}, EndpointStatus=status, LastModifiedTime=moment(when)), time=when)
        )
    when = account.later(60)
    now = before["EndpointConfigName"] if rolled_back else config
    up = {**before, "EndpointConfigName": now, "LastModifiedTime": moment(when)}
    events.append(event(KIND, detail_of(up, EndpointStatus="IN_SERVICE"), time=when))
    account.forget(arn, operations=("DescribeEndpoint", "ListTags"))
    account.keep(arn, events, ("DescribeEndpoint", {"EndpointName": name}, up), spare=0)


def delete(account: Account, name: str) -> None:
    """An endpoint is deleted: from then on SageMaker knows nothing of it."""
    arn = f"{PARTITION}endpoint/{name.lower()}"
    before = _described(account, arn)
    asked = account.second()
    account.forget(arn)
    when = account.later(1)
    account.calls(
        arn,
        call("DeleteEndpoint", {"endpointName": name}, at=asked),
        event(KIND, detail_of(before, EndpointStatus="DELETING", LastModifiedTime=moment(when)), time=when),
    )


def _described(account: Account, arn: str) -> Detail:
    [found] = [
        response
        for one in account.made
        for operation, _, response in one.answers
        if one.arn == arn and operation == "DescribeEndpoint"
    ]
    return dict(found)


def _up(name: str, config: str, began: int, changed: int) -> Detail:
    return {
        "EndpointName": name,
        "EndpointArn": f"{PARTITION}endpoint/{name.lower()}",
        "EndpointConfigName": config,
        "EndpointStatus": "InService",
        "CreationTime": moment(began),
        "LastModifiedTime": moment(changed),
    }


# ------------------------------------------------------------------------------------------------- components, watchers


def inference_components(account: Account, endpoint_name: str, models: Sequence[str]) -> None:
    """A component that is updated from model to model, an adapter on top of it, and one that is deleted.

    Only calls report them, and no description says who made them: none may be lost.
    """
    base = account.fresh("Scorer")
    parts = [{"modelName": name} for name in models]
    _component(account, endpoint_name, base, parts)
    # Nothing references a job by what it made; but the model's address contains its name.
    trained = training_job(account, account.fresh("Adapt"), ["s3://bucket/y"], spare=2)
    adapter = {"baseInferenceComponentName": base, "container": {"artifactUrl": trained}}
    _component(account, endpoint_name, account.fresh("Adapter"), [adapter])
    gone = account.fresh("Gone")
    arn = _component(account, endpoint_name, gone, parts[:1])
    account.forget(arn)
    account.calls(arn, call("DeleteInferenceComponent", {"inferenceComponentName": gone}, at=account.second()))


def _component(account: Account, endpoint_name: str, name: str, parts: Sequence[Detail]) -> str:
    """A component that serves one thing after the other."""
    arn = f"{PARTITION}inference-component/{name.lower()}"
    began = account.second()
    asked: Detail = {"inferenceComponentName": name, "endpointName": endpoint_name, "variantName": "v0"}
    answered = {"inferenceComponentArn": arn}
    calls = [call("CreateInferenceComponent", {**asked, "specification": parts[0]}, answered, at=began)]
    for part in parts[1:]:
        changed = {"inferenceComponentName": name, "specification": part}
        calls.append(call("UpdateInferenceComponent", changed, answered, at=account.second()))
    last = parts[-1]
    served: Detail = {}
    if "modelName" in last:
        served["ModelName"] = last["modelName"]
    if "baseInferenceComponentName" in last:
        served["BaseInferenceComponentName"] = last["baseInferenceComponentName"]
        served["Container"] = {"ArtifactUrl": last["container"]["artifactUrl"]}
    described = {
        "InferenceComponentName": name,
        "InferenceComponentArn": arn,
        "EndpointName": endpoint_name,
        "EndpointArn": f"{PARTITION}endpoint/{endpoint_name.lower()}",
        "VariantName": "v0",
        "Specification": served,
        "CreationTime": moment(began),
        "LastModifiedTime": moment(account.now),
        "InferenceComponentStatus": "InService",
    }
    asks = ("DescribeInferenceComponent", {"InferenceComponentName": name}, described)
    return account.keep(arn, calls, asks, spare=0)


def monitoring_schedule(account: Account, name: str, endpoint_name: str) -> None:
    """A schedule that watches an endpoint, and its runs, which are processing jobs."""
    arn = f"{PARTITION}monitoring-schedule/{name.lower()}"
    began = account.later()
    captured, written = f"s3://bucket/captured/{endpoint_name}", f"s3://bucket/drift/{name}"
    described: Detail = {
        "MonitoringScheduleArn": arn,
        "MonitoringScheduleName": name,
        "MonitoringScheduleStatus": "Scheduled",
        "MonitoringType": "DataQuality",
        "CreationTime": moment(began),
        "LastModifiedTime": moment(account.later(60)),
        "MonitoringScheduleConfig": {
            "ScheduleConfig": {"ScheduleExpression": "cron(0 * ? * * *)"},
            "MonitoringJobDefinition": {
                "BaselineConfig": {"StatisticsResource": {"S3Uri": f"s3://bucket/baseline/{name}/statistics.json"}},
                "MonitoringInputs": [{"EndpointInput": {"EndpointName": endpoint_name, "LocalPath": "/in"}}],
                "MonitoringOutputConfig": {
                    "MonitoringOutputs": [{"S3Output": {"S3Uri": written, "LocalPath": "/out"}}]
                },
                "MonitoringResources": {
                    "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 20}
                },
                "MonitoringAppSpecification": {"ImageUri": MONITOR},
                "RoleArn": ROLE,
            },
        },
        "EndpointName": endpoint_name,
    }
    kind = "Monitoring Schedule State Change"
    up = detail_of(described)
    pending = {**up, "MonitoringScheduleStatus": "Pending", "LastModifiedTime": began}
    first = [event(kind, pending, time=began), event(kind, up, time=account.now)]
    runs = []
    for _ in range(account.chance.randint(1, 2)):
        when = account.now
        more: Any = {"MonitoringScheduleArn": arn}
        run = processing_job(
            account,
            account.fresh("model-monitoring"),
            [captured],
            [f"{written}/{account.number}"],
            spare=2,
            image=MONITOR,
            **more,
        )
        described["LastMonitoringExecutionSummary"] = {
            "MonitoringScheduleName": name,
            "ScheduledTime": moment(when),
            "CreationTime": moment(when),
            "LastModifiedTime": moment(account.now),
            "MonitoringExecutionStatus": "Completed",
            "ProcessingJobArn": run,
        }
        described["LastModifiedTime"] = moment(account.later())
        runs.append(event(kind, detail_of(described), time=account.now))
    account.keep(arn, first, ("DescribeMonitoringSchedule", {"MonitoringScheduleName": name}, described), spare=2)
    # A description has the last run only, and nothing shows that one is missing.
    account.keep(arn, runs, spare=0)
