"""What became of a night's frames at sync, in sums that are kept with the night."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields


@dataclass(frozen=True)
class SyncSums:
    """Numbers of frames; how many are in ``aside_cubes``, the cubes set aside, may be unknown.

    ``unpaired`` of the ``paired`` and themselves should have a partner and have none; ``dubious``
    of the ``labeled`` have no certain FLC state.
    """

    raw: int = 0
    aside: int = 0
    aside_cubes: int = 0
    paired: int = 0
    unpaired: int = 0
    labeled: int = 0
    dubious: int = 0

    @property
    def aside_part(self) -> float:
        """The fraction of the raw frames that is set aside."""
        return self.aside / self.raw if self.raw else 0.0

    @property
    def unpaired_part(self) -> float:
        """The fraction without a partner of the frames that should have one."""
        return self.unpaired / (self.paired + self.unpaired) if self.unpaired else 0.0

    @property
    def dubious_part(self) -> float:
        """The fraction without a certain FLC state of the frames that should have one."""
        return self.dubious / self.labeled if self.labeled else 0.0


def write_sync_sums(sums: SyncSums) -> str:
    """The sums as the database keeps them: a JSON object."""
    return json.dumps(asdict(sums), separators=(",", ":"))


def read_sync_sums(text: str | None) -> SyncSums | None:
    """The sums; None if sync has not ended since they are kept, or the text is none of vampd's."""
    if not text:
        return None
    try:
        found = json.loads(text)
        values = [found[field.name] for field in fields(SyncSums)]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    is_sound = all(type(value) is int and value >= 0 for value in values)
    return SyncSums(*values) if is_sound else None
