"""What this machine is and has: its boot, processor cores, memory, and how long a path may be."""

from __future__ import annotations

import os
from pathlib import Path

_MEMINFO = Path("/proc/meminfo")
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


def boot_id() -> str:
    """What tells this running kernel from every other one, in its containers too; OSError."""
    return _BOOT.read_text(encoding="ascii").strip()
