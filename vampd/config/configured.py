"""Reading what a person wrote for vampd, within a limit: a device or a log named by mistake."""

from __future__ import annotations

import errno
import hashlib
from pathlib import Path

# The dictionary of the instrument has 100 kB.
MOST_BYTES = 1 << 24


def read_configured(path: Path) -> str:
    """The text of a file that the settings name; OSError (EFBIG) beyond the limit."""
    with path.open("rb") as file:
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        found = f"more than {MOST_BYTES:,} bytes, which no file of its kind has"
        raise OSError(errno.EFBIG, found, str(path))
    return content.decode("utf-8")


def digest_of(text: str) -> str:
    """The SHA-256 of what `read_configured` read."""
    return hashlib.sha256(text.encode()).hexdigest()
