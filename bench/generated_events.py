"""What all generated events are made of: times, names, tags, and their bytes."""

from __future__ import annotations

import random
import string
from collections.abc import Generator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple, TypeVar

import msgspec

T = TypeVar("T")
TimedEvent = tuple[int, bytes]  # when, in epoch milliseconds; the event
Work = Generator[TimedEvent, None, T]

ACCOUNT, REGION = "123456789012", "us-west-2"
ARN = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/service-role/AmazonSageMaker-ExecutionRole"
BUCKET = f"s3://sagemaker-{REGION}-{ACCOUNT}"
SECOND, MINUTE, HOUR = 1_000, 60_000, 3_600_000
XGBOOST = f"246618743249.dkr.ecr.{REGION}.amazonaws.com/sagemaker-xgboost:1.7-1"
PYTORCH = f"763104351884.dkr.ecr.{REGION}.amazonaws.com/pytorch-training:2.1.0-gpu-py310-cu121-ubuntu20.04-sagemaker"
MIXED, LOWER = string.ascii_letters + string.digits, string.ascii_lowercase + string.digits
_encode = msgspec.json.encode


class Subject(NamedTuple):
    """What all events of one resource have in common, encoded once for all of them."""

    head: bytes  # detail-type, source, account
    resources: bytes  # region, resources
    detail: bytes  # the detail without its closing brace


class Package(NamedTuple):
    """A model package, and what its events have in common."""

    arn: str
    subject: Subject


@dataclass(slots=True)
class Project:
    """One team's model, trained again and again."""

    name: str
    image: str
    trained: str = ""  # the latest model's URI
    packages: int = 0
    endpoint: int = 0  # when its endpoint was created; 0: not yet
    config: str = ""  # the endpoint's latest

    @property
    def slug(self) -> str:
        """Its name in lower case, as ARNs and folders have it."""
        return self.name.lower()


@dataclass(slots=True)
class Run:
    """One way from data to a model."""

    id: str
    project: Project
    execution: str  # the pipeline execution's ARN, or empty: started by hand
    at: int  # the time it has reached, in epoch milliseconds


@dataclass(slots=True)
class Draw:
    """Random draws, all from one sequence: a seed names the whole account."""

    rng: random.Random

    def event(self, run: Run, subject: Subject, change: dict[str, Any]) -> TimedEvent:
        """An event at the run's time: the common part of `subject`, and `change`, which is not empty."""
        bits = self.rng.getrandbits(128) & ~(0xF << 76 | 0x3 << 62) | 0x4 << 76 | 0x2 << 62
        text = f"{bits:032x}"
        named = f'{{"version":"0","id":"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}",'
        time = f'"time":"{iso(run.at)}",'
        more = _encode(change)
        parts = (named.encode(), subject.head, time.encode(), subject.resources, subject.detail, b",", more[1:], b"}")
        return run.at, b"".join(parts)

    def wait(self, run: Run, least: int, most: int) -> None:
        """Move the run on by `least` to `most` milliseconds."""
        run.at += self.rng.randint(least, most)

    def chance(self, probability: float) -> bool:
        """True with this probability."""
        return self.rng.random() < probability

    def letters(self, count: int, alphabet: str) -> str:
        """As many letters of the alphabet, one after the other."""
        return "".join(self.rng.choices(alphabet, k=count))

    def name(self, run: Run, step: str) -> str:
        """A job's name as its creator composes it: of the pipeline's execution and step, or of the project."""
        begin = f"pipelines-{run.id}" if run.execution else run.project.name
        return f"{begin}-{step}-{self.letters(10, MIXED)}"

    def tags(self, run: Run, step: str) -> dict[str, str]:
        """The tags of a resource of this step."""
        tags = {"team": run.project.slug, "cost-center": "4711"}
        if run.execution:
            tags |= {"sagemaker:pipeline-execution-arn": run.execution, "sagemaker:pipeline-step-name": step}
        return tags


def subject_of(kind: str, arns: list[str], detail: dict[str, Any]) -> Subject:
    """What all events of this kind about these ARNs have in common."""
    return Subject(
        f'"detail-type":"{kind}","source":"aws.sagemaker","account":"{ACCOUNT}",'.encode(),
        f'"region":"{REGION}","resources":{_encode(arns).decode()},"detail":'.encode(),
        _encode(detail)[:-1],
    )


def iso(at: int) -> str:
    """Epoch milliseconds as ISO 8601, in UTC, without fractions."""
    return f"{datetime.fromtimestamp(at // 1000, UTC).isoformat()[:19]}Z"
