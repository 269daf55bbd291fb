"""Space on a file system: what is free, and what a plan will take."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from vampd.model.plan import (
    Action,
    CommitGeneration,
    LinkSetAside,
    Pack,
    RebuildFramelists,
    Send,
    TakeOver,
    WriteFramelist,
    WriteText,
)
from vampd.model.size import format_size

# A product's four hundred cards of 80 characters, rounded up generously, whatever its frames take.
_HEADER_BYTES = 1 << 16
# A framelist's cards and references to frames, likewise; seven times of each frame come on top, of
# 8 bytes each in base64 if nothing compresses them.
_FRAMELIST_BYTES, _TIMES_BYTES = 1 << 16, 76
# A generation's lines for a raw cube or a product.
_ENTRY_BYTES = 1 << 11
# Timing has a row of some hundred characters per frame; a sidecar also has notes on its origin.
_ROW_BYTES, _NOTES_BYTES = 128, 1 << 14


@dataclass(frozen=True)
class Space:
    """A file system: bytes free to unprivileged users, bytes in all, and free names (inodes).

    ``free_names`` is None if the file system has no such limit.
    """

    free_bytes: int
    all_bytes: int
    free_names: int | None = None


@dataclass(frozen=True)
class Need:
    """What actions will take."""

    bytes: int = 0
    names: int = 0

    def __add__(self, other: Need) -> Need:
        return Need(self.bytes + other.bytes, self.names + other.names)


def need_here(actions: Iterable[Action], packed_part: float) -> Need:
    """What these take on this disk; ``packed_part`` is packed bytes of pixels by raw bytes."""
    return sum((_need_of(action, packed_part) for action in actions), Need())


def need_there(actions: Iterable[Action], sizes: Mapping[str, int]) -> Need:
    """What these take on the archive host, by the sizes of the files that they send."""
    files = [path for action in actions if isinstance(action, Send) for path in action.files]
    return Need(sum(sizes.get(path, 0) for path in files), len(files))


def _need_of(action: Action, packed_part: float) -> Need:
    match action:
        case CommitGeneration(generation):
            entries = len(generation.cubes) + len(generation.products) + len(generation.set_aside)
            return Need(entries * _ENTRY_BYTES, 1)
        case WriteFramelist(product):
            return Need(_FRAMELIST_BYTES + product.frames * _TIMES_BYTES, 1)
        case RebuildFramelists(products):
            times = sum(product.frames for product in products) * _TIMES_BYTES
            return Need(len(products) * _FRAMELIST_BYTES + times, len(products))
        case WriteText(text=text):
            return Need(4 * len(text), 1)
        case LinkSetAside():
            return Need(0, 1)
        case Pack():
            rows = action.frames * _ROW_BYTES + _NOTES_BYTES
            return Need(round(action.bytes * packed_part) + _HEADER_BYTES + rows, 2)
        case TakeOver():
            return Need(round(action.bytes * packed_part), 1 if action.bytes else 0)
        case _:
            return Need()


def find_shortage(space: Space, need: Need, reserve_bytes: int) -> str | None:
    """What is missing, for people; None if there is enough and the reserve stays free."""
    if need.bytes and space.free_bytes < need.bytes + reserve_bytes:
        return (
            f"{format_size(need.bytes)} are needed and {format_size(reserve_bytes)} must stay free,"
            f" {format_size(space.free_bytes)} are free"
        )
    if space.free_names is not None and space.free_names < need.names:
        return f"{need.names:,} names (inodes) are needed, {space.free_names:,} are free"
    return None


def is_low(space: Space, need: Need, warn_below: float) -> bool:
    """Whether less than this fraction of the file system is left once the need is met."""
    return space.free_bytes - need.bytes < warn_below * space.all_bytes


def spare_bytes(space: Space, reserve_bytes: int, warn_below: float) -> int:
    """What should be left when a need is met: the reserve, and this fraction of the file system."""
    return max(reserve_bytes, round(warn_below * space.all_bytes))
