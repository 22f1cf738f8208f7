"""Archives of events such as a busy account sends: seeded, endless, fast.

    run -> processing -> training -> evaluation -> package -> transform -> approval -> endpoint

Fifty runs are under way at any time and their events interleave. Formats follow the samples that the tests use:
milliseconds as strings in training jobs and as numbers in processing jobs, ISO times in transform jobs and packages,
ARNs in lower case, names in mixed case.
"""

from __future__ import annotations

import argparse
import heapq
import random
import sys
from collections.abc import Iterator
from itertools import accumulate, islice
from typing import BinaryIO

from bench.generated_events import (
    ACCOUNT,
    ARN,
    BUCKET,
    HOUR,
    LOWER,
    MINUTE,
    PYTORCH,
    SECOND,
    XGBOOST,
    Draw,
    Package,
    Project,
    Run,
    TimedEvent,
    Work,
    iso,
    subject_of,
)
from bench.generated_jobs import report_step, run_processing, run_training, run_transform
from bench.generated_models import create_model, deploy, register_package

_LAKE = f"s3://acme-data-lake-{ACCOUNT}"
_BEGIN = 1_709_251_200_000  # 2024-03-01T00:00:00Z
_IN_FLIGHT = 50
_DATASETS, _PROJECTS = 300, 100
_DOMAINS = ("billing", "catalog", "claims", "crm", "fraud", "inventory", "logistics", "marketing", "payments", "search")
_TABLES = ("accounts", "baskets", "events", "features", "labels", "orders", "prices", "returns", "sessions", "users")
_AIMS = ("ChurnModel", "DemandForecast", "FraudScoring", "LeadRanking", "PriceElasticity", "Relevance", "VisitIntent")
_SPLITS = ("train", "validation", "test")


def events(count: int, seed: int = 1) -> Iterator[bytes]:
    """The first `count` events of the account that `seed` names: JSON without newlines, ordered by time."""
    account = _Account(random.Random(seed))
    return (event for _, event in islice(heapq.merge(*account.lanes()), count))


class _Account:
    def __init__(self, rng: random.Random) -> None:
        self._draw = Draw(rng)
        self._datasets = [
            f"{_LAKE}/{_DOMAINS[n % 10]}/{_TABLES[n // 10 % 10]}/v{n // 100 + 1}" for n in range(_DATASETS)
        ]
        self._popularity = _zipf(_DATASETS)
        self._projects = [
            Project(f"{_DOMAINS[n % 10].title()}{_AIMS[n % 7]}{n:02d}", rng.choice((XGBOOST, PYTORCH)))
            for n in range(_PROJECTS)
        ]
        self._activity = _zipf(_PROJECTS, 0.5)

    def lanes(self) -> list[Iterator[TimedEvent]]:
        """Endless sequences of runs, one for each that is under way at the same time."""
        return [self._lane(_BEGIN + self._draw.rng.randrange(HOUR)) for _ in range(_IN_FLIGHT)]

    def _lane(self, at: int) -> Iterator[TimedEvent]:
        while True:
            (project,) = self._draw.rng.choices(self._projects, cum_weights=self._activity)
            name = self._draw.letters(12, LOWER)
            execution = f"{ARN}:pipeline/{project.slug}/execution/{name}" if self._draw.chance(0.5) else ""
            run = Run(name, project, execution, at)
            package = yield from self._execution(run) if execution else self._work(run)
            if package:
                yield from self._approval(run, package)
            at = run.at + int(self._draw.rng.expovariate(1 / (10 * MINUTE)))

    def _execution(self, run: Run) -> Work[Package | None]:
        pipeline = run.execution.partition("/execution/")[0]
        subject = subject_of(
            "SageMaker Model Building Pipeline Execution Status Change",
            [pipeline, run.execution],
            {
                "pipelineExecutionDisplayName": f"execution-{run.at}",
                "pipelineExecutionDescription": f"Scheduled retraining of {run.project.name}",
                "pipelineArn": pipeline,
                "pipelineExecutionArn": run.execution,
                "executionStartTime": iso(run.at),
            },
        )
        yield self._draw.event(run, subject, {"currentPipelineExecutionStatus": "Executing"})
        run.at += SECOND
        package = yield from self._work(run)
        run.at += SECOND
        ended = {"previousPipelineExecutionStatus": "Executing", "executionEndTime": iso(run.at)}
        status = "Succeeded" if package else "Failed"
        yield self._draw.event(run, subject, {**ended, "currentPipelineExecutionStatus": status})
        return package

    def _work(self, run: Run) -> Work[Package | None]:
        """From data to a registered model; None when training failed."""
        data = f"{BUCKET}/{run.project.slug}/{run.id}/output"
        yield from run_processing(self._draw, run, "Preprocess", self._picked(), [f"{data}/{part}" for part in _SPLITS])
        model = yield from run_training(self._draw, run, data)
        if not model:
            return None
        yield from run_processing(self._draw, run, "Evaluate", [model, f"{data}/test"], [f"{data}/evaluation"])
        package = yield from register_package(self._draw, run, model, f"{data}/evaluation/evaluation.json")
        if self._draw.chance(0.3):
            name = self._draw.name(run, "CreateModel")
            container = {"Image": run.project.image, "ModelDataUrl": model}
            created = create_model(self._draw, run, name, container, self._draw.tags(run, "CreateModel"))
            arn = f"{ARN}:model/{name.lower()}"
            yield from report_step(self._draw, run, "CreateModel", "Model", "model", arn, created)
            yield from run_transform(self._draw, run, name, self._picked()[0], f"{data}/predictions")
        return package

    def _approval(self, run: Run, package: Package) -> Work[None]:
        """A person's decision, if there is one; some of the approved packages are deployed."""
        if self._draw.chance(0.2):
            return
        self._draw.wait(run, 5 * MINUTE, 4 * HOUR)
        decision = "Approved" if self._draw.chance(0.75) else "Rejected"
        decided = {"ModelApprovalStatus": decision, "LastModifiedTime": iso(run.at)}
        yield self._draw.event(run, package.subject, {**decided, "UpdatedModelPackageFields": ["ModelApprovalStatus"]})
        if decision == "Approved" and self._draw.chance(0.6):
            self._draw.wait(run, MINUTE, 20 * MINUTE)
            yield from deploy(self._draw, run, package.arn)

    def _picked(self) -> list[str]:
        """One to three shared data sets, the popular ones often."""
        some = self._draw.rng.choices(self._datasets, cum_weights=self._popularity, k=self._draw.rng.randint(1, 3))
        return list(dict.fromkeys(some))


def _zipf(count: int, exponent: float = 1) -> list[float]:
    """Cumulative weights of `count` things, the first chosen most often."""
    return list(accumulate(rank**-exponent for rank in range(1, count + 1)))


def main() -> None:
    """Writes an archive to standard output."""
    parser = argparse.ArgumentParser(prog="python -m bench.generate", description=main.__doc__)
    parser.add_argument("--events", type=int, default=100_000, metavar="N", help="how many (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="the same seed, the same bytes")
    arguments = parser.parse_args()
    write(sys.stdout.buffer, arguments.events, arguments.seed)


def write(file: BinaryIO, count: int, seed: int = 1) -> None:
    """Puts `events` into a file as JSON lines."""
    file.writelines(event + b"\n" for event in events(count, seed))


if __name__ == "__main__":
    main()
