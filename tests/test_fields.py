"""How fields are read: what SageMaker writes for nothing is absent, and what users wrote stays."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.resources.client_trial_components import ClientTrialComponent
from consumers.resources.fields import Fields, Tags, read
from consumers.resources.processing_job import ProcessingJob
from consumers.resources.training_job import TrainingJob


class Part(Fields, frozen=True):
    """A structure within another."""

    place: str | None = None
    size: int | None = None


class Whole(Fields, frozen=True):
    """A resource with members of each kind."""

    name: str | None = None
    part: Part = Part()
    parts: list[Part] | None = None
    given: dict[str, str | None] | None = None
    nested: dict[str, dict[str, Part | None] | None] | None = None
    arguments: list[str] | None = None
    tags: Tags = None
    anything: dict[str, Any] | None = None


def whole(**members: Any) -> Whole:
    return read(msgspec.json.encode(members), msgspec.json.Decoder(Whole))


texts = st.dictionaries(st.text(max_size=9), st.text(max_size=9))


@pytest.mark.law
@given(given_=texts, arguments=st.lists(st.text(max_size=9)), tags=texts, anything=texts)
@pytest.mark.parametrize("odd", [{"Part": ""}, {"Part": None}, {"Parts": [{"Size": "3"}]}, {"Nested": {"a": ""}}])
def test_an_odd_member_takes_nothing_from_what_users_wrote(
    odd: dict[str, Any], given_: dict[str, str], arguments: list[str], tags: dict[str, str], anything: dict[str, str]
) -> None:
    read_ = whole(Given=given_, Arguments=arguments, Tags=tags, Anything={"a": [anything, "", {}]}, **odd)

    assert (read_.given or {}, read_.arguments, read_.tags or {}) == (given_, arguments, tags)
    assert read_.anything == {"a": [anything, "", {}]}


def test_what_sagemaker_writes_for_nothing_is_absent() -> None:
    nothing = whole(Name="", Part={"Place": "", "Size": ""}, Parts=["", None, {}], Nested={"a": {"b": ""}, "c": {}})

    assert nothing == Whole(parts=[], nested={"a": {}, "c": {}})


@pytest.mark.parametrize(
    ("fields", "member", "odd"),
    [
        (TrainingJob, "HyperParameters", {"FinalMetricDataList": [{"MetricName": "loss", "Value": "NaN"}]}),
        (TrainingJob, "Environment", {"ModelArtifacts": ""}),
        (ProcessingJob, "Environment", {"ExperimentConfig": ""}),
        (TrainingJob, "Tags", {"OutputDataConfig": "", "CheckpointConfig": ""}),
    ],
)
def test_an_empty_value_of_a_users_map_is_kept(fields: type[msgspec.Struct], member: str, odd: dict[str, Any]) -> None:
    found = read(msgspec.json.encode({member: {"suffix": ""}, **odd}), msgspec.json.Decoder(fields))

    assert msgspec.to_builtins(found)[member] == {"suffix": ""}


def test_an_empty_parameter_of_a_client_is_kept() -> None:
    content = b'{"Parameters": {"a": {"StringValue": ""}}, "Source": ""}'

    read_ = read(content, msgspec.json.Decoder(ClientTrialComponent))

    assert read_.parameters["a"] is not None
