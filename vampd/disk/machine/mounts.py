"""Where disks are mounted, as the kernel lists it: a disk that never answers is not asked."""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path

_MOUNTS = Path("/proc/self/mountinfo")
_OCTAL = re.compile(r"\\([0-7]{3})")
# As many links as the kernel follows, see path_resolution(7).
_MOST_LINKS = 40


def find_mount(folder: Path) -> tuple[str, str, str]:
    """Where the disk of a folder is mounted, its type, and its options with commas."""
    real, found = os.path.realpath(folder), ("/", "unknown", "")
    for line in _MOUNTS.read_text(errors="replace").splitlines():
        # proc(5): fields 5 and 6 are the mount point and its options; after a hyphen follow the
        # type, the source and the options of the file system, which may be read-only by itself.
        before, _, after = line.partition(" - ")
        fields = before.split()
        point = _unescape(fields[4])
        inside = real == point or real.startswith(f"{point.rstrip('/')}/")
        if inside and len(point) >= len(found[0]):
            kind, _, of_disk = after.split()[:3]
            found = (point, kind, f"{fields[5]},{of_disk}")
    return found


class Mounts:
    """The mounts that this process sees now, beside those that a folder ``home`` lies on.

    ``home`` has no links in it.
    """

    def __init__(self, home: Path, listed: Path = _MOUNTS) -> None:
        self._home = os.fspath(home)
        self._devices: dict[str, str] = {}
        # Of several on one point the last is seen; for the fields, see proc(5).
        for line in listed.read_text(encoding="utf-8", errors="surrogateescape").splitlines():
            fields = line.split(" ")
            self._devices[_unescape(fields[4])] = fields[2]
        around = [os.fspath(each) for each in (home, *home.parents)]
        self._device = next((self._devices[at] for at in around if at in self._devices), "")
        self._beside = self._devices.keys() - set(around)

    def crossed(self, path: Path) -> str | None:
        """The first mount point, none of home's, on the way to what lies at a path below home.

        Links are followed up to there, and nothing beyond it is touched.
        """
        at, links = self._home, 0
        ahead = os.fspath(path)[len(at) :].split("/")[::-1]
        while ahead and links <= _MOST_LINKS:
            name = ahead.pop()
            if name in ("", "."):
                continue
            at = os.path.dirname(at) if name == ".." else f"{at.rstrip('/')}/{name}"
            if at in self._beside:
                return at
            try:
                target = os.readlink(at)
            except OSError:
                continue  # no link, or nothing: whoever opens it is told
            links += 1
            at = "/" if target.startswith("/") else os.path.dirname(at)
            ahead += target.split("/")[::-1]
        return None

    def stat(self, path: Path) -> os.stat_result:
        """Of what lies on home's disks; OSError EAGAIN for another disk, which is not asked."""
        if (point := self.crossed(path)) is not None:
            raise OSError(errno.EAGAIN, "on a disk of its own", point)
        return os.stat(path)

    def device(self, point: str | None) -> str:
        """The device of the file system that is mounted at this point; None: that of home.

        Empty for home where nothing is listed around it, as in a folder of chroot(2).
        """
        return self._device if point is None else self._devices[point]


def _unescape(text: str) -> str:
    return _OCTAL.sub(lambda match: chr(int(match[1], 8)), text)
