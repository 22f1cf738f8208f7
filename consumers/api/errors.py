"""What the API refuses, in the codes that SageMaker's clients know: HTTP 400 with a code in the body."""

from __future__ import annotations

from typing import ClassVar


class Refusal(Exception):
    """A request that is not granted; the message says why, and what to do."""

    code: ClassVar[str] = "ValidationException"
    status: ClassVar[int] = 400

    @property
    def message(self) -> str:
        """What the client is told."""
        return str(self)


class Invalid(Refusal):
    """What was asked cannot be: of the wrong form, or against what is there."""


class NotFound(Refusal):
    """There is no such thing."""

    code = "ResourceNotFound"


class Conflict(Refusal):
    """Something else was changed meanwhile."""

    code = "ConflictException"


class InUse(Refusal):
    """What was to be deleted or made is in use."""

    code = "ResourceInUse"


class UnknownOperation(Refusal):
    """An operation that Headwater does not have."""

    code = "UnknownOperationException"


class Unreadable(Refusal):
    """A request that is not JSON, or not an object."""

    code = "SerializationException"


class Denied(Refusal):
    """Whoever asks may not."""

    code = "AccessDeniedException"


class UnknownClient(Refusal):
    """The access key is none of ours."""

    code = "UnrecognizedClientException"


class BadSignature(Refusal):
    """The signature does not match what was asked."""

    code = "InvalidSignatureException"


class NotSigned(Refusal):
    """The request is not signed, or not in a way that could be checked."""

    code = "MissingAuthenticationTokenException"


class IncompleteSignature(Refusal):
    """The signature is not of the form that AWS gave it."""

    code = "IncompleteSignatureException"


class NothingToDo(Refusal):
    """What was to be written is so already: no client is told."""


class Busy(Refusal):
    """Too much is asked at a time; clients try again by themselves."""

    code = "ThrottlingException"


class TooLarge(Refusal):
    """A request of too many bytes."""

    code = "RequestEntityTooLargeException"
    status = 413


class Slow(Refusal):
    """A request that did not come to its end in time."""

    code = "RequestTimeoutException"
    status = 408


class Unavailable(Refusal):
    """What Headwater needs does not answer; clients try again by themselves."""

    code = "ServiceUnavailable"
    status = 503


class Internal(Refusal):
    """Headwater's own fault."""

    code = "InternalFailure"
    status = 500
