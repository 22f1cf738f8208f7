"""Compilation jobs, which make a model that runs on one kind of device (SageMaker Neo)."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from consumers.arns import account_prefix, kind_of
from consumers.kind import MODEL_PACKAGE, ResourceKind
from consumers.resources.calls import creates, deletes, updates
from consumers.resources.descriptions import TAGS, described
from consumers.resources.fields import Fields, Name, Tags, Time, Uri, instant, texts
from consumers.resources.job_component import is_finished
from consumers.resources.model import package_artifact
from consumers.resources.types import DescribeRequest, Lookup, Resource, ResourceType
from ingest.sagemaker_operations import ListOperation
from store.lineage import OWNER, Action, Artifact, Association, AssociationType, Lineage, artifact, entity_name

COMPILATION_JOB = ResourceKind("compilation-job")


class CompilationInput(Fields, frozen=True):
    """The model that is compiled."""

    s3_uri: Uri | None = None
    framework: Name | None = None
    framework_version: Name | None = None


class TargetPlatform(Fields, frozen=True):
    """What a compiled model runs on, where that is not one of the devices with a name."""

    os: Name | None = None
    arch: Name | None = None
    accelerator: Name | None = None


class CompilationOutput(Fields, frozen=True):
    """What a model is compiled for."""

    target_device: Name | None = None
    target_platform: TargetPlatform = TargetPlatform()


class CompiledModel(Fields, frozen=True):
    """The file with the compiled model."""

    s3_model_artifacts: Uri | None = None


class CompilationJob(Fields, frozen=True):
    """A compilation job, as DescribeCompilationJob shows it: no event reports one."""

    compilation_job_name: Name | None = None
    compilation_job_arn: Uri | None = None
    compilation_job_status: str | None = None
    failure_reason: str | None = None
    inference_image: Uri | None = None
    model_package_version_arn: Uri | None = None
    input_config: CompilationInput = CompilationInput()
    output_config: CompilationOutput = CompilationOutput()
    model_artifacts: CompiledModel = CompiledModel()
    tags: Tags = None
    creation_time: Time | None = None
    compilation_start_time: Time | None = None
    compilation_end_time: Time | None = None
    last_modified_time: Time | None = None


_STATUSES = {
    "starting": "InProgress",
    "inprogress": "InProgress",
    "completed": "Completed",
    "failed": "Failed",
    "stopping": "Stopping",
    "stopped": "Stopped",
}
"""The status of a job in lower case, and that of its action."""


def lineage(job: Resource[CompilationJob], lookup: Lookup) -> Lineage:
    """A compilation job is an action that turns a model, or a model package, into a model for one kind of device.

    The place for its output, which others may share, is not linked: only the file that its description names.

    Source: ours: SageMaker captures nothing of a compilation job (evidence.md#no-entity); fields and statuses are those
    of DescribeCompilationJob (API).
    """
    detail = job.detail
    name = entity_name(job.name, "aws-compilation-job")
    status = (detail.compilation_job_status or "").lower()
    platform = detail.output_config.target_platform
    action = Action(
        arn=f"{job.arn_prefix}action/{name}",
        type="CompilationJob",
        name=name,
        source_uri=job.arn,
        status=_STATUSES.get(status, "Unknown"),
        created=job.created,
        ended=job.deleted or (instant(detail.compilation_end_time) if is_finished(status) else None),
        modified=job.modified,
        properties=texts(
            {
                "Framework": detail.input_config.framework,
                "FrameworkVersion": detail.input_config.framework_version,
                "TargetDevice": detail.output_config.target_device,
                "TargetPlatform": " ".join(filter(None, (platform.os, platform.arch, platform.accelerator))),
                "InferenceImage": detail.inference_image,
                "FailureReason": detail.failure_reason,
            }
        ),
        tags=job.tags,
        created_by=job.created_by,
        modified_by=job.modified_by,
        weight=OWNER,
    )
    compiled = _model(job, detail.input_config.s3_uri)
    if package := _package(job):
        compiled.append(package_artifact(package.lower(), lookup, job.arn_prefix, job.created, at=job.created))
    made = _model(job, detail.model_artifacts.s3_model_artifacts)
    contributed, produced = AssociationType.CONTRIBUTED_TO, AssociationType.PRODUCED
    return Lineage(
        (action, *compiled, *made),
        (
            *(Association(one.arn, action.arn, contributed, job.created, inferred=True) for one in compiled),
            *(Association(action.arn, one.arn, produced, job.created, inferred=True) for one in made),
        ),
    )


def references(job: Resource[CompilationJob]) -> Iterator[str]:
    """A compilation job references the model package that it compiles."""
    if package := _package(job):
        yield package.lower()


def missing(job: Resource[CompilationJob], lookup: Lookup) -> Iterator[DescribeRequest]:
    """Its description, while its status or the model that it made is unknown; and that of its package.

    No event reports its end: `headwater reconcile` describes again what is under way for too long.
    """
    detail = job.detail
    status = (detail.compilation_job_status or "").lower()
    if not status or (status == "completed" and not detail.model_artifacts.s3_model_artifacts):
        yield from job.describe("DescribeCompilationJob")
    package = _package(job)
    ours = package is not None and account_prefix(package) == job.arn_prefix
    if package and ours and lookup(package.lower(), msgspec.Struct) is None:
        yield DescribeRequest(package, "DescribeModelPackage")


def _package(job: Resource[CompilationJob]) -> str | None:
    arn = job.detail.model_package_version_arn
    return arn if arn and kind_of(arn) == MODEL_PACKAGE else None


def _model(job: Resource[CompilationJob], uri: str | None) -> list[Artifact]:
    return [artifact(job.arn_prefix, "Model", uri, job.created)] if uri else []


TYPE = ResourceType(
    kind=COMPILATION_JOB,
    name="compilation job",
    mark="ours",
    version=2,
    fields=CompilationJob,
    lineage=lineage,
    references=references,
    missing=missing,
    arn_field="compilation_job_arn",
    name_field="compilation_job_name",
    status_fields=("compilation_job_status",),
    clock_fields=("last_modified_time", "compilation_end_time", "compilation_start_time", "creation_time"),
    calls={"CreateCompilationJob": creates(), "StopCompilationJob": updates(), "DeleteCompilationJob": deletes()},
    described_by=described("CompilationJob"),
    further_descriptions=(TAGS,),
    listed_by=ListOperation(
        "ListCompilationJobs", "CompilationJobSummaries", "CompilationJobArn", "CompilationJobName"
    ),
)
