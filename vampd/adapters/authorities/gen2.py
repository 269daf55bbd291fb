"""Gen2, the observatory's control system, as an authority: through the instrument, or directly.

Through the instrument's process the answer comes as a file that every client takes for its own, and
errors stay with Gen2. The service `frames` answers the caller itself.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from vampd.adapters.authorities.answers import AnswerFolder, AnswerSnapshot
from vampd.adapters.authorities.authority_calls import (
    PYTHON,
    call_printing,
    call_program,
    is_answer,
    printed_answers,
    refuse_stopped,
)
from vampd.adapters.authorities.gen2_client import (
    ASKED,
    ENGINEERING_TYPE,
    EXIT_NO_PACKAGE,
    EXIT_UNANSWERED,
    FRAMES,
    INSTRUMENT,
    LOOK,
    SENT,
)
from vampd.adapters.programs import TICK_S, Ended, ProgramSilent
from vampd.disk.failpoint import failpoint
from vampd.errors import ConfigError, FrameIdConflict, FrameIdsUnavailable
from vampd.log import get_log
from vampd.model.frame_ids import FrameId, NumberRange, named_ids
from vampd.ports import Pace

_log = get_log()

_CLIENT = (*PYTHON, "vampd.adapters.authorities.gen2_client")
# A file that is unchanged for so long, and has as many IDs as were requested, is complete.
_STILL_S = 0.5
# The times of files lag behind the clock by a tick, those of some file systems by two seconds.
_CLOCK_SLACK_NS = 2_000_000_000
# The first may be an accident; each costs as many IDs as were asked for.
_MOST_SILENCES = 2
_LOST = "and its answer was lost"


@dataclass(frozen=True)
class Gen2Authority:
    """A call of the remote object VAMPIRES, answered by a file.

    ``hosts`` are those of Gen2's name service. The answer file belongs to Gen2, by the name
    ``owner`` if that is set. Only what was written since the request, by that owner and with as
    many IDs as were asked for, is its answer. It is removed once its copy is durable: the next
    client, whoever that is, would take it for its own.
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
        """Ask Gen2, which tracks what is used; FrameIdsUnavailable, ClaimLost, FrameIdConflict."""
        del highest_used
        answers = self._answers()
        deadline = time.monotonic() + self.timeout_s
        before = answers.begin()
        asked_ns = time.time_ns() - _CLOCK_SLACK_NS
        argv = [*_CLIENT, INSTRUMENT, _frame_type(self.numbers), str(count), *self.hosts]
        with _counting_silence(answers, count):
            ended = call_program(argv, self.pace, self.timeout_s)
        _refuse_failed(answers, ended, count)
        failpoint("gen2.call.ended")
        answer = self._await(answers, before, count, deadline, asked_ns)
        answers.keep(answer)
        answers.forget_silences()
        return answer.lines

    def _answers(self) -> AnswerFolder:
        return AnswerFolder(self.folder, self.answer, self.owner, is_taken=True)

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
        held = b""
        changed_at = time.monotonic()
        while True:
            refuse_stopped(self.pace)
            now = time.monotonic()
            look = answers.look()
            if look != seen:
                seen, changed_at = look, now
            is_new = is_answer(seen, before) and seen.mtime_ns >= asked_ns
            if is_new and not seen.content.startswith(held):
                self._refuse_contested(answers, held, seen, count)
            held = seen.content if is_new else held
            is_still = now - changed_at >= self.still_s
            if is_new and is_still and len(named_ids(seen.lines)) >= count:
                return seen
            if now >= deadline and (is_still or not is_new):
                break
            time.sleep(min(TICK_S, self.still_s / 4))
        if is_new:
            return seen
        raise _silence(
            answers,
            count,
            f"found nothing new in {self.answer} after {self.timeout_s:g} s",
            "and could not write the file",
        )

    def _refuse_contested(
        self, answers: AnswerFolder, held: bytes, seen: AnswerSnapshot, count: int
    ) -> None:
        """The file held two answers within one call: another client asks at the same time."""
        answers.copy(AnswerSnapshot(held, seen.mtime_ns))
        answers.keep(seen)
        raise FrameIdConflict(
            "gen2_contested",
            f"asked Gen2 for {count} frame IDs, and {self.answer} held two answers one after the"
            " other: another client asks at the same time, and whose they are is unknown. None is"
            f" used, all are on record, and up to {count} that were overwritten may be lost."
            ' See that no one else asks, or set frameids.way = "frames"; then `vampctl retry'
            " NIGHT`",
            path=str(self.answer),
        )


@dataclass(frozen=True)
class Gen2FramesAuthority:
    """A call of Gen2's service `frames`, which answers itself: no file, and no other client."""

    folder: Path
    timeout_s: float
    pace: Pace
    numbers: NumberRange = NumberRange.RAW
    hosts: tuple[str, ...] = ()

    def strays(self) -> Sequence[str]:
        """The answers of all calls, including interrupted ones."""
        return printed_answers(self.folder).lines()

    def grant(self, count: int, highest_used: FrameId | None) -> Sequence[str]:
        """Ask the service; FrameIdsUnavailable, ClaimLost, FrameIdConflict."""
        del highest_used
        answers = printed_answers(self.folder)
        before = answers.begin()
        command = [*_CLIENT, FRAMES, _frame_type(self.numbers), str(count), *self.hosts]
        with _counting_silence(answers, count):
            ended = call_printing(self.folder, command, self.pace, self.timeout_s)
        _refuse_failed(answers, ended, count)
        failpoint("gen2.frames.returned")
        answer = answers.look()
        if not is_answer(answer, before):
            raise FrameIdsUnavailable(
                "gen2_silent",
                f"asked Gen2's service {FRAMES} for {count} frame IDs, and it returned none",
            )
        answers.keep(answer)
        answers.forget_silences()
        return answer.lines


@contextmanager
def _counting_silence(answers: AnswerFolder, count: int) -> Iterator[None]:
    """Count a call that was ended because it did not return, if it had asked already."""
    try:
        yield
    except FrameIdsUnavailable as error:
        hung = error.__cause__
        if not isinstance(hung, ProgramSilent) or ASKED not in hung.stderr.splitlines():
            raise
        requests = max(hung.stderr.splitlines().count(SENT), 1)
        found = f"the call did not return ({hung.message})"
        raise _silence(answers, count, found, _LOST, requests) from error


def _silence(
    answers: AnswerFolder, count: int, found: str, lost: str, requests: int = 1
) -> FrameIdsUnavailable | FrameIdConflict:
    """The error of a call that got no answer: the first may pass, the second holds the night."""
    asked = answers.note_silence(count * requests)
    times = f" {requests} times" if requests > 1 else ""
    found = (
        f"asked Gen2{times} for {count} frame IDs and {found}; check that Gen2 and its object"
        " VAMPIRES are up; a late answer stays unused"
    )
    if len(asked) < _MOST_SILENCES:
        return FrameIdsUnavailable("gen2_silent", found)
    return FrameIdConflict(
        "gen2_silent",
        f"{found}. This was call {len(asked)} without an answer: if Gen2 granted {lost}, up to"
        f" {sum(asked):,} frame IDs are lost, and each further call may lose more. Ask its"
        " operators, then `vampctl retry NIGHT`",
    )


def look_for_gen2(hosts: Sequence[str], pace: Pace, timeout_s: float) -> str | None:
    """Why Gen2 cannot be asked from here, None if its name service knows VAMPIRES; takes no ID."""
    try:
        ended = call_program([*_CLIENT, LOOK, "A", "0", *hosts], pace, timeout_s)
    except FrameIdsUnavailable as error:
        return error.message
    return None if ended.status == 0 else ended.last_words


def answer_of(answer: Path, numbers: NumberRange) -> Path:
    """Where Gen2 writes its answer for numbers of this range, by where it writes raw ones."""
    if numbers is not NumberRange.ENGINEERING:
        return answer
    return answer.with_name(answer.name.replace("VMPA", f"VMP{ENGINEERING_TYPE}"))


def _frame_type(numbers: NumberRange) -> str:
    return ENGINEERING_TYPE if numbers is NumberRange.ENGINEERING else "A"


def _refuse_failed(answers: AnswerFolder, ended: Ended, count: int) -> None:
    """Refuse a call that failed, and count what its unanswered requests may have cost."""
    own = (ASKED, SENT)
    said = ended.stderr.splitlines()
    ended = replace(ended, stderr="\n".join(line for line in said if line not in own))
    if ended.status == EXIT_NO_PACKAGE:
        raise ConfigError("g2base_missing", f'frameids.authority is "gen2": {ended.last_words}')
    requests = said.count(SENT)
    if ended.status == EXIT_UNANSWERED and requests:
        found = f"the connection broke ({ended.last_words})"
        raise _silence(answers, count, found, _LOST, requests)
    if requests > 1:
        # The last one was answered.
        repeats = requests - 1
        _log.warning("grant.repeated", repeats=repeats, ids=repeats * count)
    if ended.status != 0:
        raise FrameIdsUnavailable(
            "gen2_call_failed",
            f"{ended.lead}asked Gen2 for {count} frame IDs: {ended.last_words}; check that Gen2"
            " and its object VAMPIRES are up",
        )
