"""Which account a request is about: its caller's, else the one that its path or a header names.

SageMaker knows the account from the key that signed. Headwater's keys name theirs in the file of access keys; where
requests need not be signed, `http://host:port/111122223333` as a client's endpoint, or a header, names one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from starlette.convertors import Convertor, register_url_convertor

from consumers.api.access import Principal
from consumers.api.errors import Denied, Invalid
from store.graph.borders import place_of

ACCOUNT_HEADER = "x-headwater-account"
"""The header with which a client names the account that it means."""

_ACCOUNT = re.compile(r"[0-9]{12}")


class _InPath(Convertor[str]):
    """The part of a path that is an account."""

    regex = _ACCOUNT.pattern

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("account", _InPath())
IN_PATH = "/{account:account}"
"""The beginning of the paths that name an account."""


def account_of(in_path: str, headers: Mapping[str, str], principal: Principal | None, default: str) -> str:
    """The twelve digits of the account that a request is about.

    Args:
        in_path: The account that its path begins with, or empty.
        headers: By names in lower case.
        principal: The caller, or None where requests need not be signed.
        default: The account of requests that name none.

    Raises:
        Invalid: The header is no account, or another one than the path's.
        Denied: The request names an account that is not its caller's.
    """
    in_header = headers.get(ACCOUNT_HEADER, "")
    if in_header and not _ACCOUNT.fullmatch(in_header):
        raise Invalid(f"The header {ACCOUNT_HEADER} must be the twelve digits of an account, not {in_header[:40]!r}")
    if in_path and in_header and in_path != in_header:
        raise Invalid(f"The path names the account {in_path}, and the header {ACCOUNT_HEADER} {in_header}: name one")
    named = in_path or in_header
    if principal is None:
        return named or default
    if named and named != principal.account:
        raise Denied(f"User: {principal.arn} is of the account {principal.account}, and may not call {named}")
    return principal.account


def check_own(principal: Principal, written: Mapping[str, Any]) -> None:
    """Check that what a caller writes to is its own account's; an association may have one end in another.

    Args:
        principal: The caller.
        written: The members of a request that writes.

    Raises:
        Denied: All that it names by ARN belongs to other accounts.
    """
    arns = [arn for name, arn in written.items() if name.endswith("Arn")]
    if arns and all(place_of(arn)[1] != principal.account for arn in arns):
        raise Denied(f"User: {principal.arn} is of the account {principal.account}, and may not change {arns[0]}")
