"""Where each night's frames went.

Of finished nights it is filled in at the next deep scan, from the generations: these may lie on a
disk that is away now.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("nights", sa.Column("frame_flow", sa.String(), nullable=True))
