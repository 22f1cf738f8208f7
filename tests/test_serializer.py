"""Responses as they go out: the members and types of SageMaker's own service model."""

from __future__ import annotations

import math
from enum import StrEnum
from types import MappingProxyType
from typing import Any

import msgspec
import pytest
from botocore.parsers import create_parser
from hypothesis import given
from hypothesis import strategies as st

from consumers.api import service_model
from consumers.api.operations import answered
from consumers.api.serializer import encoded, shaped
from consumers.api.validator import checked
from tests.support.model_values import JSON, OPERATIONS, nearly, requests

ARN = "arn:aws:sagemaker:us-east-1:123456789012:experiment-trial-component/run"


def said(operation: str, answer: Any) -> Any:
    return msgspec.json.decode(encoded(operation, answer))


def test_what_the_model_knows_goes_out_and_nothing_else() -> None:
    answer = {
        "TrialComponentArn": ARN,
        "DisplayName": None,
        "Colour": "red",
        "Parameters": {"lr": {"NumberValue": 0.1, "StringValue": None}, "none": None},
        "Metrics": [{"MetricName": "loss", "Count": 2, "Weight": 3}],
        "CreatedBy": {},
    }
    assert said("DescribeTrialComponent", answer) == {
        "TrialComponentArn": ARN,
        "Parameters": {"lr": {"NumberValue": 0.1}},
        "Metrics": [{"MetricName": "loss", "Count": 2}],
        "CreatedBy": {},
    }


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        (1_700_000_000_123, b"1700000000.123"),
        (1_700_000_000_000, b"1700000000"),
        (0, b"0"),
        (-1, b"-0.001"),
        (253_402_300_799_999, b"253402300799.999"),
        ("2023-11-14T22:13:20.123Z", b"1700000000.123"),
        ("2023-11-15T00:13:20+02:00", b"1700000000"),
        ("1700000000123", b"1700000000.123"),
        ("1700000000.123", b"1700000000.123"),
        (1_700_000_000_123.0, b"1700000000.123"),
        (1_700_000_000.5, b"1700000000.5"),
    ],
)
def test_times_go_out_in_epoch_seconds_however_they_came(value: Any, sent: bytes) -> None:
    assert encoded("DescribeArtifact", {"CreationTime": value}) == b'{"CreationTime":' + sent + b"}"


@pytest.mark.parametrize(
    ("operation", "member", "value"),
    [
        ("DescribeArtifact", "CreationTime", "yesterday"),
        ("DescribeArtifact", "CreationTime", "nan"),
        ("DescribeArtifact", "CreationTime", True),
        ("DescribeArtifact", "CreationTime", math.inf),
        ("DescribeArtifact", "CreationTime", 10**20),
        ("DescribeArtifact", "CreationTime", 10**400),
        ("DescribeArtifact", "CreationTime", []),
        ("DescribeArtifact", "ArtifactName", 5),
        ("DescribeArtifact", "ArtifactName", "half \ud800"),
        ("DescribeArtifact", "Source", "s3://bucket"),
        ("DescribeArtifact", "Properties", []),
        ("DescribeTrialComponent", "Metrics", {}),
        ("DescribeTrainingJob", "EnableNetworkIsolation", "yes"),
        ("DescribeTrainingJob", "TrainingTimeInSeconds", "soon"),
        ("DescribeTrainingJob", "TrainingTimeInSeconds", 5.5),
        ("DescribeTrainingJob", "TrainingTimeInSeconds", True),
        ("DescribeTrainingJob", "TrainingTimeInSeconds", 2**63),
    ],
)
def test_what_is_of_another_type_is_left_out(operation: str, member: str, value: Any) -> None:
    assert encoded(operation, {member: value}) == encoded(operation, {})


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 10**400, "Infinity", "nothing", True, []])
def test_what_is_no_finite_number_is_left_out(value: Any) -> None:
    assert encoded("DescribeTrialComponent", {"Metrics": [{"Last": value, "Count": 1}]}) == b'{"Metrics":[{"Count":1}]}'


def test_numbers_are_read_from_texts() -> None:
    job = said("DescribeTrainingJob", {"TrainingTimeInSeconds": "120", "BillableTimeInSeconds": "90.0"})
    assert (job["TrainingTimeInSeconds"], job["BillableTimeInSeconds"]) == (120, 90)
    [metric] = said("DescribeTrialComponent", {"Metrics": [{"Last": "1e-3"}]})["Metrics"]
    assert metric["Last"] == 0.001


def test_one_wrong_element_or_entry_costs_its_neighbours_nothing() -> None:
    assert said("ListTags", {"Tags": [{"Key": "a", "Value": "b"}, "c", None]}) == {"Tags": [{"Key": "a", "Value": "b"}]}
    assert said("DescribeArtifact", {"Properties": {"a": "b", "c": 5, "\ud800": "d"}}) == {"Properties": {"a": "b"}}


class _Status(StrEnum):
    COMPLETED = "Completed"


def test_enumerations_tuples_and_other_mappings_are_what_they_stand_for() -> None:
    answer = MappingProxyType({"Status": _Status.COMPLETED, "Properties": MappingProxyType({"a": "b"})})
    assert said("DescribeAction", answer) == {"Status": "Completed", "Properties": {"a": "b"}}
    assert said("ListTags", {"Tags": ({"Key": "a"},)}) == {"Tags": [{"Key": "a", "Value": ""}]}


def test_enumerations_may_have_values_that_the_model_does_not_know() -> None:
    assert said("DescribeAction", {"Status": "Paused"}) == {"Status": "Paused"}


def test_a_union_that_clients_would_refuse_is_left_out() -> None:
    shape = service_model.operation("DescribeInferenceComponent").output_shape
    assert shaped(shape, {"InferenceComponentName": 5}) == shaped(shape, {})
    policy: dict[str, Any] = {"MetricSpecification": {"Predefined": {}, "Customized": {}}}
    shape = service_model.operation("GetScalingConfigurationRecommendation").output_shape
    scaled = {"DynamicScalingConfiguration": {"ScalingPolicies": [{"TargetTracking": policy}]}}
    assert shaped(shape, scaled) == {"DynamicScalingConfiguration": {"ScalingPolicies": [{"TargetTracking": {}}]}}


def test_an_operation_that_answers_nothing_answers_an_empty_object() -> None:
    assert service_model.operation("DeleteEndpoint").output_shape is None
    assert encoded("DeleteEndpoint", {"EndpointName": "e"}) == b"{}"


REQUIRED = [
    name
    for name in answered()
    if (output := service_model.operation(name).output_shape) is not None and output.required_members
]
CHOICES = {"ModelCardStatus", "HubContentStatus"}
"""Statuses without a value for what was just made: a card's is its author's, and nothing reports hub content."""


@pytest.mark.parametrize("name", REQUIRED)
def test_every_answer_has_its_required_members_where_something_can_stand_for_nothing(name: str) -> None:
    shape = service_model.operation(name).output_shape
    said_of_nothing = shaped(shape, {})

    assert set(said_of_nothing) <= set(shape.required_members)
    for member in set(shape.required_members) - set(said_of_nothing):
        missing = shape.members[member]
        choice = missing.type_name == "string" and missing.enum and not missing.name.endswith("Status")
        other = missing.type_name in ("timestamp", "integer", "long", "boolean", "structure")
        assert choice or other or missing.name in CHOICES, member


@pytest.mark.parametrize(
    ("operation", "status", "first"),
    [
        ("DescribeTrainingJob", "TrainingJobStatus", "InProgress"),
        ("DescribeEndpoint", "EndpointStatus", "Creating"),
        ("DescribeCompilationJob", "CompilationJobStatus", "INPROGRESS"),
        ("DescribeInferenceRecommendationsJob", "Status", "PENDING"),
        ("DescribeFlowDefinition", "FlowDefinitionStatus", "Initializing"),
    ],
)
def test_a_status_that_nobody_reported_is_that_of_something_just_made(operation: str, status: str, first: str) -> None:
    assert said(operation, {})[status] == first
    assert said(operation, {status: "Failed"})[status].lower() == "failed"


@pytest.mark.parametrize(
    ("reported", "secondary"),
    [
        ({"TrainingJobStatus": "Completed"}, "Completed"),
        ({"TrainingJobStatus": "InProgress"}, "Pending"),
        ({}, "Pending"),
        ({"TrainingJobStatus": "Stopping", "SecondaryStatus": "Uploading"}, "Uploading"),
    ],
)
def test_the_secondary_status_of_a_job_does_not_contradict_its_status(reported: Any, secondary: str) -> None:
    assert said("DescribeTrainingJob", reported)["SecondaryStatus"] == secondary


ANSWERING = [name for name in OPERATIONS if service_model.operation(name).output_shape]


@pytest.mark.law
@given(
    st.sampled_from(ANSWERING).flatmap(
        lambda name: st.tuples(st.just(name), JSON | nearly(service_model.operation(name).output_shape))
    )
)
def test_botocore_can_read_every_answer(answer: tuple[str, Any]) -> None:
    operation, value = answer
    shape = service_model.operation(operation).output_shape
    sent = shaped(shape, value)
    assert (sent is None) == (not isinstance(value, dict))
    body = msgspec.json.encode(sent or {})
    protocol = "rest-json" if operation in service_model.names(service_model.METRICS) else "json"
    read = create_parser(protocol).parse({"body": body, "headers": {}, "status_code": 200}, shape)
    assert set(read) - {"ResponseMetadata"} == set(sent or {})


FLAT = [name for name in OPERATIONS if name != "Search"]  # no answer contains itself, so nothing shapes what does


@pytest.mark.law
@given(st.sampled_from(FLAT).flatmap(lambda name: st.tuples(st.just(name), requests(name))))
def test_what_was_taken_goes_out_so_that_it_can_be_taken_again(asked: tuple[str, Any]) -> None:
    operation, request = asked
    shape = service_model.operation(operation).input_shape
    taken = checked(shape, request)
    assert checked(shape, msgspec.json.decode(msgspec.json.encode(shaped(shape, taken)))) == taken
