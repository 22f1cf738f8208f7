"""Bad input: whatever is wrong with a message, `handle` does not raise, and the message is not lost."""

from __future__ import annotations

import json
import random
import re
import string
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from consumers.catch_up import catch_up
from store.database import Store
from store.digest import digest
from store.ledger import events
from tests.support.events import abalone, event, samples
from tests.support.laws import FACTOR
from tests.support.stores import Backend, MakeStore, fed, settlements

_chance = random.Random(7)
JUNK: str = "".join(_chance.choices(string.ascii_letters, k=100_000))
WIDE: str = "".join(chr(_chance.randrange(0x4E00, 0x9FFF)) for _ in range(20_000))  # three bytes each, incompressible

SOME = 80
"""How many malformed messages of one way suffice where each costs a transaction of its own."""

Json = Any
Change = Callable[[Json], Json]


def each_value_in_turn(parsed: Json, change: Change) -> Iterator[bytes]:
    """The event once for each value in its detail, at any depth, with that one value changed."""
    for path in _paths(parsed["detail"]):
        copy = json.loads(json.dumps(parsed))
        inside = copy["detail"]
        for key in path[:-1]:
            inside = inside[key]
        inside[path[-1]] = change(inside[path[-1]])
        yield json.dumps(copy).encode()


def without_each_value(parsed: Json) -> Iterator[bytes]:
    for path in _paths(parsed["detail"]):
        copy = json.loads(json.dumps(parsed))
        inside = copy["detail"]
        for key in path[:-1]:
            inside = inside[key]
        del inside[path[-1]]
        yield json.dumps(copy).encode()
    for name in parsed:
        yield json.dumps({other: value for other, value in parsed.items() if other != name}).encode()


def _paths(value: Json, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*at, key)
        yield from _paths(inner, (*at, key))


def wrong_type(value: Json) -> Json:
    match value:
        case str():
            return [value]
        case dict():
            return list(value.items())
        case list():
            return {str(number): inner for number, inner in enumerate(value)}
        case _:
            return {"value": value}


def scalar(value: Json) -> Json:
    return 7 if isinstance(value, str | dict | list) else "seven"


def spread(text: bytes, pieces: Sequence[bytes]) -> Iterator[bytes]:
    """The text with each of the pieces at the beginning of about 25 of its string values."""
    values = [found.end() for found in re.finditer(rb': "', text)]
    for piece in pieces:
        for at in values[:: max(1, len(values) // 25)]:
            yield text[:at] + piece + text[at:]


def nested(depth: int) -> Change:
    def nest(value: Json) -> Json:
        for _ in range(depth):
            value = [value]
        return value

    return nest


UNTRANSLATABLE = (b"\xff\xfe", b"\xc3", b"\xed\xa0\x80", b"\\ud800", b"\xe4\xf6\xfc")
NUMBERS = (
    b"1e999",
    b"-1e999",
    b"1" + b"0" * 400,
    b"-1",
    b"NaN",
    b"Infinity",
    b"0.1e-999",
    b"1e400000000000",
    b"99999999999999999999",
)


def with_raw(parsed: Json, raw: bytes) -> Iterator[bytes]:
    """The event once for each value, with raw bytes in place of that value."""
    for body in each_value_in_turn(parsed, lambda _: "@raw@"):
        yield body.replace(b'"@raw@"', raw)


MUTILATIONS: dict[str, Callable[[bytes, Json], Iterator[bytes]]] = {
    "a field missing": lambda body, parsed: without_each_value(parsed),
    "a null": lambda body, parsed: each_value_in_turn(parsed, lambda _: None),
    "of another type": lambda body, parsed: each_value_in_turn(parsed, wrong_type),
    "of another scalar type": lambda body, parsed: each_value_in_turn(parsed, scalar),
    "an empty text": lambda body, parsed: each_value_in_turn(parsed, lambda _: ""),
    "a word for a number": lambda body, parsed: each_value_in_turn(parsed, lambda _: "one"),
    "a huge text": lambda body, parsed: each_value_in_turn(parsed, lambda _: JUNK),
    "a huge text of wide characters": lambda body, parsed: each_value_in_turn(parsed, lambda _: WIDE),
    "a long text that a URI may be": lambda body, parsed: each_value_in_turn(parsed, lambda _: WIDE[:2048]),
    "an ARN that never ends": lambda body, parsed: each_value_in_turn(parsed, lambda value: f"{value}{WIDE[:1900]}"),
    "wrong encoding": lambda body, parsed: spread(json.dumps(parsed).encode(), UNTRANSLATABLE),
    "other encodings": lambda body, parsed: (
        json.dumps(parsed).encode(encoding) for encoding in ("utf-16", "utf-32", "utf-8-sig", "cp037")
    ),
    "not JSON": lambda body, parsed: iter(
        (b"", b"{}", b"[]", b"null", b"0", b"\x00", b"not JSON", body + b"}", b"[" + body)
    ),
    "truncated": lambda body, parsed: (body[: len(body) * part // 20] for part in range(20)),
    "256 KB": lambda body, parsed: iter((with_padding(parsed, 256 * 1024),)),
    "nested a little": lambda body, parsed: each_value_in_turn(parsed, nested(50)),
    "nested deeply": lambda body, parsed: (
        with_padding_of(parsed, b"[" * depth + b"]" * depth)
        for depth in (100, 500, 900, 950, 970, 980, 990, 1000, 10_000)
    ),
    "NUL": lambda body, parsed: each_value_in_turn(parsed, lambda value: f"{value}\0"),
    "raw control characters": lambda body, parsed: spread(json.dumps(parsed).encode(), (b"\x00", b"\x1f", b"\x7f")),
    "numbers out of range": lambda body, parsed: (body for number in NUMBERS for body in with_raw(parsed, number)),
    "envelope of other types": lambda body, parsed: (
        json.dumps(parsed | {name: value}).encode()
        for name in parsed
        for value in (None, "", 7, -7, 10**400, 1.5, [], [None], {}, "x" * 10_000, WIDE, [WIDE], [7], {"a": 7})
    ),
}
"""Ways to mutilate a message: each makes many."""


def with_padding(parsed: Json, size: int) -> bytes:
    return json.dumps(
        parsed | {"detail": parsed["detail"] | {"Padding": "x" * (size - len(json.dumps(parsed)) - 15)}}
    ).encode()


def with_padding_of(parsed: Json, raw: bytes) -> bytes:
    return json.dumps(parsed | {"detail": parsed["detail"] | {"Padding": "@raw@"}}).encode().replace(b'"@raw@"', raw)


# The samples, on one line each, and one message without a time of its own, which is joined by another rule.
GOOD = {name: json.dumps(json.loads(body)).encode() for name, body in samples().items()} | {
    "no-time-of-its-own": event(
        "Model Package State Change",
        {
            "ModelPackageGroupName": "g",
            "ModelPackageVersion": 1,
            "ModelApprovalStatus": "Approved",
            "InferenceSpecification": {"Containers": [{"Image": "i:1", "ModelDataUrl": "s3://b/m"}]},
            "Tags": {"team": "a"},
        },
    ),
}


def mutilated(how: str, backend: Backend) -> list[bytes]:
    """All good messages mutilated in one way; on PostgreSQL only some of them, spread evenly, except in a soak."""
    bodies = list(dict.fromkeys(bad for body in GOOD.values() for bad in MUTILATIONS[how](body, json.loads(body))))
    step = max(1, len(bodies) // SOME) if backend == "postgresql" and FACTOR == 1 else 1
    return bodies[::step]


def accounted(store: Store) -> tuple[set[bytes], set[bytes]]:
    """What the ledger holds, and what the dead letters hold."""
    return set(events.events(store)), {letter.body for letter in events.dead_letters(store)}


@pytest.mark.law
@pytest.mark.parametrize("how", MUTILATIONS)
def test_every_bad_message_ends_in_the_ledger_or_in_the_dead_letters(
    how: str,
    store: Store,
    backend: Backend,
) -> None:
    bodies = mutilated(how, backend)

    settled = settlements(store, bodies, 100)

    recorded, buried = accounted(store)
    assert sum(one.events for one in settled) + sum(len(one.dead) for one in settled) == len(bodies)
    assert recorded | buried == set(bodies)
    assert recorded & buried == set()
    assert [reason for one in settled for _, reason in one.dead if len(reason) > 1000 or "\n" in reason] == []
    assert catch_up(store) == 0


@pytest.mark.law
@pytest.mark.parametrize("how", MUTILATIONS)
def test_a_dead_letter_does_not_affect_the_other_messages_of_its_batch(
    how: str,
    make_store: MakeStore,
    backend: Backend,
) -> None:
    without, beside = make_store(), make_store()
    dead = {letter.body for one in settlements(make_store(), mutilated(how, backend), 100) for letter, _ in one.dead}
    fed(without, abalone())
    poison = _chance.sample(sorted(dead), min(len(dead), 20))

    among = [body for pair in zip(abalone(), [*poison, *[b""] * len(abalone())], strict=False) for body in pair]
    settled = settlements(beside, among, 7)

    assert sum(one.events for one in settled) == len(abalone())
    assert digest(beside) == digest(without)
