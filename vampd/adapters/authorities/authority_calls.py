"""Authorities that are asked through another program: Gen2, and any command that prints IDs.

Both run in a process of their own, which can be ended whatever it hangs in, and both answer through
a file (`answers`), so that an answer survives a vampd that is killed meanwhile.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vampd.adapters.authorities.answers import LONGEST_BYTES, AnswerFolder, AnswerSnapshot
from vampd.adapters.authorities.gen2_client import EXIT_NO_PACKAGE
from vampd.adapters.programs import TICK_S, Ended, run_process
from vampd.disk.failpoint import failpoint
from vampd.disk.reading import open_unlinked
from vampd.errors import ClaimLost, ConfigError, FrameIdsUnavailable, TransientError
from vampd.model.frame_ids import FrameId, NumberRange, named_ids
from vampd.ports import Pace

# -P: no module is found in the current folder, which may be a camera's.
_PYTHON = (sys.executable, "-P", "-m")
_CLIENT = "vampd.adapters.authorities.gen2_client"
_PRINTER = "vampd.adapters.programs.print_to_file"
_PRINTED = "printed"
# A file that is unchanged for so long, and has as many IDs as were requested, is complete.
_STILL_S = 0.5
# The times of files lag behind the clock by a tick, those of some file systems by two seconds.
_CLOCK_SLACK_NS = 2_000_000_000


@dataclass(frozen=True)
class Gen2Authority:
    """The observatory's control system: a call of the remote object VAMPIRES, answered by a file.

    ``hosts`` are those of Gen2's name service, () for the package's own choice. The answer file
    belongs to Gen2, by the name ``owner`` if that is set: it is read, and neither removed nor
    changed. Only what was written since the request is its answer.
    """

    folder: Path
    answer: Path
    timeout_s: float
    pace: Pace
    numbers: NumberRange = NumberRange.RAW
    hosts: tuple[str, ...] = ()
    still_s: float = _STILL_S
    owner: str | None = None

    def strays(self) -> Sequence[str]:
        """The answers of all calls, including interrupted ones."""
        return self._answers().lines()

    def grant(self, count: int, highest_used: FrameId | None) -> Sequence[str]:
        """Ask Gen2, which tracks what is used; FrameIdsUnavailable, ClaimLost."""
        del highest_used
        answers = self._answers()
        deadline = time.monotonic() + self.timeout_s
        before = answers.begin()
        asked_ns = time.time_ns() - _CLOCK_SLACK_NS
        argv = [*_PYTHON, _CLIENT, str(count), *self.hosts]
        ended = _call(argv, self.pace, self.timeout_s)
        if ended.status == EXIT_NO_PACKAGE:
            raise ConfigError("g2base_missing", f'frameids.authority is "gen2": {ended.last_words}')
        if ended.status != 0:
            raise FrameIdsUnavailable(
                "gen2_call_failed",
                f"{ended.lead}asked Gen2 for {count} frame IDs: {ended.last_words}; check that Gen2"
                " and its object VAMPIRES are up",
            )
        failpoint("gen2.call.ended")
        answer = self._await(answers, before, count, deadline, asked_ns)
        answers.keep(answer)
        return answer.lines

    def _answers(self) -> AnswerFolder:
        return AnswerFolder(self.folder, self.answer, self.owner)

    def _await(
        self,
        answers: AnswerFolder,
        before: AnswerSnapshot,
        count: int,
        deadline: float,
        asked_ns: int,
    ) -> AnswerSnapshot:
        """The answer once it is whole, or what there is of it at the timeout."""
        seen = before
        changed_at = time.monotonic()
        while True:
            _refuse_stopped(self.pace)
            now = time.monotonic()
            look = answers.look()
            if look != seen:
                seen, changed_at = look, now
            is_new = _is_answer(seen, before) and seen.mtime_ns >= asked_ns
            is_still = now - changed_at >= self.still_s
            if is_new and is_still and len(named_ids(seen.lines)) >= count:
                return seen
            if now >= deadline and (is_still or not is_new):
                break
            time.sleep(min(TICK_S, self.still_s / 4))
        if is_new:
            return seen
        raise FrameIdsUnavailable(
            "gen2_silent",
            f"asked Gen2 for {count} frame IDs and found nothing new in {self.answer} after"
            f" {self.timeout_s:g} s; check that Gen2 and its object VAMPIRES are up; a late answer"
            " stays unused",
            path=str(self.answer),
        )


def look_for_gen2(hosts: Sequence[str], pace: Pace, timeout_s: float) -> str | None:
    """Why Gen2 cannot be asked from here, None if its remote objects start; asks for nothing."""
    try:
        ended = _call([*_PYTHON, _CLIENT, "0", *hosts], pace, timeout_s)
    except FrameIdsUnavailable as error:
        return error.message
    return None if ended.status == 0 else ended.last_words


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
        printed = self.folder / _PRINTED
        argv = [*_PYTHON, _PRINTER, str(printed), *self.command, str(count)]
        pace = _Bounded(self.pace, printed)
        try:
            ended = _call(argv, pace, self.timeout_s)
        finally:
            pace.refuse_excess(self.command[0])
        if ended.status != 0:
            raise FrameIdsUnavailable(
                "command_failed",
                f"{ended.lead}{self.command[0]} was to grant {count} frame IDs and ended with"
                f" {ended.status}: {ended.last_words}; none is used, whatever it has printed",
                program=self.command[0],
            )
        failpoint("command.call.ended")
        answer = answers.look()
        if not _is_answer(answer, before):
            raise FrameIdsUnavailable(
                "command_silent",
                f"{self.command[0]} was to grant {count} frame IDs and printed nothing",
                program=self.command[0],
            )
        answers.keep(answer)
        return answer.lines

    def _answers(self) -> AnswerFolder:
        return AnswerFolder(self.folder, self.folder / _PRINTED)


def _is_answer(look: AnswerSnapshot, before: AnswerSnapshot) -> bool:
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
        _refuse_stopped(self.pace)


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


def _refuse_stopped(pace: Pace) -> None:
    if pace.stopped:
        raise ClaimLost("stopped", "the request for frame IDs was ended: the work is stopping")


def _call(argv: Sequence[str], pace: Pace, timeout_s: float) -> Ended:
    try:
        # Neither reads nor writes: its silence is its whole duration.
        return run_process(argv, pace=_Unpaused(pace), silent_after_s=timeout_s)
    except TransientError as error:
        raise FrameIdsUnavailable(
            error.code, f"no frame IDs were granted: {error.message}"
        ) from error
