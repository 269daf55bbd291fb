"""Programs of ours, started by the helper that has imported them already; see `warm_helper`."""

from __future__ import annotations

import functools
import json
import os
import selectors
import signal
import socket
import subprocess
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import IO, Self

from tests.support.forked.sharing import connect

_asking = threading.Lock()


class WarmProcess:
    """A started program, as `subprocess.Popen` shows one."""

    def __init__(self, pid: int, status_fd: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._status_fd = status_fd
        self._ended = selectors.DefaultSelector()
        self._ended.register(status_fd, selectors.EVENT_READ)

    def poll(self) -> int | None:
        """The exit status if it has ended, negative for a signal."""
        if self.returncode is None and self._ended.select(0):
            self._end()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """The exit status; `subprocess.TimeoutExpired`."""
        if self.returncode is None:
            if not self._ended.select(timeout):
                raise subprocess.TimeoutExpired(f"pid {self.pid}", timeout or 0.0)
            self._end()
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, number: signal.Signals) -> None:
        """Signal it, unless it has ended."""
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        """SIGKILL."""
        self.send_signal(signal.SIGKILL)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.wait()

    def _end(self) -> None:
        self.returncode = int(os.read(self._status_fd, 16))
        self._ended.close()
        os.close(self._status_fd)


def start(
    command: Sequence[str],
    environ: Mapping[str, str],
    stdout: IO[bytes],
    stderr: IO[bytes],
    times_s: Mapping[str, float] | None = None,
    uid: int | None = None,
    gids: Sequence[int] = (),
) -> WarmProcess:
    """Start the script ``command[0]`` in a session of its own, with nothing on standard input.

    ``times_s``: other values of constants of vampd, by module and name. ``uid``: as this user, for
    which the test must be root, in the group of its number or in ``gids``, its own one first.
    """
    helper = _helper()
    status_r, status_w = os.pipe()
    with open(os.devnull, "rb") as stdin:
        asked = {
            "command": list(command),
            "environ": dict(environ),
            "times_s": times_s or {},
            "uid": uid,
            "gids": list(gids),
            "umask": _umask(),
        }
        request = json.dumps(asked).encode()
        handed = [stdin.fileno(), stdout.fileno(), stderr.fileno(), status_w]
        try:
            with _asking:
                socket.send_fds(helper, [request], handed)
                pid = int(helper.recv(16))
        finally:
            os.close(status_w)
    return WarmProcess(pid, status_r)


def _umask() -> int:
    umask = os.umask(0o077)
    os.umask(umask)
    return umask


@functools.cache
def _helper() -> socket.socket:
    """This process's connection to the helper of the test run, which ends with the last one."""
    name = f"vampd-tests-{os.environ.get('PYTEST_XDIST_TESTRUNUID', os.getpid())}"
    return connect(name, "tests.support.tools.warm_helper")
