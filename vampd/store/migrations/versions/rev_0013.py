"""Cubes of filling nights that were found complete need no second look after a restart."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "checked_cubes",
        sa.Column("night_id", sa.Integer(), nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("mtime_ns", sa.Integer(), nullable=False),
        sa.Column("timing_size", sa.Integer(), nullable=False),
        sa.Column("timing_mtime_ns", sa.Integer(), nullable=False),
        sa.Column("frame_id", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["night_id"], ["nights.id"], name="fk_checked_cubes_night_id"),
        sa.PrimaryKeyConstraint("night_id", "path", name="pk_checked_cubes"),
        sqlite_with_rowid=False,
    )
