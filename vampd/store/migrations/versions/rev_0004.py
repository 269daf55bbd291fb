"""A release opens the gate at which a night waits, and no longer all of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.alter_column("nights", "released", new_column_name="released_from_all")
    op.add_column("nights", sa.Column("released", sa.String(), nullable=False, server_default=""))
    # Earlier versions promised that a release lets a night pass every gate.
    op.execute(
        "UPDATE nights SET released = 'card_missing older_nights sync_unexpected'"
        " WHERE released_from_all"
    )
    op.drop_column("nights", "released_from_all")
