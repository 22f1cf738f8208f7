"""SageMaker's API over a large store, beside moto's server, and beside a bare route with the same responses."""

from __future__ import annotations

import multiprocessing
import random
import socket
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from itertools import count
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from bench import servers, workloads
from bench.graph import Graph, Kind, graph, starts
from bench.load import Client, Load, load, repeated, request, sent
from bench.measure import Row, spread
from bench.options import Options
from store import bulk, tables
from store.database import Transaction

OURS, BARE, MOTO = "Headwater", "a bare Starlette route", "moto's server"
AIM = "5 times moto's"
CLIENTS = 32
_SPARE = 1_000
"""A round that is not measured."""
DIFFERENT = 1_000
"""Different requests of an operation."""
BEGIN = 1_709_251_200  # 2024-03-01T00:00:00Z

_RUNS = (Kind.PROCESSING, Kind.TRAINING)
_METRICS = ("train:rmse", "validation:mae", "validation:rmse")


class Subject(NamedTuple):
    """An operation, and how clients request it.

    Attributes:
        name: What the table calls it.
        client: Number of a round, and of a client -> that client's requests.
        operations: SageMaker's names of the operations that are called, in turn.
        moto: True if moto implements it.
        aim: How fast it should be.
    """

    name: str
    client: Callable[[int, int], Client]
    operations: Sequence[str]
    moto: bool = False
    aim: str = ""


def api(options: Options) -> list[Row]:
    """Thirty-two clients, one operation after the other, each of the servers in turn."""
    large = graph(options.entities or 300_000, seed=options.seed)  # a third of them are trial components
    path = options.folder / "api.db"
    arns = _filled(path, large, random.Random(options.seed))
    names = _names(large, random.Random(options.seed))
    rows = [
        Row("trial components", sum(kind in _RUNS for kind in large.kinds), ""),
        Row("associations", len(large.sources), ""),
    ]
    with (
        servers.aws() as aws,
        servers.api(f"sqlite:///{path}") as ours,
        ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as clients,
    ):
        moto = urlsplit(aws).port or 0
        for name in names:
            sent(moto, request("CreateTrialComponent", _component(name)))
        for subject in _subjects(large, arns, names, options):
            with _bare(_responses(subject, ours)) as bare:
                ports = {OURS: ours, BARE: bare} | ({MOTO: moto} if subject.moto else {})
                loads: dict[str, list[Load]] = {name: [] for name in ports}
                for turn in range(options.rounds):
                    for name, port in ports.items():
                        client = partial(subject.client, turn)
                        one = clients.submit(
                            load,
                            port,
                            client,
                            clients=CLIENTS,
                            seconds=options.seconds / options.rounds,
                            warm_up=min(0.5, options.seconds),
                        )
                        loads[name].append(one.result())
            rows += _rows(subject, loads)
    workloads.remove(path)
    return rows


def _rows(subject: Subject, loads: Mapping[str, Sequence[Load]]) -> Iterator[Row]:
    rates = {name: statistics.median(one.rate for one in some) for name, some in loads.items()}
    rate = rates.pop(OURS)
    yield Row(subject.name, rate, "requests/s")
    for name, other in rates.items():
        yield Row(
            f"the same of {name}; ratio: ours to it", other, "requests/s", rate / other, AIM if name == MOTO else ""
        )
    median, p95 = spread([taken for one in loads[OURS] for taken in one.seconds])
    yield Row(f"{subject.name}, median", median * 1e3, "ms")
    yield Row(f"{subject.name}, p95", p95 * 1e3, "ms", None, subject.aim)


# ---------------------------------------------------------------------------------------------------- what is requested


def _subjects(large: Graph, arns: Sequence[str], names: Sequence[str], options: Options) -> Iterator[Subject]:
    rng = random.Random(options.seed)

    def reading(name: str, operation: str, inputs: Sequence[Any], *, moto: bool = False, aim: str = "") -> Subject:
        # A closure may be deeper than the ten associations that AWS follows.
        requests = [request(operation, parameters, unlimited=operation == "QueryLineage") for parameters in inputs]
        return Subject(name, partial(_reading, requests), [operation], moto, aim)

    yield reading(
        "DescribeTrialComponent", "DescribeTrialComponent", [{"TrialComponentName": name} for name in names], moto=True
    )
    yield Subject("CreateTrialComponent", _making, ["CreateTrialComponent"], moto=True)
    yield reading(
        f"Search by name (moto: among {len(names):,})",
        "Search",
        [_search(("TrialComponentName", "Equals", name)) for name in names],
        moto=True,
    )
    yield reading("ListAssociations", "ListAssociations", [{"DestinationArn": _arn(name)} for name in names])
    yield reading(
        "Search by hyperparameter and metric",
        "Search",
        [
            _search(
                ("Parameters.eta", "GreaterThan", f"{rng.uniform(0.3, 0.49):.4f}"),
                ("Metrics.validation:rmse.Last", "LessThan", f"{rng.uniform(0.1, 0.5):.4f}"),
            )
            for _ in names
        ],
        aim="100 ms",
    )
    for size, aim in ((50, "15 ms"), (min(1_000, options.largest), "")):
        some = [arns[start] for start in starts(large, size, how_many=20)]
        yield reading(f"QueryLineage of {size:,} ascendants", "QueryLineage", [_lineage(arn) for arn in some], aim=aim)
    yield Subject(
        "CreateArtifact, AddAssociation in turn", partial(_linking, names), ["CreateArtifact", "AddAssociation"]
    )


def _reading(requests: Sequence[bytes], _turn: int, client: int) -> Client:
    return repeated(requests, client)


def _making(turn: int, client: int) -> Client:
    for number in count():
        yield request("CreateTrialComponent", _component(f"made-{turn}-{client}-{number}"))


def _linking(names: Sequence[str], turn: int, client: int) -> Client:
    for number in count():
        source = {"SourceUri": f"s3://acme-models/{turn}/{client}/{number}/model.tar.gz"}
        made = yield request("CreateArtifact", {"ArtifactType": "Model", "Source": source})
        ends = {
            "SourceArn": msgspec.json.decode(made)["ArtifactArn"],
            "DestinationArn": _arn(names[(client + number) % len(names)]),
        }
        yield request("AddAssociation", {**ends, "AssociationType": "ContributedTo"})


def _component(name: str) -> Mapping[str, Any]:
    rng = random.Random(name)
    return {
        "TrialComponentName": name,
        "DisplayName": name,
        "Status": {"PrimaryStatus": "Completed"},
        "StartTime": BEGIN,
        "EndTime": BEGIN + 600,
        "Parameters": {
            key: {"StringValue": value} if isinstance(value, str) else {"NumberValue": value}
            for key, value in _parameters(rng).items()
        },
    }


def _search(*filters: tuple[str, str, str]) -> Mapping[str, Any]:
    conditions = [{"Name": name, "Operator": operator, "Value": value} for name, operator, value in filters]
    return {"Resource": "ExperimentTrialComponent", "SearchExpression": {"Filters": conditions}, "MaxResults": 20}


def _lineage(arn: str) -> Mapping[str, Any]:
    return {"StartArns": [arn], "Direction": "Ascendants", "IncludeEdges": True, "MaxDepth": 1_000}


def _names(large: Graph, rng: random.Random) -> list[str]:
    """Names of some training jobs' trial components."""
    trainings = [one.name for one in large.entities() if large.kinds[one.id] == Kind.TRAINING]
    return rng.sample(trainings, min(DIFFERENT, len(trainings)))


def _arn(name: str) -> str:
    return f"arn:aws:sagemaker:us-west-2:123456789012:experiment-trial-component/{name}"


# ------------------------------------------------------------------------------------------------- what the store holds


def _filled(path: Path, large: Graph, rng: random.Random) -> list[str]:
    """Make a store of a graph, with parameters and metrics of its trial components. Returns the ARN of each entity."""
    store, arns = workloads.stored(large, path)
    runs = [number + 1 for number, kind in enumerate(large.kinds) if kind in _RUNS]

    def fill(tx: Transaction) -> None:
        for number in runs:
            parameters = [
                (number, name, *((value, None) if isinstance(value, str) else (None, value)))
                for name, value in sorted(_parameters(rng).items())
            ]
            bulk.insert(tx.connection, tables.parameter, parameters)
            metrics = [
                (number, name, rng.lognormvariate(-1, 1), BEGIN * 1000, None, None, None, None, None)
                for name in _METRICS
            ]
            bulk.insert(tx.connection, tables.metric, metrics)

    with store:
        store.write(fill)
    return arns


def _parameters(rng: random.Random) -> dict[str, str | float]:
    return {
        "eta": round(rng.uniform(0.01, 0.5), 4),
        "max_depth": rng.randint(3, 12),
        "num_round": rng.randint(50, 800),
        "objective": rng.choice(("reg:squarederror", "binary:logistic", "multi:softmax")),
        "subsample": round(rng.uniform(0.5, 1), 3),
    }


# ------------------------------------------------------------------------------------------------------- a bare route


def _responses(subject: Subject, port: int) -> dict[str, Any]:
    """Operation -> Headwater's response."""
    client = subject.client(_SPARE, 0)
    responses: dict[str, Any] = {}
    content = next(client)
    for operation in subject.operations:
        response = sent(port, content)
        responses[operation] = msgspec.json.decode(response)
        content = client.send(response)
    return responses


@contextmanager
def _bare(responses: Mapping[str, Any]) -> Iterator[int]:
    """The port of a server that reads requests and sends these responses, and does nothing in between."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve_bare, args=(responses, theirs), daemon=True)
    process.start()
    try:
        yield ours.recv()
    finally:
        process.terminate()
        process.join()


def _serve_bare(responses: Mapping[str, Any], pipe: Pipe) -> None:
    async def respond(received: Request) -> JSONResponse:
        await received.json()
        return JSONResponse(responses[received.headers["x-amz-target"].removeprefix("SageMaker.")])

    app = Starlette(routes=[Route("/", respond, methods=["POST"])])
    with socket.create_server(("127.0.0.1", 0)) as listener:
        pipe.send(listener.getsockname()[1])
        uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False)).run(sockets=[listener])
