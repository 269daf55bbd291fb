"""Fails chosen calls of libc, in a program and all that it starts: what lies below Python too.

    with Shim.built(tmp_path) as shim:
        subprocess.Popen(command, env={**os.environ, **shim.environ})
        shim.arm(Call.READ, errno.EIO, site.root, skip=40, burst=2)

The shim is `errno_shim.c`, compiled here, and told what to do through a file that it maps.
"""

from __future__ import annotations

import mmap
import os
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntFlag
from pathlib import Path

_SOURCE = Path(__file__).with_suffix(".c")
# As ``struct control``.
_FIELDS = struct.Struct("iiiiii512s512s")
_CALLS, _HITS = 0, 4


class Call(IntFlag):
    """Kinds of calls, as the shim numbers them."""

    OPEN = 1
    READ = 2
    WRITE = 4
    SYNC = 8
    NAME = 16  # link, rename, unlink, mkdir, symlink
    STAT = 32
    LIST = 64
    SPACE = 128  # statvfs, and statfs as programs have it
    TIME = 256  # utimensat
    LOCK = 512  # flock
    LINK = 1024  # link alone


class Shim:
    """What fails now, for all processes that were started with ``environ``."""

    def __init__(self, library: Path, control: Path, mapped: mmap.mmap) -> None:
        self.environ = {"LD_PRELOAD": str(library), "VAMPD_TEST_FAULT": str(control)}
        self._mapped = mapped

    @classmethod
    @contextmanager
    def built(cls, folder: Path) -> Iterator[Shim]:
        """Compiled into this folder."""
        library, control = folder / "errno_shim.so", folder / "errno_shim.control"
        subprocess.run(
            ["gcc", "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", library, _SOURCE, "-ldl"],
            check=True,
        )
        control.write_bytes(bytes(_FIELDS.size))
        with control.open("r+b") as file, mmap.mmap(file.fileno(), _FIELDS.size) as mapped:
            yield cls(library, control, mapped)

    def arm(self, calls: Call, number: int, prefix: Path, *, skip: int = 0, burst: int = 1) -> None:
        """Let calls on paths that begin so fail, after ``skip`` more, ``burst`` in all."""
        self.disarm()
        hits = self.hits
        fields = (0, number, skip, burst, hits, 0, os.fsencode(prefix), b"")
        self._mapped[:] = _FIELDS.pack(*fields)
        # Last: the rest is whole then.
        struct.pack_into("i", self._mapped, _CALLS, int(calls))

    def disarm(self) -> None:
        """Let nothing fail any more."""
        struct.pack_into("i", self._mapped, _CALLS, 0)

    @property
    def hits(self) -> int:
        """How many calls have failed so far."""
        return int(_FIELDS.unpack(self._mapped[:])[_HITS])

    @property
    def last(self) -> str:
        """Kind and path of the last call that failed since it was armed."""
        text: bytes = _FIELDS.unpack(self._mapped[:])[-1]
        return os.fsdecode(text.partition(b"\0")[0])
