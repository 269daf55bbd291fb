"""Where each night's frames went; samples of disks and rates; what attempts came to.

The flow of frames of finished nights is filled in at the next deep scan, from the generations:
these may lie on a disk that is away now. Of earlier attempts only times and outcomes are known.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

_ENDS = "('advanced', 'failed', 'held', 'retried', 'interrupted', 'abandoned', 'reopened')"
_MOST = 50_000


def upgrade() -> None:
    op.add_column("nights", sa.Column("frame_flow", sa.String(), nullable=True))
    op.create_table(
        "samples",
        sa.Column("what", sa.String(16), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("value", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("what", "at", name="pk_samples"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "attempt_sums",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("night_id", sa.Integer(), nullable=False),
        sa.Column("stage", sa.String(16), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("began_at", sa.Float(), nullable=False),
        sa.Column("ended_at", sa.Float(), nullable=False),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("code", sa.String(), nullable=True),
        sa.Column("files", sa.Integer(), nullable=True),
        sa.Column("frames", sa.Integer(), nullable=True),
        sa.Column("bytes", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["night_id"], ["nights.id"], name="fk_attempt_sums_night_id_nights"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_attempt_sums"),
    )
    op.create_index("ix_attempt_sums_stage", "attempt_sums", ["stage"])
    # What follows a claim and ends it, in the order of the ends; an unended claim has no sum.
    op.execute(
        "INSERT INTO attempt_sums"
        " (night_id, stage, attempt, began_at, ended_at, outcome, code)"
        " SELECT night_id, stage, attempt, at, ended_at, outcome, code FROM"
        " (SELECT night_id, stage,"
        " attempt, at, event, lead(at) OVER own AS ended_at, lead(event) OVER own AS outcome,"
        " lead(code) OVER own AS code, lead(id) OVER own AS ended FROM events"
        f" WHERE event = 'claimed' OR event IN {_ENDS}"
        " WINDOW own AS (PARTITION BY night_id ORDER BY id))"
        f" WHERE event = 'claimed' AND outcome IN {_ENDS} ORDER BY ended DESC LIMIT {_MOST}"
    )
