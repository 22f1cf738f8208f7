"""`headwater explain`: which rule has an entity or an association, from which events, since when and until when."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from consumers.resources import endpoint
from ingest.event import decode
from tests.support.cli import Headwater, headwater
from tests.support.events import ABALONE, HERE, NOON, PARTITION, event

__all__ = ["headwater"]

DATA = "s3://churn/models/Churn-Train-7/output/model.tar.gz"
GROUP = "abalonemodelpackagegroupname"
UPDATED = HERE / "cases" / "endpoint_update" / "events.jsonl"


def job(name: str, reads: str, writes: str, created: int = NOON) -> bytes:
    """A processing job that read one address and wrote to another, for a minute."""
    detail = {
        "ProcessingJobName": name,
        "ProcessingJobStatus": "Completed",
        "ProcessingInputs": [{"InputName": "in", "S3Input": {"S3Uri": reads}}],
        "ProcessingOutputConfig": {"Outputs": [{"OutputName": "out", "S3Output": {"S3Uri": writes}}]},
        "CreationTime": created,
        "ProcessingEndTime": created + 60_000,
    }
    arn = f"{PARTITION}processing-job/{name}"
    return event("Processing Job State Change", detail | {"ProcessingJobArn": arn}, resources=[arn])


@pytest.fixture
def abalone(headwater: Headwater) -> Headwater:
    """The command line beside a store of a real pipeline run."""
    headwater("replay", ABALONE)
    return headwater


def arns(run: Headwater, ref: str, *options: str) -> dict[str, str]:
    """What the lineage of something holds: source URI -> the entity's ARN."""
    vertices = json.loads(run("lineage", ref, "--format", "json", *options).out)["vertices"]
    return {vertex["source_uri"]: vertex["arn"] for vertex in vertices}


def test_an_entity_is_explained_by_rule_events_and_time(abalone: Headwater) -> None:
    said = abalone("explain", f"{GROUP}/1")
    assert (said.code, said.err) == (0, "")
    lines = said.out.splitlines()
    assert lines[0] == f"Model arn:aws:sagemaker:us-west-2:000000000000:model-package/{GROUP}/1"
    assert lines[1].startswith("  entity arn:aws:sagemaker:us-west-2:000000000000:artifact/")
    [rule] = [line for line in lines if line.startswith("by rule ")]
    assert rule.startswith("by rule 'model package', version ")
    assert rule.endswith(f", of arn:aws:sagemaker:us-west-2:000000000000:model-package/{GROUP}/1")
    assert any(line.startswith("  since 2022-") and line.endswith(" UTC") for line in lines)
    events = [line for line in lines if "SageMaker Model Package State Change" in line]
    assert events
    ids = {decode(line).id for line in ABALONE.read_bytes().splitlines()}
    assert all(line.split()[-1] in ids for line in events)


def test_an_association_is_explained_whichever_end_comes_first(abalone: Headwater) -> None:
    found = json.loads(abalone("lineage", f"{GROUP}/1", "--format", "json").out)
    for edge in found["edges"]:
        there = json.loads(abalone("explain", edge["source"], edge["destination"], "--json").out)
        back = json.loads(abalone("explain", edge["destination"], edge["source"], "--json").out)
        assert there["evidence"] == back["evidence"] != []
        for why in there["evidence"]:
            assert (why["source"], why["destination"]) == (edge["source"], edge["destination"])
            assert (why["type"], why["inferred"]) == (edge["type"], edge["inferred"])
            assert "/" in why["rule"]
            assert why["events"]
            assert {"ledger_id", "event_id", "kind", "time", "resource"} == set(why["events"][0])


def test_an_association_that_holds_no_longer_says_until_when(headwater: Headwater) -> None:
    for line in UPDATED.read_bytes().splitlines():  # one after the other, as the endpoint was updated
        Path("one.jsonl").write_bytes(line)
        headwater("replay", "one.jsonl")
    found = json.loads(headwater("lineage", DATA, "--direction", "descendants", "--format", "json").out)
    [deployment, *_] = [vertex["arn"] for vertex in found["vertices"] if vertex["type"] == "ModelDeployment"]
    said = headwater("explain", DATA, deployment)
    assert said.code == 0, said.err
    assert f"by rule 'endpoint', version {endpoint.TYPE.version}, of {PARTITION}endpoint/churn-live\n" in said.out
    assert "  since 2026-03-02 15:00:00, until 2026-03-02 16:10:00 UTC\n" in said.out
    assert "SageMaker Endpoint Deployment State Change" in said.out


def test_the_events_are_printed_as_they_came(abalone: Headwater) -> None:
    came = set(ABALONE.read_bytes().splitlines())
    said = abalone("explain", f"{GROUP}/1", "--events")
    lines = said.out.encode().splitlines()
    assert said.code == 0
    assert 0 < len(lines) == len(set(lines))
    assert set(lines) <= came
    found = json.loads(abalone("explain", f"{GROUP}/1", "--json").out)
    assert len(lines) == len({event["ledger_id"] for why in found["evidence"] for event in why["events"]})


def test_what_it_prints_makes_the_same_entity_in_another_store(abalone: Headwater, tmp_path: Path) -> None:
    before = json.loads(abalone("explain", f"{GROUP}/1", "--json").out)["evidence"]
    (tmp_path / "evidence.jsonl").write_text(abalone("explain", f"{GROUP}/1", "--events").out)
    abalone("replay", "evidence.jsonl", "--database-url", "sqlite:///other.db")
    again = json.loads(abalone("explain", f"{GROUP}/1", "--json", "--database-url", "sqlite:///other.db").out)[
        "evidence"
    ]
    believed = ("resource", "rule", "type", "since", "weight")
    assert [again[0][name] for name in believed] == [before[0][name] for name in believed]


def test_links_by_address_explain_themselves(headwater: Headwater, tmp_path: Path) -> None:
    jobs = [
        job("maker", "s3://b/raw", "s3://b/out"),
        job("part", "s3://b/raw", "s3://b/parts/1/"),
        job("reader", "s3://b/out/part-1.csv", "s3://b/end", NOON + 60_000),
        job("early", "s3://b/out/part-2.csv", "s3://b/end", NOON + 30_000),
        job("other", "s3://b/out/", "s3://b/rest", NOON + 60_000),
        job("whole", "s3://b/parts/", "s3://b/all", NOON + 60_000),
        job("slow", "s3://b/raw", "s3://b/feed/1/"),
        job("soon", "s3://b/feed/", "s3://b/sum", NOON + 30_000),
    ]
    (tmp_path / "jobs.jsonl").write_bytes(b"\n".join(jobs))
    headwater("replay", "jobs.jsonl")
    inside = headwater("explain", "s3://b/out", "s3://b/out/part-1.csv")
    assert inside.code == 0, inside.err
    assert "DerivedFrom" in inside.out
    why = "by address: s3://b/out/part-1.csv lies inside of s3://b/out, to which one alone had written when it was read"
    assert why in inside.out
    assert "inferred: Headwater concludes it, SageMaker does not write it" in inside.out
    assert inside.out.count("SageMaker Processing Job State Change") == 2
    same = headwater("explain", "s3://b/out/", "s3://b/out")
    assert "SameAs" in same.out
    assert "by address: s3://b/out and s3://b/out/ differ by a slash at the end" in same.out
    whole = headwater("explain", "s3://b/parts/", "s3://b/parts/1/")
    why = "by address: s3://b/parts/1/ lies inside of s3://b/parts/, and was written before that was read"
    assert why in whole.out
    early = headwater("explain", "s3://b/out/part-2.csv", "s3://b/out")
    assert "by time only: s3://b/out/part-2.csv lies inside of s3://b/out, but others write there too" in early.out
    soon = headwater("explain", "s3://b/feed/", "s3://b/feed/1/")
    assert "by time only: s3://b/feed/1/ lies inside of s3://b/feed/, but others write there too" in soon.out


def test_what_cannot_be_explained_gets_a_sentence_that_says_what_exists(headwater: Headwater, tmp_path: Path) -> None:
    assert headwater("migrate").code == 0
    empty = headwater("explain", "anything")
    assert (empty.code, "the store is empty" in empty.err) == (1, True)
    jobs = [job("maker", "s3://b/raw", "s3://b/out"), job("reader", "s3://b/out", "s3://b/end")]
    (tmp_path / "jobs.jsonl").write_bytes(b"\n".join(jobs))
    headwater("replay", "jobs.jsonl")

    unknown = headwater("explain", "s3://b/raws")
    assert (unknown.code, unknown.out) == (1, "")
    assert "did you mean s3://b/raw" in unknown.err
    assert "did you mean" in headwater("explain", "s3://b/raw", "s3://b/outs").err

    apart = headwater("explain", "s3://b/raw", "s3://b/end")
    assert (apart.code, apart.out) == (1, "")
    first, *links = apart.err.splitlines()
    assert first == "headwater: no association links s3://b/raw and s3://b/end; s3://b/raw is linked with:"
    assert [line.split()[:3] for line in links] == [["->", "ContributedTo", "maker-aws-processing-job"]]
    assert headwater("explain", "s3://b/raw", "s3://b/raw").err == (
        "headwater: both are s3://b/raw: name two entities, or one\n"
    )
    both = headwater("explain", "s3://b/raw", "--events", "--json")
    assert (both.code, "leave one of them out" in both.err) == (2, True)


def test_an_entity_of_many_resources_is_explained_up_to_a_limit(headwater: Headwater, tmp_path: Path) -> None:
    jobs = [job(f"job-{number:02}", "s3://b/shared", f"s3://b/out-{number}") for number in range(12)]
    (tmp_path / "jobs.jsonl").write_bytes(b"\n".join(jobs))
    headwater("replay", "jobs.jsonl")
    said = headwater("explain", "s3://b/shared", "--limit", "5")
    assert said.out.count("by rule 'processing job', version ") == 5
    assert said.out.endswith("there are more: a greater --limit shows them\n")
    whole = json.loads(headwater("explain", "s3://b/shared", "--json").out)
    assert (len(whole["evidence"]), whole["complete"]) == (12, True)


def test_pruned_events_are_said_to_be_gone(abalone: Headwater) -> None:
    assert abalone("prune", "--ledger-older-than", "1d", "--yes").code == 0
    said = abalone("explain", f"{GROUP}/1")
    assert said.code == 0
    assert "  its events are in the ledger no longer: headwater prune deleted them\n" in said.out
    assert abalone("explain", f"{GROUP}/1", "--events").out == ""
