"""Runs by time, and experiments, are found by an index.

Revision: 0004, after 0003.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        # In the order in which batches take them, so that a migration and a worker never wait for each other.
        op.execute("LOCK TABLE resource IN SHARE ROW EXCLUSIVE MODE")
    for name, column, lineage_type in (
        ("ix_entity_created", "created", "TrialComponent"),
        ("ix_entity_lineage_type", "lineage_type", "Experiment"),
    ):
        where = sa.text(f"lineage_type = '{lineage_type}'")
        op.create_index(name, "entity", [column], sqlite_where=where, postgresql_where=where)


def downgrade() -> None:
    op.drop_index("ix_entity_lineage_type", "entity")
    op.drop_index("ix_entity_created", "entity")
