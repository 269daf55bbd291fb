"""A site on two file systems of its own, each of which may lose its power.

ext4 on loop devices; a cut is its forced shutdown without a flush of the journal (EXT4_IOC_SHUTDOWN
with EXT4_GOING_FLAGS_NOLOGFLUSH): what was not brought to the disk by then is gone. Only for root.
"""

from __future__ import annotations

import fcntl
import os
import struct
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.daemon.site import Site

_SHUTDOWN = 0x8004587D  # _IOR('X', 125, __u32)
_NO_LOG_FLUSH = 2
_IMAGE_BYTES = 96 << 20
_PATIENCE_S = 10.0


@dataclass(frozen=True)
class Disk:
    """A file system in a file, and where it is mounted."""

    image: Path
    folder: Path

    def mount(self) -> None:
        """Mount it; what the journal holds is replayed."""
        subprocess.run(["mount", "-o", "loop", self.image, self.folder], check=True)

    def unmount(self) -> None:
        """Unmount it, as soon as the processes that died have left it."""
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            ended = subprocess.run(["umount", self.folder], capture_output=True, check=False)
            if ended.returncode == 0:
                return
            assert time.monotonic() < deadline, ended.stderr
            time.sleep(0.05)

    def leave(self) -> None:
        """Unmount it lazily: a test that failed may still have files open."""
        subprocess.run(["umount", "-l", self.folder], check=True)

    def cut(self) -> None:
        """Take its power away."""
        folder_fd = os.open(self.folder, os.O_RDONLY)
        fcntl.ioctl(folder_fd, _SHUTDOWN, struct.pack("I", _NO_LOG_FLUSH))
        os.close(folder_fd)


@dataclass(frozen=True)
class PoweredSite(Site):
    """A site whose archive is another disk."""

    disk: Path

    @property
    def destination(self) -> Path:
        """As a site's, on that disk."""
        return self.disk / "archive"


@contextmanager
def two_disks(base: Path) -> Iterator[Sequence[Disk]]:
    """The disk of the nights and the database, and that of the archive, mounted."""
    disks = [Disk(base / f"{name}.img", base / name) for name in ("here", "there")]
    with ExitStack() as mounted:
        for disk in disks:
            disk.folder.mkdir()
            with disk.image.open("wb") as image:
                image.truncate(_IMAGE_BYTES)
            subprocess.run(["mkfs.ext4", "-q", "-F", disk.image], check=True)
            disk.mount()
            mounted.callback(disk.leave)
        yield disks
