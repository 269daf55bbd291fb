"""Pausing and stopping work across processes: one shared byte per flag.

The daemon raises and lowers flags, worker processes check them between chunks.
"""

from __future__ import annotations

import time
from pathlib import Path

from vampd.disk.shared import SharedBytes
from vampd.errors import ClaimLost

_DOWN, _UP = 0, 1
# A pause lasts for seconds at least: whoever waits looks less and less often.
_FIRST_STEP_S = 0.05
PAUSED_LOOK_S = 2.0
"""How often is looked for what does not change while cameras write, s.

Each look costs a core a millisecond there, when the cameras' data have taken its cache.
"""


class Flag(SharedBytes):
    """A flag that every process which maps its file sees at once.

    If its file is gone it counts as raised, because its creator is gone too.
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
    """A Pace over two flags: one pauses all work, one stops this attempt's work."""

    def __init__(self, pause: Flag, stop: Flag) -> None:
        self._pause = pause
        self._stop = stop

    @property
    def paused(self) -> bool:
        """Whether work should pause now."""
        return self._pause.is_raised

    @property
    def stopped(self) -> bool:
        """Whether work should stop now."""
        return self._stop.is_raised

    @property
    def folder(self) -> Path:
        """The folder of its flags, and of whatever else workers share with the daemon."""
        return self._stop.path.parent

    def check(self) -> None:
        """Block while paused; raise ClaimLost (``stopped``) when stopped."""
        step_s = _FIRST_STEP_S
        while self.paused and not self.stopped:
            time.sleep(step_s)
            step_s = min(2 * step_s, PAUSED_LOOK_S)
        if self.stopped:
            raise ClaimLost("stopped", "stopping was requested; the work resumes later")


class SteadyPace:
    """A Pace that never pauses and never stops, for unsupervised work."""

    @property
    def paused(self) -> bool:
        """Never."""
        return False

    @property
    def stopped(self) -> bool:
        """Never."""
        return False

    def check(self) -> None:
        """Return at once."""
