"""Lineage as JSON, CSV, DOT and Mermaid."""

from __future__ import annotations

import csv
import io
import json
import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.cli.lineage_formats import as_csv, as_dot, as_json, as_mermaid
from store.graph.lineage import Walk
from store.graph.traversal import Direction, Edge, Vertex
from tests.support.walks import DATA, RAW, SMALL, TRAIN, TRAINING, artifact, of, printed, walks


def test_json_is_what_the_documentation_says() -> None:
    assert (
        as_json(SMALL)
        == f"""{{
  "start": "{DATA.arn}",
  "direction": "ascendants",
  "complete": true,
  "left_out": 0,
  "vertices": [
    {{
      "arn": "{DATA.arn}",
      "type": "Model",
      "lineage_type": "Artifact",
      "name": "",
      "source_uri": "s3://abalone-111122223333/train-3kYZvpYx11/output/model.tar.gz",
      "status": "",
      "hops": 1
    }},
    {{
      "arn": "{TRAINING.arn}",
      "type": "TrainingJob",
      "lineage_type": "TrialComponent",
      "name": "AbaloneTrain-3kYZvpYx11-aws-training-job",
      "source_uri": "{TRAINING.source_uri}",
      "status": "Completed",
      "hops": 2
    }}
  ],
  "edges": [
    {{
      "source": "{TRAINING.arn}",
      "destination": "{DATA.arn}",
      "type": "Produced",
      "inferred": false
    }}
  ]
}}"""
    )


def test_several_starts_are_a_list_in_json() -> None:
    walk = Walk((RAW.arn, TRAIN.arn), Direction.BOTH, False, (RAW, TRAIN), ())
    assert json.loads(as_json(walk))["start"] == [RAW.arn, TRAIN.arn]
    assert json.loads(as_json(Walk((), Direction.BOTH, True, (), ())))["start"] == []


def test_dot_has_a_node_for_each_entity_and_an_arrow_for_each_association() -> None:
    assert as_dot(SMALL) == (
        "digraph lineage {\n"
        "  rankdir=LR;\n"
        '  node [fontname="Helvetica"];\n'
        '  edge [fontname="Helvetica"];\n'
        r'  n1 [label="Model\ns3://abalone-111122223333/train-3kYZvpYx11/output/model.tar.gz", '
        'tooltip="s3://abalone-111122223333/train-3kYZvpYx11/output/model.tar.gz", '
        'shape=box, style=filled, fillcolor="#ffffff", penwidth=3];\n'
        r'  n2 [label="TrainingJob\nAbaloneTrain-3kYZvpYx11\nCompleted", '
        'tooltip="AbaloneTrain-3kYZvpYx11-aws-training-job", '
        'shape=box, style="rounded,filled", fillcolor="#eef4fb"];\n'
        '  n2 -> n1 [label="Produced"];\n'
        "}"
    )


def test_mermaid_has_a_node_for_each_entity_and_an_arrow_for_each_association() -> None:
    assert as_mermaid(SMALL) == (
        "flowchart LR\n"
        '  n1["Model<br/>s3://abalone-111122223333/train-3kYZvpYx11/output/model.tar.gz"]\n'
        '  n2(["TrainingJob<br/>AbaloneTrain-3kYZvpYx11<br/>Completed"])\n'
        '  n2 -->|"Produced"| n1\n'
        "  classDef begin stroke-width:3px\n"
        "  class n1 begin"
    )


def test_inferred_links_are_marked_in_every_format() -> None:
    ours = Edge(RAW.arn, TRAIN.arn, "DerivedFrom", inferred=True)
    walk = Walk((RAW.arn,), Direction.DESCENDANTS, True, (RAW, TRAIN), (ours,))
    assert printed(walk).splitlines()[1:] == [
        "└→ ~DerivedFrom  DataSet  …22223333/process-2022-07-13-16-07-51-228/output/train",
        "",
        "2 entities, 1 association, 1 of them inferred (~)",
    ]
    assert as_dot(walk).splitlines()[-2] == '  n1 -> n2 [label="DerivedFrom", style=dashed];'
    assert '  n1 -.->|"DerivedFrom"| n2' in as_mermaid(walk).splitlines()
    [row] = csv.DictReader(io.StringIO(as_csv(walk)))
    assert (row["association"], row["inferred"]) == ("DerivedFrom", "true")
    assert [edge["inferred"] for edge in json.loads(as_json(walk))["edges"]] == [True]


@pytest.mark.parametrize(
    ("name", "dot", "mermaid"),
    [
        ('a "quote"', r"a \"quote\"", "a #34;quote#34;"),
        ("new\nline", r"new\\nline", "new#92;nline"),
        ("end\\", r"end\\", "end#92;"),
        ("#1; <b> &lt;", "#1; <b> &amp;lt;", "#35;1#59; #60;b#62; #38;lt#59;"),
        ("`[x]` $$y$$", "`[x]` $$y$$", "#96;#91;x#93;#96; #36;#36;y#36;#36;"),
        ("数据 é", "数据 é", "数据 é"),
    ],
)
def test_pictures_quote_what_would_mean_something(name: str, dot: str, mermaid: str) -> None:
    walk = of(artifact("1", "DataSet", "s3://x", 0, name))
    assert f'[label="DataSet\\n{dot}", ' in as_dot(walk)
    assert f'["DataSet<br/>{mermaid}"]' in as_mermaid(walk)


def test_csv_has_a_row_for_each_association_and_for_each_entity_without_any() -> None:
    walk = of(DATA, TRAINING, RAW, edges=SMALL.edges)
    data, raw = DATA.source_uri, RAW.source_uri
    assert as_csv(walk) == (
        "source_arn,source_type,source,source_uri,source_status,source_hops,association,"
        "destination_arn,destination_type,destination,destination_uri,destination_status,destination_hops,inferred\n"
        f"{TRAINING.arn},TrainingJob,{TRAINING.name},{TRAINING.source_uri},Completed,2,Produced,"
        f"{DATA.arn},Model,{data},{data},,1,false\n"
        f"{RAW.arn},DataSet,{raw},{raw},,5,,,,,,,,"
    )


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\uff1d1"])
def test_csv_gives_spreadsheets_no_formulas(name: str) -> None:
    (_, row) = csv.reader(io.StringIO(as_csv(of(artifact("1", "DataSet", "s3://x", 0, name))), newline=""))
    assert row[2] == f"'{name}"


# ---------------------------------------------------------------------------------------------------------- properties


@pytest.mark.law
@given(walks(st.text(max_size=90)))
def test_json_holds_the_whole_walk(walk: Walk) -> None:
    document = json.loads(as_json(walk))
    starts = [document["start"]] if isinstance(document["start"], str) else document["start"]
    vertices = tuple(Vertex(**vertex) for vertex in document["vertices"])
    edges = tuple(Edge(**link) for link in document["edges"])
    read = Walk(
        tuple(starts),
        Direction(document["direction"]),
        document["complete"],
        vertices,
        edges,
        document["left_out"],
    )
    assert read == walk


def test_every_picture_says_how_many_links_are_left_out() -> None:
    walk = msgspec.structs.replace(SMALL, left_out=3)
    said = "links that are left out since time rules them out: 3"
    assert [said in as_dot(one) for one in (SMALL, walk)] == [False, True]
    assert [said in as_mermaid(one) for one in (SMALL, walk)] == [False, True]
    assert json.loads(as_json(walk))["left_out"] == 3


@pytest.mark.law
@given(walks(st.text(max_size=90)))
def test_csv_reads_back(walk: Walk) -> None:
    _, *table = csv.reader(io.StringIO(as_csv(walk), newline=""))
    linked = {arn for link in walk.edges for arn in (link.source, link.destination)}
    alone = [vertex.arn for vertex in walk.vertices if vertex.arn not in linked]
    links = [(link.source, link.type, link.destination) for link in walk.edges]
    assert [(row[0], row[6], row[7]) for row in table] == [*links, *((arn, "", "") for arn in alone)]


@pytest.mark.law
@given(walks(st.text(max_size=90)))
def test_pictures_keep_one_line_a_thing_and_balanced_quotes(walk: Walk) -> None:
    dot, mermaid = as_dot(walk).splitlines(), as_mermaid(walk).splitlines()
    assert len(dot) == len(walk.vertices) + len(walk.edges) + bool(walk.left_out) + 5
    assert len(mermaid) == len(walk.vertices) + len(walk.edges) + bool(walk.left_out) + (3 if walk.start else 1)
    string = r'"(?:[^"\\]|\\.)*"'
    assert all(re.fullmatch(rf"(?:[^\"\\]|{string})*", line) for line in dot)
    assert all(line.count('"') in (0, 2) for line in mermaid)
