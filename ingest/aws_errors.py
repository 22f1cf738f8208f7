"""Failures of AWS's clients, named for what to do next: give up, or try again."""

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
# For half of its resources, SageMaker reports a missing one with the code of any bad request; only the message differs.
_INVALID = {"ValidationError", "ValidationException"}
_NOT_FOUND = re.compile(
    r"could not find|cannot find|can't find|does not exist|not ?found|no (?:such|device|workforce)|unable to describe",
    re.IGNORECASE,
)
_UNKNOWN_OPERATION = {"InvalidAction", "UnknownOperation", "UnknownOperationException"}
_FORBIDDEN = {
    "AccessDenied",
    "AccessDeniedException",
    "AllAccessDisabled",
    "403",
}  # 403: an answer without a known code
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
    """The requested resource does not exist, or no longer exists."""


class Denied(Refused):
    """Our role lacks a permission.

    Attributes:
        permission: The IAM action that the role needs.
    """

    def __init__(self, sentence: str, permission: str):
        super().__init__(sentence)
        self.permission = permission


class Invalid(Refused):
    """AWS considers the request invalid for this resource."""


class Unsupported(Refused):
    """The server has no such operation, as can happen with a stand-in for AWS.

    Attributes:
        operation: The operation that it lacks.
    """

    def __init__(self, thing: str, operation: str):
        super().__init__(f"{thing}: this server has no operation {operation}")
        self.operation = operation


def failure(why: Exception, thing: str, missing: str, service: str = "sqs") -> Refused | Unavailable:
    """The exception to raise for a failure of AWS's client.

    Args:
        why: One of FAILURES.
        thing: The requested resource in words for people: `queue 'x'`.
        missing: What follows `<thing> does not exist` in the message.
        service: The prefix of the service's IAM actions.
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
