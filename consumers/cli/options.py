"""What commands share: their options, their errors, and the store."""

from __future__ import annotations

import os
import re
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypedDict

import msgspec
from cyclopts import Parameter
from rich.console import Console

from store.database import Store, Unusable

if TYPE_CHECKING:
    from ingest.kafka.connection import Connection

Database = Annotated[
    str,
    Parameter(
        name="--database-url",
        env_var="HEADWATER_DATABASE_URL",
        help="Where lineage is kept: sqlite:///path/to/file.db or postgresql://user:password@host/database.",
    ),
]
Port = Annotated[int, Parameter(env_var="HEADWATER_PORT", help="The port; 0 for any that is free.")]
AsJson = Annotated[bool, Parameter(name="--json", negative="", help="Print JSON, for programs.")]
Region = Annotated[
    str | None, Parameter(env_var=["HEADWATER_REGION", "AWS_REGION", "AWS_DEFAULT_REGION"], help="The AWS region.")
]
Endpoint = Annotated[
    str | None,
    Parameter(env_var="HEADWATER_ENDPOINT_URL", help="Another server that speaks AWS's protocols, as moto does."),
]
BatchSize = Annotated[int, Parameter(env_var="HEADWATER_BATCH_SIZE", help="The most messages at a time.")]
Visibility = Annotated[
    int,
    Parameter(env_var="HEADWATER_VISIBILITY", help="Seconds after which a dead worker's messages are delivered again."),
]
UntilEmpty = Annotated[bool, Parameter(negative="", help="Stop when the queue is empty.")]

PORT = 8950
"""The port of the API, by default."""


class ServingArguments(TypedDict):
    """What every service takes."""

    metrics_at: tuple[str, int] | None
    log_format: str
    log_level: str


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class Serving:
    """How a service logs, and where it serves metrics."""

    metrics_port: Annotated[
        int | None, Parameter(env_var="HEADWATER_METRICS_PORT", help="Serve /metrics and /health on this port.")
    ] = None
    metrics_host: Annotated[str, Parameter(env_var="HEADWATER_METRICS_HOST", help="The address to serve them on.")] = (
        "127.0.0.1"
    )
    log_format: Annotated[
        Literal["auto", "console", "json"],
        Parameter(env_var="HEADWATER_LOG_FORMAT", help="auto: console on a terminal, JSON elsewhere."),
    ] = "auto"
    log_level: Annotated[Literal["debug", "info", "warning", "error"], Parameter(env_var="HEADWATER_LOG_LEVEL")] = (
        "info"
    )

    def arguments(self) -> ServingArguments:
        """As a service takes them."""
        return {
            "metrics_at": None if self.metrics_port is None else (self.metrics_host, self.metrics_port),
            "log_format": self.log_format,
            "log_level": self.log_level,
        }


@Parameter(name="*", group="Kafka")
@dataclass(frozen=True, slots=True)
class Kafka:
    """How to reach Kafka, and which topic there; the password is read from HEADWATER_KAFKA_PASSWORD alone."""

    kafka_bootstrap: Annotated[
        str, Parameter(env_var="HEADWATER_KAFKA_BOOTSTRAP", help="Brokers to begin with: host:port,host:port.")
    ] = "localhost:9092"
    kafka_topic: Annotated[
        str, Parameter(env_var="HEADWATER_KAFKA_TOPIC", help="The topic that events are put on.")
    ] = "headwater-events"
    kafka_tls: Annotated[
        bool | None, Parameter(env_var="HEADWATER_KAFKA_TLS", help="Use TLS; the default where there is a user.")
    ] = None
    kafka_ca: Annotated[
        Path | None, Parameter(env_var="HEADWATER_KAFKA_CA", help="A file with the authorities to trust.")
    ] = None
    kafka_cert: Annotated[
        Path | None, Parameter(env_var="HEADWATER_KAFKA_CERT", help="A file with our own certificate.")
    ] = None
    kafka_key: Annotated[Path | None, Parameter(env_var="HEADWATER_KAFKA_KEY", help="A file with its key.")] = None
    kafka_sasl: Annotated[
        Literal["plain", "scram-sha-256", "scram-sha-512", "msk-iam"] | None,
        Parameter(
            env_var="HEADWATER_KAFKA_SASL", help="How to authenticate: by user and password, or as an AWS role on MSK."
        ),
    ] = None
    kafka_username: Annotated[
        str | None, Parameter(env_var="HEADWATER_KAFKA_USERNAME", help="The user, for all but msk-iam.")
    ] = None
    kafka_region: Annotated[
        str | None,
        Parameter(env_var=["HEADWATER_REGION", "AWS_REGION", "AWS_DEFAULT_REGION"], help="For msk-iam: where MSK is."),
    ] = None

    def connection(self) -> Connection:
        """How to reach Kafka.

        Raises:
            Failed: The extra for Kafka is not installed.
            Refused: The options do not go together.
        """
        try:
            from ingest.kafka.connection import Connection
        except ImportError as why:
            raise Failed("Kafka needs its extra: pip install 'headwater[kafka]'") from why
        return Connection(
            self.kafka_bootstrap,
            tls=self.kafka_tls,
            ca=self.kafka_ca,
            cert=self.kafka_cert,
            key=self.kafka_key,
            sasl=self.kafka_sasl,
            username=self.kafka_username,
            password=os.environ.get("HEADWATER_KAFKA_PASSWORD"),
            region=self.kafka_region,
        )


class Failed(Exception):
    """What was requested cannot be done; the message is one sentence that says what to do."""


class Misused(Failed):
    """The command was used wrongly."""


def opened(database_url: str, *, migrated: bool = False) -> Store:
    """The store of a URL, at the newest schema.

    Args:
        database_url: Of SQLite or PostgreSQL.
        migrated: True to make it or take it to the newest schema, where that is needed.

    Raises:
        Unusable, Unavailable: It cannot be opened.
    """
    from store import migrate

    store = Store(database_url)
    if not migrated and store.sqlite and not os.path.exists(store.url.database or ""):
        raise Unusable(f"{store} does not exist: replay or run makes it, or name another with --database-url")
    try:
        migrate.migrate(store) if migrated else migrate.check(store)
    except BaseException:
        store.close()
        raise
    return store


def at_least_one(option: str, value: int) -> int:
    """The value of an option that is a count.

    Raises:
        Misused: It is less than one, or too large for a database.
    """
    if not 1 <= value <= 1_000_000_000:
        raise Misused(f"{option} must be from 1 to 1,000,000,000, not {value}")
    return value


def past_moment(option: str, text: str) -> int:
    """An age or a date as epoch milliseconds.

    Raises:
        Misused: It is neither, or not in the past.
    """
    now = time.time_ns() // 1_000_000
    if (age := re.fullmatch(r"([0-9]{1,5})d", text)) is not None:
        found = now - int(age[1]) * 86_400_000
    else:
        try:
            found = int(datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).timestamp()) * 1000
        except ValueError:
            raise Misused(f"{option} is an age in days, as 400d, or a date, as 2025-01-31, not {text!r}") from None
    if not 0 < found < now:
        raise Misused(f"{option} must name a day in the past, not {text!r}")
    return found


def print_json_line(value: object) -> None:
    """Print a value as JSON on one line."""
    sys.stdout.buffer.write(msgspec.json.encode(value) + b"\n")


def print_json(value: object) -> None:
    """Print a value as JSON on several lines."""
    sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n")


def wide_console() -> Console:
    """A console as wide as the terminal; where there is none, wide enough for long URIs."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else 200)
