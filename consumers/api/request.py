"""One request that has been checked, and the response to it, as operations see them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

Response = Mapping[str, Any]
"""What an operation returns: members by SageMaker's names, times in epoch milliseconds. Members that are None or not in
the service model are left out of the body."""


class Request(msgspec.Struct, frozen=True):
    """One request, checked against the service model.

    Attributes:
        operation: The name of the operation.
        input: Its members, by SageMaker's names; times in epoch milliseconds.
        region: From the credential scope, or the server's default.
        account: The twelve digits of the account in ARNs.
        arn_prefix: How ARNs of this account and region begin: `arn:aws:sagemaker:<region>:<account>:`.
        caller: The ARN of the caller; empty where requests are not signed.
        limits: False to lift AWS's limits on depth and start ARNs.
    """

    operation: str
    input: Mapping[str, Any]
    region: str
    account: str
    arn_prefix: str
    caller: str = ""
    limits: bool = True

    def arn(self, resource_type: str, name: str) -> str:
        """The ARN of a resource (`context`, its name) of this account and region; a name that is an ARN is returned."""
        return name if name.startswith("arn:") else f"{self.arn_prefix}{resource_type}/{name}"
