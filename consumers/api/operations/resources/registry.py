"""Models, model packages and their groups: described and listed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from consumers.api.missing import missing
from consumers.api.operations.resources.paging import described, listed, listing
from consumers.api.request import Request, Response
from consumers.api.service import Operation, Service

MODEL, PACKAGE, GROUP = "model", "model-package", "model-package-group"


def describe_model(service: Service, request: Request) -> Response:
    """Describe a model."""
    arn = request.arn(MODEL, request.input["ModelName"])
    return described(service, arn, missing("DescribeModel", arn))


def list_models(service: Service, request: Request) -> Response:
    """List models."""
    return listed(service, request, "Models", listing(request, MODEL))


def describe_model_package(service: Service, request: Request) -> Response:
    """Describe a model package: a version by its ARN, one without versions by its name or its ARN."""
    arn = request.arn(PACKAGE, request.input["ModelPackageName"])
    return described(service, arn, missing("DescribeModelPackage", arn))


def batch_describe_model_package(service: Service, request: Request) -> Response:
    """Describe several model packages, by their ARNs."""
    arns = request.input["ModelPackageArnList"]
    packages = service.descriptions.describe_all(arns)
    found = {arn: package for arn in arns if (package := packages.get(arn.lower())) is not None}
    refusals = {arn: missing("DescribeModelPackage", arn) for arn in arns if arn not in found}
    return {
        "ModelPackageSummaries": found,
        "BatchDescribeModelPackageErrorMap": {
            arn: {"ErrorCode": refusal.code, "ErrorResponse": refusal.message} for arn, refusal in refusals.items()
        },
    }


def list_model_packages(service: Service, request: Request) -> Response:
    """List model packages: those without versions, unless the request names a group or a type."""
    members = request.input
    group, approval = members.get("ModelPackageGroupName"), members.get("ModelApprovalStatus")
    type_ = members.get("ModelPackageType", "Versioned" if group else "Unversioned")
    below = f"{request.arn(GROUP, group).replace(f':{GROUP}/', f':{PACKAGE}/', 1)}/" if group else ""
    versioned = None if type_ == "Both" else type_ == "Versioned"
    if group:  # all ARNs below a group are its versions; packages without a version have no group
        if versioned is False:
            return {"ModelPackageSummaryList": []}
        versioned = None

    def where(package: Mapping[str, Any]) -> bool:
        return package.get("ModelApprovalStatus") == approval

    wanted = listing(request, PACKAGE, below=below, near=bool(group), versioned=versioned, ascending=True)
    return listed(service, request, "ModelPackageSummaryList", wanted, where if approval else None)


def describe_model_package_group(service: Service, request: Request) -> Response:
    """Describe a model package group."""
    arn = request.arn(GROUP, request.input["ModelPackageGroupName"])
    return described(service, arn, missing("DescribeModelPackageGroup", arn))


def list_model_package_groups(service: Service, request: Request) -> Response:
    """List model package groups."""
    return listed(service, request, "ModelPackageGroupSummaryList", listing(request, GROUP, ascending=True))


OPERATIONS: Mapping[str, Operation] = {
    "DescribeModel": Operation(describe_model),
    "ListModels": Operation(list_models),
    "DescribeModelPackage": Operation(
        describe_model_package, differs="IncludedData MetadataOnly is refused.", unused={"IncludedData": "AllData"}
    ),
    "BatchDescribeModelPackage": Operation(batch_describe_model_package),
    "ListModelPackages": Operation(
        list_model_packages, differs="With ModelPackageGroupName and no ModelPackageType it lists the group's versions."
    ),
    "DescribeModelPackageGroup": Operation(describe_model_package_group),
    "ListModelPackageGroups": Operation(
        list_model_package_groups,
        differs="CrossAccountFilterOption CrossAccount is refused: all groups are the account's.",
        unused={"CrossAccountFilterOption": "SameAccount"},
    ),
}
