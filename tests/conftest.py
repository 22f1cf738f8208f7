"""The fixtures that all tests share: each is documented in the module of tests/support that makes it."""

from __future__ import annotations

import structlog

from tests.support.api_server import api, api_on_both, one_server
from tests.support.aws import as_nobody, aws, moto_server
from tests.support.cli import headwater
from tests.support.kafka import (
    broker,
    kafka,
    pytest_collection_modifyitems,
    pytest_terminal_summary,
    pytest_testnodedown,
    real_kafka,
)
from tests.support.laws import load_profile
from tests.support.sagemaker import sagemaker
from tests.support.stores import backend, make_empty, make_store, store

__all__ = [
    "api",
    "api_on_both",
    "as_nobody",
    "aws",
    "backend",
    "broker",
    "headwater",
    "kafka",
    "make_empty",
    "make_store",
    "moto_server",
    "one_server",
    "pytest_collection_modifyitems",
    "pytest_terminal_summary",
    "pytest_testnodedown",
    "real_kafka",
    "sagemaker",
    "store",
]

load_profile()
# The exceptions that tests provoke are logged plainly: drawn in boxes with all variables, each takes a second and more.
structlog.dev.ConsoleRenderer.get_active().exception_formatter = structlog.dev.plain_traceback
