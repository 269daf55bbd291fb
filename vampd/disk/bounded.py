"""Reading a file whole, if it is no longer than such a file can honestly be."""

from __future__ import annotations

from pathlib import Path

from vampd.errors import DataError

# Of a night of ten thousand cubes, a generation has some 10 MB, and every listing less.
MOST_TEXT_BYTES = 1 << 25


def read_whole(path: Path, most_bytes: int = MOST_TEXT_BYTES) -> bytes:
    """The content of a file; DataError ``file_too_long`` beyond the limit; OSError."""
    with path.open("rb") as file:
        content = file.read(most_bytes + 1)
    if len(content) > most_bytes:
        raise DataError(
            "file_too_long",
            f"{path} has more than {most_bytes:,} bytes, which no file of its kind has; find out"
            " what wrote it, and move it away",
            path=str(path),
        )
    return content
