"""Versions of images, which are listed by their image: described and listed."""

from __future__ import annotations

from collections.abc import Mapping

from consumers.api.errors import Invalid
from consumers.api.missing import missing
from consumers.api.operations.resources.paging import described, listed
from consumers.api.operations.resources.selection import selection
from consumers.api.request import Request, Response
from consumers.api.service import Operation, Service
from consumers.kind import IMAGE, IMAGE_VERSION
from store.resource_pages import Listing


def describe_image_version(service: Service, request: Request) -> Response:
    """Describe a version of an image, by its number; the newest one without a number."""
    if "Alias" in request.input:
        raise Invalid("Headwater does not know which version an alias stands for: say Version")
    below = _below(request)
    number = request.input.get("Version")
    if number is None:
        newest = service.descriptions.page(Listing(IMAGE_VERSION, below), None, 1)
        if not newest:
            raise missing(request.operation, below[:-1])
        return newest[0][1]
    arn = f"{below}{number}"
    return described(service, arn, missing(request.operation, arn))


def list_image_versions(service: Service, request: Request) -> Response:
    """List the versions of an image."""
    arn = request.arn(IMAGE, request.input["ImageName"])
    wanted, where = selection(request, IMAGE_VERSION, below=_below(request))
    answer = listed(service, request, "ImageVersions", wanted, where)
    if not answer["ImageVersions"] and "NextToken" not in request.input:
        described(service, arn, missing(request.operation, arn))
    return answer


def _below(request: Request) -> str:
    return f"{request.arn(IMAGE_VERSION, request.input['ImageName'])}/"


OPERATIONS: Mapping[str, Operation] = {
    "DescribeImageVersion": Operation(describe_image_version, differs="A version is not found by its alias."),
    "ListImageVersions": Operation(list_image_versions, differs="SortBy VERSION and LAST_MODIFIED_TIME are refused."),
}
