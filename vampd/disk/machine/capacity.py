"""What this machine is and has: its boot, processor cores, memory, and how long a path may be."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_MEMINFO = Path("/proc/meminfo")
_PROC, _CGROUPS = Path("/proc"), Path("/sys/fs/cgroup")
_BOOT = Path("/proc/sys/kernel/random/boot_id")
# The workers' sockets lie below it. A name has 108 bytes with the NUL (unix(7)), of which
# multiprocessing takes /pymp-????????/listener-????????.
LONGEST_TMPDIR_BYTES = 107 - len("/pymp-????????/listener-????????")


def count_cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0))


def available_memory_bytes(meminfo: Path = _MEMINFO) -> int:
    """What can still be allocated without swapping: free memory, and caches that can give way."""
    for line in meminfo.read_text(encoding="ascii").splitlines():
        name, _, rest = line.partition(":")
        if name == "MemAvailable":
            return int(rest.split()[0]) * 1024
    raise OSError(f"{meminfo} has no MemAvailable")


def processes_left(proc: Path = _PROC, cgroups: Path = _CGROUPS) -> int | None:
    """How many more processes and threads this one may have, None without a limit that shows."""
    limits = [*_left_to_user(proc), *_left_to_service(proc, cgroups)]
    return max(0, min(limits)) if limits else None


def _left_to_user(proc: Path) -> Iterator[int]:
    limit, _ = resource.getrlimit(resource.RLIMIT_NPROC)
    if limit == resource.RLIM_INFINITY or os.getuid() == 0:
        return
    used = 0
    for process in proc.iterdir():
        # One that ends meanwhile is none.
        with suppress(OSError, ValueError, StopIteration):
            if process.name.isdigit() and process.stat().st_uid == os.getuid():
                lines = (process / "status").read_text(errors="replace").splitlines()
                threads = next(line for line in lines if line.startswith("Threads:"))
                used += int(threads.partition(":")[2])
    yield limit - used


def _left_to_service(proc: Path, cgroups: Path) -> Iterator[int]:
    """By the limit of the service (TasksMax=), and of each group of processes above it."""
    with suppress(OSError, StopIteration):
        lines = (proc / "self" / "cgroup").read_text(errors="replace").splitlines()
        own = next(line for line in lines if line.startswith("0::/")).removeprefix("0::/")
        for folder in (cgroups / own, *(cgroups / own).parents):
            if not folder.is_relative_to(cgroups):
                return
            # No number: no limit.
            with suppress(OSError, ValueError):
                most = int((folder / "pids.max").read_text())
                yield most - int((folder / "pids.current").read_text())


def boot_id() -> str:
    """What tells this running kernel from every other one, in its containers too; OSError."""
    return _BOOT.read_text(encoding="ascii").strip()
