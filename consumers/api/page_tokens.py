"""Where a list goes on: tokens that say after what, so that rows which come or go meanwhile move nothing.

A token survives a restart of the server: all that it says is in itself. It is of one request; asked with another one,
or by a Headwater that counts otherwise, it is refused in a sentence.
"""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import msgspec

from consumers.api.errors import Invalid
from consumers.api.request import Request

_VERSION = 1
"""Goes up when positions come to mean something else."""
_BESIDE = frozenset({"NextToken", "MaxResults"})
"""What may differ from page to page."""


class _Token(msgspec.Struct, array_like=True):
    version: int
    request: str
    position: tuple[Any, ...]
    seal: str


def token(request: Request, position: tuple[Any, ...]) -> str:
    """What to ask with for what comes after a position.

    Args:
        request: The request that found the position.
        position: Numbers, texts and None: the last row's place in the order that was asked for.
    """
    made = _Token(_VERSION, _request(request), position, _seal(position))
    return base64.urlsafe_b64encode(msgspec.json.encode(made)).decode()


def begin(request: Request) -> tuple[Any, ...] | None:
    """The position after which a request wants to go on; None if from the beginning.

    Raises:
        Invalid: Its token is none, or of another request.
    """
    told = request.input.get("NextToken")
    if not told:
        return None
    try:
        found = msgspec.json.decode(base64.urlsafe_b64decode(told), type=_Token)
    except (ValueError, RecursionError):  # msgspec's own errors among them
        raise Invalid("NextToken is none that Headwater has given: begin again without it") from None
    if found.version != _VERSION:
        raise Invalid("NextToken is of another version of Headwater: begin again without it")
    if found.seal != _seal(found.position):
        raise Invalid("NextToken is none that Headwater has given: begin again without it")
    if found.request != _request(request):
        raise Invalid("NextToken is of a request with other parameters: ask with those, or begin again without it")
    return found.position


def _request(request: Request) -> str:
    rest = {name: value for name, value in request.input.items() if name not in _BESIDE}
    return _digest([request.operation, request.arn_prefix, rest])


def _seal(position: tuple[Any, ...]) -> str:
    return _digest(["position", *position])


def _digest(value: Any) -> str:
    return hashlib.blake2b(msgspec.json.encode(value, order="sorted"), digest_size=9).hexdigest()
