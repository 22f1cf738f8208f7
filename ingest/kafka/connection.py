"""Connecting to Kafka: where it is, how we authenticate, and what its failures mean."""

from __future__ import annotations

import asyncio
import logging
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple, cast

from aiokafka.abc import AbstractTokenProvider
from aiokafka.conn import create_conn
from aiokafka.errors import (
    AuthenticationFailedError,
    BrokerNotAvailableError,
    BrokerResponseError,
    ClusterAuthorizationFailedError,
    CorruptRecordException,
    KafkaConnectionError,
    KafkaError,
    ReassignmentInProgress,
    ReplicaNotAvailableError,
    SaslAuthenticationFailed,
    TopicAuthorizationFailedError,
    UnknownError,
    UnknownTopicOrPartitionError,
    UnsupportedSaslMechanismError,
    for_code,
)
from aiokafka.protocol.metadata import MetadataRequest
from aws_msk_iam_sasl_signer.MSKAuthTokenProvider import generate_auth_token
from botocore.exceptions import NoCredentialsError

from ingest import aws_errors
from ingest.delivery import Refused, Unavailable
from ingest.os_errors import reason

Sasl = Literal["plain", "scram-sha-256", "scram-sha-512", "msk-iam"]

# aiokafka does not try again after these, but the next try may go well; what it has no name for is an UnknownError.
_PASSING = (
    BrokerNotAvailableError,
    CorruptRecordException,
    ReassignmentInProgress,
    ReplicaNotAvailableError,
    UnknownError,
)

# Failures are raised from here, in one sentence; logged as well they would only alarm. And aiokafka's debug log holds
# all that it sends, passwords too. Filters, since a level would silence the loggers below "aiokafka" as well.
for _name in ("aiokafka", "aiokafka.conn", "aiokafka.producer.sender"):
    logging.getLogger(_name).addFilter(lambda record: record.levelno > logging.ERROR)


@dataclass(frozen=True, slots=True)
class Connection:
    """How to reach Kafka, and how to authenticate.

    Attributes:
        bootstrap: Brokers to begin with: host:port,host:port.
        tls: None for: if there is a user, an authority or a certificate.
        ca: A PEM file with the authorities to trust; the system's own when None.
        cert: A PEM file with our own certificate.
        key: A PEM file with its key; None when the key is in `cert`.
        sasl: How to authenticate; None for not at all.
        username: For all but msk-iam.
        password: For all but msk-iam; never shown.
        region: For msk-iam: where the cluster is.

    Raises:
        Refused: These do not go together.
    """

    bootstrap: str = "localhost:9092"
    tls: bool | None = None
    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None
    sasl: Sasl | None = None
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    region: str | None = None

    def __post_init__(self) -> None:
        if not self.servers:
            raise Refused("say where Kafka is with --kafka-bootstrap host:port")
        for server in self.servers:
            if not server.rpartition(":")[2].isdecimal():
                raise Refused(f"--kafka-bootstrap takes host:port, not {server!r}")
        if self.tls is False and (self.ca or self.cert or self.sasl == "msk-iam"):
            raise Refused("--no-kafka-tls does not go with certificates or msk-iam: leave one of them out")
        if self.key and not self.cert:
            raise Refused("--kafka-key needs its certificate: name it with --kafka-cert")
        if self.sasl == "msk-iam" and not self.region:
            raise Refused("--kafka-sasl msk-iam needs the region of the cluster: set --kafka-region")
        if self.sasl not in (None, "msk-iam") and not (self.username and self.password):
            remedy = "set --kafka-username and HEADWATER_KAFKA_PASSWORD"
            raise Refused(f"--kafka-sasl {self.sasl} needs a user and a password: {remedy}")
        if self.username and self.sasl in (None, "msk-iam"):
            raise Refused("--kafka-username needs --kafka-sasl as well: plain, scram-sha-256 or scram-sha-512")

    @property
    def servers(self) -> list[str]:
        """Brokers to begin with, each as host:port."""
        return [server.strip() for server in self.bootstrap.split(",") if server.strip()]

    @property
    def mechanism(self) -> str | None:
        """Kafka's name for the way to authenticate."""
        return "OAUTHBEARER" if self.sasl == "msk-iam" else self.sasl.upper() if self.sasl else None

    def ssl_context(self) -> ssl.SSLContext | None:
        """The settings of TLS, or None without TLS.

        Raises:
            Refused: A file cannot be used.
        """
        if self.tls is False or not (self.tls or self.sasl or self.ca or self.cert):
            return None
        try:
            context = ssl.create_default_context(cafile=self.ca)
        except ssl.SSLError as why:
            raise Refused(f"--kafka-ca {self.ca} cannot be used: it must hold certificates as PEM") from why
        except OSError as why:
            raise Refused(f"--kafka-ca {self.ca} cannot be used: {reason(why)}") from why
        if self.cert:
            try:
                context.load_cert_chain(self.cert, self.key, password=b"")  # without one, OpenSSL asks the terminal
            except ssl.SSLError as why:
                rule = "they must be PEM, belong together, and need no password"
                raise Refused(f"--kafka-cert {self.cert} and its key cannot be used: {rule}") from why
            except OSError as why:
                raise Refused(f"--kafka-cert {self.cert} and its key cannot be used: {reason(why)}") from why
        return context

    def token_provider(self) -> AbstractTokenProvider | None:
        """Makes tokens, for msk-iam."""
        return MskToken(self.region) if self.sasl == "msk-iam" and self.region else None

    def arguments(self) -> dict[str, Any]:
        """The arguments of aiokafka's clients.

        Raises:
            Refused: A file cannot be used.
        """
        context = self.ssl_context()
        arguments: dict[str, Any] = {
            "bootstrap_servers": self.servers,
            "security_protocol": ("SASL_" if self.sasl else "") + ("SSL" if context else "PLAINTEXT"),
            "ssl_context": context,
        }
        if self.sasl:
            arguments["sasl_mechanism"] = self.mechanism
        if self.sasl == "msk-iam":
            arguments["sasl_oauth_token_provider"] = self.token_provider()
        elif self.sasl:
            arguments |= {"sasl_plain_username": self.username, "sasl_plain_password": self.password}
        return arguments

    def __str__(self) -> str:
        return f"Kafka at {', '.join(self.servers)}"


class MskToken(AbstractTokenProvider):  # type: ignore[misc]  # aiokafka carries no types
    """Makes the tokens that Amazon MSK takes, out of AWS credentials."""

    def __init__(self, region: str) -> None:
        self._region = region

    async def token(self) -> str:
        """A token for one connection; signed here, after AWS credentials were found where AWS's clients look for them.

        Raises:
            Refused: There are none.
            KafkaConnectionError: They could not be fetched this time.
        """
        try:
            token, _expires = await asyncio.to_thread(generate_auth_token, self._region)  # may ask for a role's keys
        except AttributeError as why:  # how the signer fails without credentials
            raise aws_errors.failure(NoCredentialsError(), "credentials for MSK", "") from why
        except aws_errors.FAILURES as why:
            found = aws_errors.failure(why, "credentials for MSK", "")
            if isinstance(found, Refused):
                raise found from why
            raise KafkaConnectionError(str(found)) from why  # the one failure that aiokafka tries again after
        return cast("str", token)


class TopicDescription(NamedTuple):
    """A topic as Kafka describes it; one without partitions does not exist."""

    partitions: int
    brokers: int


async def describe_topic(
    connection: Connection, topic: str, patience: float, *, must_exist: bool = True
) -> tuple[str, TopicDescription]:
    """The broker that answers first, and how it describes a topic.

    aiokafka's clients do not say why they cannot connect, and asking for a topic creates it: so this comes before them.

    Raises:
        KafkaError, OSError: No broker answers, or the topic cannot be used; the failure that says most.
        UnknownTopicOrPartitionError: It does not exist, and must exist.
        Refused: The connection is not possible with these settings.
    """
    arguments = connection.arguments()
    arguments.pop("bootstrap_servers")
    arguments["request_timeout_ms"] = round(patience * 1000)

    async def request(server: str) -> tuple[str, Any]:
        host, _, port = server.rpartition(":")
        connected = await create_conn(host.strip("[]"), int(port), **arguments)
        try:
            return server, await connected.send(MetadataRequest([topic], allow_auto_topic_creation=False))
        finally:
            await connected.close()

    requests = [asyncio.create_task(request(server)) for server in connection.servers]
    failures: list[Exception] = []
    try:
        for first in asyncio.as_completed(requests):
            try:
                server, response = await first
                break
            except (KafkaError, OSError) as why:
                failures.append(why)
        else:
            raise next((why for why in failures if _is_final(why)), failures[0])
    finally:
        for each in requests:
            each.cancel()
        await asyncio.gather(*requests, return_exceptions=True)
    metadata = response.to_object()
    [described] = metadata["topics"]
    error = for_code(described["error_code"])
    if not (error is UnknownTopicOrPartitionError and not must_exist) and described["error_code"]:
        raise error()
    return server, TopicDescription(len(described["partitions"]), len(metadata["brokers"]))


def failure(why: Exception, connection: Connection, topic: str) -> Refused | Unavailable:
    """What a failure of Kafka means to us."""
    if isinstance(why, UnknownTopicOrPartitionError):
        return Refused(f"the topic {topic!r} does not exist: run headwater migrate --kafka --kafka-topic {topic}")
    if isinstance(why, TopicAuthorizationFailedError | ClusterAuthorizationFailedError):
        return Refused(f"{connection} does not let {_who(connection)} use the topic {topic!r}: grant that right")
    if isinstance(why, SaslAuthenticationFailed | AuthenticationFailedError):
        return Refused(f"{connection} does not accept {_who(connection)}: {_remedy(connection)}")
    if isinstance(why, UnsupportedSaslMechanismError):
        return Refused(f"{connection} does not take {connection.mechanism}: choose another with --kafka-sasl")
    refusal = _tls_refusal(why)
    if isinstance(refusal, ssl.SSLCertVerificationError):
        text = f"{connection} is not trusted ({refusal.verify_message}): name its certificate authority with --kafka-ca"
        return Refused(text)
    if refusal is not None:
        remedy = "check that it speaks TLS there, and --kafka-cert"
        return Refused(f"no TLS with {connection} ({reason(refusal)}): {remedy}")
    if _is_refusal(why):
        return Refused(f"{connection} refuses the topic {topic!r}: {reason(why)}")
    return Unavailable(f"{connection} did not answer ({reason(why)})")


def _is_final(why: Exception) -> bool:
    """Whether a failure to connect stays."""
    return _is_refusal(why) or _tls_refusal(why) is not None


def _is_refusal(why: Exception) -> bool:
    return isinstance(why, BrokerResponseError) and not why.retriable and not isinstance(why, _PASSING)


def _tls_refusal(why: BaseException | None) -> ssl.SSLError | None:
    """The refusal of TLS that is behind a failure; a connection that was cut is none."""
    while why is not None:
        if isinstance(why, ssl.SSLError) and not isinstance(why, ssl.SSLEOFError | ssl.SSLZeroReturnError):
            return why
        why = why.__cause__
    return None


def _who(connection: Connection) -> str:
    if connection.sasl == "msk-iam":
        return "this AWS role"
    return f"the user {connection.username!r}" if connection.username else "us"


def _remedy(connection: Connection) -> str:
    if connection.sasl == "msk-iam":
        return "give it kafka-cluster:Connect"
    return "check --kafka-username, --kafka-sasl and HEADWATER_KAFKA_PASSWORD"
