"""A command that tells a person, or that feeds a heartbeat: ports.AlarmWay and ports.Heart.

Its argument list is that of the settings, word by word, and no shell is in between. What it is to
say is on its standard input and in its environment, where no text can become an option. What it
writes is dropped, but for the words that say why it failed.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Mapping, Sequence

from vampd.adapters.programs import run_process
from vampd.errors import ClaimLost, TransientError
from vampd.model.alarm import AlarmMessage, AlarmState, environment_of


class TellingCommand:
    """Tells by a command, until ``cut`` is set."""

    def __init__(
        self,
        name: str,
        states: Collection[AlarmState],
        command: Sequence[str],
        within_s: float,
        cut: threading.Event,
    ) -> None:
        self.name = name
        self.states = states
        self._command = command
        self._within_s = within_s
        self._cut = cut

    def tell(self, message: AlarmMessage) -> None:
        text, environment = message.text, environment_of(message)
        run_within(self._command, text, environment, self._within_s, self._cut)


class HeartbeatCommand:
    """Feeds a heartbeat by a command; the signal is in ``VAMPD_SIGNAL``."""

    def __init__(self, command: Sequence[str], within_s: float, cut: threading.Event) -> None:
        self._command = command
        self._within_s = within_s
        self._cut = cut

    def beat(self, signal: str, text: str) -> None:
        run_within(self._command, text, {"VAMPD_SIGNAL": signal}, self._within_s, self._cut)


def run_within(
    command: Sequence[str],
    text: str,
    environment: Mapping[str, str],
    within_s: float,
    cut: threading.Event,
) -> None:
    """Run it to its end; TransientError ``alarm_command`` unless it ends with status 0 in time."""
    try:
        ended = run_process(
            command,
            stdin=text.encode(errors="backslashreplace"),
            pace=_Deadline(within_s, cut),
            silent_after_s=within_s,
            most_bytes=None,
            environment=environment,
        )
    except ClaimLost as error:
        why = "vampd is stopping" if cut.is_set() else f"it took more than {within_s:g} s"
        raise _failed(command, f"it was ended: {why}") from error
    if ended.status:
        raise _failed(command, f"{ended.lead}it ended with {ended.status}: {ended.last_words}")


def _failed(command: Sequence[str], why: str) -> TransientError:
    return TransientError("alarm_command", f"{command[0]} told nobody: {why}", program=command[0])


class _Deadline:
    """A Pace that stops when the time is up, or vampd stops: silence alone is no limit."""

    paused = False

    def __init__(self, within_s: float, cut: threading.Event) -> None:
        self._until = time.monotonic() + within_s
        self._cut = cut

    @property
    def stopped(self) -> bool:
        """Whether the program is to be ended."""
        return self._cut.is_set() or time.monotonic() >= self._until

    def check(self) -> None:
        """ClaimLost (``stopped``) when it is."""
        if self.stopped:
            raise ClaimLost("stopped", "the time for telling is over")
