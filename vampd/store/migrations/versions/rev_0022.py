"""Nights of the old tools that were taken over, and what these said of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "adopted_nights",
        sa.Column("date", sa.String(8), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("claims", sa.String(), nullable=False),
        sa.Column("ids", sa.String(), nullable=False),
        sa.Column("missing", sa.String(), nullable=False),
        sa.Column("contradictions", sa.String(), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("date", "kind", name="pk_adopted_nights"),
        sqlite_with_rowid=False,
    )
