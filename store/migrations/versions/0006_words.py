"""Names of tables and columns that describe what they hold.

Revision: 0006, after 0005. Nothing is derived again: the rows stay the same.

A worker of an older version that still runs no longer finds the old names. It waits (SQLite) or stops (PostgreSQL) and
acknowledges nothing: it cannot write dead letters either, since their columns have other names as well.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

Words = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

RENAMED = {
    ("measurement", "metric_point"): {"life": "incarnation", "put": "reported", "place": "ordinal"},
    ("question", "describe_request"): {"why": "reason"},
    ("reading", "checkpoint"): {},
    ("dead_letter", "dead_letter"): {"key": "digest"},
}
"""Table before and after -> columns before and after."""

INDEXES = {
    "pk_measurement": "pk_metric_point",
    "pk_question": "pk_describe_request",
    "ix_question_due": "ix_describe_request_due",
    "pk_reading": "pk_checkpoint",
    "uq_dead_letter_key": "uq_dead_letter_digest",
}

COMMENTS = {
    "resource": "what events are about, and the state of each",
    "resource.kind": "the type of the SageMaker resource",
    "resource.version": "counts the changes of its state",
    "resource.problem": "why its rule failed, if it did",
    "resource.state": "all that is known of it, packed",
    "resource.modified": "when its state was last changed",
    "resource.deleted": "1: it was deleted",
    "reference": "which resource references which",
    "ledger.resource_id": "what it is about",
    "entity.weight": "how far the source of this row is believed against others",
    "entity.modified": "when it was changed; 0: unknown",
    "mention": "which resource's rule mentions which entity; an entity that none mentions is removed",
    "mention.claim": "what the rule says of it, where several may mention one entity",
    "association.inferred": "1: inferred by Headwater, not captured by AWS",
    "metric.low": "the least; NULL where there is one point, and likewise below",
    "metric_point": "metrics that clients reported, point by point",
    "metric_point.incarnation": "when a client made the component, in epoch seconds; 0: none did",
    "metric_point.step": "-1: without a step",
    "metric_point.reported": "when it was reported, in epoch microseconds",
    "metric_point.ordinal": "its place in that report",
    "dead_letter": "messages that cannot become lineage, with the reason",
    "describe_request": "what events leave out and lineage needs",
    "describe_request.resource_id": "whose lineage needs the description",
    "describe_request.arn": "the resource to be described",
    "describe_request.operation": "the operation of SageMaker's API that describes it",
    "describe_request.due": "when to ask SageMaker (again), in epoch milliseconds",
    "describe_request.reason": "why there was no description, last time",
    "checkpoint": "how far replays have come",
}
"""Of tables and columns, PostgreSQL's only."""


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        # In the order in which batches take them, so that a migration and a worker never wait for each other.
        op.execute("LOCK TABLE resource IN ACCESS EXCLUSIVE MODE")
        rename(RENAMED, INDEXES)
        op.execute(
            "ALTER TABLE describe_request RENAME CONSTRAINT fk_question_resource_id TO fk_describe_request_resource_id"
        )
    else:
        copy_renamed()
    op.execute("ALTER TABLE resource RENAME COLUMN known TO state")
    if op.get_bind().dialect.name == "postgresql":
        for name, comment in COMMENTS.items():
            sort = "COLUMN" if "." in name else "TABLE"
            op.execute(f"COMMENT ON {sort} {name} IS '{comment.replace(chr(39), chr(39) * 2)}'")


def rename(tables: dict[tuple[str, str], dict[str, str]], indexes: dict[str, str]) -> None:
    for (before, after), columns in tables.items():
        if before != after:
            op.rename_table(before, after)
        for old, new in columns.items():
            op.execute(f"ALTER TABLE {after} RENAME COLUMN {old} TO {new}")
    for old, new in indexes.items():
        op.execute(f"ALTER INDEX {old} RENAME TO {new}")


def copy_renamed() -> None:
    """SQLite stores the names of constraints in the text of a table: the tables are created again."""
    op.drop_index("ix_question_due", "question")
    op.rename_table("dead_letter", "dead_letter_before")
    op.create_table(
        "metric_point",
        sa.Column("component", Words, nullable=False),
        sa.Column("incarnation", sa.BigInteger(), nullable=False),
        sa.Column("name", Words, nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("step", sa.BigInteger(), nullable=False),
        sa.Column("reported", sa.BigInteger(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint(
            "component", "incarnation", "name", "time", "step", "reported", "ordinal", name=op.f("pk_metric_point")
        ),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "describe_request",
        sa.Column("resource_id", Id, nullable=False),
        sa.Column("arn", Words, nullable=False),
        sa.Column("operation", Words, nullable=False),
        sa.Column("state", Words, nullable=False),
        sa.Column("due", sa.BigInteger(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("reason", Words, nullable=False),
        sa.ForeignKeyConstraint(["resource_id"], ["resource.id"], name=op.f("fk_describe_request_resource_id")),
        sa.PrimaryKeyConstraint("resource_id", "arn", "operation", name=op.f("pk_describe_request")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "checkpoint",
        sa.Column("name", Words, nullable=False),
        sa.Column("position", Words, nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_checkpoint")),
    )
    op.create_table(
        "dead_letter",
        sa.Column("id", Id, nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("reason", Words, nullable=False),
        sa.Column("origin", Words, nullable=False),
        sa.Column("received", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dead_letter")),
        sa.UniqueConstraint("digest", name=op.f("uq_dead_letter_digest")),
    )
    for before, copy in (
        ("measurement", "INSERT INTO metric_point SELECT * FROM measurement"),
        ("question", "INSERT INTO describe_request SELECT * FROM question"),
        ("reading", "INSERT INTO checkpoint SELECT * FROM reading"),
        ("dead_letter_before", "INSERT INTO dead_letter SELECT * FROM dead_letter_before"),
    ):
        op.execute(copy)
        op.drop_table(before)
    op.create_index("ix_describe_request_due", "describe_request", ["due"], sqlite_where=sa.text("state = 'open'"))


def downgrade() -> None:
    raise NotImplementedError("restore the store from a backup, or rebuild one from its ledger")
