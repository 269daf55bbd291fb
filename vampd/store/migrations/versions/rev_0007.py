"""Proofs name the archive that they read, and its identity is on record."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("receipts", sa.Column("destination", sa.String(), nullable=True))
    op.add_column("receipts", sa.Column("mark", sa.String(32), nullable=True))
    op.add_column(
        "receipts", sa.Column("has_ended", sa.Boolean(), nullable=False, server_default="0")
    )
    # Settings are unknown here: who opens the database names the destination of earlier receipts.
    op.create_table(
        "destinations",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("destination", sa.String(), nullable=False),
        sa.Column("mark", sa.String(32), nullable=True),
        sa.Column("is_placed", sa.Boolean(), nullable=False),
        sa.Column("origin", sa.String(16), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_destinations")),
    )
    op.execute(
        "CREATE TRIGGER destinations_are_not_deleted BEFORE DELETE ON destinations"
        " BEGIN SELECT RAISE(ABORT, 'where nights were archived stays on record'); END"
    )
