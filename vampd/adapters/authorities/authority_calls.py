"""Any command that prints IDs as an authority, and how programs are called that grant them.

They run in a process of their own, which can be ended whatever it hangs in, and answer through a
file (`answers`), so that an answer survives a vampd that is killed meanwhile.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vampd.adapters.authorities.answers import LONGEST_BYTES, AnswerFolder, AnswerSnapshot
from vampd.adapters.programs import Ended, run_process
from vampd.disk.failpoint import failpoint
from vampd.disk.reading import open_unlinked
from vampd.errors import ClaimLost, FrameIdsUnavailable, TransientError
from vampd.model.frame_ids import FrameId, NumberRange
from vampd.ports import Pace

# -P: no module is found in the current folder, which may be a camera's.
PYTHON = (sys.executable, "-P", "-m")
_PRINTER = "vampd.adapters.programs.print_to_file"
_PRINTED = "printed"


@dataclass(frozen=True)
class CommandAuthority:
    """Any program: it gets the number of IDs as its last argument and prints them, one per line."""

    folder: Path
    command: tuple[str, ...]
    timeout_s: float
    pace: Pace
    numbers: NumberRange = NumberRange.RAW

    def strays(self) -> Sequence[str]:
        """What all calls have printed, including interrupted ones."""
        return self._answers().lines()

    def grant(self, count: int, highest_used: FrameId | None) -> Sequence[str]:
        """Run the program; FrameIdsUnavailable, ClaimLost."""
        del highest_used
        answers = self._answers()
        before = answers.begin()
        ended = call_printing(self.folder, [*self.command, str(count)], self.pace, self.timeout_s)
        if ended.status != 0:
            raise FrameIdsUnavailable(
                "command_failed",
                f"{ended.lead}{self.command[0]} was to grant {count} frame IDs and ended with"
                f" {ended.status}: {ended.last_words}; none is used, whatever it has printed",
                program=self.command[0],
            )
        failpoint("command.call.ended")
        answer = answers.look()
        if not is_answer(answer, before):
            raise FrameIdsUnavailable(
                "command_silent",
                f"{self.command[0]} was to grant {count} frame IDs and printed nothing",
                program=self.command[0],
            )
        answers.keep(answer)
        return answer.lines

    def _answers(self) -> AnswerFolder:
        return printed_answers(self.folder)


def printed_answers(folder: Path) -> AnswerFolder:
    """The answers that programs print, kept in this folder."""
    return AnswerFolder(folder, folder / _PRINTED)


def call_printing(folder: Path, command: Sequence[str], pace: Pace, timeout_s: float) -> Ended:
    """Run a program that prints its answer into the file of `printed_answers`.

    FrameIdsUnavailable, also for one that prints more than any answer has; ClaimLost.
    """
    printed = folder / _PRINTED
    bounded = _Bounded(pace, printed)
    try:
        argv = [*PYTHON, _PRINTER, str(printed), *command]
        return call_program(argv, bounded, timeout_s)
    finally:
        bounded.refuse_excess(command[0])


def is_answer(look: AnswerSnapshot, before: AnswerSnapshot) -> bool:
    """Whether this is another content than before."""
    return bool(look.content) and look.content != before.content


@dataclass(frozen=True)
class _Unpaused:
    """The pace of a call: writing cameras are no reason to keep Gen2 waiting."""

    pace: Pace
    paused: bool = False

    @property
    def stopped(self) -> bool:
        return self.pace.stopped

    def check(self) -> None:
        refuse_stopped(self.pace)


@dataclass(frozen=True)
class _Bounded:
    """The pace of a program that is ended once it has printed more than any answer has."""

    pace: Pace
    printed: Path

    @property
    def paused(self) -> bool:
        return self.pace.paused

    @property
    def stopped(self) -> bool:
        return self.pace.stopped or self._is_excessive()

    def check(self) -> None:
        self.pace.check()

    def refuse_excess(self, program: str) -> None:
        """FrameIdsUnavailable if it printed too much; the disk gets back what is beyond."""
        if not self._is_excessive():
            return
        printed_fd = open_unlinked(self.printed, os.O_WRONLY)
        try:
            os.ftruncate(printed_fd, LONGEST_BYTES)
        finally:
            os.close(printed_fd)
        raise FrameIdsUnavailable(
            "output_too_long",
            f"{program} was to grant frame IDs and printed more than {LONGEST_BYTES:,} bytes; none"
            " is used, whatever it has printed",
            program=program,
        )

    def _is_excessive(self) -> bool:
        try:
            return self.printed.lstat().st_size > LONGEST_BYTES
        except OSError:
            return False


def refuse_stopped(pace: Pace) -> None:
    """ClaimLost (``stopped``) once the work is to end."""
    if pace.stopped:
        raise ClaimLost("stopped", "the request for frame IDs was ended: the work is stopping")


def call_program(argv: Sequence[str], pace: Pace, timeout_s: float) -> Ended:
    """Run a program to its end, whether cameras write or not. FrameIdsUnavailable, ClaimLost."""
    try:
        # Neither reads nor writes: its silence is its whole duration.
        return run_process(argv, pace=_Unpaused(pace), silent_after_s=timeout_s)
    except TransientError as error:
        raise FrameIdsUnavailable(
            error.code, f"no frame IDs were granted: {error.message}"
        ) from error
