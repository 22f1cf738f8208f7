"""Columns that SageMaker's API lists and sorts by, and metrics point by point.

Revision: 0005, after 0004. The names of resources are written by the next worker that starts.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

Words = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")

_RUNS = sa.text("lineage_type = 'TrialComponent'")
_EXPERIMENTS = sa.text("lineage_type = 'Experiment'")


def upgrade() -> None:
    postgres = op.get_bind().dialect.name == "postgresql"
    if postgres:
        # In the order in which batches take them, so that a migration and a worker never wait for each other.
        op.execute("LOCK TABLE resource IN SHARE ROW EXCLUSIVE MODE")
    for column in (
        sa.Column("name", Words, comment="its name, with its case; nothing was written here before schema 0005"),
        sa.Column("status", Words, comment="its status, as SageMaker's API spells it"),
        sa.Column("created", sa.BigInteger(), comment="when it was made"),
        sa.Column("modified", sa.BigInteger(), comment="when the newest of what is known was so"),
        sa.Column("deleted", sa.SmallInteger(), comment="1: it is no more"),
    ):
        op.add_column("resource", column)
    op.create_index("ix_resource_kind_created", "resource", ["kind", "created"])
    op.add_column(
        "entity",
        sa.Column(
            "modified",
            sa.BigInteger(),
            server_default="0",
            nullable=False,
            comment="when it was changed; 0: nobody tells",
        ),
    )
    value = "(document::jsonb ->> 'modified')::bigint" if postgres else "json_extract(document, '$.modified')"
    condition = f"document LIKE '%\"modified\"%' AND {value} IS NOT NULL"
    entity = sa.table("entity", sa.column("modified"))
    op.execute(sa.update(entity).values(modified=sa.text(value)).where(sa.text(condition)))
    op.drop_index("ix_entity_lineage_type", "entity")
    op.drop_index("ix_entity_created", "entity")
    op.create_index("ix_entity_lineage_type_created", "entity", ["lineage_type", "created"])
    last_modified = sa.text(f"{'greatest' if postgres else 'max'}(created, modified)")
    op.create_index("ix_entity_last_modified", "entity", ["lineage_type", last_modified])
    op.create_index(
        "ix_entity_source_arn", "entity", [sa.text("lower(source_uri)")], sqlite_where=_RUNS, postgresql_where=_RUNS
    )
    for name, type_, comment in (
        ("low", sa.Double(), "the least; nothing where it was measured once, and likewise below"),
        ("high", sa.Double(), None),
        ("mean", sa.Double(), None),
        ("deviation", sa.Double(), None),
        ("count", sa.Integer(), None),
    ):
        op.add_column("metric", sa.Column(name, type_, comment=comment))
    op.drop_index("ix_metric_name", "metric")
    op.create_index("ix_metric_name", "metric", ["name", "value", "low", "high", "mean", "deviation", "count"])
    op.create_table(
        "measurement",
        sa.Column("component", Words, nullable=False, comment="the ARN of a trial component in lower case"),
        sa.Column(
            "life", sa.BigInteger(), nullable=False, comment="when a client made it, in epoch seconds; 0: none did"
        ),
        sa.Column("name", Words, nullable=False, comment="of the metric"),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("step", sa.BigInteger(), nullable=False, comment="-1: none was told"),
        sa.Column("put", sa.BigInteger(), nullable=False, comment="when it was told, in epoch microseconds"),
        sa.Column("place", sa.Integer(), nullable=False, comment="among those that were told with it"),
        sa.Column("value", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint(
            "component", "life", "name", "time", "step", "put", "place", name=op.f("pk_measurement")
        ),
        comment="what clients measured, point by point",
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    op.drop_table("measurement")
    op.drop_index("ix_metric_name", "metric")
    op.create_index("ix_metric_name", "metric", ["name", "value"])
    for name in ("count", "deviation", "mean", "high", "low"):
        op.drop_column("metric", name)
    op.drop_index("ix_entity_source_arn", "entity")
    op.drop_index("ix_entity_last_modified", "entity")
    op.drop_index("ix_entity_lineage_type_created", "entity")
    op.create_index("ix_entity_created", "entity", ["created"], sqlite_where=_RUNS, postgresql_where=_RUNS)
    op.create_index(
        "ix_entity_lineage_type",
        "entity",
        ["lineage_type"],
        sqlite_where=_EXPERIMENTS,
        postgresql_where=_EXPERIMENTS,
    )
    op.drop_column("entity", "modified")
    op.drop_index("ix_resource_kind_created", "resource")
    for name in ("deleted", "modified", "created", "status", "name"):
        op.drop_column("resource", name)
