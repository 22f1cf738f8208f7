"""Signatures: those that clients make are accepted, and requests that were changed on their way are refused."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from starlette.datastructures import Headers

from consumers.api.access import Principal
from consumers.api.errors import BadSignature, IncompleteSignature, NotSigned, Refusal, UnknownClient
from consumers.api.signature import region_of
from tests.support.signatures import ANN, KEY, NOW, SECRET, VERIFIER, Sent, signed

OTHER = "The request signature we calculated does not match the signature you provided."
UNKNOWN = "The security token included in the request is invalid"


def verify(sent: Sent, now: datetime = NOW) -> Principal:
    return VERIFIER.verify(sent.method, sent.path, sent.query, sent.headers, sent.body, now)


PLAIN = Sent()
SIGNED = signed(PLAIN)
PUT = signed(replace(PLAIN, method="PUT", path="/BatchPutMetrics", query="a=1&b=").having(x_amz_target=None))


@pytest.mark.parametrize("sent", [SIGNED, PUT, signed(replace(PLAIN, body=b""))], ids=["post", "put", "no body"])
def test_the_caller_is_identified_by_name_role_and_region(sent: Sent) -> None:
    assert verify(sent) == ANN
    assert verify(sent).arn == "arn:aws:iam::123456789012:user/ann"


def test_the_same_request_again_is_let_pass_within_a_quarter_of_an_hour() -> None:
    for minutes in (-15, 0, 15):
        assert verify(SIGNED, NOW + timedelta(minutes=minutes)) == ANN


# What happens on the way, and does not matter


def test_a_proxy_may_add_headers_and_spaces() -> None:
    on_its_way = SIGNED.having(
        x_forwarded_for="10.0.0.1",
        x_amz_cf_id="abc",
        via="1.1 proxy",
        content_type="  application/x-amz-json-1.1 ",
    )
    assert verify(on_its_way) == ANN


def test_a_header_that_is_there_twice_counts_as_it_will_be_read() -> None:
    arrived = [(name.encode(), value.encode()) for name, value in SIGNED.headers.items()]
    another = (b"x-amz-target", b"SageMaker.DeleteArtifact")
    after, before = Headers(raw=[*arrived, another]), Headers(raw=[another, *arrived])
    assert VERIFIER.verify("POST", "/", "", after, SIGNED.body, NOW) == ANN
    assert after["x-amz-target"] == "SageMaker.CreateArtifact"
    with pytest.raises(BadSignature, match=OTHER):
        VERIFIER.verify("POST", "/", "", before, SIGNED.body, NOW)


def test_spaces_within_a_value_count_as_one() -> None:
    sent = signed(PLAIN.having(x_amz_meta="a  b   c"))
    assert verify(sent) == ANN
    assert verify(sent.having(x_amz_meta=" a b c ")) == ANN
    with pytest.raises(BadSignature):
        verify(sent.having(x_amz_meta="a bc"))


def test_a_client_may_sign_what_botocore_would_leave_out() -> None:
    sent = signed(PLAIN.having(user_agent="aws-sdk-java/1.12", expect="100-continue"))
    assert verify(sent) == ANN
    with pytest.raises(BadSignature, match=OTHER):
        verify(sent.having(user_agent="aws-sdk-java/1.13"))


def test_the_date_may_be_in_the_format_of_http() -> None:
    for date in ("Thu, 01 Jan 2026 00:20:00 GMT", "Thu, 01 Jan 2026 00:20:00 -0000"):
        assert verify(signed(PLAIN.having(x_amz_date=None, date=date))) == ANN


def test_a_hash_of_the_body_may_be_sent() -> None:
    request = PLAIN.having(x_amz_content_sha256=sha256(PLAIN.body).hexdigest())
    assert verify(signed(request)) == ANN
    assert verify(signed(request, names=["host", "x-amz-date", "x-amz-target"])) == ANN


# What was changed on the way


CHANGED: dict[str, Callable[[Sent], Sent]] = {
    "the body": lambda sent: replace(sent, body=sent.body.replace(b"/a", b"/b")),
    "no body": lambda sent: replace(sent, body=b""),
    "the method": lambda sent: replace(sent, method="PUT"),
    "the path": lambda sent: replace(sent, path="/BatchPutMetrics"),
    "the path, in another form": lambda sent: replace(sent, path="/%2f"),
    "a fragment": lambda sent: replace(sent, path="/#BatchPutMetrics"),
    "a host in the path": lambda sent: replace(sent, path="@other/"),
    "a path that is none": lambda sent: replace(sent, path="["),
    "no path": lambda sent: replace(sent, path=""),
    "more slashes": lambda sent: replace(sent, path="//"),
    "a way there and back": lambda sent: replace(sent, path="/a/.."),
    "a fragment and a way back": lambda sent: replace(sent, path="/#/.."),
    "a path that is not ASCII": lambda sent: replace(sent, path="/\xe9"),
    "a query": lambda sent: replace(sent, query="a=1"),
    "a query within the path": lambda sent: replace(sent, path="/?a=1"),
    "a fragment of the query": lambda sent: replace(sent, query="#a=1"),
    "the target": lambda sent: sent.having(x_amz_target="SageMaker.DeleteArtifact"),
    "the host": lambda sent: sent.having(host="headwater.internal:8081"),
    "the type": lambda sent: sent.having(content_type="application/json"),
    "the date": lambda sent: sent.having(x_amz_date="20260101T002001Z"),
    "the region": lambda sent: sent.having(
        authorization=sent.headers["authorization"].replace("eu-central-1", "eu-central-2")
    ),
    "the signature": lambda sent: sent.having(
        authorization=sent.headers["authorization"][:-1] + ("0" if sent.headers["authorization"][-1] != "0" else "1")
    ),
    "half of the signature": lambda sent: sent.having(authorization=sent.headers["authorization"][:-32]),
    "a signature that is not ASCII": lambda sent: sent.having(authorization=sent.headers["authorization"] + "\xe9"),
    "the signature in capitals": lambda sent: sent.having(
        authorization=sent.headers["authorization"][:-64] + sent.headers["authorization"][-64:].upper()
    ),
    "the names of headers": lambda sent: sent.having(
        authorization=sent.headers["authorization"].replace("content-type;", "")
    ),
}


@pytest.mark.parametrize("change", CHANGED.values(), ids=CHANGED.keys())
def test_what_was_changed_on_the_way_is_refused(change: Callable[[Sent], Sent]) -> None:
    with pytest.raises(BadSignature, match=OTHER):
        verify(change(SIGNED))


def test_a_wrong_secret_is_a_bad_signature_and_an_unknown_key_an_unknown_client() -> None:
    with pytest.raises(BadSignature, match=OTHER):
        verify(signed(PLAIN, secret=SECRET.lower()))
    with pytest.raises(UnknownClient, match=UNKNOWN):
        verify(signed(PLAIN, key="AKIABOB"))
    with pytest.raises(UnknownClient, match=UNKNOWN):
        verify(signed(PLAIN, key="AKIABOB", secret=""))


@pytest.mark.parametrize(
    ("scope", "said"),
    [
        ("20260101/eu-central-1/s3/aws4_request", "Credential should be scoped to correct service: 'sagemaker'."),
        ("20260101/eu-central-1/sagemaker/aws3_request", "with a valid terminator: 'aws4_request'."),
        ("20260101/EU/sagemaker/aws4_request", "Credential should be scoped to a valid region."),
        ("20260101//sagemaker/aws4_request", "Credential should be scoped to a valid region."),
        ("20251231/eu-central-1/sagemaker/aws4_request", "'20251231' != '20260101', from '20260101T002000Z'."),
    ],
)
def test_a_credential_is_good_for_one_day_one_region_and_one_service(scope: str, said: str) -> None:
    with pytest.raises(BadSignature) as refused:
        verify(signed(PLAIN, scope=scope))
    assert said in str(refused.value)


def test_a_signature_is_good_for_a_quarter_of_an_hour() -> None:
    with pytest.raises(BadSignature) as refused:
        verify(SIGNED, NOW + timedelta(minutes=15, seconds=1))
    assert str(refused.value) == (
        "Signature expired: 20260101T002000Z is now earlier than 20260101T002001Z (20260101T003501Z - 15 min.)"
    )
    with pytest.raises(BadSignature) as refused:
        verify(SIGNED, NOW - timedelta(minutes=15, seconds=1))
    assert str(refused.value) == (
        "Signature not yet current: 20260101T002000Z is still later than 20260101T001959Z (20260101T000459Z + 15 min.)"
    )


@pytest.mark.parametrize("body", ["UNSIGNED-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER", sha256(b"").hexdigest()])
def test_a_body_that_was_not_signed_is_refused(body: str) -> None:
    with pytest.raises(BadSignature, match="does not match what was computed"):
        verify(signed(PLAIN.having(x_amz_content_sha256=body)))


@pytest.mark.parametrize("name", ["host", "x-amz-target", "x-headwater-limits"])
def test_headers_that_change_what_a_request_does_must_be_signed(name: str) -> None:
    sent = PLAIN.having(x_headwater_limits="none")
    assert verify(signed(sent)) == ANN
    with pytest.raises(BadSignature) as refused:
        verify(signed(sent, names=[one for one in sent.headers if one != name]))
    assert "must be a 'SignedHeader' in the AWS Authorization." in str(refused.value)


def test_the_date_must_be_signed_and_be_one() -> None:
    with pytest.raises(BadSignature, match="'x-amz-date' must be a 'SignedHeader'"):
        verify(signed(PLAIN, names=["host", "x-amz-target"]))
    with pytest.raises(IncompleteSignature, match="'X-Amz-Date' or a 'Date' header"):
        verify(signed(PLAIN.having(x_amz_date=None)))
    dated = PLAIN.having(x_amz_date=None, date="Thu, 01 Jan 2026 00:20:00 GMT")
    with pytest.raises(IncompleteSignature, match="'X-Amz-Date' or a 'Date' header"):
        verify(signed(dated, names=["host", "x-amz-target"]))
    for said in (
        "20260132T000000Z",
        "20260101T002000",
        "yesterday",
        "",
        "20260101t002000z",
        "Thu, 01 Jan 2026 99:00:00",
    ):
        with pytest.raises(IncompleteSignature, match="ISO-8601"):
            verify(signed(PLAIN.having(x_amz_date=said)))


# What is no signature at all


def test_a_request_without_a_signature_is_refused() -> None:
    with pytest.raises(NotSigned) as refused:
        verify(PLAIN)
    assert str(refused.value) == "Missing Authentication Token"


def test_a_presigned_url_is_refused_clearly() -> None:
    for sent in (PLAIN, SIGNED):
        for query in ("X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=00", "a=1&x-amz-credential=a"):
            with pytest.raises(NotSigned, match="does not accept presigned URLs: sign in the Authorization header"):
                verify(replace(sent, query=query))


def test_a_session_token_is_refused_clearly() -> None:
    with pytest.raises(UnknownClient, match=UNKNOWN + r".*have no session tokens\. Sign with a long-lived key"):
        verify(signed(PLAIN.having(x_amz_security_token="FwoGZXIvYXdzE")))


WHOLE = SIGNED.headers["authorization"]


@pytest.mark.parametrize(
    ("authorization", "said"),
    [
        ("", "Unsupported AWS 'algorithm'"),
        ("Bearer Credential=hush", "Unsupported AWS 'algorithm'"),
        (WHOLE.replace("HMAC-SHA256", "ECDSA-P256-SHA256"), "Unsupported AWS 'algorithm'"),
        (
            "AWS4-HMAC-SHA256",
            "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' parameter."
            " Authorization header requires 'SignedHeaders' parameter.",
        ),
        (WHOLE.replace("Signature=", "signature="), "Authorization header requires 'Signature' parameter."),
        (WHOLE.replace("Signature=", "Signature"), "Authorization header requires 'Signature' parameter."),
        (WHOLE + ", Signature=hush", "other parameters than one of Credential, Signature, SignedHeaders"),
        (WHOLE + ",", "other parameters than one of"),
        (WHOLE.replace("/aws4_request", ""), "Credential must have exactly 5 slash-delimited elements"),
        (WHOLE.replace(KEY, "AKIA/ANN"), "Credential must have exactly 5 slash-delimited elements"),
        (WHOLE.replace("host;x-amz-date", "x-amz-date;host"), "SignedHeaders must be sorted"),
        (WHOLE.replace("host;", "host;host;"), "SignedHeaders must be sorted"),
        (WHOLE.replace("content-type;", "Content-type;"), "'Content-type' is named as a SignedHeader, but it does not"),
        (WHOLE.replace("host;", "horse;"), "'horse' is named as a SignedHeader, but it does not exist"),
    ],
)
def test_the_error_for_a_malformed_authorization_says_what_is_missing(authorization: str, said: str) -> None:
    with pytest.raises(IncompleteSignature) as refused:
        verify(SIGNED.having(authorization=authorization))
    assert said in str(refused.value)
    assert "hush" not in str(refused.value)


def test_no_error_and_no_log_has_a_secret(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(BadSignature) as refused:
        verify(SIGNED.having(host="other"))
    right = signed(PLAIN.having(host="other")).headers["authorization"].rpartition("=")[2]
    assert verify(SIGNED) == ANN
    for secret in (SECRET, right):
        assert secret not in str(refused.value)
        assert secret not in caplog.text
        assert secret not in repr(VERIFIER)


# Laws


def canonical(sent: Sent) -> tuple[Any, ...]:
    """What two requests have in common that are signed alike."""
    headers = {name: " ".join(value.split()) for name, value in sent.headers.items()}
    headers["authorization"] = "".join(sent.headers["authorization"].split())
    query = sorted(pair if "=" in pair else f"{pair}=" for pair in sent.query.split("&"))
    return sent.method, sent.path, query, headers, sent.body


@pytest.mark.law
@given(st.sampled_from([SIGNED, PUT]), st.data())
def test_one_byte_changed_anywhere_is_refused(sent: Sent, data: st.DataObject) -> None:
    where = data.draw(st.sampled_from(["path", "query", "body", *sent.headers]))
    was: Any = sent.headers.get(where) or getattr(sent, where)
    at = data.draw(st.integers(0, len(was)))
    to = data.draw(st.integers(at, min(at + 1, len(was))))  # replaced, or put in between
    now: Any = was[:at] + data.draw(st.binary(max_size=1) if where == "body" else latin(1)) + was[to:]
    changed = sent.having(**{where: now}) if where in sent.headers else replace(sent, **{where: now})
    assume(canonical(changed) != canonical(sent))
    with pytest.raises(Refusal):
        verify(changed)


def latin(most: int) -> st.SearchStrategy[str]:
    return st.text(st.characters(max_codepoint=255), max_size=most)


@pytest.mark.law
@given(
    st.builds(
        Sent,
        method=latin(5),
        path=latin(20),
        query=latin(20),
        headers=st.dictionaries(
            st.sampled_from([*SIGNED.headers, "date", "x-amz-content-sha256", "x-headwater-limits"]), latin(30)
        ),
        body=st.binary(max_size=20),
    ),
    st.booleans(),
)
def test_whatever_comes_is_refused_and_breaks_nothing(sent: Sent, meant: bool) -> None:
    with pytest.raises(Refusal):
        verify(replace(sent, method="GET", headers=SIGNED.headers | sent.headers) if meant else sent)


# What is read without being verified


def test_the_region_is_read_without_being_verified() -> None:
    assert region_of(SIGNED.headers) == "eu-central-1"


@pytest.mark.parametrize(
    ("scope", "region"),
    [
        ("AKIAANN/20260101/EU/sagemaker", None),
        ("AKIAANN/20260101/eu central/sagemaker", None),
        (f"AKIAANN/20260101/{'a' * 65}/sagemaker", None),
        ("a.b+c/20260101/eu-central-1/sagemaker", "eu-central-1"),
        ("AKIAANN/today/eu-central-1/sagemaker", None),
        ("AKIAANN", None),
    ],
)
def test_what_cannot_be_a_region_is_none(scope: str, region: str | None) -> None:
    headers = {"authorization": f"AWS4-HMAC-SHA256 Credential={scope}/aws4_request, SignedHeaders=host, Signature=00"}
    assert region_of(headers) == region
    assert region_of({}) is None
