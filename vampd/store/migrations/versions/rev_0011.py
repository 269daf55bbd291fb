"""What a night cannot read, what a person let go, and sync's verdict stand beside it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("refused", "let_go"):
        op.add_column("nights", sa.Column(name, sa.String(), nullable=False, server_default="[]"))
    op.add_column(
        "nights", sa.Column("needs_person", sa.Boolean(), nullable=False, server_default="0")
    )
    op.add_column("nights", sa.Column("verdict", sa.String(), nullable=True))
