"""The first tables"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "model_versions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("network", sa.String(length=64), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("figures", sa.JSON(), nullable=False),
        sa.Column("origin", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("promoted_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_model_versions")),
        sa.UniqueConstraint("network", "version", name=op.f("uq_model_versions_network_version")),
    )
    with op.batch_alter_table("model_versions") as batch_op:
        batch_op.create_index(
            "uq_model_versions_promoted",
            ["network"],
            unique=True,
            sqlite_where=sa.text("state = 'promoted'"),
            postgresql_where=sa.text("state = 'promoted'"),
        )

    op.create_table(
        "users",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("name", name=op.f("uq_users_name")),
    )
    op.create_table(
        "audit_events",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("who", sa.Integer(), nullable=True),
        sa.Column("what", sa.String(length=64), nullable=False),
        sa.Column("bill", sa.String(length=32), nullable=True),
        sa.Column("when", sa.DateTime(timezone=True), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["who"], ["users.id"], name=op.f("fk_audit_events_who")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_events")),
    )
    with op.batch_alter_table("audit_events") as batch_op:
        batch_op.create_index(batch_op.f("ix_audit_events_bill"), ["bill"], unique=False)

    op.create_table(
        "bills",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("owner_id", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("media_type", sa.String(length=64), nullable=False),
        sa.Column("bytes", sa.Integer(), nullable=False),
        sa.Column("pages", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("failed_stage", sa.String(length=64), nullable=True),
        sa.Column("failed_why", sa.Text(), nullable=True),
        sa.Column("search", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_bills_owner_id")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_bills")),
        sa.UniqueConstraint("id", name=op.f("uq_bills_id")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("bills") as batch_op:
        batch_op.create_index("ix_bills_owner_number", ["owner_id", "number"], unique=False)
        batch_op.create_index("ix_bills_owner_sha256", ["owner_id", "sha256"], unique=False)

    op.create_table(
        "attempts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("bill_id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("origin", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("run_id", sa.String(length=64), nullable=True),
        sa.Column("stage", sa.String(length=64), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["bill_id"], ["bills.id"], name=op.f("fk_attempts_bill_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attempts")),
        sa.UniqueConstraint("bill_id", "number", name=op.f("uq_attempts_bill_id_number")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("attempts") as batch_op:
        batch_op.create_index("ix_attempts_state_id", ["state", "id"], unique=False)
        batch_op.create_index(
            "uq_attempts_open",
            ["bill_id"],
            unique=True,
            sqlite_where=sa.text("state = 'open'"),
            postgresql_where=sa.text("state = 'open'"),
        )

    op.create_table(
        "machine_results",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("bill_id", sa.String(length=32), nullable=False),
        sa.Column("attempt_id", sa.Integer(), nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.Column("fields", sa.JSON(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("models", sa.JSON(), nullable=False),
        sa.Column("line_detector", sa.String(length=64), nullable=False),
        sa.Column("line_segmenter", sa.String(length=64), nullable=False),
        sa.Column("line_recogniser", sa.String(length=64), nullable=False),
        sa.Column("seconds", sa.JSON(), nullable=False),
        sa.Column("quality", sa.JSON(), nullable=False),
        sa.Column("confidence", sa.Float(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["attempt_id"], ["attempts.id"], name=op.f("fk_machine_results_attempt_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["bill_id"], ["bills.id"], name=op.f("fk_machine_results_bill_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_machine_results")),
        sa.UniqueConstraint("attempt_id", name=op.f("uq_machine_results_attempt_id")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("machine_results") as batch_op:
        batch_op.create_index("ix_machine_results_bill_id_id", ["bill_id", "id"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("machine_results") as batch_op:
        batch_op.drop_index("ix_machine_results_bill_id_id")

    op.drop_table("machine_results")
    with op.batch_alter_table("attempts") as batch_op:
        batch_op.drop_index(
            "uq_attempts_open", sqlite_where=sa.text("state = 'open'"), postgresql_where=sa.text("state = 'open'")
        )
        batch_op.drop_index("ix_attempts_state_id")

    op.drop_table("attempts")
    with op.batch_alter_table("bills") as batch_op:
        batch_op.drop_index("ix_bills_owner_sha256")
        batch_op.drop_index("ix_bills_owner_number")

    op.drop_table("bills")
    with op.batch_alter_table("audit_events") as batch_op:
        batch_op.drop_index(batch_op.f("ix_audit_events_bill"))

    op.drop_table("audit_events")
    op.drop_table("users")
    with op.batch_alter_table("model_versions") as batch_op:
        batch_op.drop_index(
            "uq_model_versions_promoted",
            sqlite_where=sa.text("state = 'promoted'"),
            postgresql_where=sa.text("state = 'promoted'"),
        )

    op.drop_table("model_versions")
