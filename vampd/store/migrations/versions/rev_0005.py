"""A note is a code and its text, so that nothing has to search a sentence."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# The notes written by earlier versions, as GLOB patterns.
_CODES = {
    "older than watch.ignore_before*": "night_ignored",
    "cannot be looked at*": "night_unreadable",
    "no raw cubes yet": "no_cubes",
    "starts at * UT of its date": "before_hour",
    "waits until nobody writes*": "still_written",
    "waits for * incomplete cubes": "incomplete_cubes",
    "waits for frame IDs*": "no_authority",
    "waits for the older night*": "older_night",
}


def upgrade() -> None:
    op.add_column("nights", sa.Column("note_code", sa.String(), nullable=True))
    for pattern, code in _CODES.items():
        op.execute(
            sa.text("UPDATE nights SET note_code = :code WHERE note GLOB :pattern").bindparams(
                code=code, pattern=pattern
            )
        )
