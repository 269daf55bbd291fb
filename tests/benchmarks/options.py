"""What a person may choose of a benchmark, and the places where it works."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from vampd.disk.machine import space_at

IN_MEMORY = Path("/dev/shm")


@dataclass(frozen=True)
class Options:
    """``scale`` 1 is the size that the limits are meant for; ``folder`` None is TMPDIR's."""

    scale: float = 1.0
    rounds: int = 3
    folder: Path | None = None

    def count(self, full: float, least: int = 1) -> int:
        """So many of what ``full`` are at full size."""
        return max(least, round(full * self.scale))


@contextmanager
def workplace(folder: Path | None) -> Iterator[Path]:
    """A folder of a benchmark's own, which goes with all that is in it."""
    with tempfile.TemporaryDirectory(prefix="vampd-bench-", dir=folder) as name:
        yield Path(name)


def folder_in_memory(options: Options, needed_bytes: float) -> Path | None:
    """A folder where no disk is waited for, as long as it has the room; else the chosen one."""
    if IN_MEMORY.is_dir() and space_at(IN_MEMORY).free_bytes > needed_bytes:
        return IN_MEMORY
    return options.folder
