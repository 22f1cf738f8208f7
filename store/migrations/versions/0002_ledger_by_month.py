"""The ledger by month, on PostgreSQL; an index that finds what an older rule derived.

What was the ledger becomes one partition for all months up to the next one: no row is copied, and reading it once to
index it is all that takes time. It is not the default partition, since each new month's table makes PostgreSQL lock
and read that one (docs/decisions/0007).

Revision: 0002, after 0001.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from store.ledger.partitions import beginning, this_month

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

Words = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")

INDEXES = ("pk_ledger", "uq_ledger_time_key", "ix_ledger_kept", "ix_ledger_resource_id")


def upgrade() -> None:
    on_postgresql = op.get_bind().dialect.name == "postgresql"
    if on_postgresql:
        # In the order in which batches take them, so that a migration and a worker never wait for each other.
        op.execute("LOCK TABLE resource IN SHARE ROW EXCLUSIVE MODE")
        op.execute("LOCK TABLE ledger IN ACCESS EXCLUSIVE MODE")
    op.create_index("ix_resource_rule", "resource", ["kind", "rule"])
    if on_postgresql:
        split_by_month()


def split_by_month() -> None:
    op.execute("ALTER TABLE ledger RENAME TO ledger_before")
    for name in INDEXES:
        op.execute(f"ALTER INDEX {name} RENAME TO {name.replace('ledger', 'ledger_before')}")
    op.create_table(
        "ledger",
        sa.Column(
            "id",
            sa.BigInteger(),
            server_default=sa.text("nextval('ledger_id_seq')"),
            nullable=False,
            comment="numbered in the order of arrival",
        ),
        sa.Column("key", sa.LargeBinary(), nullable=False, comment="16 bytes of a digest of the event's bytes"),
        sa.Column("kind", Words, nullable=False, comment="the detail-type"),
        sa.Column("resource_id", sa.BigInteger(), nullable=True, comment="what it speaks of"),
        sa.Column("time", sa.BigInteger(), nullable=False, comment="the event's own time, 0 when it has none"),
        sa.Column("received", sa.BigInteger(), nullable=False),
        sa.Column("outcome", Words, nullable=False, comment="derived; kept: no rule for its kind yet"),
        sa.Column("body", sa.LargeBinary(), nullable=False, comment="the event as it came, packed"),
        sa.PrimaryKeyConstraint("id", "time", name=op.f("pk_ledger")),
        sa.ForeignKeyConstraint(["resource_id"], ["resource.id"], name=op.f("fk_ledger_resource_id")),
        sa.UniqueConstraint("time", "key", name=op.f("uq_ledger_time_key")),
        comment="every event as it came: all else can be made again from it",
        postgresql_partition_by="RANGE (time)",
    )
    op.create_index("ix_ledger_kept", "ledger", ["kind", "id"], postgresql_where=sa.text("outcome = 'kept'"))
    op.create_index("ix_ledger_resource_id", "ledger", ["resource_id"])
    op.execute("ALTER SEQUENCE ledger_id_seq OWNED BY ledger.id")
    op.execute("CREATE TABLE ledger_default PARTITION OF ledger DEFAULT")
    if not op.get_bind().scalar(sa.text("SELECT EXISTS (SELECT FROM ledger_before)")):
        op.execute("DROP TABLE ledger_before")
        return
    end = beginning(this_month() + 2)
    ahead = sa.text(  # events with times of wrong clocks
        "WITH ahead AS (DELETE FROM ledger_before WHERE time >= :end RETURNING *)"
        " INSERT INTO ledger SELECT * FROM ahead"
    )
    op.get_bind().execute(ahead, {"end": end})
    op.execute("ALTER TABLE ledger_before DROP CONSTRAINT pk_ledger_before")
    op.execute(f"ALTER TABLE ledger ATTACH PARTITION ledger_before FOR VALUES FROM (MINVALUE) TO ({end})")


def downgrade() -> None:
    op.drop_index("ix_resource_rule", "resource")
    if op.get_bind().dialect.name != "postgresql":
        return
    op.execute("ALTER TABLE ledger RENAME TO ledger_by_month")
    for name in INDEXES:
        op.execute(f"ALTER INDEX {name} RENAME TO {name.replace('ledger', 'ledger_by_month')}")
    op.execute("CREATE TABLE ledger (LIKE ledger_by_month INCLUDING DEFAULTS INCLUDING COMMENTS)")
    op.execute("COMMENT ON TABLE ledger IS 'every event as it came: all else can be made again from it'")
    op.execute("INSERT INTO ledger SELECT * FROM ledger_by_month")
    op.execute("ALTER SEQUENCE ledger_id_seq OWNED BY ledger.id")
    op.execute("DROP TABLE ledger_by_month")
    op.create_primary_key("pk_ledger", "ledger", ["id"])
    op.create_unique_constraint("uq_ledger_time_key", "ledger", ["time", "key"])
    op.create_foreign_key("fk_ledger_resource_id", "ledger", "resource", ["resource_id"], ["id"])
    op.create_index("ix_ledger_kept", "ledger", ["kind", "id"], postgresql_where=sa.text("outcome = 'kept'"))
    op.create_index("ix_ledger_resource_id", "ledger", ["resource_id"])
