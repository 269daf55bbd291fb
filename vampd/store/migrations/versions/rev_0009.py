"""Nights know how many of their raw cubes were removed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("removed_cubes", "purged_cubes", "kept_cubes"):
        op.add_column("nights", sa.Column(name, sa.Integer(), nullable=False, server_default="0"))
