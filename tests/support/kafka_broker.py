"""A Kafka broker of our own, or librdkafka's mock cluster without Java; the bench uses it too, without pytest."""

from __future__ import annotations

import itertools
import logging
import os
import random
import re
import shutil
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewPartitions, NewTopic

POM = Path(__file__).parents[2] / "infra" / "kafka" / "pom.xml"

_PATIENCE = 60.0  # seconds: a busy machine is no bug
_ASK = 10.0
_CLUSTER_ID = "headwater-tests-000001"  # 22 characters of URL-safe base64, as Kafka wants it
_LATER = {  # what a broker answers that has just started, or has just made a topic
    KafkaError.NOT_COORDINATOR,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.UNKNOWN_TOPIC_OR_PART,
}
_numbers = itertools.count(1)
_quiet = logging.getLogger(
    "tests.support.kafka_broker.librdkafka"
)  # its threads would write to standard error otherwise
_quiet.addHandler(logging.NullHandler())
_quiet.propagate = False


Answer = TypeVar("Answer")


class NoBroker(Exception):
    """No broker can be started here; the message says what is missing."""


class Cluster:
    """A Kafka that runs somewhere.

    Attributes:
        bootstrap: Where clients find it.
        real: Whether it is a Kafka broker, not a mock of one.
    """

    def __init__(self, bootstrap: str, *, real: bool = True) -> None:
        self.bootstrap = bootstrap
        self.real = real
        self._admin = AdminClient(_client(bootstrap), logger=_quiet)

    def new_topic(self, partitions: int = 4) -> str:
        """The name of a topic that nobody else uses; the mock cluster gives it four partitions, whatever is asked."""
        name = f"test-{uuid.uuid4().hex[:8]}-{next(_numbers)}"
        self.create_topic(name, partitions)
        return name

    def create_topic(self, name: str, partitions: int, config: Mapping[str, str] | None = None) -> None:
        """Make a topic and wait until all its partitions can be used."""
        if self.real:
            new = NewTopic(name, partitions, 1, config=dict(config or {}))
            self._admin.create_topics([new], request_timeout=_ASK)[name].result()
        else:
            partitions = len(self._admin.list_topics(name, timeout=_ASK).topics[name].partitions)  # asking makes it
        self._until_led(name, partitions)

    def add_partitions(self, name: str, total: int) -> None:
        """Give a topic more partitions, `total` in the end, and wait until all of them can be used."""
        self._admin.create_partitions([NewPartitions(name, total)], request_timeout=_ASK)[name].result()
        self._until_led(name, total)

    def produce(self, topic: str, values: Sequence[bytes], keys: Sequence[bytes | None] | None = None) -> None:
        """Put messages on a topic, and wait until they are there."""
        producer = Producer({**_client(self.bootstrap), "message.max.bytes": 4 << 20}, logger=_quiet)
        for value, key in zip(values, keys or [None] * len(values), strict=True):
            producer.produce(topic, value, key)
            producer.poll(0)
        assert producer.flush(_PATIENCE) == 0

    def partitions(self, topic: str) -> list[int]:
        """The partitions of a topic; none when it does not exist."""
        found = self._admin.list_topics(timeout=_ASK).topics
        return sorted(found[topic].partitions) if topic in found else []

    def end_offsets(self, topic: str) -> dict[int, int]:
        """For each partition, the offset that the next message gets."""
        with self._consumer("headwater-tests") as asking:

            def end(number: int) -> int:
                found: tuple[int, int] = asking.get_watermark_offsets(TopicPartition(topic, number), timeout=_ASK)
                return found[1]

            return {number: _patiently(partial(end, number)) for number in self.partitions(topic)}

    def committed(self, group: str, topic: str) -> dict[int, int]:
        """For each partition, the offset that a group goes on from; 0 where it has committed nothing."""
        with self._consumer(group) as asking:
            wanted = [TopicPartition(topic, number) for number in self.partitions(topic)]
            offsets = _patiently(lambda: asking.committed(wanted, timeout=_ASK))
            return {each.partition: max(each.offset, 0) for each in offsets}

    def lag(self, group: str, topic: str) -> int:
        """How many messages a group has still to commit."""
        committed = self.committed(group, topic)
        return sum(end - committed[number] for number, end in self.end_offsets(topic).items())

    def _consumer(self, group: str) -> Consumer:
        # Never subscribed: it asks about a group without joining it.
        return Consumer({**_client(self.bootstrap), "group.id": group}, logger=_quiet)

    def _until_led(self, name: str, partitions: int) -> None:
        def led() -> bool:
            found = self._admin.list_topics(name, timeout=_ASK).topics[name].partitions
            return len(found) == partitions and all(each.leader >= 0 for each in found.values())

        _until(led, f"the topic {name} has no leaders")


@dataclass(frozen=True, slots=True)
class Secure:
    """What a broker needs to listen with TLS, and with TLS and SASL, beside its plain listener.

    Attributes:
        certificate: PEM: the broker's key, its certificate and those that signed it.
        ca: PEM: the authority that signs the certificates of clients.
        users: Who may come in by SASL, and their passwords.
        powerless: Those of them who may do nothing.
    """

    certificate: Path
    ca: Path
    users: Mapping[str, str]
    powerless: Sequence[str] = ()


class Broker(Cluster):
    """One Kafka broker of our own on 127.0.0.1; its data stay in `folder` between `stop` and `start`.

    Raises:
        NoBroker: Java 17, or Maven to fetch Kafka with, is missing.
    """

    def __init__(self, folder: Path, *, secure: Secure | None = None) -> None:
        self._port, self._controller, self._tls, self._sasl = _free_ports(4)
        super().__init__(f"127.0.0.1:{self._port}")
        self.tls_bootstrap = f"127.0.0.1:{self._tls}"
        self.sasl_bootstrap = f"127.0.0.1:{self._sasl}"
        self._folder = folder
        self._secure = secure
        self._process: subprocess.Popen[bytes] | None = None
        self._java = java()
        folder.mkdir(parents=True, exist_ok=True)
        self._settings = folder / "server.properties"
        self._settings.write_text("".join(f"{key}={value}\n" for key, value in self._properties().items()))
        self._log = folder / "broker.log"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, why: BaseException | None, at: TracebackType | None) -> None:
        self.kill()

    def start(self) -> None:
        """Start it, on the same ports as before, and wait until it answers."""
        with self._log.open("ab") as log:
            if not (self._folder / "data" / "meta.properties").exists():
                storage = [*self._java, "kafka.tools.StorageTool", "format", "-t", _CLUSTER_ID, "-c"]
                subprocess.run([*storage, str(self._settings), *self._scram()], check=True, stdout=log, stderr=log)
            start = [*self._java, "kafka.Kafka", str(self._settings)]
            self._process = subprocess.Popen(start, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        _until(self._answers, "the broker does not answer", lambda: self._log.read_text()[-2000:])

    def stop(self) -> None:
        """Stop it in order."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(_PATIENCE)
            self._process = None

    def kill(self) -> None:
        """Stop it as a crash does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(_PATIENCE)
            self._process = None

    def signal(self, number: int) -> None:
        """Send it a signal: SIGSTOP makes a broker that hangs."""
        if self._process is not None:
            self._process.send_signal(number)

    def _answers(self) -> bool:
        if self._process is None or self._process.poll() is not None:
            raise AssertionError(f"the broker has ended: {self._log.read_text()[-2000:]}")
        with socket.socket() as knocking:
            if knocking.connect_ex(("127.0.0.1", self._port)):
                return False
        try:
            return bool(self._admin.list_topics(timeout=1).brokers)
        except KafkaException:
            return False

    def _scram(self) -> list[str]:
        users = self._secure.users if self._secure else {}
        return [
            word
            for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512")
            for name, password in users.items()
            for word in ("--add-scram", f"{mechanism}=[name={name},password={password}]")
        ]

    def _properties(self) -> dict[str, str]:
        listeners = {"PLAINTEXT": self._port}
        security: dict[str, str] = {}
        if self._secure:
            listeners |= {"SSL": self._tls, "SASL_SSL": self._sasl}
            security = _security(self._secure)
        advertised = ",".join(f"{name}://127.0.0.1:{port}" for name, port in listeners.items())
        return {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.voters": f"1@127.0.0.1:{self._controller}",
            "controller.listener.names": "CONTROLLER",
            "listeners": f"{advertised},CONTROLLER://127.0.0.1:{self._controller}",
            "advertised.listeners": advertised,
            "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_SSL:SASL_SSL",
            "log.dirs": str(self._folder / "data"),
            "broker.session.timeout.ms": "3000",  # after a kill, as long as that passes before it may come back
            "broker.heartbeat.interval.ms": "500",
            "group.initial.rebalance.delay.ms": "0",
            "offsets.topic.replication.factor": "1",
            "offsets.topic.num.partitions": "4",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            "transaction.state.log.num.partitions": "1",
            "share.coordinator.state.topic.replication.factor": "1",
            "share.coordinator.state.topic.min.isr": "1",
            "auto.create.topics.enable": "false",  # a topic that is missing must be seen to be missing
            "message.max.bytes": str(4 << 20),
            **security,
        }


def _security(secure: Secure) -> dict[str, str]:
    known = " ".join(f'user_{name}="{password}"' for name, password in secure.users.items())
    strong = [f"User:{name}" for name in secure.users if name not in secure.powerless]
    login = "org.apache.kafka.common.security"
    return {
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(secure.certificate),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(secure.ca),
        "listener.name.ssl.ssl.client.auth": "required",
        "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
        "listener.name.sasl_ssl.plain.sasl.jaas.config": f"{login}.plain.PlainLoginModule required {known};",
        "listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config": f"{login}.scram.ScramLoginModule required;",
        "listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config": f"{login}.scram.ScramLoginModule required;",
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        # Who comes by the plain listener, and who shows a certificate.
        "super.users": ";".join(["User:ANONYMOUS", "User:CN=client", *strong]),
    }


@cache
def java() -> list[str]:
    """The command that runs a class of Kafka's; its jars are fetched once and kept in the user's cache.

    Raises:
        NoBroker: Java 17, or Maven to fetch Kafka with, is missing.
    """
    program = shutil.which("java")
    version = subprocess.run([program, "-version"], capture_output=True, text=True).stderr if program else ""
    found = re.search(r'version "(\d+)', version)
    if program is None or found is None or int(found[1]) < 17:
        raise NoBroker("for want of Java 17")
    return [
        *(program, "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"),  # a quick start, and little memory
        "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
        *("-cp", f"{_jars()}/*"),
    ]


def _jars() -> Path:
    """The folder with Kafka's jars, fetched with Maven when it is not there."""
    version = re.search(r"<version>(.*?)</version>", POM.read_text())
    assert version
    cached = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "headwater" / f"kafka-{version[1]}"
    if cached.is_dir():
        return cached
    maven = shutil.which("mvn")
    if maven is None:
        raise NoBroker("for want of Maven")
    cached.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cached.parent) as fetching:
        into = Path(fetching) / "jars"
        fetch = [maven, "-q", "-B", "-f", str(POM), "dependency:copy-dependencies", f"-DoutputDirectory={into}"]
        try:
            subprocess.run(fetch, check=True, capture_output=True, timeout=600)
        except subprocess.SubprocessError as why:
            raise NoBroker("since Maven could not fetch it") from why
        try:
            into.rename(cached)
        except OSError:
            if not cached.is_dir():  # else another run was quicker
                raise
    return cached


def _free_ports(count: int) -> list[int]:
    """Ports that nobody listens on.

    They lie below those that the system gives to outgoing connections: so nobody takes them while a broker is down.
    """
    found: list[int] = []
    while len(found) < count:
        port = random.SystemRandom().randrange(20_000, 32_000)
        with socket.socket() as trying:
            trying.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                trying.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in found:
            found.append(port)
    return found


def _until(done: Callable[[], bool], otherwise: str, more: Callable[[], str] = str) -> None:
    late = time.monotonic() + _PATIENCE
    while not done():
        if time.monotonic() > late:
            raise AssertionError(f"{otherwise}: {more()}")
        time.sleep(0.1)


def _patiently(ask: Callable[[], Answer]) -> Answer:
    """What Kafka answers, when it is ready to."""
    late = time.monotonic() + _PATIENCE
    while True:
        try:
            return ask()
        except KafkaException as why:
            if why.args[0].code() not in _LATER or time.monotonic() > late:
                raise
        time.sleep(0.1)


def _client(bootstrap: str) -> dict[str, str | int | float | bool]:
    return {"bootstrap.servers": bootstrap, "reconnect.backoff.max.ms": 500}


def mock_cluster() -> tuple[Cluster, Producer]:
    """librdkafka's mock cluster; it lives as long as the producer does."""
    holding = Producer({"test.mock.num.brokers": 1}, logger=_quiet)
    brokers = holding.list_topics(timeout=_ASK).brokers.values()
    return Cluster(",".join(f"{each.host}:{each.port}" for each in brokers), real=False), holding
