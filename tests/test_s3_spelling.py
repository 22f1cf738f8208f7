"""Objects in S3 under other spellings of their addresses."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.resources.s3_spelling import s3_uri, with_s3_uris
from store.lineage import Association, AssociationType, Lineage, artifact
from tests.support.events import NOON, PARTITION


@pytest.mark.parametrize(
    "url",
    [
        "https://s3.amazonaws.com/models/a/b.tar.gz",
        "http://s3.amazonaws.com/models/a/b.tar.gz",
        "https://s3-eu-west-1.amazonaws.com/models/a/b.tar.gz",
        "https://s3.eu-west-1.amazonaws.com/models/a/b.tar.gz",
        "https://s3.dualstack.eu-west-1.amazonaws.com/models/a/b.tar.gz",
        "https://models.s3.amazonaws.com/a/b.tar.gz",
        "HTTPS://Models.S3.amazonaws.com/a/b.tar.gz",
        "https://models.s3.eu-west-1.amazonaws.com/a/b.tar.gz",
        "https://models.s3-us-gov-west-1.amazonaws.com/a/b.tar.gz",
        "https://models.s3.dualstack.ap-southeast-2.amazonaws.com/a/b.tar.gz",
        "https://models.s3.cn-north-1.amazonaws.com.cn/a/b.tar.gz",
        "https://models.s3.eusc-de-east-1.amazonaws.eu/a/b.tar.gz",
        "s3a://models/a/b.tar.gz",
        "s3n://models/a/b.tar.gz",
    ],
)
def test_each_spelling_names_the_object(url: str) -> None:
    assert s3_uri(url) == "s3://models/a/b.tar.gz"


@pytest.mark.parametrize(
    "address",
    [
        "s3://models/a/b.tar.gz",
        "https://s3.amazonaws.com/models",
        "https://s3.amazonaws.com/",
        "https://models.s3.amazonaws.com/a?versionId=1",
        "https://point-111122223333.s3-accesspoint.eu-west-1.amazonaws.com/a",
        "https://s3.amazonaws.com.example.org/models/a",
        "https://example.org/s3.amazonaws.com/models/a",
        "111122223333.dkr.ecr.eu-west-1.amazonaws.com/image:1",
        "",
    ],
)
def test_other_addresses_are_left_alone(address: str) -> None:
    assert s3_uri(address) is None


def test_a_bucket_with_dots_and_a_key_with_escapes() -> None:
    assert s3_uri("https://my.models.s3.eu-west-1.amazonaws.com/a%20b/%C3%A9") == "s3://my.models/a b/é"


@pytest.mark.law
@given(st.text(max_size=40))
def test_any_text_may_be_an_address(text: str) -> None:
    found = s3_uri(text)
    assert found is None or found.startswith("s3://")


def test_what_has_another_spelling_is_the_same_both_ways() -> None:
    url = artifact(PARTITION, "Model", "https://s3-eu-west-1.amazonaws.com/models/a", NOON)
    uri = artifact(PARTITION, "Model", "s3://models/a", NOON)

    found = with_s3_uris(Lineage((url,)))

    assert found.entities == (url, uri)
    assert found.associations == (
        Association(url.arn, uri.arn, AssociationType.SAME_AS, NOON, inferred=True),
        Association(uri.arn, url.arn, AssociationType.SAME_AS, NOON, inferred=True),
    )


def test_a_lineage_of_s3_uris_stays_as_it_is() -> None:
    plain = Lineage((artifact(PARTITION, "Model", "s3://models/a", NOON),))
    assert with_s3_uris(plain) is plain
