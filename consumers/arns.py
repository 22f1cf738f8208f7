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


@lru_cache(maxsize=256)
def aws_partition(region: str) -> str:
    """The partition of AWS that a region is in; of an unknown region, the one whose regions begin as it does."""
    low = region.lower()
    for partition, regions in PARTITIONS.items():
        if re.fullmatch(regions, low):
            return partition
    return next((one for one, beginning in _BEGINNINGS.items() if low.startswith(beginning)), "aws")


PARTITIONS = {
    "aws": r"(us|eu|ap|sa|ca|me|af|il|mx)\-\w+\-\d+",
    "aws-cn": r"cn\-\w+\-\d+",
    "aws-eusc": r"eusc\-(de)\-\w+\-\d+",
    "aws-iso": r"us\-iso\-\w+\-\d+",
    "aws-iso-b": r"us\-isob\-\w+\-\d+",
    "aws-iso-e": r"eu\-isoe\-\w+\-\d+",
    "aws-iso-f": r"us\-isof\-\w+\-\d+",
    "aws-us-gov": r"us\-gov\-\w+\-\d+",
}
"""Each partition of AWS with what its regions are called.

It is botocore's list, to which a test compares it. It is written here, since ARNs that are built from names must not
depend on which botocore is installed: the same events give the same lineage.
"""
_BEGINNINGS = {
    one: re.split(r"\(|\\w", regions)[0].replace("\\", "") for one, regions in PARTITIONS.items() if one != "aws"
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
