"""The socket that is listened at."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

from vampd.errors import VampdError

_BACKLOG = 128
# Whoever may connect is the group's matter, as the folder's mode and the unit say.
_MODE = 0o660
_TRY_S = 1.0


def open_listening(place: Path | tuple[str, int]) -> socket.socket:
    """Listen at a path, or at an address and a port; VampdError ``cannot_listen``."""
    try:
        if isinstance(place, Path):
            return _listen_at_path(place)
        family = socket.AF_INET6 if ":" in place[0] else socket.AF_INET
        # With its protocol named asyncio sends at once (TCP_NODELAY). Else the body of an answer
        # waits until the browser has acknowledged the head, which takes it 40 ms.
        listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        try:
            # One that has just stopped leaves the port in use for a while.
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(place)
            listening.listen(_BACKLOG)
        except BaseException:
            listening.close()
            raise
        return listening
    except OSError as error:
        where = place if isinstance(place, Path) else f"{place[0]}:{place[1]}"
        raise VampdError(
            "cannot_listen",
            f"cannot listen at {where}: {error.strerror or error}; another vampd-web may run,"
            " or [web] listen may have to be another",
        ) from error


def _listen_at_path(path: Path) -> socket.socket:
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _remove_left(path)
        mask = os.umask(0o777 & ~_MODE)
        try:
            listening.bind(str(path))
        finally:
            os.umask(mask)
        listening.listen(_BACKLOG)
    except BaseException:
        listening.close()
        raise
    return listening


def _remove_left(path: Path) -> None:
    """Remove a socket at which nobody listens any more; all else stays."""
    try:
        if not stat.S_ISSOCK(path.lstat().st_mode):
            return
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
        asking.settimeout(_TRY_S)
        try:
            asking.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()


def place_of(listening: socket.socket) -> Path | tuple[str, int]:
    """Where it listens, with the port that it was given if any would do."""
    if listening.family == socket.AF_UNIX:
        return Path(listening.getsockname())
    host, port, *_ = listening.getsockname()
    return host, port
