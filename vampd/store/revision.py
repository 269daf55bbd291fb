"""What identifies our database, and its version, without anything that is slow to import."""

from __future__ import annotations

# Revisions are numbers of four digits, so that text order is their order.
REVISION = "0033"

# "VAMP": distinguishes vampd's databases from those of any other application.
APPLICATION_ID = 0x56414D50
