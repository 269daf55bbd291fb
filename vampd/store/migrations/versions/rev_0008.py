"""IDs that a restore left without a product are shown until a person has acknowledged them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "acknowledged_lost_ids",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_acknowledged_lost_ids"),
    )
    for done, statement in (("deleted", "DELETE"), ("changed", "UPDATE")):
        op.execute(
            f"""
            CREATE TRIGGER acknowledged_lost_ids_are_not_{done}
            BEFORE {statement} ON acknowledged_lost_ids
            BEGIN SELECT RAISE(ABORT, 'what was acknowledged stays on record'); END
            """
        )
