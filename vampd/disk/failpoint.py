"""Failpoints: named moments between two effects, where a test lets the process tree die.

``VAMPD_FAILPOINT=name`` or ``name#k`` kills the process group with SIGKILL at the first (k-th) hit
of that name in one process. ``VAMPD_FAILPOINT_LOG=path`` appends every hit as a line ``name#k``, so
that a test learns the sequence. Both are read once, when this module is imported; without them a
failpoint is one call of an empty function.
"""

from __future__ import annotations

import os
import signal
import threading
from collections import Counter
from collections.abc import Callable

FAILPOINT_VARIABLE = "VAMPD_FAILPOINT"
LOG_VARIABLE = "VAMPD_FAILPOINT_LOG"


def _pass_by(name: str) -> None:
    """Nothing: no test is watching."""


def _arm(wanted: str, log: str) -> Callable[[str], None]:
    deadly, _, nth = wanted.partition("#")
    deadly_hit = int(nth or "1")
    hits: Counter[str] = Counter()
    # Threads that hit together must each have their own number, or the deadly one may be missed.
    counting = threading.Lock()

    def hit(name: str) -> None:
        with counting:
            hits[name] += 1
            number = hits[name]
        if log:
            _append_line(log, f"{name}#{number}")
        if name == deadly and number == deadly_hit:
            os.killpg(0, signal.SIGKILL)

    return hit


def _append_line(path: str, line: str) -> None:
    log_fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        os.write(log_fd, f"{line}\n".encode())
    finally:
        os.close(log_fd)


_wanted = os.environ.get(FAILPOINT_VARIABLE, "")
_log = os.environ.get(LOG_VARIABLE, "")

failpoint: Callable[[str], None] = _arm(_wanted, _log) if _wanted or _log else _pass_by
