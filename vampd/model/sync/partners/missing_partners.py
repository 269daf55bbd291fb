"""Unpaired frames: those of a synchronized run that should have had a partner, and why they do not.

If a cube of the other camera was set aside, its frames would have been the partners: that is
expected, and the cube itself is counted elsewhere. The name of such a cube gives when it began, the
stream's next cube until when it lasted at most, and its header, if readable, how many frames
it held. A camera that has no usable cube at all explains nothing: the other one's frames are alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from vampd.model.cubes import RawCube, SetAside, time_in_name
from vampd.model.nights import CAMERA_STREAMS, Stream

Int64 = npt.NDArray[np.int64]

# The logger names a cube a little before its first frame, and its clock is not the framegrabber's.
_SLACK_US = 1_000_000
_COPY = "duplicate_cube"  # its frames are there


def count_unpaired(
    alone_us: Mapping[Stream, Int64], cubes: Iterable[RawCube], aside: Sequence[SetAside]
) -> int:
    """How many of these unpaired frames are not explained by a cube that was set aside.

    ``alone_us`` holds each stream's acquisition times, rising; ``cubes`` are the usable ones.
    """
    starts_us: dict[Stream, list[int]] = {stream: [] for stream in CAMERA_STREAMS}
    for cube in cubes:
        starts_us[cube.stream].append(cube.span_us[0])
    known_us = np.sort(np.array([t for times in starts_us.values() for t in times], np.int64))
    unexplained = 0
    for stream, other in zip(CAMERA_STREAMS, reversed(CAMERA_STREAMS), strict=True):
        times_us = alone_us[stream]
        explained = np.zeros(len(times_us), dtype=bool)
        if len(times_us) and starts_us[other]:
            bad = [b for b in aside if b.path.startswith(f"{other}/") and b.code != _COPY]
            for begin_us, end_us, frames in _spans(bad, starts_us[other], known_us):
                first, last = np.searchsorted(times_us, [begin_us - _SLACK_US, end_us + _SLACK_US])
                free = first + np.flatnonzero(~explained[first:last])
                explained[free if frames == 0 else free[:frames]] = True
        unexplained += int(np.count_nonzero(~explained))
    return unexplained


def _spans(
    bad: Sequence[SetAside], starts_us: Sequence[int], known_us: Int64
) -> Iterator[tuple[int, int, int]]:
    """When each of a stream's cubes began and ended at the latest, and its frames (0: unknown)."""
    named = [
        (time_in_name(cube.path, known_us), cube.frames if cube.count.is_certain else 0)
        for cube in bad
    ]
    begun = sorted((begin_us, frames) for begin_us, frames in named if begin_us is not None)
    all_us = np.sort(np.array([*starts_us, *(begin_us for begin_us, _ in begun)], np.int64))
    for begin_us, frames in begun:
        # Twins begin together; the name is a little earlier than the first frame.
        following = all_us[np.searchsorted(all_us, begin_us + _SLACK_US, side="right") :]
        end_us = int(following[0]) if len(following) else int(np.iinfo(np.int64).max) // 2
        yield begin_us, end_us, frames
