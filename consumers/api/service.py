"""What operations work with, and how each is declared."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from consumers.api.client_writes import ClientWriter
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
    """

    run: Callable[[Service, Request], Response]
    writes: bool = False
    differs: str = ""
