"""The first schema.

Revision: 0001, on an empty database.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from store.compression import shipped_dictionary

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

Words = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "dead_letter",
        sa.Column("id", Id, nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False, comment="16 bytes of a digest of the message's bytes"),
        sa.Column("reason", Words, nullable=False),
        sa.Column("origin", Words, nullable=False, comment="the queue or file it came from"),
        sa.Column("received", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False, comment="the message as it came, packed"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dead_letter")),
        sa.UniqueConstraint("key", name=op.f("uq_dead_letter_key")),
        comment="messages that could not be understood, with the reason",
    )
    op.create_table(
        "dictionary",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False, comment="the id that zstd frames name"),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dictionary")),
        comment="zstd dictionaries that packed bytes need to be read again",
    )
    op.create_table(
        "entity",
        sa.Column("id", Id, nullable=False),
        sa.Column("key", Words, nullable=False, comment="the ARN in lower case"),
        sa.Column("arn", Words, nullable=False),
        sa.Column("lineage_type", Words, nullable=False),
        sa.Column("type", Words, nullable=False),
        sa.Column("name", Words, nullable=False),
        sa.Column("source_uri", Words, nullable=False),
        sa.Column("status", Words, nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column(
            "weight", sa.SmallInteger(), nullable=False, comment="how much the word weighs that the row was made from"
        ),
        sa.Column("document", Words, nullable=False, comment="the rest, as canonical JSON"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_entity")),
        sa.UniqueConstraint("key", name=op.f("uq_entity_key")),
        comment="artifacts, trial components, contexts, actions, trials, experiments",
    )
    with op.batch_alter_table("entity", schema=None) as batch_op:
        batch_op.create_index(
            "ix_entity_name",
            ["name"],
            unique=False,
            sqlite_where=sa.text("name != ''"),
            postgresql_where=sa.text("name != ''"),
        )
        batch_op.create_index("ix_entity_source_uri", ["source_uri"], unique=False)

    op.create_table(
        "reading",
        sa.Column("name", Words, nullable=False, comment="what is being read"),
        sa.Column("position", Words, nullable=False, comment="where reading stopped"),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_reading")),
        comment="how far replays have come",
    )
    op.create_table(
        "resource",
        sa.Column("id", Id, nullable=False, comment="numbered in the order of appearance"),
        sa.Column("key", Words, nullable=False, comment="the ARN in lower case"),
        sa.Column("kind", Words, nullable=False, comment="what sort of SageMaker thing it is"),
        sa.Column("version", sa.Integer(), nullable=False, comment="counts the changes of what is known"),
        sa.Column("derived", sa.Integer(), nullable=False, comment="the version that lineage was last derived from"),
        sa.Column("rule", Words, nullable=True, comment="the rule that derived it, and its version"),
        sa.Column("problem", Words, nullable=True, comment="why its rule failed, when it did"),
        sa.Column("known", sa.LargeBinary(), nullable=True, comment="what is known of it, packed"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_resource")),
        sa.UniqueConstraint("key", name=op.f("uq_resource_key")),
        comment="what events speak of, and all that is known of each",
    )
    with op.batch_alter_table("resource", schema=None) as batch_op:
        batch_op.create_index(
            "ix_resource_underived",
            ["id"],
            unique=False,
            sqlite_where=sa.text("derived < version"),
            postgresql_where=sa.text("derived < version"),
        )

    op.create_table(
        "association",
        sa.Column("source_id", Id, nullable=False),
        sa.Column("destination_id", Id, nullable=False),
        sa.Column("resource_id", Id, nullable=False, comment="whose rule says so"),
        sa.Column("type", Words, nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=True, comment="when it ceased to hold"),
        sa.ForeignKeyConstraint(["destination_id"], ["entity.id"], name=op.f("fk_association_destination_id")),
        sa.ForeignKeyConstraint(["resource_id"], ["resource.id"], name=op.f("fk_association_resource_id")),
        sa.ForeignKeyConstraint(["source_id"], ["entity.id"], name=op.f("fk_association_source_id")),
        sa.PrimaryKeyConstraint("source_id", "destination_id", "resource_id", name=op.f("pk_association")),
        comment="directed links between entities",
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("association", schema=None) as batch_op:
        batch_op.create_index("ix_association_destination_id", ["destination_id", "source_id"], unique=False)
        batch_op.create_index("ix_association_resource_id", ["resource_id"], unique=False)

    op.create_table(
        "ledger",
        sa.Column("id", Id, nullable=False, comment="numbered in the order of arrival"),
        sa.Column("key", sa.LargeBinary(), nullable=False, comment="16 bytes of a digest of the event's bytes"),
        sa.Column("kind", Words, nullable=False, comment="the detail-type"),
        sa.Column("resource_id", Id, nullable=True, comment="what it speaks of"),
        sa.Column("time", sa.BigInteger(), nullable=False, comment="the event's own time, 0 when it has none"),
        sa.Column("received", sa.BigInteger(), nullable=False),
        sa.Column("outcome", Words, nullable=False, comment="derived; kept: no rule for its kind yet"),
        sa.Column("body", sa.LargeBinary(), nullable=False, comment="the event as it came, packed"),
        sa.ForeignKeyConstraint(["resource_id"], ["resource.id"], name=op.f("fk_ledger_resource_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger")),
        sa.UniqueConstraint("time", "key", name=op.f("uq_ledger_time_key")),
        comment="every event as it came: all else can be made again from it",
    )
    with op.batch_alter_table("ledger", schema=None) as batch_op:
        batch_op.create_index(
            "ix_ledger_kept",
            ["kind", "id"],
            unique=False,
            sqlite_where=sa.text("outcome = 'kept'"),
            postgresql_where=sa.text("outcome = 'kept'"),
        )
        batch_op.create_index("ix_ledger_resource_id", ["resource_id"], unique=False)

    op.create_table(
        "membership",
        sa.Column("parent_id", Id, nullable=False),
        sa.Column("child_id", Id, nullable=False),
        sa.Column("resource_id", Id, nullable=False, comment="whose rule says so"),
        sa.ForeignKeyConstraint(["child_id"], ["entity.id"], name=op.f("fk_membership_child_id")),
        sa.ForeignKeyConstraint(["parent_id"], ["entity.id"], name=op.f("fk_membership_parent_id")),
        sa.ForeignKeyConstraint(["resource_id"], ["resource.id"], name=op.f("fk_membership_resource_id")),
        sa.PrimaryKeyConstraint("parent_id", "child_id", "resource_id", name=op.f("pk_membership")),
        comment="trial components in trials, trials in experiments",
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("membership", schema=None) as batch_op:
        batch_op.create_index("ix_membership_child_id", ["child_id"], unique=False)
        batch_op.create_index("ix_membership_resource_id", ["resource_id"], unique=False)

    op.create_table(
        "mention",
        sa.Column("resource_id", Id, nullable=False),
        sa.Column("entity_id", Id, nullable=False),
        sa.Column("weight", sa.SmallInteger(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("claim", Words, nullable=True, comment="what is said of it, where several may speak of one entity"),
        sa.ForeignKeyConstraint(["entity_id"], ["entity.id"], name=op.f("fk_mention_entity_id")),
        sa.ForeignKeyConstraint(["resource_id"], ["resource.id"], name=op.f("fk_mention_resource_id")),
        sa.PrimaryKeyConstraint("resource_id", "entity_id", name=op.f("pk_mention")),
        comment="which resource's rule speaks of which entity; an entity that none mentions goes",
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("mention", schema=None) as batch_op:
        batch_op.create_index("ix_mention_entity_id", ["entity_id", "weight"], unique=False)

    op.create_table(
        "metric",
        sa.Column("entity_id", Id, nullable=False),
        sa.Column("name", Words, nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["entity_id"], ["entity.id"], name=op.f("fk_metric_entity_id")),
        sa.PrimaryKeyConstraint("entity_id", "name", name=op.f("pk_metric")),
        comment="final metrics of trial components",
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("metric", schema=None) as batch_op:
        batch_op.create_index("ix_metric_name", ["name", "value"], unique=False)

    op.create_table(
        "parameter",
        sa.Column("entity_id", Id, nullable=False),
        sa.Column("name", Words, nullable=False),
        sa.Column("string", Words, nullable=True),
        sa.Column("number", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["entity_id"], ["entity.id"], name=op.f("fk_parameter_entity_id")),
        sa.PrimaryKeyConstraint("entity_id", "name", name=op.f("pk_parameter")),
        comment="parameters of trial components",
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("parameter", schema=None) as batch_op:
        batch_op.create_index("ix_parameter_name", ["name", "number"], unique=False)

    op.create_table(
        "reference",
        sa.Column("resource_id", Id, nullable=False),
        sa.Column("target", Words, nullable=False, comment="the key of a resource, known or not"),
        sa.ForeignKeyConstraint(["resource_id"], ["resource.id"], name=op.f("fk_reference_resource_id")),
        sa.PrimaryKeyConstraint("resource_id", "target", name=op.f("pk_reference")),
        comment="which resource refers to which",
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("reference", schema=None) as batch_op:
        batch_op.create_index("ix_reference_target", ["target", "resource_id"], unique=False)

    op.create_table(
        "tag",
        sa.Column("entity_id", Id, nullable=False),
        sa.Column("name", Words, nullable=False),
        sa.Column("value", Words, nullable=False),
        sa.ForeignKeyConstraint(["entity_id"], ["entity.id"], name=op.f("fk_tag_entity_id")),
        sa.PrimaryKeyConstraint("entity_id", "name", name=op.f("pk_tag")),
        comment="tags of entities",
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("tag", schema=None) as batch_op:
        batch_op.create_index("ix_tag_name", ["name", "value"], unique=False)

    number, data = shipped_dictionary()
    op.bulk_insert(
        sa.table("dictionary", sa.column("id", sa.BigInteger), sa.column("data", sa.LargeBinary)),
        [{"id": number, "data": data}],
    )


def downgrade() -> None:
    with op.batch_alter_table("tag", schema=None) as batch_op:
        batch_op.drop_index("ix_tag_name")

    op.drop_table("tag")
    with op.batch_alter_table("reference", schema=None) as batch_op:
        batch_op.drop_index("ix_reference_target")

    op.drop_table("reference")
    with op.batch_alter_table("parameter", schema=None) as batch_op:
        batch_op.drop_index("ix_parameter_name")

    op.drop_table("parameter")
    with op.batch_alter_table("metric", schema=None) as batch_op:
        batch_op.drop_index("ix_metric_name")

    op.drop_table("metric")
    with op.batch_alter_table("mention", schema=None) as batch_op:
        batch_op.drop_index("ix_mention_entity_id")

    op.drop_table("mention")
    with op.batch_alter_table("membership", schema=None) as batch_op:
        batch_op.drop_index("ix_membership_resource_id")
        batch_op.drop_index("ix_membership_child_id")

    op.drop_table("membership")
    with op.batch_alter_table("ledger", schema=None) as batch_op:
        batch_op.drop_index("ix_ledger_resource_id")
        batch_op.drop_index(
            "ix_ledger_kept", sqlite_where=sa.text("outcome = 'kept'"), postgresql_where=sa.text("outcome = 'kept'")
        )

    op.drop_table("ledger")
    with op.batch_alter_table("association", schema=None) as batch_op:
        batch_op.drop_index("ix_association_resource_id")
        batch_op.drop_index("ix_association_destination_id")

    op.drop_table("association")
    with op.batch_alter_table("resource", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_resource_underived",
            sqlite_where=sa.text("derived < version"),
            postgresql_where=sa.text("derived < version"),
        )

    op.drop_table("resource")
    op.drop_table("reading")
    with op.batch_alter_table("entity", schema=None) as batch_op:
        batch_op.drop_index("ix_entity_source_uri")
        batch_op.drop_index(
            "ix_entity_name", sqlite_where=sa.text("name != ''"), postgresql_where=sa.text("name != ''")
        )

    op.drop_table("entity")
    op.drop_table("dictionary")
    op.drop_table("dead_letter")
