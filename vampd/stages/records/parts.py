"""The parts in which files are read and sent, so that one that fails does not cost the others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from vampd.model.nights import FileStamp

BATCH_FILES = 64
BATCH_BYTES = 8_000_000_000
# Worth the programs that send it and read it there, which take some tenths of a second.
PART_BYTES = 256_000_000
_MOST_PARTS = 100


def batches(paths: Sequence[str], files: Mapping[str, FileStamp]) -> Iterator[tuple[str, ...]]:
    """Cut into batches: the success of one survives the failure of the next."""
    batch: list[str] = []
    bytes_in_batch = 0
    for path in paths:
        size = files[path].size
        if batch and (len(batch) == BATCH_FILES or bytes_in_batch + size > BATCH_BYTES):
            yield tuple(batch)
            batch, bytes_in_batch = [], 0
        batch.append(path)
        bytes_in_batch += size
    if batch:
        yield tuple(batch)


def cut_parts(
    paths: Sequence[str], files: Mapping[str, FileStamp], part_bytes: int = PART_BYTES
) -> Iterator[tuple[str, ...]]:
    """Cut into parts of so many bytes or a few more, or of a hundredth of all.

    The first one is half as large: two that send at once would otherwise end together each time,
    and nothing would travel while both begin. The last ones have a quarter: what arrives last is
    read when nothing travels. None has more than a batch.
    """
    left_bytes = sum(files[path].size for path in paths)
    most_bytes = max(part_bytes, left_bytes // _MOST_PARTS)
    goal_bytes, part, size = most_bytes // 2, list[str](), 0
    for path in paths:
        following = files[path].size
        is_full = len(part) == BATCH_FILES or size + following > BATCH_BYTES
        if part and (is_full or size >= goal_bytes):
            yield tuple(part)
            left_bytes -= size
            goal_bytes = min(most_bytes, max(left_bytes, most_bytes) // 4)
            part, size = [], 0
        part.append(path)
        size += following
    if part:
        yield tuple(part)
