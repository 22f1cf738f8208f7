"""An index by which associations are listed.

Revision: 0007, after 0006. Nothing is derived again.
"""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_association_since", "association", ["since", "source_id", "destination_id"])


def downgrade() -> None:
    op.drop_index("ix_association_since", "association")
