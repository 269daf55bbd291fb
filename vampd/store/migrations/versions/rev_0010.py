"""Raw cubes may be removed: nights know how many were, and what was purged stays on record."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_IDENTITY = ("night_id", "path", "size", "mtime_ns", "sha256")


def upgrade() -> None:
    for name in ("removed_cubes", "purged_cubes", "kept_cubes"):
        op.add_column("nights", sa.Column(name, sa.Integer(), nullable=False, server_default="0"))
    op.add_column("nights", sa.Column("purge_after", sa.Float(), nullable=True))
    op.create_table(
        "purged_files",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("night_id", sa.Integer(), nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("mtime_ns", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("kept_in", sa.String(), nullable=False),
        sa.Column("destination", sa.String(), nullable=False),
        sa.Column("mark", sa.String(32), nullable=True),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["night_id"], ["nights.id"], name="fk_purged_files_night_id"),
        sa.PrimaryKeyConstraint("id", name="pk_purged_files"),
        sa.UniqueConstraint(*_IDENTITY, name=f"uq_purged_files_{'_'.join(_IDENTITY)}"),
    )
    for done, statement in (("deleted", "DELETE"), ("changed", "UPDATE")):
        op.execute(
            f"""
            CREATE TRIGGER purged_files_are_not_{done}
            BEFORE {statement} ON purged_files
            BEGIN SELECT RAISE(ABORT, 'what was purged stays on record'); END
            """
        )
