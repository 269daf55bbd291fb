"""Which frames are in no product, with the reason."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from vampd.model.accounts import FrameKind, NightFrames
from vampd.model.cubes import CountedBy
from vampd.model.nights import format_clock

HEADS = ("UT", "cam", "reason", "cubes", "frames")


def list_missing(frames: NightFrames) -> Sequence[tuple[str, ...]]:
    """Rows by reason and camera under HEADS, in the order of time."""
    groups = defaultdict(list)
    for item in frames.counted:
        if item.kind in (FrameKind.SET_ASIDE, FrameKind.LATE):
            groups[item.kind, item.code, item.camera].append(item)
    rows = []
    for (kind, code, camera), items in groups.items():
        times = [item.time_us for item in items if item.time_us is not None]
        certain = all(item.counted_by is CountedBy.HEADER for item in items)
        rows.append(
            (
                min(times, default=None),
                camera,
                f"late: {code}" if kind is FrameKind.LATE else code,
                f"{len(items):,}",
                f"{'' if certain else 'at least '}{sum(item.frames for item in items):,}",
            )
        )
    rows.sort(key=lambda row: (row[0] is None, row[0] or 0, row[1:]))
    return [
        ("?" if time is None else format_clock(time, 0), str(camera), *words)
        for time, camera, *words in rows
    ]
