"""Putting events on a topic: they arrive whole, outages lose none, and a refusal says what to do."""

from __future__ import annotations

import asyncio
import base64
import logging
import signal
import socket
import ssl
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from aiokafka import AIOKafkaClient
from confluent_kafka import Consumer, KafkaError, TopicPartition

from ingest.delivery import Refused, Unavailable
from ingest.kafka.connection import Connection, TopicDescription, describe_topic
from ingest.kafka.topic import LARGEST, Message, PreparedTopic, Topic, partition_count, prepare_topic
from tests.support.certificates import certificates
from tests.support.kafka_broker import Broker, Cluster, NoBroker, Secure
from tests.support.waiting import PATIENCE

PASSWORD = "correct horse"


def everything_on(kafka: Cluster, topic: str) -> list[tuple[int, Message]]:
    """All messages of a topic with their partitions, each partition's in its order."""
    ends = {number: end for number, end in kafka.end_offsets(topic).items() if end}
    found: list[tuple[int, Message]] = []
    asking = Consumer(
        {"bootstrap.servers": kafka.bootstrap, "group.id": "looking", "enable.partition.eof": True, "log_level": 0}
    )
    with asking:
        asking.assign([TopicPartition(topic, number, 0) for number in ends])
        while ends:
            got = asking.poll(30)
            assert got is not None, "the topic does not come to its end"
            error, partition, value = got.error(), got.partition(), got.value()
            assert partition is not None
            if error is not None and error.code() == KafkaError._PARTITION_EOF:
                ends.pop(partition, None)
                continue
            assert error is None
            assert isinstance(value, bytes)
            key = got.key()
            assert key is None or isinstance(key, bytes)
            headers = cast("list[tuple[str, bytes]]", got.headers() or [])
            found.append((partition, Message(key, value, headers)))
    return sorted(found, key=lambda each: each[0])


async def put(connection: Connection, topic: str, *messages: Message, patience: float = 10) -> None:
    onto = Topic(connection, topic, patience=patience)
    try:
        await onto.put(messages)
    finally:
        await onto.aclose()


def numbered(count: int) -> list[Message]:
    return [Message(b"%d" % (number % 50), b"event %d" % number) for number in range(count)]


async def test_messages_arrive_as_they_were_put(kafka: Cluster) -> None:
    topic = kafka.new_topic()
    messages = [
        Message(b"a job", b'{"the": "first"}', [("kind", b"SageMaker Training Job State Change"), ("id", b"1")]),
        Message(b"a job", b"\x00\xff", []),
        Message(None, b"nobody's", [("kind", b"")]),
        Message(b"another", "größer".encode(), []),
    ]
    await put(Connection(kafka.bootstrap), topic, *messages)
    found = [message for _, message in everything_on(kafka, topic)]
    assert sorted(found, key=repr) == sorted(messages, key=repr)


async def test_messages_of_one_key_are_on_one_partition_in_their_order(kafka: Cluster) -> None:
    topic = kafka.new_topic(4)
    messages = numbered(2000)
    await put(Connection(kafka.bootstrap), topic, *messages)
    found = everything_on(kafka, topic)
    assert {partition for partition, _ in found} == set(kafka.partitions(topic))
    for key in {message.key for message in messages}:
        of_key = [(partition, message.value) for partition, message in found if message.key == key]
        partition = of_key[0][0]
        assert of_key == [(partition, message.value) for message in messages if message.key == key]


async def test_a_message_of_900_kb_arrives(kafka: Cluster) -> None:
    topic = kafka.new_topic()
    large = Message(b"key", b"x" * 900_000, [])
    await put(Connection(kafka.bootstrap), topic, large)
    assert [message for _, message in everything_on(kafka, topic)] == [large]


async def test_putting_no_messages_connects_to_no_broker() -> None:
    await put(Connection("127.0.0.1:1"), "anywhere")


async def test_a_message_larger_than_any_is_refused_and_nothing_is_put(kafka: Cluster) -> None:
    topic = kafka.new_topic()
    small, large = Message(b"key", b"small"), Message(b"key", b"x" * LARGEST)
    with pytest.raises(Refused) as refusal:
        await put(Connection(kafka.bootstrap), topic, small, large)
    assert str(refusal.value) == (
        "a message of 2,097,283 bytes is too large: Headwater takes 2,097,152 at most: put what is so large elsewhere"
    )
    assert everything_on(kafka, topic) == []


async def test_a_message_larger_than_the_topic_takes_is_refused(real_kafka: Cluster) -> None:
    topic = real_kafka.new_topic()
    small = f"{topic}-small"
    real_kafka.create_topic(small, 1, {"max.message.bytes": "20000"})
    noise = ssl.RAND_bytes(30_000)
    with pytest.raises(Refused) as refusal:
        await put(Connection(real_kafka.bootstrap), small, Message(None, b"fits"), Message(None, noise))
    assert str(refusal.value) == (
        f"a message of 30,128 bytes is too large: raise max.message.bytes of the topic '{small}' to 2097152"
    )


async def test_a_missing_topic_is_refused_and_not_made(kafka: Cluster) -> None:
    missing = f"{kafka.new_topic()}-not"
    with pytest.raises(Refused) as refusal:
        await put(Connection(kafka.bootstrap), missing, Message(None, b"lost?"))
    assert str(refusal.value) == (
        f"the topic '{missing}' does not exist: run headwater migrate --kafka --kafka-topic {missing}"
    )
    assert kafka.partitions(missing) == []
    with pytest.raises(Refused, match="does not exist: run headwater migrate"):
        await partition_count(Connection(kafka.bootstrap), missing)


async def test_an_address_without_a_broker_is_unavailable() -> None:
    with pytest.raises(Unavailable) as outage:
        await put(Connection("127.0.0.1:1"), "any", Message(None, b"kept"))
    assert str(outage.value) == "Kafka at 127.0.0.1:1 did not answer (Connection refused)"


async def test_a_broker_that_does_not_answer_is_unavailable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        server = f"127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(Unavailable) as outage:
            await put(Connection(server), "any", Message(None, b"kept"), patience=0.2)
    assert str(outage.value) == f"Kafka at {server} did not answer (no answer in time)"


async def test_one_broker_that_answers_is_enough(kafka: Cluster) -> None:
    topic = kafka.new_topic()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        quiet = f"127.0.0.1:{silent.getsockname()[1]}"
        servers = f"{quiet}, {quiet}, {quiet}, 127.0.0.1:1, {kafka.bootstrap}"
        await put(Connection(servers), topic, Message(b"key", b"here", []), patience=30)
    assert [message for _, message in everything_on(kafka, topic)] == [Message(b"key", b"here", [])]


async def test_a_broker_that_restarts_in_the_middle_of_a_put_loses_nothing(broker: Broker) -> None:
    topic = broker.new_topic(3)
    onto = Topic(Connection(broker.bootstrap), topic, patience=60)
    await onto.put([Message(b"first", b"before")])
    broker.stop()
    putting = asyncio.create_task(onto.put(numbered(5000)))
    await asyncio.sleep(0.5)
    assert not putting.done()
    await asyncio.to_thread(broker.start)
    await putting
    await onto.aclose()
    expected = {b"before", *(message.value for message in numbered(5000))}
    assert {message.value for _, message in everything_on(broker, topic)} == expected


async def until_put(onto: Topic, messages: Sequence[Message]) -> None:
    """Put messages, and retry where a busy machine exceeds the topic's patience."""
    late = time.monotonic() + PATIENCE
    while True:
        try:
            await onto.put(messages)
        except Unavailable:
            if time.monotonic() > late:
                raise
        else:
            return


async def test_messages_that_failed_in_an_outage_can_be_put_again_by_the_same_topic(broker: Broker) -> None:
    topic = broker.new_topic(3)
    onto = Topic(Connection(broker.bootstrap), topic, patience=1)
    await until_put(onto, numbered(10))
    broker.kill()
    with pytest.raises(Unavailable):
        await onto.put(numbered(1000))
    with pytest.raises(Unavailable, match="Connection refused"):
        await onto.put(numbered(1000))
    await asyncio.to_thread(broker.start)
    await until_put(onto, numbered(1000))
    await onto.aclose()
    found = Counter(message.value for _, message in everything_on(broker, topic))
    assert found.keys() == {message.value for message in numbered(1000)}


async def test_a_put_and_a_close_end_though_the_broker_hangs(broker: Broker) -> None:
    topic = broker.new_topic(1)
    onto = Topic(Connection(broker.bootstrap), topic, patience=1)
    await until_put(onto, numbered(10))
    broker.signal(signal.SIGSTOP)
    try:
        with pytest.raises(Unavailable):
            await onto.put(numbered(10))
        await onto.aclose()
    finally:
        broker.signal(signal.SIGCONT)


async def test_a_topic_is_created_with_its_settings_and_then_found(real_kafka: Cluster) -> None:
    connection = Connection(real_kafka.bootstrap)
    topic = f"{real_kafka.new_topic()}-made"
    assert await prepare_topic(connection, topic, partitions=5, retention_hours=1) == PreparedTopic(True, 5)
    assert await partition_count(connection, topic) == 5
    assert await prepare_topic(connection, topic, partitions=5, retention_hours=1) == PreparedTopic(False, 5)
    large = Message(b"key", ssl.RAND_bytes(LARGEST - 1000))
    await put(connection, topic, large)
    assert [message.value for _, message in everything_on(real_kafka, topic)] == [large.value]


async def test_an_existing_topic_keeps_its_settings_and_the_differences_are_reported(real_kafka: Cluster) -> None:
    connection = Connection(real_kafka.bootstrap)
    topic = f"{real_kafka.new_topic()}-theirs"
    real_kafka.create_topic(topic, 3, {"retention.ms": "1000000", "max.message.bytes": "1048588"})
    differences = (
        "its max.message.bytes is 1048588, where Headwater would set 2097152",
        "its retention.ms is 1000000, where Headwater would set 604800000",
    )
    assert await prepare_topic(connection, topic, partitions=2) == PreparedTopic(False, 3, 0, differences)
    fewer = "it has 3 partitions, not 6: add the others with --add-partitions"
    assert await prepare_topic(connection, topic, partitions=6) == PreparedTopic(False, 3, 0, (*differences, fewer))
    assert real_kafka.partitions(topic) == [0, 1, 2]


async def test_partitions_are_added_on_request(real_kafka: Cluster) -> None:
    connection = Connection(real_kafka.bootstrap)
    topic = f"{real_kafka.new_topic()}-grown"
    await prepare_topic(connection, topic, partitions=2)
    moved = ("keys are on other partitions now, which does no harm: order does not matter",)
    grown = await prepare_topic(connection, topic, partitions=6, add_partitions=True)
    assert grown == PreparedTopic(False, 6, 4, moved)
    assert real_kafka.partitions(topic) == [0, 1, 2, 3, 4, 5]
    assert await prepare_topic(connection, topic, partitions=6, add_partitions=True) == PreparedTopic(False, 6)


async def test_a_new_topic_is_reported_once_the_broker_shows_it(
    real_kafka: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A broker shows new topics and partitions some time after it has confirmed them.
    connection, topic = Connection(real_kafka.bootstrap), f"{real_kafka.new_topic()}-late"
    shown = late = TopicDescription(0, 1)
    stale = 0

    async def described_late(*arguments: Any, **more: Any) -> tuple[str, TopicDescription]:
        nonlocal shown, late, stale
        server, found = await describe_topic(*arguments, **more)
        if found != shown and stale < 3:
            stale += 1
            return server, late
        stale, shown, late = 0, found, found
        return server, found

    monkeypatch.setattr("ingest.kafka.topic.describe_topic", described_late)
    made = await prepare_topic(connection, topic, partitions=2)
    seen_when_made = shown
    grown = await prepare_topic(connection, topic, partitions=6, add_partitions=True)

    assert (made, seen_when_made) == (PreparedTopic(True, 2), TopicDescription(2, 1))
    assert (grown.partitions, shown) == (6, TopicDescription(6, 1))


async def test_a_topic_that_two_create_at_the_same_moment_is_created_once(real_kafka: Cluster) -> None:
    connection = Connection(real_kafka.bootstrap)
    topic = f"{real_kafka.new_topic()}-raced"
    both = await asyncio.gather(*(prepare_topic(connection, topic, partitions=2) for _ in range(2)))
    assert sorted(one.made for one in both) == [False, True]


async def test_a_topic_that_cannot_be_created_is_refused(real_kafka: Cluster) -> None:
    connection = Connection(real_kafka.bootstrap)
    with pytest.raises(Refused, match=r"refuses the topic 'no spaces'"):
        await prepare_topic(connection, "no spaces")
    with pytest.raises(Refused, match=r"refuses the topic 'copies-9': .*replication factor"):
        await prepare_topic(connection, "copies-9", replication=9)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Broker, Path]]:
    """A broker that listens with TLS as well, and the folder of the certificates; the user `nobody` has no rights."""
    folder = tmp_path_factory.mktemp("certificates")
    certificates(folder)
    users = {"worker": PASSWORD, "nobody": PASSWORD}
    secure = Secure(folder / "broker.pem", folder / "ca.pem", users, powerless=["nobody"])
    try:
        own = Broker(tmp_path_factory.mktemp("guarded"), secure=secure)
    except NoBroker as error:
        pytest.skip(f"no broker of our own, {error}")
    with own:
        yield own, folder


async def test_a_client_certificate_is_accepted(guarded: tuple[Broker, Path]) -> None:
    broker, folder = guarded
    topic = broker.new_topic()
    connection = Connection(broker.tls_bootstrap, ca=folder / "ca.pem", cert=folder / "client.pem")
    await put(connection, topic, Message(b"key", b"sealed", []))
    assert [message for _, message in everything_on(broker, topic)] == [Message(b"key", b"sealed", [])]
    assert await prepare_topic(connection, f"{topic}-made", partitions=2) == PreparedTopic(True, 2)


@pytest.mark.parametrize("sasl", ["plain", "scram-sha-256", "scram-sha-512"])
async def test_a_user_with_a_password_is_accepted(guarded: tuple[Broker, Path], sasl: Any) -> None:
    broker, folder = guarded
    topic = broker.new_topic()
    await put(as_user(broker, folder, sasl), topic, Message(b"key", sasl.encode(), []))
    assert [message for _, message in everything_on(broker, topic)] == [Message(b"key", sasl.encode(), [])]


@pytest.mark.parametrize("sasl", ["plain", "scram-sha-256", "scram-sha-512"])
async def test_a_wrong_password_is_refused_and_not_logged(
    guarded: tuple[Broker, Path], sasl: Any, caplog: pytest.LogCaptureFixture
) -> None:
    broker, folder = guarded
    connection = replace(as_user(broker, folder, sasl), password="open sesame")
    with caplog.at_level(logging.DEBUG), pytest.raises(Refused) as refusal:
        await put(connection, broker.new_topic(), Message(None, b"x"))
    assert str(refusal.value) == (
        f"Kafka at {broker.sasl_bootstrap} does not accept the user 'worker': "
        "check --kafka-username, --kafka-sasl and HEADWATER_KAFKA_PASSWORD"
    )
    assert "open sesame" not in caplog.text + repr(connection) + str(connection)


async def test_a_user_without_rights_is_refused(guarded: tuple[Broker, Path]) -> None:
    broker, folder = guarded
    topic = broker.new_topic()
    connection = replace(as_user(broker, folder, "plain"), username="nobody")
    reason = (
        f"Kafka at {broker.sasl_bootstrap} does not let the user 'nobody' use the topic '{topic}': grant that right"
    )
    for attempt in (put(connection, topic, Message(None, b"x")), partition_count(connection, topic)):
        with pytest.raises(Refused) as refusal:
            await attempt
        assert str(refusal.value) == reason


async def test_a_broker_with_an_untrusted_certificate_is_refused(guarded: tuple[Broker, Path]) -> None:
    broker, folder = guarded
    connection = replace(as_user(broker, folder, "plain"), ca=None)
    with pytest.raises(Refused) as refusal:
        await put(connection, "any", Message(None, b"x"))
    assert str(refusal.value) == (
        f"Kafka at {broker.sasl_bootstrap} is not trusted (self-signed certificate in certificate chain): "
        "name its certificate authority with --kafka-ca"
    )


async def test_a_broker_that_requires_a_client_certificate_refuses_without(guarded: tuple[Broker, Path]) -> None:
    broker, folder = guarded
    with pytest.raises(Refused) as refusal:
        await put(Connection(broker.tls_bootstrap, ca=folder / "ca.pem"), "any", Message(None, b"x"))
    assert str(refusal.value).startswith(f"no TLS with Kafka at {broker.tls_bootstrap} (")
    assert str(refusal.value).endswith("): check that it speaks TLS there, and --kafka-cert")


async def test_a_broker_without_tls_is_reported(kafka: Cluster) -> None:
    with pytest.raises((Refused, Unavailable)) as refusal:
        await put(Connection(kafka.bootstrap, tls=True), "any", Message(None, b"x"))
    assert kafka.bootstrap in str(refusal.value)


def as_user(broker: Broker, folder: Path, sasl: Any) -> Connection:
    return Connection(broker.sasl_bootstrap, ca=folder / "ca.pem", sasl=sasl, username="worker", password=PASSWORD)


async def test_a_role_connects_to_msk_with_a_token_signed_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    connection = Connection("b-1.example.org:9098", sasl="msk-iam", region="eu-west-1")
    arguments = connection.arguments()
    token = await arguments.pop("sasl_oauth_token_provider").token()
    assert isinstance(arguments.pop("ssl_context"), ssl.SSLContext)
    assert arguments == {
        "bootstrap_servers": ["b-1.example.org:9098"],
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "OAUTHBEARER",
    }
    url = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode()
    assert url.startswith("https://kafka.eu-west-1.amazonaws.com/?Action=kafka-cluster%3AConnect&")
    assert "X-Amz-Credential=AKIDEXAMPLE%2F" in url
    AIOKafkaClient(**connection.arguments())  # accepts them all


async def test_msk_without_credentials_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    provider = Connection("b-1.example.org:9098", sasl="msk-iam", region="eu-west-1").token_provider()
    assert provider is not None
    with pytest.raises(Refused, match="no AWS credentials: set AWS_PROFILE"):
        await provider.token()


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"bootstrap": " , "}, "say where Kafka is"),
        ({"bootstrap": "kafka"}, "takes host:port, not 'kafka'"),
        ({"sasl": "plain", "username": "u"}, "HEADWATER_KAFKA_PASSWORD"),
        ({"sasl": "scram-sha-512", "password": "p"}, "--kafka-username"),
        ({"username": "u"}, "needs --kafka-sasl"),
        ({"sasl": "msk-iam"}, "--kafka-region"),
        ({"sasl": "msk-iam", "region": "eu-west-1", "tls": False}, "--no-kafka-tls"),
        ({"ca": Path("ca.pem"), "tls": False}, "--no-kafka-tls"),
        ({"key": Path("key.pem")}, "--kafka-cert"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(settings: dict[str, Any], reason: str) -> None:
    with pytest.raises(Refused, match=reason):
        Connection(**settings)


def test_files_that_cannot_be_used_are_refused(tmp_path: Path) -> None:
    missing, wrong = tmp_path / "missing.pem", tmp_path / "wrong.pem"
    wrong.write_text("not a certificate")
    certificates(tmp_path)
    ca = tmp_path / "ca.pem"
    for settings, reason in (
        ({"ca": missing}, f"--kafka-ca {missing} cannot be used: No such file or directory"),
        ({"ca": wrong}, f"--kafka-ca {wrong} cannot be used: it must hold certificates as PEM"),
        ({"cert": missing}, f"--kafka-cert {missing} and its key cannot be used: No such file or directory"),
        (
            {"cert": ca},
            f"--kafka-cert {ca} and its key cannot be used: they must be PEM, belong together, and need no password",
        ),
    ):
        with pytest.raises(Refused) as refusal:
            Connection(**settings).ssl_context()  # type: ignore[arg-type]  # of many types
        assert str(refusal.value) == reason


@pytest.mark.parametrize(
    ("settings", "protocol"),
    [
        ({}, "PLAINTEXT"),
        ({"tls": True}, "SSL"),
        ({"sasl": "plain", "username": "u", "password": "p"}, "SASL_SSL"),
        ({"sasl": "plain", "username": "u", "password": "p", "tls": False}, "SASL_PLAINTEXT"),
    ],
)
def test_a_connection_with_a_user_uses_tls_by_default(settings: dict[str, Any], protocol: str) -> None:
    assert Connection(**settings).arguments()["security_protocol"] == protocol
