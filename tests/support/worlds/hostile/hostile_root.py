"""Trees that a root may hold and no camera wrote: anything a file system can name.

Seedable: each tree is drawn from a `random.Random`.
"""

from __future__ import annotations

import os
import shutil
import socket
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from random import Random

_STREAMS = ("vcam1", "vcam2", "vgen2", "vbad", "vsync", "vcam1_hlinkbak")
_STRANGE = (
    b"\xff\xfe",
    b"a\nb",
    b"20251106\n",
    b"20251399",
    b"2025110",
    b" 20251106",
    "２０２５１１０６".encode(),
    b"lost+found",
    b".hidden",
    b"-rf",
    b"x" * 255,
    b"%s%n\x1b[31m",
)
_OWN = (
    "generation_0001.json",
    "generation_0002.json",
    "receipts.tsv",
    "SHA256SUMS",
    "name_changes.txt",
    "VMPA00000001.framelist",
    "VMPE00000001.fits.fz",
    "VMPE00000001.txt",
    "VMPE00000001.fits",
)
_TEXTS = (
    b"",
    b"\0" * 4096,
    b"\xff\xfe\r\n\r\n",
    b'"unbalanced,quote\n' * 3,
    b"a" * 300_000,
    b'{"version": 1, "products": [' * 50,
    b"SIMPLE  =                    T" + b" " * 50 + b"END" + b" " * 77,
    b"SIMPLE  =                    T".ljust(80) + b"NAXIS3  = 99999999999999999999".ljust(2800),
    b"[" * 100_000,
)


def make_hostile_tree(root: Path, random: Random) -> None:
    """Put a few entries under the root and among the archive nights, some with nights' names."""
    for _ in range(random.randint(3, 7)):
        parent = random.choice((root, root / "ARCHIVED_DATA"))
        _put(parent / _name(random), random, _put_night)
    for name in ("ARCHIVE_LOG.csv", "PROCESSING_LOG.csv"):
        if random.random() < 0.5:
            _put(random.choice((root, root / "ARCHIVED_DATA")) / name, random, _put_folder)


def clear_tree(root: Path, keep: frozenset[str]) -> None:
    """Remove what lies there, whatever it is, but for entries of these names."""
    for folder in (root / "ARCHIVED_DATA", root):
        for name in os.listdir(folder):
            path = folder / name
            if name in keep or (folder == root and name == "ARCHIVED_DATA"):
                continue
            if path.is_dir() and not path.is_symlink():
                for inside, _, _ in os.walk(path):
                    os.chmod(inside, 0o700)
                shutil.rmtree(path, ignore_errors=True)  # a stage may just have written there
            else:
                path.unlink()


def _name(random: Random) -> str:
    if random.random() < 0.7:
        return f"2024{random.randint(1, 12):02}{random.randint(1, 28):02}"
    return os.fsdecode(random.choice(_STRANGE))


def _put(path: Path, random: Random, put_folder: Callable[[Path, Random], None]) -> None:
    """One entry, unless its name is taken."""
    put = random.choice((put_folder, put_folder, put_folder, *_ENTRIES))
    # The tree may be deep and its names long; the daemon may be quicker.
    with suppress(OSError):
        if not os.path.lexists(path):
            put(path, random)


def _put_night(path: Path, random: Random) -> None:
    path.mkdir()
    for stream in _STREAMS:
        if random.random() < (0.8 if stream in ("vcam1", "vcam2") else 0.3):
            _put(path / stream, random, _put_folder)
    if random.random() < 0.2:
        os.chmod(path, 0)


def _put_folder(path: Path, random: Random) -> None:
    path.mkdir()
    for _ in range(random.randint(0, 6)):
        stem = random.choice(
            (
                f"vcam1_10:{random.randint(0, 59):02}:00.{random.randint(0, 999):09}",
                f"{random.randint(0, 9)}",
                os.fsdecode(random.choice(_STRANGE)),
            )
        )
        name = random.choice((f"{stem}.fits", f"{stem}.txt", stem, *_OWN))
        _put(path / name, random, _put_empty)
    if random.random() < 0.1:
        os.chmod(path, 0)


def _put_empty(path: Path, _: Random) -> None:
    path.mkdir()


def _put_file(path: Path, random: Random) -> None:
    path.write_bytes(random.choice(_TEXTS))


def _put_pipe(path: Path, _: Random) -> None:
    os.mkfifo(path)


def _put_socket(path: Path, _: Random) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))


def _put_device(path: Path, _: Random) -> None:
    os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 5))  # /dev/zero never ends


def _put_loop(path: Path, _: Random) -> None:
    path.symlink_to(path.name)


def _put_dangling(path: Path, _: Random) -> None:
    path.symlink_to("/nowhere/at/all")


def _put_link_up(path: Path, random: Random) -> None:
    path.symlink_to(random.choice((".", "..", "../..", "/proc/self", "/dev/zero", "/")))


_ENTRIES = (
    _put_file,
    _put_file,
    _put_pipe,
    _put_socket,
    _put_device,
    _put_loop,
    _put_dangling,
    _put_link_up,
)
