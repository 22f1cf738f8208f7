"""Events as AWS sends them: every envelope, every spelling of a time, and the reasons why a message is no event."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.event import Event, Malformed, decode, milliseconds

# As in the EventBridge reference, without the fields that no test reads.
TRAINED = {
    "version": "0",
    "id": "844e2571-85d4-695f-b930-0153b71dcb42",
    "detail-type": "SageMaker Training Job State Change",
    "source": "aws.sagemaker",
    "account": "123456789012",
    "time": "2018-10-06T12:26:13Z",
    "region": "us-east-1",
    "resources": ["arn:aws:sagemaker:us-east-1:123456789012:training-job/kmeans-1"],
    "detail": {"TrainingJobName": "89c96cc8-dded-4739-afcc-6f1dc936701d", "TrainingJobStatus": "Completed"},
}


def event(**fields: Any) -> bytes:
    """TRAINED with other fields; None leaves one out. Underscores stand for hyphens."""
    changed = {name.replace("_", "-"): value for name, value in fields.items()}
    return json.dumps({name: value for name, value in {**TRAINED, **changed}.items() if value is not None}).encode()


def reason(body: bytes) -> str:
    with pytest.raises(Malformed) as malformed:
        decode(body)
    return str(malformed.value)


def test_an_event_is_read_whole() -> None:
    body = event()
    assert decode(body) == Event(
        kind="SageMaker Training Job State Change",
        detail=decode(body).detail,
        time=1538828773000,
        id="844e2571-85d4-695f-b930-0153b71dcb42",
        source="aws.sagemaker",
        account="123456789012",
        region="us-east-1",
        resources=("arn:aws:sagemaker:us-east-1:123456789012:training-job/kmeans-1",),
        body=body,
    )
    assert json.loads(bytes(decode(body).detail)) == TRAINED["detail"]


@pytest.mark.parametrize("field", ["id", "source", "account", "region"])
@pytest.mark.parametrize("absent", ["", None])
def test_a_hand_made_event_may_lack_fields_of_the_envelope(field: str, absent: str | None) -> None:
    assert getattr(decode(event(**{field: absent})), field) == ""
    assert getattr(decode(json.dumps({**TRAINED, field: None}).encode()), field) == ""


@pytest.mark.parametrize(
    ("field", "resources"),
    [
        (["arn:1", "arn:2"], ("arn:1", "arn:2")),
        ("arn:1", ("arn:1",)),
        ([], ()),
        ("", ()),
        ([None, "", "arn:1"], ("arn:1",)),
        (None, ()),
    ],
)
def test_resources_are_a_list_a_text_or_missing(field: Any, resources: tuple[str, ...]) -> None:
    assert decode(event(resources=field)).resources == resources
    assert decode(json.dumps({**TRAINED, "resources": field}).encode()).resources == resources


def test_an_account_that_is_a_number_keeps_its_zeros() -> None:
    assert decode(event(account=12345678901)).account == "012345678901"


def test_an_id_may_be_a_number() -> None:
    assert decode(event(id=7)).id == "7"


def test_fields_that_no_rule_reads_stay_in_the_body() -> None:
    body = event(replay_name="june", detail={"New": [1, {"Field": None}]})
    assert decode(body).body == body


def test_an_event_of_another_service_is_an_event() -> None:
    assert decode(event(source="aws.s3", detail_type="Object Created")).kind == "Object Created"


NOON = 1583831889050  # 2020-03-10T09:18:09.050Z


@pytest.mark.parametrize(
    ("spelling", "time"),
    [
        ("2020-03-10T09:18:09Z", NOON - 50),
        ("2020-03-10T09:18:09.050Z", NOON),
        ("2020-03-10T09:18:09.050999999Z", NOON),
        ("2020-03-10T10:18:09.050+01:00", NOON),
        ("2020-03-10T09:18:09.050", NOON),
        ("2020-03-10", NOON - 33489050),
        ("1583831889050", NOON),
        ("1583831889050.0", NOON),
        (1583831889050, NOON),
        (1583831889050.0, NOON),
        (1583831889, NOON - 50),
        (1583831889.05, NOON),
        ("1583831889.05", NOON),
        (0, 0),
    ],
)
def test_a_time_is_read_in_every_spelling(spelling: str | float, time: int) -> None:
    assert milliseconds(spelling, "time") == time
    assert decode(event(time=spelling)).time == time


@pytest.mark.parametrize("absent", [None, ""])
def test_a_time_may_be_missing(absent: str | None) -> None:
    assert decode(json.dumps({**TRAINED, "time": absent}).encode()).time is None


# Until 2038: from then on floats of seconds lose a millisecond here and there.
@pytest.mark.law
@given(st.datetimes(datetime(2005, 1, 1), datetime(2038, 1, 1)))  # noqa: DTZ001  # hypothesis takes them without a zone
def test_a_time_is_the_same_in_every_spelling(moment: datetime) -> None:
    moment = moment.replace(microsecond=moment.microsecond // 1000 * 1000, tzinfo=UTC)
    time = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    iso = moment.isoformat(timespec="milliseconds").removesuffix("+00:00")
    assert [
        milliseconds(spelling, "time") for spelling in (f"{iso}Z", f"{iso}000000Z", time, str(time), float(time))
    ] == [time] * 5


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("yesterday", "time is not a time: 'yesterday'"),
        ("2020-13-01T00:00:00Z", "time is not a time: '2020-13-01T00:00:00Z'"),
        ("x" * 100, f"time is not a time: '{'x' * 40}'"),
        (-1, "time is not a time: -1"),
        (1e300, "time is not a time: 1e+300"),
        ("9" * 400, "time is not a time: "),
    ],
)
def test_a_text_that_is_no_time_is_malformed_with_a_reason(text: str | float, said: str) -> None:
    assert reason(event(time=text)).startswith(said)


def sns(message: bytes, **fields: Any) -> bytes:
    envelope = {
        "Type": "Notification",
        "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
        "TopicArn": "arn:aws:sns:us-west-2:123456789012:events",
        "Message": message.decode(),
        "Timestamp": "2018-10-06T12:26:14.000Z",
        "SignatureVersion": "1",
    }
    return json.dumps({**envelope, **fields}).encode()


def test_an_event_in_a_notification_is_the_same_event() -> None:
    body = event(detail={"FailureReason": 'Größe\n"quoted" 😀'})
    assert decode(sns(body)) == decode(body)
    assert decode(sns(body)).key() == decode(body).key()


def test_a_notification_around_something_else_is_no_event() -> None:
    assert reason(sns(b"{}")) == "not an EventBridge event: it has no detail-type"
    assert reason(sns(b"hello")).startswith("not an EventBridge event: ")
    assert reason(sns(sns(event()))) == "not an EventBridge event: it has no detail-type"


def test_an_event_over_many_lines_is_the_same_event_on_one() -> None:
    body = event()
    pretty = json.dumps(json.loads(body), indent=4).encode()
    assert b"\n" not in decode(pretty).body
    assert json.loads(decode(pretty).body) == TRAINED
    assert decode(pretty).key() == decode(json.dumps(TRAINED, indent=1).encode()).key()


def test_the_same_bytes_have_the_same_key_and_others_another() -> None:
    assert decode(event()).key() == decode(event()).key()
    assert decode(event()).key() != decode(event(id="another")).key()
    assert len(decode(event()).key()) == 16


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "not an EventBridge event: Input data was truncated"),
        (b"hello", "not an EventBridge event: JSON is malformed: invalid character (byte 0)"),
        (b'{"detail-type": "x"', "not an EventBridge event: Input data was truncated"),
        (b"[]", "not an EventBridge event: Expected `object`, got `array`"),
        (b"null", "not an EventBridge event: Expected `object`, got `null`"),
        (b"{}", "not an EventBridge event: it has no detail-type"),
        (event(detail_type=""), "not an EventBridge event: it has no detail-type"),
        (event(detail_type=7), "not an EventBridge event: Expected `str | null`, got `int` - at `$.detail-type`"),
        (event(detail=None), "not an EventBridge event: it has no detail that is an object"),
        (event(detail="text"), "not an EventBridge event: it has no detail that is an object"),
        (event(detail=[]), "not an EventBridge event: it has no detail that is an object"),
        (
            json.dumps({**TRAINED, "detail": None}).encode(),
            "not an EventBridge event: it has no detail that is an object",
        ),
        (event(id="a\0b"), "holds a NUL character, which no database keeps in a text"),
        (event(detail={"Tags": {"a\0b": "c"}}), "holds a NUL character, which no database keeps in a text"),
    ],
    ids=range(14),
)
def test_a_message_that_is_no_event_is_malformed_with_a_reason(body: bytes, said: str) -> None:
    assert reason(body) == said


@pytest.mark.parametrize("deep", [b"[" * 100_000, b'{"a":' * 100_000, b"[" * 100_000 + b"]" * 100_000])
def test_a_message_that_is_nested_too_deeply_is_no_event(deep: bytes) -> None:
    assert reason(event(detail={"deep": "here"}).replace(b'"here"', deep)).startswith("not an EventBridge event: ")


def decoded(body: bytes) -> Event | str:
    """The event, or the reason why it is none."""
    try:
        return decode(body)
    except Malformed as malformed:
        return str(malformed)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=2), inner, max_size=2),
    max_leaves=3,
)
fields = st.dictionaries(st.sampled_from([*TRAINED, "Type", "Message"]), json_values, max_size=3)


@pytest.mark.law
@given(fields, st.sampled_from([None, 2]))
def test_whatever_the_fields_hold_it_is_an_event_or_malformed(fields: dict[str, Any], indent: int | None) -> None:
    found = decoded(json.dumps({**TRAINED, **fields}, indent=indent).encode())
    if isinstance(found, Event):
        assert decode(found.body).key() == found.key()
    else:
        assert len(found.splitlines()) == 1


@pytest.mark.law
@given(st.binary() | st.binary().map(lambda noise: event(detail={"A": "here"}).replace(b"here", noise)))
def test_whatever_the_bytes_are_it_is_an_event_or_malformed(body: bytes) -> None:
    assert decoded(body)
