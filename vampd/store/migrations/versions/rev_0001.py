"""Nights, events, receipts, the frame-ID ledger.

Migrations only go forward: an older vampd refuses a newer database and says so.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_TRIGGERS = (
    """
    CREATE TRIGGER events_are_not_changed BEFORE UPDATE ON events
    BEGIN SELECT RAISE(ABORT, 'events are append-only'); END
    """,
    """
    CREATE TRIGGER events_are_not_deleted BEFORE DELETE ON events
    BEGIN SELECT RAISE(ABORT, 'events are append-only'); END
    """,
    """
    CREATE TRIGGER frame_ids_are_not_deleted BEFORE DELETE ON frame_ids
    BEGIN SELECT RAISE(ABORT, 'frame IDs are never deleted'); END
    """,
    """
    CREATE TRIGGER frame_ids_stay_bound
    BEFORE UPDATE OF number, request_id, date, kind, identity ON frame_ids
    WHEN OLD.number IS NOT NEW.number OR OLD.request_id IS NOT NEW.request_id
        OR OLD.date IS NOT NEW.date OR OLD.kind IS NOT NEW.kind
        OR (OLD.identity IS NOT NULL AND OLD.identity IS NOT NEW.identity)
    BEGIN SELECT RAISE(ABORT, 'a frame ID is bound once'); END
    """,
)


def upgrade() -> None:
    op.create_table(
        "nights",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("date", sa.String(8), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("stage", sa.String(16), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("not_before", sa.Float(), nullable=True),
        sa.Column("claim", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(), nullable=True),
        sa.Column("error", sa.String(), nullable=True),
        sa.Column("note", sa.String(), nullable=True),
        sa.Column("released", sa.Boolean(), nullable=False),
        sa.Column("frames", sa.Integer(), nullable=False),
        sa.Column("bytes", sa.Integer(), nullable=False),
        sa.Column("done_actions", sa.Integer(), nullable=False),
        sa.Column("all_actions", sa.Integer(), nullable=False),
        sa.Column("signature", sa.String(), nullable=True),
        sa.Column("discovered_at", sa.Float(), nullable=False),
        sa.Column("changed_at", sa.Float(), nullable=False),
        sa.Column("processed_at", sa.Float(), nullable=True),
        sa.Column("transferred_at", sa.Float(), nullable=True),
        sa.Column("safe_at", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_nights"),
        sa.UniqueConstraint("date", "kind", name="uq_nights_date_kind"),
    )
    op.create_table(
        "events",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("night_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("event", sa.String(16), nullable=False),
        sa.Column("stage", sa.String(16), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("to_stage", sa.String(16), nullable=True),
        sa.Column("not_before", sa.Float(), nullable=True),
        sa.Column("code", sa.String(), nullable=True),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("message", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_events"),
        sa.ForeignKeyConstraint(["night_id"], ["nights.id"], name="fk_events_night_id"),
    )
    op.create_index("ix_events_night_id", "events", ["night_id"])
    op.create_table(
        "receipts",
        sa.Column("night_id", sa.Integer(), nullable=False),
        sa.Column("place", sa.String(16), nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("mtime_ns", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("night_id", "place", "path", name="pk_receipts"),
        sa.ForeignKeyConstraint(["night_id"], ["nights.id"], name="fk_receipts_night_id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "frame_id_requests",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("date", sa.String(8), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("wanted", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.Column("refused", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_frame_id_requests"),
    )
    op.create_index("ix_frame_id_requests_date_kind", "frame_id_requests", ["date", "kind"])
    op.create_table(
        "frame_ids",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("request_id", sa.Integer(), nullable=False),
        sa.Column("date", sa.String(8), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("identity", sa.String(), nullable=True),
        sa.Column("applied", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_frame_ids"),
        sa.ForeignKeyConstraint(
            ["request_id"], ["frame_id_requests.id"], name="fk_frame_ids_request_id"
        ),
        sa.UniqueConstraint("identity", "date", "kind", name="uq_frame_ids_identity_date_kind"),
        sa.CheckConstraint(
            "identity IS NOT NULL OR NOT applied", name="ck_frame_ids_applied_is_bound"
        ),
    )
    op.create_index("ix_frame_ids_request_id", "frame_ids", ["request_id"])
    op.create_index("ix_frame_ids_date_kind", "frame_ids", ["date", "kind"])
    for trigger in _TRIGGERS:
        op.execute(trigger)
