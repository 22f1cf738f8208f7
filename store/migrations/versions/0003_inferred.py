"""Inferred links, families of runs, and describe requests.

Revision: 0003, after 0002.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

Words = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        # In the order in which batches take them, so that a migration and a worker never wait for each other.
        op.execute("LOCK TABLE resource IN SHARE ROW EXCLUSIVE MODE")
    op.add_column(
        "entity",
        sa.Column(
            "family",
            Words,
            server_default=sa.text("''"),
            nullable=False,
            comment="what runs made in the same way share, inferred",
        ),
    )
    where = sa.text("family != ''")
    op.create_index("ix_entity_family", "entity", ["family"], sqlite_where=where, postgresql_where=where)
    op.add_column(
        "association",
        sa.Column(
            "inferred",
            sa.SmallInteger(),
            server_default="0",
            nullable=False,
            comment="1: ours, not among those AWS captures",
        ),
    )
    op.create_table(
        "question",
        sa.Column("resource_id", Id, nullable=False, comment="whose lineage needs the answer"),
        sa.Column("arn", Words, nullable=False, comment="what SageMaker is asked about"),
        sa.Column("operation", Words, nullable=False, comment="of SageMaker's API"),
        sa.Column("state", Words, nullable=False, comment="open, answered, missing"),
        sa.Column("due", sa.BigInteger(), nullable=False, comment="when to ask (again), in epoch milliseconds"),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("why", Words, nullable=False, comment="why there was no answer, last time"),
        sa.ForeignKeyConstraint(["resource_id"], ["resource.id"], name=op.f("fk_question_resource_id")),
        sa.PrimaryKeyConstraint("resource_id", "arn", "operation", name=op.f("pk_question")),
        comment="what events leave out and lineage needs",
        sqlite_with_rowid=False,
    )
    where = sa.text("state = 'open'")
    op.create_index("ix_question_due", "question", ["due"], sqlite_where=where, postgresql_where=where)


def downgrade() -> None:
    op.drop_table("question")
    op.drop_column("association", "inferred")
    op.drop_index("ix_entity_family", "entity")
    op.drop_column("entity", "family")
