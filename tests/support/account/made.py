"""An account that grows: what it says of each thing in it, and what it answers when it is asked."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.support.events import ACCOUNT, NOON, answer, iso
from tests.support.events import call as recorded
from tests.support.sagemaker import FakeSageMaker

ROLE = f"arn:aws:iam::{ACCOUNT}:role/lineage"
WHO = f"arn:aws:sts::{ACCOUNT}:assumed-role/lineage/ada"
BY: Mapping[str, Any] = {"IamIdentity": {"Arn": WHO, "PrincipalId": "AROA:ada"}}
"""Who made everything, as descriptions say it."""
Detail = dict[str, Any]
Answer = tuple[str, Mapping[str, Any], Mapping[str, Any]]
"""(operation, request, response)."""


@dataclass(frozen=True, slots=True)
class Made:
    """One thing in the account, or what was done with it at one time.

    Attributes:
        arn: Its ARN.
        events: All that was sent of it, in order.
        answers: What SageMaker answers about it.
        spare: How many of its events may be lost so that reconciling finds and repairs it: all where others
            mention it, all but one where none does, none where SageMaker itself no longer has what they reported, or
            where what is left does not show that something is missing.
    """

    arn: str
    events: Sequence[bytes]
    answers: Sequence[Answer]
    spare: int


@dataclass
class Account:
    """An account that grows; a seed makes it the same each time."""

    chance: random.Random
    now: int = NOON
    made: list[Made] = field(default_factory=list)
    number: int = 0

    def events(self) -> list[bytes]:
        """All events, in the order of things."""
        return [body for one in self.made for body in one.events]

    def answered(self) -> list[bytes]:
        """All that SageMaker could be asked, as it is kept once it was."""
        at = self.now + 60_000
        return [
            answer(operation, plain(response, spelled=iso_of), arn=one.arn, time=at)
            for one in self.made
            for operation, _, response in one.answers
        ]

    def known_to(self, fake: FakeSageMaker) -> None:
        """Have the fake answer as SageMaker would."""
        for one in self.made:
            for operation, request, response in one.answers:
                fake.answers(operation, response, **request)

    def some_lost(self, chance: random.Random) -> list[bytes]:
        """The events, without some whose loss can be made good."""
        left = []
        for one in self.made:
            lost = set(chance.sample(range(len(one.events)), chance.randint(0, min(one.spare, len(one.events)))))
            left += [body for position, body in enumerate(one.events) if position not in lost]
        return left

    def fresh(self, stem: str) -> str:
        """A name that nothing else has."""
        self.number += 1
        return f"{stem}-{self.number}"

    def later(self, seconds: float = 0) -> int:
        """A time after all others, in epoch milliseconds."""
        self.now += int(seconds * 1000) or self.chance.randint(1, 600_000)
        return self.now

    def second(self) -> int:
        """A time after all others, in whole seconds: CloudTrail and some of SageMaker's responses have no fractions."""
        self.now = -(-self.later() // 1000) * 1000
        return self.now

    def maybe(self) -> bool:
        """True every second time."""
        return self.chance.random() < 0.5

    def keep(
        self,
        arn: str,
        events: Sequence[bytes],
        *answers: tuple[str, Mapping[str, Any], Detail],
        spare: int,
        tags: Mapping[str, str] | None = None,
    ) -> str:
        """Add a thing.

        Returns:
            Its ARN.
        """
        listed = [{"Key": key, "Value": value} for key, value in (tags or {}).items()]
        listed_tags: list[Answer] = [("ListTags", {"ResourceArn": arn}, {"Tags": listed})] if answers else []
        self.made.append(Made(arn, events, (*listed_tags, *answers), spare))
        return arn

    def calls(self, arn: str, *calls: bytes, spare: int = 0) -> None:
        """Add what was done with a resource and only calls report."""
        self.made.append(Made(arn, calls, (), spare))

    def forget(self, arn: str, *, operations: Collection[str] = ()) -> None:
        """Have SageMaker know nothing of a thing any more, or nothing by these operations; what was sent was sent."""
        self.made = [
            Made(
                one.arn,
                one.events,
                [answer for answer in one.answers if one.arn != arn or (operations and answer[0] not in operations)],
                0 if one.arn == arn and not operations else one.spare,
            )
            for one in self.made
        ]


def call(name: str, asked: Detail, answered: Detail | None = None, *, at: int, **more: Any) -> bytes:
    """A call of the one who makes all things, as CloudTrail records it."""
    return recorded(name, asked, answered, time=at, who=WHO, **more)


def moment(milliseconds: int) -> datetime:
    """A time as responses spell it."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def iso_of(time: datetime) -> str:
    """A time as answers are kept with."""
    return iso(round(time.timestamp() * 1000))


def plain(value: Any, *, spelled: Callable[[datetime], Any]) -> Any:
    """A value with its times in another spelling, at every level."""
    if isinstance(value, datetime):
        return spelled(value)
    if isinstance(value, Mapping):
        return {name: plain(one, spelled=spelled) for name, one in value.items()}
    return [plain(one, spelled=spelled) for one in value] if isinstance(value, list | tuple) else value


def detail_of(response: Mapping[str, Any], **more: Any) -> Detail:
    """An answer as the detail of an event: times in epoch milliseconds, and without what is None."""
    both = {name: value for name, value in {**response, **more}.items() if value is not None}
    spelled: Detail = plain(both, spelled=lambda time: round(time.timestamp() * 1000))
    return spelled
