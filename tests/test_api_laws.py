"""Laws of what is written over the API: the ledger brings it all back, and what was told last holds."""

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
from tests.support.events import ACCOUNT, NOON, PARTITION, REGION, worlds
from tests.support.laws import examples
from tests.support.stores import emptied, settlements, sqlite_store

Write = tuple[str, dict[str, Any]]
"""An operation, and what it is asked with."""


class Requests(NamedTuple):
    """Requests of an operation."""

    operation: str
    some: st.SearchStrategy[Write]


def do(service: Service, operation: str, told: dict[str, Any]) -> Any:
    """Do what a client asks for.

    Raises:
        Refusal: It is not granted.
    """
    asked = validator.checked(service_model.operation(operation).input_shape, told)
    return OPERATIONS[operation].run(
        service, Request(operation, asked, REGION, ACCOUNT, PARTITION, "arn:aws:iam::1:user/ada")
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


def asked_for(name: str, **told: st.SearchStrategy[Any]) -> Requests:
    """Requests of an operation; what is None is left out."""
    some = st.fixed_dictionaries(told).map(lambda all_: {key: one for key, one in all_.items() if one is not None})
    return Requests(name, some.map(lambda asked: (name, asked)))


# Few names of few sorts at a time, so that what is made anew, in another case, or linked and deleted, meets itself.
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
    sort: str, names: st.SearchStrategy[str], made: dict[str, Any], changed: dict[str, Any]
) -> tuple[Requests, ...]:
    """Creations, changes and deletions of a sort of thing that has a name."""
    name = {f"{sort}Name": names}
    return (
        asked_for(f"Create{sort}", **name, **made, Tags=tags),
        asked_for(f"Update{sort}", **name, **changed),
        asked_for(f"Delete{sort}", **name),
    )


def linked(*ends: st.SearchStrategy[str]) -> tuple[Requests, ...]:
    """Associations between these, which come and go."""
    both = {"SourceArn": st.one_of(ends), "DestinationArn": st.one_of(ends)}
    return (
        asked_for("AddAssociation", **both, AssociationType=st.sampled_from([None, "Produced"])),
        asked_for("DeleteAssociation", **both),
    )


def tagged(*ends: st.SearchStrategy[str]) -> tuple[Requests, ...]:
    """Tags of these, which come and go."""
    return (
        asked_for("AddTags", ResourceArn=st.one_of(ends), Tags=tags.filter(bool)),
        asked_for("DeleteTags", ResourceArn=st.one_of(ends), TagKeys=st.just(["team"])),
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
        asked_for("BatchPutMetrics", TrialComponentName=names.map(str.lower), MetricData=metric_data),
    )


artifact_writes = (
    asked_for(
        "CreateArtifact",
        Source=st.builds(lambda one, types: one | ({"SourceTypes": types} if types else {}), source, versions),
        ArtifactType=st.sampled_from(["Mine", "Model"]),
        Properties=properties,
        Tags=tags,
    ),
    asked_for(
        "UpdateArtifact",
        ArtifactArn=artifact_arns,
        ArtifactName=texts,
        Properties=properties,
        PropertiesToRemove=removed,
    ),
    asked_for("DeleteArtifact", ArtifactArn=artifact_arns),
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
    asked_for("AssociateTrialComponent", TrialName=trials, TrialComponentName=components),
    asked_for("DisassociateTrialComponent", TrialName=trials, TrialComponentName=components),
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
        asked_for("CreateTrialComponent", TrialComponentName=components),
        asked_for("DeleteTrialComponent", TrialComponentName=components),
        *inside,
    ),
)


def some_of(these: tuple[Requests, ...]) -> st.SearchStrategy[list[Write]]:
    """One thing of each sort is made, and then anything asked for."""
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


def tried(service: Service, told: Sequence[Write]) -> int:
    """Do what is granted; how many of these were."""
    granted = 0
    for operation, asked in told:
        try:
            do(service, operation, asked)
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
    def law(told: list[Write], pace: list[int], data: st.DataObject) -> None:
        emptied(store)
        with writing(store, pace) as service:
            granted = tried(service, told)
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
    """What a client made."""

    def __init__(self, sort: str, asked: dict[str, Any]) -> None:
        self.sort = sort
        self.told = {name: one for name, one in asked.items() if name not in ("Tags", *MAPS)}
        self.maps: dict[str, dict[str, Any]] = {name: dict(asked.get(name, {})) for name in MAPS}
        self.tags = {tag["Key"]: tag["Value"] for tag in asked.get("Tags", ())}
        self.points: Counter[str] = Counter()

    def change(self, asked: dict[str, Any]) -> None:
        """Change it as an update asks for."""
        for name, one in asked.items():
            if name in MAPS:
                self.maps[name] |= one
            elif not name.endswith("ToRemove") and name not in (f"{self.sort}Name", f"{self.sort}Arn"):
                self.told[name] = one
        for name, kept in self.maps.items():
            for key in asked.get(f"{name}ToRemove", ()):
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

    def do(self, operation: str, asked: dict[str, Any]) -> bool:
        """Do what is asked for, or say that it has to be refused."""
        for verb in ("Create", "Update", "Delete"):
            sort = operation.removeprefix(verb)
            if sort != operation and (sort in PARTS or sort == "Artifact"):
                return bool(getattr(self, verb.lower())(sort, asked))
        return bool(getattr(self, operation.lower())(asked))

    def key(self, sort: str, asked: dict[str, Any]) -> str:
        if sort != "Artifact":
            return f"{PARTITION}{PARTS[sort]}/{asked[f'{sort}Name']}".lower()
        if "ArtifactArn" in asked:
            return str(asked["ArtifactArn"])
        types = tuple((one["SourceIdType"], one["Value"]) for one in asked["Source"].get("SourceTypes", ()))
        return artifact(PARTITION, "", asked["Source"]["SourceUri"], 0, source_types=types).arn

    def create(self, sort: str, asked: dict[str, Any]) -> bool:
        key = self.key(sort, asked)
        if key in self.things:
            return False
        if sort == "Artifact":
            for other in self.things.values():
                same = other.sort == sort and other.told["Source"]["SourceUri"] == asked["Source"]["SourceUri"]
                if same and not ("SourceTypes" in other.told["Source"] and "SourceTypes" in asked["Source"]):
                    return False
        if sort == "Trial":
            experiment = self.key("Experiment", asked)
            if experiment not in self.things:
                return False
            self.inside.add((experiment, key))
        self.things[key] = Thing(sort, asked)
        return True

    def update(self, sort: str, asked: dict[str, Any]) -> bool:
        key = self.key(sort, asked)
        if key in self.things:
            self.things[key].change(asked)
        return key in self.things

    def delete(self, sort: str, asked: dict[str, Any]) -> bool:
        key = self.key(sort, asked)
        if key not in self.things:
            return False
        if sort in ("Experiment", "Trial") and any(parent == key for parent, _ in self.inside):
            return False
        if sort == "TrialComponent":
            if any(child == key for _, child in self.inside):
                return False
            self.links = {ends: type_ for ends, type_ in self.links.items() if key not in ends}
        if any(key in both for both in self.links):
            return False
        self.inside = {both for both in self.inside if key not in both}
        del self.things[key]
        return True

    def addassociation(self, asked: dict[str, Any]) -> bool:
        both = (asked["SourceArn"].lower(), asked["DestinationArn"].lower())
        if not {*both} <= self.things.keys() or both in self.links:
            return False
        if all(self.things[end].sort == "TrialComponent" for end in both):
            return False
        self.links[both] = asked.get("AssociationType", "AssociatedWith")
        return True

    def deleteassociation(self, asked: dict[str, Any]) -> bool:
        return self.links.pop((asked["SourceArn"].lower(), asked["DestinationArn"].lower()), None) is not None

    def associatetrialcomponent(self, asked: dict[str, Any]) -> bool:
        both = (self.key("Trial", asked), self.key("TrialComponent", asked))
        if {*both} <= self.things.keys():
            self.inside.add(both)
        return {*both} <= self.things.keys()

    def disassociatetrialcomponent(self, asked: dict[str, Any]) -> bool:
        self.inside.discard((self.key("Trial", asked), self.key("TrialComponent", asked)))
        return True

    def batchputmetrics(self, asked: dict[str, Any]) -> bool:
        thing = self.things.get(self.key("TrialComponent", asked))
        if thing:
            thing.points.update(one["MetricName"] for one in asked["MetricData"])
        return True  # which of them were wrong is told in the answer

    def addtags(self, asked: dict[str, Any]) -> bool:
        thing = self.things.get(asked["ResourceArn"].lower())
        if thing:
            thing.tags |= {tag["Key"]: tag["Value"] for tag in asked["Tags"]}
        return thing is not None

    def deletetags(self, asked: dict[str, Any]) -> bool:
        thing = self.things.get(asked["ResourceArn"].lower())
        for key in asked["TagKeys"]:
            if thing:
                thing.tags.pop(key, None)
        return thing is not None


def said(service: Service, key: str, thing: Thing) -> dict[str, Any]:
    """What the server says of a thing, as far as a client told it."""
    asked = {"ArtifactArn": key} if thing.sort == "Artifact" else {f"{thing.sort}Name": key.rpartition("/")[2]}
    answer = do(service, f"Describe{thing.sort}", asked)
    shaped = serializer.shaped(service_model.operation(f"Describe{thing.sort}").output_shape, answer)
    told = {name: shaped.get(name) for name in thing.told}
    maps = {name: shaped.get(name, {}) for name in MAPS}
    points = {one["MetricName"]: one["Count"] for one in shaped.get("Metrics", ())}
    tags = {tag["Key"]: tag["Value"] for tag in do(service, "ListTags", {"ResourceArn": key})["Tags"]}
    return {**told, **maps, "points": points, "tags": tags}


@pytest.mark.law
def test_what_was_written_last_is_what_is_told_however_fast_it_came(store: Store, backend: str) -> None:
    @examples(32, 5, backend)
    @given(writes, steps)
    def law(told: list[Write], pace: list[int]) -> None:
        emptied(store)
        plain = Plain()
        with writing(store, pace) as service:
            for operation, asked in told:
                try:
                    do(service, operation, asked)
                    granted = True
                except Refusal:
                    granted = False
                assert (operation, granted) == (operation, plain.do(operation, asked))
            for key, thing in plain.things.items():
                expected = {**thing.told, **thing.maps, "points": dict(thing.points), "tags": thing.tags}
                assert said(service, key, thing) == expected
            listed = do(service, "ListAssociations", {"MaxResults": 100})["AssociationSummaries"]
            found = {
                (one["SourceArn"].lower(), one["DestinationArn"].lower()): one["AssociationType"] for one in listed
            }
            assert found == plain.links
        lines = digest(store)[1]
        assert lines.get("Membership", 0) == len(plain.inside)
        assert sum(lines.get(sort, 0) for sort in (*PARTS, "Artifact")) == len(plain.things)

    law()
