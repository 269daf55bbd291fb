"""Failpoints: named moments between two effects, where a test makes a process die or block.

``VAMPD_FAILPOINT=name`` or ``name#k`` kills the process group with SIGKILL at the first (k-th) hit
of that name in one process. ``VAMPD_FAILPOINT_LOG=path`` appends every hit as a line ``name#k``, so
that a test learns the sequence. ``VAMPD_FAILPOINT_GATE=name@path`` is a gate: at every hit of that
name the process writes its pid as a line of the file ``path`` and waits until no one else holds a
lock (flock) on it, as the test does while the gate is shut; a test that dies leaves it open. All
are read once, when this module is imported; without them a failpoint is one call of an empty
function.
"""

from __future__ import annotations

import fcntl
import os
import signal
import threading
from collections import Counter
from collections.abc import Callable

FAILPOINT_VARIABLE = "VAMPD_FAILPOINT"
LOG_VARIABLE = "VAMPD_FAILPOINT_LOG"
GATE_VARIABLE = "VAMPD_FAILPOINT_GATE"


def _pass_by(name: str) -> None:
    """Nothing: no test is watching."""


def _arm(wanted: str, log: str, gate: str) -> Callable[[str], None]:
    deadly, _, nth = wanted.partition("#")
    gated, _, gate_path = gate.partition("@")
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
        if name == gated:
            _pass_gate(gate_path)

    return hit


def _pass_gate(path: str) -> None:
    _append_line(path, str(os.getpid()))
    gate_fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(gate_fd, fcntl.LOCK_SH)
    finally:
        os.close(gate_fd)


def _append_line(path: str, line: str) -> None:
    log_fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        os.write(log_fd, f"{line}\n".encode())
    finally:
        os.close(log_fd)


_wanted = os.environ.get(FAILPOINT_VARIABLE, "")
_log = os.environ.get(LOG_VARIABLE, "")
_gate = os.environ.get(GATE_VARIABLE, "")

failpoint: Callable[[str], None] = (
    _arm(_wanted, _log, _gate) if _wanted or _log or _gate else _pass_by
)
