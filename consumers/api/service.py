"""What operations work with, and how each is declared."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from consumers.api.client_writes import ClientWriter
from consumers.api.errors import Invalid
from consumers.api.request import Request, Response
from consumers.api.resource_views import Descriptions
from store.database import Store


class Service(msgspec.Struct, frozen=True):
    """What operations work with.

    Attributes:
        store: The store that is served.
        writer: Writes what clients create, change and delete.
        descriptions: Describes resources from their recorded state.
    """

    store: Store
    writer: ClientWriter
    descriptions: Descriptions


class Operation(msgspec.Struct, frozen=True):
    """How an operation is run.

    Attributes:
        run: Runs it; the first line of its docstring says what it does.
        writes: True if it changes something.
        differs: How it differs from SageMaker's, in a sentence; empty if no difference is known.
        unused: The members of its request that it does not use, each with the value that changes nothing, or empty:
            any other value is refused.
    """

    run: Callable[[Service, Request], Response]
    writes: bool = False
    differs: str = ""
    unused: Mapping[str, str] = {}

    def check_used(self, given: Mapping[str, Any]) -> None:
        """Refuse a request with a member that this operation does not use, rather than drop it.

        Raises:
            Invalid: It has one.
        """
        for name, value in self.unused.items():
            if name in given and given[name] != value:
                other = f": leave it out, or say {value}" if value else ": leave it out"
                raise Invalid(f"Headwater does not use {name} here{other}")
