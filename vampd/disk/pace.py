"""Pausing and stopping work across processes: one shared byte a flag.

The daemon raises and lowers flags, worker processes look at them between two chunks.
"""

from __future__ import annotations

import time
from pathlib import Path

from vampd.disk.shared import SharedBytes
from vampd.errors import ClaimLost

_DOWN, _UP = 0, 1
_STEP_S = 0.05


class Flag(SharedBytes):
    """A flag that every process which maps its file sees at once.

    One whose file is gone counts as raised, because whoever made it is gone too.
    """

    LENGTH = 1

    @property
    def is_raised(self) -> bool:
        """Whether the flag is raised."""
        try:
            return self.shared[0] != _DOWN
        except FileNotFoundError:
            return True

    def raise_(self) -> None:
        """Raise the flag."""
        self.shared[0] = _UP

    def lower(self) -> None:
        """Lower the flag."""
        self.shared[0] = _DOWN


class SharedPace:
    """A Pace over two flags: one that pauses all work, one that ends this attempt's work."""

    def __init__(self, pause: Flag, stop: Flag) -> None:
        self._pause = pause
        self._stop = stop

    @property
    def paused(self) -> bool:
        """Whether work should stand still now."""
        return self._pause.is_raised

    @property
    def stopped(self) -> bool:
        """Whether work should end now."""
        return self._stop.is_raised

    @property
    def folder(self) -> Path:
        """Where its flags lie, and whatever else workers share with the daemon."""
        return self._stop.path.parent

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
