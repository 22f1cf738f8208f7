"""What comes of a model: its package, the model resource, its deployment to an endpoint."""

from __future__ import annotations

from bench.generated_events import (
    ARN,
    MINUTE,
    MIXED,
    ROLE,
    SECOND,
    Draw,
    Package,
    Run,
    Work,
    iso,
    subject_of,
)
from bench.generated_jobs import report_step


def register_package(draw: Draw, run: Run, model: str, report: str) -> Work[Package]:
    """The package of the model at a URI, in its project's group, with the URI of its evaluation."""
    project = run.project
    project.packages += 1
    arn = f"{ARN}:model-package/{project.slug}/{project.packages}"
    detail = {
        "ModelPackageGroupName": project.name,
        "ModelPackageVersion": project.packages,
        "ModelPackageArn": arn,
        "CreationTime": iso(run.at),
        "InferenceSpecification": {
            "Containers": [{"Image": project.image, "ModelDataUrl": model}],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
            "SupportedTransformInstanceTypes": ["ml.m5.xlarge"],
            "SupportedRealtimeInferenceInstanceTypes": ["ml.t2.medium", "ml.m5.xlarge"],
        },
        "ModelPackageStatus": "Completed",
        "ModelPackageStatusDetails": {"ValidationStatuses": [], "ImageScanStatuses": []},
        "CertifyForMarketplace": False,
        "ModelMetrics": {"ModelQuality": {"Statistics": {"ContentType": "application/json", "S3Uri": report}}},
    }
    if run.execution:
        detail["MetadataProperties"] = {"GeneratedBy": run.execution}
    subject = subject_of("SageMaker Model Package State Change", [arn], detail)

    def register() -> Work[None]:
        yield draw.event(
            run, subject, {"ModelApprovalStatus": "PendingManualApproval", "LastModifiedTime": iso(run.at)}
        )

    yield from report_step(draw, run, "Register-RegisterModel", "RegisterModel", "registerModel", arn, register())
    return Package(arn, subject)


def create_model(draw: Draw, run: Run, name: str, container: dict[str, str], tags: dict[str, str]) -> Work[None]:
    """A model resource: a container, which may name a model package."""
    subject = subject_of(
        "SageMaker Model State Change",
        [f"{ARN}:model/{name.lower()}"],
        {
            "ModelName": name,
            "ModelArn": f"{ARN}:model/{name.lower()}",
            "CreationTime": run.at,
            "EnableNetworkIsolation": False,
            "ExecutionRoleArn": ROLE,
            "Containers": None,
            "VpcConfig": None,
            "PrimaryContainer": {"Mode": "SingleModel", "Environment": {}, **container},
        },
    )
    yield draw.event(run, subject, {"Tags": tags})


def deploy(draw: Draw, run: Run, package: str) -> Work[None]:
    """The project's first deployment creates its endpoint; later ones update it."""
    project = run.project
    config = model = f"{project.name}-{draw.letters(10, MIXED)}"
    yield from create_model(draw, run, model, {"ModelPackageName": package}, {"team": project.slug})
    run.at += 2 * SECOND
    arn = f"{ARN}:endpoint-config/{config.lower()}"
    variant = {
        "VariantName": "AllTraffic",
        "ModelName": model,
        "InitialInstanceCount": 2,
        "InstanceType": "ml.m5.xlarge",
        "InitialVariantWeight": 1,
        "AcceleratorType": None,
        "ServerlessConfig": None,
        "VolumeSizeInGB": None,
    }
    made = {"EndpointConfigName": config, "EndpointConfigArn": arn, "KmsKeyId": None, "CreationTime": run.at}
    subject = subject_of("SageMaker Endpoint Config State Change", [arn], made)
    yield draw.event(run, subject, {"ProductionVariants": [variant], "Tags": {"team": project.slug}})
    run.at += 2 * SECOND
    before = project.config or config  # an endpoint keeps its config until the new one serves
    status = "UPDATING" if project.endpoint else "CREATING"
    project.endpoint = project.endpoint or run.at
    project.config = config
    arn = f"{ARN}:endpoint/{project.slug}-prod"
    endpoint = {"EndpointName": f"{project.name}-prod", "EndpointArn": arn, "CreationTime": project.endpoint}
    subject = subject_of("SageMaker Endpoint State Change", [arn], endpoint)
    serving = {"VariantName": "AllTraffic", "DesiredWeight": 1.0, "DesiredInstanceCount": 2.0}
    for name, shown in ((before, status), (config, "IN_SERVICE")):
        change = {
            "EndpointConfigName": name,
            "ProductionVariants": [serving],
            "EndpointStatus": shown,
            "LastModifiedTime": run.at,
            "Tags": {"team": project.slug},
        }
        yield draw.event(run, subject, change)
        draw.wait(run, 3 * MINUTE, 15 * MINUTE)
