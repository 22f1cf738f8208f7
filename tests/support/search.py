"""Searches for tests: requests to Search, entities that are searched, and descriptions that no store holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from consumers.api import service_model
from consumers.api.client_writes import ClientWriter
from consumers.api.operations.search import search
from consumers.api.request import Request
from consumers.api.resource_views import Descriptions
from consumers.api.serializer import encoded
from consumers.api.service import Service
from consumers.api.validator import checked
from store import resources as table
from store.database import Store, Transaction
from store.lineage import OWNER, Entity, Experiment, Lineage, Measured, Membership, Trial, TrialComponent
from store.save import save
from tests.support.events import ACCOUNT, NOON, PARTITION, REGION

COMPONENT, TRIAL, EXPERIMENT = "ExperimentTrialComponent", "ExperimentTrial", "Experiment"


class GivenDescriptions:
    """Descriptions of resources that a test gives: records by kind."""

    def __init__(self, **records: Sequence[Mapping[str, Any]]) -> None:
        self.records = records

    def all_of(self, kind: str, partition: str) -> Iterable[Mapping[str, Any]]:
        assert partition == PARTITION
        return self.records.get(kind.replace("-", "_"), ())


def request_of(operation: str, given: Mapping[str, Any], partition: str = PARTITION) -> Request:
    """A request as operations get it."""
    return Request(
        operation, checked(service_model.operation(operation).input_shape, given), REGION, ACCOUNT, partition
    )


def service(store: Store | None, descriptions: GivenDescriptions | None = None) -> Service:
    return Service(cast(Store, store), cast(ClientWriter, None), cast(Descriptions, descriptions))


def ask(store: Store, resource: str = COMPONENT, *filters: Any, **given: Any) -> Mapping[str, Any]:
    """What Search answers to filters, or to a whole expression."""
    if filters:
        given["SearchExpression"] = {"Filters": [{"Name": name, **how_of(rest)} for name, *rest in filters]}
    request = request_of("Search", {"Resource": resource, **given})
    answer = search(service(store), request)
    encoded("Search", answer)  # the answer has the shape of the API
    return answer


def how_of(rest: Sequence[str]) -> dict[str, str]:
    match rest:
        case [value]:
            return {"Value": value}
        case [how, value]:
            return {"Operator": how, "Value": value}
        case _:
            raise AssertionError(rest)


def names(answer: Mapping[str, Any]) -> list[str]:
    """The names of what was found, in order."""
    found = [next(iter(one.items())) for one in answer["Results"]]
    return [record[f"{kind}Name"] for kind, record in found]


def run(name: str, **fields: Any) -> TrialComponent:
    arn = f"{PARTITION}experiment-trial-component/{name.lower()}"
    return TrialComponent(**{"arn": arn, "name": name, "weight": OWNER, "created": NOON, **fields})


def holding(store: Store, *entities: Entity, inside: Iterable[tuple[str, str]] = ()) -> Store:
    """The store, after one resource reported these entities, some of them inside of others, by name."""
    arns = {one.name: one.arn for one in entities}
    members = tuple(Membership(arns[outer], arns[inner]) for inner, outer in inside)

    def report(tx: Transaction) -> None:
        rows = table.claim(tx, {f"{PARTITION}training-job/job": "training-job"})
        save(tx, {row.id: Lineage(entities, (), members) for row in rows.values()})

    store.write(report)
    return store


CHURN = Experiment(
    arn=f"{PARTITION}experiment/Churn",
    name="Churn",
    weight=OWNER,
    created=NOON - 9,
    description="Who leaves",
    tags={"a": "b"},
)
DEEP = Trial(
    arn=f"{PARTITION}experiment-trial/deep",
    name="deep",
    weight=OWNER,
    created=NOON - 8,
    metadata={"CommitId": "c0ffee"},
)
FLAT = Trial(arn=f"{PARTITION}experiment-trial/flat", name="flat", weight=OWNER, created=NOON - 7, modified=NOON)
A = run(
    "A",
    display_name="The first",
    type="SageMakerTrainingJob",
    source_uri=f"{PARTITION}training-job/A",
    status="Completed",
    message="All is well",
    started=NOON + 1000,
    ended=NOON + 91_500,
    modified=NOON + 100,
    created_by=f"arn:aws:iam::{ACCOUNT}:user/ann",
    modified_by=f"{PARTITION}user-profile/d-1/bob",
    parameters={"lr": ("0.1", 0.1), "objective": ("reg:squarederror", None), "deep.est": (None, 3.0)},
    metrics={
        "test:accuracy": Measured(0.9, NOON, 0.5, 0.95, 0.8, 0.1, 7),
        "loss": Measured(2.5, NOON),
    },
    inputs={"train": ("text/csv", "s3://bucket/train.csv"), 'a "b".c': ("", "s3://bucket/odd")},
    outputs={"model": ("", "s3://bucket/model.tar.gz")},
    metadata={"Repository": "git@host:churn.git"},
    tags={"team": "risk", "sagemaker:trial-component-source": "run"},
)
B = run(
    "B",
    status="Failed",
    created=NOON + 2,
    parameters={"lr": ("0.3", 0.3), "objective": ("multi:softmax", None)},
    metrics={"test:accuracy": Measured(0.7, NOON)},
    inputs={"train": ("text/plain", "s3://bucket/other")},
    tags={"team": "sales"},
)
C = run("C", status="Completed", created=NOON + 3, parameters={"lr": ("auto", None)})
INSIDE = (("A", "deep"), ("A", "flat"), ("B", "flat"), ("deep", "Churn"), ("flat", "Churn"))


def pages(store: Store, size: int, how: Mapping[str, Any]) -> list[list[str]]:
    """The names on all pages."""
    found, token = [], None
    while True:
        answer = ask(store, **how, MaxResults=size, **({"NextToken": token} if token else {}))
        found.append(names(answer))
        token = answer["NextToken"]
        if token is None:
            return found


JOBS = GivenDescriptions(
    training_job=[
        {
            "TrainingJobName": name,
            "TrainingJobArn": f"{PARTITION}training-job/{name}",
            "TrainingJobStatus": status,
            "HyperParameters": {"eta": eta, "objective": "reg:squarederror"},
            "FinalMetricDataList": [{"MetricName": "rmse", "Value": rmse, "Timestamp": NOON}],
            "InputDataConfig": [
                {"ChannelName": "train", "DataSource": {"S3DataSource": {"S3Uri": "s3://bucket/train"}}},
                {"ChannelName": "test", "DataSource": {"S3DataSource": {"S3Uri": f"s3://bucket/{name}"}}},
            ],
            "CreationTime": time,
            "LastModifiedTime": time,
            "Tags": [{"Key": "team", "Value": name}],
            "EnableNetworkIsolation": name == "one",
        }
        for name, status, eta, rmse, time in (
            ("one", "Completed", "0.1", 1.5, NOON + 1),
            ("Two", "Failed", "0.30", 0.5, "2023-11-14T22:13:20.002Z"),  # as events have it
            ("three", "Completed", "auto", 2.5, NOON / 1000),
        )
    ],
    model_package_group=[
        {
            "ModelPackageGroupName": name,
            "ModelPackageGroupArn": f"{PARTITION}model-package-group/{name}",
            "CreationTime": at,
        }
        for name, at in (("old", NOON), ("new", NOON + 5))
    ],
)


def ask_records(resource: str, *filters: Any, **given: Any) -> Mapping[str, Any]:
    if filters:
        given["SearchExpression"] = {"Filters": [{"Name": name, **how_of(rest)} for name, *rest in filters]}
    answer = search(service(None, JOBS), request_of("Search", {"Resource": resource, **given}))
    encoded("Search", answer)
    return answer
