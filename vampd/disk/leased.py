"""The lease on the root: replaced by the daemon, and read anew by each process that works for it.

No descriptor stays open: opening is what asks a file server for what another host has written.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path

from vampd.disk.reading import open_foreign
from vampd.errors import ClaimLost, DataError
from vampd.model.lease import (
    LEASE_EVERY_S,
    LONGEST_LEASE_BYTES,
    Lease,
    Observed,
    Term,
    Verdict,
    format_lease,
    judge,
    observe,
    parse_lease,
)

_STEP_S = 0.1


def place_small_file(path: Path, content: bytes) -> None:
    """Put a small file whole in the place of the last one, whose only writer this is. OSError.

    Not fsynced: what it says counts for seconds.
    """
    temporary = path.with_name(f".{path.name}.new")
    with suppress(FileNotFoundError):
        temporary.unlink()
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(temporary, flags, 0o644), "wb") as file:
        file.write(content)
    temporary.rename(path)


def read_small_file(path: Path, longest_bytes: int) -> tuple[bytes, float] | None:
    """What such a file holds now, and since when; None if it cannot be read, or is longer.

    The time, in Unix seconds, is that of the file server.
    """
    try:
        with open_foreign(path) as file:
            content = file.read(longest_bytes + 1)
            since = os.fstat(file.fileno()).st_mtime
    except (OSError, DataError):
        return None
    return (content, since) if len(content) <= longest_bytes else None


def write_lease(path: Path, lease: Lease) -> None:
    """Replace the lease. OSError."""
    place_small_file(path, format_lease(lease))


def read_lease(path: Path) -> Lease | None:
    """The lease as it is now, None if it cannot be read."""
    found = read_small_file(path, LONGEST_LEASE_BYTES)
    return None if found is None else parse_lease(found[0])


def _seconds_since_boot() -> float:
    # Also those for which the machine slept.
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class LeasePace:
    """A Pace by the lease: each process that has one looks for itself, about once a second.

    Picklable, so that it reaches the process that names a product: one that was frozen looks
    before it goes on, whatever the time was that it slept through.
    """

    def __init__(self, path: Path, term: Term) -> None:
        self._path, self._term = path, term
        self._observed: Observed | None = None
        self._looked_at = 0.0
        self._verdict = Verdict.GO

    def __reduce__(self) -> tuple[type[LeasePace], tuple[Path, Term]]:
        return LeasePace, (self._path, self._term)

    @property
    def paused(self) -> bool:
        """Whether work should pause now."""
        return self._look() is Verdict.PAUSE

    @property
    def stopped(self) -> bool:
        """Whether work should stop now, for good."""
        return self._look() is Verdict.STOP

    def check(self) -> None:
        """Block while paused; raise ClaimLost (``stopped``) when stopped."""
        while (verdict := self._look()) is Verdict.PAUSE:
            time.sleep(_STEP_S)
        if verdict is Verdict.STOP:
            raise ClaimLost("stopped", "the daemon wants this no more, or is gone")

    def _look(self) -> Verdict:
        now = _seconds_since_boot()
        if self._verdict is Verdict.STOP:
            return self._verdict
        if self._observed is None or now - self._looked_at >= LEASE_EVERY_S:
            # What was read may be as old as the look, and the verdict is no younger.
            lease = read_lease(self._path)
            self._observed = observe(self._observed or Observed(None, now), lease, now)
            self._verdict = judge(self._term, self._observed, lease, now)
            self._looked_at = now
        return self._verdict
