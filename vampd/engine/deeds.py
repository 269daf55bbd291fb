"""What members ask for and takes long: the owner's own command, one at a time, beside the daemon.

The command asks nothing: its questions are answered in the request. What it prints is the answer.
"""

from __future__ import annotations

import contextvars
import math
import sys
import threading
import time
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from vampd.adapters.programs import run_process
from vampd.disk.failpoint import failpoint
from vampd.errors import ClaimLost, VampdError
from vampd.log import get_log
from vampd.model.deed import ASKED_BY, deed_words
from vampd.model.nights import NightId
from vampd.model.request import Answer, Outcome, Request
from vampd.ports import Answers

_PROGRAM = "from vampd.cli.main import main; main()"
_LONGEST_MESSAGE = 4000
_log = get_log()


class Deeds:
    """Carries out one deed at a time; ``configuration`` is the daemon's, None for the default."""

    def __init__(
        self,
        answers: Answers,
        configuration: Path | None,
        wake: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._answers = answers
        self._configuration = configuration
        self._wake = wake
        self._clock = clock
        self._pace = _DeedPace()
        self._thread: threading.Thread | None = None
        self._night: NightId | None = None

    @property
    def is_busy(self) -> bool:
        """Whether one is being carried out."""
        return self._thread is not None and self._thread.is_alive()

    @property
    def nights(self) -> Collection[NightId]:
        """The night of the deed that is being carried out."""
        return (self._night,) if self._night is not None and self.is_busy else ()

    def start(self, request: Request, answer: Answer) -> None:
        """Begin it; its answer is concluded when it has ended."""
        command = self._command(request, answer)
        self._night = request.night
        run = contextvars.copy_context().run
        self._thread = threading.Thread(
            target=run, args=(self._carry_out, command, answer), name="deed"
        )
        self._thread.start()

    def end(self) -> None:
        """End the command, and wait for that."""
        self._pace.stopped = True
        if self._thread is not None:
            self._thread.join()

    def _command(self, request: Request, answer: Answer) -> Sequence[str]:
        given = [] if self._configuration is None else ["--config", str(self._configuration)]
        words = deed_words(request.verb, request.night, request.choices)
        # -P: no module is found in the current folder.
        python = [sys.executable, "-P", "-c", _PROGRAM]
        return ["env", f"{ASKED_BY}={answer.actor}", *python, *given, *words]

    def _carry_out(self, command: Sequence[str], answer: Answer) -> None:
        try:
            # Reading a night may take hours without a word.
            ended = run_process(command, pace=self._pace, silent_after_s=math.inf)
        except ClaimLost:
            return  # the next start records that it was interrupted
        except VampdError as error:
            outcome, message = Outcome.FAILED, error.message
            code: str | None = error.code
        else:
            text = f"{ended.stdout.decode('utf-8', 'replace')}{ended.stderr}".strip()
            message = text[-_LONGEST_MESSAGE:]
            outcome = Outcome.FAILED if ended.status else Outcome.DONE
            code = "deed_failed" if ended.status else None
        failpoint("requests.deed.ended")
        try:
            self._answers.conclude(answer.id, outcome, code, message, self._clock())
        except VampdError as error:
            _log.error("request.lost", request=answer.id, code=error.code, error=error.message)
        self._wake()


class _DeedPace:
    """Runs on until it is stopped: cameras that write are the command's own affair."""

    paused = False

    def __init__(self) -> None:
        self.stopped = False

    def check(self) -> None:
        """ClaimLost if the daemon is stopping."""
        if self.stopped:
            raise ClaimLost("stopped", "the daemon is stopping")
