"""Raw files that are no longer as sync saw them, and what became of each."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "changed_raw",
        sa.Column("night_id", sa.Integer(), nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("synced_size", sa.Integer(), nullable=False),
        sa.Column("synced_mtime_ns", sa.Integer(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("mtime_ns", sa.Integer(), nullable=False),
        sa.Column("finding", sa.String(16), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["night_id"], ["nights.id"], name="fk_changed_raw_night_id"),
        sa.PrimaryKeyConstraint("night_id", "path", name="pk_changed_raw"),
        sqlite_with_rowid=False,
    )
