"""What a program costs together with all that it starts. Source of the figures: proc(5).

A process that its parent has waited for leaves its CPU time and its bytes with the parent; one
whose parent is gone comes to the sub-reaper. So the sums of a whole tree are exact at its end;
only the peak of its memory is a matter of looking often.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import resource
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TypeVar

from vampd.adapters.programs import run_process
from vampd.disk.pace import SteadyPace

_Result = TypeVar("_Result")
_PR_SET_CHILD_SUBREAPER = 36
_PATIENCE_S = 3600.0
_LOOK_S = 0.1


@dataclass(frozen=True)
class Spent:
    """What processes used together.

    Bytes are those that were asked of the system (read, pread, write, ...), from cache or disk;
    ``peak_bytes`` is their memory (PSS: what is shared counts once).
    """

    wall_s: float
    cpu_s: float
    read_bytes: int
    written_bytes: int
    peak_bytes: int


@dataclass(frozen=True)
class Usage:
    """What a living process and the children that it has waited for have used so far."""

    cpu_s: float
    read_bytes: int
    written_bytes: int

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.cpu_s + other.cpu_s,
            self.read_bytes + other.read_bytes,
            self.written_bytes + other.written_bytes,
        )

    def __sub__(self, other: Usage) -> Usage:
        return Usage(
            self.cpu_s - other.cpu_s,
            self.read_bytes - other.read_bytes,
            self.written_bytes - other.written_bytes,
        )


def run_measured(argv: Sequence[str]) -> Spent:
    """Run a program to its end, all that it started included; SystemExit if it fails."""
    return in_own_process(_run, tuple(argv))


def in_own_process(function: Callable[..., _Result], *arguments: object) -> _Result:
    """A module's function called in a fresh interpreter, whose memory and children are its own."""
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_send_result, args=(sender, function, *arguments))
    process.start()
    sender.close()
    try:
        result: _Result = receiver.recv()
    except EOFError:
        raise SystemExit(f"{function.__name__} failed in its process; see above") from None
    finally:
        process.join()
    return result


def processes_below(pid: int) -> list[int]:
    """A process and all that descend from it, as far as they live."""
    children: dict[int, list[int]] = defaultdict(list)
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with suppress(OSError):
                children[int(_stat_fields(int(entry))[1])].append(int(entry))
    found = [pid]
    for each in found:
        found += children[each]
    return found


def usage_of(pid: int) -> Usage:
    """What a process has used; OSError if it is gone."""
    fields = _stat_fields(pid)
    ticks = sum(int(field) for field in fields[11:15])  # utime, stime, cutime, cstime
    lines = Path(f"/proc/{pid}/io").read_text(encoding="ascii").splitlines()
    counts = {name: int(count) for name, count in (line.split(": ") for line in lines)}
    return Usage(ticks / os.sysconf("SC_CLK_TCK"), counts["rchar"], counts["wchar"])


def usage_below(pid: int) -> Usage:
    """What a process and all that descend from it have used."""
    total = Usage(0.0, 0, 0)
    for each in processes_below(pid):
        with suppress(OSError):
            total += usage_of(each)
    return total


def memory_of(pids: Sequence[int]) -> int:
    """The proportional set size (PSS) of these processes, those that are gone left out."""
    total = 0
    for pid in pids:
        with suppress(OSError):
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
            total += int(rollup.partition("\nPss:")[2].split()[0]) * 1024
    return total


def wake_ups_of(pid: int) -> int:
    """How often the threads of a process have slept so far."""
    total = 0
    for status in Path(f"/proc/{pid}/task").glob("*/status"):
        total += int(status.read_text().partition("\nvoluntary_ctxt_switches:")[2].split()[0])
    return total


@contextmanager
def peak_memory(pids: Callable[[], Sequence[int]]) -> Iterator[Callable[[], int]]:
    """Looks at the memory of these processes while the block runs; gives what tells the peak."""
    peak = 0
    ended = threading.Event()

    def watch() -> None:
        nonlocal peak
        while not ended.wait(_LOOK_S):
            peak = max(peak, memory_of(pids()))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield lambda: peak
    finally:
        ended.set()
        thread.join()


def _send_result(sender: Connection, function: Callable[..., object], *arguments: object) -> None:
    sender.send(function(*arguments))


def _run(argv: tuple[str, ...]) -> Spent:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_CHILD_SUBREAPER, 1) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER) failed")
    me = os.getpid()
    before = usage_of(me)
    begin_s = time.monotonic()
    with peak_memory(lambda: processes_below(me)[1:]) as peak:
        ended = run_process(argv, pace=SteadyPace(), silent_after_s=_PATIENCE_S)
        wall_s = time.monotonic() - begin_s
        with suppress(ChildProcessError):
            while os.wait():
                pass
    if ended.status:
        raise SystemExit(f"{' '.join(argv[:6])} failed: {ended.last_words}")
    used = usage_of(me) - before
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Spent(
        wall_s=wall_s,
        # Without what the looking itself took.
        cpu_s=children.ru_utime + children.ru_stime,
        read_bytes=used.read_bytes,
        written_bytes=used.written_bytes,
        peak_bytes=peak(),
    )


def _stat_fields(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the third on: state, ppid, ..."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
