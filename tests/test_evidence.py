"""Each citation in the code leads to a row of docs/evidence.md, and each row has a source with an address."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "evidence.md").read_text()
MARKS = {"observed", "documented", "SDK source", "client source", "plausible"}
GENERAL = {"delivery", "times", "absent-values", "arn-case", "status-case", "event-kinds"}
"""Ids of what no single rule rests on."""
PRIVATE = re.compile(r"\b(?:CAPTURE|DESIGN) ?[A-C0-9]|\b(?:ABAL|PEXP|EXPI|EP03A|RECO|SMLIN)\b|\bAPI [2-5]\b")
"""Names that sources had in notes which are not in the repository."""


def rows(head: str) -> Iterator[list[str]]:
    """The cells of the rows of each table in the page whose head begins so."""
    inside = False
    for line in PAGE.splitlines():
        if not line.startswith("| "):
            inside = False
        elif line.startswith(head):
            inside = True
        elif inside and not line.startswith("| ---"):
            yield [cell.strip() for cell in line.strip("|").split(" | ")]


ENTRIES = {cells[0].partition("</a>")[2]: cells for cells in rows("| id ")}
SOURCES = {cells[0]: cells[1] for cells in rows("| name ")}


def code() -> Iterator[tuple[str, str]]:
    """The name and text of each source file but this one."""
    for package in ("consumers", "ingest", "store", "tests"):
        for path in sorted((ROOT / package).rglob("*.py")):
            if path != Path(__file__):
                yield str(path.relative_to(ROOT)), path.read_text()


def cited(text: str) -> list[str]:
    """The ids that a text cites: `evidence.md#training-job`."""
    return re.findall(r"evidence\.md#([\w-]+)", text)


def test_each_citation_in_the_code_has_its_row() -> None:
    missing = {f"{name}: {id_}" for name, text in code() for id_ in cited(text) if id_ not in ENTRIES}
    assert not missing


def test_each_row_is_cited_or_general() -> None:
    assert ENTRIES.keys() - GENERAL == {id_ for _, text in code() for id_ in cited(text)} - GENERAL


def test_no_citation_leads_out_of_the_repository() -> None:
    assert not [f"{name}: {found[0]}" for name, text in code() if (found := PRIVATE.search(text))]


def test_each_row_has_an_anchor_a_mark_and_sources_that_are_listed() -> None:
    for id_, (anchor, says, marks, sources) in ENTRIES.items():
        assert anchor.startswith(f'<a id="{id_}"></a>')
        assert says.endswith(".")
        assert set(marks.split(", ")) <= MARKS
        assert set(sources.split(", ")) <= SOURCES.keys()


def test_each_source_is_used_and_has_a_public_address() -> None:
    assert SOURCES.keys() == {name for cells in ENTRIES.values() for name in cells[3].split(", ")}
    assert [name for name, where in SOURCES.items() if "https://" not in where] == ["BOOK"]
