"""Lineage as a tree in a terminal."""

from __future__ import annotations

import re
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from consumers.cli.lineage_formats import FORMATS
from store.graph.lineage import Walk
from store.graph.traversal import Direction, Edge, Vertex
from tests.support.walks import ACCOUNT, DATA, RAW, SMALL, TRAIN, TRAINING, artifact, edge, job, of, printed, walks

IMAGE = artifact("a2", "Image", "246618743249.dkr.ecr.us-west-2.amazonaws.com/sagemaker-xgboost:1.0-1-cpu-py3", 1)
PROCESS = job("Processing", "AbaloneProcess-aLX6e7utl3", 4)
TEST = artifact("a4", "DataSet", "s3://abalone-111122223333/process-2022-07-13-16-07-51-228/output/test", 3)
PACKAGE = artifact("a6", "Model", f"{ACCOUNT}:model-package/abalone/1", 0)
APPROVAL = Vertex(
    f"{ACCOUNT}:action/abalone-1-Approved-1657729287-aws-model-package",
    "Approval",
    "Action",
    "abalone-1-Approved-1657729287-aws-model-package",
    f"{ACCOUNT}:model-package/abalone/1",
    "Completed",
    1,
)
DEPLOYMENT = Vertex(
    f"{ACCOUNT}:action/abalone-0c5d7e9f-aws-endpoint",
    "ModelDeployment",
    "Action",
    "abalone-0c5d7e9f-aws-endpoint",
    f"{ACCOUNT}:endpoint/abalone",
    "InProgress",
    1,
)
ENDPOINT = Vertex(
    f"{ACCOUNT}:context/abalone-1657729999-aws-endpoint",
    "Endpoint",
    "Context",
    "abalone-1657729999-aws-endpoint",
    f"{ACCOUNT}:endpoint/abalone",
    "IN_SERVICE",
    2,
)
ABALONE = Walk(
    start=(PACKAGE.arn,),
    direction=Direction.BOTH,
    complete=True,
    vertices=(PACKAGE, IMAGE, DATA, APPROVAL, DEPLOYMENT, TRAINING, ENDPOINT, TRAIN, TEST, PROCESS, RAW),
    edges=(
        edge(RAW, "ContributedTo", PROCESS),
        edge(DATA, "ContributedTo", PROCESS),  # the last model labels the next one's data: a cycle
        edge(PROCESS, "Produced", TRAIN),
        edge(PROCESS, "Produced", TEST),
        edge(TRAIN, "ContributedTo", TRAINING),
        edge(TEST, "ContributedTo", TRAINING),
        edge(IMAGE, "ContributedTo", TRAINING),
        edge(TRAINING, "Produced", DATA),
        edge(IMAGE, "ContributedTo", PACKAGE),
        edge(DATA, "ContributedTo", PACKAGE),
        edge(APPROVAL, "ContributedTo", PACKAGE),
        edge(PACKAGE, "ContributedTo", DEPLOYMENT),
        edge(DEPLOYMENT, "AssociatedWith", ENDPOINT),
    ),
)


def test_a_tree_shows_each_entity_once_in_full_and_points_to_it_elsewhere() -> None:
    assert printed(ABALONE) == (
        "Ascendants: what it came from\n"
        "Model  model-package/abalone/1\n"
        "├← ContributedTo  Approval  abalone-1  Approved\n"
        "├← ContributedTo  [1] Image  sagemaker-xgboost:1.0-1-cpu-py3\n"
        "└← ContributedTo  [2] Model  …-111122223333/train-3kYZvpYx11/output/model.tar.gz\n"
        "   └← Produced  TrainingJob  AbaloneTrain-3kYZvpYx11  Completed\n"
        "      ├← ContributedTo  Image  sagemaker-xgboost:1.0-1-cpu-py3  ↑ see [1]\n"
        "      ├← ContributedTo  DataSet  …/process-2022-07-13-16-07-51-228/output/test\n"
        "      │  └← Produced  [3] ProcessingJob  AbaloneProcess-aLX6e7utl3  Completed\n"
        "      │     ├← ContributedTo  DataSet  s3://samples/abalone/abalone.csv\n"
        "      │     └← ContributedTo  Model  …-3kYZvpYx11/output/model.tar.gz  ↑ see [2]\n"
        "      └← ContributedTo  DataSet  …/process-2022-07-13-16-07-51-228/output/train\n"
        "         └← Produced  ProcessingJob  AbaloneProcess-aLX6e7utl3  ↑ see [3]\n"
        "\n"
        "Descendants: what came of it\n"
        "Model  model-package/abalone/1\n"
        "└→ ContributedTo  ModelDeployment  abalone  InProgress\n"
        "   └→ AssociatedWith  Endpoint  abalone  IN_SERVICE\n"
        "\n"
        "11 entities, 13 associations\n"
    )


def test_one_direction_needs_no_heading_and_wide_consoles_show_whole_uris() -> None:
    assert printed(SMALL, width=200) == (
        "Model  s3://abalone-111122223333/train-3kYZvpYx11/output/model.tar.gz\n"
        "└← Produced  TrainingJob  AbaloneTrain-3kYZvpYx11  Completed\n"
        "\n"
        "2 entities, 1 association\n"
    )


def test_an_incomplete_walk_says_so_and_what_to_do() -> None:
    assert printed(of(RAW, PROCESS, edges=(edge(RAW, "ContributedTo", PROCESS),), complete=False)) == (
        "DataSet  s3://samples/abalone/abalone.csv\n"
        "└→ ContributedTo  ProcessingJob  AbaloneProcess-aLX6e7utl3  Completed\n"
        "\n"
        "2 entities, 1 association\n"
        "Not complete: there is more. A greater --depth or --limit shows it.\n"
    )


def test_a_walk_that_found_nothing_more_says_so() -> None:
    assert printed(of(RAW)) == (
        "DataSet  s3://samples/abalone/abalone.csv\n   no descendants are known\n\n1 entity, 0 associations\n"
    )
    assert printed(Walk((), Direction.BOTH, True, (), ())) == "0 entities, 0 associations\n"


def test_several_starts_are_several_trees_with_common_numbers() -> None:
    walk = Walk(
        start=(PROCESS.arn, TRAINING.arn),
        direction=Direction.ASCENDANTS,
        complete=True,
        vertices=(PROCESS, TRAINING, TRAIN),
        edges=(edge(PROCESS, "Produced", TRAIN), edge(TRAIN, "ContributedTo", TRAINING)),
    )
    assert printed(walk) == (
        "[1] ProcessingJob  AbaloneProcess-aLX6e7utl3  Completed\n"
        "TrainingJob  AbaloneTrain-3kYZvpYx11  Completed\n"
        "└← ContributedTo  DataSet  …2223333/process-2022-07-13-16-07-51-228/output/train\n"
        "   └← Produced  ProcessingJob  AbaloneProcess-aLX6e7utl3  ↑ see [1]\n"
        "\n"
        "3 entities, 2 associations\n"
    )


def test_a_long_chain_goes_on_further_down_instead_of_off_the_screen() -> None:
    chain = [artifact(str(hop), "DataSet", f"s3://bucket/{hop}", hop) for hop in range(601)]
    links = tuple(edge(one, "DerivedFrom", next_) for one, next_ in pairwise(chain))
    text = printed(of(*chain, edges=links))
    lines = text.splitlines()
    assert lines[:11] == [
        "DataSet  s3://bucket/0",
        *(f"{'   ' * hop}└→ DerivedFrom  DataSet  s3://bucket/{hop + 1}" for hop in range(7)),
        f"{'   ' * 7}└→ DerivedFrom  DataSet  s3://bucket/8  ↓ see [1]",
        "",
        "[1] DataSet  s3://bucket/8  (8 hops away)",
    ]
    assert lines[-3:] == [f"{'   ' * 7}└→ DerivedFrom  DataSet  s3://bucket/600", "", "601 entities, 600 associations"]
    assert max(map(cell_len, lines)) <= 80
    for as_text in FORMATS.values():
        assert as_text(of(*chain, edges=links)).count("DerivedFrom") == 600


def test_what_is_in_a_name_is_printed_as_it_is_and_never_obeyed() -> None:
    names = ["[red]x[/red]", 'a "quote"', "new\nline", "\x1b[31mred", "\u202eover", ":smile: & <b>", "数据"]
    walk = of(*(artifact(str(number), "DataSet", "s3://x", 0, name) for number, name in enumerate(names)))
    lines = printed(walk).splitlines()
    assert [line.removeprefix("DataSet  ") for line in [lines[0], *lines[4:-2]]] == [
        "[red]x[/red]",
        'a "quote"',
        r"new\nline",
        r"\x1b[31mred",
        r"\u202eover",
        ":smile: & <b>",
        "数据",
    ]


def test_labels_are_short_but_never_the_same_for_two_of_a_type() -> None:
    digest = "0123456789ab" + "c" * 52
    ecr = "111122223333.dkr.ecr.{}.amazonaws.com/team/{}".format
    vertices = [
        artifact("1", "Image", ecr("us-west-2", "xgb:1")),
        artifact("2", "Image", ecr("eu-west-1", "xgb:1")),
        artifact("3", "Image", ecr("us-west-2", f"torch@sha256:{digest}")),
        artifact("4", "Image", "public.ecr.aws/team/xgb:1"),
        artifact("10", "Image", "111122223333.dkr.ecr.eusc-de-east-1.amazonaws.eu/team/lgbm:1"),
        artifact("11", "Image", "111122223333.dkr-ecr.us-west-2.on.aws/team/catboost:1"),
        artifact("5", "DataSet", "s3://b/train/", 0),
        artifact("6", "DataSet", "s3://b/train", 0),
        artifact("7", "DataSet", "s3://b/train", 0),
        artifact("8", "DataSet", "", 0),
        job("Training", "train-1657729287", 0, ""),
        Vertex("arn:9", "Experiment", "Experiment", "my-aws-thing", "", ""),
    ]
    lines = printed(of(*vertices), width=120).splitlines()
    assert [line.partition("  ")[2] for line in [lines[0], *lines[4:-2]]] == [
        ecr("us-west-2", "xgb:1"),
        ecr("eu-west-1", "xgb:1"),
        "team/torch@sha256:0123456789ab",
        "public.ecr.aws/team/xgb:1",
        "team/lgbm:1",
        "team/catboost:1",
        "s3://b/train/",
        "s3://b/train (artifact/6)",
        "s3://b/train (artifact/7)",
        "artifact/8",
        "train-1657729287",
        "my-aws-thing",
    ]


@pytest.mark.parametrize(
    ("status", "colour"),
    [
        ("Completed", 32),
        ("IN_SERVICE", 32),
        ("Failed", 31),
        ("UpdateRollbackFailed", 31),
        ("InProgress", 33),
        ("SYSTEM_UPDATING", 33),
        ("Stopped", 2),
    ],
)
def test_a_status_has_its_colour_on_a_terminal(status: str, colour: int) -> None:
    walk = of(job("Training", "abalone", 0, status))
    assert f"\x1b[{colour}m  {status}\x1b[0m" in printed(walk, force_terminal=True, color_system="standard")
    assert "\x1b" not in printed(walk)


def test_a_tree_is_drawn_in_ascii_where_nothing_else_can_be_written() -> None:
    data = artifact("1", "DataSet", "s3://café/train")
    walk = of(data, PROCESS, TRAINING, edges=tuple(edge(data, "ContributedTo", end) for end in (PROCESS, TRAINING)))
    assert printed(walk, encoding="ascii").splitlines()[:3] == [
        r"DataSet  s3://caf\xe9/train",
        "|-> ContributedTo  ProcessingJob  AbaloneProcess-aLX6e7utl3  Completed",
        "`-> ContributedTo  TrainingJob  AbaloneTrain-3kYZvpYx11  Completed",
    ]
    assert printed(walk, encoding="latin-1").startswith("DataSet  s3://café/train\n|-> ")


# ---------------------------------------------------------------------------------------------------------- properties


def reached(walk: Walk) -> Walk:
    """The part of it that a walk in its direction really finds."""
    kept: set[Edge] = set()
    found = set(walk.start)
    for way in (Direction.ASCENDANTS, Direction.DESCENDANTS):
        within = set(walk.start) if walk.direction in (way, Direction.BOTH) else set()
        for _ in walk.vertices:
            for link in walk.edges:
                near, far = (link.source, link.destination)[:: -1 if way is Direction.ASCENDANTS else 1]
                if near in within:
                    within.add(far)
                    kept.add(link)
        found |= within
    vertices = tuple(vertex for vertex in walk.vertices if vertex.arn in found)
    return Walk(walk.start, walk.direction, walk.complete, vertices, tuple(kept))


NUMBERED = st.integers(0, 10**6).map("name-{:07}".format)


@pytest.mark.law
@given(walks(NUMBERED))
def test_every_vertex_is_in_the_tree(walk: Walk) -> None:
    text = printed(walk, width=150)
    assert all(vertex.name in text or vertex.arn.rpartition(":")[2] in text for vertex in walk.vertices)


@pytest.mark.law
@given(walks(NUMBERED).map(reached))
def test_every_association_is_one_line_and_every_reference_leads_somewhere(walk: Walk) -> None:
    text = printed(walk, width=150)
    lines = [line for line in text.splitlines() if re.match(r"[├└│ ]*[├└][←→] ", line)]
    twice = 2 if walk.direction is Direction.BOTH else 1  # what is on a cycle may be met in both directions
    assert len(walk.edges) <= len(lines) <= len(walk.edges) * twice
    assert "Not connected" not in text
    numbers = re.findall(r"^(?:[├└│←→ ]*~?(?:Produced|ContributedTo)  )?\[(\d+)\] ", text, re.MULTILINE)
    assert numbers == [str(number) for number in range(1, len(numbers) + 1)]
    assert set(re.findall(r" [↑↓] see \[(\d+)\]", text)) == set(numbers)


@pytest.mark.law
@given(walks(st.text(max_size=90)), st.integers(40, 120))
def test_no_line_is_wider_than_the_console(walk: Walk, width: int) -> None:
    assert all(cell_len(line) <= width for line in printed(walk, width=width).split("\n"))


@pytest.mark.law
@given(walks(st.text(max_size=90)), st.sampled_from(["ascii", "latin-1", "cp437"]))
def test_any_encoding_can_write_the_tree(walk: Walk, encoding: str) -> None:
    last = r"^\d+ entit(y|ies), \d+ associations?(, \d+ of them inferred \(~\))?$"
    assert re.search(last, printed(walk, encoding=encoding), re.MULTILINE)


def test_a_tree_says_how_many_links_time_rules_out() -> None:
    said = "links are left out: written after it was read, or replaced before. --all-time follows all."
    assert f"3 {said}" in printed(msgspec.structs.replace(SMALL, left_out=3), width=120)
    assert "left out" not in printed(SMALL, width=120)
