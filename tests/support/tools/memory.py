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
    """A folder in memory that is gone with the block, and what lies beside it too.

    ``otherwise`` where there is no room.
    """
    memory = folder_in_memory()
    if memory is None:
        yield otherwise
        return
    # What a test has killed may still write.
    with tempfile.TemporaryDirectory(
        prefix="vampd-test-", dir=memory, ignore_cleanup_errors=True
    ) as made:
        folder = Path(made) / "test"
        folder.mkdir(mode=0o700)
        # Whoever a test lets into its folder gets there.
        folder.parent.chmod(0o711)
        yield folder
