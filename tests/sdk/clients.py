"""What both versions of the SDK have, imported from its place in each of them."""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version
from typing import Any

EXECUTION = "arn:aws:sagemaker:us-west-2:000000000000:pipeline/abalonepipeline/execution/d84ewltjmxhe"
"""The pipeline execution of the case `abalone`."""
CHURN_PACKAGE = "arn:aws:sagemaker:us-east-1:111122223333:model-package/churnmodels/1"
V3 = int(version("sagemaker-core").partition(".")[0]) >= 2
"""Whether this is the environment of v3, in which `sagemaker.core` is the whole SDK."""


def sdk(name: str) -> Any:
    """A module of the SDK: `lineage.artifact` is `sagemaker.lineage.artifact`, or `sagemaker.core.lineage.artifact`."""
    return import_module(f"sagemaker.core.{name}" if V3 else f"sagemaker.{name}")


def new_session(**clients: Any) -> Any:
    """A session of the SDK."""
    return sdk("helper.session_helper" if V3 else "session").Session(**clients)
