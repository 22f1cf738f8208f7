"""SageMaker's names in PascalCase and lowerCamel: its members are respelled, and no key of a user's map."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import botocore.session
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.resources.spelling import HIDDEN, MAPS, lower_camel, pascal

SERVICE = botocore.session.get_session().get_service_model("sagemaker")
each_operation = pytest.mark.parametrize("operation", sorted(SERVICE.operation_names))


def shapes_of(operation: str) -> list[Any]:
    model = SERVICE.operation_model(operation)
    return [shape for shape in (model.input_shape, model.output_shape) if shape]


def members(shape: Any, above: frozenset[str] = frozenset()) -> Iterator[tuple[str, str]]:
    """Each member of a shape at any depth, and its type."""
    if shape.type_name == "list":
        yield from members(shape.member, above)
    elif shape.type_name == "map":
        yield from members(shape.value, above)
    elif shape.type_name == "structure" and shape.name not in above:
        for name, inner in shape.members.items():
            yield name, inner.type_name
            yield from members(inner, above | {shape.name})


def named(type_name: str) -> set[str]:
    """The members of this type in the requests and responses of all operations."""
    shapes = [shape for name in SERVICE.operation_names for shape in shapes_of(name)]
    return {name for shape in shapes for name, found in members(shape) if found == type_name}


def sample(shape: Any, above: tuple[str, ...] = ()) -> Any:
    """A value of a shape with everything in it."""
    if shape.name in above:
        return {}
    if shape.type_name == "structure":
        return {name: sample(inner, (*above, shape.name)) for name, inner in shape.members.items()}
    if shape.type_name == "list":
        return [sample(shape.member, above)]
    if shape.type_name == "map":
        return {key: sample(shape.value, above) for key in ("lowerKey", "UpperKey", "key", "Key")}
    return "value"


def lowered(value: Any, shape: Any) -> Any:
    """A value of a shape with members in lowerCamel."""
    if shape.type_name == "structure":
        members = shape.members
        return {name[:1].lower() + name[1:]: lowered(inner, members[name]) for name, inner in value.items()}
    if shape.type_name == "list":
        return [lowered(inner, shape.member) for inner in value]
    if shape.type_name == "map":
        return {key: lowered(inner, shape.value) for key, inner in value.items()}
    return value


def test_the_members_whose_keys_are_data_are_the_maps_of_sagemakers_model() -> None:
    assert named("map") == MAPS


def test_a_name_that_is_a_map_somewhere_is_a_structure_nowhere() -> None:
    assert MAPS & named("structure") == set()


@each_operation
def test_every_member_is_respelled_and_no_key_of_a_map(operation: str) -> None:
    for shape in shapes_of(operation):
        made = sample(shape)

        assert pascal(lowered(made, shape)) == made
        assert lower_camel(made) == lowered(made, shape)


@pytest.mark.law
@given(st.sampled_from(sorted(MAPS - {"Filling"})), st.dictionaries(st.text(), st.text()))
def test_no_key_of_a_users_map_changes_or_meets_another(name: str, users: dict[str, str]) -> None:
    described = {"Within": [{name: users}]}

    assert lower_camel(described)["within"] == [{name[:1].lower() + name[1:]: users}]
    assert pascal(lower_camel(described)) == described


@pytest.mark.parametrize(
    ("recorded", "read"),
    [
        ({"trainingJobName": "A"}, {"TrainingJobName": "A"}),
        (
            {"inputDataConfig": [{"dataSource": {"s3DataSource": {"s3Uri": "s3://b/x"}}}]},
            {"InputDataConfig": [{"DataSource": {"S3DataSource": {"S3Uri": "s3://b/x"}}}]},
        ),
        ({"resourceConfig": {"volumeSizeInGB": 30}}, {"ResourceConfig": {"VolumeSizeInGB": 30}}),
        ({"hyperParameters": {"eta": "0.1", "Mode": "x"}}, {"HyperParameters": {"eta": "0.1", "Mode": "x"}}),
        (
            {"parameters": {"lr": {"numberValue": 1}, "parameters": {"stringValue": "x"}}},
            {"Parameters": {"lr": {"NumberValue": 1}, "parameters": {"StringValue": "x"}}},
        ),
        (
            {"containers": [{"environment": {"aWS": "x"}, "image": "i"}]},
            {"Containers": [{"Environment": {"aWS": "x"}, "Image": "i"}]},
        ),
        (
            {"lineage": {"artifactArns": {"raw": "1", "RAW": "2", "Raw": "3"}, "associations": [{"sourceArn": "1"}]}},
            {"Lineage": {"ArtifactArns": {"raw": "1", "RAW": "2", "Raw": "3"}, "Associations": [{"SourceArn": "1"}]}},
        ),
        ({"tags": [{"key": "k", "value": "v"}]}, {"Tags": [{"Key": "k", "Value": "v"}]}),
        ({"tags": {"team": "x", "Team": "y"}}, {"Tags": {"team": "x", "Team": "y"}}),
        (
            {"a": HIDDEN, "environment": {"x": HIDDEN, "y": "1"}, "l": [HIDDEN, 2]},
            {"Environment": {"y": "1"}, "L": [2]},
        ),
        ({}, {}),
    ],
)
def test_a_record_is_read_with_sagemakers_names(recorded: Mapping[str, Any], read: Mapping[str, Any]) -> None:
    assert pascal(recorded) == read
