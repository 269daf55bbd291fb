"""What became of requests, so that each is acted on once."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "answers",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("uid", sa.Integer(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("message", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=True),
        sa.Column("verb", sa.String(16), nullable=True),
        sa.Column("date", sa.String(8), nullable=True),
        sa.Column("kind", sa.String(16), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_answers"),
    )
