"""Laws of writes over the API: the ledger restores all of them, and the last one wins."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.api import serializer, service_model, validator
from consumers.api.client_writes import ClientWriter
from consumers.api.errors import Refusal
from consumers.api.operations import OPERATIONS
from consumers.api.request import Request
from consumers.api.resource_views import Descriptions
from consumers.api.service import Service
from store.database import Store
from store.digest import canonical, digest
from store.ledger import events as ledger
from store.lineage import artifact
from tests.support.events import ACCOUNT, NOON, PARTITION, REGION
from tests.support.laws import examples
from tests.support.stores import emptied, settlements, sqlite_store
from tests.support.worlds import worlds

Write = tuple[str, dict[str, Any]]
"""An operation and its input."""


class Requests(NamedTuple):
    """Requests of an operation."""

    operation: str
    some: st.SearchStrategy[Write]


def do(service: Service, operation: str, members: dict[str, Any]) -> Any:
    """Run an operation for a client.

    Raises:
        Refusal: It is not granted.
    """
    checked = validator.checked(service_model.operation(operation).input_shape, members)
    return OPERATIONS[operation].run(
        service, Request(operation, checked, REGION, ACCOUNT, PARTITION, "arn:aws:iam::1:user/ada")
    )


class Clock:
    """A clock that goes on by these steps, in milliseconds, over and over."""

    def __init__(self, steps: Sequence[int]) -> None:
        self._steps = itertools.cycle(steps)
        self._time = NOON + 4_000_000

    def __call__(self) -> int:
        self._time += next(self._steps)
        return self._time


@contextmanager
def writing(store: Store, steps: Sequence[int] = (1,)) -> Iterator[Service]:
    """What operations work with."""
    with closing(ClientWriter(store, Clock(steps))) as writer:
        yield Service(store, writer, Descriptions(store))


def requests_of(name: str, **members: st.SearchStrategy[Any]) -> Requests:
    """Requests of an operation; members that are None are left out."""
    some = st.fixed_dictionaries(members).map(lambda all_: {key: one for key, one in all_.items() if one is not None})
    return Requests(name, some.map(lambda members: (name, members)))


# Few names of few types at a time, so that entities are created again, in another case, linked and deleted.
contexts, actions = st.sampled_from(["One", "oNE"]), st.just("check")
experiments, trials = st.sampled_from(["churn", "Churn"]), st.just("Monday")
components = st.sampled_from(["By-Hand", "by-hand"])
jobs = st.sampled_from(["Job-1-aws-training-job", "job-1-aws-training-job"])
texts = st.none() | st.sampled_from(["a", "b"])
values = st.sampled_from(["1", "2"])
tags = st.sampled_from([None, [{"Key": "team", "Value": "x"}], [{"Key": "cost", "Value": "4"}]])
properties: st.SearchStrategy[Any] = st.none() | st.just({}) | st.dictionaries(st.sampled_from(["a", "B"]), values)
removed = st.none() | st.lists(st.sampled_from(["a", "B"]), max_size=2)
uris = st.sampled_from(["s3://bucket/train", "s3://bucket/train", "s3://bucket/mine"])  # the former of jobs, too
source = uris.map(lambda uri: {"SourceUri": uri})
versions = st.sampled_from([None, None, [{"SourceIdType": "Custom", "Value": "1"}]])
artifact_arns = uris.map(lambda uri: artifact(PARTITION, "", uri, 0).arn)
parameters = st.none() | st.dictionaries(
    st.sampled_from(["eta", "mode"]), st.sampled_from([{"NumberValue": 0.5}, {"StringValue": "x"}]), max_size=2
)
places = st.none() | st.dictionaries(st.sampled_from(["in", "out"]), uris.map(lambda uri: {"Value": uri}), max_size=2)
states = st.none() | st.sampled_from(
    [{"PrimaryStatus": "InProgress", "Message": "within"}, {"PrimaryStatus": "Completed"}]
)
metric_data = st.lists(
    st.fixed_dictionaries(
        {
            "MetricName": st.sampled_from(["loss", "Loss"]),
            "Timestamp": st.sampled_from([NOON / 1000, NOON / 1000 + 1]),
            "Value": st.sampled_from([0.25, 0.5]),
        },
        optional={"Step": st.integers(0, 1)},
    ),
    min_size=1,
    max_size=3,
)


def named(
    entity_type: str, names: st.SearchStrategy[str], made: dict[str, Any], changed: dict[str, Any]
) -> tuple[Requests, ...]:
    """Creations, changes and deletions of a type of entity that has a name."""
    name = {f"{entity_type}Name": names}
    return (
        requests_of(f"Create{entity_type}", **name, **made, Tags=tags),
        requests_of(f"Update{entity_type}", **name, **changed),
        requests_of(f"Delete{entity_type}", **name),
    )


def linked(*ends: st.SearchStrategy[str]) -> tuple[Requests, ...]:
    """Associations between these, which come and go."""
    both = {"SourceArn": st.one_of(ends), "DestinationArn": st.one_of(ends)}
    return (
        requests_of("AddAssociation", **both, AssociationType=st.sampled_from([None, "Produced"])),
        requests_of("DeleteAssociation", **both),
    )


def tagged(*ends: st.SearchStrategy[str]) -> tuple[Requests, ...]:
    """Tags of these, which come and go."""
    return (
        requests_of("AddTags", ResourceArn=st.one_of(ends), Tags=tags.filter(bool)),
        requests_of("DeleteTags", ResourceArn=st.one_of(ends), TagKeys=st.just(["team"])),
    )


def arns(part: str, names: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return names.map(lambda name: f"{PARTITION}{part}/{name}")


def component_writes(names: st.SearchStrategy[str]) -> tuple[Requests, ...]:
    return (
        *named(
            "TrialComponent",
            names,
            {"Parameters": parameters, "Status": states, "InputArtifacts": places},
            {
                "DisplayName": texts,
                "Parameters": parameters,
                "ParametersToRemove": st.none() | st.just(["eta"]),
                "OutputArtifacts": places,
                "OutputArtifactsToRemove": st.none() | st.just(["out"]),
                "Status": states,
            },
        ),
        requests_of("BatchPutMetrics", TrialComponentName=names.map(str.lower), MetricData=metric_data),
    )


artifact_writes = (
    requests_of(
        "CreateArtifact",
        Source=st.builds(lambda one, types: one | ({"SourceTypes": types} if types else {}), source, versions),
        ArtifactType=st.sampled_from(["Mine", "Model"]),
        Properties=properties,
        Tags=tags,
    ),
    requests_of(
        "UpdateArtifact",
        ArtifactArn=artifact_arns,
        ArtifactName=texts,
        Properties=properties,
        PropertiesToRemove=removed,
    ),
    requests_of("DeleteArtifact", ArtifactArn=artifact_arns),
)
context_writes = named(
    "Context",
    contexts,
    {"ContextType": st.just("Project"), "Source": source, "Properties": properties},
    {"Description": texts, "Properties": properties, "PropertiesToRemove": removed},
)
action_writes = named(
    "Action",
    actions,
    {"ActionType": st.just("Check"), "Source": source, "Status": st.just("InProgress")},
    {"Status": st.sampled_from(["Completed", "Failed"]), "Properties": properties},
)
trial_writes = named("Trial", trials, {"ExperimentName": experiments}, {"DisplayName": texts})
inside = (
    requests_of("AssociateTrialComponent", TrialName=trials, TrialComponentName=components),
    requests_of("DisassociateTrialComponent", TrialName=trials, TrialComponentName=components),
)
worlds_of_writes = (
    (*artifact_writes, *tagged(artifact_arns)),
    (*context_writes, *tagged(arns("context", contexts))),
    (*context_writes, *action_writes, *linked(arns("context", contexts), arns("action", actions))),
    (*component_writes(components), *tagged(arns("experiment-trial-component", components))),
    (
        *component_writes(components),
        *artifact_writes,
        *linked(artifact_arns, arns("experiment-trial-component", components)),
    ),
    (
        *component_writes(jobs),
        *artifact_writes,
        *linked(artifact_arns, arns("experiment-trial-component", jobs)),
        *tagged(arns("experiment-trial-component", jobs), arns("training-job", st.just("job-1"))),
    ),
    (
        *named("Experiment", experiments, {"Description": texts}, {"DisplayName": texts}),
        *trial_writes,
        requests_of("CreateTrialComponent", TrialComponentName=components),
        requests_of("DeleteTrialComponent", TrialComponentName=components),
        *inside,
    ),
)


def some_of(these: tuple[Requests, ...]) -> st.SearchStrategy[list[Write]]:
    """One entity of each type is created, and then any requests follow."""
    made = st.tuples(*(one.some for one in these if one.operation.startswith("Create")))
    then = st.lists(st.one_of([one.some for one in these]), max_size=15)
    return st.tuples(made, then).map(lambda both: [*both[0], *both[1]])


writes = st.sampled_from(worlds_of_writes).flatmap(some_of)
steps = st.lists(st.sampled_from([0, 0, 1, 300, 1000]), min_size=1, max_size=5).filter(any) | st.just([0])


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store to bring back in what another one has."""
    store = sqlite_store(tmp_path_factory.mktemp("elsewhere") / "store.db")
    yield store
    store.close()


def tried(service: Service, writes: Sequence[Write]) -> int:
    """Run writes; returns how many succeeded."""
    granted = 0
    for operation, members in writes:
        try:
            do(service, operation, members)
            granted += 1
        except Refusal:
            pass
    return granted


def brought_back(store: Store, bodies: Sequence[bytes], batches: Sequence[int] = ()) -> str:
    """What a store has after these events in batches of these sizes."""
    emptied(store)
    left = list(bodies)
    for size in (*batches, len(left)):
        batch, left = left[:size], left[size:]
        assert all(settled.failed == 0 and not settled.dead for settled in settlements(store, batch))
    return canonical(store)


@pytest.mark.law
def test_the_ledger_brings_back_in_any_order_all_that_clients_wrote(
    store: Store, backend: str, elsewhere: Store
) -> None:
    @examples(16, 4, backend)
    @given(writes, steps, st.data())
    def law(writes: list[Write], pace: list[int], data: st.DataObject) -> None:
        emptied(store)
        with writing(store, pace) as service:
            granted = tried(service, writes)
        events = list(ledger.events(store))
        assert len(events) <= granted
        expected = canonical(store)
        assert brought_back(elsewhere, *data.draw(disturbed_exactly(events))) == expected
        assert brought_back(store, events) == expected

    law()


@st.composite
def disturbed_exactly(draw: st.DrawFn, events: Sequence[bytes]) -> tuple[list[bytes], list[int]]:
    """The same events in another order, some of them delivered again, and sizes of batches."""
    redelivered = draw(st.lists(st.sampled_from(events), max_size=5)) if events else []
    return draw(st.permutations([*events, *redelivered])), draw(st.lists(st.integers(1, 20), max_size=8))


@pytest.mark.law
def test_so_it_does_among_events_of_jobs(store: Store, backend: str, elsewhere: Store) -> None:
    @examples(12, 3, backend)
    @given(worlds, writes, writes, st.data())
    def law(world: list[bytes], first: list[Write], then: list[Write], data: st.DataObject) -> None:
        emptied(store)
        with writing(store, (0, 1)) as service:
            tried(service, first)
            settlements(store, world)
            tried(service, then)
        events = list(ledger.events(store))
        expected = canonical(store)
        assert brought_back(elsewhere, *data.draw(disturbed_exactly(events))) == expected

    law()


# ------------------------------------------------------------------------------------------------------ a plain model


class Thing:
    """An entity that a client created."""

    def __init__(self, entity_type: str, members: dict[str, Any]) -> None:
        self.entity_type = entity_type
        self.members = {name: one for name, one in members.items() if name not in ("Tags", *MAPS)}
        self.maps: dict[str, dict[str, Any]] = {name: dict(members.get(name, {})) for name in MAPS}
        self.tags = {tag["Key"]: tag["Value"] for tag in members.get("Tags", ())}
        self.points: Counter[str] = Counter()

    def change(self, members: dict[str, Any]) -> None:
        """Change it as an update does."""
        for name, one in members.items():
            if name in MAPS:
                self.maps[name] |= one
            elif not name.endswith("ToRemove") and name not in (f"{self.entity_type}Name", f"{self.entity_type}Arn"):
                self.members[name] = one
        for name, kept in self.maps.items():
            for key in members.get(f"{name}ToRemove", ()):
                kept.pop(key, None)


MAPS = ("Properties", "Parameters", "InputArtifacts", "OutputArtifacts")
PARTS = {
    "Context": "context",
    "Action": "action",
    "Experiment": "experiment",
    "Trial": "experiment-trial",
    "TrialComponent": "experiment-trial-component",
}


class Plain:
    """What clients wrote, in memory: what the server has to say of it."""

    def __init__(self) -> None:
        self.things: dict[str, Thing] = {}
        self.links: dict[tuple[str, str], str] = {}
        self.inside: set[tuple[str, str]] = set()

    def do(self, operation: str, members: dict[str, Any]) -> bool:
        """Do what a request says; False if it must be refused."""
        for verb in ("Create", "Update", "Delete"):
            entity_type = operation.removeprefix(verb)
            if entity_type != operation and (entity_type in PARTS or entity_type == "Artifact"):
                return bool(getattr(self, verb.lower())(entity_type, members))
        return bool(getattr(self, operation.lower())(members))

    def key(self, entity_type: str, members: dict[str, Any]) -> str:
        if entity_type != "Artifact":
            return f"{PARTITION}{PARTS[entity_type]}/{members[f'{entity_type}Name']}".lower()
        if "ArtifactArn" in members:
            return str(members["ArtifactArn"])
        types = tuple((one["SourceIdType"], one["Value"]) for one in members["Source"].get("SourceTypes", ()))
        return artifact(PARTITION, "", members["Source"]["SourceUri"], 0, source_types=types).arn

    def create(self, entity_type: str, members: dict[str, Any]) -> bool:
        key = self.key(entity_type, members)
        if key in self.things:
            return False
        if entity_type == "Artifact":
            for other in self.things.values():
                same = (
                    other.entity_type == entity_type
                    and other.members["Source"]["SourceUri"] == members["Source"]["SourceUri"]
                )
                if same and not ("SourceTypes" in other.members["Source"] and "SourceTypes" in members["Source"]):
                    return False
        if entity_type == "Trial":
            experiment = self.key("Experiment", members)
            if experiment not in self.things:
                return False
            self.inside.add((experiment, key))
        self.things[key] = Thing(entity_type, members)
        return True

    def update(self, entity_type: str, members: dict[str, Any]) -> bool:
        key = self.key(entity_type, members)
        if key in self.things:
            self.things[key].change(members)
        return key in self.things

    def delete(self, entity_type: str, members: dict[str, Any]) -> bool:
        key = self.key(entity_type, members)
        if key not in self.things:
            return False
        if entity_type in ("Experiment", "Trial") and any(parent == key for parent, _ in self.inside):
            return False
        if entity_type == "TrialComponent":
            if any(child == key for _, child in self.inside):
                return False
            self.links = {ends: type_ for ends, type_ in self.links.items() if key not in ends}
        if any(key in both for both in self.links):
            return False
        self.inside = {both for both in self.inside if key not in both}
        del self.things[key]
        return True

    def addassociation(self, members: dict[str, Any]) -> bool:
        both = (members["SourceArn"].lower(), members["DestinationArn"].lower())
        if not {*both} <= self.things.keys() or both in self.links:
            return False
        if all(self.things[end].entity_type == "TrialComponent" for end in both):
            return False
        self.links[both] = members.get("AssociationType", "AssociatedWith")
        return True

    def deleteassociation(self, members: dict[str, Any]) -> bool:
        return self.links.pop((members["SourceArn"].lower(), members["DestinationArn"].lower()), None) is not None

    def associatetrialcomponent(self, members: dict[str, Any]) -> bool:
        both = (self.key("Trial", members), self.key("TrialComponent", members))
        if {*both} <= self.things.keys():
            self.inside.add(both)
        return {*both} <= self.things.keys()

    def disassociatetrialcomponent(self, members: dict[str, Any]) -> bool:
        self.inside.discard((self.key("Trial", members), self.key("TrialComponent", members)))
        return True

    def batchputmetrics(self, members: dict[str, Any]) -> bool:
        thing = self.things.get(self.key("TrialComponent", members))
        if thing:
            thing.points.update(one["MetricName"] for one in members["MetricData"])
        return True  # the response says which of them were wrong

    def addtags(self, members: dict[str, Any]) -> bool:
        thing = self.things.get(members["ResourceArn"].lower())
        if thing:
            thing.tags |= {tag["Key"]: tag["Value"] for tag in members["Tags"]}
        return thing is not None

    def deletetags(self, members: dict[str, Any]) -> bool:
        thing = self.things.get(members["ResourceArn"].lower())
        for key in members["TagKeys"]:
            if thing:
                thing.tags.pop(key, None)
        return thing is not None


def said(service: Service, key: str, thing: Thing) -> dict[str, Any]:
    """An entity as the server describes it, with the members that clients have written."""
    members = (
        {"ArtifactArn": key}
        if thing.entity_type == "Artifact"
        else {f"{thing.entity_type}Name": key.rpartition("/")[2]}
    )
    response = do(service, f"Describe{thing.entity_type}", members)
    shaped = serializer.shaped(service_model.operation(f"Describe{thing.entity_type}").output_shape, response)
    members = {name: shaped.get(name) for name in thing.members}
    maps = {name: shaped.get(name, {}) for name in MAPS}
    points = {one["MetricName"]: one["Count"] for one in shaped.get("Metrics", ())}
    tags = {tag["Key"]: tag["Value"] for tag in do(service, "ListTags", {"ResourceArn": key})["Tags"]}
    return {**members, **maps, "points": points, "tags": tags}


@pytest.mark.law
def test_the_last_write_wins_however_fast_writes_follow_each_other(store: Store, backend: str) -> None:
    @examples(32, 5, backend)
    @given(writes, steps)
    def law(writes: list[Write], pace: list[int]) -> None:
        emptied(store)
        plain = Plain()
        with writing(store, pace) as service:
            for operation, members in writes:
                try:
                    do(service, operation, members)
                    granted = True
                except Refusal:
                    granted = False
                assert (operation, granted) == (operation, plain.do(operation, members))
            for key, thing in plain.things.items():
                expected = {**thing.members, **thing.maps, "points": dict(thing.points), "tags": thing.tags}
                assert said(service, key, thing) == expected
            listed = do(service, "ListAssociations", {"MaxResults": 100})["AssociationSummaries"]
            found = {
                (one["SourceArn"].lower(), one["DestinationArn"].lower()): one["AssociationType"] for one in listed
            }
            assert found == plain.links
        lines = digest(store)[1]
        assert lines.get("Membership", 0) == len(plain.inside)
        assert sum(lines.get(entity_type, 0) for entity_type in (*PARTS, "Artifact")) == len(plain.things)

    law()
