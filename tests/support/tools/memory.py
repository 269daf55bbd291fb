"""Files in memory: where only processes are killed, nothing is lost that fsync would have saved."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_MEMORY = Path("/dev/shm")
# A container may have 64 MB there; vampd, which looks at the room, wants more for any night.
_ENOUGH_BYTES = 2**31


@contextmanager
def in_memory(otherwise: Path) -> Iterator[Path]:
    """A folder in memory that is gone with the block; ``otherwise`` where there is no room."""
    if not _MEMORY.is_dir() or shutil.disk_usage(_MEMORY).free < _ENOUGH_BYTES:
        yield otherwise
        return
    with tempfile.TemporaryDirectory(prefix="vampd-test-", dir=_MEMORY) as made:
        yield Path(made)
