"""Deployments are spans of time: one for each time that a configuration was behind an endpoint."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from itertools import pairwise
from operator import or_
from random import Random
from typing import NamedTuple

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from consumers.observe import observe
from consumers.resources.deployments import Deployment, deployments, end
from consumers.resources.endpoint import TYPE, Endpoint
from consumers.resources.types import Change, Resource
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


@pytest.mark.parametrize("current", [None, "One"])
def test_the_configuration_that_an_endpoint_is_being_made_with_is_no_update(current: str | None) -> None:
    bodies = [
        reported("CREATING", current, NOON + 1000, "One"),
        reported("IN_SERVICE", "One", NOON + MINUTE),
    ]

    assert spans(bodies) == [Deployment("One", NOON, None, "Completed")]


def test_an_update_of_the_system_is_no_deployment_and_leaves_the_one_under_way_alone() -> None:
    bodies = [
        reported("IN_SERVICE", "One", NOON),
        reported("SYSTEM_UPDATING", "One", NOON + MINUTE, "One"),
        reported("IN_SERVICE", "One", NOON + 2 * MINUTE),
        reported("UPDATING", "One", NOON + 3 * MINUTE, "Two"),
        reported("SYSTEM_UPDATING", "One", NOON + 4 * MINUTE),
        reported("IN_SERVICE", "Two", NOON + 5 * MINUTE),
    ]

    assert spans(bodies) == [
        Deployment("One", NOON, NOON + 5 * MINUTE, "Completed"),
        Deployment("Two", NOON + 3 * MINUTE, None, "Completed"),
    ]


def test_what_is_reported_to_run_before_its_update_is_over_is_one_deployment() -> None:
    bodies = [
        reported("IN_SERVICE", "One", NOON),
        reported("UPDATING", "One", NOON + MINUTE, "Two"),
        reported("UPDATING", "two", NOON + 2 * MINUTE, "Two"),
        reported("UPDATING", "Two", NOON + 3 * MINUTE, "TWO"),
        reported("IN_SERVICE", "Two", NOON + 4 * MINUTE),
    ]

    assert spans(bodies) == [
        Deployment("One", NOON, NOON + 2 * MINUTE, "Completed"),
        Deployment("Two", NOON + MINUTE, None, "Completed"),
    ]


@pytest.mark.parametrize("status", ["ROLLING_BACK", "UPDATE_ROLLBACK_FAILED", "FAILED"])
def test_the_same_configuration_deployed_again_and_rolled_back_did_not_take_over(status: str) -> None:
    bodies = [
        reported("IN_SERVICE", "One", NOON),
        reported("UPDATING", "One", NOON + MINUTE, "One"),
        reported(status, "One", NOON + 2 * MINUTE, "One"),
        reported("IN_SERVICE", "One", NOON + 3 * MINUTE),
    ]

    assert spans(bodies) == [
        Deployment("One", NOON, None, "Completed"),
        Deployment("One", NOON + MINUTE, NOON + 3 * MINUTE, "Stopped", first=False),
    ]


def test_an_update_that_only_a_report_announced_is_over_when_another_is_requested() -> None:
    bodies = [
        reported("IN_SERVICE", "One", NOON),
        reported("UPDATING", "One", NOON + MINUTE, "Two"),
        requested("Three", NOON + 9 * MINUTE),
    ]

    assert spans(bodies) == [
        Deployment("One", NOON, NOON + MINUTE, "Completed"),
        Deployment("Two", NOON + MINUTE, None, "Completed"),
        Deployment("Three", NOON + 9 * MINUTE, None, "InProgress"),
    ]


def test_a_requested_return_to_the_first_configuration_is_no_rollback() -> None:
    bodies = [
        reported("IN_SERVICE", "One", NOON),
        requested("Two", NOON + MINUTE),
        requested("One", NOON + 9 * MINUTE),
        reported("IN_SERVICE", "One", NOON + 10 * MINUTE),
    ]

    assert spans(bodies) == [
        Deployment("One", NOON, NOON + MINUTE, "Completed"),
        Deployment("Two", NOON + MINUTE, NOON + 10 * MINUTE, "Completed"),
        Deployment("One", NOON + 9 * MINUTE, None, "Completed", first=False),
    ]


def test_what_serves_once_it_was_requested_again_says_nothing_of_the_updates_before() -> None:
    bodies = [
        reported("IN_SERVICE", "One", NOON),
        requested("Two", NOON + MINUTE),
        requested("Three", NOON + 9 * MINUTE),
        requested("one", NOON + 18 * MINUTE),
        reported("IN_SERVICE", "One", NOON + 19 * MINUTE),
    ]

    assert spans(bodies) == [
        Deployment("One", NOON, NOON + MINUTE, "Completed"),
        Deployment("Two", NOON + MINUTE, NOON + 9 * MINUTE, "Completed"),
        Deployment("Three", NOON + 9 * MINUTE, NOON + 19 * MINUTE, "Completed"),
        Deployment("one", NOON + 18 * MINUTE, None, "Completed", first=False),
    ]


def test_updates_after_which_the_first_configuration_still_serves_were_all_rolled_back() -> None:
    bodies = [
        reported("IN_SERVICE", "One", NOON),
        requested("Two", NOON + MINUTE),
        requested("Three", NOON + 9 * MINUTE),
        requested("Four", NOON + 18 * MINUTE),
        reported("UPDATING", "One", NOON + 19 * MINUTE, "Four"),
    ]

    assert spans(bodies) == [
        Deployment("One", NOON, None, "Completed"),
        Deployment("Two", NOON + MINUTE, NOON + 9 * MINUTE, "Stopped"),
        Deployment("Three", NOON + 9 * MINUTE, NOON + 18 * MINUTE, "Stopped"),
        Deployment("Four", NOON + 18 * MINUTE, None, "InProgress"),
    ]


def test_what_took_over_silently_is_known_from_a_report_after_the_next_request() -> None:
    bodies = [
        reported("IN_SERVICE", "One", NOON),
        reported("UPDATING", "One", NOON + MINUTE, "Two"),
        reported("IN_SERVICE", None, NOON + 2 * MINUTE),
        requested("Three", NOON + 9 * MINUTE),
        reported("UPDATING", "Two", NOON + 10 * MINUTE, "Three"),
    ]

    assert spans(bodies) == [
        Deployment("One", NOON, NOON + 2 * MINUTE, "Completed"),
        Deployment("Two", NOON + MINUTE, None, "Completed"),
        Deployment("Three", NOON + 9 * MINUTE, None, "InProgress"),
    ]


def test_an_update_that_was_rolled_back_did_not_take_over_though_it_was_made_again_later() -> None:
    bodies = [
        reported("IN_SERVICE", "One", NOON),
        reported("UPDATING", "One", NOON + MINUTE, "Two"),
        reported("IN_SERVICE", "One", NOON + 2 * MINUTE),
        reported("IN_SERVICE", "Two", NOON + 9 * MINUTE),
    ]

    assert spans(bodies) == [
        Deployment("One", NOON, NOON + 9 * MINUTE, "Completed"),
        Deployment("Two", NOON + MINUTE, NOON + 2 * MINUTE, "Stopped"),
        Deployment("Two", NOON + 9 * MINUTE, None, "Completed", first=False),
    ]


@pytest.mark.parametrize(
    ("bodies", "ended"),
    [
        ([], None),
        ([("DELETING", 2), ("DELETING", 3)], 2),
        ([("delete", 2), ("DELETING", 3)], 2),
        ([("DELETING", 2), ("FAILED", 3)], None),
        ([("delete", 2), ("IN_SERVICE", 3)], None),
        ([("DELETING", 2), ("FAILED", 3), ("delete", 4)], 4),
    ],
)
def test_an_endpoint_ended_when_its_deletion_began_unless_that_failed(
    bodies: list[tuple[str, int]], ended: int | None
) -> None:
    found = endpoint(
        [
            reported("IN_SERVICE", "One", NOON),
            *(
                call("DeleteEndpoint", {"endpointName": "Shop"}, time=NOON + minute * MINUTE)
                if what == "delete"
                else reported(what, "One", NOON + minute * MINUTE)
                for what, minute in bodies
            ),
        ]
    )

    assert end(found) == (NOON + ended * MINUTE if ended else None)


configs = st.sampled_from(["", "One", "one", "Two", "Three"])
statuses = st.sampled_from(["", "Updating", "SystemUpdating", "InService", "RollingBack", "Failed", "Deleting"])
changes = st.lists(st.builds(Change, st.integers(NOON - 5, NOON + 20), st.tuples(configs, configs, statuses)))


@pytest.mark.law
@example([Change(NOON, ("One", "", "Deleting")), Change(NOON + 1, ("Two", "", "Deleting"))])
@given(changes)
def test_in_any_history_a_deployment_ends_after_it_began_and_at_most_one_serves(history: list[Change]) -> None:
    plain = endpoint([reported("IN_SERVICE", "One", NOON)])
    found = deployments(
        msgspec.structs.replace(plain, changes=tuple(sorted(history, key=lambda change: change.time))), "InService"
    )
    keys = [(one.since, one.config.lower()) for one in found]

    assert keys == sorted(set(keys))
    assert all(one.until is None or one.since <= one.until for one in found)
    assert [one.first for one in found] == [
        key[1] not in {config for _, config in keys[:at]} for at, key in enumerate(keys)
    ]
    assert sum(one.until is None and one.status == "Completed" for one in found) <= 1


def endpoint(bodies: Sequence[bytes]) -> Resource[Endpoint]:
    """The one endpoint that these events are about."""
    state = reduce(or_, (known for body in bodies for known in observe(decode(body))))
    [found] = TYPE.resources(state)
    return found


def spans(bodies: Sequence[bytes]) -> list[Deployment]:
    """The deployments of the one endpoint that these events are about."""
    found = endpoint(bodies)
    return deployments(found, found.detail.endpoint_status)


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
