"""Every metric of a process, with its unit and what a rise in it means; and the server for them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, make_wsgi_app

REGISTRY = CollectorRegistry()

EVENTS = Counter("headwater_events", "Events put into the ledger. Stands still: nothing arrives.", registry=REGISTRY)
KEPT = Counter(
    "headwater_events_kept",
    "Events of kinds without a rule. Rises: SageMaker sends a new kind of event; nothing is lost.",
    ["kind"],
    registry=REGISTRY,
)
DEAD = Counter(
    "headwater_dead_letters",
    "Messages that became dead letters. Rises: somebody else writes to the queue, or a format has changed.",
    registry=REGISTRY,
)
DEAD_SHARE = Gauge(
    "headwater_dead_letter_share",
    "Dead letters among the last 200 messages, from 0 to 1. Rises: as dead letters; the worker stops at its limit.",
    registry=REGISTRY,
)
TOO_MANY_DEAD = Gauge(
    "headwater_too_many_dead_letters",
    "1: more messages became dead letters than is allowed, and the worker is about to stop. See its log.",
    registry=REGISTRY,
)
DERIVED = Counter("headwater_resources_derived", "Resources whose lineage was derived.", registry=REGISTRY)
RULE_FAILURES = Counter(
    "headwater_rule_failures", "Rules that failed on a resource. Rises: a bug; see the log.", registry=REGISTRY
)
STORE_OUTAGES = Counter(
    "headwater_store_unavailable",
    "Times that the store did not answer. Rises: the database is down or overloaded; the queue grows meanwhile.",
    registry=REGISTRY,
)
SOURCE_OUTAGES = Counter(
    "headwater_source_unavailable", "Times that the queue did not answer. Rises: a network or AWS.", registry=REGISTRY
)
BATCH_SECONDS = Histogram(
    "headwater_batch_seconds",
    "Seconds from a batch in hand to its commit. Rises: the store is slow.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
    registry=REGISTRY,
)
BATCH_EVENTS = Histogram(
    "headwater_batch_events",
    "Deliveries in a batch. At its largest all the time: the worker is behind.",
    buckets=(1, 2, 5, 10, 25, 50, 100, 250, 500, 1000),
    registry=REGISTRY,
)
REQUESTS = Counter(
    "headwater_api_requests",
    "Requests to the API, by operation and error code (ok: none). InternalFailure rises: a bug; see the log.",
    ["operation", "code"],
    registry=REGISTRY,
)
REQUEST_SECONDS = Histogram(
    "headwater_api_seconds",
    "Seconds from a request's first byte to its answer. Rises: the store is slow, or too much is asked.",
    ["operation"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
    registry=REGISTRY,
)
QUEUE_DEPTH = Gauge(
    "headwater_queue_messages", "About how many messages are in the queue. Rises: add workers.", registry=REGISTRY
)
KAFKA_LAG = Gauge(
    "headwater_kafka_lag",
    "Messages of a partition that are not committed yet. Rises: add workers, as many as there are partitions.",
    ["partition"],
    registry=REGISTRY,
)
KAFKA_PARTITIONS = Gauge(
    "headwater_kafka_partitions", "Partitions that this worker reads. 0: there are more workers.", registry=REGISTRY
)
KAFKA_REBALANCES = Counter(
    "headwater_kafka_rebalances",
    "Times that partitions were assigned again. Rises all the time: workers come and go, or are too slow.",
    registry=REGISTRY,
)
FORWARDED = Counter(
    "headwater_forwarded", "Messages that were put on the topic. Stands still: nothing arrives.", registry=REGISTRY
)
DESCRIBE_REQUESTS = Counter(
    "headwater_questions",
    "Describe requests to SageMaker, by outcome: answered, unanswered. The latter rises: see headwater status for why.",
    ["outcome"],
    registry=REGISTRY,
)
LAST_BATCH = Gauge(
    "headwater_last_batch_timestamp_seconds", "When the last batch was settled, in epoch seconds.", registry=REGISTRY
)


class Health:
    """Whether a process can do its work, and if not, why not."""

    def __init__(self) -> None:
        self.problem: str | None = "starting"

    def look(self) -> str | None:
        """What keeps the process from its work now; None if nothing does."""
        return self.problem


class _Quiet(WSGIRequestHandler):
    timeout = 10  # seconds until a silent client is disconnected

    def log_message(self, *_: Any) -> None:
        """Log nothing: probes come every second."""


def serve(host: str, port: int, health: Health) -> Callable[[], None]:
    """Answer `/metrics` for Prometheus and `/health` (200, or 503 and why) in a thread.

    Returns:
        A function that stops it.

    Raises:
        OSError: The port cannot be used.
    """
    metrics = make_wsgi_app(REGISTRY)

    def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path = environ.get("PATH_INFO")
        if path == "/metrics":
            page: Iterable[bytes] = metrics(environ, start_response)
            return page
        if path == "/health":
            problem = health.look()
            status, text = ("503 Service Unavailable", problem) if problem else ("200 OK", "ok")
        else:
            status, text = "404 Not Found", "there are /metrics and /health"
        start_response(status, [("Content-Type", "text/plain; charset=utf-8")])
        return [f"{text}\n".encode()]

    server = make_server(host, port, answer, WSGIServer, _Quiet)
    thread = threading.Thread(target=server.serve_forever, name="metrics", daemon=True)
    thread.start()

    def stop() -> None:
        server.shutdown()
        server.server_close()

    return stop
