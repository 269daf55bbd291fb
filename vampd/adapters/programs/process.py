"""Other programs, run so that they follow the pace and never outlive the daemon.

A program gets its own process group in the daemon's session: the group is what is paused and ended,
including the program's children. ``setpriv --pdeathsig`` (util-linux, essential on Debian) has the
kernel kill the program when the thread that waits for it dies, which `preexec_fn` could only do at
the risk of a deadlock with other threads. The program's own children (rsync's receiver, ssh) then
find their pipes closed; if they are stopped, the kernel wakes them, because their group becomes an
orphan of the session (_exit(2)). That is why it does not get its own session.
"""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType, TracebackType
from typing import Self

from vampd.adapters.programs.cause import find_cause, original_words
from vampd.adapters.programs.environment import is_installed, own_environment, search_path
from vampd.adapters.programs.messages import Messages
from vampd.errors import ClaimLost, ConfigError, TransientError
from vampd.ports import Pace

TICK_S = 0.1
GRACE_S = 5.0
_CHUNK_BYTES = 1 << 16
# Versions, addresses, help texts: what most programs are asked for.
_MOST_OUTPUT_BYTES = 1 << 24
_WRAPPER = ("setpriv", "--pdeathsig", "KILL", "--")
_NOTHING_MORE: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class Ended:
    """How a program ended.

    ``status`` is its exit status, negative for the signal that killed it; ``stderr`` is what
    `Messages` keeps (at most 16 KiB, the line that shows the cause among it); ``paused_s`` is how
    long it was paused.
    """

    status: int
    stdout: bytes
    stderr: str
    paused_s: float

    @property
    def last_words(self) -> str:
        """The line of stderr that shows the cause, if one does, and the last ones, as one."""
        return original_words(self.stderr) or f"no message, exit status {self.status}"

    @property
    def lead(self) -> str:
        """The cause in our words, to begin a message with; empty if none is known."""
        cause = find_cause(self.stderr)
        return "" if cause is None else f"{cause.words}: "


class ProgramSilent(TransientError):
    """A program that gave no sign of life and was ended, with what it had written by then."""

    def __init__(self, message: str, stdout: bytes, stderr: str, **context: object) -> None:
        super().__init__("program_silent", message, **context)
        self.stdout = stdout
        self.stderr = stderr


def run_process(
    argv: Sequence[str],
    *,
    stdin: bytes = b"",
    pace: Pace,
    silent_after_s: float,
    most_bytes: int | None = _MOST_OUTPUT_BYTES,
    inherited: Sequence[int] = (),
    environment: Mapping[str, str] = _NOTHING_MORE,
) -> Ended:
    """Run a program in the C locale to its end, whatever its status, and return its output.

    While ``pace`` is paused its process group is suspended; when ``pace`` is stopped the group is
    ended (SIGTERM, after five seconds SIGKILL) and ClaimLost (``stopped``) raised. ProgramSilent
    if it neither reads nor writes for ``silent_after_s``, pauses excepted; TransientError
    ``output_too_long`` if it writes more than ``most_bytes`` (None: what it writes is dropped);
    ConfigError ``program_missing`` if it does not exist. The descriptors ``inherited`` are the
    program's too, and so is what ``environment`` adds to vampd's own.
    """
    pace.check()
    for name in (_WRAPPER[0], argv[0]):
        if not is_installed(name):
            raise ConfigError(
                "program_missing",
                f"the program {name} is not installed or not executable; install it or correct"
                " the configuration",
                program=name,
            )
    with _Program(argv, stdin, most_bytes, inherited, environment) as program:
        paused_s = _attend(program, pace, silent_after_s)
    program.refuse_excess()
    return Ended(
        status=program.status,
        stdout=bytes(program.stdout),
        stderr=program.messages.text,
        paused_s=paused_s,
    )


def _attend(program: _Program, pace: Pace, silent_after_s: float) -> float:
    """Serve the program until it exits; return the seconds that it was paused."""
    stands = False
    paused_s = 0.0
    seen_at = active_at = time.monotonic()
    while not program.exited:
        if pace.stopped:
            raise ClaimLost("stopped", f"{program.name} was ended because the work is stopping")
        now = time.monotonic()
        if stands:
            paused_s += now - seen_at
            active_at += now - seen_at
        seen_at = now
        if pace.paused != stands:
            stands = not stands
            program.signal(signal.SIGSTOP if stands else signal.SIGCONT)
        if program.serve(TICK_S):
            active_at = now
            program.refuse_excess()
        elif now - active_at > silent_after_s:
            words = original_words(program.messages.text) or "none"
            raise ProgramSilent(
                f"{program.name} gave no sign of life for {silent_after_s:g} s and was ended;"
                f" its last words: {words}",
                bytes(program.stdout),
                program.messages.text,
                program=program.name,
            )
    return paused_s


class _Program:
    """A running program and its three pipes, none of which ever blocks; ended on exit."""

    def __init__(
        self,
        argv: Sequence[str],
        stdin: bytes,
        most_bytes: int | None,
        inherited: Sequence[int],
        environment: Mapping[str, str],
    ) -> None:
        self.name = argv[0]
        self.exited = False
        self.status = 0
        self.stdout = bytearray()
        self.messages = Messages()
        self._most_bytes = most_bytes
        self._unsent = memoryview(stdin)
        self._process = _start(argv, inherited, environment)
        self._exit_fd = os.pidfd_open(self._process.pid)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._exit_fd, selectors.EVENT_READ)
        self._stdin_fd, self._stdout_fd, stderr_fd = _unblocked_pipes(self._process)
        for read_fd in (self._stdout_fd, stderr_fd):
            self._selector.register(read_fd, selectors.EVENT_READ)
        self._selector.register(self._stdin_fd, selectors.EVENT_WRITE)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if not self.exited:
                self._end_gently()
            # Stragglers of the group; until the program is reaped below, no other can have its
            # number.
            self.signal(signal.SIGKILL)
            # What the program itself wrote is in the pipes by now. Waiting for their ends would
            # mean waiting for a connection-sharing ssh master, which inherits stderr and stays.
            while self.serve(0):
                pass
            self.status = self._process.wait()
        finally:
            self._selector.close()
            os.close(self._exit_fd)
            for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
                if pipe is not None:
                    pipe.close()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the program's process group."""
        os.killpg(self._process.pid, number)

    def serve(self, timeout_s: float) -> bool:
        """Move bytes through the pipes when they are ready; return whether any were moved."""
        moved = False
        for key, _ in self._selector.select(timeout_s):
            if key.fd == self._exit_fd:
                self.exited = True
                self._selector.unregister(self._exit_fd)
            elif key.fd == self._stdin_fd:
                moved |= self._write()
            else:
                moved |= self._read(key.fd)
        return moved

    def _write(self) -> bool:
        written = 0
        try:
            written = os.write(self._stdin_fd, self._unsent[:_CHUNK_BYTES])
            self._unsent = self._unsent[written:]
        except BrokenPipeError:
            self._unsent = self._unsent[:0]  # it may end without reading all; its status shows that
        if not self._unsent and self._process.stdin is not None:
            self._selector.unregister(self._stdin_fd)
            self._process.stdin.close()
        return written > 0

    def _read(self, read_fd: int) -> bool:
        chunk = os.read(read_fd, _CHUNK_BYTES)
        if not chunk:
            self._selector.unregister(read_fd)
        elif read_fd != self._stdout_fd:
            self.messages.add(chunk)
        elif self._most_bytes is not None:
            # One byte more shows that it is too much; the rest only lets the program end.
            self.stdout += chunk[: self._most_bytes + 1 - len(self.stdout)]
        return bool(chunk)

    def refuse_excess(self) -> None:
        """TransientError ``output_too_long`` if the program has written more than it may."""
        if self._most_bytes is not None and len(self.stdout) > self._most_bytes:
            raise TransientError(
                "output_too_long",
                f"{self.name} wrote more than the {self._most_bytes:,} bytes that its answer can"
                f" have, and was ended; it began with {bytes(self.stdout[:60])!r}: find out what"
                " answers there",
                program=self.name,
            )

    def _end_gently(self) -> None:
        # The pipes close when the last of the group exits: rsync's receiver, which still moves
        # its unfinished file aside.
        self.signal(signal.SIGTERM)
        self.signal(signal.SIGCONT)
        self._unsent = self._unsent[:0]
        deadline = time.monotonic() + GRACE_S
        while self._selector.get_map() and time.monotonic() < deadline:
            self.serve(TICK_S)


def _start(
    argv: Sequence[str], inherited: Sequence[int], environment: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            [*_WRAPPER, *argv],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            process_group=0,
            pass_fds=inherited,
            env={**own_environment(), **environment, "LC_ALL": "C", "PATH": search_path()},
        )
    except OSError as error:
        raise TransientError(
            "program_not_started", f"cannot start {argv[0]}: {error}", program=argv[0]
        ) from error


def _unblocked_pipes(process: subprocess.Popen[bytes]) -> tuple[int, int, int]:
    numbers = []
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is None:
            raise ValueError("a program is started with three pipes")
        os.set_blocking(pipe.fileno(), False)
        numbers.append(pipe.fileno())
    return numbers[0], numbers[1], numbers[2]
