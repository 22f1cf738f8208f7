"""How operations of SageMaker's API are called: their parameters, and where their responses hold what is read.

Parameters, fields and patterns are those of botocore's description of the service. Which operations there are follows
from the resource types (`consumers.resources`); `ingest.sagemaker` calls them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

Parameters = Mapping[str, str | int]
"""What an operation is called with."""


@dataclass(frozen=True, slots=True)
class DescribeOperation:
    """An operation that describes one resource, or something of it.

    Attributes:
        name: As SageMaker names it: `DescribeTrainingJob`.
        parameters: Makes its parameters of the resource's ARN and of its name.
        subject: The path in the response to an ARN of the resource's own account and region; empty if there is none.
        older: The operation to call where this one does not know the resource, or is not there.
        lists: True if it also lists resources of a whole account, and so is called as slowly as those that list.
    """

    name: str
    parameters: Callable[[str, str], Parameters]
    subject: tuple[str, ...] = ()
    older: DescribeOperation | None = None
    lists: bool = False


def called_by_name(
    name: str, parameter: str, *subject: str, older: DescribeOperation | None = None, lists: bool = False
) -> DescribeOperation:
    """An operation that takes the resource's name, and looks it up in the caller's account."""
    return DescribeOperation(name, lambda _, resource_name: {parameter: resource_name}, subject, older, lists)


def called_by_arn(name: str, parameter: str, *subject: str) -> DescribeOperation:
    """An operation that takes the resource's ARN."""
    return DescribeOperation(name, lambda arn, _: {parameter: arn}, subject)


LIST_TAGS = called_by_arn("ListTags", "ResourceArn")
"""The tags of any resource."""

OLDEST_FIRST: Parameters = {"SortBy": "CreationTime", "SortOrder": "Ascending"}
"""The order that nearly every list can be in."""


@dataclass(frozen=True, slots=True)
class ListOperation:
    """An operation that lists resources.

    Attributes:
        name: As SageMaker names it: `ListTrainingJobs`.
        items: The field of the response with the list.
        arn: The field of each item with its ARN.
        item_name: The field of each item with its name, with its case; empty when its ARN says it all.
        created: The field of each item with the time when it was made.
        after: The parameter that leaves out those made before a time.
        within: The parameter with the name of what the items belong to; empty when all are listed at once.
        parameters: What else the operation is called with.
    """

    name: str
    items: str
    arn: str
    item_name: str = ""
    created: str = "CreationTime"
    after: str = "CreationTimeAfter"
    within: str = ""
    parameters: Parameters = field(default_factory=lambda: OLDEST_FIRST)
