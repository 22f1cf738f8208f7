"""NextTokens: each holds the key of the last row of a page, so that rows that come or go between pages shift nothing.

A token survives a restart of the server, since all that it means is in itself. It belongs to one request: with other
parameters, or from an incompatible version of Headwater, it is refused. Clients can forge tokens, so keys are checked.
"""

from __future__ import annotations

import base64
import hashlib
import math
from collections.abc import Sequence
from types import UnionType
from typing import Any

import msgspec

from consumers.api.errors import Invalid
from consumers.api.request import Request
from store.paging import PageKey

_VERSION = 1
"""Raised when keys change their meaning."""
_NOT_BOUND = frozenset({"NextToken", "MaxResults"})
"""Members of a request that may differ from page to page."""


class _Token(msgspec.Struct, array_like=True):
    version: int
    request: str
    key: tuple[Any, ...]
    checksum: str


def token(request: Request, key: PageKey) -> str:
    """The token with which a request continues after a key.

    Args:
        request: The request whose page ends with the key.
        key: The key of the last row of the page, in the order of the list.
    """
    content = _Token(_VERSION, _request_digest(request), key, _checksum(key))
    return base64.urlsafe_b64encode(msgspec.json.encode(content)).decode()


def page_key(request: Request, types: Sequence[type | UnionType]) -> tuple[Any, ...] | None:
    """The key after which a request continues; None from the beginning.

    Args:
        request: The request, with its NextToken if it has one.
        types: The types of the key's values.

    Raises:
        Invalid: The token was not made by Headwater, or belongs to another request.
    """
    text = request.input.get("NextToken")
    if not text:
        return None
    try:
        content = msgspec.json.decode(base64.urlsafe_b64decode(text), type=_Token)
    except (ValueError, RecursionError):  # msgspec's own errors among them
        raise unknown_token() from None
    if content.version != _VERSION:
        raise Invalid("NextToken is of another version of Headwater: begin again without it")
    if content.checksum != _checksum(content.key):
        raise unknown_token()
    if content.request != _request_digest(request):
        raise Invalid("NextToken is of a request with other parameters: send those, or begin again without it")
    if not _has_types(content.key, types):
        raise unknown_token()
    return content.key


def unknown_token() -> Invalid:
    """The refusal of a token that Headwater did not make."""
    return Invalid("NextToken was not made by Headwater: begin again without it")


def _has_types(key: Sequence[Any], types: Sequence[type | UnionType]) -> bool:
    """True if a key has values of these types that a database can compare."""
    return len(key) == len(types) and all(
        isinstance(value, type_) and _is_storable(value) for value, type_ in zip(key, types, strict=True)
    )


def _is_storable(value: Any) -> bool:
    match value:
        case bool():
            return False
        case int():
            return -(2**63) <= value < 2**63
        case float():
            return math.isfinite(value)
        case str():
            return "\0" not in value
        case _:
            return value is None


def _request_digest(request: Request) -> str:
    bound = {name: value for name, value in request.input.items() if name not in _NOT_BOUND}
    return _digest([request.operation, request.arn_prefix, bound])


def _checksum(key: Sequence[Any]) -> str:
    """Detects tokens that were damaged; anyone can compute it."""
    return _digest(["position", *key])


def _digest(value: Any) -> str:
    return hashlib.blake2b(msgspec.json.encode(value, order="sorted"), digest_size=9).hexdigest()
