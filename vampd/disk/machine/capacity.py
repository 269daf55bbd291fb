"""What this machine is and has: its boot, processor cores, memory and disks."""

from __future__ import annotations

import os
from pathlib import Path

_MEMINFO = Path("/proc/meminfo")
_BOOT = Path("/proc/sys/kernel/random/boot_id")
_DEVICES = Path("/sys/dev/block")


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


def disks_under(device: int, devices: Path = _DEVICES) -> frozenset[str]:
    """The disks that a file system's device (st_dev) lies on, by name; one fault may lose these.

    Partitions are parts of their disk, mapped and RAID devices lie on others, and an image on the
    file system that keeps it. Of what no block device is known for, such as a network file system,
    the device's own number. OSError.
    """
    number = f"{os.major(device)}:{os.minor(device)}"
    node = devices / number
    if not node.exists():
        return frozenset({number})
    folder = node.resolve()
    if (folder / "partition").exists():
        folder = folder.parent
    below: list[int] = []
    image = folder / "loop" / "backing_file"
    if image.exists():
        below.append(os.stat(image.read_text(encoding="utf-8").rstrip("\n")).st_dev)
    if (folder / "slaves").is_dir():
        for slave in (folder / "slaves").iterdir():
            major, minor = (slave / "dev").read_text(encoding="ascii").split(":")
            below.append(os.makedev(int(major), int(minor)))
    if not below:
        return frozenset({folder.name})
    return frozenset().union(*(disks_under(each, devices) for each in below if each != device))
