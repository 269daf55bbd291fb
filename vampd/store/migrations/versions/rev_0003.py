"""Progress inside cubes: frames and bytes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("done_frames", "all_frames", "done_bytes", "all_bytes"):
        op.add_column("nights", sa.Column(name, sa.Integer(), nullable=False, server_default="0"))
