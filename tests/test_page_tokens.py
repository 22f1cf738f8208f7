"""NextTokens: they bring back the key of a row, and anything else is refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import pytest
from botocore import xform_name
from hypothesis import given
from hypothesis import strategies as st

from consumers.api import page_tokens, service_model, validator
from consumers.api.errors import Invalid
from consumers.api.request import Request
from tests.support.api_server import ACCOUNT, PARTITION, REGION, Api
from tests.support.events import abalone
from tests.support.stores import fed

KEYS = st.lists(
    st.none()
    | st.integers(-(2**53), 2**53)
    | st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20),
    max_size=4,
).map(tuple)
TYPES = (int, str)


def request(**members: Any) -> Request:
    return Request("ListArtifacts", members, "eu-west-1", "111122223333", "arn:aws:sagemaker:eu-west-1:111122223333:")


@pytest.mark.law
@given(KEYS)
def test_a_token_brings_back_its_key(key: tuple[Any, ...]) -> None:
    token = page_tokens.token(request(ArtifactType="Model", MaxResults=10), key)

    found = page_tokens.page_key(request(ArtifactType="Model", MaxResults=20, NextToken=token), [*map(type, key)])

    assert found == key


def test_without_a_token_a_list_begins_at_its_beginning() -> None:
    assert page_tokens.page_key(request(), TYPES) is None


def test_a_token_of_another_request_is_refused() -> None:
    token = page_tokens.token(request(ArtifactType="Model"), (1, "x"))
    other = msgspec.structs.replace(request(ArtifactType="Model", NextToken=token), operation="ListActions")

    with pytest.raises(Invalid, match="other parameters"):
        page_tokens.page_key(request(ArtifactType="DataSet", NextToken=token), TYPES)
    with pytest.raises(Invalid, match="other parameters"):
        page_tokens.page_key(other, TYPES)


def test_a_token_of_another_version_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    token = page_tokens.token(request(), (1, "x"))
    monkeypatch.setattr(page_tokens, "_VERSION", 2)

    with pytest.raises(Invalid, match="another version"):
        page_tokens.page_key(request(NextToken=token), TYPES)


@pytest.mark.law
@given(st.text(max_size=60), st.integers(0, 200))
def test_a_damaged_token_is_refused_or_means_the_same(text: str, at: int) -> None:
    key = (17, "arn:aws:sagemaker:eu-west-1:111122223333:artifact/x")
    token = page_tokens.token(request(), key)

    for one in (text or "x", token[:at] + text + token[at + len(text) + 1 :]):
        try:
            assert page_tokens.page_key(request(NextToken=one), TYPES) == key  # base64 has several spellings
        except Invalid as why:
            assert "NextToken was not made" in str(why)  # noqa: PT017  # both outcomes are right


ABALONE = "arn:aws:sagemaker:us-west-2:000000000000"
LISTS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "by time": ("ListArtifacts", {}),
    "by name": ("ListContexts", {"SortBy": "Name"}),
    "associations by time": ("ListAssociations", {}),
    "associations by type": ("ListAssociations", {"SortBy": "SourceType"}),
    "jobs by time": ("ListTrainingJobs", {}),
    "jobs by name": ("ListTrainingJobs", {"SortBy": "Name"}),
    "jobs by status": ("ListTrainingJobs", {"SortBy": "Status"}),
    "lineage": ("QueryLineage", {"Filters": {"LineageTypes": ["Artifact"]}}),
    "search by time": ("Search", {"Resource": "ExperimentTrialComponent"}),
    "search by a parameter": ("Search", {"Resource": "ExperimentTrialComponent", "SortBy": "Parameters.depth"}),
    "search of jobs": ("Search", {"Resource": "TrainingJob"}),
    "steps": (
        "ListPipelineExecutionSteps",
        {"PipelineExecutionArn": f"{ABALONE}:pipeline/abalonepipeline/execution/d84ewltjmxhe"},
    ),
    "tags": ("ListTags", {"ResourceArn": f"{ABALONE}:training-job/pipelines-d84ewltjmxhe-abalonetrain-3kyzvpyx11"}),
}
FORGED: tuple[tuple[Any, ...], ...] = (
    (),
    ("x",),
    ("x", "y"),
    ("x", 1),
    (1, 1),
    ("x", "y", "z"),
    (0, "x", "y"),
    (7, 1, "y"),
    (-1, None, "y"),
    (2**70, 2**70),
    (2**70, "x"),
    (0, 2**70, "y"),
    (True, "x"),
    (1.5, "x"),
    ("a\0b", 1),
    (1, "a\0b"),
    (None, "x"),
    ([], {}),
    ({"a": 1}, "x"),
)


@pytest.mark.parametrize("name", LISTS)
def test_a_forged_token_is_refused_or_continues_somewhere(api_on_both: Api, name: str) -> None:
    fed(api_on_both.store, abalone())
    operation, members = LISTS[name]
    client = api_on_both.sagemaker
    call = getattr(client, xform_name(operation))
    checked = validator.checked(service_model.operation(operation).input_shape, members)
    for key in FORGED:
        token = page_tokens.token(Request(operation, checked, REGION, ACCOUNT, PARTITION), key)
        code = "ValidationException"
        try:
            call(**members, NextToken=token)
        except client.exceptions.ClientError as why:
            code = why.response["Error"]["Code"]
        assert code == "ValidationException", key
