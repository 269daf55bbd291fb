"""The root of the nights is on record, with its mark."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "roots",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("mark", sa.String(32), nullable=False),
        sa.Column("is_placed", sa.Boolean(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_roots")),
    )
    op.execute(
        "CREATE TRIGGER roots_are_not_deleted BEFORE DELETE ON roots"
        " BEGIN SELECT RAISE(ABORT, 'where nights lay stays on record'); END"
    )
