"""Commands that run until they are told to stop."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from consumers.cli.options import (
    BatchSize,
    Database,
    Endpoint,
    Kafka,
    Misused,
    Region,
    Serving,
    UntilEmpty,
    Visibility,
    at_least_one,
    opened,
)
from store.database import DEFAULT_URL

if TYPE_CHECKING:
    from ingest.describe import SageMaker


def run(
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
            help="auto: ask SageMaker what events leave out and lineage needs, by its Describe and List operations.",
        ),
    ] = "auto",
    serving: Serving | None = None,
) -> None:
    """The worker: take events from an SQS queue, or a Kafka topic, and keep the lineage that follows.

    It makes or migrates the store when it starts, and runs until SIGTERM or Ctrl-C: the batch in hand is finished,
    nothing is lost. Start as many as you like, on one queue and one store, or on one topic (of as many partitions)
    and one store.
    """
    from consumers import service

    at_least_one("--batch-size", batch_size)
    if from_kafka:
        kafka = kafka or Kafka()
        feed_of = partial(
            service.topic,
            kafka.connection(),
            kafka.kafka_topic,
            group=kafka_group,
            batch_size=batch_size,
            until_empty=until_empty,
        )
    elif queue:
        feed_of = partial(
            service.queue,
            queue,
            region=region,
            endpoint_url=endpoint_url,
            batch_size=batch_size,
            visibility=at_least_one("--visibility", visibility),
            until_empty=until_empty,
        )
    else:
        raise Misused("say where events come from: the queue's URL or name, or --kafka")
    service.run(
        feed_of,
        lambda: opened(database_url, migrated=True),
        until_empty=until_empty,
        asks=partial(_sagemaker, region, endpoint_url) if describe == "auto" else None,
        **(serving or Serving()).arguments(),
    )


def _sagemaker(region: str | None, endpoint_url: str | None) -> SageMaker:
    from ingest.describe import SageMaker  # AWS's client takes long to import

    return SageMaker(region=region, endpoint_url=endpoint_url)


def forward(
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

    A message is deleted from the queue after Kafka has it on as many brokers as it asks for. `headwater migrate
    --kafka` makes the topic, `headwater run --kafka` reads it, `headwater replay --to-kafka` puts archives onto it.
    """
    from consumers import service

    kafka = kafka or Kafka()
    service.forward(
        partial(
            service.queue,
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
