"""The direction of a Glue argument is inferred from its name, only where that says it clearly."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from consumers.resources.glue_job_run import Direction, directions_of
from store.tables import entity
from tests.support.events import call
from tests.support.stores import fed, sqlite_store

READ, WRITTEN, UNCLEAR = Direction.READ, Direction.WRITTEN, Direction.UNCLEAR


@pytest.mark.parametrize(
    ("arguments", "directions"),
    [
        ("--source_path --curated_path", [READ, WRITTEN]),
        ("--S3_INPUT --S3_OUTPUT_PATH", [READ, WRITTEN]),
        ("--inputPath --TargetUri", [READ, WRITTEN]),
        ("--src --dest", [READ, WRITTEN]),
        ("--read_from --writes-to", [READ, WRITTEN]),
        ("--INPUTBUCKET --outputdir", [READ, WRITTEN]),
        ("--curated_path", [WRITTEN]),
        ("--processed_path", [WRITTEN]),
        ("--refined", [WRITTEN]),
        ("--raw_path", [READ]),
        ("--bronze --silver", [READ, WRITTEN]),
        ("--silver --gold", [READ, WRITTEN]),
        ("--bronze --silver --gold", [READ, UNCLEAR, WRITTEN]),
        ("--curated_path --output_path", [READ, WRITTEN]),
        ("--source_path --raw_path", [READ, UNCLEAR]),
        ("--processed_input --raw_output", [READ, WRITTEN]),
        ("--cleanOutputPath --lookup", [WRITTEN, READ]),
        ("--source_to_target", [UNCLEAR]),
        ("--insert_into", [UNCLEAR]),
        ("--path --outliers --inference --database", [UNCLEAR] * 4),
    ],
)
def test_the_direction_of_an_argument_is_what_its_name_says_clearly(
    arguments: str, directions: list[Direction]
) -> None:
    assert list(directions_of(arguments.split()).values()) == directions


@pytest.mark.parametrize(
    "own",
    ["--TempDir", "--extra-py-files", "--extra-jars", "--additional-python-modules", "--scriptLocation", "--conf"],
)
@pytest.mark.parametrize("suffix", ["amazonaws.com", "amazonaws.com.cn", "amazonaws.eu"])
def test_places_of_glue_itself_are_no_data(suffix: str, own: str, tmp_path: Path) -> None:
    started = call(
        "StartJobRun",
        {"jobName": "etl", "arguments": {own: "s3://code/x", "--input": "s3://lake/in"}},
        {"jobRunId": "jr_1"},
        eventSource=f"glue.{suffix}",
    )
    store = fed(sqlite_store(tmp_path / "store.db"), [started])
    found = store.read(lambda tx: dict(tx.connection.execute(select(entity.c.source_uri, entity.c.document)).all()))
    store.close()

    assert {uri for uri in found if uri.startswith("s3:")} == {"s3://lake/in"}
    assert not any("s3://code/x" in document for document in found.values())


STAGES = ("--raw", "--staging", "--silver", "--gold")


@pytest.mark.law
@given(st.sets(st.sampled_from([*STAGES, "--input", "--output", "--path"])))
def test_no_later_stage_is_read_where_an_earlier_one_is_written(arguments: set[str]) -> None:
    directions = directions_of(arguments)
    found = [directions[one] for one in STAGES if one in arguments and directions[one] is not UNCLEAR]

    assert found == sorted(found, key=[READ, WRITTEN].index)
