"""What became of each night's frames at sync.

Of finished nights they are filled in at the next deep scan, from the generations: these may lie on
a disk that is away now.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("nights", sa.Column("sync_sums", sa.String(), nullable=True))
