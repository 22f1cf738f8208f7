"""What holds for every resource type, and for the tables that are computed from them."""

from __future__ import annotations

from operator import attrgetter

import msgspec
import pytest

import consumers.kind
from consumers.kind import ACTION, CONTEXT, EXPERIMENT, MODEL_PACKAGE, TRIAL, TRIAL_COMPONENT, ResourceKind
from consumers.resources import CALLS, DESCRIPTIONS, EVENTS, RESOURCE_TYPES
from consumers.resources.types import AnyResource, AnyResourceType, D, Resource
from store.lineage import ARTIFACT_WEIGHTS, Lineage
from tests.support.events import NOON, PARTITION

each_type = pytest.mark.parametrize("one", RESOURCE_TYPES.values(), ids=attrgetter("name"))


class Others(msgspec.Struct, frozen=True):
    """The fields of no type."""


def nothing_known(key: str, fields: type[D], at: int | None = None) -> Resource[D] | None:
    return None


def resource(one: AnyResourceType, fields: type[msgspec.Struct]) -> AnyResource:
    return Resource(one.kind, f"{PARTITION}{one.kind}/name", "name", fields(), created=NOON, modified=NOON)


@each_type
def test_a_type_names_fields_that_its_resources_have(one: AnyResourceType) -> None:
    named = (one.arn_field, one.name_field, one.created_field, one.began_field, *one.status_fields, *one.clock_fields)

    assert {*filter(None, named)} <= set(one.fields.__struct_fields__)
    assert one.identity or (one.arn_field and one.name_field)


@each_type
def test_a_resource_without_any_field_has_lineage_all_the_same(one: AnyResourceType) -> None:
    bare = resource(one, one.fields)

    assert isinstance(one.lineage_of(bare, nothing_known), Lineage)
    assert all(key == key.lower() for key in one.references_of(bare))
    assert {request.operation for request in one.missing_of(bare, nothing_known)} <= DESCRIPTIONS.keys()


@each_type
@pytest.mark.parametrize("how", ["deleted", "replaced"])
def test_no_description_of_what_is_gone_is_requested(how: str, one: AnyResourceType) -> None:
    gone = msgspec.structs.replace(resource(one, one.fields), **{how: NOON})

    assert list(one.missing_of(gone, nothing_known)) == []


@pytest.mark.parametrize("kind", [CONTEXT, ACTION, EXPERIMENT, TRIAL, TRIAL_COMPONENT])
@pytest.mark.parametrize("how", ["deleted", "replaced"])
def test_an_entity_that_a_client_deleted_or_made_again_is_gone_from_lineage(how: str, kind: ResourceKind) -> None:
    one = RESOURCE_TYPES[kind]
    bare = resource(one, one.fields)

    assert len(one.lineage_of(bare, nothing_known).entities) == 1
    assert one.lineage_of(msgspec.structs.replace(bare, **{how: NOON}), nothing_known) == Lineage()


def test_an_artifact_that_says_who_made_it_is_believed_more_than_a_mention_of_it() -> None:
    one = RESOURCE_TYPES[MODEL_PACKAGE]
    made = msgspec.structs.replace(resource(one, one.fields), created_by="arn:aws:iam::111122223333:user/ada")

    [package] = one.lineage_of(made, nothing_known).entities

    assert package.created_by == made.created_by
    assert package.weight > ARTIFACT_WEIGHTS["Model"]


@each_type
def test_a_type_takes_no_resource_of_another_type(one: AnyResourceType) -> None:
    with pytest.raises(TypeError, match=f"Others are not the fields of a {one.name}"):
        one.lineage_of(resource(one, Others), nothing_known)


def test_every_kind_has_a_type() -> None:
    kinds = {value for name, value in vars(consumers.kind).items() if name.isupper() and isinstance(value, str)}

    assert kinds <= RESOURCE_TYPES.keys()


def test_no_event_or_call_belongs_to_two_types() -> None:
    types = RESOURCE_TYPES.values()

    assert len(EVENTS) == sum(len(one.events) for one in types)
    assert len(CALLS) == sum(len(one.calls) for one in types)
    assert len({one.signature for one in types}) == len(types)
