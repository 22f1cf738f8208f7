"""Tokens of lists."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.api import page_tokens
from consumers.api.errors import Invalid
from consumers.api.request import Request

POSITIONS = st.lists(st.none() | st.integers(-(2**53), 2**53) | st.text(max_size=20), max_size=4).map(tuple)


def asked(**members: Any) -> Request:
    return Request("ListArtifacts", members, "eu-west-1", "111122223333", "arn:aws:sagemaker:eu-west-1:111122223333:")


@pytest.mark.law
@given(POSITIONS)
def test_a_token_brings_back_its_position(position: tuple[Any, ...]) -> None:
    told = page_tokens.token(asked(ArtifactType="Model", MaxResults=10), position)

    assert page_tokens.begin(asked(ArtifactType="Model", MaxResults=20, NextToken=told)) == position


def test_without_a_token_a_list_begins_at_its_beginning() -> None:
    assert page_tokens.begin(asked()) is None


def test_a_token_of_another_request_is_refused() -> None:
    told = page_tokens.token(asked(ArtifactType="Model"), (1, "x"))

    with pytest.raises(Invalid, match="other parameters"):
        page_tokens.begin(asked(ArtifactType="DataSet", NextToken=told))
    with pytest.raises(Invalid, match="other parameters"):
        page_tokens.begin(msgspec.structs.replace(asked(ArtifactType="Model", NextToken=told), operation="ListActions"))


def test_a_token_of_another_version_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    told = page_tokens.token(asked(), (1, "x"))
    monkeypatch.setattr(page_tokens, "_VERSION", 2)

    with pytest.raises(Invalid, match="another version"):
        page_tokens.begin(asked(NextToken=told))


@pytest.mark.law
@given(st.text(max_size=60), st.integers(0, 200))
def test_what_is_no_token_is_refused_or_says_what_it_said(text: str, at: int) -> None:
    position = (17, "arn:aws:sagemaker:eu-west-1:111122223333:artifact/x")
    told = page_tokens.token(asked(), position)

    for one in (text or "x", told[:at] + text + told[at + len(text) + 1 :]):
        try:
            assert page_tokens.begin(asked(NextToken=one)) == position  # base64 has several spellings
        except Invalid as why:
            assert "NextToken is none" in str(why)  # noqa: PT017  # both outcomes are right
