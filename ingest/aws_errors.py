"""What the failures of AWS's clients mean to us: refused for good, or worth another try."""

from __future__ import annotations

import re

import aiohttp
from botocore import exceptions as boto

from ingest.delivery import Refused, Unavailable
from ingest.os_errors import reason

FAILURES = (boto.ClientError, boto.BotoCoreError, aiohttp.ClientError, OSError, TimeoutError, ValueError)

_MISSING = {
    "AWS.SimpleQueueService.NonExistentQueue",
    "NoSuchBucket",
    "NoSuchKey",
    "QueueDoesNotExist",
    "ResourceNotFound",
    "ResourceNotFoundException",
}
# SageMaker says so for half of its resources by the code for any bad request, and only in words what is bad about it.
_INVALID = {"ValidationError", "ValidationException"}
_NOT_FOUND = re.compile(r"could not find|cannot find|can't find|does not exist|not found|no such", re.IGNORECASE)
_UNKNOWN_OPERATION = {"InvalidAction", "UnknownOperation", "UnknownOperationException"}
_FORBIDDEN = {"AccessDenied", "AccessDeniedException", "AllAccessDisabled", "403"}  # 403: said in no way we know
_BAD_CREDENTIALS = {
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidToken",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
}
_LATER = {"OverLimit", "RequestLimitExceeded", "RequestTimeout", "SlowDown", "TooManyRequestsException"}
_UNREACHED = (
    boto.ConnectionError,
    boto.CredentialRetrievalError,  # the service that hands out a role's credentials
    boto.HTTPClientError,
    boto.MetadataRetrievalError,
    aiohttp.ClientError,
    OSError,
    TimeoutError,
)


class Missing(Refused):
    """What was asked about does not exist, or does no more."""


class Denied(Refused):
    """Our role may not ask this.

    Attributes:
        permission: The IAM action that the role needs.
    """

    def __init__(self, sentence: str, permission: str):
        super().__init__(sentence)
        self.permission = permission


class Invalid(Refused):
    """AWS takes the request for a wrong one: this cannot be asked of this resource."""


class Unsupported(Refused):
    """The server that was asked lacks an operation, as one may that only stands in for AWS.

    Attributes:
        operation: What it lacks.
    """

    def __init__(self, thing: str, operation: str):
        super().__init__(f"{thing}: this server has no operation {operation}")
        self.operation = operation


def failure(why: Exception, thing: str, missing: str, service: str = "sqs") -> Refused | Unavailable:
    """What a failure of AWS's client means to us.

    Args:
        why: One of FAILURES.
        thing: What was asked for, as a person calls it: `queue 'x'`.
        missing: What to say after `<thing> does not exist`.
        service: As the IAM actions of the service begin.
    """
    if isinstance(why, boto.NoCredentialsError | boto.PartialCredentialsError):
        return Refused("no AWS credentials: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
    if isinstance(why, boto.NoRegionError):
        return Refused("no AWS region: set --region or AWS_DEFAULT_REGION")
    if isinstance(why, boto.ClientError):
        code = why.response.get("Error", {}).get("Code", "")
        status = why.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if code in _UNKNOWN_OPERATION or status == 501:
            return Unsupported(thing, why.operation_name)
        if status >= 500 or status == 429 or code in _LATER or "throttl" in code.lower():
            return Unavailable(f"{thing}: AWS did not answer ({why})")
        if code in _MISSING or (code in _INVALID and _NOT_FOUND.search(str(why))):
            return Missing(f"{thing} does not exist{missing}")
        if code in _FORBIDDEN:
            permission = _permission(why.operation_name, service)
            return Denied(f"not allowed to read {thing}: give this role {permission}", permission)
        if code in _BAD_CREDENTIALS:
            return Refused(f"AWS does not accept these credentials ({code}): renew them, or choose others")
        return (Invalid if code in _INVALID else Refused)(f"AWS refuses {thing}: {why}")
    if isinstance(why, _UNREACHED):
        return Unavailable(f"{thing}: AWS did not answer ({reason(why)})")
    return Refused(f"cannot ask AWS for {thing}: {why}")


def _permission(operation: str, service: str) -> str:
    """The IAM action that an operation needs."""
    if operation in {"ListObjectsV2", "GetObject"}:
        return "s3:GetObject" if operation == "GetObject" else "s3:ListBucket"
    return f"{service}:{operation.removesuffix('Batch')}"
