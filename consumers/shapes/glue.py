"""Runs of AWS Glue's jobs, as events and recorded calls tell them: their keys are lowerCamel."""

from __future__ import annotations

import msgspec

from consumers.shapes.reading import Name, Time


class GlueJobRun(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """One run of a job."""

    job_name: Name | None = None
    job_run_id: Name | None = None
    state: str | None = None
    message: str | None = None
    arguments: dict[str, str | None] = {}
    started_on: Time | None = None
