"""What was found of the archive copies of nights of the old tools."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("adopted_nights", sa.Column("copy", sa.String(), nullable=True))
