"""Commands that run until SIGTERM or Ctrl-C."""

from __future__ import annotations

import re
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from consumers.cli.options import (
    PORT,
    BatchSize,
    Database,
    Endpoint,
    Kafka,
    Misused,
    Port,
    Region,
    Serving,
    UntilEmpty,
    Visibility,
    at_least_one,
    opened,
)
from store.database import DEFAULT_URL

if TYPE_CHECKING:
    from consumers.api.server import Listening
    from ingest.sagemaker import SageMaker


def run_command(
    queue: Annotated[str | None, Parameter(env_var="HEADWATER_QUEUE", help="The queue's URL or its name.")] = None,
    /,
    *,
    from_kafka: Annotated[
        bool, Parameter(name="--kafka", negative="", help="Take events from a Kafka topic instead of a queue.")
    ] = False,
    kafka_group: Annotated[
        str,
        Parameter(env_var="HEADWATER_KAFKA_GROUP", group="Kafka", help="Workers of one group share the topic."),
    ] = "headwater",
    kafka: Kafka | None = None,
    database_url: Database = DEFAULT_URL,
    region: Region = None,
    endpoint_url: Endpoint = None,
    batch_size: BatchSize = 500,
    visibility: Visibility = 60,
    until_empty: UntilEmpty = False,
    describe: Annotated[
        Literal["auto", "never"],
        Parameter(
            env_var="HEADWATER_DESCRIBE",
            help="auto: ask SageMaker for what events leave out and lineage needs, by Describe and List operations.",
        ),
    ] = "auto",
    max_dead_in_a_row: Annotated[
        int,
        Parameter(
            env_var="HEADWATER_MAX_DEAD_IN_A_ROW",
            help="Stop, without acknowledging the batch, when more messages in a row become dead letters; 0: never.",
        ),
    ] = 20,
    max_dead_share: Annotated[
        float,
        Parameter(
            env_var="HEADWATER_MAX_DEAD_SHARE",
            help="The same when more than this share of the last 200 messages, 0 to 1, become dead letters; 0: never.",
        ),
    ] = 0.5,
    serving: Serving | None = None,
) -> None:
    """The worker: take events from an SQS queue, or a Kafka topic, and save the lineage that follows.

    It makes or migrates the store when it starts, and runs until SIGTERM or Ctrl-C: then it finishes the batch in hand,
    and nothing is lost. Start as many as you like, on one queue and one store, or on one topic (of as many partitions)
    and one store.
    """
    from consumers.run import worker_service
    from consumers.run.dead_letter_limit import DeadLetterLimit

    at_least_one("--batch-size", batch_size)
    if max_dead_in_a_row < 0:
        raise Misused(f"--max-dead-in-a-row must be 0 or more, not {max_dead_in_a_row}")
    if not 0 <= max_dead_share <= 1:
        raise Misused(f"--max-dead-share must be from 0 to 1, not {max_dead_share:g}")
    if from_kafka:
        kafka = kafka or Kafka()
        feed_of = partial(
            worker_service.topic,
            kafka.connection(),
            kafka.kafka_topic,
            group=kafka_group,
            batch_size=batch_size,
            until_empty=until_empty,
        )
    elif queue:
        feed_of = partial(
            worker_service.queue,
            queue,
            region=region,
            endpoint_url=endpoint_url,
            batch_size=batch_size,
            visibility=at_least_one("--visibility", visibility),
            until_empty=until_empty,
        )
    else:
        raise Misused("say where events come from: the queue's URL or name, or --kafka")
    worker_service.run(
        feed_of,
        lambda: opened(database_url, migrated=True),
        until_empty=until_empty,
        new_client=partial(_sagemaker, region, endpoint_url) if describe == "auto" else None,
        limit=DeadLetterLimit(in_a_row=max_dead_in_a_row, share=max_dead_share),
        **(serving or Serving()).arguments(),
    )


def _sagemaker(region: str | None, endpoint_url: str | None) -> SageMaker:
    from ingest.sagemaker import SageMaker  # AWS's client takes long to import

    return SageMaker(region=region, endpoint_url=endpoint_url)


def serve_command(
    *,
    host: Annotated[str, Parameter(env_var="HEADWATER_HOST", help="The address to listen on.")] = "127.0.0.1",
    port: Port = PORT,
    database_url: Database = DEFAULT_URL,
    account: Annotated[
        str | None,
        Parameter(
            env_var="HEADWATER_ACCOUNT",
            help="The account of requests that name none; by default the one with most lineage.",
        ),
    ] = None,
    region: Region = None,
    limits: Annotated[
        Literal["aws", "none"],
        Parameter(
            env_var="HEADWATER_LIMITS",
            help="none: QueryLineage takes any depth and several starts; a client may ask for that by the header "
            "x-headwater-limits: none.",
        ),
    ] = "aws",
    credentials: Annotated[
        Path | None,
        Parameter(
            env_var="HEADWATER_CREDENTIALS",
            group="Access",
            help="A file like ~/.aws/credentials, with a role (read or write) in each section: callers must sign.",
        ),
    ] = None,
    insecure: Annotated[
        bool,
        Parameter(negative="", group="Access", help="Listen beyond this machine though callers need not sign."),
    ] = False,
    tls_cert: Annotated[
        Path | None, Parameter(env_var="HEADWATER_TLS_CERT", group="Access", help="A certificate, to serve TLS.")
    ] = None,
    tls_key: Annotated[Path | None, Parameter(env_var="HEADWATER_TLS_KEY", group="Access", help="Its key.")] = None,
    serving: Serving | None = None,
) -> None:
    """SageMaker's own API over the store: for boto3, SageMaker's SDKs and the AWS command line, unchanged.

    Set AWS_ENDPOINT_URL_SAGEMAKER and AWS_ENDPOINT_URL_SAGEMAKER_METRICS to the address that it prints. It runs until
    SIGTERM or Ctrl-C; requests in hand are finished.
    """
    from consumers.api import server

    if not 0 <= port <= 65535:
        raise Misused(f"--port must be from 0 to 65,535, not {port}")
    if account is not None and not re.fullmatch(r"\d{12}", account):
        raise Misused(f"--account must be twelve digits, not {account!r}")
    if (tls_cert is None) != (tls_key is None):
        raise Misused("--tls-cert and --tls-key go together: give both, or neither")
    server.serve(
        lambda: opened(database_url, migrated=True),
        server.ServeOptions(
            host=host,
            port=port,
            account=account,
            region=region,
            limits=limits == "aws",
            credentials=credentials,
            insecure=insecure,
            tls=(tls_cert, tls_key) if tls_cert and tls_key else None,
        ),
        _print_address,
        **(serving or Serving()).arguments(),
    )


def _print_address(listening: Listening) -> None:
    accounts, account = listening.accounts, listening.account
    regions = accounts.get(account, ())
    of = f"lineage of {', '.join(regions)}" if regions else "no lineage yet"
    print(f"Headwater answers SageMaker's API at {listening.url} (account {account}, {of})", flush=True)
    others = [one for one in accounts if one != account]
    if others:
        print("It answers for these accounts too, by their keys or by their number after the address:")
        for one in others[:_ACCOUNTS_SHOWN]:
            print(f"  {listening.url}/{one} (lineage of {', '.join(accounts[one])})")
        if len(others) > _ACCOUNTS_SHOWN:
            print(f"  and {len(others) - _ACCOUNTS_SHOWN:,} others")
        sys.stdout.flush()


_ACCOUNTS_SHOWN = 20


def forward_command(
    queue: Annotated[str, Parameter(env_var="HEADWATER_QUEUE", help="The queue's URL or its name.")],
    /,
    *,
    kafka: Kafka | None = None,
    region: Region = None,
    endpoint_url: Endpoint = None,
    batch_size: BatchSize = 500,
    visibility: Visibility = 60,
    until_empty: UntilEmpty = False,
    serving: Serving | None = None,
) -> None:
    """Put the events of an SQS queue onto a Kafka topic, keyed by resource, for any number of workers on it.

    A message is deleted from the queue once Kafka has it on as many brokers as the topic requires. `headwater migrate
    --kafka` makes the topic, `headwater run --kafka` reads it, `headwater replay --to-kafka` puts archives onto it.
    """
    from consumers.run import worker_service

    kafka = kafka or Kafka()
    worker_service.forward(
        partial(
            worker_service.queue,
            queue,
            region=region,
            endpoint_url=endpoint_url,
            batch_size=at_least_one("--batch-size", batch_size),
            visibility=at_least_one("--visibility", visibility),
            until_empty=until_empty,
        ),
        kafka.connection(),
        kafka.kafka_topic,
        until_empty=until_empty,
        **(serving or Serving()).arguments(),
    )
