"""Reading and building ARNs, in every partition of AWS. A key is an ARN in lower case."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from consumers.kind import PIPELINE, PIPELINE_EXECUTION, ResourceKind


class Arn(NamedTuple):
    """The parts of the ARN of a resource with a name.

    Attributes:
        prefix: All up to the account, as it is spelled: `arn:aws:sagemaker:us-east-1:111122223333:`.
        part: What comes before the name, in lower case: `training-job`.
        name: All that comes after it: a name, `<group>/<version>`, `<pipeline>/execution/<id>`.
    """

    prefix: str
    part: str
    name: str


_ARN = re.compile(r"(arn:aws[a-z0-9-]*:[a-z0-9-]+:[a-z0-9-]+:\d{12}:)([^/]+)/(.+)", re.IGNORECASE | re.DOTALL)


def parse_arn(text: str) -> Arn | None:
    """The parts of an ARN, or None for what is not the ARN of a resource with a name."""
    match = _ARN.fullmatch(text)
    return Arn(match[1], match[2].lower(), match[3]) if match else None


def kind_of(arn: str) -> ResourceKind | None:
    """The kind of resource that an ARN names, known to Headwater or not; None for what is no such ARN."""
    parts = parse_arn(arn)
    if parts is None:
        return None
    if parts.part == PIPELINE and "/execution/" in parts.name:
        return PIPELINE_EXECUTION
    return ResourceKind(parts.part)


def build_arn(region: str, account: str, resource: str, service: str = "sagemaker") -> str | None:
    """An ARN from its parts.

    Args:
        region: The region.
        account: The twelve digits of the account.
        resource: The last part: `<kind>/<name>`.
        service: Whose resource it is.

    Returns:
        The ARN; None where the account or the region is missing.
    """
    if not re.fullmatch(r"\d{12}", account) or not region:
        return None
    return f"arn:{aws_partition(region)}:{service}:{region}:{account}:{resource}"


def aws_partition(region: str) -> str:
    """The partition of AWS that a region is in: `aws`, `aws-cn`, `aws-us-gov`, or one of the isolated ones."""
    for beginning, partition in _PARTITIONS.items():
        if region.lower().startswith(beginning):
            return partition
    return "aws"


_PARTITIONS = {
    "cn-": "aws-cn",
    "us-gov-": "aws-us-gov",
    "us-iso-": "aws-iso",
    "us-isob-": "aws-iso-b",
    "us-isof-": "aws-iso-f",
    "eu-isoe-": "aws-iso-e",
    "eusc-": "aws-eusc",
}


def name_in(arn: str) -> str:
    """What an ARN says after its kind: a name, or `<group>/<version>`."""
    return arn.split(":", 5)[5].partition("/")[2]


def with_case(name: str, spelled: str | None) -> str:
    """A name as it is spelled elsewhere, if that is the same name in another case: ARNs have many in lower case."""
    return spelled if spelled and spelled.lower() == name.lower() else name


@lru_cache(maxsize=4096)  # each is wanted several times in a row
def account_prefix(arn: str) -> str:
    """An ARN up to its account, in lower case: `arn:aws:sagemaker:us-east-1:111122223333:`."""
    return arn[: len(arn) - len(arn.split(":", 5)[5])].lower()
