"""Errors of the API, with the codes that SageMaker's clients know: HTTP 400 with a code in the body."""

from __future__ import annotations

from typing import ClassVar


class Refusal(Exception):
    """A request that is refused; the message says why, and what to do."""

    code: ClassVar[str] = "ValidationException"
    status: ClassVar[int] = 400

    @property
    def message(self) -> str:
        """The message to the client."""
        return str(self)


class Invalid(Refusal):
    """The request has the wrong form, or contradicts what exists."""


class NotFound(Refusal):
    """No such resource."""

    code = "ResourceNotFound"


class UnknownOperation(Refusal):
    """An operation that Headwater does not have."""

    code = "UnknownOperationException"


class Unreadable(Refusal):
    """A request that is not JSON, or not an object."""

    code = "SerializationException"


class Denied(Refusal):
    """The caller is not allowed to do this."""

    code = "AccessDeniedException"


class UnknownClient(Refusal):
    """No identity has this access key."""

    code = "UnrecognizedClientException"


class BadSignature(Refusal):
    """The signature does not match the request."""

    code = "InvalidSignatureException"


class NotSigned(Refusal):
    """The request is not signed, or not in a way that can be verified."""

    code = "MissingAuthenticationTokenException"


class IncompleteSignature(Refusal):
    """The signature does not have the form that AWS defines."""

    code = "IncompleteSignatureException"


class NothingToDo(Refusal):
    """What was to be written is so already: the operation succeeds, and no client sees this."""


class Throttled(Refusal):
    """Too many requests at a time; clients retry by themselves."""

    code = "ThrottlingException"


class TooLarge(Refusal):
    """A request of too many bytes."""

    code = "RequestEntityTooLargeException"
    status = 413


class RequestTimeout(Refusal):
    """A request that did not arrive in time."""

    code = "RequestTimeoutException"
    status = 408


class ServiceUnavailable(Refusal):
    """The store does not answer, or the server is stopping; clients retry by themselves."""

    code = "ServiceUnavailable"
    status = 503


class Internal(Refusal):
    """A fault of Headwater."""

    code = "InternalFailure"
    status = 500
