"""Search: what is found, in which order, page by page; in tables and in what events told, which have to agree."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.api import service_model
from consumers.api.client_writes import ClientWriter
from consumers.api.errors import Invalid
from consumers.api.operations.search import get_search_suggestions, read_expression, read_order, search
from consumers.api.record_filter import matches, sort_key
from consumers.api.request import Request
from consumers.api.resource_views import Descriptions
from consumers.api.search_properties import resource
from consumers.api.serializer import encoded
from consumers.api.service import Service
from consumers.api.validator import checked
from store import resources as table
from store.database import Store, Transaction
from store.lineage import OWNER, Entity, Experiment, Lineage, Measured, Membership, Trial, TrialComponent
from store.save import save
from store.search.expression import in_order
from tests.support.events import ACCOUNT, NOON, PARTITION, REGION
from tests.support.stores import emptied, sqlite_store

COMPONENT, TRIAL, EXPERIMENT = "ExperimentTrialComponent", "ExperimentTrial", "Experiment"


class Tales:
    """What events told, for tests: records by kind."""

    def __init__(self, **told: Sequence[Mapping[str, Any]]) -> None:
        self.told = told

    def all_of(self, kind: str, partition: str) -> Iterable[Mapping[str, Any]]:
        assert partition == PARTITION
        return self.told.get(kind.replace("-", "_"), ())


def asked(operation: str, told: Mapping[str, Any], partition: str = PARTITION) -> Request:
    """A request as operations get it."""
    return Request(operation, checked(service_model.operation(operation).input_shape, told), REGION, ACCOUNT, partition)


def service(store: Store | None, tales: Tales | None = None) -> Service:
    return Service(cast(Store, store), cast(ClientWriter, None), cast(Descriptions, tales))


def ask(store: Store, resource: str = COMPONENT, *filters: Any, **told: Any) -> Mapping[str, Any]:
    """What Search answers to filters, or to a whole expression."""
    if filters:
        told["SearchExpression"] = {"Filters": [{"Name": name, **_how(rest)} for name, *rest in filters]}
    request = asked("Search", {"Resource": resource, **told})
    answer = search(service(store), request)
    encoded("Search", answer)  # it can be told
    return answer


def _how(rest: Sequence[str]) -> dict[str, str]:
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
    return [record[f"{sort}Name"] for sort, record in found]


def run(name: str, **told: Any) -> TrialComponent:
    arn = f"{PARTITION}experiment-trial-component/{name.lower()}"
    return TrialComponent(**{"arn": arn, "name": name, "weight": OWNER, "created": NOON, **told})


def told(store: Store, *entities: Entity, inside: Iterable[tuple[str, str]] = ()) -> Store:
    """The store, after one resource told of these entities, some of them inside of others, by name."""
    arns = {one.name: one.arn for one in entities}
    members = tuple(Membership(arns[outer], arns[inner]) for inner, outer in inside)

    def say(tx: Transaction) -> None:
        rows = table.claim(tx, {f"{PARTITION}training-job/job": "training-job"})
        save(tx, {row.id: Lineage(entities, (), members) for row in rows.values()})

    store.write(say)
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


@pytest.fixture
def tracked(store: Store) -> Store:
    """Two runs in two trials of an experiment, and one in none."""
    return told(store, CHURN, DEEP, FLAT, A, B, C, inside=INSIDE)


def test_a_trial_component_is_told_whole(tracked: Store) -> None:
    answer = ask(tracked, COMPONENT, ("TrialComponentName", "a"))

    assert answer["TotalHits"] == {"Value": 1, "Relation": "EqualTo"}
    assert answer["NextToken"] is None
    record = answer["Results"][0]["TrialComponent"]
    assert record["TrialComponentName"] == "A"
    assert record["DisplayName"] == "The first"
    assert record["Source"] == {"SourceArn": f"{PARTITION}training-job/A", "SourceType": "SageMakerTrainingJob"}
    assert record["Status"] == {"PrimaryStatus": "Completed", "Message": "All is well"}
    assert (record["StartTime"], record["EndTime"]) == (NOON + 1000, NOON + 91_500)
    assert (record["CreationTime"], record["LastModifiedTime"]) == (NOON, NOON + 100)
    assert record["Parameters"]["lr"]["NumberValue"] == 0.1
    assert record["Parameters"]["objective"]["StringValue"] == "reg:squarederror"
    assert [(one["MetricName"], one["Max"], one["Last"], one["Count"]) for one in record["Metrics"]] == [
        ("loss", 2.5, 2.5, 1),
        ("test:accuracy", 0.95, 0.9, 7),
    ]
    assert record["InputArtifacts"]["train"] == {"MediaType": "text/csv", "Value": "s3://bucket/train.csv"}
    assert record["OutputArtifacts"]["model"]["Value"] == "s3://bucket/model.tar.gz"
    assert {"Key": "sagemaker:trial-component-source", "Value": "run"} in record["Tags"]
    assert record["Parents"] == [
        {"TrialName": "deep", "ExperimentName": "Churn"},
        {"TrialName": "flat", "ExperimentName": "Churn"},
    ]


def test_a_trial_component_in_no_trial_has_no_parents_but_tells_so(tracked: Store) -> None:
    record = ask(tracked, COMPONENT, ("TrialComponentName", "C"))["Results"][0]["TrialComponent"]

    assert (record["Parents"], record["Tags"]) == ([], [])


def test_a_trial_tells_its_experiment_and_its_components(tracked: Store) -> None:
    (result,) = ask(tracked, TRIAL, ("TrialName", "DEEP"))["Results"]

    assert result["Trial"]["ExperimentName"] == "Churn"
    assert [one["TrialComponentName"] for one in result["Trial"]["TrialComponentSummaries"]] == ["A"]


def test_an_experiment_tells_its_tags(tracked: Store) -> None:
    (result,) = ask(tracked, EXPERIMENT)["Results"]

    assert result["Experiment"]["ExperimentName"] == "Churn"
    assert result["Experiment"]["Tags"] == [{"Key": "a", "Value": "b"}]


ARN_OF_A, ARN_OF_B = A.arn, B.arn


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ([("TrialComponentName", "a")], "A"),
        ([("trialcomponentname", "NotEquals", "a")], "BC"),
        ([("TrialComponentName", "In", "a, B ,nothing")], "AB"),
        ([("TrialComponentName", "Contains", "b")], "B"),
        ([("TrialComponentArn", f"{ARN_OF_A},{ARN_OF_B.upper()}")], "AB"),
        ([("TrialComponentArn", "NotEquals", f"{ARN_OF_A},{ARN_OF_B}")], "C"),
        ([("DisplayName", "Contains", "FIRST")], "A"),
        ([("DisplayName", "b")], "B"),
        ([("Source.SourceArn", f"{PARTITION}training-job/a")], "A"),
        ([("Source.SourceType", "SageMakerTrainingJob")], "A"),
        ([("Source.SourceType", "sagemakertrainingjob")], ""),
        ([("Status.PrimaryStatus", "Completed")], "AC"),
        ([("Status.PrimaryStatus", "NotEquals", "Completed")], "B"),
        ([("Status.Message", "Contains", "is well")], "A"),
        ([("Status.Message", "Contains", "IS WELL")], ""),
        ([("CreationTime", "GreaterThan", "2023-11-14T22:13:20.000Z")], "BC"),
        ([("CreationTime", "GreaterThanOrEqualTo", "2023-11-14T22:13:20")], "ABC"),
        ([("CreationTime", "LessThanOrEqualTo", "1700000000.002")], "AB"),
        ([("LastModifiedTime", "GreaterThan", "1700000000.099")], "A"),
        ([("EndTime", "LessThan", "2024-01-01")], "A"),
        ([("CreatedBy.IamIdentity.Arn", "Contains", ":user/ann")], "A"),
        ([("LastModifiedBy.UserProfileArn", "Contains", "/BOB")], "A"),
        ([("MetadataProperties.Repository", "git@host:churn.git")], "A"),
        ([("Parameters.lr", "0.10")], "A"),
        ([("Parameters.lr", "auto")], "C"),
        ([("Parameters.lr", "NotEquals", "0.1")], "BC"),
        ([("Parameters.lr", "GreaterThan", "0.1")], "B"),
        ([("Parameters.lr", "In", "0.3,auto")], "BC"),
        ([("Parameters.lr.NumberValue", "LessThanOrEqualTo", "0.1")], "A"),
        ([("Parameters.lr.StringValue", "Contains", "0.")], "AB"),
        ([("Parameters.LR", "GreaterThan", "0")], ""),
        ([("parameters.deep.est", "3")], "A"),
        ([("Parameters.objective", "Contains", "soft")], "B"),
        ([("metrics.test:accuracy.max", "GreaterThan", "0.9")], "A"),
        ([("Metrics.test:accuracy", "GreaterThan", "0.9")], ""),
        ([("Metrics.test:accuracy.Last", "GreaterThan", "0.8")], "A"),
        ([("Metrics.test:accuracy.Min", "LessThanOrEqualTo", "0.7")], "AB"),
        ([("Metrics.test:accuracy.Avg", "LessThan", "0.8")], "B"),
        ([("Metrics.test:accuracy.StdDev", "0")], "B"),
        ([("Metrics.test:accuracy.Count", "7")], "A"),
        ([("Tags.team", "risk")], "A"),
        ([("Tags.team", "NotEquals", "risk")], "B"),
        ([("Tags.sagemaker:trial-component-source", "run")], "A"),
        ([("Parents.TrialName", "FLAT")], "AB"),
        ([("Parents.TrialName", "NotEquals", "deep")], "B"),
        ([("Parents.ExperimentName", "churn")], "AB"),
        ([("Parents.TrialName", "Contains", "ee")], "A"),
        ([("InputArtifacts.train", "Contains", "train")], "A"),
        ([("InputArtifacts.train.MediaType", "text/plain")], "B"),
        ([('InputArtifacts.a "b".c.Value', "s3://bucket/odd")], "A"),
        ([("InputArtifacts", "Contains", "odd")], "A"),
        ([("OutputArtifacts.model", "s3://bucket/model.tar.gz")], "A"),
        ([("Parameters.lr", "GreaterThan", "0.05"), ("Metrics.test:accuracy.Last", "LessThan", "0.8")], "B"),
        ([("LineageGroupArn", "Contains", "default")], "ABC"),
        ([("SourceDetail.TrainingJob.RoleArn", "Contains", "x")], ""),
        ([("RunName", "NotEquals", "x")], ""),
    ],
    ids=lambda one: str(one),
)
def test_filters_find(filters: list[tuple[str, ...]], found: str, tracked: Store) -> None:
    assert sorted(names(ask(tracked, COMPONENT, *filters))) == list(found)


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("Source.SourceArn", "A"),
        ("Source", "A"),
        ("StartTime", "A"),
        ("Parameters.lr", "ABC"),
        ("Parameters.lr.NumberValue", "AB"),
        ("Parameters.none", ""),
        ("Metrics.loss", "A"),
        ("Metrics", "AB"),
        ("Tags.team", "AB"),
        ("Tags", "AB"),
        ("InputArtifacts", "AB"),
        ("InputArtifacts.train.MediaType", "AB"),
        ("OutputArtifacts.model.MediaType", ""),
        ("Parents", "AB"),
        ("Parents.ExperimentName", "AB"),
        ("Status", "ABC"),
        ("SourceDetail", ""),
        ("SourceDetail.TrainingJob.InputDataConfig.ChannelName", ""),
    ],
)
def test_what_exists_is_told_apart_from_what_does_not(name: str, found: str, tracked: Store) -> None:
    there, missing = (
        names(ask(tracked, SearchExpression={"Filters": [{"Name": name, "Operator": how}]}))
        for how in ("Exists", "NotExists")
    )
    assert (sorted(there), sorted(missing)) == (sorted(found), sorted(set("ABC") - set(found)))


@pytest.mark.parametrize(
    ("resource", "filters", "found"),
    [
        (TRIAL, [("ExperimentName", "CHURN")], ["deep", "flat"]),
        (TRIAL, [("TrialArn", DEEP.arn)], ["deep"]),
        (TRIAL, [("MetadataProperties.CommitId", "c0ffee")], ["deep"]),
        (TRIAL, [("TrialComponentSummaries.TrialComponentName", "b")], ["flat"]),
        (TRIAL, [("TrialComponentSummaries.TrialComponentSource.SourceArn", "Contains", "job/a")], ["deep", "flat"]),
        (TRIAL, [("DisplayName", "Deep")], ["deep"]),
        (EXPERIMENT, [("ExperimentName", "Contains", "chur")], ["Churn"]),
        (EXPERIMENT, [("Description", "Contains", "leaves")], ["Churn"]),
        (EXPERIMENT, [("Tags.a", "b")], ["Churn"]),
        (EXPERIMENT, [("Tags.a", "c")], []),
    ],
)
def test_trials_and_experiments_are_found(
    resource: str, filters: list[tuple[str, ...]], found: list[str], tracked: Store
) -> None:
    assert sorted(names(ask(tracked, resource, *filters))) == found


def test_conditions_are_joined_by_and_or_and_sub_expressions(tracked: Store) -> None:
    failed = {"Name": "Status.PrimaryStatus", "Value": "Failed"}
    tuned = {"Name": "Parameters.lr", "Operator": "Exists"}
    of_risk = {"Name": "Tags.team", "Value": "risk"}

    def found(**expression: Any) -> list[str]:
        return sorted(names(ask(tracked, SearchExpression=expression)))

    assert found(Filters=[failed, of_risk], Operator="Or") == ["A", "B"]
    assert found(Filters=[failed, of_risk]) == []
    assert found(Filters=[tuned], SubExpressions=[{"Filters": [failed, of_risk], "Operator": "Or"}]) == ["A", "B"]
    assert found(SubExpressions=[{"SubExpressions": [{"Filters": [failed]}]}]) == ["B"]


@pytest.mark.parametrize(
    ("within", "filters", "found"),
    [
        ("Parents", [("Parents.TrialName", "deep"), ("Parents.ExperimentName", "churn")], "A"),
        ("Metrics", [("Metrics.MetricName", "loss"), ("Metrics.Last", "GreaterThan", "2")], "A"),
        ("Metrics", [("Metrics.MetricName", "test:accuracy"), ("Metrics.Last", "GreaterThan", "2")], ""),
        ("InputArtifacts", [("InputArtifacts.Value", "Contains", "odd"), ("InputArtifacts.MediaType", "text/csv")], ""),
        (
            "inputartifacts",
            [("InputArtifacts.Value", "Contains", "train"), ("InputArtifacts.MediaType", "text/csv")],
            "A",
        ),
        ("Tags", [("Tags.Key", "team"), ("Tags.Value", "sales")], "B"),
        ("Parameters", [("Parameters.StringValue", "auto")], "C"),
    ],
)
def test_nested_filters_are_met_by_one_element(
    within: str, filters: list[tuple[str, ...]], found: str, tracked: Store
) -> None:
    nested = {"NestedPropertyName": within, "Filters": [{"Name": name, **_how(rest)} for name, *rest in filters]}

    assert sorted(names(ask(tracked, SearchExpression={"NestedFilters": [nested]}))) == list(found)


def test_what_others_cannot_see_is_left_out_and_what_has_no_such_tag_is_seen(tracked: Store) -> None:
    seen = ask(tracked, VisibilityConditions=[{"Key": "Tags.team", "Value": "risk"}])

    assert sorted(names(seen)) == ["A", "C"]


def test_other_accounts_share_nothing(tracked: Store) -> None:
    assert names(ask(tracked, CrossAccountFilterOption="CrossAccount")) == []
    assert len(names(ask(tracked, CrossAccountFilterOption="SameAccount"))) == 3


def test_only_what_is_of_the_region_and_account_is_found(tracked: Store) -> None:
    elsewhere = PARTITION.replace(REGION, "eu-west-1")

    answer = search(service(tracked), asked("Search", {"Resource": COMPONENT}, elsewhere))

    assert (answer["Results"], answer["TotalHits"]["Value"]) == ([], 0)


@pytest.mark.parametrize(
    ("how", "found"),
    [
        ({}, "ACB"),
        ({"SortOrder": "Ascending"}, "BCA"),
        ({"SortBy": "CreationTime"}, "CBA"),
        ({"SortBy": "Parameters.lr", "SortOrder": "Ascending"}, "ABC"),
        ({"SortBy": "Parameters.lr", "SortOrder": "Descending"}, "BAC"),
        ({"SortBy": "metrics.test:accuracy.max"}, "ABC"),
        ({"SortBy": "metrics.test:accuracy.max", "SortOrder": "Ascending"}, "BAC"),
        ({"SortBy": "Status.PrimaryStatus", "SortOrder": "Ascending"}, "ACB"),
        ({"SortBy": "Parents.TrialName", "SortOrder": "Ascending"}, "ABC"),
        ({"SortBy": "InputArtifacts.train"}, "ABC"),
        ({"SortBy": "Tags.team", "SortOrder": "Descending"}, "BAC"),
        ({"SortBy": "SourceDetail.TrainingJob.RoleArn"}, "ABC"),
        ({"SortBy": "StartTime"}, "ABC"),
        ({"SortBy": "TrialComponentName", "SortOrder": "Descending"}, "CBA"),
    ],
)
def test_results_are_sorted_and_what_lacks_the_property_comes_last(
    how: dict[str, str], found: str, tracked: Store
) -> None:
    assert names(ask(tracked, **how)) == list(found)
    assert [name for page in pages(tracked, 1, how) for name in page] == list(found)


def pages(store: Store, size: int, how: Mapping[str, Any]) -> list[list[str]]:
    """The names on all pages."""
    found, token = [], None
    while True:
        answer = ask(store, **how, MaxResults=size, **({"NextToken": token} if token else {}))
        found.append(names(answer))
        token = answer["NextToken"]
        if token is None:
            return found


def test_ten_are_on_a_page_and_a_token_leads_on(store: Store) -> None:
    told(store, *(run(f"r{number:02}") for number in range(25)))

    assert [len(page) for page in pages(store, 10, {})] == [10, 10, 5]
    assert len(ask(store)["Results"]) == 10
    assert ask(store)["TotalHits"]["Value"] == 25


def test_what_comes_meanwhile_moves_nothing(store: Store) -> None:
    told(store, *(run(f"r{number}", created=NOON + number) for number in range(6)))
    how: dict[str, Any] = {"SortBy": "CreationTime", "MaxResults": 2}
    first = ask(store, **how)

    told(store, *(run(f"r{number}", created=NOON + number) for number in (0, 1, 2, 3, 4, 5, 6, 7)))

    second = ask(store, **how, NextToken=first["NextToken"])
    assert (names(first), names(second)) == (["r5", "r4"], ["r3", "r2"])


@pytest.mark.parametrize(
    ("resource", "expression", "message"),
    [
        (COMPONENT, {"Filters": [{"Name": "ExperimentName", "Value": "x"}]}, "Unknown property name: ExperimentName"),
        (COMPONENT, {"Filters": [{"Name": "Source.Nothing", "Value": "x"}]}, "Unknown property name: Source.Nothing"),
        (COMPONENT, {"Filters": [{"Name": "StartTime.x", "Value": "1"}]}, "Unknown property name: StartTime.x"),
        (TRIAL, {"Filters": [{"Name": "Parameters.x", "Value": "x"}]}, "Unknown property name: Parameters.x"),
        (COMPONENT, {"Filters": [{"Name": "DisplayName"}]}, "no Value: Equals needs one"),
        (COMPONENT, {"Filters": [{"Name": "Metrics.x", "Value": "much"}]}, "'much' is none"),
        (COMPONENT, {"Filters": [{"Name": "StartTime", "Value": "soon"}]}, "is a time"),
        (COMPONENT, {"Filters": [{"Name": "Source", "Value": "x"}]}, "Source has no value of its own"),
        (
            COMPONENT,
            {"Filters": [{"Name": "DisplayName", "Operator": "LessThan", "Value": "x"}]},
            "LessThan is not supported for text properties",
        ),
        (
            COMPONENT,
            {"Filters": [{"Name": "Metrics.x", "Operator": "Contains", "Value": "1"}]},
            "Contains is only supported for text properties",
        ),
        (COMPONENT, {"Filters": [{"Name": "DisplayName", "Operator": "In", "Value": ", ,"}]}, "between the commas"),
        (COMPONENT, {}, "one of Filters, NestedFilters and SubExpressions"),
        (
            COMPONENT,
            {
                "NestedFilters": [
                    {"NestedPropertyName": "Source", "Filters": [{"Name": "Source.SourceArn", "Value": "x"}]}
                ]
            },
            "Source is no list",
        ),
        (
            COMPONENT,
            {"NestedFilters": [{"NestedPropertyName": "Parents", "Filters": [{"Name": "DisplayName", "Value": "x"}]}]},
            "Nested filters on Parents",
        ),
        (
            COMPONENT,
            {"NestedFilters": [{"NestedPropertyName": "Parents", "Filters": [{"Name": "Parents.X", "Value": "x"}]}]},
            "Unknown property name: Parents.X",
        ),
    ],
)
def test_what_cannot_be_asked_is_refused_in_a_sentence(
    resource: str, expression: Mapping[str, Any], message: str, tracked: Store
) -> None:
    with pytest.raises(Invalid) as refused:
        ask(tracked, resource, SearchExpression=expression)

    assert message in str(refused.value)


def test_fifty_filters_can_be_asked_and_not_one_more(tracked: Store) -> None:
    one = {"Name": "Tags.team", "Operator": "Exists"}
    twenty = {"Filters": [one] * 20}

    assert names(ask(tracked, SearchExpression={"SubExpressions": [twenty, twenty, {"Filters": [one] * 7}]}))
    with pytest.raises(Invalid, match="50 filters"):
        ask(tracked, SearchExpression={"SubExpressions": [twenty, twenty, {"Filters": [one] * 8}]})


def test_what_cannot_be_searched_is_refused(tracked: Store) -> None:
    with pytest.raises(Invalid, match="Headwater cannot search ImageVersion: it can search Experiment"):
        ask(tracked, "ImageVersion")


def test_what_has_no_one_value_cannot_be_sorted_by(tracked: Store) -> None:
    with pytest.raises(Invalid, match="Parents has no value to sort by"):
        ask(tracked, SortBy="Parents")


# ------------------------------------------------------------------------------------------------ what events told


JOBS = Tales(
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
            ("Two", "Failed", "0.30", 0.5, "2023-11-14T22:13:20.002Z"),  # as events tell it
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


def ask_told(resource: str, *filters: Any, **told: Any) -> Mapping[str, Any]:
    if filters:
        told["SearchExpression"] = {"Filters": [{"Name": name, **_how(rest)} for name, *rest in filters]}
    answer = search(service(None, JOBS), asked("Search", {"Resource": resource, **told}))
    encoded("Search", answer)
    return answer


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ([("TrainingJobName", "two")], ["Two"]),
        ([("HyperParameters.eta", "LessThan", "0.5")], ["Two", "one"]),
        ([("HyperParameters.eta", "0.3")], ["Two"]),
        ([("HyperParameters.eta", "NotEquals", "0.3")], ["one", "three"]),
        ([("Metrics.rmse", "LessThan", "2")], ["Two", "one"]),
        ([("FinalMetricDataList.rmse.Value", "GreaterThan", "2")], ["three"]),
        ([("Tags.team", "Two")], ["Two"]),
        ([("InputDataConfig.DataSource.S3DataSource.S3Uri", "Contains", "/one")], ["one"]),
        ([("InputDataConfig.ChannelName", "NotEquals", "train")], []),
        ([("CreationTime", "GreaterThan", "2023-11-14T22:13:20.001Z")], ["Two"]),
        ([("EnableNetworkIsolation", "true")], ["one"]),
        ([("TrainingJobArn", f"{PARTITION}training-job/ONE,{PARTITION}training-job/two")], ["Two", "one"]),
    ],
)
def test_jobs_are_found_by_what_events_told(filters: list[tuple[str, ...]], found: list[str]) -> None:
    assert sorted(names(ask_told("TrainingJob", *filters))) == found


def test_nested_filters_on_what_events_told_are_met_by_one_element() -> None:
    def found(channel: str) -> list[str]:
        nested = {
            "NestedPropertyName": "InputDataConfig",
            "Filters": [
                {"Name": "InputDataConfig.ChannelName", "Value": channel},
                {"Name": "InputDataConfig.DataSource.S3DataSource.S3Uri", "Operator": "Contains", "Value": "/one"},
            ],
        }
        return names(ask_told("TrainingJob", SearchExpression={"NestedFilters": [nested]}))

    assert (found("test"), found("train")) == (["one"], [])


def test_what_events_told_is_sorted_and_paged_like_the_rest() -> None:
    assert names(ask_told("TrainingJob")) == ["Two", "one", "three"]
    assert names(ask_told("TrainingJob", SortBy="HyperParameters.eta", SortOrder="Ascending")) == [
        "one",
        "Two",
        "three",
    ]
    first = ask_told("TrainingJob", MaxResults=2)
    assert first["TotalHits"] == {"Value": 3, "Relation": "EqualTo"}
    assert names(ask_told("TrainingJob", MaxResults=2, NextToken=first["NextToken"])) == ["three"]


def test_what_has_no_time_of_change_is_sorted_by_when_it_was_made() -> None:
    assert names(ask_told("ModelPackageGroup")) == ["new", "old"]


def suggested(service: Service, resource: str, hint: str) -> list[str]:
    query = {"PropertyNameQuery": {"PropertyNameHint": hint}}
    answer = get_search_suggestions(
        service, asked("GetSearchSuggestions", {"Resource": resource, "SuggestionQuery": query})
    )
    encoded("GetSearchSuggestions", answer)
    return [one["PropertyName"] for one in answer["PropertyNameSuggestions"]]


def test_names_of_properties_are_suggested_with_those_that_users_gave(tracked: Store) -> None:
    assert suggested(service(tracked), COMPONENT, "status") == ["Status.PrimaryStatus", "Status.Message"]
    assert suggested(service(tracked), COMPONENT, "Parameters.") == [
        "Parameters.deep.est",
        "Parameters.lr",
        "Parameters.objective",
    ]
    assert suggested(service(tracked), COMPONENT, "Metrics.l") == [
        f"Metrics.loss.{stat}" for stat in ("Min", "Max", "Last", "Avg", "Count", "StdDev")
    ]
    assert suggested(service(tracked), EXPERIMENT, "Tags") == ["Tags.a"]
    assert suggested(service(None, JOBS), "TrainingJob", "hyper") == [
        "HyperParameters.eta",
        "HyperParameters.objective",
    ]
    assert suggested(service(None, JOBS), "TrainingJob", "Metrics") == ["Metrics.rmse"]


def test_all_that_is_suggested_can_be_asked_for(tracked: Store) -> None:
    for sort in (COMPONENT, TRIAL, EXPERIMENT, "TrainingJob", "ModelPackage", "Pipeline", "PipelineExecution"):
        for name in suggested(service(tracked, JOBS), sort, ""):
            expression = {"Filters": [{"Name": name, "Operator": "Exists"}]}
            search(service(tracked, JOBS), asked("Search", {"Resource": sort, "SearchExpression": expression}))


# ------------------------------------------------------------------------------------- two implementations that agree


NAMES = st.sampled_from(["a", "b", "c", "d", "e", "f"])
NUMBERS = st.sampled_from([0.0, 0.5, 1.0, 2.0])
WORDS = st.sampled_from(["x", "X", "1", "1.0", "0.5", "xy", "ünï", "Ü", ""])
KEYS = st.sampled_from(["p", "p.q", "P", "Max"])
PARAMETERS = st.one_of(
    st.tuples(WORDS, st.none()), st.tuples(st.none(), NUMBERS), NUMBERS.map(lambda number: (str(number), number))
)
MEASURED = st.one_of(
    NUMBERS.map(Measured),
    st.tuples(NUMBERS, st.just(NOON), NUMBERS, NUMBERS, NUMBERS, NUMBERS, st.integers(2, 3)).map(
        lambda told: Measured(*told)
    ),
)
PLACES = st.tuples(st.sampled_from(["", "text/csv"]), st.sampled_from(["s3://b/x", "s3://b/y"]))
TIMES = st.sampled_from([None, NOON, NOON + 1, NOON + 1000])
WHO = st.sampled_from(["", f"arn:aws:iam::{ACCOUNT}:user/Ann", f"{PARTITION}user-profile/d-1/Bob"])
RUNS = st.lists(NAMES, unique=True).flatmap(
    lambda names: st.tuples(
        *(
            st.builds(
                run,
                st.just(name),
                display_name=WORDS,
                type=WORDS,
                source_uri=st.sampled_from(["", f"{PARTITION}training-job/J", f"{PARTITION}training-job/j"]),
                status=st.sampled_from(["", "Completed"]),
                message=WORDS,
                created=st.sampled_from([NOON, NOON + 1]),
                started=TIMES,
                modified=TIMES,
                created_by=WHO,
                metadata=st.dictionaries(st.sampled_from(["CommitId", "ProjectId"]), WORDS, max_size=2),
                parameters=st.dictionaries(KEYS, PARAMETERS, max_size=3),
                metrics=st.dictionaries(KEYS, MEASURED, max_size=3),
                tags=st.dictionaries(KEYS, WORDS, max_size=3),
                inputs=st.dictionaries(KEYS, PLACES, max_size=2),
            )
            for name in names
        )
    )
)
PLACED = st.lists(st.tuples(NAMES, st.sampled_from(["deep", "flat"])), unique=True)

TEXTS = ["Equals", "NotEquals", "Contains", "In", "Exists", "NotExists"]
ORDERS = ["Equals", "NotEquals", "GreaterThan", "GreaterThanOrEqualTo", "LessThan", "LessThanOrEqualTo", "Exists"]
VALUES = st.sampled_from(["x", "X", "1", "1.0", "0.5", "x,1", "xy", "ü", "b", "deep", "Churn", "s3://b/x", "text/csv"])
FIGURES = st.sampled_from(["0", "0.5", "1", "2", "3"])
MOMENTS = st.sampled_from(["2023-11-14T22:13:20", "1700000000.001", "2023-11-14T22:13:21Z"])
ARNS = st.sampled_from([f"{PARTITION}training-job/J", f"{A.arn},{B.arn}", f"arn:aws:iam::{ACCOUNT}:user/ann"])


def filters(properties: Iterable[str], operators: Iterable[str], values: st.SearchStrategy[str]) -> Any:
    return st.fixed_dictionaries(
        {"Name": st.sampled_from([*properties]), "Operator": st.sampled_from([*operators]), "Value": values}
    )


FILTERS = st.one_of(
    filters(
        [
            "TrialComponentName",
            "DisplayName",
            "Source.SourceType",
            "Status.PrimaryStatus",
            "Status.Message",
            "MetadataProperties.CommitId",
            "Tags.p",
            "Tags",
            "Tags.p.q",
            "Parents.TrialName",
            "Parents.ExperimentName",
            "InputArtifacts.p",
            "InputArtifacts.P.MediaType",
            "InputArtifacts",
            "Parameters.p.StringValue",
            "RunName",
        ],
        TEXTS,
        VALUES,
    ),
    filters(["Parameters.p", "Parameters.p.q", "Parameters"], TEXTS, VALUES),
    filters(["Parameters.p", "Parameters.P", "Parameters"], ORDERS, FIGURES),
    filters(["Parameters.p.NumberValue", "Metrics.p", "Metrics.p.q.Avg", "Metrics", "Metrics.Max"], ORDERS, FIGURES),
    filters([f"Metrics.p.{stat}" for stat in ("Min", "Max", "Last", "StdDev", "Count")], ORDERS, FIGURES),
    filters(["CreationTime", "LastModifiedTime", "StartTime", "Metrics.p.TimeStamp"], ORDERS, MOMENTS),
    filters(["TrialComponentArn", "Source.SourceArn", "CreatedBy.IamIdentity.Arn"], TEXTS, ARNS),
    filters(["Source", "Parents", "Status", "SourceDetail"], ["Exists", "NotExists"], st.just("x")),
)


def nested(within: str, *of: Any) -> Any:
    return st.fixed_dictionaries(
        {"NestedPropertyName": st.just(within), "Filters": st.lists(st.one_of(*of), min_size=1, max_size=2)}
    )


NESTED = st.one_of(
    nested("Parents", filters(["Parents.TrialName", "Parents.ExperimentName"], TEXTS, VALUES)),
    nested(
        "Metrics",
        filters(["Metrics.MetricName"], TEXTS, st.sampled_from(["p", "Max"])),
        filters(["Metrics.Max", "Metrics.Count"], ORDERS, FIGURES),
    ),
    nested("Tags", filters(["Tags.Key", "Tags.Value"], TEXTS, VALUES)),
    nested("InputArtifacts", filters(["InputArtifacts.Value", "InputArtifacts.MediaType"], TEXTS, VALUES)),
    nested("Parameters", filters(["Parameters.NumberValue"], ORDERS, FIGURES)),
)
BOOLEAN = st.sampled_from(["And", "Or"])


def expression(**parts: Any) -> Any:
    return st.fixed_dictionaries({}, optional={**parts, "Operator": BOOLEAN}).filter(
        lambda one: one.keys() - {"Operator"}
    )


SIMPLE = expression(
    Filters=st.lists(FILTERS, min_size=1, max_size=3), NestedFilters=st.lists(NESTED, min_size=1, max_size=2)
)
EXPRESSIONS = st.one_of(
    SIMPLE,
    expression(
        Filters=st.lists(FILTERS, min_size=1, max_size=2), SubExpressions=st.lists(SIMPLE, min_size=1, max_size=2)
    ),
)
SORTS = st.sampled_from(
    [
        "CreationTime",
        "LastModifiedTime",
        "StartTime",
        "DisplayName",
        "TrialComponentName",
        "Parameters.p",
        "Tags.p",
        "Metrics.p",
        "Metrics.p.Max",
        "Parents.TrialName",
        "InputArtifacts.p",
        "Parameters",
        "Status.Message",
        "RunName",
    ]
)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store that examples fill anew."""
    store = sqlite_store(tmp_path_factory.mktemp("search") / "store.db")
    yield store
    store.close()


def agree(store: Store, entities: Sequence[TrialComponent], placed: Any, told_: Mapping[str, Any], few: int) -> None:
    """What tables answer is what records say that they answer without any condition."""
    telling = {one.name for one in entities}
    emptied(store)
    told(
        store,
        DEEP,
        FLAT,
        CHURN,
        *entities,
        inside=[*(pair for pair in placed if pair[0] in telling), ("deep", "Churn")],
    )
    every = [one["TrialComponent"] for one in ask(store, MaxResults=100)["Results"]]
    shape = resource(COMPONENT).shape
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("store.search.compiler.FEW", few)
        answer = ask(store, **told_, MaxResults=100)
        paged = [name for page in pages(store, 2, told_) for name in page]

    request = asked("Search", {"Resource": COMPONENT, **told_}).input
    condition, order = read_expression(shape, request), read_order(shape, request)
    found = [(sort_key(order, one, one["TrialComponentArn"]), one) for one in every if matches(condition, one)]
    wanted = [one["TrialComponentName"] for _, one in in_order(found, order, lambda one: one[0])]
    assert (names(answer), answer["TotalHits"]["Value"]) == (wanted, len(wanted))
    assert paged == wanted


ASKED = st.fixed_dictionaries(
    {},
    optional={
        "SearchExpression": EXPRESSIONS,
        "SortBy": SORTS,
        "SortOrder": st.sampled_from(["Ascending", "Descending"]),
    },
)


@pytest.mark.law
@given(RUNS, PLACED, ASKED, st.sampled_from([0, 1000]))
def test_tables_and_records_agree_on_what_is_found(
    filled: Store, entities: Sequence[TrialComponent], placed: Any, told_: Mapping[str, Any], few: int
) -> None:
    agree(filled, entities, placed, told_, few)
