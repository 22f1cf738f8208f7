"""What is known joins in any order: the laws of `ResourceState`, over observations of real and of made-up events."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import reduce
from operator import or_

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumers.observe import observe
from consumers.state import ResourceState, decode, encode, incarnations
from ingest.event import Malformed
from ingest.event import decode as decode_event
from tests.support.events import PARTITION, abalone, again, event, samples
from tests.support.laws import scaled
from tests.support.worlds import everything


def observed(body: bytes) -> tuple[ResourceState, ...]:
    """The states that an event reports; none when it cannot be read."""
    try:
        return observe(decode_event(body))
    except Malformed:
        return ()


def about_one_resource(observations: Sequence[ResourceState]) -> list[list[ResourceState]]:
    """The observations of each resource."""
    found: dict[str, list[ResourceState]] = {}
    for known in observations:
        found.setdefault(known.arn.lower(), []).append(known)
    return list(found.values())


REAL = about_one_resource(
    [
        known
        for number, body in enumerate((*abalone(), *samples().values()))
        for known in (*observed(body), *observed(again(body, 1000 * number, number)))
    ]
)
made_up = (
    st.sampled_from(everything)
    .flatmap(lambda kind: st.lists(kind, min_size=1, max_size=8))
    .map(lambda bodies: about_one_resource([one for body in bodies for one in observed(body)]))
    .filter(bool)
    .map(lambda found: max(found, key=len))
)
# Of one resource: several incarnations, equal stamps, observations without an incarnation or a time of their own.
observations = (st.sampled_from(REAL) | made_up).flatmap(
    lambda some: st.lists(st.sampled_from(some), min_size=3, max_size=12)
)
joined = observations.map(lambda some: reduce(or_, some))


@pytest.mark.law
@settings(max_examples=scaled(500), deadline=None)
@given(observations, st.data())
def test_joining_is_commutative(some: list[ResourceState], data: st.DataObject) -> None:
    assert reduce(or_, data.draw(st.permutations(some))) == reduce(or_, some)


@pytest.mark.law
@settings(max_examples=scaled(500), deadline=None)
@given(observations, st.data())
def test_joining_is_associative(some: list[ResourceState], data: st.DataObject) -> None:
    cut = data.draw(st.integers(1, len(some) - 1))

    assert reduce(or_, some[:cut]) | reduce(or_, some[cut:]) == reduce(or_, some)


@pytest.mark.law
@settings(max_examples=scaled(300), deadline=None)
@given(observations)
def test_joining_is_idempotent(some: list[ResourceState]) -> None:
    known = reduce(or_, some)

    assert known | known == known
    assert [known | one for one in some] == [known] * len(some)


@pytest.mark.law
@settings(max_examples=scaled(300), deadline=None)
@given(joined)
def test_what_is_known_is_read_as_it_was_written(known: ResourceState) -> None:
    assert decode(encode(known)) == known
    assert decode(encode(decode(encode(known)))) == known


@pytest.mark.law
@settings(max_examples=scaled(300), deadline=None)
@given(observations, st.data())
def test_reading_what_was_written_between_joins_changes_nothing(some: list[ResourceState], data: st.DataObject) -> None:
    expected = reduce(or_, some)

    kept = some[0]
    for one in some[1:]:
        kept = decode(encode(kept)) | one if data.draw(st.booleans()) else kept | one

    assert kept == expected
    assert incarnations(kept) == incarnations(expected)


@pytest.mark.parametrize("name", [*sorted(samples()), "no time of its own"])
def test_the_same_event_in_another_spelling_is_the_same_event(name: str) -> None:
    untimed = event(
        "Model Package State Change",
        {
            "ModelPackageArn": f"{PARTITION}model-package/group/1",
            "InferenceSpecification": {
                "Containers": [{"ModelDataUrl": "s3://bucket/model.tar.gz", "Image": "image:1"}]
            },
        },
    )
    body = samples().get(name, untimed)
    respelled = json.dumps(json.loads(body), sort_keys=True, indent=1).encode()

    for ours, theirs in zip(observed(body), observed(respelled), strict=True):
        assert ours | theirs == theirs | ours
