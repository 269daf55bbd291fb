"""What was mailed, what STARS has ingested; MD5 beside SHA-256, the number of manifests."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_TRIGGERS = (
    """
    CREATE TRIGGER mailings_are_concluded_once BEFORE UPDATE ON mailings
    WHEN OLD.outcome IS NOT 'pending' OR OLD.id IS NOT NEW.id
        OR OLD.message_id IS NOT NEW.message_id OR OLD.recipients IS NOT NEW.recipients
        OR OLD.way IS NOT NEW.way OR OLD.actor IS NOT NEW.actor OR OLD.at IS NOT NEW.at
    BEGIN SELECT RAISE(ABORT, 'a mailing is concluded once'); END
    """,
    *(
        f"""
        CREATE TRIGGER {table}_are_not_{done} BEFORE {statement} ON {table}
        BEGIN SELECT RAISE(ABORT, 'what was mailed stays on record'); END
        """
        for table, done, statement in (
            ("mailings", "deleted", "DELETE"),
            ("mailed_manifests", "deleted", "DELETE"),
            ("mailed_manifests", "changed", "UPDATE"),
            ("acknowledged_manifests", "deleted", "DELETE"),
            ("acknowledged_manifests", "changed", "UPDATE"),
        )
    ),
)


def upgrade() -> None:
    op.add_column("nights", sa.Column("manifests", sa.Integer(), nullable=True))
    op.add_column("receipts", sa.Column("md5", sa.String(32), nullable=True))
    op.create_table(
        "mailings",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("recipients", sa.String(), nullable=False),
        sa.Column("way", sa.String(16), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("concluded_at", sa.Float(), nullable=True),
        sa.Column("detail", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_mailings"),
        sa.UniqueConstraint("message_id", name="uq_mailings_message_id"),
    )
    op.create_table(
        "mailed_manifests",
        sa.Column("mailing_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("date", sa.String(8), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("mailing_id", "name", "date", "kind", name="pk_mailed_manifests"),
        sa.ForeignKeyConstraint(
            ["mailing_id"], ["mailings.id"], name="fk_mailed_manifests_mailing_id"
        ),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_mailed_manifests_date_kind", "mailed_manifests", ["date", "kind"])
    op.create_table(
        "acknowledged_manifests",
        sa.Column("date", sa.String(8), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("date", "kind", "name", "sha256", name="pk_acknowledged_manifests"),
        sqlite_with_rowid=False,
    )
    for trigger in _TRIGGERS:
        op.execute(trigger)
