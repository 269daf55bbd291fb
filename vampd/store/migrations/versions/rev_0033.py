"""A number in each night's row that is higher the later vampd wrote it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("nights", sa.Column("change", sa.Integer(), server_default="0", nullable=False))
    op.create_index("ix_nights_change", "nights", ["change"])
