"""PostgreSQL answers every query by an index: no statement reads all of a table, however large it grows.

Left out are queries that concern the whole store (the digest, the counts of `status` and `prune`), the search for a
part of a name or URI in any case, which comes after all others, and entities by filters alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.event import listen, remove

from bench.generate import events
from consumers.api.resource_views import Descriptions
from consumers.catch_up import catch_up, redrive
from consumers.handle import handle
from consumers.kind import TRAINING_JOB
from consumers.resources import RESOURCE_TYPES
from ingest.delivery import Delivery
from store import associations
from store.associations import AssociationFilter
from store.checkpoints import read_checkpoint, save_checkpoint
from store.database import Store
from store.graph.evidence import of_association, of_entity
from store.graph.lineage import walk
from store.graph.query_lineage import Filters, linked_entities
from store.graph.resolve import find, runs_of
from store.graph.traversal import Direction
from store.ledger import events as ledger
from store.ledger import partitions
from store.migrate import migrate
from store.paging import PageKey
from store.resource_pages import Listing, SortBy
from store.search import runs
from store.search.text_form import parse
from tests.support.stores import _drop_database, _new_database, fed

ARN = "arn:aws:sagemaker:us-west-2:123456789012:"
OTHER = "arn:aws:sagemaker:us-west-2:987654321098:"
ENTITIES, RUNS = 30_000, 10_000

FILLED = f"""
INSERT INTO resource SELECT n, '{ARN}training-job/filler-' || n, 'training-job', 1, 1, :rule, NULL, NULL,
  'filler-' || n, 'Completed', n, n, 0 FROM generate_series(1, {ENTITIES}) n;
INSERT INTO entity SELECT n, '{ARN}artifact/filler-' || n, '{ARN}artifact/filler-' || n, 'Artifact', 'DataSet',
  'filler-' || n,
  's3://filler/' || n - n % 2 || CASE WHEN n % 2 = 1 THEN '/part' ELSE '' END, '', 0, 1, '{{}}'
  FROM generate_series(1, {ENTITIES}) n;
INSERT INTO entity SELECT {2 * ENTITIES} + n, '{OTHER}artifact/filler-' || n, '{OTHER}artifact/filler-' || n,
  'Artifact', 'DataSet', 'filler-' || n, 's3://filler/' || n * 1000, '', 0, 1, '{{}}'
  FROM generate_series(1, {ENTITIES} / 1000) n;
INSERT INTO reference SELECT n, '{ARN}model/filler-' || n FROM generate_series(1, {ENTITIES}) n;
INSERT INTO mention SELECT n, m, 1, 0, NULL FROM generate_series(1, {ENTITIES} - 2) n, generate_series(n, n + 2) m;
INSERT INTO association SELECT n, n + m, n, CASE WHEN m = 3 THEN 'Produced' ELSE 'ContributedTo' END, 0, NULL
  FROM generate_series(1, {ENTITIES} - 3) n, generate_series(1, 3) m;
INSERT INTO membership SELECT n, n + 1, n FROM generate_series(1, {ENTITIES} - 1) n;
INSERT INTO parameter SELECT n, 'eta-' || m, '0.1', 0.1 FROM generate_series(1, {ENTITIES}) n, generate_series(1, 2) m;
INSERT INTO entity SELECT {ENTITIES} + n, '{ARN}run-' || n, '{ARN}run-' || n, 'TrialComponent', 'SageMakerTrainingJob',
  'run-' || n, '', 'Completed', n, 1, '{{}}', CASE WHEN n % 2 = 0 THEN 'family-' || n / 20 ELSE '' END
  FROM generate_series(1, {RUNS}) n;
INSERT INTO entity SELECT {ENTITIES} + {RUNS} + n, '{ARN}experiment-' || n, '{ARN}experiment-' || n, 'Experiment', '',
  'experiment-' || n, '', '', 0, 1, '{{}}' FROM generate_series(1, {RUNS} / 20) n;
INSERT INTO membership SELECT {ENTITIES} + {RUNS} + 1 + n / 20, {ENTITIES} + n, 1
  FROM generate_series(1, {RUNS} - 20, 2) n;
INSERT INTO metric SELECT {ENTITIES} + n, 'rmse-' || n % 100, 0.1, 0 FROM generate_series(1, {RUNS}) n;
INSERT INTO tag SELECT n, 'team', 'a' FROM generate_series(1, {ENTITIES}) n;
INSERT INTO ledger SELECT n, decode(md5(n::text), 'hex'), 'SageMaker Training Job State Change', n,
  1709251200000 + n * 240000::bigint, n, CASE WHEN n % 1000 = 0 THEN 'kept' ELSE 'derived' END, :body
  FROM generate_series(1, {ENTITIES}) n;
INSERT INTO dead_letter SELECT n, decode(md5(n::text), 'hex'), 'no JSON', 'a file', n, :body
  FROM generate_series(1, {ENTITIES}) n;
INSERT INTO describe_request SELECT n, 'arn', 'DescribeModel', 'answered', 0, 1, ''
  FROM generate_series(1, {ENTITIES}) n;
INSERT INTO checkpoint SELECT 'archive ' || n, '', 0 FROM generate_series(1, {ENTITIES}) n
"""
EMPTY = {"ledger_default"}
"""Tables that are empty here: their plans prove nothing."""


@pytest.fixture(scope="module")
def large() -> Iterator[Store]:
    """A store with so many rows that PostgreSQL avoids reading all of a table."""
    url = _new_database()
    store = Store(url)
    migrate(store)
    partitions.make(store, range(2024 * 12 + 2, 2024 * 12 + 5))

    values = {"rule": RESOURCE_TYPES[TRAINING_JOB].signature, "body": store.packer.pack(b"{}")}

    def fill(connection: Connection) -> None:
        for statement in FILLED.split(";"):
            connection.execute(text(statement), values)
        for table in ("resource", "entity", "ledger", "dead_letter"):
            connection.execute(text(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), {3 * ENTITIES})"))

    store.raw(fill)
    fed(store, list(events(500)), 100)
    store.raw(lambda connection: connection.execute(text("ANALYZE")))
    yield store
    store.close()
    _drop_database(url)


def page(store: Store, kind: str, after: PageKey | None = None, below: str = "", **more: Any) -> object:
    """A page of descriptions."""
    part = "pipeline" if kind == "pipeline-execution" else kind
    return Descriptions(store).page(Listing(kind, f"{ARN}{part}/{below}", **more), after, 10)


def associations_page(store: Store, sort_by: str = "since", after: PageKey | None = None, **wanted: Any) -> object:
    """A page of associations."""
    return associations.page(store, AssociationFilter(**wanted), sort_by, ascending=False, size=10, after=after)


MORE = [Delivery(body) for body in islice(events(1000), 500, 600)]
HIGH = ENTITIES - 20
MODELS = Filters(types=frozenset({"Model"}), properties=frozenset({("owner", "ada")}))
QUERIES: Mapping[str, Callable[[Store], object]] = {
    "a batch": lambda store: handle(MORE, store),
    "a batch with a message that is no event": lambda store: handle([*MORE[:5], Delivery(b"{}")], store),
    "what earlier workers left undone": catch_up,
    "events that had no rule": lambda store: store.read(lambda tx: ledger.kept(tx, ["of no kind"], 1000)),
    "marking events": lambda store: store.write(lambda tx: ledger.mark(tx, [5, 7], "kept")),
    "everything in the ledger": lambda store: list(islice(ledger.events(store), 1)),
    "what an ARN means": lambda store: find(store, f"{ARN}training-job/filler-{HIGH}"),
    "what a URI means": lambda store: find(store, f"s3://filler/{HIGH}"),
    "what a name means": lambda store: find(store, f"filler-{HIGH}"),
    "why there is an association": lambda store: of_association(
        store, f"{ARN}artifact/filler-{HIGH}", f"{ARN}artifact/filler-{HIGH + 1}"
    ),
    "why there is an entity": lambda store: of_entity(store, f"{ARN}artifact/filler-{HIGH}"),
    "all that came of something": lambda store: walk(store, [f"{ARN}artifact/filler-{HIGH}"], Direction.DESCENDANTS),
    "the nearest that it came from": lambda store: walk(
        store, [f"{ARN}artifact/filler-{HIGH}"], Direction.ASCENDANTS, depth=3
    ),
    "all that came of something, as SageMaker has it": lambda store: walk(
        store, [f"{ARN}artifact/filler-{HIGH}"], Direction.DESCENDANTS, inferred=False
    ),
    "what an input lies in": lambda store: walk(
        store, [f"{ARN}artifact/filler-{HIGH + 1}"], Direction.ASCENDANTS, depth=2
    ),
    "what is linked to something, and how": lambda store: linked_entities(
        store, [f"{ARN}artifact/filler-{HIGH}"], Direction.BOTH, depth=3, edges=True, size=10
    ),
    "what is linked to a job": lambda store: linked_entities(
        store, [f"{ARN}training-job/filler-{HIGH}"], Direction.ASCENDANTS, MODELS, depth=3, edges=False, size=10
    ),
    "the newest associations": associations_page,
    "older associations": lambda store: associations_page(store, after=(HIGH, HIGH, HIGH)),
    "associations since some time": lambda store: associations_page(store, since=HIGH),
    "associations by their sources": lambda store: associations_page(store, "source"),
    "more associations by their destinations": lambda store: associations_page(
        store, "destination", (f"{ARN}artifact/filler-{HIGH}", HIGH, HIGH)
    ),
    "associations of an entity": lambda store: associations_page(store, source=f"{ARN}artifact/filler-{HIGH}"),
    "the newest runs": runs.runs,
    "the best runs": lambda store: runs.runs(store, sort_by="rmse-7", ascending=True),
    "runs of an experiment": lambda store: runs.runs(store, "experiment-7", [parse("eta-1<0.1")]),
    "runs whose parameter has another value": lambda store: runs.runs(store, "experiment-7", [parse("eta-1!=0.1")]),
    "runs of a family": lambda store: runs.runs(store, "family-7"),
    "what something is described as": lambda store: Descriptions(store).describe(f"{ARN}training-job/filler-{HIGH}"),
    "a pipeline without events": lambda store: Descriptions(store).describe(f"{ARN}pipeline/none"),
    "the newest jobs": lambda store: page(store, "training-job"),
    "older jobs": lambda store: page(store, "training-job", (HIGH, f"{ARN}training-job/filler-{HIGH}")),
    "jobs by name": lambda store: page(store, "training-job", ("",), sort_by=SortBy.NAME, ascending=True),
    "the versions of a group": lambda store: page(store, "model-package", below="prices/", near=True),
    "pipelines": lambda store: page(store, "pipeline"),
    "executions": lambda store: page(store, "pipeline-execution", below="flow/execution/"),
    "steps": lambda store: Descriptions(store).steps(f"{ARN}pipeline/flow/execution/aaa"),
    "jobs of a tuning job": lambda store: store.read(lambda tx: runs_of(tx, f"{ARN}tuning/search")),
    "dead letters": lambda store: ledger.dead_letters(store, limit=10),
    "redriving dead letters": lambda store: redrive(store, [5, 6]),
    "discarding dead letters": lambda store: store.write(lambda tx: ledger.discard(tx, [7, 8])),
    "where reading stopped": lambda store: read_checkpoint(store, "archive 7"),
    "saving where reading stopped": lambda store: save_checkpoint(store, "archive 7", "here"),
    "the end of reading": lambda store: save_checkpoint(store, "archive 7", None),
}


@pytest.mark.parametrize("query", QUERIES)
def test_no_statement_reads_all_of_a_table(query: str, large: Store) -> None:
    executed: list[str] = []
    reading_all: list[tuple[str, str]] = []

    def explain(_: object, cursor: Any, statement: str, parameters: Any, *__: object) -> None:
        if not statement.startswith(("SELECT", "INSERT", "UPDATE", "DELETE", "WITH")) or "pg_" in statement:
            return
        executed.append(statement)
        beside = cursor.connection.cursor()
        plans = [beside.execute(f"EXPLAIN (FORMAT JSON) {statement}", parameters, prepare=False).fetchone()[0]]
        # As PostgreSQL may plan it for any values, after it has executed the statement several times.
        numbered = {name: f"${number}" for number, name in enumerate(parameters, 1)}
        of_any = re.sub(r"%\((\w+)\)s", lambda name: numbered[name[1]], statement)
        plans.append(beside.execute(f"EXPLAIN (GENERIC_PLAN, FORMAT JSON) {of_any}", prepare=False).fetchone()[0])
        reading_all.extend((table, statement) for [plan] in plans for table in read_whole(plan["Plan"]))

    listen(large.engine, "before_cursor_execute", explain)
    try:
        QUERIES[query](large)
    finally:
        remove(large.engine, "before_cursor_execute", explain)
    assert executed
    assert reading_all == []


def read_whole(plan: Mapping[str, Any]) -> Iterator[str]:
    """The tables that a plan reads from the beginning to the end."""
    if plan["Node Type"] == "Seq Scan" and plan["Relation Name"] not in EMPTY:
        yield plan["Relation Name"]
    for part in plan.get("Plans", ()):
        yield from read_whole(part)
