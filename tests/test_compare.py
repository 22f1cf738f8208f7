"""The differences of two stores are exactly those of their canonical texts, on either database."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store import digest as digests
from store.compare import WAYS, Comparison, Difference, LineKey, compare, same_database
from store.database import Store
from store.digest import ENTITY_FIELDS, PART_FIELDS, canonical, digest
from tests.support.cli import Headwater
from tests.support.events import ABALONE, NOON, PARTITION, abalone, event
from tests.support.laws import examples
from tests.support.stores import MakeStore, emptied, fed, sqlite_store
from tests.support.worlds import worlds

ALL = 10**6
JOB = f"{PARTITION}experiment-trial-component/job-aws-training-job"


def training(status: str, **more: Any) -> bytes:
    """An event of a training job."""
    detail = {
        "TrainingJobName": "job",
        "TrainingJobArn": f"{PARTITION}training-job/job",
        "TrainingJobStatus": status,
        "CreationTime": NOON,
        "LastModifiedTime": NOON,
        "HyperParameters": {"eta": "0.1"},
    }
    return event("Training Job State Change", detail | more, time=NOON)


def lines(store: Store) -> dict[LineKey, str]:
    """The lines of a store's canonical text, each by its key."""
    found: dict[LineKey, str] = {}
    key = ""
    for line in canonical(store).splitlines():
        first, second, *_ = json.loads(line)
        if first in PART_FIELDS:
            found[first, key, second] = line
        else:
            key = first.lower()
            found[second, key, None] = line
    return found


def fields(line: str) -> dict[str, Any]:
    """The values of a line of the canonical text, by name."""
    values = json.loads(line)
    if values[0] in PART_FIELDS:
        return dict(zip(PART_FIELDS[values[0]], values[1:], strict=True))
    named = dict(zip(ENTITY_FIELDS, values, strict=True))
    return named | {f"document.{name}": value for name, value in json.loads(named.pop("document")).items()}


def expected(here: Store, there: Store) -> list[Difference]:
    """The differences of two stores, found in their texts."""
    mine, theirs = lines(here), lines(there)
    found = []
    for place in {**mine, **theirs}:
        one, other = mine.get(place), theirs.get(place)
        if one is None or other is None:
            found.append(Difference(*place, fields(one) if one else None, fields(other) if other else None))
        elif one != other:
            left, right = fields(one), fields(other)
            differ = {
                name for name in {**left, **right} if name not in left or name not in right or left[name] != right[name]
            }
            found.append(
                Difference(
                    *place,
                    {name: value for name, value in left.items() if name in differ},
                    {name: value for name, value in right.items() if name in differ},
                )
            )
    return sorted(found, key=lambda one: (WAYS.index(one.how), one.kind, one.entity, one.part or ""))


@pytest.mark.law
def test_the_differences_are_those_of_the_canonical_texts(
    store: Store, backend: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(digests, "PAGE", 3)  # so that pages end in different places
    other = sqlite_store(tmp_path / "other.db")

    @examples(60, 15, backend)
    @given(worlds, st.data())
    def law(world: list[bytes], data: st.DataObject) -> None:
        subset = st.lists(st.sampled_from(world), unique=True)
        fed(emptied(store), data.draw(subset))
        fed(emptied(other), data.draw(subset))
        found = compare(store, other, ALL)
        assert found.shown == tuple(expected(store, other))
        assert found.same == (found.shown == ()) == (canonical(store) == canonical(other))
        assert ((found.here, found.counts), found.there) == (digest(store), digest(other)[0])
        counted = {
            (kind, how): number for kind, ways in found.differences.items() for how, number in ways.items() if number
        }
        assert counted == Counter((one.kind, one.how) for one in found.shown)

    law()
    other.close()


def compared(make_store: MakeStore, here: Sequence[bytes], there: Sequence[bytes], limit: int = ALL) -> Comparison:
    """The differences of two stores, each fed with these events."""
    return compare(fed(make_store(), here), fed(make_store(), there), limit)


def test_a_difference_contains_the_fields_that_differ_with_both_values(make_store: MakeStore) -> None:
    found = compared(
        make_store,
        [training("InProgress", Tags={"team": "a"})],
        [training("Completed", LastModifiedTime=NOON + 1000, Tags={"team": "b"})],
    )

    assert {one.kind: (one.entity, one.part, one.how) for one in found.shown} == {
        "TrialComponent": (JOB, None, "different"),
        "Tag": (JOB, "team", "different"),
    }
    by_kind = {one.kind: one for one in found.shown}
    assert (by_kind["Tag"].here, by_kind["Tag"].there) == ({"value": "a"}, {"value": "b"})
    here, there = by_kind["TrialComponent"].here, by_kind["TrialComponent"].there
    assert here
    assert there
    assert (here["status"], there["status"]) == ("InProgress", "Completed")
    assert (here["document.modified"], there["document.modified"]) == (NOON, NOON + 1000)
    assert "arn" not in here


def test_what_only_one_store_holds_is_reported_whole_and_for_its_side(make_store: MakeStore) -> None:
    with_one = compared(make_store, [training("Completed")], [training("Completed", HyperParameters={})])
    eta = {"name": "eta", "string": "0.1", "number": 0.1}

    assert with_one.shown == (Difference("Parameter", JOB, "eta", eta, None),)
    assert with_one.differences == {"Parameter": {"only_here": 1, "only_there": 0, "different": 0}}
    other_way = compared(make_store, [training("Completed", HyperParameters={})], [training("Completed")])
    assert other_way.shown == (Difference("Parameter", JOB, "eta", None, eta),)


def test_all_are_counted_though_few_are_shown(make_store: MakeStore) -> None:
    found = compared(make_store, abalone(), abalone()[:9], limit=2)
    whole = compared(make_store, abalone(), abalone()[:9])

    assert (found.differences, found.same) == (whole.differences, False)
    counted = {(kind, how): n for kind, ways in whole.differences.items() for how, n in ways.items() if n}
    assert Counter((one.kind, one.how) for one in found.shown) == {way: min(n, 2) for way, n in counted.items()}
    assert max(counted.values()) > 2


def test_two_urls_of_one_database_are_recognized(tmp_path: Path) -> None:
    os.symlink(tmp_path / "a.db", tmp_path / "link.db")
    of_file = Store(f"sqlite:///{tmp_path}/a.db")
    server = Store("postgresql://me:secret@db/lineage")

    assert same_database(of_file, Store(f"sqlite:///{tmp_path}/link.db"))
    assert not same_database(of_file, Store(f"sqlite:///{tmp_path}/b.db"))
    assert same_database(server, Store("postgresql://other@db:5432/lineage?sslmode=require"))
    assert not same_database(server, Store("postgresql://me:secret@db/other"))
    assert not same_database(server, Store("postgresql://me:secret@db2/lineage"))
    assert not same_database(server, of_file)


# ------------------------------------------------------------------------------------------------------- the command


def test_stores_with_the_same_lineage_are_reported_as_the_same(headwater: Headwater) -> None:
    headwater("replay", ABALONE)
    headwater("replay", ABALONE, "--database-url", "sqlite:///other.db", "--batch-size", "3")
    value = headwater("digest").out.strip()
    counts = json.loads(headwater("digest", "--json").out)["counts"]
    entities = sum(number for kind, number in counts.items() if kind not in PART_FIELDS)

    result = headwater("compare", "sqlite:///headwater.db", "sqlite:///other.db")

    assert result == (0, f"the same: {entities} entities, digest {value}\n", "")
    printed = json.loads(headwater("compare", "sqlite:///headwater.db", "sqlite:///other.db", "--json").out)
    assert (printed["same"], printed["here"], printed["there"], printed["differences"], printed["shown"]) == (
        True,
        value,
        value,
        {},
        [],
    )


def test_what_differs_is_listed_for_people_and_for_programs(headwater: Headwater, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(training("InProgress", Tags={"team": "[red]a"}))
    (tmp_path / "b.jsonl").write_bytes(training("InProgress", Tags={"team": "b", "more": "c"}, HyperParameters={}))
    for name in "ab":
        headwater("replay", f"{name}.jsonl", "--database-url", f"sqlite:///{name}.db")

    result = headwater("compare", "sqlite:///a.db", "sqlite:///b.db")

    assert (result.code, result.err) == (1, "")
    here, there, *rest = result.out.splitlines()
    assert (here.split()[:2], there.split()[:2]) == (["here", "sqlite:///a.db"], ["there", "sqlite:///b.db"])
    assert rest == [
        "                   only here  only there   different",
        "Parameter                  1           0           0",
        "Tag                        0           1           1",
        f"only here: Parameter eta of {JOB}",
        f"only there: Tag more of {JOB}",
        f"different: Tag team of {JOB}",
        '    value: "[red]a" here, "b" there',
    ]
    printed = json.loads(headwater("compare", "sqlite:///a.db", "sqlite:///b.db", "--json").out)
    assert printed["same"] is False
    assert [one["part"] for one in printed["shown"]] == ["eta", "more", "team"]
    headwater("replay", ABALONE, "--database-url", "sqlite:///a.db")
    few = headwater("compare", "sqlite:///a.db", "sqlite:///b.db", "--limit", "1").out
    assert few.splitlines()[-1].endswith("others: --limit shows more")


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["sqlite:///new.db"], 2, "requires an argument"),
        (["sqlite:///new.db", "sqlite:///none.db"], 1, "sqlite:///none.db does not exist"),
        (["sqlite:///none.db", "sqlite:///new.db"], 1, "sqlite:///none.db does not exist"),
        (["sqlite:///new.db", "sqlite:///./new.db"], 2, "name two stores"),
        (["sqlite:///new.db", "no-url"], 2, "not a database URL"),
        (["sqlite:///new.db", "postgresql://nobody@127.0.0.1:1/x"], 1, "does not answer"),
        (["sqlite:///new.db", "sqlite:///old.txt"], 1, "not a database"),
        (["sqlite:///new.db", "sqlite:///empty.db"], 1, "run headwater migrate"),
        (["sqlite:///new.db", "sqlite:///other.db", "--limit", "0"], 2, "--limit must be from 1"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_input_gets_one_sentence(
    headwater: Headwater, tmp_path: Path, words: list[str], code: int, sentence: str
) -> None:
    (tmp_path / "old.txt").write_text("this is no database, but long enough to be read as one" * 20)
    (tmp_path / "empty.db").touch()
    headwater("migrate", "--database-url", "sqlite:///new.db")
    result = headwater("compare", *words)
    assert (result.code, result.out) == (code, ""), result
    assert sentence in result.err
    assert result.err.startswith("headwater: ")
    assert len(result.err.strip().splitlines()) == 1, result.err
