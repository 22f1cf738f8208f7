"""The server to test with: a real one on a free port of this machine, and boto3's clients of it."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import boto3
import pytest
import uvloop
from botocore.config import Config
from botocore.exceptions import ClientError
from sqlalchemy.event import listen

from consumers.api.app import Settings
from consumers.api.server import GRACE, open_application, web_server
from store.database import Store
from tests.support.stores import MakeStore, emptied, sqlite_store

REGION, ACCOUNT = "us-west-2", "123456789012"
PARTITION = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:"
SETTINGS = Settings(account=ACCOUNT, region=REGION)


@dataclass(frozen=True)
class Api:
    """A server that runs.

    Attributes:
        url: Where it listens.
        store: What it serves.
        sagemaker: boto3's client.
        metrics: boto3's client of the metrics service.
    """

    url: str
    store: Store
    sagemaker: Any
    metrics: Any

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.url.rpartition(":")[2])


@contextmanager
def served(store: Store, settings: Settings = SETTINGS, *, grace: int = GRACE) -> Iterator[Api]:
    """A server over a store, in a thread."""
    with open_application(store, settings) as app, socket.create_server(("127.0.0.1", 0)) as listener:
        web = web_server(app, grace=grace)

        def serve() -> None:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(web.serve(sockets=[listener]))

        thread = threading.Thread(target=serve)
        thread.start()
        while not web.started:
            assert thread.is_alive()
            time.sleep(0.002)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        try:
            yield Api(url, store, client("sagemaker", url), client("sagemaker-metrics", url))
        finally:
            web.should_exit = True
            thread.join()


@cache
def _session() -> boto3.Session:
    return boto3.Session("AKIATEST", "a secret of no use", region_name=REGION)


def client(service: str, url: str, **more: Any) -> Any:
    """A client of boto3's that does not retry."""
    config = Config(retries={"total_max_attempts": 1}, max_pool_connections=32, read_timeout=60)
    return _session().client(service, endpoint_url=url, config=config, **more)


@pytest.fixture(scope="session")
def one_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """A server over a SQLite file, for all tests of this process."""
    store = sqlite_store(tmp_path_factory.mktemp("served") / "store.db")
    # Nothing here has to survive a loss of power.
    listen(store.engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous=OFF"))
    with served(store) as api:
        yield api
    store.close()


@pytest.fixture
def api(one_server: Api) -> Api:
    """A server over an empty store."""
    emptied(one_server.store)
    return one_server


@pytest.fixture
def api_on_both(make_store: MakeStore) -> Iterator[Api]:
    """A server over an empty store, on both databases in turn."""
    with served(make_store()) as api:
        yield api


def refused(call: Any, **members: Any) -> str:
    """The code and the message with which a call is refused."""
    with pytest.raises(ClientError) as why:
        call(**members)
    error = why.value.response["Error"]
    return f"{error['Code']}: {error['Message']}"


def pages(call: Any, member: str, **members: Any) -> list[list[Any]]:
    """All pages of a list."""
    found = []
    token: dict[str, str] = {}
    while True:
        response = call(**members, **token)
        found.append(response[member])
        if "NextToken" not in response:
            return found
        token = {"NextToken": response["NextToken"]}


# ------------------------------------------------------------------------------------------------------- entities

SOURCE = {"SourceUri": "s3://bucket/train.csv"}
TAGS = [{"Key": "team", "Value": "risk"}, {"Key": "empty", "Value": ""}]


@dataclass(frozen=True, eq=False)
class EntityType:
    """A type of entity, and its operations.

    Attributes:
        name: Its name in operations.
        part: The part before the name in its ARNs.
        word: Its name in sentences.
        members: What it is created with, besides its name.
    """

    name: str
    part: str
    word: str
    members: Mapping[str, Any]

    def call(self, api: Api, verb: str) -> Any:
        """boto3's method."""
        snake = "".join(f"_{c.lower()}" if c.isupper() else c for c in self.name)
        return getattr(api.sagemaker, f"{verb}{snake}{'s' if verb == 'list' else ''}")

    def create(self, api: Api, name: str = "One", **more: Any) -> str:
        """Create one, and return its ARN."""
        members = {f"{self.name}Name": name} | dict(self.members) | more
        arn: str = self.call(api, "create")(**members)[f"{self.name}Arn"]
        return arn

    def named(self, name: str) -> dict[str, str]:
        """The member that names one."""
        return {f"{self.name}Name": name}

    def described(self, api: Api, name: str = "One") -> dict[str, Any]:
        """The description of one."""
        return without_metadata(self.call(api, "describe")(**self.named(name)))

    def listed(self, api: Api, **members: Any) -> list[str]:
        """The names in a list, of all its pages."""
        found = pages(self.call(api, "list"), f"{self.name}Summaries", **members)
        return [one[f"{self.name}Name"] for page in found for one in page]


CONTEXT = EntityType("Context", "context", "Context", {"ContextType": "Project", "Source": SOURCE})
ACTION = EntityType("Action", "action", "Action", {"ActionType": "Check", "Source": SOURCE})
EXPERIMENT = EntityType("Experiment", "experiment", "Experiment", {})
TRIAL = EntityType("Trial", "experiment-trial", "Trial", {"ExperimentName": "Exp"})
COMPONENT = EntityType("TrialComponent", "experiment-trial-component", "Trial component", {})
NAMED = (CONTEXT, ACTION, EXPERIMENT, TRIAL, COMPONENT)
every_type = pytest.mark.parametrize("entity_type", NAMED, ids=lambda entity_type: entity_type.name)


def without_metadata(response: Mapping[str, Any]) -> dict[str, Any]:
    """A response without its metadata."""
    return {name: value for name, value in response.items() if name != "ResponseMetadata"}


def ready(api: Api, entity_type: EntityType) -> Api:
    """The server with what an entity of this type needs."""
    if entity_type is TRIAL:
        EXPERIMENT.create(api, "Exp")
    return api


def artifact(api: Api, **more: Any) -> str:
    """Create an artifact, and return its ARN."""
    members = {"Source": SOURCE, "ArtifactType": "DataSet", **more}
    arn: str = api.sagemaker.create_artifact(**members)["ArtifactArn"]
    return arn


def of_artifact(api: Api, arn: str) -> dict[str, Any]:
    """The description of an artifact."""
    return without_metadata(api.sagemaker.describe_artifact(ArtifactArn=arn))
