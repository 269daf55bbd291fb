"""Pausing and stopping work across processes: one shared byte a flag.

The daemon raises and lowers flags, worker processes look at them between two chunks. A look is one
memory access; nothing is sent and nothing can be missed.
"""

from __future__ import annotations

import mmap
import os
import time
from pathlib import Path

from vampd.disk.atomic import full_disk_told
from vampd.errors import ClaimLost

_DOWN, _UP = 0, 1
_STEP_S = 0.05


class Flag:
    """A flag in a one-byte file that every process which maps it sees at once.

    Picklable: only the path travels. A flag whose file is gone counts as raised, because whoever
    made it is gone too.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._shared: mmap.mmap | None = None

    @classmethod
    def create(cls, path: Path) -> Flag:
        """A lowered flag; one that is already there is lowered. DiskFull."""
        with full_disk_told(path):
            # Never truncated: a process that maps the file would die of SIGBUS.
            file_fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
            try:
                os.pwrite(file_fd, bytes([_DOWN]), 0)
            finally:
                os.close(file_fd)
        return cls(path)

    @property
    def is_up(self) -> bool:
        """Whether the flag is raised."""
        try:
            return self._byte()[0] != _DOWN
        except FileNotFoundError:
            return True

    def put_up(self) -> None:
        """Raise the flag."""
        self._byte()[0] = _UP

    def take_down(self) -> None:
        """Lower the flag."""
        self._byte()[0] = _DOWN

    def __reduce__(self) -> tuple[type[Flag], tuple[Path]]:
        return Flag, (self.path,)

    def _byte(self) -> mmap.mmap:
        if self._shared is None:
            file_fd = os.open(self.path, os.O_RDWR | os.O_CLOEXEC)
            try:
                self._shared = mmap.mmap(file_fd, 1)
            finally:
                os.close(file_fd)
        return self._shared


class SharedPace:
    """A Pace over two flags: one that pauses all work, one that ends this attempt's work."""

    def __init__(self, pause: Flag, stop: Flag) -> None:
        self._pause = pause
        self._stop = stop

    @property
    def paused(self) -> bool:
        """Whether work should stand still now."""
        return self._pause.is_up

    @property
    def stopped(self) -> bool:
        """Whether work should end now."""
        return self._stop.is_up

    def check(self) -> None:
        """Stand still while paused; raise ClaimLost (``stopped``) when stopped."""
        while self.paused and not self.stopped:
            time.sleep(_STEP_S)
        if self.stopped:
            raise ClaimLost("stopped", "the work was asked to end; it is taken up again later")


class SteadyPace:
    """A Pace that never pauses and never stops, for work that nobody supervises."""

    @property
    def paused(self) -> bool:
        """Never."""
        return False

    @property
    def stopped(self) -> bool:
        """Never."""
        return False

    def check(self) -> None:
        """Go on."""
