"""A process that has done the dear part, and forks one of itself for each that asks.

Who asks first starts it, as nobody's child; it ends with the last connection.
"""

from __future__ import annotations

import errno
import os
import selectors
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

REQUEST_BYTES = 1 << 20
_ROOT = Path(__file__).parents[3]
_LISTENS_WITHIN_S = 10.0
# Whoever started it may have died before it connected.
_ALONE_S = 60.0


def connect(name: str, module: str, *arguments: str) -> socket.socket:
    """A connection to the process of this name, which runs this module with the listener's number.

    It is answered once that process comes to `share`.
    """
    # In Linux's abstract namespace, where a name ends with its socket.
    address = f"\0{name}"
    ours = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, REQUEST_BYTES)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        # The first one here starts it; it answers whoever has connected meanwhile.
        try:
            listener.bind(address)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
        else:
            listener.listen()
            fd = listener.fileno()
            command = [sys.executable, "-m", module, str(fd), *arguments]
            # A pipe of its starter that it kept would hide that one's end.
            subprocess.run(
                ["setsid", "--fork", *command],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                cwd=_ROOT,
                pass_fds=[fd],
                check=True,
            )
    deadline = time.monotonic() + _LISTENS_WITHIN_S
    while True:
        try:
            ours.connect(address)
        except ConnectionRefusedError:  # bound, and about to listen
            if time.monotonic() > deadline:
                raise
        else:
            return ours


def share(listener_fd: int) -> socket.socket | None:
    """Fork a process per connection, and return it there; None at the end of the last one."""
    listener = socket.socket(fileno=listener_fd)
    listener.set_inheritable(False)
    woken_r, woken_w = os.pipe()
    os.set_blocking(woken_w, False)
    signal.set_wakeup_fd(woken_w)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    forked = 0
    with selectors.DefaultSelector() as selector:
        selector.register(listener, selectors.EVENT_READ)
        selector.register(woken_r, selectors.EVENT_READ)
        while True:
            events = selector.select(None if forked else _ALONE_S)
            if not events:
                return None
            for key, _ in events:
                if key.fd == woken_r:
                    os.read(woken_r, 4096)
                    with suppress(ChildProcessError):
                        while os.waitpid(-1, os.WNOHANG)[0]:
                            forked -= 1
                    if not forked:
                        return None
                    continue
                requests, _ = listener.accept()
                if not _is_of_this_user(requests):
                    requests.close()
                elif os.fork():
                    forked += 1
                    requests.close()
                else:
                    signal.set_wakeup_fd(-1)
                    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                    for unused_fd in (woken_r, woken_w, listener.detach()):
                        os.close(unused_fd)
                    return requests


def become(streams: Sequence[int]) -> None:
    """Take these as standard streams."""
    for number, stream_fd in enumerate(streams):
        os.dup2(stream_fd, number)
        os.close(stream_fd)
    # What can be done with the old ones depends on what they were: a file, say, no terminal.
    sys.stdout = os.fdopen(1, "w", closefd=False)
    sys.stderr = os.fdopen(2, "w", buffering=1, errors="backslashreplace", closefd=False)


def _is_of_this_user(requests: socket.socket) -> bool:
    pid_uid_gid = struct.Struct("3i")
    sent = requests.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, pid_uid_gid.size)
    return pid_uid_gid.unpack(sent)[1] == os.geteuid()
