"""`make demo-kafka`: the services of infra/compose.yaml as processes of this machine, and a real pipeline run.

A Kafka broker, a PostgreSQL server, the forwarder and two workers, each with the command and the environment that
compose.yaml gives it; only names of hosts are replaced. In the end the store prints the digest that `make demo` prints.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import yaml

from consumers.demo.aws import Aws, abalone, deploy, miniature, publish
from consumers.handle import handle
from ingest.delivery import Delivery
from store.database import Store
from store.digest import digest
from store.migrate import migrate
from tests.support.kafka_broker import Broker, NoBroker
from tests.support.postgres_server import new_server

COMPOSE = Path(__file__).parent.parent / "infra" / "compose.yaml"
PATIENCE = 120.0
"""Seconds until the demo gives up."""


def main() -> int:
    """Run it; 0 when the digest is that of one machine."""
    services = yaml.safe_load(COMPOSE.read_text())["services"]
    with ExitStack() as leaving:
        folder = Path(leaving.enter_context(tempfile.TemporaryDirectory(prefix="headwater-demo-")))
        aws = leaving.enter_context(miniature())
        stack = deploy(aws)
        _say("An AWS in miniature, infra/template.yaml deployed into it", stack.queue_url)
        try:
            broker = leaving.enter_context(Broker(folder / "kafka"))
        except NoBroker as why:
            print(f"there is no Kafka to be had here: {why}; install Java 17 and Maven", file=sys.stderr)
            return 1
        _say("A Kafka broker", broker.bootstrap)
        url = leaving.enter_context(_postgresql())
        _say("A PostgreSQL server", url)
        places = {"kafka:9092": broker.bootstrap, "postgresql://headwater@postgres/headwater": url}
        outside = {"HEADWATER_QUEUE": stack.queue_url, **_credentials(aws)}

        def command(name: str) -> subprocess.Popen[bytes]:
            service = services[name]
            environment = _environment(service["environment"], places, outside)
            print(f"  $ headwater {' '.join(service['command'])}", flush=True)
            process = subprocess.Popen(
                [sys.executable, "-m", "consumers.cli", *service["command"]],
                env={**_plain_environment(), **environment, "HEADWATER_LOG_LEVEL": "warning"},
            )
            leaving.callback(process.wait)
            leaving.callback(process.terminate)
            return process

        _say("The schema and the topic")
        if command("migrate").wait():
            return 1
        replicas = services["worker"]["deploy"]["replicas"]
        _say(f"The forwarder and {replicas} workers")
        running = [command("forward"), *(command("worker") for _ in range(replicas))]
        published = publish(aws, abalone(), bus=stack.event_bus)
        _say(f"{published} events of a real pipeline run published on the bus {stack.event_bus!r}")
        store = leaving.enter_context(Store(url))
        alone = leaving.enter_context(_alone(folder / "alone.db"))
        want, _ = digest(alone)
        late = time.monotonic() + PATIENCE
        while digest(store)[0] != want:
            if time.monotonic() > late or any(process.poll() is not None for process in running):
                print("the digest is not that of one machine", file=sys.stderr)
                return 1
            time.sleep(0.5)
        got, counts = digest(store)
        _say("The digest, as that of one machine with SQLite", got)
        _say(", ".join(f"{count} {kind}" for kind, count in sorted(counts.items())))
    return 0


@contextmanager
def _postgresql() -> Iterator[str]:
    """The URL of a server of our own."""
    server = new_server("headwater-demo-postgresql-")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


def _alone(path: Path) -> Store:
    """The same events in one SQLite file, read directly."""
    store = Store(f"sqlite:///{path}")
    migrate(store)
    handle([Delivery(json.dumps(event).encode()) for event in abalone()], store)
    return store


def _credentials(aws: Aws) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL": aws.endpoint,
        "AWS_REGION": aws.region,
        "AWS_ACCESS_KEY_ID": aws.access_key_id,
        "AWS_SECRET_ACCESS_KEY": aws.secret_access_key,
    }


def _plain_environment() -> dict[str, str]:
    """The environment, without variables that point to another AWS or store than the demo's."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "HEADWATER_"))}


def _environment(settings: Mapping[str, Any], places: Mapping[str, str], outside: Mapping[str, str]) -> dict[str, str]:
    """A service's environment, with this machine's addresses and the variables it takes from outside."""
    found = {name: places.get(value, value) for name, value in settings.items() if value is not None}
    taken = {name: outside[name] for name, value in settings.items() if value is None and name in outside}
    # The only AWS here is the one in miniature.
    return {**found, **taken, "AWS_ENDPOINT_URL": outside["AWS_ENDPOINT_URL"]}


def _say(said: str, *more: str) -> None:
    print(f"» {said}", *(f"  {line}" for line in more), sep="\n", flush=True)


if __name__ == "__main__":
    sys.exit(main())
