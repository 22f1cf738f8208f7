"""Pipelines, their executions and their steps in a made-up account."""

from __future__ import annotations

from collections.abc import Sequence

from tests.support.account.jobs import (
    CLARIFY,
    XGBOOST,
    automl_job,
    processing_job,
    training_job,
    transform_job,
    tuning_job,
)
from tests.support.account.made import BY, ROLE, Account, Detail, call, moment
from tests.support.account.registry import model
from tests.support.events import PARTITION, event, iso

STEP = "Model Building Pipeline Execution Step Status Change"
EXECUTION = "Model Building Pipeline Execution Status Change"


def pipeline(account: Account, name: str) -> str:
    """A pipeline, which only calls report, and which no rule requests; its name."""
    arn = f"{PARTITION}pipeline/{name.lower()}"
    began = account.second()
    asked = {"pipelineName": name, "pipelineDisplayName": f"The {name}", "pipelineDefinition": "{}", "roleArn": ROLE}
    made = call("CreatePipeline", asked, {"pipelineArn": arn}, at=began)
    changed = account.second()
    again = call("UpdatePipeline", {"pipelineName": name, "pipelineDescription": "changed"}, at=changed)
    described = {
        "PipelineArn": arn,
        "PipelineName": name,
        "PipelineDisplayName": f"The {name}",
        "PipelineDescription": "changed",
        "PipelineDefinition": "{}",
        "RoleArn": ROLE,
        "PipelineStatus": "Active",
        "CreationTime": moment(began),
        "LastModifiedTime": moment(changed),
        "CreatedBy": BY,
        "LastModifiedBy": BY,
    }
    account.keep(arn, [made, again], ("DescribePipeline", {"PipelineName": name}, described), spare=0)
    return name


class _Run:
    """An execution that is under way."""

    def __init__(self, account: Account, pipeline: str) -> None:
        self.account = account
        self.pipeline = f"{PARTITION}pipeline/{pipeline.lower()}"
        self.arn = f"{self.pipeline}/execution/{account.fresh('run')}"
        asked = {
            "pipelineName": pipeline,
            "pipelineParameters": [{"name": "epochs", "value": str(account.chance.randint(1, 9))}],
        }
        self.began = account.second()
        # What it was started with: nothing shows that it is missing.
        account.calls(
            self.arn, call("StartPipelineExecution", asked, {"pipelineExecutionArn": self.arn}, at=self.began)
        )
        self.steps: list[Detail] = []

    def step(
        self, name: str, type_: str, *attempts: Detail, status: str = "Succeeded", cached: str = "", spare: int = 1
    ) -> None:
        """A step that tried one thing after the other; its last attempt ended in a status."""
        began = self.account.later()
        events = []
        step: Detail = {
            "pipelineArn": self.pipeline,
            "pipelineExecutionArn": self.arn,
            "stepName": name,
            "stepType": type_,
            "stepStartTime": iso(began),
        }
        if cached:
            step["cacheHitResult"] = {"sourcePipelineExecutionArn": cached}
        for number, metadata in enumerate(attempts, 1):
            now = {**step, "currentStepStatus": "Executing", "metadata": metadata, "attemptCount": number}
            events.append(event(STEP, {**now, "stepStartTime": iso(self.account.later(60))}, time=self.account.now))
        ended = self.account.later(60)
        over = {**now, "currentStepStatus": status, "stepEndTime": iso(ended)}
        over |= {"failureReason": "it broke"} if status == "Failed" else {}
        events.append(event(STEP, over, time=ended))
        described = {
            "StepName": name,
            "StartTime": moment(began),
            "EndTime": moment(ended),
            "StepStatus": status,
            "AttemptCount": len(attempts),
            "Metadata": {
                f"{key[0].upper()}{key[1:]}": {f"{inner[0].upper()}{inner[1:]}": one for inner, one in value.items()}
                for key, value in attempts[-1].items()
            },
            **({"CacheHitResult": {"SourcePipelineExecutionArn": cached}} if cached else {}),
            **({"FailureReason": "it broke"} if status == "Failed" else {}),
        }
        self.steps.append(described)
        self.account.keep(f"{self.arn}/step/{name}", events, spare=spare)

    def end(self, status: str = "Succeeded") -> str:
        """It is over; its ARN."""
        account = self.account
        ended = account.later()
        described = {
            "PipelineArn": self.pipeline,
            "PipelineExecutionArn": self.arn,
            "PipelineExecutionDisplayName": f"run of {self.arn.rpartition('/')[2]}",
            "PipelineExecutionStatus": status,
            "CreationTime": moment(self.began),
            "LastModifiedTime": moment(ended),
            "CreatedBy": BY,
            **({"FailureReason": "a step failed"} if status == "Failed" else {}),
        }
        under_way = {
            "pipelineArn": self.pipeline,
            "pipelineExecutionArn": self.arn,
            "pipelineExecutionDisplayName": described["PipelineExecutionDisplayName"],
            "currentPipelineExecutionStatus": "Executing",
            "executionStartTime": iso(self.began),
        }
        over = {**under_way, "currentPipelineExecutionStatus": status, "executionEndTime": iso(ended)}
        over |= {"failureReason": described["FailureReason"]} if "FailureReason" in described else {}
        asked = {"PipelineExecutionArn": self.arn}
        return account.keep(
            self.arn,
            [event(EXECUTION, under_way, time=self.began), event(EXECUTION, over, time=ended)],
            ("DescribePipelineExecution", asked, described),
            ("ListPipelineExecutionSteps", asked, {"PipelineExecutionSteps": self.steps}),
            spare=1,
        )


def execution(account: Account, name: str, *, cached: str = "") -> tuple[str, str]:
    """An execution: it prepares data, checks them, trains on them, and makes predictions.

    Args:
        account: Where.
        name: The pipeline's.
        cached: The ARN of an earlier execution, whose prepared data it takes over.

    Returns:
        Its ARN, and the URI of its model.
    """
    run = _Run(account, name)
    prefix = account.fresh(f"pipelines-{name}")
    raw, prepared = f"s3://bucket/raw/{name}", f"s3://bucket/{prefix}/train"
    if cached:
        # What it took over: only its own events and the list of all steps say that.
        run.step("Prepare", "Processing", {}, cached=cached)
    else:
        job = processing_job(account, f"{prefix}-Prepare", [raw], [prepared], spare=2)
        run.step("Prepare", "Processing", {"processingJob": {"arn": job}})
    check = processing_job(account, f"{prefix}-Check", [prepared], [f"{prepared}-bias"], spare=2, image=CLARIFY)
    run.step("Check", "ClarifyCheck", {"clarifyCheck": {"checkJobArn": check, "checkType": "DATA_BIAS"}})
    run.step("Good", "Condition", {"condition": {"outcome": "True"}})
    data = _train(account, run, prefix, prepared)
    served = model(account, f"{prefix}-Model", {"Image": XGBOOST, "ModelDataUrl": data})
    predict = transform_job(account, f"{prefix}-Predict", served, prepared, spare=2)
    run.step("Predict", "Transform", {"transformJob": {"arn": predict}})
    return run.end(), data


def _train(account: Account, run: _Run, prefix: str, prepared: str) -> str:
    """A step that trains, now and then at the second attempt only."""
    attempts: Sequence[str] = ("Train", "Train-again")[: account.chance.randint(1, 2)]
    models = [training_job(account, f"{prefix}-{name}", [prepared], spare=2) for name in attempts]
    jobs = [{"trainingJob": {"arn": f"{PARTITION}training-job/{prefix}-{name}".lower()}} for name in attempts]
    # The list of steps has the last attempt only.
    run.step("Train", "Training", *jobs, spare=1 if len(jobs) == 1 else 0)
    return models[-1]


def tuning_execution(account: Account, name: str) -> None:
    """An execution that makes jobs by the dozen: a tuning job and an AutoML job."""
    run = _Run(account, name)
    raw = f"s3://bucket/raw/{name}"
    tuning = tuning_job(account, account.fresh("Search"), raw, spare=2)
    run.step("Tune", "Tuning", {"tuningJob": {"arn": tuning}})
    automl = automl_job(account, account.fresh("Auto"), raw)
    run.step("Auto", "AutoML", {"autoMLJob": {"arn": automl}})
    run.end()


def failed_execution(account: Account, name: str) -> None:
    """An execution whose only step failed."""
    run = _Run(account, name)
    prefix = account.fresh(f"pipelines-{name}")
    job = processing_job(account, f"{prefix}-Prepare", [f"s3://bucket/raw/{name}"], [], spare=2, status="Failed")
    run.step("Prepare", "Processing", {"processingJob": {"arn": job}}, status="Failed")
    run.end("Failed")
