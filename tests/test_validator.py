from __future__ import annotations

import math
import subprocess
import sys
from typing import Any

import pytest
from botocore.model import Shape, ShapeResolver
from botocore.validate import ParamValidator
from hypothesis import given
from hypothesis import strategies as st

from consumers.api import service_model
from consumers.api.errors import Invalid, Unreadable
from consumers.api.validator import DEEPEST, MOST, checked
from tests.support.model_values import OPERATIONS, extended, mutated, requests

ARN = "arn:aws:sagemaker:us-east-1:123456789012:artifact/8e1ace0bbe329cf696791077318c488a"
SOURCE = {"SourceUri": "s3://bucket/model.tar.gz"}
ARTIFACT = {"Source": SOURCE, "ArtifactType": "Model"}
METRIC = {"MetricName": "loss", "Timestamp": 1_700_000_000, "Value": 0.5}


def check(operation: str, value: Any, *, limits: bool = True) -> Any:
    return checked(service_model.operation(operation).input_shape, value, limits=limits)


def refusal(operation: str, value: Any) -> str:
    with pytest.raises(Invalid) as refused:
        check(operation, value)
    return refused.value.message


def complaint(operation: str, value: Any) -> str:
    with pytest.raises(Unreadable) as refused:
        check(operation, value)
    return refused.value.message


def test_a_valid_request_is_not_changed() -> None:
    sent = {**ARTIFACT, "ArtifactName": "a-1", "Properties": {"k": "v"}, "Tags": [{"Key": "é", "Value": ""}]}
    assert check("CreateArtifact", sent) == sent


def test_members_that_are_unknown_or_null_are_left_out() -> None:
    assert check("CreateArtifact", {**ARTIFACT, "ArtifactName": None, "Colour": "red"}) == ARTIFACT


NAME = "[a-zA-Z0-9](-*[a-zA-Z0-9]){0,119}"


@pytest.mark.parametrize(
    ("operation", "sent", "message"),
    [
        (
            "CreateArtifact",
            {**ARTIFACT, "ArtifactName": "my_name"},
            "Value 'my_name' at 'artifactName' failed to satisfy constraint: "
            f"Member must satisfy regular expression pattern: {NAME}",
        ),
        (
            "CreateArtifact",
            {**ARTIFACT, "ArtifactName": "x" * 121},
            f"Value '{'x' * 100}...' at 'artifactName' failed to satisfy constraint: "
            "Member must have length less than or equal to 120",
        ),
        (
            "CreateExperiment",
            {"ExperimentName": ""},
            "Value '' at 'experimentName' failed to satisfy constraint: "
            "Member must have length greater than or equal to 1",
        ),
        (
            "ListArtifacts",
            {"SortOrder": "Up"},
            "Value 'Up' at 'sortOrder' failed to satisfy constraint: "
            "Member must satisfy enum value set: [Ascending, Descending]",
        ),
        (
            "CreateArtifact",
            {"Source": SOURCE},
            "Value null at 'artifactType' failed to satisfy constraint: Member must not be null",
        ),
        (
            "CreateArtifact",
            {"Source": {"SourceUri": None}, "ArtifactType": "Model"},
            "Value null at 'source.sourceUri' failed to satisfy constraint: Member must not be null",
        ),
        (
            "ListArtifacts",
            {"MaxResults": 101},
            "Value '101' at 'maxResults' failed to satisfy constraint: "
            "Member must have value less than or equal to 100",
        ),
        (
            "ListArtifacts",
            {"MaxResults": 0},
            "Value '0' at 'maxResults' failed to satisfy constraint: Member must have value greater than or equal to 1",
        ),
        (
            "QueryLineage",
            {"MaxDepth": 10**40},
            "Value 'a number of more than 64 bits' at 'maxDepth' failed to satisfy constraint: "
            "Member must have value less than or equal to 10",
        ),
        (
            "QueryLineage",
            {"MaxDepth": -(2**31) - 1},
            "Value '-2147483649' at 'maxDepth' failed to satisfy constraint: "
            "Member must have value greater than or equal to -2147483648",
        ),
        (
            "CreateTrialComponent",
            {"TrialComponentName": "run", "InputArtifacts": {"data": {"Value": "x", "MediaType": "text/é"}}},
            "Value 'text/é' at 'inputArtifacts.data.member.mediaType' failed to satisfy constraint: "
            r"Member must satisfy regular expression pattern: [-\w]+\/[-\w+]+",
        ),
        (
            "BatchPutMetrics",
            {"TrialComponentName": "run", "MetricData": []},
            "Value '[]' at 'metricData' failed to satisfy constraint: "
            "Member must have length greater than or equal to 1",
        ),
        (
            "AddTags",
            {"ResourceArn": ARN, "Tags": [{"Key": "k", "Value": "v"}] * 51},
            "Value '[51 members]' at 'tags' failed to satisfy constraint: "
            "Member must have length less than or equal to 50",
        ),
        (
            "CreateArtifact",
            {**ARTIFACT, "Properties": {str(number): "" for number in range(31)}},
            "Value '{31 members}' at 'properties' failed to satisfy constraint: "
            "Member must have length less than or equal to 30",
        ),
        (
            "AddTags",
            {"ResourceArn": ARN, "Tags": [{"Key": "k", "Value": "v"}, {"Key": "", "Value": "v"}]},
            "Value '' at 'tags.2.member.key' failed to satisfy constraint: "
            "Member must have length greater than or equal to 1",
        ),
        (
            "DeleteTags",
            {"ResourceArn": ARN, "TagKeys": ["k", "a;b"]},
            "Value 'a;b' at 'tagKeys.2.member' failed to satisfy constraint: "
            r"Member must satisfy regular expression pattern: ([\p{L}\p{Z}\p{N}_.:/=+\-@]*)",
        ),
        (
            "CreateTrialComponent",
            {"TrialComponentName": "run", "InputArtifacts": {"data": {"Value": "x" * 2049}}},
            f"Value '{'x' * 100}...' at 'inputArtifacts.data.member.value' failed to satisfy constraint: "
            "Member must have length less than or equal to 2048",
        ),
        (
            "CreateArtifact",
            {**ARTIFACT, "Properties": {"k" * 2501: "v"}},
            f"Value '{'k' * 100}...' at 'properties' failed to satisfy constraint: "
            "Map keys must satisfy constraint: [Member must have length less than or equal to 2500]",
        ),
        (
            "BatchPutMetrics",
            {"TrialComponentName": "run", "MetricData": [{**METRIC, "Value": "NaN"}]},
            "Value 'NaN' at 'metricData.1.member.value' failed to satisfy constraint: Member must be a finite number",
        ),
        (
            "BatchPutMetrics",
            {"TrialComponentName": "run", "MetricData": [{**METRIC, "Value": 10**400}]},
            "Value 'a number of more than 64 bits' at 'metricData.1.member.value' failed to satisfy constraint: "
            "Member must be a finite number",
        ),
        (
            "ListArtifacts",
            {"CreatedAfter": 1e15},
            "Value '1000000000000000.0' at 'createdAfter' failed to satisfy constraint: "
            "Member must be a time: epoch seconds or ISO 8601, of the years 1 to 9999",
        ),
        (
            "ListArtifacts",
            {"CreatedAfter": "yesterday\n"},
            r"Value 'yesterday\u000a' at 'createdAfter' failed to satisfy constraint: "
            "Member must be a time: epoch seconds or ISO 8601, of the years 1 to 9999",
        ),
        (
            "CreateArtifact",
            {**ARTIFACT, "Properties": {"k": "a\0b"}},
            r"Value 'a\u0000b' at 'properties.k.member' failed to satisfy constraint: "
            "Member must not contain the character NUL, which databases cannot store",
        ),
        (
            "CreateArtifact",
            {**ARTIFACT, "Properties": {"a\ud800": "b"}},
            r"Value 'a\ud800' at 'properties' failed to satisfy constraint: "
            "Map keys must satisfy constraint: [Member must not contain half of a pair of surrogates: it is not text]",
        ),
    ],
    ids=lambda value: value[:30] if isinstance(value, str) else "",
)
def test_each_violation_has_the_wording_of_aws(operation: str, sent: Any, message: str) -> None:
    assert refusal(operation, sent) == f"1 validation error detected: {message}"


def test_one_error_has_all_violations() -> None:
    assert refusal("CreateArtifact", {"ArtifactName": "-", "Source": {}}) == (
        "3 validation errors detected: "
        f"Value '-' at 'artifactName' failed to satisfy constraint: "
        f"Member must satisfy regular expression pattern: {NAME}; "
        "Value null at 'source.sourceUri' failed to satisfy constraint: Member must not be null; "
        "Value null at 'artifactType' failed to satisfy constraint: Member must not be null"
    )


def test_an_error_has_a_limited_number_of_violations() -> None:
    message = refusal("AddTags", {"ResourceArn": ARN, "Tags": [{}] * 50})
    assert message.startswith(f"{MOST} validation errors detected: ")
    assert message.count("Member must not be null") == MOST


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        ([], "The request: expected an object, got a list"),
        ({"Source": "s3://bucket"}, "source: expected an object, got a string"),
        ({"ArtifactName": 5}, "artifactName: expected a string, got a number"),
        ({"Properties": []}, "properties: expected an object, got a list"),
        ({"Properties": {"k\n": True}}, r"properties.k\u000a.member: expected a string, got a boolean"),
        ({"Tags": {}}, "tags: expected a list, got an object"),
        ({"Tags": [None]}, "tags.1.member: expected an object, got null"),
    ],
)
def test_a_value_of_another_type_is_named(sent: Any, message: str) -> None:
    assert complaint("CreateArtifact", sent) == message


@pytest.mark.parametrize(
    ("operation", "sent", "message"),
    [
        ("ListArtifacts", {"MaxResults": 5.5}, "maxResults: expected a whole number, got a number"),
        ("ListArtifacts", {"MaxResults": True}, "maxResults: expected a whole number, got a boolean"),
        ("ListArtifacts", {"MaxResults": "5"}, "maxResults: expected a whole number, got a string"),
        ("ListArtifacts", {"CreatedAfter": True}, "createdAfter: expected a time, got a boolean"),
        ("ListArtifacts", {"CreatedAfter": {}}, "createdAfter: expected a time, got an object"),
        ("QueryLineage", {"IncludeEdges": "true"}, "includeEdges: expected true or false, got a string"),
        (
            "BatchPutMetrics",
            {"TrialComponentName": "run", "MetricData": [{**METRIC, "Value": True}]},
            "metricData.1.member.value: expected a number, got a boolean",
        ),
        (
            "BatchPutMetrics",
            {"TrialComponentName": "run", "MetricData": [{**METRIC, "Value": "0.5"}]},
            "metricData.1.member.value: expected a number, got a string",
        ),
    ],
)
def test_numbers_and_booleans_are_not_guessed(operation: str, sent: Any, message: str) -> None:
    assert complaint(operation, sent) == message


def test_a_pattern_is_not_looked_at_for_years() -> None:
    sent = {"Name": "quota", "ClusterArn": "arn:aws:sagemaker:us-east-1:123456789012:cluster/abcdefghijkl",
             "ComputeQuotaConfig": {}, "ComputeQuotaTarget": {"TeamName": "a" * 500 + "!"}}  # fmt: skip
    assert "at 'computeQuotaTarget.teamName' failed" in refusal("CreateComputeQuota", sent)


def test_a_wrong_type_is_reported_before_any_violation() -> None:
    assert complaint("CreateArtifact", {"ArtifactName": "-", "Source": 5}) == "source: expected an object, got a number"


def test_far_characters_match_patterns_that_write_them_in_two_halves() -> None:
    catalog = {"Catalog": "\U00010000\U0010ffff", "Database": "d", "TableName": "t"}
    sent = {
        "FeatureGroupName": "group", "RecordIdentifierFeatureName": "id", "EventTimeFeatureName": "time",
        "FeatureDefinitions": [{"FeatureName": "id", "FeatureType": "String"}],
        "OfflineStoreConfig": {"S3StorageConfig": {"S3Uri": "s3://bucket/"}, "DataCatalogConfig": catalog},
    }  # fmt: skip
    assert check("CreateFeatureGroup", sent) == sent


def test_integers_may_be_whole_floats_and_doubles_may_be_integers() -> None:
    assert check("ListArtifacts", {"MaxResults": 5.0}) == {"MaxResults": 5}
    [metric] = check("BatchPutMetrics", {"TrialComponentName": "run", "MetricData": [{**METRIC, "Value": 1}]})[
        "MetricData"
    ]
    assert isinstance(metric["Value"], float)


@pytest.mark.parametrize(
    ("written", "time"),
    [
        (0, 0),
        (-1, -1_000),
        (1_700_000_000, 1_700_000_000_000),
        (1_713_661_323.456789, 1_713_661_323_457),
        (1_700_000_000.5, 1_700_000_000_500),
        (0.0005, 1),  # as a float a little more than that
        (0.00048828125, 0),
        (0.00146484375, 1),
        ("2024-04-21T01:02:03.456789Z", 1_713_661_323_457),
        ("2024-04-21T03:02:03.4565+02:00", 1_713_661_323_457),
        ("2024-04-21", 1_713_657_600_000),
        (-62_135_596_800, -62_135_596_800_000),
        (253_402_300_799.999, 253_402_300_799_999),
        ("0001-01-01T00:00:00Z", -62_135_596_800_000),
    ],
)
def test_times_become_the_nearest_epoch_millisecond(written: Any, time: int) -> None:
    assert check("ListArtifacts", {"CreatedAfter": written}) == {"CreatedAfter": time}


@pytest.mark.parametrize(
    "written",
    [
        math.nan, math.inf, -math.inf, 1e300, 10**400, -62_135_596_800.001, 253_402_300_800,
        "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59.9999Z", "9999-12-31T23:59:59-01:00",
        "", "1700000000", "12:00",
    ],
)  # fmt: skip
def test_times_outside_of_the_calendar_are_refused(written: Any) -> None:
    assert "Member must be a time" in refusal("ListArtifacts", {"CreatedAfter": written})


def test_a_union_has_exactly_one_member() -> None:
    shape = _union()
    assert checked(shape, {"StringValue": "a", "NumberValue": None, "Other": 1}) == {"StringValue": "a"}
    for wrong in ({}, {"StringValue": "a", "NumberValue": 1.5}):
        with pytest.raises(Invalid, match=r"Member must have exactly one of: \[stringValue, numberValue\]$"):
            checked(shape, wrong)


def _union() -> Shape:
    return ShapeResolver(
        {
            "Value": {
                "type": "structure",
                "union": True,
                "members": {"StringValue": {"shape": "String"}, "NumberValue": {"shape": "Double"}},
            },
            "String": {"type": "string"},
            "Double": {"type": "double"},
        }
    ).get_shape_by_name("Value")


def _nested(depth: int) -> dict[str, Any]:
    expression: dict[str, Any] = {"Filters": [{"Name": "a", "Operator": "Exists"}]}
    for _ in range(depth):
        expression = {"SubExpressions": [expression]}
    return {"Resource": "Experiment", "SearchExpression": expression}


def test_values_may_be_nested_as_deep_as_in_aws_and_no_deeper() -> None:
    assert check("Search", _nested(49)) == _nested(49)
    assert f"Member must not lie deeper than {DEEPEST} levels" in refusal("Search", _nested(60))
    assert f"Member must not lie deeper than {DEEPEST} levels" in refusal("Search", _nested(5000))


@pytest.mark.parametrize("start", ["s3://bucket/data", "arn:aws:sagemaker:us-east-1:123456789012:training-job/t"])
def test_a_walk_may_start_at_anything_that_has_an_address(start: str) -> None:
    assert check("QueryLineage", {"StartArns": [start]}) == {"StartArns": [start]}


def test_an_association_may_not() -> None:
    assert "at 'sourceArn'" in refusal("AddAssociation", {"SourceArn": "s3://bucket/data", "DestinationArn": ARN})


def test_the_limits_of_a_walk_hold_unless_they_are_lifted() -> None:
    far = {"StartArns": [ARN, "s3://bucket/data"], "MaxDepth": 100, "MaxResults": 1000}
    assert refusal("QueryLineage", far) == (
        "3 validation errors detected: "
        "Value '[2 members]' at 'startArns' failed to satisfy constraint: "
        "Member must have length less than or equal to 1; "
        "Value '100' at 'maxDepth' failed to satisfy constraint: Member must have value less than or equal to 10; "
        "Value '1000' at 'maxResults' failed to satisfy constraint: Member must have value less than or equal to 50"
    )
    assert check("QueryLineage", far, limits=False) == far


def test_no_other_limit_goes_with_them() -> None:
    with pytest.raises(Invalid, match=r"less than or equal to 5$"):
        check("QueryLineage", {"Filters": {"Types": ["DataSet"] * 6}}, limits=False)
    with pytest.raises(Invalid, match=r"less than or equal to 2048$"):
        check("QueryLineage", {"StartArns": ["s" * 2049]}, limits=False)


def test_every_shape_of_both_services_can_be_checked() -> None:
    for name in OPERATIONS:
        assert complaint(name, []) == "The request: expected an object, got a list"


def test_other_commands_do_not_wait_for_botocore() -> None:
    look = "import sys, consumers.api.validator, consumers.api.serializer; print('botocore' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", look], check=True, capture_output=True, text=True).stdout == "False\n"


def test_no_member_of_the_metrics_service_is_anywhere_but_in_the_body() -> None:
    for name in service_model.names(service_model.METRICS):
        operation = service_model.operation(name)
        for shape in (operation.input_shape, operation.output_shape):
            assert [member.serialization for member in shape.members.values() if member.serialization] == []


any_operation = st.sampled_from(OPERATIONS)


@pytest.mark.law
@given(any_operation.flatmap(lambda name: st.tuples(st.just(name), requests(name))))
def test_what_the_model_allows_is_accepted_and_botocore_would_send_it(sent: tuple[str, Any]) -> None:
    operation, sent = sent
    check(operation, sent)
    complaints = ParamValidator().validate(sent, service_model.operation(operation).input_shape)
    assert complaints.generate_report() == ""


@pytest.mark.law
@given(any_operation.flatmap(lambda name: st.tuples(st.just(name), mutated(name))))
def test_one_wrong_value_is_enough_to_be_refused(sent: tuple[str, Any]) -> None:
    operation, sent = sent
    with pytest.raises((Invalid, Unreadable)) as refused:
        check(operation, sent)
    assert refused.value.message.isprintable()


@pytest.mark.law
@given(any_operation.flatmap(lambda name: st.tuples(st.just(name), extended(name))))
def test_members_that_the_model_does_not_have_change_nothing(sent: tuple[str, tuple[Any, Any]]) -> None:
    operation, (sent, more) = sent
    assert check(operation, more) == check(operation, sent)
