"""Whatever a message holds, it is observed or it is a dead letter: nothing that stands in a message stops a worker."""

from __future__ import annotations

import copy
import dataclasses
import json
from functools import cache, reduce
from operator import getitem
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumers import handle as handling
from consumers.handle import OUR_FAULT, handle, observe_batch
from consumers.kind import TRANSFORM_JOB
from consumers.observe import client_calls
from consumers.observe.detail_types import CLIENT_CALL, CLOUDTRAIL_CALL, DESCRIPTION
from consumers.resource_session import check_readable
from consumers.resources import EVENTS, RESOURCE_TYPES
from consumers.run.forward import message
from consumers.state import Incarnation, ResourceState
from ingest.delivery import Delivery
from ingest.event import Event
from store.database import Store
from store.ledger import events as ledger
from tests.support.events import ACCOUNT, NOON, PARTITION, REGION, case_events, samples
from tests.support.laws import scaled

Json = Any

ARTIFACT = f"{PARTITION}artifact/0123456789abcdef0123456789abcdef"
COMPONENT = f"{PARTITION}experiment-trial-component/c"
NAMED: dict[str, Json] = {
    "Artifact": {"ArtifactArn": ARTIFACT, "ArtifactType": "DataSet", "Source": {"SourceUri": "s3://b/k"}},
    "Context": {"ContextName": "c", "ContextArn": f"{PARTITION}context/c", "Source": {"SourceUri": "s3://b/k"}},
    "Action": {"ActionName": "a", "ActionArn": f"{PARTITION}action/a", "Source": {"SourceUri": "s3://b/k"}},
    "Experiment": {"ExperimentName": "e", "ExperimentArn": f"{PARTITION}experiment/e"},
    "Trial": {"TrialName": "t", "TrialArn": f"{PARTITION}experiment-trial/t", "ExperimentName": "e"},
    "TrialComponent": {
        "TrialComponentName": "c",
        "TrialComponentArn": COMPONENT,
        "Parameters": {"p": {"StringValue": "v"}},
    },
}
OTHERS: dict[str, Json] = {
    "AddAssociation": {"SourceArn": ARTIFACT, "DestinationArn": COMPONENT, "AssociationType": "ContributedTo",
                       "ArtifactSources": {ARTIFACT: {"SourceUri": "s3://b/k"}}},
    "DeleteAssociation": {"SourceArn": ARTIFACT, "DestinationArn": COMPONENT},
    "AssociateTrialComponent": {"TrialComponentName": "c", "TrialName": "t"},
    "DisassociateTrialComponent": {"TrialComponentName": "c", "TrialName": "t"},
    "AddTags": {"ResourceArn": ARTIFACT, "Tags": [{"Key": "k", "Value": "v"}]},
    "DeleteTags": {"ResourceArn": ARTIFACT, "TagKeys": ["k"]},
    "BatchPutMetrics": {"TrialComponentName": "c", "Put": NOON * 1000, "CreationTime": NOON,
                        "MetricData": [{"MetricName": "m", "Timestamp": NOON, "Value": 0.5, "Step": 1}]},
}  # fmt: skip
CLIENT_CALLS: dict[str, Json] = OTHERS | {
    f"{verb}{name}": fields for verb in ("Create", "Update", "Delete") for name, fields in NAMED.items()
}


def client_call(operation: str, resources: list[str]) -> bytes:
    """What is kept of a call that a client made over our API."""
    detail = {"Operation": operation, "Request": CLIENT_CALLS[operation], "Time": NOON, "By": "arn:aws:iam::1:user/me"}
    return json.dumps(
        {"version": "0", "detail-type": "Headwater Call", "source": "headwater", "account": ACCOUNT, "time": NOON,
         "region": REGION, "resources": resources, "detail": detail}
    ).encode()  # fmt: skip


def about(operation: str) -> str:
    fields = CLIENT_CALLS[operation]
    return (
        COMPONENT
        if operation == "BatchPutMetrics"
        else next((v for k, v in fields.items() if k.endswith("Arn")), COMPONENT)
    )


@cache
def by_kind() -> dict[str, list[Json]]:
    """Real messages of every kind that is observed, by what they are counted as."""
    cases = [path.parent.name for path in (Path(__file__).parent / "cases").glob("*/events.jsonl")]
    bodies = [*samples().values(), *(body for name in sorted(cases) for body in case_events(name))]
    bodies += [client_call(operation, [about(operation)]) for operation in CLIENT_CALLS]
    found: dict[str, list[Json]] = {}
    for body in bodies:
        for one in observe_batch([Delivery(body)]).events:
            found.setdefault(one.kind, []).append(json.loads(body))
    return found


def paths(value: Json, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where each value in a message is."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [found for key, one in inner for found in ((*at, key), *paths(one, (*at, key)))]


scalars = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
    | st.sampled_from([10**400, -1, 0, 2**63, 1e308, "", ":", "arn:", "arn:aws:sagemaker:::", "arn:aws:s3:::b", "s3://",
                       COMPONENT, ARTIFACT, f"{PARTITION}model-package/g/x", f"{PARTITION}pipeline/p/execution/", "[",
                       "2024-13-45T99:99:99Z", "9" * 30, "\ud800", "x" * 3000])
)  # fmt: skip
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)


@st.composite
def spoiled(draw: st.DrawFn) -> bytes:
    """A real message of any kind, with one to three of its values changed, exchanged, doubled or taken out."""
    kind = draw(st.sampled_from(sorted(by_kind())))
    event = copy.deepcopy(draw(st.sampled_from(by_kind()[kind])))
    for _ in range(draw(st.integers(1, 3))):
        if not (there := paths(event)):
            break
        *path, last = draw(st.sampled_from(there))
        inside = reduce(getitem, path, event)
        original = copy.deepcopy(event)
        match draw(st.sampled_from(["change", "change", "remove", "wrap", "copy from elsewhere"])):
            case "change":
                inside[last] = draw(values)
            case "remove":
                del inside[last]
            case "wrap":
                inside[last] = draw(st.sampled_from([[inside[last]], {"x": inside[last]}, [inside[last]] * 2]))
            case _:
                inside[last] = copy.deepcopy(reduce(getitem, draw(st.sampled_from(there)), original))
    return json.dumps(event).encode()


def test_every_way_in_and_every_kind_of_event_has_a_message_to_spoil() -> None:
    assert EVENTS.keys() - by_kind().keys() == set()
    assert {f"{CLIENT_CALL}: {operation}" for operation in client_calls.CLIENT_CALLS} - by_kind().keys() == set()
    assert len([kind for kind in by_kind() if kind.startswith(CLOUDTRAIL_CALL)]) > 40
    assert len([kind for kind in by_kind() if kind.startswith(DESCRIPTION)]) > 20


@pytest.mark.law
@settings(max_examples=scaled(300))
@given(spoiled())
def test_a_spoiled_message_is_observed_or_malformed_and_no_fault_of_ours(body: bytes) -> None:
    observed = observe_batch([Delivery(body)])
    assert len(observed.events) + len(observed.dead) == 1
    assert [why for _, why in observed.dead if OUR_FAULT in why] == []
    for state in observed.states.values():
        check_readable(state)
    message(Delivery(body))


@pytest.mark.parametrize("operation", CLIENT_CALLS)
def test_a_call_of_a_client_that_names_no_resource_stops_nobody(operation: str, store: Store) -> None:
    settlement = handle([Delivery(client_call(operation, [])), *map(Delivery, case_events("abalone"))], store)
    assert settlement.events + len(settlement.dead) == 1 + len(case_events("abalone"))
    assert message(Delivery(client_call(operation, []))).value == client_call(operation, [])


@pytest.mark.parametrize("failure", [IndexError("list index out of range"), RecursionError("too deep"), KeyError("x")])
def test_whatever_is_raised_while_an_event_is_observed_it_is_a_dead_letter_with_its_reason(
    failure: Exception, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, bad = case_events("abalone")[:2]

    def observe(event: Event) -> tuple[()]:
        if event.body == bad:
            raise failure
        return ()

    monkeypatch.setattr(handling, "observe", observe)
    settlement = handle([Delivery(good), Delivery(bad, "here")], store)
    [letter] = ledger.dead_letters(store)
    assert (settlement.events, letter.body, letter.origin) == (1, bad, "here")
    assert letter.reason.startswith(f"{OUR_FAULT} ({type(failure).__name__}: ")
    assert message(Delivery(bad)).value == bad


def test_an_event_whose_own_observations_cannot_be_joined_is_a_dead_letter(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, bad = case_events("abalone")[:2]

    def observe(event: Event) -> tuple[ResourceState, ...]:
        changes: list[Any] = [((1, ("a",)),), ((1, (None,)),)]  # values that cannot be sorted
        states = [ResourceState(TRANSFORM_JOB, "arn", 1, {1: Incarnation({}, one)}) for one in changes]
        return tuple(states) if event.body == bad else ()

    monkeypatch.setattr(handling, "observe", observe)
    settlement = handle([Delivery(good), Delivery(bad)], store)
    [(delivery, reason)] = settlement.dead
    assert (settlement.events, delivery.body) == (1, bad)
    assert reason.startswith(f"{OUR_FAULT} (TypeError: ")
    assert message(Delivery(bad)).value == bad


def fail(_: object) -> tuple[()]:
    raise KeyError("a bug")


@pytest.mark.parametrize(
    "change", [{"references": fail}, {"name_field": None}], ids=["references fail", "no field of its name"]
)
def test_an_event_that_its_resource_type_cannot_read_is_a_dead_letter_and_harms_no_other(
    change: dict[str, Any], store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    bodies = case_events("abalone")
    bad = [
        body for body in bodies if TRANSFORM_JOB in {s.kind for s in observe_batch([Delivery(body)]).states.values()}
    ]
    assert 0 < len(bad) < len(bodies)
    monkeypatch.setitem(RESOURCE_TYPES, TRANSFORM_JOB, dataclasses.replace(RESOURCE_TYPES[TRANSFORM_JOB], **change))
    settlement = handle([Delivery(body) for body in bodies], store)
    letters = ledger.dead_letters(store)
    assert sorted(letter.body for letter in letters) == sorted(bad)
    assert [letter.reason for letter in letters if not letter.reason.startswith(OUR_FAULT)] == []
    assert (settlement.events, len(settlement.dead)) == (len(bodies) - len(bad), len(bad))
    assert sorted([*ledger.events(store), *bad]) == sorted(bodies)


def test_a_process_without_memory_stops_and_buries_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def observe(event: Event) -> tuple[()]:
        raise MemoryError

    monkeypatch.setattr(handling, "observe", observe)
    with pytest.raises(MemoryError):
        handle([Delivery(case_events("abalone")[0])], store)
    assert ledger.dead_letters(store) == []
