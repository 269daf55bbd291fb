"""What a file was when it was proven, once for good: packing receipts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_TRIGGERS = (
    """
    CREATE TRIGGER packing_receipts_end_once BEFORE UPDATE ON packing_receipts
    WHEN OLD.ended_at IS NOT NULL OR NEW.ended_at IS NULL OR NEW.ended_by IS NULL
        OR OLD.id IS NOT NEW.id OR OLD.night_id IS NOT NEW.night_id OR OLD.path IS NOT NEW.path
        OR OLD.size IS NOT NEW.size OR OLD.sha256 IS NOT NEW.sha256
        OR OLD.identity IS NOT NEW.identity OR OLD.form IS NOT NEW.form OR OLD.at IS NOT NEW.at
    BEGIN SELECT RAISE(ABORT, 'a packing receipt is written once, and ends once'); END
    """,
    """
    CREATE TRIGGER packing_receipts_are_not_deleted BEFORE DELETE ON packing_receipts
    BEGIN SELECT RAISE(ABORT, 'packing receipts stay on record'); END
    """,
)


def upgrade() -> None:
    op.create_table(
        "packing_receipts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("night_id", sa.Integer(), nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("identity", sa.String(64), nullable=True),
        sa.Column("form", sa.Integer(), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("ended_at", sa.Float(), nullable=True),
        sa.Column("ended_by", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_packing_receipts"),
        sa.ForeignKeyConstraint(["night_id"], ["nights.id"], name="fk_packing_receipts_night_id"),
    )
    op.create_index("ix_packing_receipts_night_id", "packing_receipts", ["night_id"])
    op.create_index(
        "uq_packing_receipts_live",
        "packing_receipts",
        ["night_id", "path"],
        unique=True,
        sqlite_where=sa.text("ended_at IS NULL"),
    )
    for trigger in _TRIGGERS:
        op.execute(trigger)
