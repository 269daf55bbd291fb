"""What the alarm told whom."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "told_alarms",
        *(
            sa.Column(name, sa.String(), primary_key=True, nullable=False)
            for name in ("way", "state", "subject", "code")
        ),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("over_at", sa.Float(), nullable=True),
        sqlite_with_rowid=False,
    )
