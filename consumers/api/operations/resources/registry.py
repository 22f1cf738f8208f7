"""Models, model packages and their groups, as events told them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from consumers.api.errors import Invalid
from consumers.api.operations.resources.paging import described, listed, listing
from consumers.api.request import Answer, Asked, Row, Service

MODEL, PACKAGE, GROUP = "model", "model-package", "model-package-group"


def describe_model(service: Service, asked: Asked) -> Answer:
    """Describe a model."""
    arn = asked.arn(MODEL, asked.input["ModelName"])
    return described(service, arn, Invalid(f'Could not find model "{arn}".'))


def list_models(service: Service, asked: Asked) -> Answer:
    """List models."""
    return listed(service, asked, "Models", listing(asked, MODEL))


def describe_model_package(service: Service, asked: Asked) -> Answer:
    """Describe a model package: of a version by its ARN, of one without versions by its name or its ARN."""
    arn = asked.arn(PACKAGE, asked.input["ModelPackageName"])
    return described(service, arn, Invalid(_missing(arn)))


def batch_describe_model_package(service: Service, asked: Asked) -> Answer:
    """Describe several model packages, by their ARNs."""
    arns = asked.input["ModelPackageArnList"]
    told = service.described.describe_all(arns)
    found = {arn: package for arn in arns if (package := told.get(arn.lower())) is not None}
    return {
        "ModelPackageSummaries": found,
        "BatchDescribeModelPackageErrorMap": {
            arn: {"ErrorCode": Invalid.code, "ErrorResponse": _missing(arn)} for arn in arns if arn not in found
        },
    }


def list_model_packages(service: Service, asked: Asked) -> Answer:
    """List model packages: those without versions, unless a group or a type is asked for."""
    told = asked.input
    group, approval = told.get("ModelPackageGroupName"), told.get("ModelApprovalStatus")
    type_ = told.get("ModelPackageType", "Versioned" if group else "Unversioned")
    below = f"{asked.arn(GROUP, group).replace(f':{GROUP}/', f':{PACKAGE}/', 1)}/" if group else ""
    versioned = None if type_ == "Both" else type_ == "Versioned"
    if group:  # all below a group are its versions; those without a version are in none
        if versioned is False:
            return {"ModelPackageSummaryList": []}
        versioned = None

    def where(package: Mapping[str, Any]) -> bool:
        return package.get("ModelApprovalStatus") == approval

    wanted = listing(asked, PACKAGE, below=below, near=bool(group), versioned=versioned, ascending=True)
    return listed(service, asked, "ModelPackageSummaryList", wanted, where if approval else None)


def describe_model_package_group(service: Service, asked: Asked) -> Answer:
    """Describe a model package group."""
    arn = asked.arn(GROUP, asked.input["ModelPackageGroupName"])
    return described(service, arn, Invalid(f"ModelPackageGroup {arn} does not exist."))


def list_model_package_groups(service: Service, asked: Asked) -> Answer:
    """List model package groups."""
    return listed(service, asked, "ModelPackageGroupSummaryList", listing(asked, GROUP, ascending=True))


def _missing(arn: str) -> str:
    return f"ModelPackage {arn} does not exist."


OPERATIONS: Mapping[str, Row] = {
    "DescribeModel": Row(describe_model),
    "ListModels": Row(list_models),
    "DescribeModelPackage": Row(describe_model_package, differs="IncludedData is not looked at."),
    "BatchDescribeModelPackage": Row(batch_describe_model_package),
    "ListModelPackages": Row(
        list_model_packages, differs="With ModelPackageGroupName and no ModelPackageType it lists the group's versions."
    ),
    "DescribeModelPackageGroup": Row(describe_model_package_group),
    "ListModelPackageGroups": Row(
        list_model_package_groups, differs="CrossAccountFilterOption is not looked at: all groups are the account's."
    ),
}
