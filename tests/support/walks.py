"""Walks through lineage for tests: vertices by hand, any graph, and a walk as the command line prints it."""

from __future__ import annotations

import io
from typing import Any

from hypothesis import strategies as st
from rich.console import Console

from consumers.cli.lineage_tree import tree
from store.graph.lineage import Walk
from store.graph.traversal import Direction, Edge, Vertex

ACCOUNT = "arn:aws:sagemaker:us-west-2:111122223333"


def artifact(key: str, type_: str, uri: str, hops: int = 0, name: str = "") -> Vertex:
    """An artifact; `key` is the end of its ARN."""
    return Vertex(f"{ACCOUNT}:artifact/{key}", type_, "Artifact", name, uri, "", hops)


def job(kind: str, name: str, hops: int, status: str = "Completed") -> Vertex:
    """The trial component of a training or processing job."""
    whole = f"{name}-aws-{kind.lower()}-job"
    arn = f"{ACCOUNT}:experiment-trial-component/{whole.lower()}"
    uri = f"{ACCOUNT}:{kind.lower()}-job/{name.lower()}"
    return Vertex(arn, f"{kind}Job", "TrialComponent", whole, uri, status, hops)


RAW = artifact("a1", "DataSet", "s3://samples/abalone/abalone.csv", 5)
TRAIN = artifact("a3", "DataSet", "s3://abalone-111122223333/process-2022-07-13-16-07-51-228/output/train", 3)
TRAINING = job("Training", "AbaloneTrain-3kYZvpYx11", 2)
DATA = artifact("a5", "Model", "s3://abalone-111122223333/train-3kYZvpYx11/output/model.tar.gz", 1)


def edge(source: Vertex, type_: str, destination: Vertex) -> Edge:
    """An association that was captured."""
    return Edge(source.arn, destination.arn, type_)


SMALL = Walk(
    start=(DATA.arn,),
    direction=Direction.ASCENDANTS,
    complete=True,
    vertices=(DATA, TRAINING),
    edges=(edge(TRAINING, "Produced", DATA),),
)


def of(*vertices: Vertex, edges: tuple[Edge, ...] = (), complete: bool = True) -> Walk:
    """The descendants of the first of these vertices."""
    return Walk((vertices[0].arn,), Direction.DESCENDANTS, complete, vertices, edges)


def printed(walk: Walk, width: int = 80, encoding: str = "utf-8", **terminal: Any) -> str:
    """What a console of this width and encoding gets of the walk's tree."""
    out = io.BytesIO()
    file = io.TextIOWrapper(out, encoding=encoding)
    settings = {"force_terminal": False, "legacy_windows": False, **terminal}
    Console(file=file, width=width, **settings).print(tree(walk))
    file.flush()
    return out.getvalue().decode(encoding)


@st.composite
def walks(draw: st.DrawFn, names: st.SearchStrategy[str]) -> Walk:
    """Any graph, with cycles and loops, whether or not its vertices can be reached."""
    arns = [f"arn:aws:sagemaker:r:1:artifact/{number}" for number in range(draw(st.integers(0, 12)))]
    short = st.text(max_size=12)
    vertex = st.tuples(short, st.sampled_from(["Artifact", "Action", "Context"]), names, st.text(max_size=90), short)
    vertices = tuple(Vertex(arn, *draw(vertex), draw(st.integers(0, 9))) for arn in arns)
    direction = draw(st.sampled_from(list(Direction)))
    if not arns:
        return Walk((), direction, True, (), ())
    one = st.sampled_from(arns)
    start = tuple(draw(st.lists(one, max_size=3, unique=True)))
    edges = st.lists(
        st.builds(Edge, one, one, st.sampled_from(["Produced", "ContributedTo"]), st.booleans()), max_size=30
    )
    return Walk(start, direction, draw(st.booleans()), vertices, tuple(draw(edges)), draw(st.integers(0, 3)))
