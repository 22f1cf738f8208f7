"""Bad input: whatever is wrong with a message, `handle` does not raise, and the message is not lost quietly."""

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
WIDE: str = "".join(
    chr(_chance.randrange(0x4E00, 0x9FFF)) for _ in range(20_000)
)  # three bytes each, not to be compressed

SOME = 80
"""How many spoiled messages of a way are enough where each costs a transaction of its own."""

Json = Any
Change = Callable[[Json], Json]


def each_value_in_turn(told: Json, change: Change) -> Iterator[bytes]:
    """The event once for each value in its detail, at any depth, with that one value changed."""
    for path in _paths(told["detail"]):
        copy = json.loads(json.dumps(told))
        inside = copy["detail"]
        for key in path[:-1]:
            inside = inside[key]
        inside[path[-1]] = change(inside[path[-1]])
        yield json.dumps(copy).encode()


def without_each_value(told: Json) -> Iterator[bytes]:
    for path in _paths(told["detail"]):
        copy = json.loads(json.dumps(told))
        inside = copy["detail"]
        for key in path[:-1]:
            inside = inside[key]
        del inside[path[-1]]
        yield json.dumps(copy).encode()
    for name in told:
        yield json.dumps({other: value for other, value in told.items() if other != name}).encode()


def _paths(told: Json, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    inner = told.items() if isinstance(told, dict) else enumerate(told) if isinstance(told, list) else ()
    for key, value in inner:
        yield (*at, key)
        yield from _paths(value, (*at, key))


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


def with_raw(told: Json, raw: bytes) -> Iterator[bytes]:
    """The event once for each value, with raw bytes in place of that value."""
    for body in each_value_in_turn(told, lambda _: "@raw@"):
        yield body.replace(b'"@raw@"', raw)


MUTILATIONS: dict[str, Callable[[bytes, Json], Iterator[bytes]]] = {
    "a field missing": lambda body, told: without_each_value(told),
    "a null": lambda body, told: each_value_in_turn(told, lambda _: None),
    "of another type": lambda body, told: each_value_in_turn(told, wrong_type),
    "of another scalar type": lambda body, told: each_value_in_turn(told, scalar),
    "an empty text": lambda body, told: each_value_in_turn(told, lambda _: ""),
    "a word for a number": lambda body, told: each_value_in_turn(told, lambda _: "one"),
    "a huge text": lambda body, told: each_value_in_turn(told, lambda _: JUNK),
    "a huge text of wide characters": lambda body, told: each_value_in_turn(told, lambda _: WIDE),
    "a long text that a URI may be": lambda body, told: each_value_in_turn(told, lambda _: WIDE[:2048]),
    "an ARN that never ends": lambda body, told: each_value_in_turn(told, lambda value: f"{value}{WIDE[:1900]}"),
    "wrong encoding": lambda body, told: spread(json.dumps(told).encode(), UNTRANSLATABLE),
    "other encodings": lambda body, told: (
        json.dumps(told).encode(encoding) for encoding in ("utf-16", "utf-32", "utf-8-sig", "cp037")
    ),
    "not JSON": lambda body, told: iter(
        (b"", b"{}", b"[]", b"null", b"0", b"\x00", b"not JSON", body + b"}", b"[" + body)
    ),
    "truncated": lambda body, told: (body[: len(body) * part // 20] for part in range(20)),
    "256 KB": lambda body, told: iter((with_padding(told, 256 * 1024),)),
    "nested a little": lambda body, told: each_value_in_turn(told, nested(50)),
    "nested deeply": lambda body, told: (
        with_padding_of(told, b"[" * depth + b"]" * depth)
        for depth in (100, 500, 900, 950, 970, 980, 990, 1000, 10_000)
    ),
    "NUL": lambda body, told: each_value_in_turn(told, lambda value: f"{value}\0"),
    "raw control characters": lambda body, told: spread(json.dumps(told).encode(), (b"\x00", b"\x1f", b"\x7f")),
    "numbers out of range": lambda body, told: (
        mutilated for number in NUMBERS for mutilated in with_raw(told, number)
    ),
    "envelope of other types": lambda body, told: (
        json.dumps(told | {name: value}).encode()
        for name in told
        for value in (None, "", 7, -7, 10**400, 1.5, [], [None], {}, "x" * 10_000, WIDE, [WIDE], [7], {"a": 7})
    ),
}
"""Ways to spoil a message: each makes many."""


def with_padding(told: Json, size: int) -> bytes:
    return json.dumps(
        told | {"detail": told["detail"] | {"Padding": "x" * (size - len(json.dumps(told)) - 15)}}
    ).encode()


def with_padding_of(told: Json, raw: bytes) -> bytes:
    return json.dumps(told | {"detail": told["detail"] | {"Padding": "@raw@"}}).encode().replace(b'"@raw@"', raw)


# The samples, on one line each, and one message that tells no time of its own: it is joined in another way.
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


def spoiled(how: str, backend: Backend) -> list[bytes]:
    """All good messages spoiled in one way; on PostgreSQL some of all, spread evenly, but in a soak."""
    bodies = list(dict.fromkeys(bad for body in GOOD.values() for bad in MUTILATIONS[how](body, json.loads(body))))
    step = max(1, len(bodies) // SOME) if backend == "postgresql" and FACTOR == 1 else 1
    return bodies[::step]


def accounted(store: Store) -> tuple[set[bytes], set[bytes]]:
    """What the ledger holds, and what the dead letters hold."""
    return set(events.events(store)), {letter.body for letter in events.dead_letters(store)}


@pytest.mark.law
@pytest.mark.parametrize("how", MUTILATIONS)
def test_whatever_is_wrong_with_a_message_it_ends_in_the_ledger_or_in_the_dead_letters(
    how: str,
    store: Store,
    backend: Backend,
) -> None:
    bodies = spoiled(how, backend)

    settled = settlements(store, bodies, 100)

    kept, buried = accounted(store)
    assert sum(one.events for one in settled) + sum(len(one.dead) for one in settled) == len(bodies)
    assert kept | buried == set(bodies)
    assert kept & buried == set()
    assert [why for one in settled for _, why in one.dead if len(why) > 1000 or "\n" in why] == []
    assert catch_up(store) == 0


@pytest.mark.law
@pytest.mark.parametrize("how", MUTILATIONS)
def test_a_message_that_ends_in_the_dead_letters_costs_its_neighbours_nothing(
    how: str,
    make_store: MakeStore,
    backend: Backend,
) -> None:
    without, beside = make_store(), make_store()
    dead = {letter.body for one in settlements(make_store(), spoiled(how, backend), 100) for letter, _ in one.dead}
    fed(without, abalone())
    poison = _chance.sample(sorted(dead), min(len(dead), 20))

    among = [body for pair in zip(abalone(), [*poison, *[b""] * len(abalone())], strict=False) for body in pair]
    settled = settlements(beside, among, 7)

    assert sum(one.events for one in settled) == len(abalone())
    assert digest(beside) == digest(without)
