"""Files in memory: where only processes are killed, nothing is lost that fsync would have saved."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_MEMORY = Path("/dev/shm")
# A container may have 64 MB there; vampd, which looks at the room, wants more for any night.
_ENOUGH_BYTES = 2**31


def folder_in_memory() -> Path | None:
    """Where temporary folders may be made in memory; None where there is no room, as for `dir=`."""
    if not _MEMORY.is_dir() or shutil.disk_usage(_MEMORY).free < _ENOUGH_BYTES:
        return None
    return _MEMORY


@contextmanager
def in_memory(otherwise: Path) -> Iterator[Path]:
    """A folder in memory that is gone with the block; ``otherwise`` where there is no room."""
    memory = folder_in_memory()
    if memory is None:
        yield otherwise
        return
    # What a test has killed may still write.
    with tempfile.TemporaryDirectory(
        prefix="vampd-test-", dir=memory, ignore_cleanup_errors=True
    ) as made:
        yield Path(made)
