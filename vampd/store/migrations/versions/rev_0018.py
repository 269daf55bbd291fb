"""How many products sync made of a night: one without any takes no frame IDs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("nights", sa.Column("products", sa.Integer(), nullable=True))
