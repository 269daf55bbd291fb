"""Nights of the old tools that a person has taken on."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "nights",
        sa.Column("is_continued", sa.Boolean(), server_default=sa.text("0"), nullable=False),
    )
