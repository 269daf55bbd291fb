"""Whether a folder on this machine answers: behind a network mount it may never.

A call that hangs in the kernel cannot be ended, so a thread makes it, which may be left behind; as
long as it hangs, nobody begins another one.
"""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

from vampd.errors import RemoteUnavailable, no_threads


class _Look(threading.Thread):
    """Examines a folder once; it keeps no process alive."""

    def __init__(self, folder: Path) -> None:
        super().__init__(name="answering", daemon=True)
        self._folder = folder
        self.status: os.stat_result | None = None
        self.error: OSError | None = None
        self.began_at = time.monotonic()

    def run(self) -> None:
        """Examine it."""
        try:
            self.status = os.stat(self._folder)
        except OSError as error:
            self.error = error


_looks: dict[Path, _Look] = {}
_looking = threading.Lock()


def stat_answering(folder: Path, within_s: float) -> os.stat_result:
    """As os.stat; RemoteUnavailable ``archive_slow`` if there is no answer within so many seconds.

    TransientError ``no_threads``.
    """
    with _looking:
        look = _looks.get(folder)
        if look is None or not look.is_alive():
            look = _looks[folder] = _Look(folder)
            try:
                look.start()
            except RuntimeError as error:
                del _looks[folder]
                raise no_threads("looking at a folder", error) from error
    # Whoever asks while it hangs waits no longer than the first one.
    look.join(max(0.0, look.began_at + within_s - time.monotonic()))
    if look.error is not None:
        raise look.error
    if look.status is None:
        raise RemoteUnavailable(
            "archive_slow",
            f"what lies at {folder} has not answered for {within_s:g} s: a dead mount, or a file"
            " server that is away? Look at it (findmnt, dmesg)",
            target=str(folder),
        )
    return look.status
