"""The schema, in SQLAlchemy Core; `migrations/` are its numbered steps.

Written for SQLite and PostgreSQL alike: JSON is canonical text, times are epoch milliseconds, keys are lower-case.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Double,
    ForeignKey,
    FromClause,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.event import listens_for
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

# Texts compare by code point everywhere, so that both databases agree on what is greater.
Words = Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_N_label)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite numbers rows by itself only when the column is spelled INTEGER.
Id = BigInteger().with_variant(Integer, "sqlite")

resource = Table(
    "resource",
    metadata,
    Column("id", Id, primary_key=True, comment="numbered in the order of appearance"),
    Column("key", Words, nullable=False, unique=True, comment="the ARN in lower case"),
    Column("kind", Words, nullable=False, comment="the type of the SageMaker resource"),
    Column("version", Integer, nullable=False, comment="counts the changes of its state"),
    Column("derived", Integer, nullable=False, comment="the version that lineage was last derived from"),
    Column("rule", Words, comment="the rule that derived it, and its version"),
    Column("problem", Words, comment="why its rule failed, if it did"),
    Column("state", LargeBinary, comment="all that is known of it, packed"),
    Column("name", Words, comment="its name, with its case; nothing was written here before schema 0005"),
    Column("status", Words, comment="its status, as SageMaker's API spells it"),
    Column("created", BigInteger, comment="when it was made"),
    Column("modified", BigInteger, comment="when its state was last changed"),
    Column("deleted", SmallInteger, comment="1: it was deleted"),
    comment="what events are about, and the state of each",
)
Index("ix_resource_kind_created", resource.c.kind, resource.c.created)
Index("ix_resource_rule", resource.c.kind, resource.c.rule)
Index("ix_resource_underived", resource.c.id, sqlite_where=resource.c.derived < resource.c.version,
      postgresql_where=resource.c.derived < resource.c.version)  # fmt: skip

reference = Table(
    "reference",
    metadata,
    Column("resource_id", Id, ForeignKey(resource.c.id), primary_key=True),
    Column("target", Words, primary_key=True, comment="the key of a resource, known or not"),
    Index("ix_reference_target", "target", "resource_id"),
    comment="which resource references which",
    sqlite_with_rowid=False,
)

ledger = Table(
    "ledger",
    metadata,
    Column("id", Id, comment="numbered in the order of arrival"),
    Column("key", LargeBinary, nullable=False, comment="16 bytes of a digest of the event's bytes"),
    Column("kind", Words, nullable=False, comment="the detail-type"),
    Column("resource_id", Id, ForeignKey(resource.c.id), comment="what it is about"),
    Column("time", BigInteger, nullable=False, comment="the event's own time, 0 when it has none"),
    Column("received", BigInteger, nullable=False),
    Column("outcome", Words, nullable=False, comment="derived; kept: no rule for its kind yet"),
    Column("body", LargeBinary, nullable=False, comment="the event as it came, packed"),
    PrimaryKeyConstraint("id").ddl_if(dialect="sqlite"),
    UniqueConstraint("time", "key"),
    Index("ix_ledger_resource_id", "resource_id"),
    Index(
        "ix_ledger_kept",
        "kind",
        "id",
        sqlite_where=Column("outcome") == "kept",
        postgresql_where=Column("outcome") == "kept",
    ),
    comment="every event as it came: all else can be made again from it",
    postgresql_partition_by="RANGE (time)",
)


@listens_for(ledger, "after_create")
def _by_month(_table: Table, connection: Connection, **_: object) -> None:
    """PostgreSQL keeps the ledger by month (docs/decisions/0007): so the key has to contain the time."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("ALTER TABLE ledger ADD CONSTRAINT pk_ledger PRIMARY KEY (id, time)")
        connection.exec_driver_sql("CREATE TABLE ledger_default PARTITION OF ledger DEFAULT")


class _Later(FunctionElement[int]):
    """The later of two times."""

    inherit_cache = True
    type = BigInteger()
    name = "later"


@compiles(_Later, "sqlite")
def _later_sqlite(element: _Later, compiler: SQLCompiler, **how: Any) -> str:
    return f"max({compiler.process(element.clauses, **how)})"


@compiles(_Later, "postgresql")
def _later_postgresql(element: _Later, compiler: SQLCompiler, **how: Any) -> str:
    return f"greatest({compiler.process(element.clauses, **how)})"


def last_modified(one: FromClause) -> ColumnElement[int]:
    """When an entity was last changed, or else created: the default order of entities."""
    return _Later(one.c.created, one.c.modified)


entity = Table(
    "entity",
    metadata,
    Column("id", Id, primary_key=True),
    Column("key", Words, nullable=False, unique=True, comment="the ARN in lower case"),
    Column("arn", Words, nullable=False),
    Column("lineage_type", Words, nullable=False),
    Column("type", Words, nullable=False),
    Column("name", Words, nullable=False),
    Column("source_uri", Words, nullable=False),
    Column("status", Words, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("weight", SmallInteger, nullable=False, comment="how far the source of this row is believed against others"),
    Column("document", Words, nullable=False, comment="the rest, as canonical JSON"),
    Column(
        "family",
        Words,
        nullable=False,
        server_default=text("''"),
        comment="what runs made in the same way share, inferred",
    ),
    Column("modified", BigInteger, nullable=False, server_default="0", comment="when it was changed; 0: unknown"),
    Index("ix_entity_source_uri", "source_uri"),
    Index("ix_entity_family", "family", sqlite_where=Column("family") != "", postgresql_where=Column("family") != ""),
    Index("ix_entity_lineage_type_created", "lineage_type", "created"),
    Index("ix_entity_name", "name", sqlite_where=Column("name") != "", postgresql_where=Column("name") != ""),
    comment="artifacts, trial components, contexts, actions, trials, experiments",
)
Index("ix_entity_last_modified", entity.c.lineage_type, last_modified(entity))
# Clients ask for the runs of a job by its ARN, and some in lower case.
Index("ix_entity_source_arn", func.lower(entity.c.source_uri), sqlite_where=entity.c.lineage_type == "TrialComponent",
      postgresql_where=entity.c.lineage_type == "TrialComponent")  # fmt: skip

mention = Table(
    "mention",
    metadata,
    Column("resource_id", Id, ForeignKey(resource.c.id), primary_key=True),
    Column("entity_id", Id, ForeignKey(entity.c.id), primary_key=True),
    Column("weight", SmallInteger, nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("claim", Words, comment="what the rule says of it, where several may mention one entity"),
    Index("ix_mention_entity_id", "entity_id", "weight"),
    comment="which resource's rule mentions which entity; an entity that none mentions is removed",
    sqlite_with_rowid=False,
)

association = Table(
    "association",
    metadata,
    Column("source_id", Id, ForeignKey(entity.c.id), primary_key=True),
    Column("destination_id", Id, ForeignKey(entity.c.id), primary_key=True),
    Column("resource_id", Id, ForeignKey(resource.c.id), primary_key=True, comment="whose rule says so"),
    Column("type", Words, nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("until", BigInteger, comment="when it ceased to hold"),
    Column(
        "inferred",
        SmallInteger,
        nullable=False,
        server_default="0",
        comment="1: inferred by Headwater, not captured by AWS",
    ),
    Index("ix_association_destination_id", "destination_id", "source_id"),
    Index("ix_association_resource_id", "resource_id"),
    Index("ix_association_since", "since", "source_id", "destination_id"),
    comment="directed links between entities",
    sqlite_with_rowid=False,
)

membership = Table(
    "membership",
    metadata,
    Column("parent_id", Id, ForeignKey(entity.c.id), primary_key=True),
    Column("child_id", Id, ForeignKey(entity.c.id), primary_key=True),
    Column("resource_id", Id, ForeignKey(resource.c.id), primary_key=True, comment="whose rule says so"),
    Index("ix_membership_child_id", "child_id"),
    Index("ix_membership_resource_id", "resource_id"),
    comment="trial components in trials, trials in experiments",
    sqlite_with_rowid=False,
)

parameter = Table(
    "parameter",
    metadata,
    Column("entity_id", Id, ForeignKey(entity.c.id), primary_key=True),
    Column("name", Words, primary_key=True),
    Column("string", Words),
    Column("number", Double),
    Index("ix_parameter_name", "name", "number"),
    comment="parameters of trial components",
    sqlite_with_rowid=False,
)

metric = Table(
    "metric",
    metadata,
    Column("entity_id", Id, ForeignKey(entity.c.id), primary_key=True),
    Column("name", Words, primary_key=True),
    Column("value", Double, nullable=False),
    Column("time", BigInteger),
    Column("low", Double, comment="the least; NULL where there is one point, and likewise below"),
    Column("high", Double),
    Column("mean", Double),
    Column("deviation", Double),
    Column("count", Integer),
    # With all that is compared: what was measured often need not be looked up.
    Index("ix_metric_name", "name", "value", "low", "high", "mean", "deviation", "count"),
    comment="final metrics of trial components",
    sqlite_with_rowid=False,
)

metric_point = Table(
    "metric_point",
    metadata,
    Column("component", Words, primary_key=True, comment="the ARN of a trial component in lower case"),
    Column(
        "incarnation",
        BigInteger,
        primary_key=True,
        comment="when a client made the component, in epoch seconds; 0: none did",
    ),
    Column("name", Words, primary_key=True, comment="of the metric"),
    Column("time", BigInteger, primary_key=True),
    Column("step", BigInteger, primary_key=True, comment="-1: without a step"),
    Column("reported", BigInteger, primary_key=True, comment="when it was reported, in epoch microseconds"),
    Column("ordinal", Integer, primary_key=True, comment="its place in that report"),
    Column("value", Double, nullable=False),
    comment="metrics that clients reported, point by point",
    sqlite_with_rowid=False,
)

tag = Table(
    "tag",
    metadata,
    Column("entity_id", Id, ForeignKey(entity.c.id), primary_key=True),
    Column("name", Words, primary_key=True),
    Column("value", Words, nullable=False),
    Index("ix_tag_name", "name", "value"),
    comment="tags of entities",
    sqlite_with_rowid=False,
)

dead_letter = Table(
    "dead_letter",
    metadata,
    Column("id", Id, primary_key=True),
    Column("digest", LargeBinary, nullable=False, unique=True, comment="16 bytes of a digest of the message's bytes"),
    Column("reason", Words, nullable=False),
    Column("origin", Words, nullable=False, comment="the queue or file it came from"),
    Column("received", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False, comment="the message as it came, packed"),
    comment="messages that cannot become lineage, with the reason",
)

describe_request = Table(
    "describe_request",
    metadata,
    Column(
        "resource_id",
        Id,
        ForeignKey(resource.c.id),
        primary_key=True,
        comment="whose lineage needs the description",
    ),
    Column("arn", Words, primary_key=True, comment="the resource to be described"),
    Column("operation", Words, primary_key=True, comment="the operation of SageMaker's API that describes it"),
    Column("state", Words, nullable=False, comment="open, answered, missing"),
    Column("due", BigInteger, nullable=False, comment="when to ask SageMaker (again), in epoch milliseconds"),
    Column("tries", Integer, nullable=False),
    Column("reason", Words, nullable=False, comment="why there was no description, last time"),
    Index(
        "ix_describe_request_due",
        "due",
        sqlite_where=Column("state") == "open",
        postgresql_where=Column("state") == "open",
    ),
    comment="what events leave out and lineage needs",
    sqlite_with_rowid=False,
)

checkpoint = Table(
    "checkpoint",
    metadata,
    Column("name", Words, primary_key=True, comment="what is being read"),
    Column("position", Words, nullable=False, comment="where reading stopped"),
    Column("time", BigInteger, nullable=False),
    comment="how far replays have come",
)

dictionary = Table(
    "dictionary",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False, comment="the id that zstd frames name"),
    Column("data", LargeBinary, nullable=False),
    comment="zstd dictionaries that packed bytes need to be read again",
)
