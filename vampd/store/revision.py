"""What tells our database, and which version of it, without anything that is slow to import."""

from __future__ import annotations

# Revisions are numbers of four digits, so that text order tells older from newer.
REVISION = "0009"

# "VAMP": tells vampd's databases from those of any other application.
APPLICATION_ID = 0x56414D50
