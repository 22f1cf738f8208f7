"""Writes of clients for tests: requests that meet the same few entities, and a service that takes them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any, NamedTuple

from hypothesis import strategies as st

from consumers.api import service_model, validator
from consumers.api.client_writes import ClientWriter
from consumers.api.errors import Refusal
from consumers.api.operations import OPERATIONS
from consumers.api.request import Request
from consumers.api.resource_views import Descriptions
from consumers.api.service import Service
from store.database import Store
from store.lineage import artifact
from tests.support.events import ACCOUNT, NOON, PARTITION, REGION

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
"""Requests that meet entities of a few types."""
steps = st.lists(st.sampled_from([0, 0, 1, 300, 1000]), min_size=1, max_size=5).filter(any) | st.just([0])
"""How many milliseconds pass between one write and the next, over and over."""


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
