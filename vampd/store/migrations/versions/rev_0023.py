"""Which manifests lie in a night's folder, by name and digest, and not only how many."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("nights", sa.Column("manifest_sums", sa.String(), nullable=True))
