"""Progress in cubes and files, and how fast it goes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("done_files", "all_files", "bytes_per_s"):
        op.add_column("nights", sa.Column(name, sa.Integer(), server_default="0", nullable=False))
    op.add_column("nights", sa.Column("progressed_at", sa.Float(), nullable=True))
