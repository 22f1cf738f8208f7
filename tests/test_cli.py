"""The command line as people and programs use it: what it prints, its exit codes, its one-sentence errors."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import pty
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import boto3
import pytest

from bench.generate import events
from consumers.cli.options import PORT
from consumers.observe import handled_labels, label
from ingest.event import decode
from store.database import Store
from store.migrate import newest
from tests.support import readme, stores
from tests.support.cli import Headwater, process
from tests.support.events import ABALONE, ABALONE_PACKAGE, HERE, NOON, PARTITION, SAMPLES, event

ALL_SAMPLES = SAMPLES / "*.json"


def test_the_same_events_in_any_form_give_the_same_digest(headwater: Headwater, tmp_path: Path) -> None:
    lines = ABALONE.read_bytes().splitlines()
    forms = {
        "as it is": [ABALONE],
        "shuffled": [tmp_path / "shuffled.jsonl"],
        "doubled": [ABALONE, tmp_path / "doubled.jsonl.gz"],
        "split": [tmp_path / "split"],
    }
    forms["shuffled"][0].write_bytes(b"\n".join(lines[1::2] + lines[::-2]))
    forms["doubled"][1].write_bytes(gzip.compress(b"\n".join(lines)))
    (tmp_path / "split").mkdir()
    for number, line in enumerate(lines):
        (tmp_path / "split" / f"{len(lines) - number:02}.json").write_text(json.dumps(json.loads(line), indent=2))
    digests = {}
    for name, sources in forms.items():
        url = f"sqlite:///{name}.db"
        assert headwater("replay", *sources, "--database-url", url).code == 0
        digests[name] = headwater("digest", "--database-url", url).out.strip()
    assert len(set(digests.values())) == 1, digests
    assert len(digests["split"]) == 64


def test_a_replay_says_what_became_of_all_it_read(headwater: Headwater) -> None:
    said = headwater("replay", ABALONE, ALL_SAMPLES, "--json")
    printed = json.loads(said.out)
    assert said.code == 0
    assert (printed["events"], printed["complete"], printed["rule_failures"]) == (57, True, 0)
    assert printed["dead"] == {
        "does not say which endpoint it is about: it has no ARN, and no account and region to make one from": 1
    }
    sorts = Counter(label(decode(path.read_bytes())) for path in sorted(SAMPLES.glob("*.json")))
    assert printed["kept"] == {sort: number for sort, number in sorts.items() if sort not in handled_labels()}
    spoken = headwater("replay", ABALONE, ALL_SAMPLES)
    assert "57 events in" in spoken.out
    assert "1 not understood, see headwater dead-letters list" in spoken.out
    assert "5 of them kept on purpose" in spoken.out


def test_events_come_from_standard_input(tmp_path: Path) -> None:
    done = process("replay", "-", cwd=tmp_path, stdin=ABALONE.read_bytes())
    assert (done.returncode, done.stdout[:12]) == (0, b"29 events in"), done.stderr


def test_a_replay_that_was_stopped_goes_on_where_it_stopped(headwater: Headwater, tmp_path: Path) -> None:
    archive = tmp_path / "archive.jsonl"
    archive.write_bytes(b"\n".join(events(30_000, seed=3)))
    command = [sys.executable, "-m", "consumers.cli", "replay", str(archive), "--batch-size", "100", "--json"]
    replaying = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    while not _events_in(tmp_path / "headwater.db"):
        time.sleep(0.05)
        assert replaying.poll() is None, replaying.communicate()
    replaying.send_signal(signal.SIGINT)
    out, err = replaying.communicate(timeout=120)
    first = json.loads(out)
    assert (replaying.returncode, first["complete"], err) == (1, False, b"")
    assert 0 < first["events"] < 30_000
    second = json.loads(headwater("replay", archive, "--resume", "--json").out)
    assert (first["events"] + second["events"], second["complete"]) == (30_000, True)
    again = headwater("replay", ABALONE, "--resume")
    assert "nothing to go on with: reading from the start" in again.err


def _events_in(path: Path) -> int:
    try:
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
            found: int = connection.execute("SELECT count(*) FROM ledger").fetchone()[0]
    except sqlite3.OperationalError:  # not there yet
        return 0
    return found


def test_what_is_exported_makes_the_same_store(headwater: Headwater, tmp_path: Path) -> None:
    headwater("replay", ABALONE, ALL_SAMPLES)
    want = headwater("digest", "--verbose").out
    for name in ("plain.jsonl", "packed.jsonl.gz", "packed.jsonl.zst"):
        assert headwater("export", "--output", name).out == f"57 events in {name}\n"
        url = f"sqlite:///{name}.db"
        printed = json.loads(headwater("replay", name, "--database-url", url, "--json").out)
        assert (printed["events"], printed["dead"]) == (57, {})
        assert headwater("digest", "--verbose", "--database-url", url).out == want
    on_output = headwater("export").out
    assert on_output == (tmp_path / "plain.jsonl").read_text()
    assert headwater("replay", "plain.jsonl", "--json").code == 0
    assert headwater("export").out == on_output, "what was exported came in a second time"


def test_lineage_as_json_has_the_promised_shape(headwater: Headwater) -> None:
    headwater("replay", ABALONE)
    said = headwater("lineage", ABALONE_PACKAGE, "--direction", "ascendants", "--format", "json")
    printed = json.loads(said.out)
    assert list(printed) == ["start", "direction", "complete", "left_out", "vertices", "edges"]
    assert (printed["direction"], printed["complete"], len(printed["vertices"]), len(printed["edges"])) == (
        "ascendants",
        True,
        11,
        12,
    )
    assert {frozenset(vertex) for vertex in printed["vertices"]} == {
        frozenset(("arn", "type", "lineage_type", "name", "source_uri", "status", "hops"))
    }
    assert {frozenset(edge) for edge in printed["edges"]} == {frozenset(("source", "destination", "type", "inferred"))}
    [start] = [vertex for vertex in printed["vertices"] if vertex["hops"] == 0]
    assert (start["arn"], start["source_uri"]) == (printed["start"], ABALONE_PACKAGE)
    cut = json.loads(headwater("lineage", ABALONE_PACKAGE, "--depth", "1", "--format", "json").out)
    assert (cut["complete"], max(vertex["hops"] for vertex in cut["vertices"])) == (False, 1)


def test_lineage_leaves_out_what_is_inferred_with_no_inferred(headwater: Headwater, tmp_path: Path) -> None:
    job = {"CreationTime": NOON}
    archive = tmp_path / "events.jsonl"
    archive.write_bytes(
        b"\n".join(
            [
                event(
                    "Processing Job State Change",
                    {
                        "ProcessingJobArn": f"{PARTITION}processing-job/clean",
                        "ProcessingOutputConfig": {"Outputs": [{"S3Output": {"S3Uri": "s3://b/clean"}}]},
                        **job,
                    },
                ),
                event(
                    "Training Job State Change",
                    {
                        "TrainingJobArn": f"{PARTITION}training-job/fit",
                        "InputDataConfig": [{"DataSource": {"S3DataSource": {"S3Uri": "s3://b/clean/part.csv"}}}],
                        **job,
                    },
                ),
            ]
        )
    )
    headwater("replay", archive)

    whole = headwater("lineage", "fit").out.splitlines()
    without = headwater("lineage", "fit", "--no-inferred").out.splitlines()

    assert [line for line in whole if "DerivedFrom" in line] == ["   └← ~DerivedFrom  DataSet  s3://b/clean"]
    assert (whole[-1], without[-1]) == (
        "4 entities, 3 associations, 1 of them inferred (~)",
        "2 entities, 1 association",
    )


def test_runs_and_experiments_are_tables_or_data(headwater: Headwater) -> None:
    headwater("replay", HERE / "cases" / "experiment_config" / "events.jsonl")

    groups = json.loads(headwater("experiments", "--json").out)
    [name] = [one["name"] for one in groups if not one["inferred"]]
    printed = json.loads(headwater("runs", name, "--format", "json").out)
    table = headwater("runs", name).out.splitlines()
    sheet = list(csv.DictReader(io.StringIO(headwater("runs", name, "--format", "csv").out)))

    assert printed["total"] == len(printed["runs"]) == len(sheet) > 0
    assert [run["experiments"] for run in printed["runs"]] == [[name]] * printed["total"]
    assert [(row["name"], row["experiments"]) for row in sheet] == [(run["name"], name) for run in printed["runs"]]
    assert table[0].split()[:6] == ["run", "status", "began", "took", "on", "in"]
    assert table[-1].startswith(f"{printed['total']} run")
    assert headwater("experiments").out.splitlines()[0].split() == ["experiment", "trials", "runs"]


def test_runs_are_found_by_parameters_and_metrics(headwater: Headwater) -> None:
    headwater("replay", ABALONE)

    best = headwater("runs", "--where", "max_depth=5", "--where", "status=Completed", "--format", "json")
    missing = headwater("runs", "--where", "max_dept=5")
    wrong = headwater("runs", "--where", "max_depth")

    assert [run["parameters"]["max_depth"] for run in json.loads(best.out)["runs"]] == [5.0]
    assert (missing.code, missing.err) == (
        1,
        "headwater: no parameter or metric is called 'max_dept'; did you mean max_depth?\n",
    )
    assert (wrong.code, wrong.err.count("\n")) == (2, 1)


@pytest.mark.parametrize(
    ("ref", "word"),
    [
        (ABALONE_PACKAGE, "model-package/abalonemodelpackagegroupname/1"),
        ("s3://sagemaker-sample-files-000000000000/abalone/abalone-dataset.csv", "abalone-dataset.csv"),
        ("pipelines-d84ewltjmxhe-AbaloneTrain-3kYZvpYx11", "TrainingJob"),
        ("d84ewltjmxhe", "ProcessingJob"),
        ("AbaloneModelPackageGroupName", "ModelGroup"),
    ],
)
def test_lineage_takes_arns_uris_and_names(headwater: Headwater, ref: str, word: str) -> None:
    headwater("replay", ABALONE)
    said = headwater("lineage", ref)
    assert (said.code, said.err) == (0, "")
    assert word in said.out


def test_status_shows_what_is_there_and_what_is_wrong(headwater: Headwater) -> None:
    headwater("replay", ABALONE, ALL_SAMPLES)
    links = json.loads(headwater("digest", "--json").out)["counts"]["Association"]
    said = headwater("status").out
    for line in ("57 events in the ledger", "1 dead letters: headwater dead-letters list", f"{links} associations"):
        assert line in said
    printed = json.loads(headwater("status", "--json").out)
    assert (printed["dead_letters"], printed["associations"], printed["underived"]) == (1, links, 0)


def test_dead_letters_are_listed_shown_redriven_and_discarded(headwater: Headwater) -> None:
    assert headwater("migrate").out == f"sqlite:///headwater.db is at schema {newest()} now\n"
    assert headwater("migrate").out == f"sqlite:///headwater.db is at schema {newest()} already\n"
    assert headwater("dead-letters", "list").out == "no dead letters\n"
    headwater("replay", SAMPLES / "endpoint-in-service-hand-made-minimal.json")
    [letter] = json.loads(headwater("dead-letters", "list", "--json").out)
    assert letter["reason"].startswith("does not say which endpoint it is about")
    assert letter["reason"] in headwater("dead-letters", "list").out
    shown = headwater("dead-letters", "show", "1")
    assert json.loads(shown.out)["detail"]["EndpointName"] == "sagemaker-project-dev"
    assert headwater("dead-letters", "redrive", "--all") == (1, "0 handled, 1 still dead\n", "")
    assert headwater("dead-letters", "discard", "1") == (0, "1 discarded\n", "")
    assert headwater("dead-letters", "list").out == "no dead letters\n"


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["lineag"], 2, 'Did you mean "lineage"'),
        (["lineage"], 2, "requires an argument"),
        (["lineage", "x", "--direction", "sideways"], 2, "sideways"),
        (["lineage", "x", "--depth", "-1"], 2, "0 or more"),
        (["run", "queue", "--batch-size", "many"], 2, "many"),
        (["run", "queue", "--batch-size", "0"], 2, "--batch-size must be from 1"),
        (["run"], 2, "say where events come from"),
        (["replay"], 2, "say what to replay"),
        (["replay", "x.jsonl", "--resum"], 2, "no option --resum"),
        (["replay", "nowhere.jsonl"], 1, "nowhere.jsonl"),
        (["replay", "*.nothing"], 1, "*.nothing"),
        (["replay", "-", "--database-url", "mysql://localhost/x"], 2, "cannot keep lineage in 'mysql'"),
        (["digest"], 1, "does not exist: replay or run makes it"),
        (["digest", "--database-url", "no-url"], 2, "not a database URL"),
        (["digest", "--database-url", "sqlite:///no/such/folder/x.db"], 2, "does not exist: create it"),
        (["digest", "--database-url", "postgresql://nobody@127.0.0.1:1/x"], 1, "does not answer"),
        (["digest", "--database-url", "sqlite:///old.txt"], 1, "not a database"),
        (["dead-letters", "discard", "--database-url", "sqlite:///new.db"], 2, "say which"),
        (["dead-letters", "show", "7", "--database-url", "sqlite:///new.db"], 1, "there is no dead letter 7"),
        (["lineage", "x", "--database-url", "sqlite:///new.db"], 1, "the store is empty"),
        (["demo", "--store", "old.txt"], 1, "is there already"),
        (["digest", "--database-url", "sqlite://host/x.db"], 2, "just the file"),
        (["digest", "--database-url", "postgresql://u:s3cret@h:port/x"], 2, "not a database URL"),
        (["digest", "--database-url", "postgresql:///x?foo=bar"], 2, "foo"),
        (["lineage", "x" * 5000, "--database-url", "sqlite:///new.db"], 2, "4,096 characters"),
        (["lineage", "\udcff", "--database-url", "sqlite:///new.db"], 2, "UTF-8"),
        (["lineage", "x", "--limit", "9" * 20, "--database-url", "sqlite:///new.db"], 2, "1,000,000,000"),
        (["export", "-o", ".", "--database-url", "sqlite:///new.db"], 1, "is a folder"),
        (["export", "-o", "no/such/folder", "--database-url", "sqlite:///new.db"], 1, "cannot write"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_input_gets_one_sentence(
    headwater: Headwater, tmp_path: Path, words: list[str], code: int, sentence: str
) -> None:
    (tmp_path / "old.txt").write_text("this is no database, but long enough to be looked at as one" * 20)
    headwater("migrate", "--database-url", "sqlite:///new.db")
    said = headwater(*words)
    assert (said.code, said.out) == (code, ""), said
    assert sentence in said.err
    assert said.err.startswith("headwater: ")
    assert len(said.err.strip().splitlines()) == 1, said.err


def test_an_unknown_name_gets_a_hint_and_a_used_again_one_a_choice(headwater: Headwater, tmp_path: Path) -> None:
    headwater("replay", ABALONE)
    assert "did you mean" in headwater("lineage", "AbaloneTrian-3kYZvpYx11").err
    endpoint = json.loads((SAMPLES / "endpoint-in-service-doc.json").read_text())
    endpoint["detail"] |= {"CreationTime": 1692411992203, "LastModifiedTime": 1692411994287}
    (tmp_path / "again.json").write_text(json.dumps(endpoint))
    headwater("replay", SAMPLES / "endpoint-in-service-doc.json", "again.json")
    said = headwater("lineage", "MyEndpoint")
    assert said.code == 1
    assert "means several things" in said.err
    assert [line.rpartition("/")[2] for line in said.err.strip().splitlines()[1:]] == [
        "MyEndpoint-1592411992-aws-endpoint",
        "MyEndpoint-1692411992-aws-endpoint",
    ]


def test_a_store_of_a_newer_schema_is_left_alone(headwater: Headwater, tmp_path: Path) -> None:
    headwater("migrate")
    with sqlite3.connect(tmp_path / "headwater.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    for command in (["migrate"], ["digest"], ["replay", ABALONE]):
        said = headwater(*command)
        assert (said.code, "upgrade Headwater" in said.err) == (1, True), said


def test_a_queue_that_does_not_exist_is_named(aws: str, headwater: Headwater) -> None:
    said = headwater("run", "no-such-queue")
    assert said.code == 1
    assert "queue 'no-such-queue' does not exist in us-west-2" in said.err


def test_the_demo_gives_the_digest_of_the_same_file(headwater: Headwater) -> None:
    said = headwater("demo", "--store", "demo.db")
    assert (said.code, said.err) == (0, "")
    headwater("replay", ABALONE)
    digest = headwater("digest").out.strip()
    assert f"digest {digest}" in said.out
    assert headwater("digest", "--database-url", "sqlite:///demo.db").out.strip() == digest
    for line in ("29 events of a real pipeline run published", "Ascendants: what it came from", "Try next:"):
        assert line in said.out


def test_the_demo_on_a_terminal_ends_by_answering_the_readmes_requests(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "HEADWATER_"))}
    environment |= {"PYTHONPATH": str(Path(__file__).parent.parent)}
    command = [sys.executable, "-m", "consumers.cli", "demo", "--store", "demo.db", "--port", "0"]
    with (
        closing(os.fdopen(ours, "rb", buffering=0)) as terminal,
        subprocess.Popen(command, cwd=tmp_path, stdin=theirs, stdout=theirs, stderr=theirs, env=environment) as demo,
    ):
        os.close(theirs)
        said = ""
        try:
            while not (printed := re.search(r"answers SageMaker's API at (\S+)", said)):
                said += terminal.read(4096).decode()
            asked = subprocess.run(
                [sys.executable, "-W", "error", "-c", readme.program("boto3")],
                env={**environment, **readme.exports(printed[1])},
                check=False,
                capture_output=True,
                text=True,
            )
        finally:
            demo.send_signal(signal.SIGINT)
        assert demo.wait() == 0, said
    assert asked.stderr == ""
    assert f"http://127.0.0.1:{PORT}" == readme.ADDRESS
    *data, tags = asked.stdout.splitlines()
    assert [address.rpartition("/")[2] for address in data] == [
        "train",
        "validation",
        "abalone-dataset.csv",
        "preprocessing.py",
    ]
    assert tags == "[{'Key': 'reviewed', 'Value': 'yes'}]"


def test_a_postgresql_store_is_used_by_its_url(headwater: Headwater) -> None:
    url = stores._new_database()
    printed = url.set(drivername="postgresql").render_as_string(hide_password=False)
    headwater("replay", ABALONE)
    try:
        assert headwater("replay", ABALONE, "--database-url", printed).code == 0
        assert headwater("digest", "--database-url", printed).out == headwater("digest").out
    finally:
        stores._drop_database(url)


def test_events_come_from_s3(aws: str, headwater: Headwater) -> None:
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="archive", CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    s3.put_object(Bucket="archive", Key="2022/07/13/run.jsonl.gz", Body=gzip.compress(ABALONE.read_bytes()))
    assert json.loads(headwater("replay", "s3://archive/2022/", "--json").out)["events"] == 29
    missing = headwater("replay", "s3://no-such-bucket/x")
    assert (missing.code, "no-such-bucket" in missing.err) == (1, True)


def test_a_password_is_never_shown() -> None:
    assert "secret" not in str(Store("postgresql://user:secret@127.0.0.1/x"))


def test_a_file_whose_name_is_not_utf8_is_read_and_resumed(headwater: Headwater, tmp_path: Path) -> None:
    name = os.fsdecode(b"b\xffd.jsonl")
    (tmp_path / name).write_bytes(ABALONE.read_bytes() + b"\nrubbish")
    printed = json.loads(headwater("replay", name, "--json").out)
    assert (printed["events"], sum(printed["dead"].values())) == (29, 1)
    assert "b\\\\xffd.jsonl:30" in headwater("dead-letters", "list", "--json").out.replace("udcff", "xff")


def test_a_replay_of_a_folder_leaves_the_store_in_it_out(headwater: Headwater, tmp_path: Path) -> None:
    (tmp_path / "events.jsonl").write_bytes(ABALONE.read_bytes())
    for _ in range(2):
        printed = json.loads(headwater("replay", ".", "--json").out)
        assert (printed["events"], printed["dead"]) == (29, {})


def test_reading_does_not_wait_for_who_writes(headwater: Headwater, tmp_path: Path) -> None:
    headwater("replay", ABALONE)
    with sqlite3.connect(tmp_path / "headwater.db", isolation_level=None) as writer:
        writer.execute("BEGIN IMMEDIATE")  # held all the while: a command that waited for it would fail in the end
        assert [headwater(*words).code for words in (["digest"], ["status"], ["lineage", ABALONE_PACKAGE])] == [0, 0, 0]
    writer.close()


def test_an_export_into_a_pipe_leaves_the_pipe(headwater: Headwater, tmp_path: Path) -> None:
    headwater("replay", ABALONE)
    assert headwater("export", "-o", "/dev/null").code == 0
    assert not Path("/dev/null").is_file()
    (tmp_path / "link").symlink_to(tmp_path / "target.jsonl")
    headwater("export", "-o", "link")
    assert ((tmp_path / "link").is_symlink(), len((tmp_path / "target.jsonl").read_bytes().splitlines())) == (True, 29)
