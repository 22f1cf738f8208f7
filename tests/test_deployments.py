"""Deployments are spans of time: one for each time that a configuration was behind an endpoint."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from itertools import pairwise
from operator import or_
from random import Random
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.observe import observe
from consumers.resources.deployments import Deployment, deployments
from consumers.resources.endpoint import TYPE
from ingest.event import decode
from tests.support.events import NOON, PARTITION, call, event

MINUTE = 60_000


class Update(NamedTuple):
    """An update of an endpoint: to which configuration, whether it took over, and whether the call is recorded."""

    config: str
    took_over: bool
    recorded: bool


updates = st.lists(st.builds(Update, st.sampled_from(["One", "Two", "Three"]), st.booleans(), st.booleans()))


@pytest.mark.law
@given(updates, st.randoms())
def test_each_time_that_a_configuration_served_is_a_deployment(history: list[Update], chance: Random) -> None:
    bodies, expected = endpoint_of(history)
    chance.shuffle(bodies)

    assert spans(bodies) == expected


@pytest.mark.law
@given(updates.filter(bool))
def test_one_deployment_at_a_time_took_over_and_none_is_left_out(history: list[Update]) -> None:
    bodies, _ = endpoint_of(history)
    served = [one for one in spans(bodies) if one.status == "Completed"]

    assert served[0].since == NOON
    assert served[-1].until is None
    assert all(before.until and after.since <= before.until for before, after in pairwise(served))


def test_what_took_over_without_a_word_is_known_from_the_next_update() -> None:
    bodies = [reported("IN_SERVICE", "One", NOON), requested("Two", NOON + MINUTE), requested("One", NOON + 9 * MINUTE)]

    assert spans(bodies) == [
        Deployment("One", NOON, NOON + MINUTE, "Completed"),
        Deployment("Two", NOON + MINUTE, None, "Completed"),
        Deployment("One", NOON + 9 * MINUTE, None, "InProgress", first=False),
    ]


def test_an_update_to_a_third_configuration_shows_that_the_one_before_was_rolled_back() -> None:
    bodies = [
        reported("IN_SERVICE", "One", NOON),
        requested("Two", NOON + MINUTE),
        requested("Three", NOON + 9 * MINUTE),
        reported("UPDATING", "One", NOON + 10 * MINUTE, "Three"),
    ]

    assert spans(bodies) == [
        Deployment("One", NOON, None, "Completed"),
        Deployment("Two", NOON + MINUTE, NOON + 9 * MINUTE, "Stopped"),
        Deployment("Three", NOON + 9 * MINUTE, None, "InProgress"),
    ]


def test_an_update_whose_end_leaves_the_configuration_out_took_over_if_that_is_reported_later() -> None:
    bodies = [
        reported("IN_SERVICE", "One", NOON),
        reported("UPDATING", "One", NOON + MINUTE, "Two"),
        reported("IN_SERVICE", None, NOON + 2 * MINUTE),
        reported("IN_SERVICE", "Two", NOON + 3 * MINUTE),
    ]

    assert spans(bodies) == [
        Deployment("One", NOON, NOON + 2 * MINUTE, "Completed"),
        Deployment("Two", NOON + MINUTE, None, "Completed"),
    ]


def test_an_endpoint_known_since_an_update_was_made_with_something_else() -> None:
    bodies = [requested("Two", NOON + MINUTE), reported("IN_SERVICE", "Two", NOON + 2 * MINUTE)]

    assert spans(bodies) == [Deployment("Two", NOON + MINUTE, None, "Completed")]


def test_the_configuration_that_an_endpoint_is_being_made_with_is_no_update() -> None:
    bodies = [reported("CREATING", None, NOON, "One"), reported("IN_SERVICE", "One", NOON + MINUTE)]

    assert spans(bodies) == [Deployment("One", NOON, None, "Completed")]


def spans(bodies: Sequence[bytes]) -> list[Deployment]:
    """The deployments of the one endpoint that these events are about."""
    state = reduce(or_, (known for body in bodies for known in observe(decode(body))))
    [endpoint] = TYPE.resources(state)
    return deployments(endpoint, endpoint.detail.endpoint_status)


def endpoint_of(history: Sequence[Update]) -> tuple[list[bytes], list[Deployment]]:
    """All events of an endpoint that is updated so, an hour between updates, and its deployments."""
    bodies = [reported("IN_SERVICE", "One", NOON)]
    found = [Deployment("One", NOON, None, "Completed")]
    serving = 0
    for hour, update in enumerate(history, start=1):
        time, now = NOON + hour * 60 * MINUTE, found[serving].config
        if update.recorded:
            bodies.append(requested(update.config, time))
        begun, over = time + MINUTE, time + 3 * MINUTE
        bodies.append(reported("UPDATING", now, begun, update.config))
        if not update.took_over:
            bodies.append(reported("ROLLING_BACK", now, begun + MINUTE, update.config))
        bodies.append(reported("IN_SERVICE", update.config if update.took_over else now, over))
        first = all(one.config != update.config for one in found)
        since = time if update.recorded else begun
        until, status = (None, "Completed") if update.took_over else (over, "Stopped")
        found.append(Deployment(update.config, since, until, status, first))
        if update.took_over:
            before = found[serving]
            found[serving] = Deployment(before.config, before.since, over, "Completed", before.first)
            serving = len(found) - 1
    return bodies, found


def reported(status: str, config: str | None, time: int, coming: str | None = None) -> bytes:
    """A state change of the endpoint."""
    detail = {
        "EndpointName": "Shop",
        "EndpointArn": f"{PARTITION}endpoint/shop",
        "EndpointStatus": status,
        "EndpointConfigName": config,
        "CreationTime": NOON,
        "LastModifiedTime": time,
        "PendingDeploymentSummary": {"EndpointConfigName": coming} if coming else None,
    }
    return event("Endpoint State Change", detail, time=time)


def requested(config: str, time: int) -> bytes:
    """A recorded request to update the endpoint."""
    return call("UpdateEndpoint", {"endpointName": "Shop", "endpointConfigName": config}, time=time)
