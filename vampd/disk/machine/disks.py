"""Which disks a file system lies on: one fault may lose all that they hold."""

from __future__ import annotations

import ipaddress
import os
import re
import socket
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_DEVICES = Path("/sys/dev/block")
_MOUNTS = Path("/proc/self/mountinfo")
# What a server gives, and says in its source as host:path, //host/share or user@host:path.
_SERVED = frozenset({"nfs", "nfs4", "cifs", "smb3", "fuse.sshfs"})
_IN_MEMORY = frozenset({"tmpfs", "ramfs", "devtmpfs"})
_HOST = re.compile(r"(?://|[^@/]*@)?(\[[^\]]+\]|[^/:]+)")
_OCTAL = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True)
class System:
    """Where the kernel shows its block devices and mounts."""

    devices: Path = _DEVICES
    mounts: Path = _MOUNTS


def disks_under(device: int, system: System = System()) -> frozenset[str] | None:
    """The disks that a file system's device (st_dev) lies on, by name; None: cannot be told.

    Partitions are parts of their disk, mapped and RAID devices lie on others, an image on the file
    system that keeps it, and what a server gives on that server. Of one that this machine serves to
    itself, or that a program makes, nothing shows the disk. OSError.
    """
    number = f"{os.major(device)}:{os.minor(device)}"
    node = system.devices / number
    if not node.exists():
        return _disks_of_mount(number, system)
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
    found = [disks_under(each, system) for each in below if each != device]
    known = [disks for disks in found if disks is not None]
    return frozenset().union(*known) if len(known) == len(found) else None


def _disks_of_mount(number: str, system: System) -> frozenset[str] | None:
    kind, source, options = _find_mount(number, system.mounts)
    if kind in _IN_MEMORY:
        return frozenset({number})
    if kind in _SERVED:
        server = options.get("addr") or _host_of(source)
        return None if _is_this_machine(server) else frozenset({f"server {server}"})
    with suppress(OSError):
        # Btrfs and its like, whose devices are none.
        status = os.stat(source)
        if stat.S_ISBLK(status.st_mode):
            return disks_under(status.st_rdev, system)
    return None


def _find_mount(number: str, mounts: Path) -> tuple[str, str, dict[str, str]]:
    """Type, source and options of the file system of this device, '' if it is not mounted."""
    for line in mounts.read_text(encoding="utf-8", errors="surrogateescape").splitlines():
        place, _, rest = line.partition(" - ")
        if place.split(" ")[2] == number:
            kind, source, options = (*rest.split(" "), "", "")[:3]
            pairs = (option.partition("=") for option in options.split(","))
            return kind, _unescape(source), {name: value for name, _, value in pairs}
    return "", "", {}


def _unescape(text: str) -> str:
    return _OCTAL.sub(lambda match: chr(int(match[1], 8)), text)


def _host_of(source: str) -> str:
    match = _HOST.match(source)
    return "" if match is None else match[1].strip("[]")


def _is_this_machine(host: str) -> bool:
    """Whether a host is this one, or may be because its name leads nowhere."""
    if not host or host == socket.gethostname():
        return True
    try:
        found = {info[4][0] for info in socket.getaddrinfo(host, None)}
    except OSError:
        return True
    return any(_is_own(str(address)) for address in found)


def _is_own(address: str) -> bool:
    """Whether this machine has this address: only then may a socket be bound to it."""
    plain = ipaddress.ip_address(address.partition("%")[0])
    if plain.is_loopback:
        return True
    family = socket.AF_INET if plain.version == 4 else socket.AF_INET6
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((str(plain), 0))
        except OSError:
            return False
    return True
