"""Models, packages and their groups, model cards and images in a made-up account."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from consumers.resources.experiments import PIPELINE_TAG
from tests.support.account.jobs import XGBOOST
from tests.support.account.made import BY, ROLE, Account, Detail, call, detail_of, moment
from tests.support.events import PARTITION, event


def model(account: Account, name: str, *containers: Mapping[str, Any], spare: int = 1) -> str:
    """A model; its name. All its events may be lost where a resource with a state references it."""
    arn = f"{PARTITION}model/{name.lower()}"
    described = {
        "ModelName": name,
        "ModelArn": arn,
        **({"PrimaryContainer": containers[0]} if len(containers) == 1 else {"Containers": list(containers)}),
        "ExecutionRoleArn": ROLE,
        "CreationTime": moment(account.later()),
    }
    body = event("Model State Change", detail_of(described), time=account.now)
    account.keep(arn, [body], ("DescribeModel", {"ModelName": name}, described), spare=spare)
    return name


def model_package_group(account: Account, name: str) -> str:
    """A group, which only a recorded call reports; its name."""
    arn = f"{PARTITION}model-package-group/{name.lower()}"
    when = account.second()
    described = {
        "ModelPackageGroupName": name,
        "ModelPackageGroupArn": arn,
        "ModelPackageGroupStatus": "Completed",
        "CreationTime": moment(when),
        "CreatedBy": BY,
    }
    body = call("CreateModelPackageGroup", {"modelPackageGroupName": name}, {"modelPackageGroupArn": arn}, at=when)
    account.keep(arn, [body], ("DescribeModelPackageGroup", {"ModelPackageGroupName": name}, described), spare=1)
    return name


def model_package(
    account: Account,
    group: str,
    version: int,
    model_data: Sequence[str],
    execution: str,
    approvals: Sequence[str] = ("Approved",),
) -> str:
    """A version of a group.

    Args:
        account: Where.
        group: The group's name.
        version: The number.
        model_data: The URI of each container's model.
        execution: The ARN of the pipeline's execution that registered it.
        approvals: What was decided about it, one after the other.

    Returns:
        Its ARN.
    """
    arn = f"{PARTITION}model-package/{group.lower()}/{version}"
    made = account.later()
    described: Detail = {
        "ModelPackageName": group,
        "ModelPackageGroupName": group,
        "ModelPackageVersion": version,
        "ModelPackageArn": arn,
        "ModelPackageStatus": "Completed",
        "ModelPackageStatusDetails": {"ValidationStatuses": []},
        "InferenceSpecification": {"Containers": [{"Image": XGBOOST, "ModelDataUrl": uri} for uri in model_data]},
        "ModelMetrics": {
            "ModelQuality": {
                "Statistics": {"ContentType": "application/json", "S3Uri": f"s3://bucket/quality/{version}.json"}
            },
            "Bias": {"Report": {"ContentType": "application/json", "S3Uri": f"s3://bucket/bias/{version}.json"}},
        },
        "CustomerMetadataProperties": {"owner": "ada"},
        "CreationTime": moment(made),
    }
    tags = {PIPELINE_TAG: execution}
    events = []
    for status in approvals:
        described |= {"ModelApprovalStatus": status, "LastModifiedTime": moment(account.now)}
        said = detail_of(described, ModelPackageName=None, Tags=tags)
        events.append(event("Model Package State Change", said, time=account.now))
        account.later()
    asked = {"ModelPackageName": arn}
    # A description has the last decision only, and nothing shows that one is missing.
    spare = 1 if len(approvals) == 1 else 0
    return account.keep(arn, events, ("DescribeModelPackage", asked, described), spare=spare, tags=tags)


def model_card(account: Account, name: str, package: str, model_name: str) -> None:
    """A card about a package, as which its content names it; its events name its model."""
    arn = f"{PARTITION}model-card/{name.lower()}"
    began, ended = account.later(), account.later()
    content = json.dumps({"model_package_details": {"model_package_arn": package}})
    described = {
        "ModelCardArn": arn,
        "ModelCardName": name,
        "ModelCardVersion": 2,
        "Content": content,
        "ModelCardStatus": "Approved",
        "CreationTime": moment(began),
        "CreatedBy": BY,
        "LastModifiedTime": moment(ended),
        "LastModifiedBy": BY,
    }
    said = detail_of(described, Content=None, ModelId=model_name)
    draft = {**said, "ModelCardStatus": "Draft", "ModelCardVersion": 1, "LastModifiedTime": began}
    kind = "Model Card State Change"
    answers = ("DescribeModelCard", {"ModelCardName": name}, described)
    account.keep(arn, [event(kind, draft, time=began)], answers, spare=1)
    # No resource references a card: only its own event reports a change.
    account.keep(arn, [event(kind, said, time=ended)], spare=0)


def image(account: Account, name: str) -> None:
    """An image with a version, whose container image no event names."""
    arn = f"{PARTITION}image/{name.lower()}"
    began, ended = account.later(), account.later()
    described = {
        "ImageArn": arn,
        "ImageName": name,
        "ImageStatus": "CREATED",
        "RoleArn": ROLE,
        "CreationTime": moment(began),
        "LastModifiedTime": moment(ended),
    }
    kind = "Image State Change"
    said = detail_of(described, ImageStatus="Created", LastModifiedTime=None)
    events = [
        event(kind, {**said, "ImageStatus": "Creating"}, time=began, resources=[arn]),
        event(kind, said, time=ended, resources=[arn]),
    ]
    account.keep(arn, events, ("DescribeImage", {"ImageName": name}, described), spare=2)

    version = f"{PARTITION}image-version/{name.lower()}/1"
    began, ended = account.later(), account.later()
    described = {
        "ImageArn": arn,
        "ImageVersionArn": version,
        "ImageVersionStatus": "CREATED",
        "Version": 1,
        "BaseImage": "registry/base:1",
        "ContainerImage": f"registry/{name.lower()}@sha256:1",
        "CreationTime": moment(began),
        "LastModifiedTime": moment(ended),
    }
    said = {"ImageArn": arn, "ImageVersionArn": version, "Version": 1.0, "CreationTime": began}
    kind = "Image Version State Change"
    events = [
        event(kind, {**said, "ImageVersionStatus": status}, time=time, resources=[version])
        for status, time in (("Creating", began), ("Created", ended))
    ]
    asked = {"ImageName": name, "Version": 1}
    account.keep(version, events, ("DescribeImageVersion", asked, described), spare=1)
