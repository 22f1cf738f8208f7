"""Search over tables: what is found, in which order, page by page; and which names of properties are suggested."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from consumers.api.errors import Invalid
from consumers.api.operations.search import get_search_suggestions, search
from consumers.api.serializer import encoded
from consumers.api.service import Service
from store.database import Store
from tests.support.events import NOON, PARTITION, REGION
from tests.support.search import (
    CHURN,
    COMPONENT,
    DEEP,
    EXPERIMENT,
    FLAT,
    INSIDE,
    JOBS,
    TRIAL,
    A,
    B,
    C,
    ask,
    holding,
    how_of,
    names,
    pages,
    request_of,
    run,
    service,
)


@pytest.fixture
def tracked(store: Store) -> Store:
    """Two runs in two trials of an experiment, and one in no trial."""
    return holding(store, CHURN, DEEP, FLAT, A, B, C, inside=INSIDE)


def test_a_trial_component_is_givenwhole(tracked: Store) -> None:
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


def test_a_trial_component_in_no_trial_has_an_empty_list_of_parents(tracked: Store) -> None:
    record = ask(tracked, COMPONENT, ("TrialComponentName", "C"))["Results"][0]["TrialComponent"]

    assert (record["Parents"], record["Tags"]) == ([], [])


def test_a_trial_has_its_experiment_and_its_components(tracked: Store) -> None:
    (result,) = ask(tracked, TRIAL, ("TrialName", "DEEP"))["Results"]

    assert result["Trial"]["ExperimentName"] == "Churn"
    assert [one["TrialComponentName"] for one in result["Trial"]["TrialComponentSummaries"]] == ["A"]


def test_an_experiment_has_its_tags(tracked: Store) -> None:
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
def test_what_exists_is_givenapart_from_what_does_not(name: str, found: str, tracked: Store) -> None:
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
    neither = [{"Filters": [tuned, failed, of_risk]}, {"Filters": [of_risk, failed]}]
    assert found(SubExpressions=neither, Operator="Or") == []
    assert found(SubExpressions=[*neither, {"Filters": [failed]}], Operator="Or") == ["B"]


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
    nested = {"NestedPropertyName": within, "Filters": [{"Name": name, **how_of(rest)} for name, *rest in filters]}

    assert sorted(names(ask(tracked, SearchExpression={"NestedFilters": [nested]}))) == list(found)


def test_visibility_conditions_leave_out_other_values_of_a_tag_and_no_runs_without_it(tracked: Store) -> None:
    seen = ask(tracked, VisibilityConditions=[{"Key": "Tags.team", "Value": "risk"}])

    assert sorted(names(seen)) == ["A", "C"]


def test_other_accounts_share_nothing(tracked: Store) -> None:
    assert names(ask(tracked, CrossAccountFilterOption="CrossAccount")) == []
    assert len(names(ask(tracked, CrossAccountFilterOption="SameAccount"))) == 3


def test_only_resources_of_the_region_and_account_are_found(tracked: Store) -> None:
    elsewhere = PARTITION.replace(REGION, "eu-west-1")

    answer = search(service(tracked), request_of("Search", {"Resource": COMPONENT}, elsewhere))

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


def test_a_page_has_ten_results_and_a_token_for_the_next(store: Store) -> None:
    holding(store, *(run(f"r{number:02}") for number in range(25)))

    assert [len(page) for page in pages(store, 10, {})] == [10, 10, 5]
    assert len(ask(store)["Results"]) == 10
    assert ask(store)["TotalHits"]["Value"] == 25


def test_new_results_do_not_shift_the_next_page(store: Store) -> None:
    holding(store, *(run(f"r{number}", created=NOON + number) for number in range(6)))
    how: dict[str, Any] = {"SortBy": "CreationTime", "MaxResults": 2}
    first = ask(store, **how)

    holding(store, *(run(f"r{number}", created=NOON + number) for number in (0, 1, 2, 3, 4, 5, 6, 7)))

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
def test_an_invalid_expression_is_refused_in_a_sentence(
    resource: str, expression: Mapping[str, Any], message: str, tracked: Store
) -> None:
    with pytest.raises(Invalid) as refused:
        ask(tracked, resource, SearchExpression=expression)

    assert message in str(refused.value)


def test_a_request_has_fifty_filters_and_not_one_more(tracked: Store) -> None:
    one = {"Name": "Tags.team", "Operator": "Exists"}
    twenty = {"Filters": [one] * 20}

    assert names(ask(tracked, SearchExpression={"SubExpressions": [twenty, twenty, {"Filters": [one] * 7}]}))
    with pytest.raises(Invalid, match="50 filters"):
        ask(tracked, SearchExpression={"SubExpressions": [twenty, twenty, {"Filters": [one] * 8}]})


def test_a_resource_that_cannot_be_searched_is_refused(tracked: Store) -> None:
    with pytest.raises(Invalid, match="Headwater cannot search ImageVersion: it can search Experiment"):
        ask(tracked, "ImageVersion")


def test_results_are_not_sorted_by_a_property_without_a_value(tracked: Store) -> None:
    with pytest.raises(Invalid, match="Parents has no value to sort by"):
        ask(tracked, SortBy="Parents")


# ---------------------------------------------------------------------------------------------------- suggestions


def suggested(service: Service, resource: str, hint: str) -> list[str]:
    query = {"PropertyNameQuery": {"PropertyNameHint": hint}}
    answer = get_search_suggestions(
        service, request_of("GetSearchSuggestions", {"Resource": resource, "SuggestionQuery": query})
    )
    encoded("GetSearchSuggestions", answer)
    return [one["PropertyName"] for one in answer["PropertyNameSuggestions"]]


def test_suggestions_are_names_of_properties_and_those_that_users_gave(tracked: Store) -> None:
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


def test_every_suggestion_can_be_searched_for(tracked: Store) -> None:
    for kind in (COMPONENT, TRIAL, EXPERIMENT, "TrainingJob", "ModelPackage", "Pipeline", "PipelineExecution"):
        for name in suggested(service(tracked, JOBS), kind, ""):
            expression = {"Filters": [{"Name": name, "Operator": "Exists"}]}
            search(service(tracked, JOBS), request_of("Search", {"Resource": kind, "SearchExpression": expression}))
